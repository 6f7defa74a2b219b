"""Microseconds a record to verify a stored log, beside a bare loop that reads and hashes it.

Processor time, which other work on the machine disturbs least, but where the clock is named.

The floor reads the same rows and computes every hash of the tree, leaves and nodes, and compares
nothing. Records have every field and no document; one checkpoint covers a thousand.
"""

import hashlib
import multiprocessing
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
from counterseal.audit.findings import Findings
from counterseal.audit.merkle import ZERO_HASH, Frontier, Tree, leaf_hash
from counterseal.audit.record import StoredRow
from counterseal.audit.stretch import STRETCH_MAX, Stretch, stretch_of
from counterseal.audit.verdict import Outcome
from counterseal.audit.verify import (
    Evidence,
    StoredCheckpoint,
    head_of_note,
    verify_log,
    verify_onward,
    verify_stretches,
)
from counterseal.audit.walk import Walk
from tests.bench.measure import ROOT, Measurement, seconds
from tests.core.audit.log_builder import CLOCK, NOW, ORIGIN, SIGNER, a_draft

RECORDS = 60_000
GROUP = 1_000
PER_STREAM = 20
RUNS = 5
RANGE = 16 * STRETCH_MAX
PROOFS = 100_000
BARE_RATIO_MAX = 1.25
"""Four fifths of the floor's records a second."""
MICROSECONDS_MAX = 10.0
"""100,000 records, or proofs, a second."""
MEMORY_MB_MAX = 300.0
MANY = 10_000_000
WALKED = 2_000_000
FIELDS = ", ".join(StoredRow._fields)
IN_ORDER = f"SELECT {FIELDS} FROM records WHERE seq >= ? AND seq < ? ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Stored:
    """A log in a file."""

    path: Path
    checkpoints: tuple[StoredCheckpoint, ...]

    @property
    def evidence(self) -> Evidence:
        """The pinned key and the newest head."""
        return Evidence(SIGNER.key, (head_of_note(self.checkpoints[-1].note, SIGNER.key),))


