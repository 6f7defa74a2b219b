from datetime import UTC, datetime
from decimal import Decimal

import pytest

from counterseal.broker.model import QuoteSnapshot, SimulationOutcome, SimulationRequest
from counterseal.broker.paper import simulate, simulation_checks
from counterseal.kernel.errors import InputError
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
