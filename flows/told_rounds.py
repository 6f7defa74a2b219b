"""What the resident loop tells of its rounds.

Job: keep each round as the last of its kind, write what it did into the log of the loop, and say at
a terminal what failed.

Invariants
  I1  A round that found nothing to do is kept and not written; the first good one behind a failure
      is.
  I2  What a step was about stands in its line by its id, and what came of it by codes alone.

Not here: the loop (resident), the forms of lines (storage.telling).
Source: issue "Always on", point 4.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from counterseal.readiness.running import DONE
from flows.resident import Turn
from flows.work import Step
from flows.workplace import Workplace
from storage.last_rounds import LastRounds
from storage.telling import House, Told, telling


class RoundsTold:
    """Hears every round of one loop; its threads share it.

    Args:
        place: Of the home.
        names: The kinds of rounds that this loop makes.
        say: Says a line at the terminal.
    """

    def __init__(self, place: Workplace, names: Sequence[str], say: Callable[[str], None]) -> None:
        home = place.settings.counterseal_home
        self._last = LastRounds(home, place.clock.now(), names)
        self._tell = telling(home, House.ROUNDS, place.clock)
        self._say = say
        self._failing: set[str] = set()

    @contextmanager
    def leading(self) -> Iterator[None]:
        """Tell that the loop leads, and when it leaves."""
        self._say("rounds    the resident loop leads")
        self._tell(Told.LOOP_LEADS, pid=os.getpid())
        try:
            yield
        finally:
            self._tell(Told.LOOP_LEFT, pid=os.getpid())

    def __call__(self, turn: Turn) -> None:
        """Hear of one round."""
        self._last.note(turn.name, turn.began, turn.ended, turn.said)
        took = (turn.ended - turn.began) // timedelta(milliseconds=1)
        if turn.error is not None:
            self._failing.add(turn.name)
            self._tell(Told.ROUND_FAILED, turn.error, codes=turn.said, took_ms=took)
            self._say(f"rounds    {turn.name} failed: {type(turn.error).__name__} {turn.said}")
            return
        self._steps(turn.steps)
        if turn.steps or turn.name in self._failing:
            self._failing.discard(turn.name)
            self._tell(
                Told.ROUND_DONE,
                codes=DONE,
                took_ms=took,
                steps=len(turn.steps),
                refused=sum(bool(step.codes) for step in turn.steps),
                log_size=max((step.sealed_size for step in turn.steps), default=0),
            )

    def _steps(self, steps: Sequence[Step]) -> None:
        """A line for each step: what it was about, and the codes of a refusal."""
        for step in steps:
            codes = ",".join(step.codes) or DONE
            size = step.sealed_size
            self._tell(Told.STEP_TAKEN, subject_id=step.subject_id, codes=codes, log_size=size)
