"""Strategies that listen to a market.

Job: hand each moment to the strategies of its instruments, and tell what they said and when.

Invariants
  I1  What is said at an instant follows from the moments up to it alone.
  I2  A strategy that spoke of an instrument is not heard on it again before its pause is over; its
      state goes on all the same.
  I3  Everything here is frozen: a listener answers with the listener that it becomes.

Not here: the moments (market.replay), rules (signals.strategies_samples), what becomes of what was
said (desk).
Source: features TX-C8; trading part 2.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Generic, NamedTuple, Protocol

from counterseal.market.replay import Moment
from counterseal.signals.strategies import Proposal, S, Said, Strategy


class Spoken(NamedTuple):
    """A proposal at an instant (UTC), with the price in points that the strategy saw last.

    Attributes:
        place: Counts what a strategy said of a symbol at this instant, from 1.
    """

    at: datetime
    symbol: str
    strategy_id: str
    place: int
    price: Decimal
    proposal: Proposal


class Listener(Protocol):
    """One strategy on one instrument."""

    def hear(self, moment: Moment) -> "tuple[Listener, tuple[Spoken, ...]]":
        """What the listener becomes by a moment, and what it says."""


@dataclass(frozen=True, slots=True)
class Ear(Generic[S]):
    """A strategy with its state on one instrument.

    Attributes:
        pause: How long it is not heard after it spoke.
        spoke_at: When it was heard last (UTC).
    """

    strategy: Strategy[S]
    symbol: str
    pause: timedelta
    state: S
    spoke_at: datetime | None = None

    def hear(self, moment: Moment) -> "tuple[Ear[S], tuple[Spoken, ...]]":
        """Answer the ticks and bars of the own instrument, in their order."""
        state, said = self.state, list[tuple[Decimal, Proposal]]()
        for price, answer in self._answers(moment):
            state = answer.state
            said += [(price, proposal) for proposal in answer.proposals]
        quiet = self.spoke_at is not None and moment.at - self.spoke_at < self.pause
        if quiet or not said:
            return (self if state is self.state else replace(self, state=state)), ()
        spoken = tuple(
            Spoken(moment.at, self.symbol, self.strategy.name, place, price, proposal)
            for place, (price, proposal) in enumerate(said, 1)
        )
        return replace(self, state=state, spoke_at=moment.at), spoken

    def _answers(self, moment: Moment) -> Iterator[tuple[Decimal, Said[S]]]:
        """Each answer with the price that it was given to."""
        state = self.state
        for tick in moment.ticks if self.strategy.hears_ticks else ():
            if tick.symbol == self.symbol:
                answer = self.strategy.on_tick(tick, state)
                state = answer.state
                yield tick.price, answer
        for bar in moment.bars:
            if bar.symbol == self.symbol:
                answer = self.strategy.on_bar(bar, state)
                state = answer.state
                yield bar.close, answer


def listening(strategy: Strategy[S], symbols: Collection[str], pause: timedelta) -> list[Ear[S]]:
    """A strategy on each of some instruments, before it heard anything."""
    return [Ear(strategy, symbol, pause, strategy.start()) for symbol in sorted(symbols)]


def hear(
    listeners: Sequence[Listener], moment: Moment
) -> tuple[tuple[Listener, ...], tuple[Spoken, ...]]:
    """What listeners become by a moment, and what they say: by listener, in the given order."""
    heard = [listener.hear(moment) for listener in listeners]
    return (
        tuple(listener for listener, _ in heard),
        tuple(one for _, spoken in heard for one in spoken),
    )
