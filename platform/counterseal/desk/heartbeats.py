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
from counterseal.desk.commands import Outcome
from counterseal.desk.services import own_record
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Actor, Event, Subject, details

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
        since = utc_text(last)
        event = Event(
            type=BEAT,
            stream=STREAM,
            subject=Subject(type="log", id=self._bench.origin),
            action="heartbeats.beat",
            facts=details(since=since),
        )
        rule = "heartbeats are the platform's own"
        return own_record(self._bench, event, actor, key=f"heartbeat:{since}", rule=rule)
