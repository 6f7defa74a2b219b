"""The two markets of the demo and what their strategies say.

Job: quotes of a tick in one form, and the signal on one of them.

Invariants
  I1  The same market, tick and symbol give the same quotes and the same signal.

Not here: the formulas (market.regimes, market.waves), orders (desk.demo.play).
Source: features TX-C5 to TX-C8, TX-D1 to TX-D3.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from counterseal.desk.demo.model import DemoMarket, DemoQuote, DemoSignal, Symbol
from counterseal.kernel.money import normalized
from counterseal.market.contracts import UNITS
from counterseal.market.instruments import ContractRoot
from counterseal.market.regimes import RegimeQuote, Trend, regime_quotes, regime_trend
from counterseal.market.waves import WaveQuote, wave_quotes, wave_trend
from counterseal.signals.model import Direction

EXPOSURE_MAX: Final = Decimal("0.25")
"""Largest target and largest order, in TX-equivalents (TX-A2, TX-C8)."""
SPREAD_MAX: Final[Mapping[Symbol, Decimal]] = {
    "TX": Decimal(5),
    "MTX": Decimal(3),
    "TMF": Decimal(2),
}
"""Widest spread in points that an order of the first market may meet (TX-C9)."""
WAVE_SPREAD_MAX: Final = Decimal(5)
"""Widest spread in points that the paper path's model fills at, for every symbol (TX-D4)."""
STRATEGIES: Final = {
    DemoMarket.REGIMES: "browser-only-momentum-demo",
    DemoMarket.WAVES: "mock-momentum-demo",
}
_DIRECTED: Final = Decimal("0.65")
_UNDIRECTED: Final = Decimal("0.2")
_TMF_POINT_VALUE: Final = 10


def ratio_of(symbol: str) -> Decimal:
    """TX-equivalents of one contract: 1, 0.25 or 0.05 (TX-A4)."""
    return normalized(Decimal(UNITS[ContractRoot(symbol)]) / UNITS[ContractRoot.TX])


def point_value_of(symbol: str) -> Decimal:
    """TWD per point and contract: 200, 50 or 10 (TX-A4)."""
    return Decimal(UNITS[ContractRoot(symbol)] * _TMF_POINT_VALUE)


def spread_max_of(market: DemoMarket, symbol: Symbol) -> Decimal:
    """Widest spread in points at which something fills."""
    return SPREAD_MAX[symbol] if market is DemoMarket.REGIMES else WAVE_SPREAD_MAX


def quotes_at(market: DemoMarket, tick: int) -> tuple[DemoQuote, ...]:
    """Quotes of TX, MTX and TMF at a tick, in this order (TX-D1: preview of market data).

    Raises:
        InputError: `TICK_RANGE`.
    """
    if market is DemoMarket.REGIMES:
        return tuple(_quote(quote) for quote in regime_quotes(tick))
    return tuple(_quote(quote) for quote in wave_quotes(tick))


def _quote(quote: RegimeQuote | WaveQuote) -> DemoQuote:
    absent = {"regime": None, "slippage": None, "volatility": None}
    return DemoQuote.model_validate({**absent, **dict(quote)})


def signal_on(market: DemoMarket, tick: int, quote: DemoQuote) -> DemoSignal:
    """What the strategy says of a quote (TX-C8, TX-D3)."""
    direction = Direction(_trend(market, quote.change).value)
    flat = direction is Direction.FLAT
    return DemoSignal(
        signal_id=f"{STRATEGIES[market]}-{tick}-{quote.symbol}",
        strategy_id=STRATEGIES[market],
        tick=tick,
        symbol=quote.symbol,
        direction=direction,
        confidence=_UNDIRECTED if flat else _DIRECTED,
        target_tx_equivalent=Decimal(0) if flat else min(ratio_of(quote.symbol), EXPOSURE_MAX),
    )


def _trend(market: DemoMarket, change: Decimal) -> Trend:
    return regime_trend(change) if market is DemoMarket.REGIMES else wave_trend(change)
