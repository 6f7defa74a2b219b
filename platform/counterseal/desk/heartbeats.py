"""Use case: a sign of life of the log while nothing happens.

Job: append a record when the newest one is old, so that a cut tail shows by time alone.

Invariants
  I1  A log in which something happens gets no heartbeat.
  I2  One silence, one heartbeat: its key follows from the record that it began with.

Not here: when to ask (flows), the cosignature that makes a heartbeat evidence (storage.attesting).
Source: design row "heartbeat every T while idle".
"""

from datetime import datetime, timedelta
from typing import Final

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.mandates import SERVICE_ISSUER
from counterseal.desk.ports import Reader
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Actor, Detail, Event, Refusal, Subject, refuse

BEAT: Final = "log.heartbeat"
STREAM: Final = "heartbeat"


class Heartbeats:
    """Heartbeats of one log."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def beat(self, actor: Actor, *, now: datetime, quiet: timedelta) -> Outcome | None:
        """Append a heartbeat when the newest record is at least `quiet` old; None when it is not.

        Refusals: `SERVICE_ONLY`.

        Raises:
            IntegrityError: when sealing fails.
            AdapterError: the store's.
        """
        with self._bench.store.transaction() as work:
            last = work.last_time()
        if last is None or now - last < quiet:
            return None
        return self._answered(actor, utc_text(last))

    def _answered(self, actor: Actor, since: str) -> Outcome:
        """The heartbeat of one silence, or its replay."""
        command = Command(
            name="heartbeats.beat",
            actor=actor,
            key=f"heartbeat:{since}",
            stream=STREAM,
            payload_digest=digest({"since": since}),
        )

        def decide(_: Reader, at: datetime) -> Done | Refusal:
            del at
            if actor.issuer != SERVICE_ISSUER:
                return refuse("SERVICE_ONLY", "heartbeats are the platform's own", actor=actor.id)
            return _beaten(self._bench.origin, since)

        return self._bench.recorder.run(command, decide)


def _beaten(origin: str, since: str) -> Done:
    event = Event(
        type=BEAT,
        stream=STREAM,
        subject=Subject(type="log", id=origin),
        action="heartbeats.beat",
        facts=(Detail(name="since", value=since),),
    )
    return Done(subject_id=origin, events=(event,))
