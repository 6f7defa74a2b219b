"""One order and one market, in the shape that each fill model reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterseal.broker.model import QuoteSnapshot, SimulationRequest, SimulationResult
from counterseal.broker.models import answer_of
from counterseal.broker.walk import Place, walk_bars, walk_tape
from counterseal.broker.windows import BarWindow, PrintSnapshot, TapeWindow
from counterseal.market.quotes import bars_of
from counterseal.market.tape import TapeDeal
from counterseal.policy.execution import (
    BarFillRule,
    DelayedQuoteFillRule,
    FillRule,
    QuoteFillRule,
    TapeFillRule,
)
from counterseal.signals.intent import OrderType, Side, TimeInForce

SYMBOL = "TXF202108"
ARRIVED = datetime(2021, 7, 26, 1, 0, tzinfo=UTC)
QUOTE = QuoteSnapshot(
    symbol=SYMBOL,
    bid=Decimal(17400),
    ask=Decimal(17400),
    bid_size=Decimal(5),
    ask_size=Decimal(5),
    basis="book",
    source="test",
    quote_id="q1",
    event_time=ARRIVED,
    receive_time=ARRIVED,
    age_seconds=Decimal(0),
)
ORDER = SimulationRequest(
    order_id="ord_1",
    symbol=SYMBOL,
    side=Side.BUY,
    order_type=OrderType.MARKET,
    quantity=Decimal(2),
    arrived_at=ARRIVED,
    quote=QUOTE,
)
Changes = Mapping[str, object]
Path = Sequence[tuple[int, int]]
"""Price and contracts, one after the other."""


def nothing_taken(_: str) -> Mapping[int, Decimal]:
    """No earlier fill."""
    return {}


def tape(path: Path, *, first_row: int = 2, seconds: int = 1) -> tuple[TapeDeal, ...]:
    """Prints, one each second after the arrival."""
    deals, volume = [], 0
    for number, (price, contracts) in enumerate(path):
        at = ARRIVED + timedelta(seconds=seconds * (number + 1))
        deals.append(TapeDeal(first_row + number, at, Decimal(price), contracts, volume))
        volume += contracts
    return tuple(deals)


def window(path: Path, **changes: object) -> TapeWindow:
    """All prints in the first second after the arrival."""
    prints = tuple(
        PrintSnapshot(
            row=deal.row,
            at=ARRIVED + timedelta(seconds=1),
            price=deal.price,
            contracts=deal.contracts,
            volume_before=deal.volume_before,
        )
        for deal in tape(path)
    )
    plain = TapeWindow(symbol=SYMBOL, source="test", lot_id="second-1", prints=prints)
    return plain.amended(**changes)


def bar(opened: int, high: int, low: int, volume: int, **changes: object) -> BarWindow:
    """One minute after the arrival; it closes where it opened."""
    plain = BarWindow(
        symbol=SYMBOL,
        source="test",
        lot_id="bar-1",
        starts_at=ARRIVED + timedelta(minutes=1),
        seconds=60,
        open=Decimal(opened),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(opened),
        volume=Decimal(volume),
    )
    return plain.amended(**changes)


@dataclass(frozen=True)
class Market:
    """How a model is shown a market.

    Attributes:
        rule: Takes the whole market where it has a share, and slips where it can.
        shown: The request with `size` contracts at a price, of which some were taken before.
        told: The answer at an instant of a path of prices.
        step_seconds: Between two prices of a path.
    """

    rule: FillRule
    shown: Callable[[SimulationRequest, int, int, int], SimulationRequest]
    told: Callable[[SimulationRequest, Path, datetime], SimulationResult]
    step_seconds: int = 1


def _quoted(order: SimulationRequest, price: int, size: int, taken: int) -> SimulationRequest:
    sides = {"bid": price, "ask": price, "bid_size": size, "ask_size": size}
    return order.amended(quote=QUOTE.amended(**sides), already_consumed=Decimal(taken))


def _printed(order: SimulationRequest, price: int, size: int, taken: int) -> SimulationRequest:
    if not size:
        return order.amended(window=window(()))
    met = window(((price, size),))
    return order.amended(
        window=met.amended(prints=(met.prints[0].amended(taken=Decimal(min(taken, size))),))
    )


def _barred(order: SimulationRequest, price: int, size: int, taken: int) -> SimulationRequest:
    if not size:
        return order
    met = bar(price, price + 5, price - 5, size, taken=Decimal(min(taken, size)))
    return order.amended(window=met)


def _at_quote(order: SimulationRequest, path: Path, at: datetime) -> SimulationResult:
    """Quotes of a second each; the latest that has begun is the one that is met."""
    seen = [deal for deal in tape(path) if deal.at <= at]
    if not seen:
        return answer_of(_quoted(order, 1, 0, 0))
    last = seen[-1]
    asked = _quoted(order, int(last.price), last.contracts, 0)
    return answer_of(
        asked.amended(quote=asked.quote.amended(event_time=last.at, receive_time=last.at))
    )


def _on_tape(order: SimulationRequest, path: Path, at: datetime) -> SimulationResult:
    seen = [deal for deal in tape(path) if deal.at + timedelta(seconds=1) <= at]
    return walk_tape(order, seen, Place(rests=False), nothing_taken).result


def _on_bars(order: SimulationRequest, path: Path, at: datetime) -> SimulationResult:
    seen = bars_of(SYMBOL, tape(path, seconds=30))
    over = [one for one in seen if one.start >= ARRIVED and one.start + timedelta(minutes=1) <= at]
    return walk_bars(order, over, nothing_taken).result


MARKETS = {
    market.rule.model_version: market
    for market in (
        Market(QuoteFillRule(), _quoted, _at_quote),
        Market(DelayedQuoteFillRule(slippage_ticks=2), _quoted, _at_quote),
        Market(TapeFillRule(participation_cap=Decimal(1), slippage_ticks=2), _printed, _on_tape),
        Market(BarFillRule(participation_cap=Decimal(1), slippage_ticks=2), _barred, _on_bars, 30),
    )
}


def order_of(market: Market, **terms: object) -> SimulationRequest:
    """An order for the market's model."""
    return ORDER.amended(rule=market.rule, **terms)


def limit(price: int) -> Changes:
    """The terms of a limit order."""
    return {"order_type": OrderType.LIMIT, "limit_price": Decimal(price)}


IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)
