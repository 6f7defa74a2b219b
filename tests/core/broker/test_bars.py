"""The bar model: the open first, the stop before the target, limits only when gone through."""

from datetime import timedelta
from decimal import Decimal

import pytest

from counterseal.broker.models import answer_of
from counterseal.broker.walk import walk_bars
from counterseal.kernel.errors import InputError
from counterseal.market.quotes import Bar
from counterseal.policy.execution import BarFillRule
from counterseal.signals.intent import OrderType, Side, TimeInForce
from tests.core.broker.markets import ARRIVED, ORDER, SYMBOL, bar, limit, nothing_taken, window

RULE = BarFillRule(participation_cap=Decimal(1), slippage_ticks=2)
BUY = ORDER.amended(rule=RULE)
SELL = BUY.amended(side=Side.SELL)
STOP = {"order_type": OrderType.STOP}


@pytest.mark.parametrize(
    ("low", "reason", "price"),
    [(17_399, "BAR_WENT_THROUGH", 17_400), (17_400, "LIMIT_NOT_REACHED", None)],
)
def test_a_limit_needs_a_bar_that_goes_strictly_through_it(
    low: int, reason: str, price: int | None
) -> None:
    """Trading 5.3: low < limit; low = limit is a touch."""
    result = answer_of(BUY.amended(**limit(17_400), window=bar(17_405, 17_410, low, 9)))

    assert (result.reason, result.simulated_fill_price) == (reason, price)
    assert result.slippage_ticks == 0


@pytest.mark.parametrize(("side", "opened"), [(Side.BUY, 17_390), (Side.SELL, 17_410)])
def test_a_gap_beyond_the_limit_fills_at_the_open(side: Side, opened: int) -> None:
    """Trading 5.3: better than the limit, because nobody traded in between."""
    order = BUY.amended(**limit(17_400), side=side)
    result = answer_of(order.amended(window=bar(opened, opened, opened, 9)))

    assert result.reason == "GAP_FILLED_AT_OPEN"
    assert result.simulated_fill_price == opened


@pytest.mark.parametrize(
    ("opened", "high", "reason", "price"),
    [
        (17_405, 17_405, "GAP_FILLED_AT_OPEN", 17_407),
        (17_395, 17_400, "STOP_REACHED", 17_402),
        (17_395, 17_399, "STOP_NOT_REACHED", None),
    ],
)
def test_a_stop_fills_at_its_price_or_at_the_open_behind_a_gap(
    opened: int, high: int, reason: str, price: int | None
) -> None:
    """Trading 5.3: a gap through a stop fills at the open; slippage is against the order."""
    stop = BUY.amended(**STOP, stop_price=Decimal(17_400))
    result = answer_of(stop.amended(window=bar(opened, high, opened, 9)))

    assert (result.reason, result.simulated_fill_price) == (reason, price)
    assert (result.triggered_at is None) is (price is None)


def test_i3_the_stop_comes_before_the_target_of_one_position() -> None:
    """Trading 5.3: one bar holds both; the target fills only where the bar holds no stop."""
    both = bar(17_400, 17_420, 17_380, 9, pair_stop=Decimal(17_385))
    target = SELL.amended(**limit(17_415))
    stop = SELL.amended(**STOP, stop_price=Decimal(17_385))
    calm = both.amended(low=Decimal(17_390))
    gap = bar(17_418, 17_420, 17_380, 9, pair_stop=Decimal(17_385))

    assert answer_of(target.amended(window=both)).reason == "STOP_BEFORE_TARGET"
    assert answer_of(stop.amended(window=both)).simulated_fill_price == 17_383
    assert answer_of(target.amended(window=calm)).simulated_fill_price == 17_415
    assert answer_of(target.amended(window=gap)).simulated_fill_price == 17_418


def test_i2_an_order_takes_at_most_the_stated_share_of_a_bar() -> None:
    """Trading 5.3: floor(share x volume), less what earlier fills took."""
    tenth = BUY.amended(rule=RULE.amended(participation_cap=Decimal("0.1")), quantity=Decimal(9))
    met = tenth.amended(window=bar(17_400, 17_400, 17_400, 59))
    later = tenth.amended(window=bar(17_400, 17_400, 17_400, 59, taken=Decimal(4)))
    whole = met.amended(time_in_force=TimeInForce.FOK)

    assert answer_of(met).simulated_fill_quantity == 5
    assert answer_of(later).simulated_fill_quantity == 1
    assert answer_of(whole).reason == "FOK_NOT_FILLED_WHOLE"


def test_an_order_does_not_meet_the_bar_in_which_it_arrived() -> None:
    """Trading part 2, rule 2: the open of that bar was printed before."""
    begun = bar(17_400, 17_400, 17_400, 9, starts_at=ARRIVED - timedelta(seconds=1))
    with pytest.raises(InputError) as caught:
        answer_of(BUY.amended(window=begun))

    assert caught.value.code == "BAR_NOT_LATER"


def test_the_bar_model_needs_an_arrival_and_no_prints() -> None:
    """The contract: another market is refused; no bar yet is an answer."""
    for wrong in ({"window": window([(17_400, 1)])}, {"arrived_at": None}):
        with pytest.raises(InputError) as caught:
            answer_of(BUY.amended(**wrong))
        assert caught.value.code == "BAR_MISSING"

    early = answer_of(BUY)
    assert early.reason == "NO_LATER_BAR"
    assert early.waits


def test_an_order_is_led_to_the_first_bar_that_fills_it() -> None:
    """Trading 5.3: bars in order, each once; an immediate order meets the first only."""
    bars = [
        Bar(
            symbol=SYMBOL,
            start=ARRIVED + timedelta(minutes=minute),
            open=Decimal(price),
            high=Decimal(price),
            low=Decimal(price),
            close=Decimal(price),
            volume=Decimal(9),
        )
        for minute, price in enumerate([17_405, 17_399, 17_390])
    ]
    order = BUY.amended(**limit(17_400))
    rested = walk_bars(order, bars, nothing_taken)
    immediate = walk_bars(order.amended(time_in_force=TimeInForce.IOC), bars, nothing_taken)

    assert rested.result.simulated_fill_price == 17_399
    assert rested.request.lot_id == "tape-TXF202108-20210726T010100Z"
    assert immediate.result.reason == "LIMIT_NOT_REACHED"
