"""One pass over the rows of a log.

Job: follow sequence, chain, streams and tree, row by row or a checked stretch at a time.

Invariants
  I1  A stretch joins exactly when its rows, read one by one, would add no finding.
  I2  Memory does not grow with the bytes: the tree's edge, an end per stream, eleven bytes a
      record for its event id.

Not here: what holds inside a stretch (audit.stretch), checkpoints and heads (audit.seals).
Source: design part "verify".
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from counterseal.audit.accounts import TOLD_TYPES
from counterseal.audit.checkpoint import SIZE_MAX
from counterseal.audit.event_ids import EventIds
from counterseal.audit.findings import Findings
from counterseal.audit.merkle import HASH_SIZE, ZERO_HASH, Frontier, leaf_hash
from counterseal.audit.purges import is_purged, kept_leaf
from counterseal.audit.record import RECORD_FIELDS, StoredRow, load_canonical
from counterseal.audit.record_format import RECORD_VERSION
from counterseal.audit.resume import StreamEnd, VerifiedPrefix
from counterseal.audit.stretch import Stretch, stretch_of
from counterseal.audit.time_windows import TimeWindows
from counterseal.audit.verdict import Finding
from counterseal.kernel.errors import InputError

_COLUMNS: Final = StoredRow._fields[:9]
_COLUMN_VALUES: Final = itemgetter(*_COLUMNS)
_TEXTS: Final = ("stream", "event_id", "type", "occurred_at", "recorded_at")
_COUNT_BYTES: Final = 8
_NO_STREAM: Final = bytes(_COUNT_BYTES) + ZERO_HASH


def _whole_numbers(value: Mapping[str, object]) -> bool:
    """Whether the version is known and no boolean passes as a number."""
    return (
        value["v"] == RECORD_VERSION
        and type(value["v"]) is int
        and type(value["seq"]) is int
        and type(value["stream_seq"]) is int
    )


def _is_typed(value: Mapping[str, object]) -> bool:
    """Whether what the columns repeat has the types of a record; no hash stands for them."""
    return _whole_numbers(value) and all(type(value[name]) is str for name in _TEXTS)


def _stream_end(stream_seq: int, leaf: bytes) -> bytes:
    """A stream's end in one small value; millions of them may be kept."""
    return stream_seq.to_bytes(_COUNT_BYTES, "big", signed=True) + leaf


def _end_values(end: bytes) -> tuple[int, str]:
    """Last `stream_seq` and hex leaf hash of a stream's end."""
    place = int.from_bytes(end[:_COUNT_BYTES], "big", signed=True)
    return place, end[-HASH_SIZE:].hex()


