"""The contract of `FillModel`, run on every model that a policy may choose."""

from datetime import timedelta
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.broker.model import ASPECTS, SimulationOutcome, SimulationRequest
from counterseal.broker.models import MODELS, answer_of
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError
from counterseal.policy.execution import FillRule
from counterseal.signals.intent import OrderType, Side, TimeInForce
from tests.core.broker.markets import ARRIVED, MARKETS, Market, limit, order_of

EVERY = pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))
SIDES = st.sampled_from(Side)
WORDS = st.sampled_from(TimeInForce)
PRICES = st.integers(17_390, 17_410)
PATHS = st.lists(st.tuples(PRICES, st.integers(1, 9)), max_size=12)


@st.composite
def asked(draw: st.DrawFn, market: Market) -> tuple[SimulationRequest, int]:
    """A request, and how many contracts its market still has."""
    terms: dict[str, object] = {
        "side": draw(SIDES),
        "quantity": Decimal(draw(st.integers(1, 12))),
        "time_in_force": draw(WORDS),
    }
    if draw(st.booleans()):
        terms |= limit(draw(PRICES))
    size, taken = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    order = order_of(market, **terms)
    return market.shown(order, draw(PRICES), size, taken), max(0, size - taken)


def test_every_model_that_a_policy_can_name_is_under_the_contract() -> None:
    """Trading 5.3: no model without the suite."""
    rules = get_args(get_args(FillRule)[0])

    assert {rule().model_version for rule in rules} == set(MODELS) == set(MARKETS)
    assert all(model.version == version for version, model in MODELS.items())


@EVERY
@settings(max_examples=120)
@given(data=st.data())
def test_i1_the_same_request_gives_the_same_bytes(market: Market, data: st.DataObject) -> None:
    """TX-J8, trading 5.2: also when the request was stored and read again."""
    request, _ = data.draw(asked(market))
    stored = canonical_bytes(request.json_value())
    again = SimulationRequest.model_validate_json(stored)

    first, second = answer_of(request), answer_of(again)
    assert canonical_bytes(first.json_value()) == canonical_bytes(second.json_value())
    assert first.request_digest == request.digest


@EVERY
@settings(max_examples=120)
@given(data=st.data())
def test_i2_quantities_add_up_and_stay_within_what_the_market_has(
    market: Market, data: st.DataObject
) -> None:
    """TX-J7, TX-J8: filled + remaining = requested; never more than earlier fills left."""
    request, left = data.draw(asked(market))
    result = answer_of(request)

    filled = result.simulated_fill_quantity
    assert filled + result.remaining_quantity == result.requested_quantity == request.quantity
    assert filled <= left
    assert filled % 1 == 0
    assert sum(use.contracts for use in result.uses) in {0, filled}


@EVERY
@settings(max_examples=120)
@given(data=st.data())
def test_i3_a_fill_is_never_worse_than_the_limit_and_no_model_cancels(
    market: Market, data: st.DataObject
) -> None:
    """TX-J8, TX-J9: slippage too stops at the limit."""
    request, _ = data.draw(asked(market))
    result = answer_of(request)

    assert result.simulation_outcome is not SimulationOutcome.CANCEL
    if result.simulated_fill_price is not None and request.limit_price is not None:
        inside = request.limit_price - result.simulated_fill_price
        assert request.side.sign * inside >= 0
    assert result.slippage_ticks >= 0


@EVERY
@settings(max_examples=60)
@given(data=st.data())
def test_two_orders_share_what_one_market_has(market: Market, data: st.DataObject) -> None:
    """TX-J7, trading 5.3: what the first took is an input of the second."""
    side, price = data.draw(SIDES), data.draw(PRICES)
    size, wants = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 12))
    order = order_of(market, side=side, quantity=Decimal(wants))
    first = answer_of(market.shown(order, price, size, 0)).simulated_fill_quantity
    second = answer_of(market.shown(order, price, size, int(first))).simulated_fill_quantity

    assert first == min(wants, size)
    assert second == min(wants, size - first)


