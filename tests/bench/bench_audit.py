"""Microseconds a record to verify the log of a home, beside a bare loop that reads and hashes it.

Processor time, which other work on the machine disturbs least, but where the clock is named.

The floor reads the same rows with the bare driver and computes every hash of the tree, leaves and
nodes, and compares nothing. Records have every field and a small document, 1.2 kB; one checkpoint
covers a thousand. What is asked for in records a second is asked in floors: where the floor makes
290,000, 100,000 with the column check are 2.9 floors. A long log is checked by every processor of
the machine, so that is asked of two, on the clock; what one makes stands beside it.

`COUNTERSEAL_BENCH_RECORDS=1000000` takes a longer log.
"""

import hashlib
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from counterseal.audit.chain import Head, StreamHead, extend
from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.drafts import lined
from counterseal.audit.evidence import Evidence, head_of_note
from counterseal.audit.merkle import Frontier, Tree, leaf_hash
from counterseal.audit.record import StoredRow
from counterseal.audit.resume import VerifiedPrefix
from counterseal.audit.stretch import STRETCH_MAX
from counterseal.audit.verdict import Outcome, Verdict
from counterseal.audit.verify import verify_log, verify_onward
from storage.home_reader import HomeReader, read_home
from storage.parallel_verify import verify_in_parallel
from storage.settings import Settings
from storage.store import create_database
from tests.bench.measure import ROOT, Measurement
from tests.core.audit.log_builder import CLOCK, NOW, ORIGIN, SIGNER, a_draft

RECORDS = int(os.environ.get("COUNTERSEAL_BENCH_RECORDS", "60000"))
GROUP = 1_000
SHORT = 18_000
"""Enough for two workers to be started."""
NEW = 1_000
PER_STREAM = 20
RUNS = 5
SIGNATURES = 1
"""The newest checkpoint's: every root is compared all the same."""
PROOFS = 100_000
BARE_RATIO_MAX = 1.25
"""Four fifths of the floor's records a second."""
COLUMNS_RATIO_MAX = 2.9
PARALLEL_RATIO_MAX = 1.25
"""Work of two workers and the one that joins, to that of one process: what two processors gain."""
JOINING_RATIO_MAX = 0.3
"""Share of the work that does not divide."""
MICROSECONDS_MAX = 10.0
"""100,000 proofs a second."""
MEMORY_MB_MAX = 300.0
MANY = 10_000_000
WALKED = 2_000_000
FIELDS = ", ".join(StoredRow._fields)
KEY = Evidence(SIGNER.key)


@dataclass(frozen=True, slots=True)
class Kept:
    """A home with a log, and what its auditor keeps."""

    settings: Settings
    evidence: Evidence

    def verdict(self, reader: HomeReader, *, columns: bool = True) -> Verdict:
        """Of one process."""
        rows, notes = reader.records(), reader.checkpoints()
        return verify_log(rows, notes, self.evidence, columns=columns, signatures=SIGNATURES)

    def prefix(self, size: int) -> VerifiedPrefix:
        """Where a verification of the first records ended."""
        with read_home(self.settings) as reader:
            notes = [note for note in reader.checkpoints() if note.size <= size]
            found = verify_onward(None, reader.records(0, size), notes, KEY, signatures=SIGNATURES)
        assert found.prefix is not None
        return found.prefix


