"""The deterministic market of the demo page.

Job: quotes of three symbols at a tick, exactly as the asked oracle states them.

Invariants
  I1  The same tick gives the same quotes; nothing else goes in.
  I2  Doubles stay inside this module: every number leaves as a two-decimal `Decimal`.

Not here: fills of the demo and its session (desk.demo).
Source: features TX-C4 to TX-C8, tables C5 to C7. The oracle rounds in IEEE doubles as
floor(x*100 + 0.5)/100, which no Decimal rounding reproduces: the one allowed use of doubles.
"""

from decimal import Decimal
from enum import StrEnum
from math import floor
from typing import Final, NamedTuple

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Exact, NonNegative, Price

TICK_MAX: Final = 1_000_000


class Regime(StrEnum):
    """State of the demo market."""

    NORMAL = "normal"
    TRENDING = "trending"
    VOLATILE = "volatile"
    ILLIQUID = "illiquid"
    STALE_QUOTE = "stale_quote"


class Trend(StrEnum):
    """Where the last change points."""

    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"


CYCLE: Final = (
    Regime.NORMAL,
    Regime.TRENDING,
    Regime.NORMAL,
    Regime.VOLATILE,
    Regime.ILLIQUID,
    Regime.STALE_QUOTE,
    Regime.TRENDING,
    Regime.VOLATILE,
)
"""Regime of a tick: `CYCLE[tick % 8]` (TX-C4)."""

LEGEND: Final = {
    Regime.NORMAL: "Narrow spread, deep sizes, small moves.",
    Regime.TRENDING: "Prices keep moving one way; the spread is a little wider.",
    Regime.VOLATILE: "Large moves both ways, wide spread, small sizes.",
    Regime.ILLIQUID: "Hardly any size: orders are rejected.",
    Regime.STALE_QUOTE: "The quote is too old: orders are rejected.",
}
"""One line for each regime."""


class _Shape(NamedTuple):
    wave: tuple[float, ...]
    drift: float
    spread: float
    bid_base: int
    ask_base: int
    age: int
    liquidity: float
    volatility: int
    slip: float


_SHAPES: Final = {
    Regime.NORMAL: _Shape((0, 2.5, 4, 1.5, -1.5, -3), 1.2, 1, 7, 8, 1, 0.82, 4, 0.35),
    Regime.TRENDING: _Shape((0, 4.5, 8, 10.5, 13, 15), 2.1, 1.25, 5, 6, 1, 0.68, 9, 0.55),
    Regime.VOLATILE: _Shape((0, 11, -7, 14, -11, 6), 1.4, 2.6, 3, 3, 2, 0.42, 18, 0.8),
    Regime.ILLIQUID: _Shape((0, 1.2, -0.8, 2.2, -1.4, 0.5), 0.5, 4.2, 0, 1, 2, 0.12, 3, 1),
    Regime.STALE_QUOTE: _Shape((0, -1, -1, -0.5, -0.5, -1.5), 0.2, 3.2, 2, 2, 8, 0.22, 2, 0.9),
}
_OFFSET: Final = {"TX": 0.0, "MTX": -1.0, "TMF": -1.5}
_BASE_SPREAD: Final = {"TX": 1.0, "MTX": 0.5, "TMF": 0.2}
SYMBOLS: Final = ("TX", "MTX", "TMF")


class RegimeQuote(DomainModel):
    """One demo quote; points, contracts, seconds; liquidity 0..1."""

    symbol: Name
    regime: Regime
    bid: Price
    ask: Price
    last: Price
    spread: NonNegative
    change: Exact
    age_seconds: int
    liquidity_score: NonNegative
    slippage: NonNegative
    bid_size: int
    ask_size: int
    volatility: int


def _rounded(value: float) -> float:
    return floor(value * 100 + 0.5) / 100


def _decimal(value: float) -> Decimal:
    return Decimal(f"{value:.2f}")


def regime_of(tick: int) -> Regime:
    """Regime of a tick.

    Raises:
        InputError: `TICK_RANGE` outside 0..1,000,000.
    """
    if not 0 <= tick <= TICK_MAX:
        raise InputError("TICK_RANGE", "tick out of range", field="tick", got=tick)
    return CYCLE[tick % len(CYCLE)]


def _last(symbol: str, tick: int) -> float:
    shape = _SHAPES[regime_of(tick)]
    value = 20000 + (tick // 6) * shape.drift + shape.wave[tick % 6]
    return _rounded(value + ((tick % 4) - 1.5) * (shape.volatility / 12) + _OFFSET[symbol])


def regime_quote(symbol: str, tick: int) -> RegimeQuote:
    """Quote of TX, MTX or TMF at a tick (TX-C6).

    Raises:
        InputError: `SYMBOL_UNKNOWN` or `TICK_RANGE`.
    """
    if symbol not in _OFFSET:
        raise InputError("SYMBOL_UNKNOWN", "not in the demo", field="symbol", got=symbol)
    regime = regime_of(tick)
    shape = _SHAPES[regime]
    last, base, is_tx = _last(symbol, tick), _BASE_SPREAD[symbol], int(symbol == "TX")
    spread = _rounded(base * shape.spread + base * ((tick % 3) * 0.15))
    liquidity = _rounded(min(0.95, max(0.04, shape.liquidity - 0.04 * is_tx)))
    return RegimeQuote(
        symbol=symbol,
        regime=regime,
        bid=_decimal(_rounded(last - spread / 2)),
        ask=_decimal(_rounded(last + spread / 2)),
        last=_decimal(last),
        spread=_decimal(spread),
        change=_decimal(_rounded(last - _last(symbol, max(0, tick - 1)))),
        age_seconds=shape.age + (tick % 2 if regime is Regime.STALE_QUOTE else 0),
        liquidity_score=_decimal(liquidity),
        slippage=_decimal(_rounded(spread * (1 - liquidity) * shape.slip)),
        bid_size=max(0, shape.bid_base + tick % 3 - is_tx),
        ask_size=max(0, shape.ask_base + (tick + 1) % 3 - is_tx),
        volatility=shape.volatility,
    )


def regime_quotes(tick: int) -> tuple[RegimeQuote, ...]:
    """Quotes of TX, MTX and TMF at a tick, in this order.

    Raises:
        InputError: `TICK_RANGE`.
    """
    return tuple(regime_quote(symbol, tick) for symbol in SYMBOLS)


def regime_trend(change: Decimal) -> Trend:
    """LONG above +2 points, SHORT below -2, else FLAT (TX-C8)."""
    if change > 2:  # noqa: PLR2004 - the asked bound, in points
        return Trend.LONG
    return Trend.SHORT if change < -2 else Trend.FLAT  # noqa: PLR2004 - the asked bound
