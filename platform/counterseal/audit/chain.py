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
    leaves = [head.last_leaf]
    touched: dict[str, StreamHead] = {}
    rows: list[StoredRow] = []
    recorded_text = utc_text(recorded_at)
    for seq, draft in enumerate(drafts, head.size):
        stream = str(draft.get("stream"))
        before = touched.get(stream) or stream_heads.get(stream) or StreamHead()
        body = seal(
            draft,
            origin=origin,
            seq=seq,
            prev=leaves[-1],
            stream_seq=before.stream_seq + 1,
            stream_prev=before.last_leaf,
            recorded_at=recorded_at,
            clock=clock,
        )
        leaf = leaf_hash(body)
        rows.append(_row(draft, seq, leaves[-1], before, recorded_text, leaf, body))
        touched[stream] = StreamHead(before.stream_seq + 1, leaf)
        leaves.append(leaf)
    frontier = Frontier(head.size, head.peaks)
    frontier.extend(leaves[1:])
    after = Head(frontier.size, leaves[-1], frontier.peaks, frontier.root())
    return Extension(tuple(rows), after, touched)


def _row(
    draft: Mapping[str, object],
    seq: int,
    prev: bytes,
    stream_head: StreamHead,
    recorded_at: str,
    leaf: bytes,
    body: bytes,
) -> StoredRow:
    return StoredRow(
        seq=seq,
        prev=prev.hex(),
        stream=str(draft["stream"]),
        stream_seq=stream_head.stream_seq + 1,
        stream_prev=stream_head.last_leaf.hex(),
        event_id=str(draft["event_id"]),
        type=str(draft["type"]),
        occurred_at=str(draft["occurred_at"]),
        recorded_at=recorded_at,
        leaf_hash=leaf.hex(),
        body=body,
    )
