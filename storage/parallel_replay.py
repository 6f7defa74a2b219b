"""Every recorded decision, judged again by several processes.

Job: have the decisions of a home replayed by workers, and join what they find to the one report.

Invariants
  I1  The report is the one that a single process gives; when workers cannot give it, one does.
  I2  The decisions are those of one moment, that of the reader: a worker reads no database.

Not here: judging (policy.counterfactual), the newest decisions alone (desk.policies).
Source: governance part 4 (replay, N3) and part 8, bars.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import BrokenExecutor
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Final

from counterseal.policy.bundle import RuleText
from counterseal.policy.counterfactual import Difference, ReplayReport, replay_recorded
from counterseal.policy.evaluation import PolicyEvaluation
from storage.replay_part import replay_part
from storage.unit_of_work import SqlReader
from storage.workers import in_order, processors, worker_pool

PARALLEL_MIN: Final = 4_000
"""Decisions below which one process is done before others have started."""

PART_DECISIONS: Final = 500
"""Decisions that a worker is sent at once: about a megabyte, and a fifth of a second."""


def replay_all_recorded(
    reader: SqlReader, rules: Mapping[str, RuleText], *, jobs: int | None = None
) -> ReplayReport:
    """Judge every decision of a home again, each under its own bundle.

    Args:
        reader: Of the home.
        rules: As for `replay_recorded`.
        jobs: Worker processes; None for as many as are worth it.
    """
    workers = _usable_jobs(reader) if jobs is None else jobs
    report = _in_parallel(reader, rules, workers) if workers > 1 else None
    return replay_recorded(reader.find(PolicyEvaluation), rules) if report is None else report


def _usable_jobs(reader: SqlReader) -> int:
    return processors() if reader.count(PolicyEvaluation) >= PARALLEL_MIN else 1


def _in_parallel(
    reader: SqlReader, rules: Mapping[str, RuleText], workers: int
) -> ReplayReport | None:
    replayed, differences = 0, list[Difference]()
    try:
        with (
            worker_pool(workers) as pool,
            closing(in_order(pool, workers, partial(replay_part, rules), _parts(reader))) as found,
        ):
            for _, report in found:
                if report is None:
                    return None
                replayed += report.replayed
                differences += report.differences
    except BrokenExecutor:
        return None
    return ReplayReport(replayed=replayed, differences=tuple(differences))


def _parts(reader: SqlReader) -> Iterator[list[bytes]]:
    texts = reader.texts(PolicyEvaluation)
    while part := list(islice(texts, PART_DECISIONS)):
        yield part
