"""Parts of the house that are started again when they end.

Job: keep one child running: look at it, wait a little longer after each failure, start it anew.

Invariants
  I1  A part that ends is told of with its status, and started again after a pause that doubles.
  I2  A part that ran for a minute begins to count anew; too many failures in a row end the house.
  I3  What a part prints does not grow for ever: its file is cut while it runs.

Not here: what a part is (serve), ending processes (processes).
Source: issue point "one supervisor with health checks, clean stop, restart of what dies".
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from counterseal.kernel.errors import AdapterError
from flows.processes import Guarded
from storage.log_files import LOG_BYTES_MAX, shorten
from storage.telling import Tell, Told, silent

PAUSE_FIRST_SECONDS: Final = 1.0
STEADY_SECONDS: Final = 60.0
FAILURES_MAX: Final = 6
"""Failures in a row after which a part is given up: a minute of pauses by then."""


class Part:
    """One child and how it is started; leaving the block stops it.

    Args:
        name: As people are told.
        start: Starts it; called again after each end.
        tell: Hears what happens, as people read it.
        now: Seconds of a clock that never goes back.
        log: The log of the house.
        output: The file that it prints into; None for a terminal.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Guarded],
        tell: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
        log: Tell = silent,
        output: Path | None = None,
    ) -> None:
        self._name = name
        self._start = start
        self._tell = tell
        self._now = now
        self._log = log
        self._output = output
        self._failures = 0
        self._again: float | None = None
        self._child, self._since = start(), now()

    @property
    def child(self) -> Guarded:
        """The newest process of this part, running or not."""
        return self._child

    def look(self) -> None:
        """Tell of an end, and start it again when its pause is over.

        Raises:
            AdapterError: `HALL_PART_ENDED` when it ended too often in a row.
        """
        if self._output is not None and shorten(self._output, LOG_BYTES_MAX):
            self._log(Told.OUTPUT_CUT, child=self._name)
        now, status = self._now(), self._child.status
        if status is None:
            steady = now - self._since >= STEADY_SECONDS
            self._failures = 0 if steady else self._failures
        elif self._again is None:
            self._child.stop()
            self._failures += 1
            if self._failures > FAILURES_MAX:
                raise AdapterError(
                    "HALL_PART_ENDED", "a part ends again and again; see its log", got=self._name
                )
            seconds = PAUSE_FIRST_SECONDS * 2 ** (self._failures - 1)
            self._again = now + seconds
            self._tell(f"{self._name:<9} ended with {status}; again in {seconds:.0f} s")
            self._log(Told.PART_ENDED, child=self._name, status=status, again_seconds=int(seconds))
        elif now >= self._again:
            self._child, self._since, self._again = self._start(), now, None
            self._tell(f"{self._name:<9} started again")
            self._log(Told.PART_STARTED, child=self._name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()
