"""What an approval allows."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.approvals.binding import binding_breaches
from counterseal.signals.intent import OrderType
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
def test_i2_exposure_is_recomputed_never_believed(claim: int) -> None:
    """TX-E6, TX-Z4: any claim but the true one is a breach; so is a larger contract."""
    claimed = Decimal(claim) / 20
    intent = DESK.intent(tx_equivalent_exposure=claimed)
    assert (binding_breaches(PAYLOAD, intent, RATIO) == ()) == (claimed == 2 * RATIO)
    assert "tx_equivalent" in binding_breaches(PAYLOAD, intent, Decimal(1))
