"""Use case: a calibration of the fill models, made here and kept.

Job: send probes along a tape that the caller brings, and record what came with the tape's version.

Invariants
  I1  The numbers are computed here from the tape, never told by whoever asks.
  I2  A run names the bytes that it was made from, and the digest of the whole report.

Not here: probes and yardstick (broker.calibration), reading a tape (storage).
Source: TX-L3:slippage_liquidity_calibration_enabled; trading reference 5.3.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, NamedTuple

from pydantic import Field

from counterseal.broker.calibration import (
    EVERY_MODEL,
    CalibrationReport,
    CalibrationTerms,
    StrayRow,
    calibrate,
)
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import (
    Actor,
    AlwaysTrue,
    Document,
    Event,
    Name,
    Refusal,
    Sha256,
    Subject,
    refuse,
)
from counterseal.market.tape import TapeDeal
from counterseal.policy.authorize import Action, authorize

STREAM = "calibration"


class CalibrationRun(Document):
    """How far the fills of each model strayed from one tape.

    Attributes:
        data_version: Digest of the file that the tape was read from.
        prints: How many prints the tape has; probes: orders sent to each model and size.
        rows: Distance by model and size; points, see `StrayRow`.
        report: Digest of the whole report with its assumptions: the same tape gives the same one.
    """

    KIND: ClassVar[str] = "calibration_runs"
    KEY: ClassVar[str] = "run_id"

    run_id: Name
    symbol: Name
    data_version: Sha256
    prints: int = Field(ge=1)
    terms: CalibrationTerms
    rows: tuple[StrayRow, ...] = Field(min_length=1, max_length=100)
    report: Sha256
    started_by: Name
    at: UtcDatetime
    simulated: AlwaysTrue = True

    @property
    def probes(self) -> int:
        """Orders sent over all rows."""
        return sum(row.probes for row in self.rows)

    @property
    def measured(self) -> bool:
        """Whether every model's distance at some size is known."""
        known = {row.model_version for row in self.rows if row.off_p50 is not None}
        return known == {row.model_version for row in self.rows}


class CalibrationTape(NamedTuple):
    """Prints of one contract in order, the contract's tick (points), and the file's digest."""

    symbol: str
    deals: Sequence[TapeDeal]
    tick: Decimal
    data_version: str


class Calibrating:
    """Makes and keeps calibrations."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def run(
        self, tape: CalibrationTape, terms: CalibrationTerms, actor: Actor, *, key: str
    ) -> Outcome:
        """Probe every model along the tape and record the result; the outcome names the run.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `ROLE`, `TAPE_WITHOUT_PROBE` when no instant of
        the tape had prints before and after it.
        """
        report = calibrate(tape.symbol, tape.deals, tape.tick, EVERY_MODEL, terms)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            person = person_of(reader, actor)
            if isinstance(person, Refusal):
                return person
            barred = authorize(Action.SET_UP, person.held_roles(), active=person.active)
            if barred is not None:
                return barred
            if not any(row.probes for row in report.rows):
                return refuse("TAPE_WITHOUT_PROBE", "no order could be probed", symbol=tape.symbol)
            run_id = self._bench.ids.new("cal", key, now)
            return _kept(_made(run_id, tape, report, actor.id, now))

        command = Command(
            name="broker.calibrate",
            actor=actor,
            key=key,
            stream=STREAM,
            payload_digest=digest([tape.data_version, report.digest]),
        )
        return self._bench.recorder.run(command, decide)


def _made(
    run_id: str, tape: CalibrationTape, report: CalibrationReport, by: str, now: datetime
) -> CalibrationRun:
    return CalibrationRun(
        run_id=run_id,
        symbol=tape.symbol,
        data_version=tape.data_version,
        prints=len(tape.deals),
        terms=report.terms,
        rows=report.rows,
        report=report.digest,
        started_by=by,
        at=now,
    )


def _kept(made: CalibrationRun) -> Done:
    event = Event(
        type="broker.calibrated",
        stream=STREAM,
        subject=Subject(type="calibration_run", id=made.run_id),
        action="broker.calibrate",
        documents=(made,),
    )
    return Done(subject_id=made.run_id, events=(event,))
