"""When a record can have been written.

Job: bound the recorded time of every record by what outsiders saw of the log, and when.

Invariants
  I1  A record that an outsider's tree holds was recorded no later than that sighting.
  I2  A record that it does not hold was recorded no earlier than the tree was first known, less
      the stated lag: evidence is taken of the newest checkpoint, but after it was signed.
  I3  A record is judged outside its window only beyond both sides' stated errors; what a record
      says about its own clock's error widens its window up to a limit only.

Not here: who saw it (audit.outside). Evidence taken again later, such as a renewed stamp, widens
and narrows nothing.
Source: design rows "time window" and A7.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from counterseal.kernel.clock import parse_utc, utc_text

EVIDENCE_LAG_MAX: Final = timedelta(seconds=60)
"""Longest time between reading the newest checkpoint and the outsider's time; whoever gathers
evidence throws later answers away."""

CLOCK_ERROR_US_MAX: Final = 5_000_000
"""Most microseconds of its own clock's error that a record may claim for itself."""


class Sighting(NamedTuple):
    """An outsider saw a tree at a time between `earliest` and `latest` (UTC, with its error).

    Attributes:
        source: Who saw it, such as `witnesses` or `stamp`.
    """

    size: int
    earliest: datetime
    latest: datetime
    source: str


class TimeWindow(NamedTuple):
    """Bounds of the recorded time of records with `start` <= seq < `end`.

    Attributes:
        end: None after the last sighting.
        earliest: None before the first sighting.
        latest: None after the last sighting.
    """

    start: int
    end: int | None
    earliest: datetime | None
    latest: datetime | None


class TimeWindows:
    """The windows of a log.

    Args:
        sightings: In any order.
        lag: See I2.
    """

    __slots__ = ("_bounds", "_starts", "windows")

    def __init__(
        self, sightings: Iterable[Sighting] = (), lag: timedelta = EVIDENCE_LAG_MAX
    ) -> None:
        self.windows = _windows(tuple(sightings), lag)
        self._starts = [window.start for window in self.windows]
        self._bounds = [
            (
                "" if window.earliest is None else utc_text(window.earliest),
                "~" if window.latest is None else utc_text(window.latest),
            )
            for window in self.windows
        ]

    @property
    def seen_from(self) -> int | None:
        """Size of the smallest tree seen: records from here on have an earliest time."""
        return self.windows[0].end if self.windows else None

    @property
    def seen_to(self) -> int | None:
        """Size of the largest tree seen: records before it have a latest time."""
        return self.windows[-1].start if self.windows else None

    @property
    def widest(self) -> timedelta | None:
        """Longest time between two sightings with records between them; None without two."""
        spans = [
            window.latest - window.earliest
            for window in self.windows
            if window.latest is not None and window.earliest is not None
        ]
        return max(spans, default=None)

    @property
    def starts(self) -> tuple[int, ...]:
        """Where a window begins, ascending."""
        return tuple(self._starts)

    def hold(self, start: int, end: int, earliest: str, latest: str) -> bool:
        """Whether no record with `start` <= seq < `end` can lie outside its window.

        Args:
            start: The first of them.
            end: One behind the last.
            earliest: Least of their recorded times, as text.
            latest: Greatest of them.
        """
        first = max(bisect_right(self._starts, start) - 1, 0)
        behind = bisect_right(self._starts, end - 1)
        return all(low <= earliest and latest <= high for low, high in self._bounds[first:behind])

    def outside(self, seq: int, recorded_at: str, error_us: int) -> bool:
        """Whether a record's time lies outside its window.

        Args:
            seq: Its place.
            recorded_at: Its text with six digits and `Z`.
            error_us: Its stated clock error, microseconds.
        """
        if not self.windows:
            return False
        at = max(bisect_right(self._starts, seq) - 1, 0)
        earliest, latest = self._bounds[at]
        if earliest <= recorded_at <= latest:
            return False
        return self._beyond_error(self.windows[at], recorded_at, error_us)

    @staticmethod
    def _beyond_error(window: TimeWindow, recorded_at: str, error_us: int) -> bool:
        try:
            told = parse_utc(recorded_at)
        except ValueError:
            return True
        error = timedelta(microseconds=max(0, min(error_us, CLOCK_ERROR_US_MAX)))
        early = window.earliest is not None and told + error < window.earliest
        late = window.latest is not None and told - error > window.latest
        return early or late


def _windows(sightings: tuple[Sighting, ...], lag: timedelta) -> tuple[TimeWindow, ...]:
    """From the largest tree down: a tree was known when it, or any larger one, was first seen."""
    known: list[tuple[int, datetime, datetime]] = []
    for seen in sorted(sightings, key=lambda sighting: sighting.size, reverse=True):
        earliest, latest = seen.earliest, seen.latest
        if known:
            earliest, latest = min(earliest, known[-1][1]), min(latest, known[-1][2])
            if known[-1][0] == seen.size:
                known.pop()
        known.append((seen.size, earliest, latest))
    windows: list[TimeWindow] = []
    start, floor = 0, None
    for size, earliest, latest in reversed(known):
        windows.append(TimeWindow(start, size, floor, latest))
        start, floor = size, earliest - lag
    if known:
        windows.append(TimeWindow(start, None, floor, None))
    return tuple(windows)
