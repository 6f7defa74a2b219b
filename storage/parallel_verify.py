"""A log verified by several processes.

Job: have ranges of a stored log checked by workers, and join them to the one verdict.

Invariants
  I1  The verdict is the one that a single pass gives, or there is none: what is wrong is named by
      reading record by record.
  I2  The records are those of one moment: none behind the last one that the reader sees is read.
  I3  A worker only reads, on a connection of its own.

Not here: what holds inside a stretch (audit.stretch) and between stretches (audit.walk).
Source: design parts "verify" and "performance bars".
"""

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import closing
from typing import Final, NamedTuple

from sqlalchemy import Engine

from counterseal.audit.accounts import TOLD_TYPES
from counterseal.audit.evidence import Evidence, open_evidence
from counterseal.audit.part import Progress
from counterseal.audit.record import StoredRow
from counterseal.audit.stretch import STRETCH_MAX, Stretch
from counterseal.audit.verdict import DEFAULT_REQUIRED, Attacker, Verdict
from counterseal.audit.verify import verify_stretches
from storage.home_reader import HomeReader
from storage.record_ranges import RecordRange, check_range
from storage.settings import Settings
from storage.workers import in_order, processors, worker_pool

PARALLEL_MIN: Final = 50_000
"""Records below which one process is done before others have started."""

RANGE_RECORDS: Final = 32 * STRETCH_MAX
"""Records that a worker reads at once: a few megabytes of stretches come back."""


class Marked(NamedTuple):
    """Rows that are wanted beside the verdict, in order.

    Attributes:
        types: Of their records.
        marks: Or bytes of which one stands in the body.
        take: Given every one of them, and others.
    """

    types: Collection[str]
    marks: Sequence[bytes]
    take: Callable[[StoredRow], None]


def usable_jobs(records: int) -> int:
    """Processes that are worth starting for so many records: every processor, or one."""
    return processors() if records > PARALLEL_MIN else 1


def verify_in_parallel(
    settings: Settings,
    reader: HomeReader,
    evidence: Evidence,
    required: Collection[Attacker] = DEFAULT_REQUIRED,
    *,
    jobs: int | None = None,
    signatures: int | None = None,
    progress: Progress | None = None,
    marked: Marked | None = None,
) -> Verdict | None:
    """Verify the log of a home with several processes.

    Args:
        settings: Of the home; every worker opens it to read.
        reader: Of the same home: what it sees is verified, whatever is appended meanwhile.
        evidence: As for `verify_log`.
        required: As for `verify_log`.
        jobs: Worker processes; None for as many as are worth it.
        signatures: As for `verify_log`.
        progress: Told the number of records joined.
        marked: Rows to hand over on the way; of no use without a verdict.

    Returns:
        The verdict of `verify_log`; None when a single process should give it: for a short log,
        with one job, or when a range does not hold, is of another name or cannot be read.

    Raises:
        InputError: those of `verify_log`.
        AdapterError: those of `read_home`.
    """
    ends = reader.ends()
    if ends is None or ends[0] != 0:
        return None
    size = ends[1]
    workers = usable_jobs(size) if jobs is None else jobs
    if workers < 2:  # noqa: PLR2004 - one process needs no other
        return None
    stops = open_evidence(evidence).windows.starts
    connect = settings.check().database.reading
    ranges = _ranges(connect, size, stops, marked)
    with (
        worker_pool(workers) as pool,
        closing(_joined(pool, workers, ranges, progress)) as stretches,
    ):
        return verify_stretches(
            _handed(stretches, marked),
            reader.checkpoints(),
            evidence,
            required,
            signatures=signatures,
        )


def _handed(stretches: Iterator[Stretch | None], marked: Marked | None) -> Iterator[Stretch | None]:
    for stretch in stretches:
        if marked is not None and stretch is not None:
            for row in stretch.told:
                marked.take(row)
        yield stretch


def _ranges(
    connect: Callable[[], Engine], size: int, stops: Sequence[int], marked: Marked | None
) -> Iterator[RecordRange]:
    told = TOLD_TYPES if marked is None else TOLD_TYPES.union(marked.types)
    marks = () if marked is None else marked.marks
    for start in range(0, size, RANGE_RECORDS):
        end = min(start + RANGE_RECORDS, size)
        inside = tuple(stop for stop in stops if start < stop < end)
        yield RecordRange(connect, start, end, inside, told, marks)


def _joined(
    pool: Executor, workers: int, ranges: Iterator[RecordRange], progress: Progress | None
) -> Generator[Stretch | None, None, None]:
    """Stretches in order; None behind what came from the last worker that lived."""
    found = in_order(pool, workers, check_range, ranges)
    try:
        with closing(found):
            for one, stretches in found:
                yield from stretches
                if progress is not None:
                    progress(one.end)
    except BrokenExecutor:
        yield None
