"""The sequencer: from the outbox into the log, under a signed checkpoint.

Job: place drafts behind the head, read them back, have the guard sign, then forget the outbox.

Invariants
  I1  Order is the order of the outbox; the predecessor is found by `seq`, never by a time.
  I2  The root is recomputed from bytes read back on another connection before it is signed.
  I3  A crash loses nothing: rows without a checkpoint are read back and signed at the next seal.
  I4  A draft is placed as it was recorded, once, or nothing is placed.
  I5  One sequencer at a time: a file lock, and a fence on the head row.

Not here: what a record says (audit.record), who may sign (audit.signer).
Source: audit-log part 3.
"""

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import orjson
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from counterseal.audit.chain import Extension, Head, StreamHead, extend
from counterseal.audit.merkle import Tree, leaf_hash
from counterseal.kernel.canonical import sha256_hex
from counterseal.kernel.clock import Clock, parse_utc
from counterseal.kernel.errors import AdapterError, IntegrityError
from storage.signers import EmbeddedSigner
from storage.tables import table
from storage.unit_of_work import translated_errors

GROUP_MAX = 1_000
"""Most records that one commit places."""


class AfterStep(Protocol):
    """Called after each durable step; crash tests kill here."""

    def __call__(self, step: str) -> None:
        """Step by name."""


def no_observer(step: str) -> None:
    """Observe nothing."""


