"""The days on which the exchange trades.

Job: hold session dates made of a base calendar less dated, sourced closures.

Invariants
  I1  Dates are sorted and unique.
  I2  A question beyond the first or last date is an error, never a guess.
  I3  A closure removes its day and no other.

Not here: where base dates come from (storage), hours (market.sessions).
Source: trading part 1.6.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date
from typing import Self

from pydantic import Field, model_validator

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel
from counterseal.market.contracts import Closure


class TradingCalendar(DomainModel):
    """Session dates, Taipei, ascending."""

    sessions: tuple[date, ...] = Field(min_length=1, max_length=50_000)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if any(a >= b for a, b in zip(self.sessions, self.sessions[1:], strict=False)):
            raise ValueError("session dates ascend and stand once")
        return self

    def is_session(self, day: date) -> bool:
        """Whether the regular session is held on the day.

        Raises:
            InputError: `CALENDAR_RANGE`.
        """
        return self.next_from(day) == day

    def next_from(self, day: date) -> date:
        """The day itself if it is a session, else the next session.

        Raises:
            InputError: `CALENDAR_RANGE`.
        """
        return self._at(bisect_left(self.sessions, day), day)

    def next_after(self, day: date) -> date:
        """The first session later than the day.

        Raises:
            InputError: `CALENDAR_RANGE`.
        """
        return self._at(bisect_right(self.sessions, day), day)

    def _at(self, index: int, day: date) -> date:
        if day < self.sessions[0] or index >= len(self.sessions):
            raise InputError(
                "CALENDAR_RANGE",
                "the calendar does not cover this day",
                field="day",
                expected=f"{self.sessions[0]}..{self.sessions[-1]}",
                got=day,
            )
        return self.sessions[index]


def calendar_from(base: Iterable[date], closures: tuple[Closure, ...]) -> TradingCalendar:
    """Base dates less the overlay; a closure on a day that is closed anyway changes nothing."""
    closed = {closure.day for closure in closures}
    return TradingCalendar(sessions=tuple(sorted(set(base) - closed)))
