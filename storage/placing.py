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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import orjson
from sqlalchemy import Connection, Row, func, insert, select, text, update

from counterseal.audit.chain import Head, extend
from counterseal.audit.drafts import WaitingDraft, read_draft
from counterseal.audit.merkle import leaf_hash
from counterseal.audit.rollback import ROLLED_BACK, Rollback
from counterseal.kernel.clock import Clock, parse_utc
from counterseal.kernel.errors import IntegrityError
from storage.dialects import insert_records, stream_heads
from storage.lease import Lease, check_held
from storage.tables import table
from storage.tiles import complete_tiles
from storage.unit_of_work import bound_draft

GROUP_MAX: Final = 4_096
"""Most records that one commit places and one checkpoint covers."""
GROUP_BYTES_MAX: Final = 16 * 2**20
"""A group that holds so much takes no more."""
_ROWS_AT_ONCE: Final = 512
_STREAMED: Final = {"stream_results": True}
_ALL: Final = 2**63 - 1

_SEAT: Final = "(SELECT r.seq FROM audit_records r WHERE r.event_id = o.event_id)"
"""A subquery and no join, so that no planner ever reads the log from end to end."""
_WAITING: Final = text(
    f"SELECT o.event_id, o.draft, o.digest, {_SEAT} FROM audit_outbox o"  # noqa: S608 - own words
    " ORDER BY o.position LIMIT :most"
)
_CHECKPOINT: Final = text(
    "INSERT INTO audit_checkpoints (size, number, note)"
    " SELECT CAST(:size AS BIGINT), COALESCE(MAX(number), 0) + 1, CAST(:note AS TEXT)"
    " FROM audit_checkpoints"
)
_COVERED: Final = text(
    "DELETE FROM audit_outbox WHERE event_id IN"
    " (SELECT event_id FROM audit_records WHERE seq >= :signed AND seq < :size)"
)
_LEAVES: Final = text("SELECT body, leaf_hash FROM audit_records WHERE seq >= :start ORDER BY seq")


class HeadRow(NamedTuple):
    """The row of the head: where the log ends, whose it is and who leads."""

    origin: str
    head: Head
    lease: Lease


class Waiting(NamedTuple):
    """Drafts that have no place yet, and whether more may wait behind them."""

    drafts: Sequence[WaitingDraft]
    more: bool


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


def waiting(connection: Connection, draft_key: bytes, signed: int) -> Waiting:
    """The next group.

    Args:
        connection: With the writer's lock.
        draft_key: Under which drafts were bound.
        signed: Size of the newest checkpoint: what lies behind it keeps its draft.

    Raises:
        IntegrityError: `OUTBOX_DIFFERS` when a draft is not as it was recorded, or waits although a
            checkpoint covers its record.
    """
    drafts: list[WaitingDraft] = []
    rows = size = 0
    with connection.execute(_WAITING, {"most": GROUP_MAX}, execution_options=_STREAMED) as result:
        for part in result.partitions(_ROWS_AT_ONCE):
            drafts += _unplaced(part, draft_key, signed)
            rows += len(part)
            size += sum(len(row[1]) for row in part)
            if size >= GROUP_BYTES_MAX:
                break
    return Waiting(drafts, more=rows == GROUP_MAX or size >= GROUP_BYTES_MAX)


def declaration(
    connection: Connection, found: HeadRow, origin: str, draft_key: bytes, signed: int
) -> Waiting:
    """The draft by which the log goes on under another name; it goes before all that waits.

    Raises:
        IntegrityError: `ORIGIN_DIFFERS` when none waits that leads from the one name to the other;
            those of `waiting`.
    """
    rows = connection.execute(_WAITING, {"most": _ALL})
    for draft in _unplaced(rows, draft_key, signed):
        if draft.type == ROLLED_BACK and _stated_names(draft) == (found.origin, origin):
            return Waiting([draft], more=True)
    raise IntegrityError(
        "ORIGIN_DIFFERS",
        "this database is of another log, or of one that went on under another name",
        expected=origin,
        got=found.origin,
    )


def _stated_names(draft: WaitingDraft) -> tuple[object, object]:
    stated = orjson.loads(draft.content)["after"]["documents"][Rollback.KIND][0]
    return stated["old_origin"], stated["origin"]


def _unplaced(
    rows: Iterable[Row[tuple[str, bytes, str, int | None]]], draft_key: bytes, signed: int
) -> Iterator[WaitingDraft]:
    for event_id, content, told, seq in rows:
        if seq is None:
            yield _as_recorded(draft_key, event_id, content, told)
        elif seq < signed:
            raise IntegrityError("OUTBOX_DIFFERS", "the log holds this draft", got=event_id)


def _as_recorded(draft_key: bytes, event_id: str, content: bytes, told: str) -> WaitingDraft:
    if hmac.compare_digest(bound_draft(draft_key, content), told):
        draft = read_draft(content)
        if draft.event_id == event_id:
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
        InputError: as `audit.chain.extend`.
    """
    drafts = group.drafts
    newest = max(draft.occurred_at for draft in drafts)
    added = extend(
        found.head,
        stream_heads(connection, {draft.stream for draft in drafts}),
        drafts,
        origin=origin,
        recorded_at=max(clock.now(), parse_utc(newest)),
        clock={"source": clock.source, "max_error_us": clock.max_error_us},
    )
    insert_records(connection, added.rows)
    _move(connection, found, {"origin": origin, **_cells(added.head), **lease.cells()})


def lead(connection: Connection, found: HeadRow, lease: Lease) -> None:
    """Tell who leads, without placing anything.

    Raises:
        IntegrityError: `HEAD_MOVED`.
    """
    _move(connection, found, lease.cells())


def store_checkpoint(
    connection: Connection, size: int, note: str, lease: Lease, fresh: Sequence[bytes]
) -> None:
    """Store a signed note and the tiles that it covers, and forget its drafts.

    Args:
        connection: With the writer's lock.
        size: The size that the note signs.
        note: The signed checkpoint.
        lease: Under which the caller leads.
        fresh: Leaf hashes of the last records of that size, as they were read back.

    Raises:
        AdapterError: `LEASE_LOST` (retriable) when another journal leads by now.
    """
    check_held(read_head(connection).lease, lease)
    signed = signed_size(connection)
    connection.execute(_CHECKPOINT, {"size": size, "note": note})
    complete_tiles(connection, size, fresh)
    connection.execute(_COVERED, {"signed": signed, "size": size})


def signed_size(connection: Connection) -> int:
    """Size of the newest stored checkpoint; 0 without any."""
    return connection.scalar(select(func.max(table("audit_checkpoints").c.size))) or 0


def leaves(connection: Connection, start: int) -> Iterator[bytes]:
    """Leaf hashes of the stored bytes from a sequence number on.

    A purged record has no bytes any more; its stored hash stands in, and is right when the tree has
    the signed root.
    """
    rows = connection.execute(_LEAVES, {"start": start}, execution_options=_STREAMED)
    for part in rows.partitions(_ROWS_AT_ONCE):
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