class Journal:
    """The sequencer of one log.

    Args:
        writer, reader: Engines of the same database.
        signer: The guard.
        clock: Tells `recorded_at`, inside the lock.
        lock_path: File that only one sequencer holds.
        after_step: Observer of durable steps.
    """

    def __init__(
        self,
        *,
        writer: Engine,
        reader: Engine,
        signer: EmbeddedSigner,
        clock: Clock,
        lock_path: Path,
        after_step: AfterStep = no_observer,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._signer = signer
        self._clock = clock
        self._lock_path = lock_path
        self._after_step = after_step
        self._tree = Tree()

    def seal(self) -> int:
        """Append everything in the outbox and sign a checkpoint over it.

        Returns:
            The size that the newest signed checkpoint covers.

        Raises:
            IntegrityError: `OUTBOX_DIFFERS`, `READ_BACK_DIFFERS`, `HEAD_MOVED`, or the
                guard's refusal.
            AdapterError: when the database or the signer's memory fails.
        """
        with translated_errors(), self._only_sequencer():
            placed = GROUP_MAX
            while placed == GROUP_MAX:
                placed = self._place()
                if placed:
                    self._after_step("placed")
            return self._sign()

    @contextmanager
    def _only_sequencer(self) -> Iterator[None]:
        try:
            file = self._lock_path.open("a")
        except OSError as error:
            raise AdapterError("LOCK_UNAVAILABLE", str(error), got=self._lock_path) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _place(self) -> int:
        with self._writer.begin() as connection:
            _check_placed(connection)
            waiting = _waiting(connection)
            if waiting:
                drafts = [_as_recorded(row) for row in waiting]
                self._append(connection, drafts, [row.position for row in waiting])
            return len(waiting)

    def _append(
        self,
        connection: Connection,
        drafts: Sequence[Mapping[str, object]],
        positions: Sequence[int],
    ) -> None:
        head = _head(connection)
        recorded_at = max(self._clock.now(), *(parse_utc(d["occurred_at"]) for d in drafts))
        added = extend(
            head,
            _stream_heads(connection, {str(d["stream"]) for d in drafts}),
            drafts,
            origin=self._signer.key.name,
            recorded_at=recorded_at,
            clock={"source": self._clock.source, "max_error_us": self._clock.max_error_us},
        )
        connection.execute(insert(table("audit_records")), [row._asdict() for row in added.rows])
        outbox = table("audit_outbox")
        for position, row in zip(positions, added.rows, strict=True):
            connection.execute(
                update(outbox).where(outbox.c.position == position).values(seq=row.seq)
            )
        _move_head(connection, head, added)

    def _sign(self) -> int:
        with self._reader.connect() as connection:
            head = _head(connection)
            signed = connection.execute(
                select(func.max(table("audit_checkpoints").c.size))
            ).scalar_one_or_none()
            if head.size == (signed or 0):
                return head.size
            self._read_back(connection, head)
        remembered = self._signer.remembered_size()
        proof = self._tree.consistency_path(remembered) if 0 < remembered <= head.size else ()
        note = self._signer.sign_checkpoint(self._signer.key.name, head.size, head.root, proof)
        self._after_step("signed")
        with self._writer.begin() as connection:
            connection.execute(
                insert(table("audit_checkpoints")), {"size": head.size, "note": note}
            )
            outbox = table("audit_outbox")
            connection.execute(delete(outbox).where(outbox.c.seq < head.size))
        self._after_step("checkpointed")
        return head.size

    def _read_back(self, connection: Connection, head: Head) -> None:
        """Recompute leaves from stored bytes, so that a flipped bit is never signed.

        Raises:
            IntegrityError: `READ_BACK_DIFFERS`.
        """
        if self._tree.size > head.size:
            self._tree = Tree()
        records = table("audit_records")
        rows = connection.execute(
            select(records.c.body).where(records.c.seq >= self._tree.size).order_by(records.c.seq)
        )
        for (body,) in rows:
            self._tree.append(leaf_hash(body))
        if self._tree.size != head.size or self._tree.root() != head.root:
            self._tree = Tree()
            raise IntegrityError(
                "READ_BACK_DIFFERS",
                "the stored bytes do not give the head's root; nothing was signed",
                expected=head.root.hex(),
            )


def _waiting(connection: Connection) -> Sequence[Row[tuple[int, str, bytes, str]]]:
    outbox = table("audit_outbox")
    query = select(outbox.c.position, outbox.c.event_id, outbox.c.draft, outbox.c.digest).where(
        outbox.c.seq.is_(None)
    )
    return connection.execute(query.order_by(outbox.c.position).limit(GROUP_MAX)).all()


def _as_recorded(row: Row[tuple[int, str, bytes, str]]) -> Mapping[str, object]:
    _, event_id, content, told = row
    if sha256_hex(content) == told:
        draft: Mapping[str, object] = orjson.loads(content)
        if draft["event_id"] == event_id:
            return draft
    raise IntegrityError("OUTBOX_DIFFERS", "a draft is not as it was recorded", got=event_id)


def _check_placed(connection: Connection) -> None:
    """A row says that it is placed exactly when the log holds its event there.

    Raises:
        IntegrityError: `OUTBOX_DIFFERS`.
    """
    outbox, records = table("audit_outbox"), table("audit_records")
    query = (
        select(outbox.c.event_id)
        .outerjoin(records, records.c.event_id == outbox.c.event_id)
        .where(outbox.c.seq.is_distinct_from(records.c.seq))
    )
    found = connection.execute(query).first()
    if found is not None:
        raise IntegrityError("OUTBOX_DIFFERS", "a draft's place is not its own", got=found[0])


def _head(connection: Connection) -> Head:
    row = connection.execute(select(table("audit_head"))).mappings().one()
    return Head(
        size=row["size"],
        last_leaf=bytes.fromhex(row["last_leaf"]),
        peaks=tuple(bytes.fromhex(peak) for peak in orjson.loads(row["peaks"])),
        root=bytes.fromhex(row["root"]),
    )


def head_cells(origin: str, head: Head) -> dict[str, str | int]:
    """The head row of a head."""
    return {
        "origin": origin,
        "size": head.size,
        "last_leaf": head.last_leaf.hex(),
        "peaks": orjson.dumps([peak.hex() for peak in head.peaks]).decode(),
        "root": head.root.hex(),
    }


def _move_head(connection: Connection, old: Head, added: Extension) -> None:
    head = table("audit_head")
    cells = {k: v for k, v in head_cells("", added.head).items() if k != "origin"}
    moved = connection.execute(
        update(head)
        .where(head.c.size == old.size, head.c.last_leaf == old.last_leaf.hex())
        .values(cells)
    )
    if moved.rowcount != 1:
        raise IntegrityError("HEAD_MOVED", "another sequencer moved the head", got=old.size)


def _stream_heads(connection: Connection, streams: set[str]) -> dict[str, StreamHead]:
    records = table("audit_records")
    heads: dict[str, StreamHead] = {}
    for stream in streams:
        row = connection.execute(
            select(records.c.stream_seq, records.c.leaf_hash)
            .where(records.c.stream == stream)
            .order_by(records.c.stream_seq.desc())
            .limit(1)
        ).one_or_none()
        if row is not None:
            heads[stream] = StreamHead(row.stream_seq, bytes.fromhex(row.leaf_hash))
    return heads