@EVERY
@settings(max_examples=120)
@given(data=st.data())
def test_cutting_the_market_after_an_instant_changes_nothing_at_it(
    market: Market, data: st.DataObject
) -> None:
    """Trading part 2, rule 2: no look-ahead."""
    path, other = data.draw(PATHS), data.draw(PATHS)
    seen = data.draw(st.integers(0, len(path)))
    at = ARRIVED + timedelta(seconds=market.step_seconds * seen)
    terms = limit(data.draw(PRICES)) if data.draw(st.booleans()) else {}
    order = order_of(market, side=data.draw(SIDES), quantity=Decimal(3), **terms)

    told = market.told(order, path[:seen], at)
    assert told == market.told(order, path, at)
    assert told == market.told(order, [*path[:seen], *other], at)


@EVERY
def test_each_result_names_the_model_and_says_what_it_models(market: Market) -> None:
    """Trading 5.2: latency, queue position, market impact, partial fills: modelled or not."""
    result = answer_of(market.shown(order_of(market), 17_400, 5, 0))

    assert result.model_version == market.rule.model_version
    assert sorted((*result.modelled, *result.not_modelled)) == sorted(ASPECTS)
    assert not set(result.modelled) & set(result.not_modelled)
    assert [f"not_modelled:{name}" for name in result.not_modelled] == list(result.warnings)
    assert len(result.checks) == 6
    assert (result.paper_only, result.broker_api_called) == (True, False)


@EVERY
def test_a_request_of_another_symbol_is_refused(market: Market) -> None:
    """TX-J1: the quote's and the window's symbol are the order's."""
    request = market.shown(order_of(market), 17_400, 5, 0)
    wrong = [request.amended(quote=request.quote.amended(symbol="MXF202108"))]
    if request.window is not None:
        wrong.append(request.amended(window=request.window.amended(symbol="MXF202108")))

    for one in wrong:
        with pytest.raises(InputError, match="SYMBOL_MISMATCH"):
            answer_of(one)


@EVERY
@pytest.mark.parametrize(
    ("order_type", "code"),
    [
        (OrderType.LIMIT, "LIMIT_PRICE_MISSING"),
        (OrderType.STOP, "STOP_PRICE_MISSING"),
        (OrderType.MWP, "PROTECTION_PRICE_MISSING"),
    ],
)
def test_an_order_without_its_price_is_refused(
    market: Market, order_type: OrderType, code: str
) -> None:
    """TX-J5, trading 1.5."""
    request = market.shown(order_of(market, order_type=order_type), 17_400, 5, 0)

    with pytest.raises(InputError) as caught:
        answer_of(request)

    assert caught.value.code == code


@EVERY
def test_what_is_not_paper_is_rejected(market: Market) -> None:
    """TX-J10: the first check of every model."""
    result = answer_of(market.shown(order_of(market, paper_only=False), 17_400, 5, 0))

    assert result.simulation_outcome is SimulationOutcome.REJECT
    assert result.checks[0].model_dump() == {"name": "paper_only", "passed": False}


@EVERY
@pytest.mark.parametrize("side", Side)
def test_a_stop_waits_for_its_price_and_a_protected_order_works_at_its_limit(
    market: Market, side: Side
) -> None:
    """Trading 1.5, 5.3: nothing fills before the trigger; a protected order is a limit order."""
    far = Decimal(17_400 + side.sign * 100)
    stop = order_of(market, side=side, order_type=OrderType.STOP, stop_price=far)
    waiting = answer_of(market.shown(stop, 17_400, 5, 0))
    reached = answer_of(market.shown(stop.amended(stop_price=Decimal(17_400)), 17_400, 5, 0))
    protected = order_of(market, side=side, order_type=OrderType.MWP, protection_price=far)
    worked = answer_of(market.shown(protected, 17_400, 5, 0))

    assert waiting.waits
    assert waiting.triggered_at is None
    assert waiting.simulated_fill_quantity == 0
    assert reached.triggered_at is not None
    assert worked.simulated_fill_quantity == 2
