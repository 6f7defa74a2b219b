"""What is to happen next, and whose turn it is.

Job: hold the steps of a replayed day in time order, and hand each to the party that it belongs to.

Invariants
  I1  Steps run one at a time, in the order of (instant, phase, name); no insertion order matters.
  I2  A step may only add steps at its own instant or later.

Not here: what a step does (loop), what time it is (the replay clock follows the agenda).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from enum import IntEnum, StrEnum
from heapq import heappop, heappush
from typing import NamedTuple

from counterseal.kernel.errors import InvariantError


class Phase(IntEnum):
    """What goes first at one instant."""

    MARKET = 0
    REST = 1
    TIME_OUT = 2
    CLOSE = 3
    SIGNAL = 4
    REVIEW = 5
    SUBMIT = 6
    CANCEL = 7
    LOOK = 8


class Party(StrEnum):
    """Who carries a step out."""

    INTAKE = "intake"
    PEOPLE = "people"
    EXECUTE = "execute"
    RESIDENT = "resident"


PARTY_OF = {
    Phase.MARKET: Party.INTAKE,
    Phase.REST: Party.RESIDENT,
    Phase.TIME_OUT: Party.RESIDENT,
    Phase.CLOSE: Party.RESIDENT,
    Phase.SIGNAL: Party.INTAKE,
    Phase.REVIEW: Party.PEOPLE,
    Phase.SUBMIT: Party.EXECUTE,
    Phase.CANCEL: Party.PEOPLE,
    Phase.LOOK: Party.RESIDENT,
}


class Step(NamedTuple):
    """One thing to do. `name` is unique at its instant and phase."""

    at: datetime
    phase: Phase
    name: str
    act: Callable[[], None]

    @property
    def order(self) -> tuple[datetime, Phase, str]:
        """What the agenda sorts by."""
        return self.at, self.phase, self.name


class Agenda:
    """Steps to come, and the baton that passes between parties."""

    def __init__(self) -> None:
        self._heap: list[tuple[tuple[datetime, Phase, str], Step]] = []
        self._known: set[tuple[datetime, Phase, str]] = set()
        self._now: datetime | None = None
        self._turn = asyncio.Condition()

    def add(self, step: Step) -> None:
        """Plan a step; the same again changes nothing.

        Raises:
            InvariantError: for a step that lies before the one that runs.
        """
        if self._now is not None and step.at < self._now:
            raise InvariantError("a step was planned for the past")
        if step.order not in self._known:
            self._known.add(step.order)
            heappush(self._heap, (step.order, step))

    @property
    def next_at(self) -> datetime | None:
        """When the next planned step is due; None when nothing is planned."""
        return self._heap[0][1].at if self._heap else None

    async def turns(self, party: Party) -> AsyncIterator[Step]:
        """The steps of a party, each when everything before it is done; ends with the agenda."""
        while True:
            async with self._turn:
                await self._turn.wait_for(lambda: self._next() in {party, None})
                if not self._heap:
                    return
                step = heappop(self._heap)[1]
                self._now = step.at
                yield step
                self._turn.notify_all()

    def _next(self) -> Party | None:
        return PARTY_OF[self._heap[0][1].phase] if self._heap else None
