"""Where the next record goes.

Job: give drafts their place behind a head, and give the head behind them.

Invariants
  I1  `seq` counts from 0 without a gap, `stream_seq` from 1; each names its predecessor.
  I2  Order is the order given, never a time: equal or backward times change nothing.
  I3  The head after a group equals the head after its records one by one.

Not here: locks, leases and transactions (storage.journal).
Source: design rule "predecessor by sequence number".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from counterseal.audit.merkle import EMPTY_ROOT, ZERO_HASH, Frontier, leaf_hash
from counterseal.audit.record import ClockReading, StoredRow, seal
from counterseal.kernel.clock import utc_text


class StreamHead(NamedTuple):
    """End of one stream: its last `stream_seq` (0 = none yet) and that record's leaf hash."""

    stream_seq: int = 0
    last_leaf: bytes = ZERO_HASH


@dataclass(frozen=True, slots=True)
class Head:
    """End of the log.

    Attributes:
        size: Number of records; the next `seq`.
        last_leaf: Leaf hash of the last record, `ZERO_HASH` for none.
        peaks: Roots of the perfect subtrees, largest first.
        root: Root of all records.
    """

    size: int = 0
    last_leaf: bytes = ZERO_HASH
    peaks: tuple[bytes, ...] = ()
    root: bytes = EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Extension:
    """What one commit adds.

    Attributes:
        rows: New rows in order.
        head: The head behind them.
        stream_heads: New heads of the streams that were touched, and of no other.
    """

    rows: tuple[StoredRow, ...]
    head: Head
    stream_heads: Mapping[str, StreamHead]


def extend(
    head: Head,
    stream_heads: Mapping[str, StreamHead],
    drafts: Iterable[Mapping[str, object]],
    *,
    origin: str,
    recorded_at: datetime,
    clock: ClockReading,
) -> Extension:
    """Place a group of drafts behind a head, all recorded at one UTC instant.

    Args:
        head: The head as read inside the lock.
        stream_heads: Heads of at least the streams named by the drafts; an absent one starts at 1.
        drafts: Checked drafts (`record.draft_bytes`) in the order of the outbox.
        origin: The log's name.
        recorded_at: Time read inside the lock.
        clock: Quality of that time.

    Raises:
        InputError: as `record.seal`; nothing is placed then.
    """
    frontier = Frontier(head.size, head.peaks)
    last_leaf = head.last_leaf
    touched: dict[str, StreamHead] = {}
    rows: list[StoredRow] = []
    for draft in drafts:
        stream = str(draft.get("stream"))
        before = touched.get(stream) or stream_heads.get(stream) or StreamHead()
        row = _placed(
            draft, frontier.size, last_leaf, before, origin=origin, at=recorded_at, clock=clock
        )
        last_leaf = bytes.fromhex(row.leaf_hash)
        frontier.append(last_leaf)
        touched[stream] = StreamHead(before.stream_seq + 1, last_leaf)
        rows.append(row)
    after = Head(frontier.size, last_leaf, frontier.peaks, frontier.root())
    return Extension(tuple(rows), after, touched)


def _placed(
    draft: Mapping[str, object],
    seq: int,
    prev: bytes,
    stream_head: StreamHead,
    *,
    origin: str,
    at: datetime,
    clock: ClockReading,
) -> StoredRow:
    body = seal(
        draft,
        origin=origin,
        seq=seq,
        prev=prev,
        stream_seq=stream_head.stream_seq + 1,
        stream_prev=stream_head.last_leaf,
        recorded_at=at,
        clock=clock,
    )
    return StoredRow(
        seq=seq,
        prev=prev.hex(),
        stream=str(draft["stream"]),
        stream_seq=stream_head.stream_seq + 1,
        stream_prev=stream_head.last_leaf.hex(),
        event_id=str(draft["event_id"]),
        type=str(draft["type"]),
        occurred_at=str(draft["occurred_at"]),
        recorded_at=utc_text(at),
        leaf_hash=leaf_hash(body).hex(),
        body=body,
    )