def rows_of(path: Path, start: int = 0, end: int = RECORDS) -> Iterator[StoredRow]:
    """Rows of a range as the file holds them."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        yield from map(StoredRow._make, connection.execute(IN_ORDER, (start, end)))


def stored(path: Path, records: int = RECORDS) -> Stored:
    """Seal a log into a file."""
    head, streams, notes = Head(), dict[str, StreamHead](), []
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE records ({FIELDS}, PRIMARY KEY (seq)) WITHOUT ROWID")
        marks = ", ".join("?" * len(StoredRow._fields))
        for first in range(0, records, GROUP):
            drafts = [_draft(n) for n in range(first, min(first + GROUP, records))]
            added = extend(head, streams, drafts, origin=ORIGIN, recorded_at=NOW, clock=CLOCK)
            head = added.head
            streams.update(added.stream_heads)
            connection.executemany(f"INSERT INTO records VALUES ({marks})", added.rows)
            signed = sign_checkpoint(Checkpoint(ORIGIN, head.size, head.root), SIGNER)
            notes.append(StoredCheckpoint(head.size, signed))
    return Stored(path, tuple(notes))


def _draft(number: int) -> dict[str, object]:
    unique = hashlib.sha256(b"%d" % number).hexdigest()[:32]
    small: dict[str, object] = {"after": None, "policy": None, "command": None, "pii": []}
    draft = a_draft(number, f"case:{number // PER_STREAM}")
    return {**draft, **small, "event_id": f"evt_{unique}"}


def bare(log: Stored) -> None:
    """Read every row, hash every leaf and node, compare nothing."""
    frontier, sha256 = Frontier(), hashlib.sha256
    bodies: list[bytes] = []
    for row in rows_of(log.path):
        bodies.append(sha256(b"\x00" + row[-1]).digest())
        if len(bodies) == STRETCH_MAX:
            frontier.extend(bodies)
            bodies.clear()


def in_one_process(log: Stored, *, columns: bool = True) -> None:
    """The whole log."""
    verdict = verify_log(rows_of(log.path), log.checkpoints, log.evidence, columns=columns)
    assert verdict.findings_count == 0
    assert (verdict.outcome is Outcome.OK) is columns


def _stretches(path: Path, start: int) -> list[Stretch | None]:
    """What a worker gives for its range."""
    rows = list(rows_of(path, start, start + RANGE))
    return [stretch_of(rows[at : at + STRETCH_MAX]) for at in range(0, len(rows), STRETCH_MAX)]


def in_two_processes(log: Stored) -> None:
    """Ranges read and checked by two workers, joined here."""
    with multiprocessing.Pool(2) as pool:
        ranges = pool.imap(partial(_stretches, log.path), range(0, RECORDS, RANGE))
        found = (stretch for part in ranges for stretch in part)
        verdict = verify_stretches(found, log.checkpoints, log.evidence)
        pool.close()
        pool.join()
    assert verdict is not None
    assert verdict.outcome is Outcome.OK


def _parallel(log: Stored) -> tuple[float, float]:
    """Median seconds on the clock, and of all processors together."""
    spent = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.process_time()
        wall = seconds(lambda: in_two_processes(log))
        own = time.process_time() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append((wall, own + sum(after[:2]) - sum(before[:2])))
    wall, both = (statistics.median(column) for column in zip(*spent, strict=True))
    return wall, both


def _alternating(*acts: Callable[[], object]) -> list[float]:
    """Median processor seconds of each; they take turns, so that a busy spell hits all."""
    spent = [[_processor_seconds(act) for act in acts] for _ in range(RUNS)]
    return [statistics.median(column) for column in zip(*spent, strict=True)]


def _processor_seconds(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


def measure(folder: Path) -> list[Measurement]:
    """Verification, going on, proofs, memory."""
    log = stored(folder / "log.sqlite")
    tree = Tree(leaf_hash(row.body) for row in rows_of(log.path))
    floor, hashed, checked, proved = _alternating(
        lambda: bare(log),
        lambda: in_one_process(log, columns=False),
        lambda: in_one_process(log),
        lambda: [tree.inclusion_path(n % RECORDS) for n in range(PROOFS)],
    )
    wall, both = _parallel(log)
    each = 1_000_000 / RECORDS
    rate = partial(Measurement, unit="us a record", floor_name="read and hash", floor=floor * each)
    return [
        rate("verify, bytes only", hashed * each, bar=BARE_RATIO_MAX, of_ratio=True),
        rate("verify, columns, one process", checked * each),
        rate("verify, columns, two processes, on the clock", wall * each),
        rate("the same, processor time over two", both * each / 2, bar=MICROSECONDS_MAX),
        Measurement("inclusion proof", proved * 1_000_000 / PROOFS, "us", bar=MICROSECONDS_MAX),
        _going_on(log),
        _memory(),
    ]


def _going_on(log: Stored) -> Measurement:
    """A tenth of the log behind a remembered state, beside the same share of a whole run."""
    start = RECORDS - RECORDS // 10
    old = [c for c in log.checkpoints if c.size <= start]
    key = Evidence(SIGNER.key)
    after = verify_onward(None, rows_of(log.path, 0, start), old, key).prefix
    assert after is not None
    whole, part = _alternating(
        lambda: verify_log(rows_of(log.path), log.checkpoints, key),
        lambda: verify_onward(after, rows_of(log.path, start - 1), log.checkpoints, key),
    )
    return Measurement(
        "going on over a tenth",
        part,
        floor_name="a tenth of all",
        floor=whole / 10,
        bar=2.0,
        of_ratio=True,
    )


def _memory() -> Measurement:
    """Peak of a process that verifies a fifth as many records, carried on from half of them."""
    half, whole = (_peak_mb(records) for records in (WALKED // 2, WALKED))
    carried = whole + (whole - half) * (MANY - WALKED) / (WALKED // 2)
    return Measurement(f"memory at {MANY:,} records", carried, "MB", bar=MEMORY_MB_MAX)


def _peak_mb(records: int) -> float:
    code = "from tests.bench.bench_audit import peak; import sys; peak(int(sys.argv[1]))"
    words: Sequence[str] = (sys.executable, "-c", code, str(records))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=True)  # noqa: S603 - our own words
    return float(done.stdout)


def peak(records: int) -> None:
    """Verify so many records, made up as they are read, and print this process's peak in MB."""
    walk = Walk(Findings(), None, ())
    while walk.end < records:
        made = _made_up(walk.end, walk.last_leaf)
        assert walk.join(made)
    walk.finish()
    assert walk.repeated == 0
    status = Path("/proc/self/status").read_text("ascii")
    sys.stdout.write(str(int(status.split("VmHWM:")[1].split()[0]) / 1024))


def _made_up(start: int, prev: bytes) -> Stretch:
    """A stretch of new cases: what is kept of records does not depend on their bytes."""
    ids = [hashlib.sha256(b"%d" % n) for n in range(start, start + STRETCH_MAX)]
    names = [f"case:apr_{one.hexdigest()[:32]}" for one in ids[::PER_STREAM]]
    leaves = [one.digest() for one in ids]
    return Stretch(
        start,
        prev.hex(),
        leaves,
        origin=ORIGIN,
        opens=dict.fromkeys(names, (1, ZERO_HASH.hex())),
        closes=dict.fromkeys(names, (PER_STREAM, prev.hex())),
        event_ids=[f"evt_{one.hexdigest()[32:]}" for one in ids],
        times=("2026", "2026"),
    )
