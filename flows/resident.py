"""The resident loop: what is due every few seconds, without a process for each time.

Job: look again and again whether a round is due, by time or because the log has grown, and do those
that are, at one opened desk.

Invariants
  I1  A round that fails is told and comes again at its time; it holds up no other and ends no loop.
  I2  A desk is opened for the rounds of one look: the next look works under the policy of then.
  I3  Whoever leads is alone: a second loop of the same home waits until the first one ends.
  I4  A round has an id of its own: what it records and what it tells carry it.

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
from counterseal.kernel.ids import IdSource
from counterseal.readiness.running import DONE
from flows.work import Step
from flows.workplace import Workplace
from storage.schedules import ROUND_SECONDS
from storage.telling import about

LOOK_SECONDS: Final = 0.25
"""Between two looks; a look at a log that did not grow reads one row."""

CALM_SECONDS: Final = 1.0
"""The same where no round waits for the log."""

FAILED: Final = "ROUND_FAILED"


class Round(NamedTuple):
    """Something that is done again and again.

    Attributes:
        name: Its name in `storage.schedules.ROUND_SECONDS`.
        act: Does it once, under an id that its records carry.
        grown: Whether it also comes at once when the log has grown.
    """

    name: str
    act: Callable[[Workplace, str], object]
    grown: bool = False

    @property
    def every(self) -> timedelta:
        """After which it comes again at the latest."""
        return timedelta(seconds=ROUND_SECONDS[self.name])


class Turn(NamedTuple):
    """One round that was done.

    Attributes:
        name: Its kind.
        began, ended: When (UTC).
        report: What it gave back; None when it failed.
        error: What ended it; None when it came to its end.
    """

    name: str
    began: datetime
    ended: datetime
    report: object = None
    error: Exception | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """What it recorded or was refused, as its report says."""
        return tuple(getattr(self.report, "steps", ()))

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
        hear: Is told of every turn, inside of what is bound to its round.
        ids: Names rounds.
    """

    def __init__(
        self,
        clock: Clock,
        opened: Callable[[], AbstractContextManager[Workplace]],
        rounds: Sequence[Round],
        head: Callable[[], object],
        hear: Callable[[Turn], None],
        ids: IdSource,
    ) -> None:
        self._clock = clock
        self._opened = opened
        self._rounds = tuple(rounds)
        self._follows = any(one.grown for one in rounds)
        self._head = head
        self._hear = hear
        self._ids = ids
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
            return tuple(self._failed(one, now, error) for one in due)

    def _is_due(self, one: Round, now: datetime) -> bool:
        return self._next.get(one.name, now) <= now

    def _turn(self, one: Round, place: Workplace) -> Turn:
        began = self._clock.now()
        name = self._ids.new("rnd", one.name, began)
        with about(round_id=name, round=one.name):
            try:
                report = one.act(place, name)
            except Exception as error:  # noqa: BLE001 - the edge of a round: the engine may raise anything
                return self._heard(one, began, error=error)
            return self._heard(one, began, report)

    def _failed(self, one: Round, began: datetime, error: Exception) -> Turn:
        """A round that found no desk."""
        with about(round_id=self._ids.new("rnd", one.name, began), round=one.name):
            return self._heard(one, began, error=error)

    def _heard(
        self,
        one: Round,
        began: datetime,
        report: object = None,
        error: Exception | None = None,
    ) -> Turn:
        self._next[one.name] = began + one.every
        turn = Turn(one.name, began, self._clock.now(), report, error)
        self._hear(turn)
        return turn