class Walk:
    """What was read so far.

    Args:
        findings: Where contradictions go.
        origin: The log's name; None to take it from the first record.
        sizes: Tree sizes whose roots are wanted.
        after: Where an earlier verification ended. Its last record is read again: a log cut or
            replaced below it shows there.
        columns: Whether bytes are parsed and columns, streams and times checked.
        windows: Bounds of recorded times; None for none.
        kept: Records whose leaf hashes are wanted.

    Attributes:
        leaves: The wanted leaf hashes, by `seq`, of those that were reached.
        roots: The wanted roots, by size, of those that were reached.
        whole: Whether the rows form one sequence.
        end: Number behind the last row's.
    """

    def __init__(
        self,
        findings: Findings,
        origin: str | None,
        sizes: Iterable[int],
        after: VerifiedPrefix | None = None,
        *,
        columns: bool = True,
        windows: TimeWindows | None = None,
        kept: Iterable[int] = (),
    ) -> None:
        self._findings = findings
        self._wanted = sorted(set(sizes))
        self._windows = windows or TimeWindows()
        self._kept = sorted(set(kept))
        self.leaves: dict[int, bytes] = {}
        self._columns = columns
        self._again = after
        self.origin = origin
        self.frontier = Frontier()
        self.roots: dict[int, bytes] = {0: self.frontier.root()}
        self.whole = True
        self.last_leaf = ZERO_HASH
        self._streams: dict[str, bytes] = {}
        self._event_ids = EventIds()
        self.last_time = ""
        self.repeated = 0
        self.steps_back = 0
        self.error_us_max = 0
        if after is not None:
            self._resume(after)
        self.end = self.frontier.size - (after is not None)

    def _resume(self, after: VerifiedPrefix) -> None:
        self.frontier = Frontier(after.size, map(bytes.fromhex, after.peaks))
        self.roots = {after.size: self.frontier.root()}
        self.last_leaf = bytes.fromhex(after.last_leaf)
        self.last_time = after.last_time
        self._streams = {
            name: _stream_end(place, bytes.fromhex(leaf)) for name, place, leaf in after.streams
        }

    @property
    def streams(self) -> int:
        """Streams met, or known from the verification before."""
        return len(self._streams)

    def stream_ends(self) -> tuple[StreamEnd, ...] | None:
        """The end of every stream, by name; None when a hostile file names one by another type."""
        if set(map(type, self._streams)) - {str}:
            return None
        return tuple((name, *_end_values(end)) for name, end in sorted(self._streams.items()))

    def take(self, rows: Sequence[StoredRow]) -> Stretch | None:
        """Read rows that follow: at once when nothing is wrong with them, else one by one.

        Returns:
            The stretch that all the rows are, in the first case.
        """
        whole = self._again is None
        if self._again is not None and rows:
            self._read_again(rows[0], self._again)
            rows = rows[1:] if rows[0].seq == self._again.size - 1 else rows
            self._again = None
        if not rows:
            return None
        stretch = stretch_of(rows, columns=self._columns, told=TOLD_TYPES)
        if stretch is not None and self.join(stretch):
            return stretch if whole else None
        for row in rows:
            self.read(row)
        return None

    def _read_again(self, row: StoredRow, after: VerifiedPrefix) -> None:
        """The last record verified before must still be what it was."""
        self.end = after.size
        same = type(row.body) is bytes and leaf_hash(row.body) == self.last_leaf
        if row.seq == after.size - 1 and not same:
            self._findings.add(after.size - 1, Finding.FORK_AT_SIZE, f"verified:{after.size}")
        elif row.seq != after.size - 1:
            self._findings.add(after.size - 1, Finding.SEQ_GAP, "sequence")
            self.whole = False

    def join(self, stretch: Stretch) -> bool:
        """Take a stretch in; False, and nothing is changed, when it does not follow."""
        origin = self.origin if stretch.origin is None else stretch.origin
        ends = self._streams
        follows = (
            self._again is None
            and stretch.start == self.end == self.frontier.size
            and stretch.prev == self.last_leaf.hex()
            and self.origin in (None, origin)
            and self._timely(stretch)
            and all(
                _end_values(ends.get(name, _NO_STREAM)) == (place - 1, named)
                for name, (place, named) in stretch.opens.items()
            )
        )
        if not follows:
            return False
        self.origin = origin
        for name, (place, leaf) in stretch.closes.items():
            ends[name] = _stream_end(place, bytes.fromhex(leaf))
        self._event_ids.extend(stretch.event_ids, stretch.start)
        self._take_times(stretch)
        self._grow(stretch.leaves)
        self.end, self.last_leaf = self.frontier.size, stretch.leaves[-1]
        return True

    def _timely(self, stretch: Stretch) -> bool:
        """Whether every record was written when outsiders allow it."""
        if stretch.origin is None:
            return True
        _, _, earliest, latest = stretch.times
        end = stretch.start + len(stretch.leaves)
        return self._windows.hold(stretch.start, end, earliest, latest)

    def _take_times(self, stretch: Stretch) -> None:
        if stretch.origin is None:
            return
        first, last, _, _ = stretch.times
        self.steps_back += stretch.steps_back + (first < self.last_time)
        self.last_time = last
        self.error_us_max = max(self.error_us_max, stretch.error_us_max)

    def _grow(self, leaves: Sequence[bytes]) -> None:
        """Add leaves to the tree, and keep the root at each wanted size."""
        frontier, done, start = self.frontier, 0, self.frontier.size
        first = bisect_right(self._wanted, start)
        last = bisect_right(self._wanted, start + len(leaves)) if self.whole else first
        for size in self._wanted[first:last]:
            frontier.extend(leaves[done : size - start])
            done = size - start
            self.roots[size] = frontier.root()
        frontier.extend(leaves[done:])
        near = slice(bisect_left(self._kept, start), bisect_left(self._kept, frontier.size))
        self.leaves.update((seq, leaves[seq - start]) for seq in self._kept[near])

    def read(self, row: StoredRow) -> None:
        """Check one row against the ones before it, and name what is wrong."""
        gone = is_purged(row)
        row = self._typed(row)
        leaf = kept_leaf(row) if gone else leaf_hash(row.body)
        self._place(row.seq)
        if row.leaf_hash != leaf.hex():
            self._findings.add(row.seq, Finding.COLUMN_MISMATCH, "column:leaf_hash")
        value = self._content(row) if self._columns and not gone else None
        self._link(row, row.prev if value is None else value["prev"])
        if value is not None:
            self._stream(row, int(str(value["stream_seq"])), leaf)
            self._times(row, value["clock"])
        elif gone and self._columns:
            self._purged(row, leaf)
        self.last_leaf = leaf
        self._grow((leaf,))

    def _purged(self, row: StoredRow, leaf: bytes) -> None:
        """A record without bytes keeps its place in its stream, when its column can be one."""
        place = row.stream_seq
        if type(place) is int and 0 < place <= SIZE_MAX:
            self._stream(row, place, leaf)
        else:
            self._findings.add(row.seq, Finding.COLUMN_MISMATCH, "column:stream_seq")

    def _typed(self, row: StoredRow) -> StoredRow:
        """The row with a number and bytes where a hostile file may hold anything."""
        if type(row.seq) is int and type(row.body) is bytes:
            return row
        self._findings.add(self.end, Finding.COLUMN_MISMATCH, "column:type")
        return row._replace(
            seq=row.seq if type(row.seq) is int else self.end,
            body=row.body if type(row.body) is bytes else b"",
        )

    def _place(self, seq: int) -> None:
        if seq > self.end:
            self._findings.add(self.end, Finding.SEQ_GAP, "sequence")
            self.whole = False
        elif seq < self.end:
            self._findings.add(seq, Finding.SEQ_DUP, "sequence")
            self.whole = False
        self.end = seq + 1

    def _content(self, row: StoredRow) -> dict[str, object] | None:
        try:
            value = load_canonical(row.body)
        except InputError:
            value = {}
        if value.keys() != RECORD_FIELDS or not _is_typed(value):
            self._findings.add(row.seq, Finding.NOT_CANONICAL, "bytes")
            return None
        if _COLUMN_VALUES(value) != row[:9]:
            name = next(n for n, cell in zip(_COLUMNS, row, strict=False) if value[n] != cell)
            self._findings.add(row.seq, Finding.COLUMN_MISMATCH, f"column:{name}")
        if self.origin is None:
            self.origin = str(value["origin"])
        if value["origin"] != self.origin:
            self._findings.add(row.seq, Finding.COLUMN_MISMATCH, "origin")
        return value

    def _link(self, row: StoredRow, prev: object) -> None:
        """A broken link blames the record before: its bytes are not those that were followed.

        When column and bytes disagree about the predecessor, this row is to blame, as reported.
        """
        if self.last_leaf.hex() not in (row.prev, prev):
            self._findings.add(max(row.seq - 1, 0), Finding.CHAIN_BREAK, "chain")

    def _stream(self, row: StoredRow, stream_seq: int, leaf: bytes) -> None:
        end = _end_values(self._streams.get(row.stream, _NO_STREAM))
        if end != (stream_seq - 1, row.stream_prev):
            self._findings.add(row.seq, Finding.STREAM_GAP, "stream")
        self._streams[row.stream] = _stream_end(stream_seq, leaf)
        self._event_ids.extend((str(row.event_id),), row.seq)

    def _times(self, row: StoredRow, clock: object) -> None:
        error = clock.get("max_error_us") if isinstance(clock, dict) else None
        if type(error) is not int or error < 0:
            self._findings.add(row.seq, Finding.NOT_CANONICAL, "clock")
            return
        self.error_us_max = max(self.error_us_max, error)
        if self._windows.outside(row.seq, str(row.recorded_at), error):
            self._findings.add(row.seq, Finding.TIME_OUTSIDE_WINDOW, "time")
        if isinstance(row.recorded_at, str):
            self.steps_back += row.recorded_at < self.last_time
            self.last_time = row.recorded_at

    def finish(self) -> None:
        """Name the records whose event id was used before; a log's end tells nothing new else."""
        for seq in self._event_ids.repeated():
            self.repeated += 1
            self._findings.add(seq, Finding.SEQ_DUP, "event_id")
