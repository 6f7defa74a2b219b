"""Clocks and ids of the machine.

Job: the only place that reads the machine's time and randomness.

Invariants
  I1  Every time is aware UTC.
  I2  A replay clock moves only where it is told to, and never backwards.
  I3  A clock that is ahead opens demo homes only (storage.home_reader).

Not here: what time means (the rooms).
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Final

from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import InputError
from counterseal.kernel.ids import uuid7_id

DEMO_AHEAD: Final = "COUNTERSEAL_DEMO_AHEAD_SECONDS"
"""In the environment: how far the clock of a visited demo home is ahead of the machine's."""


class MachineClock:
    """The machine's clock; its error is not measured here and stated as one second."""

    source = "system"
    max_error_us = 1_000_000

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one adapter that may read the clock


class DemoClock:
    """The clock of a demo home that people visit: the machine's, moved on to when markets are open.

    Args:
        ahead: From the machine's clock to this one.
    """

    source = "demo"
    max_error_us = 1_000_000

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        """The visited instant, in UTC."""
        return MachineClock().now() + self._ahead


def process_clock() -> Clock:
    """The clock of this process: the machine's, but for visits to a demo home.

    What is no number of seconds counts as none here; the settings refuse it.
    """
    told = os.environ.get(DEMO_AHEAD, "")
    seconds = int(told) if told.isascii() and told.isdecimal() else 0
    return DemoClock(timedelta(seconds=seconds)) if seconds else MachineClock()


class ReplayClock:
    """A clock that a replayed day moves forward."""

    source = "replay"
    max_error_us = 0

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The replayed instant, in UTC."""
        return self._now

    def move_to(self, at: datetime) -> None:
        """Move forward.

        Raises:
            InputError: `CLOCK_BACKWARDS` for an earlier time.
        """
        if at < self._now:
            raise InputError("CLOCK_BACKWARDS", "a replay goes forward", expected=self._now, got=at)
        self._now = at.astimezone(UTC)


class MachineIdSource:
    """Random ids and secrets from the operating system."""

    def new(self, prefix: str, key: str, at: datetime) -> str:  # noqa: ARG002 - a seeded source derives from the key
        """A fresh id with 74 random bits."""
        return uuid7_id(prefix, at, os.urandom(10))

    def secret(self, purpose: str, size: int) -> bytes:  # noqa: ARG002 - as above
        """Fresh random bytes."""
        return os.urandom(size)
