"""The verifier in its plainest form: row by row, every signature, everything kept.

The fast one must come to the same verdict, whatever was done to the log.
"""

from collections.abc import Collection, Iterable, Mapping
from operator import itemgetter
from typing import Final, NamedTuple

from counterseal.audit.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from counterseal.audit.judging import Coverage, decide_outcome, judge
from counterseal.audit.merkle import ZERO_HASH, Frontier, leaf_hash
from counterseal.audit.note import VerifierKey
from counterseal.audit.record import RECORD_FIELDS, StoredRow, load_canonical
from counterseal.audit.record_format import RECORD_VERSION
from counterseal.audit.verdict import (
    DEFAULT_REQUIRED,
    Attacker,
    AttackerVerdict,
    Finding,
    FindingAt,
    Outcome,
    Totals,
)
from counterseal.audit.verify import Evidence, RememberedHead, StoredCheckpoint
from counterseal.kernel.errors import InputError, IntegrityError


class Plain(NamedTuple):
    """What the plain verifier says."""

    outcome: Outcome
    exit_status: int
    origin: str | None
    root: str | None
    totals: Totals
    attackers: tuple[AttackerVerdict, ...]
    first_bad: int | None
    findings: frozenset[tuple[int, Finding, str]]


_COLUMNS: Final = StoredRow._fields[:9]
_COLUMN_VALUES: Final = itemgetter(*_COLUMNS)


def _whole_numbers(value: Mapping[str, object]) -> bool:
    """Whether the version is known and no boolean passes as a number."""
    return (
        value["v"] == RECORD_VERSION
        and type(value["v"]) is int
        and type(value["seq"]) is int
        and type(value["stream_seq"]) is int
    )


def _texts(value: Mapping[str, object]) -> bool:
    """Whether names, kind and times are text."""
    told = [value[n] for n in ("stream", "event_id", "type", "occurred_at", "recorded_at")]
    return all(isinstance(one, str) for one in told)


class _Log:
    """Findings so far."""

    def __init__(self) -> None:
        self.kept: list[FindingAt] = []
        self.count = 0
        self.codes: set[Finding] = set()

    def lowest(self, start: int, end: int) -> int:
        """First record already found bad in a range, its start when there is none."""
        return min((f.seq for f in self.kept if start <= f.seq < end), default=start)

    def add(self, seq: int, code: Finding, layer: str) -> None:
        self.count += 1
        self.codes.add(code)
        self.kept.append(FindingAt(seq=seq, code=code, layer=layer, message=code))


class _Pass:
    """One pass over the rows."""

    def __init__(self, log: _Log, origin: str | None, sizes: Iterable[int]) -> None:
        self._log = log
        self.origin = origin
        self._wanted = frozenset(sizes)
        self.roots: dict[int, bytes] = {}
        self.frontier = Frontier()
        self.whole = True
        self.end = 0
        self._last_leaf = ZERO_HASH.hex()
        self.streams: dict[str, tuple[int, str]] = {}
        self._event_ids: set[str] = set()
        self._last_time = ""
        self.repeated = 0
        self.steps_back = 0
        self.error_us_max = 0

    def read(self, row: StoredRow) -> None:
        """Check one row against the ones before it."""
        row = self._typed(row)
        leaf = leaf_hash(row.body)
        self._place(row.seq)
        value = self._content(row, leaf.hex())
        self._link(row, row.prev if value is None else value["prev"])
        if value is not None:
            self._stream(row, int(str(value["stream_seq"])), leaf.hex())
            self._times(row, value["clock"])
        self._last_leaf = leaf.hex()
        self.frontier.append(leaf)
        if self.whole and self.frontier.size in self._wanted:
            self.roots[self.frontier.size] = self.frontier.root()

    def _typed(self, row: StoredRow) -> StoredRow:
        """The row with a number and bytes where a hostile file may hold anything."""
        if type(row.seq) is int and type(row.body) is bytes:
            return row
        self._log.add(self.end, Finding.COLUMN_MISMATCH, "column:type")
        return row._replace(
            seq=row.seq if type(row.seq) is int else self.end,
            body=row.body if type(row.body) is bytes else b"",
        )

    def _place(self, seq: int) -> None:
        if seq > self.end:
            self._log.add(self.end, Finding.SEQ_GAP, "sequence")
            self.whole = False
        elif seq < self.end:
            self._log.add(seq, Finding.SEQ_DUP, "sequence")
            self.whole = False
        self.end = seq + 1

    def _content(self, row: StoredRow, leaf: str) -> dict[str, object] | None:
        if row.leaf_hash != leaf:
            self._log.add(row.seq, Finding.COLUMN_MISMATCH, "column:leaf_hash")
        try:
            value = load_canonical(row.body)
        except InputError:
            value = {}
        typed = value.keys() == RECORD_FIELDS and _whole_numbers(value) and _texts(value)
        if not typed:
            self._log.add(row.seq, Finding.NOT_CANONICAL, "bytes")
            return None
        if _COLUMN_VALUES(value) != row[:9]:
            name = next(n for n, cell in zip(_COLUMNS, row, strict=False) if value[n] != cell)
            self._log.add(row.seq, Finding.COLUMN_MISMATCH, f"column:{name}")
        if self.origin is None:
            self.origin = str(value["origin"])
        if value["origin"] != self.origin:
            self._log.add(row.seq, Finding.COLUMN_MISMATCH, "origin")
        return value

    def _link(self, row: StoredRow, prev: object) -> None:
        """A broken link blames the record before: its bytes are not those that were followed.

        When column and bytes disagree about the predecessor, this row is to blame, as reported.
        """
        if self._last_leaf not in (row.prev, prev):
            self._log.add(max(row.seq - 1, 0), Finding.CHAIN_BREAK, "chain")

    def _stream(self, row: StoredRow, stream_seq: int, leaf: str) -> None:
        last, last_leaf = self.streams.get(row.stream, (0, ZERO_HASH.hex()))
        if stream_seq != last + 1 or row.stream_prev != last_leaf:
            self._log.add(row.seq, Finding.STREAM_GAP, "stream")
        self.streams[row.stream] = (stream_seq, leaf)
        if row.event_id in self._event_ids:
            self.repeated += 1
            self._log.add(row.seq, Finding.SEQ_DUP, "event_id")
        self._event_ids.add(row.event_id)

    def _times(self, row: StoredRow, clock: object) -> None:
        error = clock.get("max_error_us") if isinstance(clock, dict) else None
        if type(error) is not int or error < 0:
            self._log.add(row.seq, Finding.NOT_CANONICAL, "clock")
            return
        self.error_us_max = max(self.error_us_max, error)
        if isinstance(row.recorded_at, str):
            self.steps_back += row.recorded_at < self._last_time
            self._last_time = row.recorded_at


