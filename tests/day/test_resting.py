"""When a resting order is looked at again."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import cast

import pytest

from counterseal.market.replay_reach import PriceReach
from counterseal.market.sessions import TAIPEI
from counterseal.market.ticks import Print
from counterseal.oms.model import Order
from counterseal.signals.intent import Side
from flows.day.resting import FeedReach, TapeReach

MTX = "MTX202108"
START = datetime(2021, 7, 26, 9, tzinfo=TAIPEI)
PRICES = (100, 103, 98, 101, 106, 95)
"""One print a second."""


def known(second: int | None) -> datetime | None:
    """When the print of a second was known."""
    return None if second is None else (START + timedelta(seconds=second + 1)).astimezone(UTC)


def reach() -> TapeReach:
    tape = [
        Print("MTX", "202108", START + timedelta(seconds=n), Decimal(price), 1, False, n + 2)
        for n, price in enumerate(PRICES)
    ]
    return TapeReach({MTX: PriceReach(tape)})


def resting(side: Side, **terms: object) -> Order:
    none = {"limit_price": None, "stop_price": None, "triggered_at": None}
    return cast("Order", SimpleNamespace(symbol=MTX, side=side, **(none | terms)))


@pytest.mark.parametrize(
    ("side", "terms", "second"),
    [
        (Side.BUY, {"limit_price": Decimal(98)}, 2),
        (Side.BUY, {"limit_price": Decimal(97)}, 5),
        (Side.BUY, {"limit_price": Decimal(90)}, None),
        (Side.SELL, {"limit_price": Decimal(103)}, 1),
        (Side.SELL, {"limit_price": Decimal(104)}, 4),
        (Side.BUY, {"stop_price": Decimal(104)}, 4),
        (Side.SELL, {"stop_price": Decimal(98)}, 2),
        (Side.SELL, {"stop_price": Decimal(98), "triggered_at": START}, 1),
        (Side.BUY, {}, 1),
    ],
)
def test_an_order_waits_for_the_print_that_comes_to_its_price(
    side: Side, terms: dict[str, object], second: int | None
) -> None:
    """Trading 5: a limit at its price or better, a stop at or through, a market order at any."""
    assert reach().next_reach(resting(side, **terms), known(0) or START) == known(second)


def test_what_the_market_does_not_trade_is_never_reached() -> None:
    """Neither another symbol nor the time after the last print."""
    order = resting(Side.BUY)
    assert TapeReach({}).next_reach(order, START) is None
    assert reach().next_reach(order, known(len(PRICES) - 1) or START) is None


class Moving:
    """A feed whose quotes move every minute."""

    def next_move(self, symbol: str, after: datetime) -> datetime | None:
        return after + timedelta(minutes=1) if symbol == MTX else None


def test_a_feed_without_prints_is_looked_at_whenever_it_moves() -> None:
    """The deterministic market: one tick a minute."""
    order = resting(Side.BUY, limit_price=Decimal(1))
    assert FeedReach(Moving()).next_reach(order, START) == START + timedelta(minutes=1)
