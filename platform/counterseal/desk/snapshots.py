"""Use case: fix where every stream ends, before anybody asks about one.

Job: append a record with the root of the map of all streams, when the last one is old.

Invariants
  I1  A snapshot covers only records under a signed checkpoint, all of them before itself.
  I2  After one snapshot comes one: the key of the next follows from the last.
  I3  A log in which nothing was recorded since the last snapshot gets no other.

Not here: when to ask (flows), the map (audit.stream_map), holding snapshots against the log
(audit.snapshots).
Source: design part "evidence pack", completeness 2 and 3.
"""

from datetime import datetime, timedelta
from typing import Final

from counterseal.audit.record import StoredRow
from counterseal.audit.snapshots import STREAM, TAKEN, snapshot_of
from counterseal.audit.stream_map import StreamMap
from counterseal.desk.archive import Archive, recorded_at
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Outcome
from counterseal.desk.services import own_record
from counterseal.kernel.model import Actor, Event, Subject, details

_NONE: Final = "none"


class Snapshots:
    """Snapshots of one log.

    Args:
        bench: Of its desk.
        archive: Of the same log.
    """

    def __init__(self, bench: Bench, archive: Archive) -> None:
        self._bench = bench
        self._archive = archive

    def take(self, actor: Actor, *, now: datetime, every: timedelta) -> Outcome | None:
        """Record a snapshot when the last is at least `every` old; None when none is due.

        Refusals: `SERVICE_ONLY`.

        Raises:
            IntegrityError: when sealing fails, or a stored record has no leaf hash.
            AdapterError: the store's.
        """
        last = newest_snapshot(self._archive)
        if last is not None and now - recorded_at(last) < every:
            return None
        covers = self._bench.store.seal()
        if covers == (0 if last is None else last.seq + 1):
            return None
        streams = StreamMap(self._archive.stream_ends(covers))
        event = snapshot_event(streams, covers, self._bench.origin)
        after = _NONE if last is None else last.event_id
        rule = "snapshots are the platform's own"
        return own_record(self._bench, event, actor, key=f"snapshot:{after}", rule=rule)


def newest_snapshot(archive: Archive) -> StoredRow | None:
    """The record of the last snapshot; None before the first."""
    return next((row for row in archive.newest_in(STREAM) if row.type == TAKEN), None)


def snapshot_event(streams: StreamMap, covers: int, origin: str) -> Event:
    """The event that fixes a map.

    Args:
        streams: The map over the first `covers` records.
        covers: A signed size of the log.
        origin: The log's name.
    """
    return Event(
        type=TAKEN,
        stream=STREAM,
        subject=Subject(type="log", id=origin),
        action="snapshots.take",
        facts=details(**snapshot_of(streams, covers)._asdict()),
    )