def _read_checkpoints(
    stored: Iterable[StoredCheckpoint], key: VerifierKey | None, log: _Log
) -> tuple[int, list[Checkpoint]]:
    """How many there are, and those whose signature holds (all well-formed ones without a key)."""
    seen, good = 0, []
    for column, note in stored:
        seen += 1
        size = column if type(column) is int else 0
        try:
            told = read_checkpoint(note)
        except InputError:
            log.add(max(size - 1, 0), Finding.NOT_CANONICAL, f"checkpoint:{size}")
            continue
        if told.size != column:
            log.add(max(size - 1, 0), Finding.COLUMN_MISMATCH, f"checkpoint:{size}")
        try:
            good.append(told if key is None else open_checkpoint(note, key).checkpoint)
        except IntegrityError as error:
            log.add(max(size - 1, 0), Finding(error.code), f"checkpoint:{size}")
    return seen, sorted(good, key=lambda checkpoint: checkpoint.size)


def _compare_checkpoints(good: Iterable[Checkpoint], done: _Pass, log: _Log) -> list[Checkpoint]:
    """The checkpoints whose root the bytes lead to."""
    valid: list[Checkpoint] = []
    by_size: dict[int, bytes] = {}
    trusted, agreed = 0, True
    for signed in good:
        layer = f"checkpoint:{signed.size}"
        last = max(signed.size - 1, 0)
        if by_size.setdefault(signed.size, signed.root) != signed.root:
            log.add(last, Finding.FORK_AT_SIZE, layer)
        elif done.origin is not None and signed.origin != done.origin:
            log.add(last, Finding.COLUMN_MISMATCH, layer)
        elif signed.size > done.end:
            log.add(done.end, Finding.SHORTER_THAN_REMEMBERED, layer)
        elif done.roots.get(signed.size) == signed.root:
            trusted = signed.size
            valid.append(signed)
        elif agreed and signed.size in done.roots:
            agreed = False
            log.add(log.lowest(trusted, signed.size), Finding.ROOT_MISMATCH, layer)
    return valid


def _compare_heads(heads: Iterable[RememberedHead], done: _Pass, log: _Log) -> int | None:
    """Size of the largest remembered head that agrees, None when none was given."""
    reach: int | None = None
    for head in sorted(heads, key=itemgetter(1)):
        layer = f"{head.source}:{head.size}"
        reach = reach or 0
        if head.size > done.end:
            log.add(done.end, Finding.SHORTER_THAN_REMEMBERED, layer)
        elif done.roots.get(head.size) == head.root:
            reach = head.size
        elif head.size in done.roots:
            log.add(log.lowest(reach, head.size), Finding.FORK_AT_SIZE, layer)
    return reach


def verify_plainly(
    rows: Iterable[StoredRow],
    checkpoints: Iterable[StoredCheckpoint],
    evidence: Evidence,
    required: Collection[Attacker] = DEFAULT_REQUIRED,
) -> Plain:
    """The oracle of `verify_log`."""
    log = _Log()
    key = evidence.log_key
    seen, good = _read_checkpoints(checkpoints, key, log)
    sizes = {signed.size for signed in good} | {head.size for head in evidence.heads}
    done = _Pass(log, key.name if key else None, sizes)
    if 0 in sizes:
        done.roots[0] = done.frontier.root()
    for row in rows:
        done.read(row)
    valid = _compare_checkpoints(good, done, log)
    remembered = _compare_heads(evidence.heads, done, log)
    sealed = max((signed.size for signed in valid), default=0)
    size = done.frontier.size
    coverage = Coverage(rows=size, sealed=None if key is None else sealed, remembered=remembered)
    attackers = judge(coverage, log.kept, log.codes)
    outcome, exit_status = decide_outcome(coverage, attackers, log.codes, required)
    totals = Totals(
        size=size,
        streams=len(done.streams),
        checkpoints_seen=seen,
        checkpoints_valid=len(valid),
        unsealed=size - sealed,
        duplicate_event_ids=done.repeated,
        clock_steps_back=done.steps_back,
        clock_error_us_max=done.error_us_max,
    )
    return Plain(
        outcome,
        exit_status,
        done.origin,
        done.frontier.root().hex() if done.whole else None,
        totals,
        attackers,
        min((f.seq for f in log.kept), default=None),
        frozenset((f.seq, f.code, f.layer) for f in log.kept),
    )
