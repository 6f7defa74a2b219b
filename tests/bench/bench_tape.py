"""Seconds to lead fifty resting orders over every TX and MTX deal of the real day."""

from decimal import Decimal
from pathlib import Path

from counterseal.broker.model import QuoteSnapshot, SimulationRequest
from counterseal.broker.resting import RestingOrders
from counterseal.broker.walk import Place
from counterseal.market.tape import TapeDeal
from counterseal.market.ticks import Print, in_time_order
from counterseal.policy.execution import TapeFillRule
from counterseal.signals.intent import OrderType, Side, TimeInForce
from storage.tick_files import read_tick_file
from tests.bench.bench_ticks import DAY
from tests.bench.measure import Measurement, seconds

ORDERS = 50
SECONDS_MAX = 20.0
MONTH = "202108"
MIDDLE = 17_400
RULE = TapeFillRule(participation_cap=Decimal("0.1"), fills_at_touch=True, queue_share=Decimal(2))


def measure(_: Path) -> list[Measurement]:
    """Limits and stops around the opening price; the floor walks the prints and asks nobody."""
    name = f"{ORDERS} resting orders over {DAY.name}"
    if not DAY.is_file():
        return [Measurement(name, absent=f"{DAY} (see COUNTERSEAL_TEST_DATA)")]
    file, _digest = read_tick_file(DAY, ("TX", "MTX"))
    prints = in_time_order((*file.prints, *file.spreads))
    books = resting_books(prints[0])
    filled: list[int] = []
    floor = seconds(lambda: walked(prints))
    spent = seconds(lambda: filled.append(met(prints, books)))
    told = f"{name}: {len(prints):,} deals, {filled[0]} fills"
    return [
        Measurement(told, spent, floor_name="bare loop", floor=floor, bar=SECONDS_MAX),
    ]


def resting_books(first: Print) -> dict[str, RestingOrders]:
    """Half the orders on each product, limits and stops on both sides, far apart and near."""
    books = {"TX": RestingOrders(), "MTX": RestingOrders()}
    for number in range(ORDERS):
        side = Side.BUY if number % 4 < 2 else Side.SELL
        away = (number + 1) * 4
        limit = MIDDLE - side.sign * away
        stop = number % 5 == 0
        product = ("TX", "MTX")[number % 2]
        request = SimulationRequest(
            order_id=f"bench-{number}",
            symbol=product,
            side=side,
            order_type=OrderType.STOP if stop else OrderType.LIMIT,
            limit_price=None if stop else Decimal(limit),
            stop_price=Decimal(MIDDLE + side.sign * away) if stop else None,
            quantity=Decimal(5),
            time_in_force=TimeInForce.GTC,
            arrived_at=first.at,
            rule=RULE,
            quote=_quote(product, first),
        )
        books[product].add(request, Place(ahead=Decimal(20), rests=not stop))
    return books


def walked(prints: tuple[Print, ...]) -> int:
    """What any replay must do: look at every print and count its volume."""
    volumes: dict[str, int] = {}
    for deal in prints:
        volumes[deal.product] = volumes.get(deal.product, 0) + deal.contracts
    return len(volumes)


def met(prints: tuple[Print, ...], books: dict[str, RestingOrders]) -> int:
    """Every print of the traded month meets the orders of its product; the number of fills."""
    volumes, fills = dict.fromkeys(books, 0), 0
    for deal in prints:
        if deal.month != MONTH or deal.auction:
            continue
        volume = volumes[deal.product]
        fills += len(
            books[deal.product].meet(
                TapeDeal(deal.row, deal.at, deal.price, deal.contracts, volume)
            )
        )
        volumes[deal.product] = volume + deal.contracts
    return fills


def _quote(symbol: str, first: Print) -> QuoteSnapshot:
    return QuoteSnapshot(
        symbol=symbol,
        bid=Decimal(MIDDLE - 1),
        ask=Decimal(MIDDLE + 1),
        bid_size=Decimal(1),
        ask_size=Decimal(1),
        basis="trade_derived",
        source="taifex-ticks",
        quote_id="bench",
        event_time=first.at,
        receive_time=first.at,
        age_seconds=Decimal(0),
    )
