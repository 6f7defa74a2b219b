"""The tape model: penetration, queue, share of the tape, stops, immediate orders."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.broker.model import SimulationRequest, SimulationResult
from counterseal.broker.models import answer_of
from counterseal.broker.tape import TapeFillModel, allowance
from counterseal.broker.walk import Place, place_of, walk_tape
from counterseal.kernel.errors import InputError
from counterseal.market.tape import TapeDeal
from counterseal.policy.execution import QuoteFillRule, TapeFillRule
from counterseal.signals.intent import OrderType, Side, TimeInForce
from tests.core.broker.markets import ARRIVED, ORDER, Path, limit, nothing_taken, tape, window

WHOLE = TapeFillRule(participation_cap=Decimal(1), slippage_ticks=0)
TOUCH = WHOLE.amended(fills_at_touch=True, queue_min_contracts=0)
BUY = ORDER.amended(rule=WHOLE)


def met(order: SimulationRequest, path: Path, **changes: object) -> SimulationResult:
    """The answer to all of a path in one second."""
    return answer_of(order.amended(window=window(path, **changes)))


def facts(*values: object) -> tuple[object, ...]:
    return values


def resting(price: int, **terms: object) -> SimulationRequest:
    return BUY.amended(**limit(price), **terms)


@pytest.mark.parametrize(
    ("low", "reason", "filled"),
    [(17_399, "PRINT_WENT_THROUGH", 2), (17_400, "LIMIT_TOUCHED_ONLY", 0)],
)
def test_a_resting_limit_fills_at_its_price_when_a_print_goes_through(
    low: int, reason: str, filled: int
) -> None:
    """Trading part 2, rule 6: strictly through; a touch is not enough without a named rule."""
    result = met(resting(17_400), [(17_401, 3), (low, 5)])

    assert facts(result.reason, result.simulated_fill_quantity) == (reason, filled)
    if filled:
        assert result.simulated_fill_price == 17_400
        assert [(use.row, use.how) for use in result.uses] == [(3, "through")]
        assert facts(result.touch, result.slippage_ticks) == (False, 0)


@pytest.mark.parametrize(
    ("printed", "filled", "left"), [([4], 0, 1), ([5], 0, 0), ([4, 2], 1, 0), ([9], 2, 0)]
)
def test_the_queue_ahead_trades_first(printed: list[int], filled: int, left: int) -> None:
    """Trading 5.3: five ahead; what prints at the limit serves them before the order."""
    order = resting(17_400, rule=TOUCH)
    result = met(order, [(17_400, n) for n in printed], rests=True, queue_ahead=Decimal(5))

    assert result.simulated_fill_quantity == filled
    assert result.queue_left == left
    assert "queue_position" in result.modelled
    assert result.touch or not filled


def test_a_print_through_the_limit_ends_the_queue() -> None:
    """Trading part 2, rule 6: who stood ahead has traded."""
    order = resting(17_400, rule=TOUCH)
    result = met(order, [(17_399, 1)], rests=True, queue_ahead=Decimal(500))

    assert facts(result.simulated_fill_quantity, result.queue_left) == (1, 0)


def test_without_the_named_rule_no_queue_is_modelled() -> None:
    """Trading part 2: no queue can be calibrated from trades, and nothing may claim it."""
    result = met(resting(17_400), [(17_399, 9)])

    assert result.queue_left is None
    assert "queue_position" in result.not_modelled


@pytest.mark.parametrize(
    ("side", "ticks", "price"), [(Side.BUY, 2, 17_402), (Side.SELL, 2, 17_398)]
)
def test_slippage_is_inside_the_price_of_an_order_that_takes(
    side: Side, ticks: int, price: int
) -> None:
    """Trading 5.3: ticks, once, against the order."""
    order = ORDER.amended(side=side, rule=WHOLE.amended(slippage_ticks=ticks))
    result = met(order, [(17_400, 9)])

    assert result.simulated_fill_price == price
    assert facts(result.reference_price, result.slippage_ticks) == (17_400, ticks)
    assert result.slippage_reason == "stated_ticks"


def test_a_limit_inside_the_market_takes_until_the_market_leaves_it() -> None:
    """Trading 5.3: a limit far above the market pays the prints, no more than its price."""
    order = resting(17_405, rule=WHOLE.amended(slippage_ticks=9))
    taken = met(order, [(17_400, 9)])
    rested = met(order, [(17_406, 1), (17_400, 9)])

    assert facts(taken.simulated_fill_price, taken.slippage_ticks) == (17_405, 5)
    assert taken.uses[0].how == "taken"
    assert facts(rested.simulated_fill_price, rested.uses[0].how) == (17_405, "through")


@settings(max_examples=150)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=40),
    st.decimals("0.01", 1, places=2),
)
def test_i2_all_allowances_together_are_the_stated_share(volumes: list[int], cap: Decimal) -> None:
    """Trading 5.3: whole contracts; of the first n printed floor(n x share)."""
    before, given_out = 0, 0
    for contracts in volumes:
        part = allowance(before, contracts, cap)
        assert 0 <= part <= contracts
        before, given_out = before + contracts, given_out + part
        assert given_out == before * cap // 1


def test_i3_one_answer_has_one_price_and_an_immediate_order_pays_the_worst() -> None:
    """Trading 5.2: a fill has one price; IOC and FOK take the whole second."""
    path = [(17_400, 1), (17_401, 1), (17_403, 9)]
    order = BUY.amended(quantity=Decimal(3))
    first = met(order, path)
    ioc = met(order.amended(time_in_force=TimeInForce.IOC), path)
    fok = met(order.amended(time_in_force=TimeInForce.FOK, quantity=Decimal(12)), path)

    assert facts(first.simulated_fill_quantity, first.simulated_fill_price) == (1, 17_400)
    assert facts(ioc.simulated_fill_quantity, ioc.simulated_fill_price) == (3, 17_403)
    assert [use.contracts for use in ioc.uses] == [1, 1, 1]
    assert facts(fok.simulated_fill_quantity, fok.reason) == (0, "FOK_NOT_FILLED_WHOLE")


def test_i4_the_print_that_triggers_a_stop_does_not_fill_it() -> None:
    """Trading 1.5: at or through the trigger, then a market order on later prints."""
    stop = BUY.amended(order_type=OrderType.STOP, stop_price=Decimal(17_402))
    path = [(17_401, 5), (17_402, 5), (17_404, 5)]
    below = walk_tape(stop, tape(path[:1]), Place(rests=False), nothing_taken).result
    hit = walk_tape(stop, tape(path), Place(rests=False), nothing_taken).result
    later = stop.amended(triggered=True, arrived_at=hit.triggered_at)
    after = [deal for deal in tape(path) if deal.at > ARRIVED + timedelta(seconds=2)]
    filled = walk_tape(later, after, Place(rests=False), nothing_taken).result

    assert facts(below.triggered_at, below.waits) == (None, True)
    assert hit.triggered_at == ARRIVED + timedelta(seconds=2)
    assert facts(hit.simulated_fill_quantity, hit.reason) == (0, "STOP_TRIGGERED")
    assert facts(filled.simulated_fill_quantity, filled.simulated_fill_price) == (2, 17_404)


@pytest.mark.parametrize(("latency_ms", "refused"), [(999, False), (1_000, True)])
def test_an_order_meets_only_prints_after_its_arrival_and_delay(
    latency_ms: int, refused: bool
) -> None:
    """Trading 5.3: a print stamped at the arrival plus the delay is not later."""
    order = BUY.amended(rule=WHOLE.amended(latency_ms=latency_ms))
    if refused:
        with pytest.raises(InputError) as caught:
            met(order, [(17_400, 5)])
        assert caught.value.code == "PRINT_NOT_LATER"
    else:
        assert met(order, [(17_400, 5)]).latency_ms == latency_ms


@pytest.mark.parametrize(
    "changes", [{"window": None}, {"arrived_at": None}, {"rule": QuoteFillRule()}]
)
def test_the_tape_model_needs_prints_an_arrival_and_its_rule(changes: dict[str, object]) -> None:
    """The contract: no market, no answer."""
    with pytest.raises(InputError) as caught:
        TapeFillModel().answer(BUY.amended(**{"window": window([(17_400, 1)]), **changes}))

    assert caught.value.code == "TAPE_WINDOW_MISSING"


def test_an_immediate_order_meets_the_first_second_and_no_other() -> None:
    """Trading 1.5: IOC; the first second has too little, the rest is not met."""
    order = BUY.amended(time_in_force=TimeInForce.IOC)
    place = Place(rests=False)
    first = walk_tape(order, tape([(17_400, 1), (17_400, 9)]), place, nothing_taken).result
    none = walk_tape(order, (), place, nothing_taken).result

    assert facts(first.simulated_fill_quantity, first.waits) == (1, False)
    assert facts(none.simulated_fill_quantity, none.waits) == (0, True)


@pytest.mark.parametrize(
    ("last", "share", "rests", "ahead"),
    [
        (17_401, "1", True, 7),
        (17_400, "0.5", True, 4),
        (17_399, "1", False, 7),
        (None, "1", True, 3),
    ],
)
def test_the_place_of_an_order_comes_from_the_prints_before_it(
    last: int | None, share: str, rests: bool, ahead: int
) -> None:
    """Trading 5.3: queue ahead = stated share of what printed at the price, rounded up."""
    rule = TOUCH.amended(queue_share=Decimal(share), queue_min_contracts=3)
    before = tape([] if last is None else [(17_400, 7), (last, 0)])
    place = place_of(resting(17_400), rule, before)

    assert facts(place.rests, place.ahead) == (rests, ahead)


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.integers(17_396, 17_404), st.integers(1, 6)), max_size=20),
    st.integers(1, 9),
    st.sampled_from([17_398, 17_400, 17_402]),
    st.booleans(),
)
def test_i2_step_by_step_or_at_once_the_order_takes_the_same(
    path: list[tuple[int, int]], quantity: int, price: int, touch: bool
) -> None:
    """Trading 5.3: asking after each second, or after a pause, gives the same fills."""
    rule = (TOUCH if touch else WHOLE).amended(participation_cap=Decimal("0.5"))
    order = resting(price, rule=rule, quantity=Decimal(quantity))
    place = Place(ahead=Decimal(3 if touch else 0), rests=True)
    whole = tape(path)

    assert fills_of(order, [whole], place) == fills_of(
        order, [whole[: n + 1] for n in range(len(whole))], place
    )


def fills_of(
    order: SimulationRequest, views: Sequence[Sequence[TapeDeal]], place: Place
) -> list[tuple[int, Decimal]]:
    """Rows and contracts of every fill, asking again at each longer view of the tape."""
    found: list[tuple[int, Decimal]] = []
    taken: dict[int, Decimal] = {}
    left = order.quantity
    for view in views:
        while left:
            at = place._replace(after_row=max((row for row, _ in found), default=0))
            asked = order.amended(quantity=left)
            result = walk_tape(asked, view, at, lambda _: taken).result
            if not result.simulated_fill_quantity:
                break
            for use in result.uses:
                found.append((use.row, use.contracts))
                taken[use.row] = taken.get(use.row, Decimal(0)) + use.contracts
            left -= result.simulated_fill_quantity
    return found
