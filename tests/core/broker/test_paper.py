from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.broker.model import QuoteSnapshot, SimulationOutcome, SimulationRequest
from counterseal.broker.paper import simulate, simulation_checks
from counterseal.kernel.errors import InputError
from counterseal.policy.execution import DelayedQuoteFillRule, QuoteFillRule
from counterseal.signals.intent import OrderType, Side

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
QUOTE = QuoteSnapshot(
    symbol="TMF",
    bid=Decimal(19999),
    ask=Decimal(20000),
    bid_size=Decimal(5),
    ask_size=Decimal(5),
    basis="book",
    source="test",
    quote_id="q1",
    event_time=NOW,
    receive_time=NOW,
    age_seconds=Decimal(0),
)
REQUEST = SimulationRequest(
    order_id="ord_1",
    symbol="TMF",
    side=Side.BUY,
    order_type=OrderType.MARKET,
    quantity=Decimal(2),
    quote=QUOTE,
)
Changes = dict[str, object]


def ask(quote: Changes, **order: object) -> SimulationRequest:
    return REQUEST.amended(quote=QUOTE.amended(**quote), **order)


LIMIT = {"order_type": OrderType.LIMIT}
ORACLE: list[tuple[Changes, Changes, str, object, object]] = [
    ({}, {}, "fill", 2, 20000),
    ({}, {"side": Side.SELL}, "fill", 2, 19999),
    ({}, {"quantity": 7}, "partial_fill", 5, 20000),
    ({"ask": 19998}, {}, "reject", 0, None),
    ({"age_seconds": 3}, {}, "fill", 2, 20000),
    ({"age_seconds": "3.01"}, {}, "reject", 0, None),
    ({"ask": 20004}, {}, "fill", 2, 20004),
    ({"ask": "20004.5"}, {}, "acknowledge", 0, None),
    ({}, {**LIMIT, "limit_price": "19999.5"}, "acknowledge", 0, None),
    ({}, {**LIMIT, "limit_price": 20001}, "fill", 2, 20000),
    ({"ask_size": 0}, {}, "acknowledge", 0, None),
    ({"liquidity_score": 0}, {}, "acknowledge", 0, None),
    ({"liquidity_score": "0.49"}, {"quantity": 5}, "partial_fill", 2, 20000),
    ({"liquidity_score": "0.1"}, {"quantity": 5}, "partial_fill", 1, 20000),
    ({"liquidity_score": "0.5"}, {"quantity": 9}, "partial_fill", 5, 20000),
    ({"liquidity_score": "0.29", "ask_size": 99}, {"quantity": 100}, "partial_fill", 29, 20000),
    ({}, {"already_consumed": 4}, "partial_fill", 1, 20000),
    ({}, {"already_consumed": 5}, "acknowledge", 0, None),
    ({}, {"selected_outcome": SimulationOutcome.CANCEL}, "cancel", 0, None),
    ({}, {"selected_outcome": SimulationOutcome.REJECT}, "reject", 0, None),
    ({}, {"selected_outcome": SimulationOutcome.ACKNOWLEDGE}, "acknowledge", 0, None),
    ({}, {"selected_outcome": SimulationOutcome.PARTIAL_FILL}, "partial_fill", 1, 20000),
]


@pytest.mark.parametrize(("quote", "order", "outcome", "filled", "price"), ORACLE)
def test_the_oracle_table(
    quote: Changes, order: Changes, outcome: str, filled: object, price: object
) -> None:
    """TX-J2 to TX-J9: each boundary from both sides; TX-M6: a partial fill of 2 is 1."""
    result = simulate(ask(quote, **order))

    assert result.simulation_outcome == outcome
    assert (result.simulated_fill_quantity, result.simulated_fill_price) == (filled, price)
    assert result == simulate(ask(quote, **order))


@pytest.mark.parametrize(
    ("quote", "order", "code"),
    [
        ({"symbol": "MTX"}, {}, "QUOTE_SYMBOL_MISMATCH"),
        ({}, LIMIT, "LIMIT_PRICE_MISSING"),
        (
            {},
            {"quantity": 1, "selected_outcome": SimulationOutcome.PARTIAL_FILL},
            "PARTIAL_FILL_NEEDS_TWO",
        ),
    ],
)
def test_what_cannot_be_understood_is_an_error(quote: Changes, order: Changes, code: str) -> None:
    """TX-J1, TX-J5, TX-Z6."""
    with pytest.raises(InputError) as caught:
        simulate(ask(quote, **order))

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "quote", "order"),
    [
        ("paper_only", {}, {"paper_only": False}),
        ("symbol_matches", {"symbol": "MTX"}, {}),
        ("quote_fresh", {"age_seconds": 4}, {}),
        ("valid_spread", {"ask": 20005}, {}),
        ("has_liquidity", {"ask_size": 0}, {}),
        ("limit_marketable", {}, {**LIMIT, "limit_price": 19999}),
    ],
)
def test_each_reported_check_is_false_once(name: str, quote: Changes, order: Changes) -> None:
    """TX-J10."""
    checks = simulation_checks(ask(quote, **order))

    assert [check.name for check in checks if not check.passed] == [name]


@settings(max_examples=80)
@given(st.sampled_from(Side), st.integers(1, 9), st.integers(19_990, 20_010), st.booleans())
def test_i4_without_delay_and_slippage_v02_answers_as_v01(
    side: Side, quantity: int, price: int, limited: bool
) -> None:
    """TX-J8: parameters off by default; only the name, what is modelled and the digest differ."""
    later = NOW + timedelta(seconds=3)
    order: Changes = {"side": side, "quantity": quantity, "arrived_at": later}
    if limited:
        order |= {**LIMIT, "limit_price": price}
    own = {"model_version", "modelled", "not_modelled", "warnings", "request_digest"}
    old, new = (
        simulate(ask({}, **order, rule=rule)).model_dump(exclude=own)
        for rule in (QuoteFillRule(), DelayedQuoteFillRule())
    )

    assert old == new
    assert not old["waits"]


@pytest.mark.parametrize(
    ("limit", "price", "ticks"), [(None, 20_003, 3), (20_001, 20_001, 1), (20_000, 20_000, 0)]
)
def test_i4_slippage_is_inside_the_price_and_stops_at_the_limit(
    limit: int | None, price: int, ticks: int
) -> None:
    """Trading 5.3: stated ticks against the order, once."""
    order: Changes = {} if limit is None else {**LIMIT, "limit_price": limit}
    result = simulate(ask({}, **order, rule=DelayedQuoteFillRule(slippage_ticks=3)))

    assert result.simulated_fill_price == price
    assert result.slippage_ticks == ticks


@pytest.mark.parametrize(
    ("late_ms", "reason"), [(499, "WAITS_FOR_LATENCY"), (500, "FILLED_AT_QUOTE")]
)
def test_i4_with_a_delay_the_order_meets_the_later_quote(late_ms: int, reason: str) -> None:
    """Trading 5.3: nothing fills before the delay is over; the order waits."""
    rule = DelayedQuoteFillRule(latency_ms=500)
    later: Changes = {"receive_time": NOW + timedelta(milliseconds=late_ms)}
    result = simulate(ask(later, arrived_at=NOW, rule=rule))

    assert result.reason == reason
    assert result.waits is (reason == "WAITS_FOR_LATENCY")
