"""What an approval allows."""

from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.approvals.binding import binding_breaches, time_in_force_allowed
from counterseal.signals.intent import OrderType, TimeInForce
from tests.core.approvals.world import RATIO, Desk

DESK = Desk()
PAYLOAD = DESK.request.payload


@pytest.mark.parametrize(
    "field",
    [
        "strategy_id",
        "strategy_version",
        "tenant",
        "account_id",
        "symbol",
        "policy_bundle_hash",
    ],
)
def test_i1_every_bound_field_is_compared(field: str) -> None:
    """TX-F18, TX-Z3: the breach names the field."""
    other = "sha256:" + "b" * 64
    assert binding_breaches(PAYLOAD, DESK.intent(**{field: other}), RATIO) == (field,)


@given(st.integers(1, 4), st.integers(18900, 21100))
def test_i1_less_or_inside_is_use(quantity: int, price: int) -> None:
    """TX-F18: bounds are inclusive."""
    intent = DESK.intent(
        quantity=quantity, tx_equivalent_exposure=quantity * RATIO, order_price=Decimal(price)
    )
    found = binding_breaches(PAYLOAD, intent, RATIO)
    assert ("max_quantity" in found) == ("tx_equivalent" in found) == (quantity > 2)
    assert ("price_bounds" in found) == (not 19000 <= price <= 21000)


def test_i1_a_market_order_is_judged_by_its_reference_price() -> None:
    """TX-F18: without any price only an unbounded approval covers it."""
    payload = PAYLOAD.amended(order_type=OrderType.MARKET)
    market = DESK.intent(order_type=OrderType.MARKET, order_price=None)
    inside = market.amended(reference_price=Decimal(19000))

    assert binding_breaches(payload, market, RATIO) == ("price_bounds",)
    assert binding_breaches(payload, inside, RATIO) == ()
    unbounded = payload.amended(price_min=None, price_max=None)
    assert binding_breaches(unbounded, market, RATIO) == ()


@given(st.integers(0, 100))
def test_i3_exposure_is_recomputed_never_believed(claim: int) -> None:
    """TX-E6, TX-Z4: any claim but the true one is a breach; so is a larger contract."""
    claimed = Decimal(claim) / 20
    intent = DESK.intent(tx_equivalent_exposure=claimed)
    assert (binding_breaches(PAYLOAD, intent, RATIO) == ()) == (claimed == 2 * RATIO)
    assert "tx_equivalent" in binding_breaches(PAYLOAD, intent, Decimal(1))


@given(st.integers(18_900, 21_100), st.integers(1, 100))
def test_i2_a_stop_and_a_protected_price_lie_inside_the_bounds(price: int, points: int) -> None:
    """Trading reference 1.5: a stop as a limit does; MWP by its reference and its worst price."""
    stop = DESK.intent(order_type=OrderType.STOP, order_price=None, stop_price=Decimal(price))
    protected = DESK.intent(
        order_type=OrderType.MWP,
        order_price=None,
        reference_price=Decimal(price),
        protection_points=Decimal(points),
    )
    outside = not 19_000 <= price <= 21_000
    beyond = outside or price + protected.side.sign * points > 21_000

    def found(kind: OrderType, intent: object) -> bool:
        payload = PAYLOAD.amended(order_type=kind)
        return "price_bounds" in binding_breaches(payload, intent, RATIO)  # type: ignore[arg-type]  # an intent

    assert found(OrderType.STOP, stop) is outside
    assert found(OrderType.MWP, protected) is beyond
    assert found(OrderType.MWP, protected.amended(reference_price=None))


@pytest.mark.parametrize(("seconds", "inside"), [(-60, True), (0, True), (1, False)])
def test_i2_a_gtd_order_ends_no_later_than_approved(seconds: int, inside: bool) -> None:
    """Trading reference 1.5: inclusive; an end that lies behind is no end."""
    end = DESK.intent().created_at + timedelta(hours=1)
    payload = PAYLOAD.amended(time_in_force=TimeInForce.GTD, good_till=end)
    told = {"time_in_force": TimeInForce.GTD, "good_till": end + timedelta(seconds=seconds)}

    assert (binding_breaches(payload, DESK.intent(**told), RATIO) == ()) is inside
    past = DESK.intent(**{**told, "good_till": DESK.intent().created_at})
    assert binding_breaches(payload, past, RATIO) == ("good_till",)
    assert "good_till" in binding_breaches(PAYLOAD, DESK.intent(good_till=end), RATIO)


@pytest.mark.parametrize(("kind", "tif"), list(product(OrderType, TimeInForce)))
def test_which_time_in_force_an_order_type_may_have(kind: OrderType, tif: TimeInForce) -> None:
    """Trading reference 1.5 [M]: the day of a market order is a parameter of the policy."""
    end = {"good_till": PAYLOAD.created_at} if tif is TimeInForce.GTD else {}
    payload = PAYLOAD.amended(order_type=kind, time_in_force=tif, **end)
    immediate = tif in (TimeInForce.IOC, TimeInForce.FOK)
    market = kind in (OrderType.MARKET, OrderType.MWP)
    strict = {OrderType.LIMIT: True, OrderType.STOP: not immediate}.get(kind, immediate)

    assert time_in_force_allowed(payload, market_day=False) is strict
    lenient = strict or (market and tif is TimeInForce.DAY)
    assert time_in_force_allowed(payload, market_day=True) is lenient