def kept(folder: Path, records: int) -> Kept:
    """Seal a log into a home; its guards would ask for a sequencer's lease."""
    settings = Settings(counterseal_home=folder)
    create_database(settings.database_file, ORIGIN)
    head, streams, note = Head(), dict[str, StreamHead](), ""
    with closing(sqlite3.connect(settings.database_file)) as connection, connection:
        for (guard,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            connection.execute(f"DROP TRIGGER {guard}")
        for number, first in enumerate(range(0, records, GROUP), 1):
            drafts = [lined(_draft(n)) for n in range(first, min(first + GROUP, records))]
            added = extend(head, streams, drafts, origin=ORIGIN, recorded_at=NOW, clock=CLOCK)
            head = added.head
            streams.update(added.stream_heads)
            marks = ", ".join("?" * len(StoredRow._fields))
            connection.executemany(f"INSERT INTO audit_records VALUES ({marks})", added.rows)
            note = sign_checkpoint(Checkpoint(ORIGIN, head.size, head.root), SIGNER)
            cells = {"size": head.size, "number": number, "note": note}
            told = f"INSERT INTO audit_checkpoints ({', '.join(cells)}) VALUES (?, ?, ?)"
            connection.execute(told, tuple(cells.values()))
    return Kept(settings, Evidence(SIGNER.key, (head_of_note(note, SIGNER.key),)))


def _draft(number: int) -> dict[str, object]:
    unique = hashlib.sha256(b"%d" % number).hexdigest()[:32]
    after = {"documents": {"notes": [{"id": f"note-{number}", "text": "x" * 200}]}}
    small: dict[str, object] = {"after": after, "policy": None, "command": None, "pii": []}
    draft = a_draft(number, f"case:{number // PER_STREAM}")
    return {**draft, **small, "event_id": f"evt_{unique}"}


def bare(log: Kept) -> None:
    """Read every row, hash every leaf and node, compare nothing."""
    frontier, sha256 = Frontier(), hashlib.sha256
    leaves: list[bytes] = []
    with closing(sqlite3.connect(log.settings.database_file)) as connection:
        rows = connection.execute(f"SELECT {FIELDS} FROM audit_records ORDER BY seq")
        while many := rows.fetchmany(STRETCH_MAX):
            leaves = [sha256(b"\x00" + row[-1]).digest() for row in many]
            frontier.extend(leaves)


def in_one_process(log: Kept, *, columns: bool = True) -> None:
    """The whole log."""
    with read_home(log.settings) as reader:
        verdict = log.verdict(reader, columns=columns)
    assert verdict.findings_count == 0
    assert (verdict.outcome is Outcome.OK) is columns


def in_two_processes(log: Kept) -> None:
    """The whole log, in ranges."""
    with read_home(log.settings) as reader:
        verdict = verify_in_parallel(
            log.settings, reader, log.evidence, jobs=2, signatures=SIGNATURES
        )
    assert verdict is not None
    assert verdict.outcome is Outcome.OK


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one act: on the clock, of this process's processor, of all processes'."""

    clock: float
    own: float
    all: float


def _spent(act: Callable[[], object]) -> Spent:
    clock, own, children = time.perf_counter(), time.process_time(), _of_children()
    act()
    own = time.process_time() - own
    return Spent(time.perf_counter() - clock, own, own + _of_children() - children)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _alternating(*acts: Callable[[], object]) -> list[Spent]:
    """Medians of each; they take turns, so that a busy spell hits all."""
    spent = [[_spent(act) for act in acts] for _ in range(RUNS)]
    return [_median(column) for column in zip(*spent, strict=True)]


def _median(runs: Sequence[Spent]) -> Spent:
    columns = zip(*((run.clock, run.own, run.all) for run in runs), strict=True)
    return Spent(*map(statistics.median, columns))


def measure(folder: Path) -> list[Measurement]:
    """Verification, going on, proofs, memory."""
    log = kept(folder / "long", RECORDS)
    return [*_whole(log), *_several(log, kept(folder / "short", SHORT)), *_onward(log), _memory()]


def _whole(log: Kept) -> Iterator[Measurement]:
    """One process over the whole log; proofs from its tree."""
    with read_home(log.settings) as reader:
        tree = Tree(leaf_hash(row.body) for row in reader.records())
    floor, hashed, checked, proved = _alternating(
        lambda: bare(log),
        lambda: in_one_process(log, columns=False),
        lambda: in_one_process(log),
        lambda: [tree.inclusion_path(n % RECORDS) for n in range(PROOFS)],
    )
    each = 1_000_000 / RECORDS
    rate = partial(Measurement, unit="us a record", floor_name="read and hash", of_ratio=True)
    rate = partial(rate, floor=floor.own * each)
    yield rate("verify, bytes only", hashed.own * each, bar=BARE_RATIO_MAX)
    yield rate("verify with column check", checked.own * each)
    each = 1_000_000 / PROOFS
    yield Measurement("inclusion proof", proved.own * each, "us", bar=MICROSECONDS_MAX)


def _several(log: Kept, short: Kept) -> Iterator[Measurement]:
    """Two workers; what it takes to start them shows beside a short log."""
    floor, one, two, some = _alternating(
        lambda: bare(log),
        lambda: in_one_process(log),
        lambda: in_two_processes(log),
        lambda: in_two_processes(short),
    )
    more = Spent(two.clock - some.clock, two.own - some.own, two.all - some.all)
    each, of_more = 1_000_000 / RECORDS, 1_000_000 / (RECORDS - SHORT)
    rate = partial(Measurement, unit="us a record", floor_name="one process", of_ratio=True)
    of_one = partial(rate, floor=one.own * each)
    yield of_one("verify in two processes, all work", more.all * of_more, bar=PARALLEL_RATIO_MAX)
    yield of_one("of that, in the one that joins", more.own * of_more, bar=JOINING_RATIO_MAX)
    of_floor = partial(rate, floor_name="read and hash", floor=floor.clock * each)
    yield of_floor("the same on the clock", more.clock * of_more, bar=COLUMNS_RATIO_MAX)
    start = some.all - more.all * SHORT / (RECORDS - SHORT)
    yield Measurement("starting two processes, all work", start)


def _onward(log: Kept) -> Iterator[Measurement]:
    """A thousand new records behind a tenth of the log and behind nearly all of it."""
    ends = (RECORDS // 10, RECORDS)
    few, many = (log.prefix(end - NEW) for end in ends)
    alone, behind_few, behind_many = _alternating(
        lambda: _first(log), lambda: _go_on(log, few, ends[0]), lambda: _go_on(log, many, ends[1])
    )
    for end, spent in zip(ends, (behind_few, behind_many), strict=True):
        yield Measurement(
            f"{NEW:,} new records behind {end - NEW:,}",
            spent.own,
            floor_name=f"{NEW:,} records alone",
            floor=alone.own,
        )


def _first(log: Kept) -> None:
    with read_home(log.settings) as reader:
        notes = [note for note in reader.checkpoints(0) if note.size <= NEW]
        verify_onward(None, reader.records(0, NEW), notes, KEY, signatures=SIGNATURES)


def _go_on(log: Kept, after: VerifiedPrefix, end: int) -> None:
    with read_home(log.settings) as reader:
        notes = [note for note in reader.checkpoints(after.size) if note.size <= end]
        rows = reader.records(after.size - 1, end)
        found = verify_onward(after, rows, notes, KEY, signatures=SIGNATURES)
    assert found.verdict.totals.size == end
    assert found.verdict.findings_count == 0


def _memory() -> Measurement:
    """Peak of a process that verifies a fifth as many records, carried on from half of them."""
    half, whole = (_peak_mb(records) for records in (WALKED // 2, WALKED))
    carried = whole + (whole - half) * (MANY - WALKED) / (WALKED // 2)
    return Measurement(f"memory at {MANY:,} records", carried, "MB", bar=MEMORY_MB_MAX)


def _peak_mb(records: int) -> float:
    code = "from tests.bench.bench_memory import peak; import sys; peak(int(sys.argv[1]))"
    words: Sequence[str] = (sys.executable, "-c", code, str(records))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=True)  # noqa: S603 - our own words
    return float(done.stdout)
