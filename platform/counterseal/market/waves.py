"""The deterministic market of the mock-backend panel.

Job: quotes of three symbols at a tick, in exact decimals.

Invariants
  I1  The same tick gives the same quotes; nothing else goes in.

Not here: the demo page's regimes (market.regimes), orders (desk.demo).
Source: features TX-D2, TX-D3.
"""

from decimal import Decimal
from typing import Final

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Exact, NonNegative, Price
from counterseal.market.regimes import SYMBOLS, TICK_MAX, Trend

_WAVE: Final = tuple(Decimal(text) for text in ("0", "4", "7.5", "3", "-2.5", "-5"))
_OFFSET: Final = {"TX": Decimal(0), "MTX": Decimal(-1), "TMF": Decimal("-1.5")}
_SPREAD: Final = {"TX": Decimal(1), "MTX": Decimal("0.5"), "TMF": Decimal("0.2")}


class WaveQuote(DomainModel):
    """One mock quote; points, contracts, seconds; liquidity 0..1."""

    symbol: Name
    bid: Price
    ask: Price
    last: Price
    spread: NonNegative
    change: Exact
    age_seconds: int
    liquidity_score: NonNegative
    bid_size: int
    ask_size: int


def _last(symbol: str, tick: int) -> Decimal:
    return 20000 + _WAVE[tick % 6] + (tick // 6) * Decimal("1.5") + _OFFSET[symbol]


def wave_quote(symbol: str, tick: int) -> WaveQuote:
    """Quote of TX, MTX or TMF at a tick (TX-D2).

    Raises:
        InputError: `SYMBOL_UNKNOWN`, or `TICK_RANGE` outside 0..1,000,000.
    """
    if symbol not in _OFFSET:
        raise InputError("SYMBOL_UNKNOWN", "not in the mock market", field="symbol", got=symbol)
    if not 0 <= tick <= TICK_MAX:
        raise InputError("TICK_RANGE", "tick out of range", field="tick", got=tick)
    last, spread = _last(symbol, tick), _SPREAD[symbol]
    return WaveQuote(
        symbol=symbol,
        bid=last - spread / 2,
        ask=last + spread / 2,
        last=last,
        spread=spread,
        change=last - _last(symbol, max(0, tick - 1)),
        age_seconds=tick % 3,
        liquidity_score=Decimal("0.35") + (tick % 5) * Decimal("0.15"),
        bid_size=2 + tick % 4,
        ask_size=2 + (tick + 1) % 4,
    )


def wave_quotes(tick: int) -> tuple[WaveQuote, ...]:
    """Quotes of TX, MTX and TMF at a tick, in this order.

    Raises:
        InputError: `TICK_RANGE`.
    """
    return tuple(wave_quote(symbol, tick) for symbol in SYMBOLS)


def wave_trend(change: Decimal) -> Trend:
    """LONG for a rise in points, SHORT for a fall, else FLAT (TX-D3)."""
    if change > 0:
        return Trend.LONG
    return Trend.SHORT if change < 0 else Trend.FLAT
