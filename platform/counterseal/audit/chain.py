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
from typing import Final, NamedTuple

from counterseal.audit.drafts import Sealing, WaitingDraft
from counterseal.audit.merkle import EMPTY_ROOT, ZERO_HASH, Frontier, leaf_hash
from counterseal.audit.record import ClockReading, StoredRow
from counterseal.kernel.clock import utc_text


class StreamHead(NamedTuple):
    """End of one stream: its last `stream_seq` (0 = none yet) and that record's leaf hash."""

    stream_seq: int = 0
    last_leaf: bytes = ZERO_HASH


_NO_STREAM: Final = (0, ZERO_HASH.hex())


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
    drafts: Iterable[WaitingDraft],
    *,
    origin: str,
    recorded_at: datetime,
    clock: ClockReading,
) -> Extension:
    """Place a group of drafts behind a head, all recorded at one UTC instant.

    Args:
        head: The head as read inside the lock.
        stream_heads: Heads of at least the streams named by the drafts; an absent one starts at 1.
        drafts: In the order of the outbox.
        origin: The log's name.
        recorded_at: Time read inside the lock.
        clock: Quality of that time.

    Raises:
        InputError: as `Sealing.body`; nothing is placed then.
    """
    sealing, recorded_text = Sealing(origin, recorded_at, clock), utc_text(recorded_at)
    ends = {stream: (end.stream_seq, end.last_leaf.hex()) for stream, end in stream_heads.items()}
    touched: set[str] = set()
    leaves: list[bytes] = []
    rows: list[StoredRow] = []
    prev = head.last_leaf.hex()
    for seq, draft in enumerate(drafts, head.size):
        before, stream_prev = ends.get(draft.stream, _NO_STREAM)
        stream_seq = before + 1
        body = sealing.body(
            draft, seq=seq, prev=prev, stream_seq=stream_seq, stream_prev=stream_prev
        )
        leaves.append(leaf_hash(body))
        told = leaves[-1].hex()
        links = (seq, prev, draft.stream, stream_seq, stream_prev)
        said = (draft.event_id, draft.type, draft.occurred_at, recorded_text)
        rows.append(StoredRow(*links, *said, told, body))
        touched.add(draft.stream)
        ends[draft.stream] = (stream_seq, told)
        prev = told
    frontier = Frontier(head.size, head.peaks)
    frontier.extend(leaves)
    after = Head(frontier.size, bytes.fromhex(prev), frontier.peaks, frontier.root())
    heads = {name: StreamHead(ends[name][0], bytes.fromhex(ends[name][1])) for name in touched}
    return Extension(tuple(rows), after, heads)
