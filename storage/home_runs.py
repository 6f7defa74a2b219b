"""The runs of a home that readiness looks at: the newest of each kind, and when the next is due.

Job: read what scheduled duties, comparisons and calibrations left in a home.

Invariants
  I1  A run is due again after two periods of its schedule, so that one missed round is forgiven;
      one that nothing schedules counts for nothing.
  I2  A round with nothing to tell is recorded now and then only, and is due that much later.

Not here: other facts of a home (home_facts), recording (desk.rounds), what follows (readiness).
Source: TX-L3, TX-L4.
"""

from collections.abc import Mapping
from datetime import timedelta
from operator import attrgetter

from counterseal.desk.calibrating import CalibrationRun
from counterseal.desk.discrepancies import ReconciliationRun
from counterseal.desk.rounds import QUIET_SECONDS, UNKNOWN, Duty, DutyRound
from counterseal.oms.ingest import GatewayCursor
from counterseal.oms.model import WAITING, OutboxEntry
from counterseal.readiness.model import RunKind, RunSeen
from storage.home_reader import HomeReader
from storage.schedules import period_of

FORGIVEN = 2
"""After so many periods without a run one is overdue."""

_FLOW_OF: Mapping[RunKind, str] = {
    RunKind.RECONCILIATION: "reconcile",
    RunKind.WORKER: "deliver",
    RunKind.TIMEOUT_SCAN: "sweep",
    RunKind.LOSS_WATCH: "sweep",
    RunKind.MARKET_WATCH: "sweep",
}
_ROUNDS = frozenset({*_FLOW_OF} - {RunKind.RECONCILIATION})


def due_seconds(kind: RunKind) -> int | None:
    """Until the next run of a kind must be on record; None for one that nothing schedules."""
    period = period_of(_FLOW_OF.get(kind, ""))
    if period is None:
        return None
    return FORGIVEN * period + (QUIET_SECONDS if kind in _ROUNDS else 0)


def home_runs(reader: HomeReader) -> tuple[RunSeen, ...]:
    """The newest run of each kind that left a document in this home."""
    found = (
        _compared(reader),
        _worked(reader),
        _round(reader, RunKind.TIMEOUT_SCAN, Duty.TIMEOUTS),
        _round(reader, RunKind.LOSS_WATCH, Duty.LOSSES),
        _round(reader, RunKind.MARKET_WATCH, Duty.MARKS),
        _calibrated(reader),
    )
    return tuple(run for run in found if run is not None)


def _scheduled(run: RunSeen) -> RunSeen:
    """The run with its due time; without a schedule it is not whole."""
    due = due_seconds(run.kind)
    if due is None:
        return run.amended(whole=False, told=f"{run.told}; nothing does it by itself")
    return run.amended(due_seconds=due)


def _compared(reader: HomeReader) -> RunSeen | None:
    newest = next(iter(reader.newest(ReconciliationRun, "at", 1)), None)
    if newest is None:
        return None
    told = (
        f"{newest.orders} orders, {newest.fills} fills, {newest.accounts} accounts compared:"
        f" {newest.critical} critical, {newest.warnings} other differences"
    )
    run = RunSeen(
        kind=RunKind.RECONCILIATION, run_id=newest.run_id, at=newest.at, whole=True, told=told
    )
    return _scheduled(run)


def _round(reader: HomeReader, kind: RunKind, duty: Duty) -> RunSeen | None:
    """The newest round of a duty; it is not whole while it could not know something."""
    made = reader.get(DutyRound, duty.value)
    if made is None:
        return None
    blind = any(one.name == UNKNOWN and one.value != "0" for one in made.counts)
    run = RunSeen(kind=kind, run_id=duty.value, at=made.at, whole=not blind, told=made.told)
    return _scheduled(run)


def _worked(reader: HomeReader) -> RunSeen | None:
    """The worker's newest sign of life; whole when no message waited longer than it may be away.

    A worker that has reports to read advances its place in them; an idle one records a round.
    """
    read = max(reader.find(GatewayCursor), key=attrgetter("updated_at"), default=None)
    idle = _round(reader, RunKind.WORKER, Duty.DELIVER)
    if read is None and idle is None:
        return None
    seen = [] if read is None else [read.updated_at]
    at = max([*seen, *([] if idle is None else [idle.at])])
    away = timedelta(seconds=due_seconds(RunKind.WORKER) or 0)
    waiting = reader.find(OutboxEntry, status=WAITING)
    left = sum(entry.available_at <= at - away for entry in waiting)
    place = "no report read yet" if read is None else f"reports read up to {read.sequence}"
    run = RunSeen(
        kind=RunKind.WORKER,
        run_id=Duty.DELIVER.value if read is None else read.gateway,
        at=at,
        whole=not left,
        told=f"{place}; messages left behind: {left}",
    )
    return _scheduled(run)


def _calibrated(reader: HomeReader) -> RunSeen | None:
    """The newest calibration; it does not grow old, its tape does not change."""
    newest = max(reader.find(CalibrationRun), key=attrgetter("at"), default=None)
    if newest is None:
        return None
    errors = ", ".join(
        f"{row.model_version} x{row.size} {row.off_p50 if row.off_p50 is not None else 'unknown'}"
        for row in newest.rows
    )
    told = (
        f"{newest.symbol}, data {newest.data_version[:19]}, {newest.probes} probes over"
        f" {newest.prints} prints; median distance in points: {errors}"
    )
    return RunSeen(
        kind=RunKind.CALIBRATION,
        run_id=newest.run_id,
        at=newest.at,
        whole=newest.measured,
        told=told,
    )
