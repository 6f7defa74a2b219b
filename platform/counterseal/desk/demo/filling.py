"""The simulated fill of an order of the demo.

Job: how many contracts fill, at what price, and why; for the second market the paper path's model.

Invariants
  I1  filled + remaining = asked for.
  I2  The same quote, side and quantity give the same fill.

Not here: checks before it (desk.demo.judging), what is held after it (desk.demo.holdings).
Source: features TX-C10, TX-D4, TX-J1 to TX-J8.
"""

from decimal import Decimal
from typing import Final, NamedTuple

from counterseal.broker.model import QuoteSnapshot, SimulationRequest
from counterseal.broker.paper import simulate
from counterseal.desk.demo.judging import LIMITS
from counterseal.desk.demo.markets import WAVE_SPREAD_MAX
from counterseal.desk.demo.model import DemoFillReason, DemoMarket, DemoQuote, time_of
from counterseal.market.regimes import Regime
from counterseal.signals.intent import OrderType, Side

_R = DemoFillReason
ILLIQUID_BELOW: Final = Decimal("0.2")
"""Score under which nothing fills (TX-C10)."""


class DemoFill(NamedTuple):
    """Contracts that fill, their price in points (None for none), and the reason's word."""

    filled: int
    price: Decimal | None
    reason: str


class Asked(NamedTuple):
    """An order that passed its checks.

    Attributes:
        taken: Contracts that earlier orders took from this side of this quote.
    """

    order_id: str
    tick: int
    side: Side
    quantity: int
    taken: int = 0


def filled(market: DemoMarket, quote: DemoQuote, asked: Asked) -> DemoFill:
    """The simulated fill of an order at a quote."""
    if market is DemoMarket.REGIMES:
        return _by_regime(quote, asked)
    return _by_paper_model(quote, asked)


def _by_regime(quote: DemoQuote, asked: Asked) -> DemoFill:
    """The fill of the first market (TX-C10): the price has two decimals as its parts have."""
    buys = asked.side is Side.BUY
    count = min(asked.quantity, quote.ask_size if buys else quote.bid_size)
    if quote.age_seconds > LIMITS.stale_quote_seconds:
        return DemoFill(0, None, _R.STALE_QUOTE)
    if quote.regime is Regime.ILLIQUID or quote.liquidity_score < ILLIQUID_BELOW:
        return DemoFill(0, None, _R.ILLIQUID_MARKET)
    if not count:
        return DemoFill(0, None, _R.NO_SIZE)
    slip = asked.side.sign * (quote.slippage or Decimal(0))
    price = (quote.ask if buys else quote.bid) + slip
    return DemoFill(count, price, _R.FILLED if count == asked.quantity else _R.LIMITED_BY_SIZE)


def _by_paper_model(quote: DemoQuote, asked: Asked) -> DemoFill:
    result = simulate(_request(quote, asked))
    count = int(result.simulated_fill_quantity)
    return DemoFill(count, result.simulated_fill_price, result.reason)


def _request(quote: DemoQuote, asked: Asked) -> SimulationRequest:
    at = time_of(asked.tick)
    return SimulationRequest(
        order_id=asked.order_id,
        symbol=quote.symbol,
        side=asked.side,
        order_type=OrderType.MARKET,
        quantity=Decimal(asked.quantity),
        already_consumed=Decimal(asked.taken),
        max_spread=WAVE_SPREAD_MAX,
        stale_quote_seconds=LIMITS.stale_quote_seconds,
        quote=QuoteSnapshot(
            symbol=quote.symbol,
            bid=quote.bid,
            ask=quote.ask,
            bid_size=Decimal(quote.bid_size),
            ask_size=Decimal(quote.ask_size),
            last=quote.last,
            liquidity_score=quote.liquidity_score,
            basis="synthetic",
            source="mock_backend",
            quote_id=f"mock-{asked.tick}-{quote.symbol}",
            event_time=at,
            receive_time=at,
            age_seconds=Decimal(quote.age_seconds),
        ),
    )
