"""The resident loop: what is due every few seconds, without a process for each time.

Job: look again and again whether a round is due, by time or because the log has grown, and do those
that are, at one opened desk.

Invariants
  I1  A round that fails is told and comes again at its time; it holds up no other and ends no loop.
  I2  A desk is opened for the rounds of one look: the next look works under the policy of then.
  I3  Whoever leads is alone: a second loop of the same home waits until the first one ends.

Not here: what a round does (waiting, gateway_work, evidence, blocks, dispatching), which there are
(attend), periods (storage.schedules).
Source: workflow part 5, rule "resident loop"; policies/decisions/0027-rounds-need-no-run.md.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from threading import Event
from typing import Final, NamedTuple

from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import CountersealError
from flows.workplace import Workplace
from storage.schedules import ROUND_SECONDS

LOOK_SECONDS: Final = 0.25
"""Between two looks; a look at a log that did not grow reads one row."""

CALM_SECONDS: Final = 1.0
"""The same where no round waits for the log."""

DONE: Final = "done"
FAILED: Final = "ROUND_FAILED"


class Round(NamedTuple):
    """Something that is done again and again.

    Attributes:
        name: Its name in `storage.schedules.ROUND_SECONDS`.
        act: Does it once.
        grown: Whether it also comes at once when the log has grown.
    """

    name: str
    act: Callable[[Workplace], object]
    grown: bool = False

    @property
    def every(self) -> timedelta:
        """After which it comes again at the latest."""
        return timedelta(seconds=ROUND_SECONDS[self.name])


class Turn(NamedTuple):
    """One round that was done, and the error that ended it."""

    name: str
    error: Exception | None = None

    @property
    def said(self) -> str:
        """`done`, or the code of the error."""
        return DONE if self.error is None else str(getattr(self.error, "code", FAILED))


class Resident:
    """The loop over some rounds of one home; several may share a home, each in its thread.

    Args:
        clock: Of the home.
        opened: Opens its desk for the rounds of one look.
        rounds: What there is to do.
        head: Tells of the log's end; another answer means that it has grown.
        hear: Is told of every turn.
    """

    def __init__(
        self,
        clock: Clock,
        opened: Callable[[], AbstractContextManager[Workplace]],
        rounds: Sequence[Round],
        head: Callable[[], object],
        hear: Callable[[Turn], None],
    ) -> None:
        self._clock = clock
        self._opened = opened
        self._rounds = tuple(rounds)
        self._follows = any(one.grown for one in rounds)
        self._head = head
        self._hear = hear
        self._seen: object = None
        self._next: dict[str, datetime] = {}

    def run(self, stopped: Event) -> None:
        """Look until told to stop; a round that is under way is ended first."""
        while not stopped.wait(LOOK_SECONDS if self._follows else CALM_SECONDS):
            self.look()

    def look(self) -> tuple[Turn, ...]:
        """Do what is due now, in the order of the rounds; nothing on most looks."""
        now = self._clock.now()
        try:
            head = self._head() if self._follows else None
        except CountersealError:
            head = self._seen  # rounds tell of it when they are due
        grew, self._seen = head != self._seen, head
        due = [one for one in self._rounds if (grew and one.grown) or self._is_due(one, now)]
        if not due:
            return ()
        try:
            with self._opened() as place:
                return tuple(self._turn(one, place) for one in due)
        except CountersealError as error:
            return tuple(self._done(one, now, error) for one in due)

    def _is_due(self, one: Round, now: datetime) -> bool:
        return self._next.get(one.name, now) <= now

    def _turn(self, one: Round, place: Workplace) -> Turn:
        began = self._clock.now()
        try:
            one.act(place)
        except Exception as error:  # noqa: BLE001 - the edge of a round: the engine may raise anything
            return self._done(one, began, error)
        return self._done(one, began)

    def _done(self, one: Round, began: datetime, error: Exception | None = None) -> Turn:
        self._next[one.name] = began + one.every
        turn = Turn(one.name, error)
        self._hear(turn)
        return turn
