"""Use case: keep on record that a duty which runs again and again still does.

Job: one document a duty, with what its newest recorded round looked at and found.

Invariants
  I1  A round that found what the one before found is recorded only when that one is old: a duty
      that has nothing to do leaves a sign of life, and no more.
  I2  Only the platform's own service records rounds; one moment has one record of a duty.

Not here: what a duty does (its own use case), when it runs (flows), how old is too old (readiness).
Source: TX-L4:outbox_worker_enabled, TX-L4:full_timeout_worker_enabled, TX-I8.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.ports import Reader
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime, utc_text
from counterseal.kernel.model import (
    Actor,
    Detail,
    Document,
    DomainModel,
    Event,
    Name,
    Refusal,
    Sha256,
    Subject,
    refuse,
)

STREAM: Final = "duties"
QUIET_SECONDS: Final = 300
"""A round that found nothing new is recorded once in so many seconds."""

UNKNOWN: Final = "unknown"
"""Name of the count of what a round looked at and could not know."""


class Duty(StrEnum):
    """What runs on a schedule."""

    DELIVER = "deliver"
    TIMEOUTS = "timeouts"
    LOSSES = "losses"
    MARKS = "marks"


class DutyRound(Document):
    """The newest recorded round of a duty; earlier ones stand in the log.

    Attributes:
        inputs: What it was told, such as `timeout_seconds`.
        counts: How many it looked at, and how many of these it found.
        findings: Digest of what it found; the same findings give the same one.
        started_by: The service.
        at: Instant of the record (UTC).
    """

    KIND: ClassVar[str] = "duty_rounds"
    KEY: ClassVar[str] = "duty"

    duty: Duty
    inputs: tuple[Detail, ...] = ()
    counts: tuple[Detail, ...] = ()
    findings: Sha256
    started_by: Name
    at: UtcDatetime

    @property
    def told(self) -> str:
        """The counts in one line."""
        return ", ".join(f"{one.name} {one.value}" for one in self.counts) or "nothing counted"


class RoundFound(DomainModel):
    """What one round was told, counted and found."""

    duty: Duty
    inputs: tuple[Detail, ...] = ()
    counts: tuple[Detail, ...] = ()
    findings: Sha256


class Rounds:
    """Records rounds of duties."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def record(self, found: RoundFound, actor: Actor, *, run: str | None = None) -> Outcome | None:
        """Record a round that found something else than the last one, or whose last one is old.

        Returns:
            None when there is nothing to tell; else the outcome, which names the duty.
            Refusals: `SERVICE_ONLY`.

        Raises:
            IntegrityError: when sealing fails.
            AdapterError: the store's.
        """
        now = self._bench.recorder.now()
        with self._bench.store.reader() as reader:
            last = reader.get(DutyRound, found.duty.value)
        old = last is None or now - last.at >= timedelta(seconds=QUIET_SECONDS)
        if last is not None and not old and last.findings == found.findings:
            return None
        since = "first" if last is None else utc_text(last.at)
        command = Command(
            name="duties.round",
            actor=actor,
            key=f"round:{found.duty}:{digest([since, found.findings, actor.id])[7:39]}",
            stream=STREAM,
            payload_digest=digest([since, found.duty.value, found.findings]),
            run=run,
        )

        def decide(_: Reader, at: datetime) -> Done | Refusal:
            if actor.issuer != SERVICE_ISSUER:
                return refuse("SERVICE_ONLY", "rounds are the platform's own", actor=actor.id)
            return _recorded(DutyRound(**dict(found), started_by=actor.id, at=at))

        return self._bench.recorder.run(command, decide)


def _recorded(made: DutyRound) -> Done:
    event = Event(
        type="duty.round",
        stream=STREAM,
        subject=Subject(type="duty", id=made.duty.value),
        action="duties.round",
        documents=(made,),
    )
    return Done(subject_id=made.duty.value, events=(event,))
