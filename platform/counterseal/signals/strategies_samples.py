"""Three small, stated strategies.

Job: give the governed path something to govern, and show how a strategy is written.

Invariants
  I1  Only what is over is read: no look-ahead.
  I2  The same prices and the same parameters give the same direction.

Not here: whether anybody should follow them; they carry no claim of performance.
Source: features TX-C8 (momentum); the opening range and the reversion are choices of this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from pydantic import Field

from counterseal.kernel.model import DomainModel, details
from counterseal.kernel.money import EXACT, Exact, Price, quantized
from counterseal.market.quotes import Bar
from counterseal.market.replay import Tick
from counterseal.market.sessions import REGULAR, TAIPEI, taipei
from counterseal.signals.model import Direction
from counterseal.signals.strategies import Proposal, Said, Strategy

PLACES = 4
"""Means are rounded half up to this many places of a point."""


class MomentumRule(DomainModel):
    """Follow a change: LONG above `threshold_points`, SHORT below its negative, else FLAT."""

    threshold_points: Exact = Field(default=Decimal(2), gt=0)


class ReversionRule(DomainModel):
    """Stand against a stretched close.

    Attributes:
        lookback: Closes, the newest included, whose mean the newest is compared with.
        stretch: How many mean absolute deviations the newest must lie away.
        distance_points_min: The least distance in points.
    """

    lookback: int = Field(default=12, ge=2, le=1000)
    stretch: Exact = Field(default=Decimal("1.5"), gt=0)
    distance_points_min: Exact = Field(default=Decimal(5), ge=0)


class OpeningRangeRule(DomainModel):
    """Follow the first close outside the range of a regular session's first minutes."""

    range_minutes: int = Field(default=15, ge=1, le=240)


class LastPrice(DomainModel):
    """The price before, in points; None at first."""

    price: Price | None = None


class Closes(DomainModel):
    """The newest closes, in points, oldest first."""

    closes: tuple[Exact, ...] = ()


class OpeningRange(DomainModel):
    """The range of a session's opening, in points, and whether the market has left it."""

    day: date | None = None
    low: Price = Decimal(0)
    high: Price = Decimal(0)
    left: bool = False


_MOMENTUM: Final = MomentumRule()
_REVERSION: Final = ReversionRule()
_OPENING: Final = OpeningRangeRule()


@dataclass(frozen=True)
class Momentum(Strategy[LastPrice]):
    """Goes with the change of the last price."""

    parameters: MomentumRule = _MOMENTUM
    name: str = "momentum"
    version: str = "1.0.0"
    hears_ticks: bool = True

    def start(self) -> LastPrice:
        """No price yet."""
        return LastPrice()

    def on_tick(self, tick: Tick, state: LastPrice) -> Said[LastPrice]:
        """Direction of the change since the tick before; nothing for a small one."""
        heard = LastPrice(price=tick.price)
        if state.price is None:
            return Said(heard)
        return Said(heard, _toward(momentum(tick.price - state.price, self.parameters)))


@dataclass(frozen=True)
class MeanReversion(Strategy[Closes]):
    """Goes against a close that lies far from the mean of the last ones."""

    parameters: ReversionRule = _REVERSION
    name: str = "mean-reversion"
    version: str = "1.0.0"

    def start(self) -> Closes:
        """No close yet."""
        return Closes()

    def on_bar(self, bar: Bar, state: Closes) -> Said[Closes]:
        """Direction against the newest close; nothing before `lookback` closes are known."""
        closes = (*state.closes, bar.close)[-self.parameters.lookback :]
        return Said(Closes(closes=closes), _toward(reversion(closes, self.parameters)))


@dataclass(frozen=True)
class OpeningRangeBreakout(Strategy[OpeningRange]):
    """Goes with the first close outside the opening range of a regular session, once a session."""

    parameters: OpeningRangeRule = _OPENING
    name: str = "opening-range-breakout"
    version: str = "1.0.0"

    def start(self) -> OpeningRange:
        """No session yet."""
        return OpeningRange()

    def on_bar(self, bar: Bar, state: OpeningRange) -> Said[OpeningRange]:
        """Widen the range while it opens; then wait for a close outside, with the width as stop."""
        at = taipei(bar.start)
        opened = datetime.combine(at.date(), REGULAR.opens, TAIPEI)
        if not timedelta(0) <= at - opened < SESSION_LENGTH:
            return Said(state)
        if at - opened < timedelta(minutes=self.parameters.range_minutes):
            return Said(_widened(state, at.date(), bar))
        if state.day != at.date() or state.left or state.low <= bar.close <= state.high:
            return Said(state)
        rose = bar.close > state.high
        says = Proposal(
            direction=Direction.LONG if rose else Direction.SHORT,
            stop_distance_points=EXACT.subtract(state.high, state.low) or None,
            notes=details(range_low=state.low, range_high=state.high, close=bar.close),
        )
        return Said(state.amended(left=True), (says,))


SESSION_LENGTH: Final = timedelta(hours=5)
"""Of the regular session, 08:45 to 13:45 Taipei."""

SAMPLES: Final = (Momentum(), MeanReversion(), OpeningRangeBreakout())
"""The samples under their default parameters."""


def momentum(change: Decimal, rule: MomentumRule) -> Direction:
    """Direction of the last change, in points."""
    if change > rule.threshold_points:
        return Direction.LONG
    return Direction.SHORT if change < -rule.threshold_points else Direction.FLAT


def reversion(closes: Sequence[Decimal], rule: ReversionRule) -> Direction:
    """Direction against the newest close, in points; FLAT before `lookback` closes are known."""
    if len(closes) < rule.lookback:
        return Direction.FLAT
    window = closes[-rule.lookback :]
    mean = _mean(window)
    distances = [abs(EXACT.subtract(close, mean)) for close in window]
    stretched = distances[-1] >= max(
        EXACT.multiply(rule.stretch, _mean(distances)), rule.distance_points_min
    )
    if not stretched:
        return Direction.FLAT
    return Direction.SHORT if window[-1] > mean else Direction.LONG


def _toward(direction: Direction) -> tuple[Proposal, ...]:
    return () if direction is Direction.FLAT else (Proposal(direction=direction),)


def _widened(state: OpeningRange, day: date, bar: Bar) -> OpeningRange:
    if state.day != day:
        return OpeningRange(day=day, low=bar.low, high=bar.high)
    return state.amended(low=min(state.low, bar.low), high=max(state.high, bar.high))


def _mean(values: Sequence[Decimal]) -> Decimal:
    return quantized(sum(values, Decimal(0)) / len(values), PLACES)
