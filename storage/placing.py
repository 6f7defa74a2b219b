"""From the outbox behind the head, in one transaction.

Job: read what waits, give it its place, and move the head.

Invariants
  I1  Order is the order of the outbox; the predecessor is found by `seq`, never by a time.
  I2  A draft is placed as it was recorded, once, or nothing is placed.
  I3  A group costs the same however long the log is and however much waits behind it.

Not here: signing (journal), what a record says (audit.record), who leads (lease).
Source: audit-log part 3.
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, cast

import orjson
from sqlalchemy import Connection, insert, select, update

from counterseal.audit.chain import Head, StreamHead, extend
from counterseal.audit.merkle import leaf_hash
from counterseal.audit.record import read_draft
from counterseal.audit.rollback import ROLLED_BACK, Rollback
from counterseal.kernel.clock import Clock, parse_utc
from counterseal.kernel.errors import IntegrityError
from storage.lease import Lease, check_held
from storage.tables import table
from storage.unit_of_work import bound_draft

GROUP_MAX: Final = 1_000
"""Most records that one commit places and one checkpoint covers."""

Draft = Mapping[str, object]
_INSERT: Final = (
    "INSERT INTO audit_records (seq, prev, stream, stream_seq, stream_prev, event_id, type,"
    " occurred_at, recorded_at, leaf_hash, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
"""Cells in the order of `StoredRow`."""
_WAITING: Final = (
    "SELECT o.position, o.event_id, o.draft, o.digest, r.seq FROM audit_outbox o"
    " LEFT JOIN audit_records r ON r.event_id = o.event_id"
    " WHERE o.seq IS NULL ORDER BY o.position LIMIT ?"
)
_MISPLACED: Final = (
    "SELECT o.event_id FROM audit_outbox o LEFT JOIN audit_records r ON r.event_id = o.event_id"
    " WHERE o.seq IS NOT NULL AND o.seq IS NOT r.seq LIMIT 1"
)
_DECLARATION: Final = (
    "SELECT position, event_id, draft, digest, NULL FROM audit_outbox WHERE seq IS NULL"
    " AND json_extract(CAST(draft AS TEXT), '$.type') = ? LIMIT 1"
)
_CHECKPOINT: Final = (
    "INSERT INTO audit_checkpoints (size, number, note)"
    " SELECT ?1, COALESCE(MAX(number), 0) + 1, ?2 FROM audit_checkpoints"
)
_PLACED: Final = "UPDATE audit_outbox SET seq = ? WHERE position = ?"
_STREAM_HEADS: Final = (
    "SELECT s.value, r.stream_seq, r.leaf_hash FROM json_each(?) s JOIN audit_records r"
    " ON r.stream = s.value AND r.stream_seq ="
    " (SELECT MAX(stream_seq) FROM audit_records WHERE stream = s.value)"
)


class HeadRow(NamedTuple):
    """The row of the head: where the log ends, whose it is and who leads."""

    origin: str
    head: Head
    lease: Lease


class Waiting(NamedTuple):
    """Drafts that have no place yet, and their positions in the outbox."""

    positions: Sequence[int]
    drafts: Sequence[Draft]


def read_head(connection: Connection) -> HeadRow:
    """The head as this transaction sees it."""
    row = connection.execute(select(table("audit_head"))).mappings().one()
    return HeadRow(
        row["origin"],
        Head(
            size=row["size"],
            last_leaf=bytes.fromhex(row["last_leaf"]),
            peaks=tuple(bytes.fromhex(peak) for peak in orjson.loads(row["peaks"])),
            root=bytes.fromhex(row["root"]),
        ),
        Lease(row["lease_owner"], row["lease_epoch"], row["lease_until"]),
    )


def create_head(connection: Connection, origin: str) -> None:
    """The head of an empty log, which nobody has led."""
    cells = {"origin": origin, **_cells(Head()), **Lease().cells()}
    connection.execute(insert(table("audit_head")), cells)


def waiting(connection: Connection, draft_key: bytes) -> Waiting:
    """The next group.

    Raises:
        IntegrityError: `OUTBOX_DIFFERS` when a draft is not as it was recorded, or says that it has
            a place exactly when the log does not hold it there.
    """
    misplaced = connection.exec_driver_sql(_MISPLACED).first()
    if misplaced is not None:
        raise IntegrityError("OUTBOX_DIFFERS", "a draft's place is not its own", got=misplaced[0])
    rows = connection.exec_driver_sql(_WAITING, (GROUP_MAX,)).all()
    drafts = [_as_recorded(draft_key, *row[1:]) for row in rows]
    return Waiting([row[0] for row in rows], drafts)


def declaration(connection: Connection, found: HeadRow, origin: str, draft_key: bytes) -> Waiting:
    """The draft by which the log goes on under another name; it goes before all that waits.

    Raises:
        IntegrityError: `ORIGIN_DIFFERS` when none waits that leads from the one name to the other.
    """
    row = connection.exec_driver_sql(_DECLARATION, (ROLLED_BACK,)).first()
    if row is not None:
        draft = _as_recorded(draft_key, *row[1:])
        if _stated_names(draft) == (found.origin, origin):
            return Waiting([row[0]], [draft])
    raise IntegrityError(
        "ORIGIN_DIFFERS",
        "this database is of another log, or of one that went on under another name",
        expected=origin,
        got=found.origin,
    )


def _stated_names(draft: Draft) -> tuple[object, object]:
    after = cast("Mapping[str, Mapping[str, Sequence[Mapping[str, object]]]]", draft["after"])
    stated = after["documents"][Rollback.KIND][0]
    return stated["old_origin"], stated["origin"]


def _as_recorded(
    draft_key: bytes, event_id: str, content: bytes, told: str, seq: int | None
) -> Draft:
    if seq is not None:
        raise IntegrityError("OUTBOX_DIFFERS", "a draft's place is not its own", got=event_id)
    if hmac.compare_digest(bound_draft(draft_key, content), told):
        draft = read_draft(content)
        if draft["event_id"] == event_id:
            return draft
    raise IntegrityError("OUTBOX_DIFFERS", "a draft is not as it was recorded", got=event_id)


def place(
    connection: Connection,
    found: HeadRow,
    group: Waiting,
    lease: Lease,
    clock: Clock,
    origin: str,
) -> None:
    """Append a group behind the head and move it, all in the caller's transaction.

    Args:
        connection: With the writer's lock.
        found: The head as read in this transaction.
        group: At least one draft.
        lease: Under which the caller leads.
        clock: Read here, inside the lock.
        origin: The log's name, the head's own but for the first record after a rollback.

    Raises:
        IntegrityError: `HEAD_MOVED`.
        InputError: as `audit.record.seal`.
    """
    drafts = group.drafts
    newest = max(str(draft["occurred_at"]) for draft in drafts)
    added = extend(
        found.head,
        _stream_heads(connection, {str(draft["stream"]) for draft in drafts}),
        drafts,
        origin=origin,
        recorded_at=max(clock.now(), parse_utc(newest)),
        clock={"source": clock.source, "max_error_us": clock.max_error_us},
    )
    connection.exec_driver_sql(_INSERT, list(added.rows))
    seats = zip(added.rows, group.positions, strict=True)
    connection.exec_driver_sql(_PLACED, [(row.seq, position) for row, position in seats])
    _move(connection, found, {"origin": origin, **_cells(added.head), **lease.cells()})


def lead(connection: Connection, found: HeadRow, lease: Lease) -> None:
    """Tell who leads, without placing anything.

    Raises:
        IntegrityError: `HEAD_MOVED`.
    """
    _move(connection, found, lease.cells())


def store_checkpoint(connection: Connection, size: int, note: str, lease: Lease) -> None:
    """Store a signed note, and forget the drafts that it covers.

    Raises:
        AdapterError: `LEASE_LOST` (retriable) when another journal leads by now.
    """
    check_held(read_head(connection).lease, lease)
    connection.exec_driver_sql(_CHECKPOINT, (size, note))
    connection.exec_driver_sql("DELETE FROM audit_outbox WHERE seq < ?", (size,))


def signed_size(connection: Connection) -> int:
    """Size of the newest stored checkpoint; 0 without any."""
    found = connection.exec_driver_sql("SELECT MAX(size) FROM audit_checkpoints").scalar_one()
    return found or 0


def leaves(connection: Connection, start: int) -> Iterator[bytes]:
    """Leaf hashes of the stored bytes from a sequence number on.

    A purged record has no bytes any more; its stored hash stands in, and is right when the tree has
    the signed root.
    """
    rows = connection.exec_driver_sql(
        "SELECT body, leaf_hash FROM audit_records WHERE seq >= ? ORDER BY seq", (start,)
    )
    for part in rows.partitions(GROUP_MAX):
        yield from (leaf_hash(body) if body else bytes.fromhex(told) for body, told in part)


def _cells(head: Head) -> dict[str, str | int]:
    return {
        "size": head.size,
        "last_leaf": head.last_leaf.hex(),
        "peaks": orjson.dumps([peak.hex() for peak in head.peaks]).decode(),
        "root": head.root.hex(),
    }


def _move(connection: Connection, found: HeadRow, cells: Mapping[str, str | int]) -> None:
    head, old = table("audit_head"), found.head
    moved = connection.execute(
        update(head)
        .where(head.c.origin == found.origin)
        .where(head.c.size == old.size, head.c.last_leaf == old.last_leaf.hex())
        .where(head.c.lease_epoch == found.lease.number)
        .values(cells)
    )
    if moved.rowcount != 1:
        raise IntegrityError("HEAD_MOVED", "another sequencer moved the head", got=old.size)


def _stream_heads(connection: Connection, streams: set[str]) -> dict[str, StreamHead]:
    told = orjson.dumps(sorted(streams)).decode()
    rows = connection.exec_driver_sql(_STREAM_HEADS, (told,))
    return {stream: StreamHead(seq, bytes.fromhex(leaf)) for stream, seq, leaf in rows}
