"""The paper model as windows ask it: the form, its defaults, and every oracle of the rules."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal.broker.model import SimulationOutcome, SimulationResult
from counterseal.desk.views.simulation import SimulationForm, preview_fill
from counterseal.kernel.errors import InputError
from counterseal.signals.intent import OrderType, Side
from tests.world import World

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
FORM = SimulationForm()
LIMIT: dict[str, object] = {"order_type": OrderType.LIMIT}


def asked(**changes: object) -> SimulationResult:
    return preview_fill(FORM.amended(**changes), NOW)


def outcome(**changes: object) -> str:
    found = asked(**changes)
    if found.simulated_fill_price is None:
        return found.simulation_outcome.value
    filled = f"{found.simulated_fill_quantity} @ {found.simulated_fill_price}"
    return f"{found.simulation_outcome.value} {filled}"


def test_the_form_has_the_asked_defaults() -> None:
    """TX-J12: buy 2 TMF at 19999 to 20000, last 19999.5, 5/5, age 0, score 1, 5 points, 3 s."""
    assert FORM.json_value() == {
        "symbol": "TMF",
        "side": "BUY",
        "order_type": "MARKET",
        "limit_price": None,
        "quantity": "2",
        "quote_symbol": None,
        "bid": "19999",
        "ask": "20000",
        "last": "19999.5",
        "bid_size": "5",
        "ask_size": "5",
        "age_seconds": "0",
        "liquidity_score": "1",
        "max_spread": "5",
        "stale_quote_seconds": "3",
        "selected_outcome": None,
    }
    assert outcome() == "fill 2 @ 20000"


@pytest.mark.parametrize(("quantity", "allowed"), [(0, False), (1, True), (20, True), (21, False)])
def test_the_form_takes_1_to_20_contracts(quantity: int, allowed: bool) -> None:
    """TX-J12: each end from both sides."""
    if allowed:
        assert asked(quantity=quantity).requested_quantity == quantity
        return
    with pytest.raises(ValueError, match="quantity"):
        FORM.amended(quantity=quantity)


def test_a_preview_leaves_the_store_unchanged(tmp_path: Path) -> None:
    """TX-J12: nothing persisted."""
    world = World(tmp_path / "home")
    before = world.settings.database_file.read_bytes()

    assert preview_fill(FORM, world.clock.now()).simulation_outcome is SimulationOutcome.FILL
    assert world.settings.database_file.read_bytes() == before
    assert world.fills() == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quote_symbol": "MTX"}, "QUOTE_SYMBOL_MISMATCH"),
        (LIMIT, "LIMIT_PRICE_MISSING"),
    ],
)
def test_a_question_that_makes_no_sense_is_bad_input(changes: dict[str, object], code: str) -> None:
    """TX-J1, TX-J5: a TMF order on an MTX quote; a limit order without a price."""
    with pytest.raises(InputError) as caught:
        asked(**changes)
    assert caught.value.code == code


def test_a_crossed_quote_is_rejected() -> None:
    """TX-J2: ask 19998 below bid 19999; equal prices still fill."""
    assert outcome(ask=19998) == "reject"
    assert outcome(ask=19999) == "fill 2 @ 19999"


def test_a_quote_is_good_for_three_seconds() -> None:
    """TX-J3: 3 fills, 3.01 rejects; a quote from the future rejects, too."""
    assert outcome(age_seconds=3) == "fill 2 @ 20000"
    assert outcome(age_seconds="3.01") == "reject"
    assert outcome(age_seconds="-0.01") == "reject"
    assert outcome(age_seconds="3.01", stale_quote_seconds=4) == "fill 2 @ 20000"


def test_a_spread_beyond_five_points_is_acknowledged_only() -> None:
    """TX-J4: 20004 fills, 20004.5 does not; the limit is the caller's."""
    assert outcome(ask=20004) == "fill 2 @ 20004"
    assert outcome(ask="20004.5") == "acknowledge"
    assert outcome(ask="20004.5", max_spread=6) == "fill 2 @ 20004.5"


@pytest.mark.parametrize(
    ("side", "limit", "expected"),
    [
        (Side.BUY, "19999.5", "acknowledge"),
        (Side.BUY, "20000", "fill 2 @ 20000"),
        (Side.BUY, "20001", "fill 2 @ 20000"),
        (Side.SELL, "19999.5", "acknowledge"),
        (Side.SELL, "19999", "fill 2 @ 19999"),
        (Side.SELL, "19998", "fill 2 @ 19999"),
    ],
)
def test_a_limit_fills_only_where_it_reaches_the_quote(
    side: Side, limit: str, expected: str
) -> None:
    """TX-J5, TX-J8: both sides; the price is the quote's, never worse than the limit."""
    assert outcome(**LIMIT, side=side, limit_price=limit) == expected


@pytest.mark.parametrize("name", ["ask_size", "liquidity_score"])
def test_without_size_or_score_nothing_fills(name: str) -> None:
    """TX-J6: size 0 and score 0; a size below zero is none."""
    assert outcome(**{name: 0}) == "acknowledge"
    assert outcome(ask_size=-1) == "acknowledge"
    assert outcome(bid_size=0) == "fill 2 @ 20000"


@pytest.mark.parametrize(
    ("score", "quantity", "filled"),
    [("0.49", 5, 2), ("0.1", 5, 1), ("0.5", 9, 5), ("0.01", 2, 1), ("1", 5, 5)],
)
def test_a_low_score_thins_the_size_and_leaves_at_least_one(
    score: str, quantity: int, filled: int
) -> None:
    """TX-J7: 0.49 of 5 is 2, 0.1 of 5 is 1, 0.5 keeps the size."""
    found = asked(liquidity_score=score, quantity=quantity)
    assert found.capacity == found.simulated_fill_quantity == filled


def test_what_exceeds_the_size_is_filled_in_part() -> None:
    """TX-J8: BUY 2 @ 20000, SELL 2 @ 19999, BUY 7 fills 5 and leaves 2."""
    assert outcome(side=Side.SELL) == "fill 2 @ 19999"
    assert outcome(quantity=7) == "partial_fill 5 @ 20000"
    assert asked(quantity=7).remaining_quantity == 2
    assert outcome(quantity=5) == "fill 5 @ 20000"


@pytest.mark.parametrize("word", ["cancel", "reject", "acknowledge"])
def test_an_outcome_can_be_selected_and_says_so(word: str) -> None:
    """TX-J9: three selections, deterministic, marked as selected; never from the model itself."""
    selected = asked(selected_outcome=SimulationOutcome(word))

    assert selected.simulation_outcome.value == word
    assert selected.reason == "SELECTED_OUTCOME"
    assert selected.simulated_fill_price is None
    assert "outcome_selected_not_modelled" in selected.warnings
    assert asked(selected_outcome=SimulationOutcome(word)) == selected


def test_a_result_reports_six_checks_and_what_was_asked() -> None:
    """TX-J10, TX-J11: the six names, the inputs repeated, the flags of a paper model."""
    found = asked(side=Side.SELL, quantity=7)
    told = found.json_value()

    assert [check.name for check in found.checks] == [
        *("paper_only", "symbol_matches", "quote_fresh"),
        *("valid_spread", "has_liquidity", "limit_marketable"),
    ]
    asked_words = {
        "model_version": "paper-broker-sim-v0.1",
        "simulation_outcome": "partial_fill",
        "symbol": "TMF",
        "side": "SELL",
        "order_type": "MARKET",
        "limit_price": None,
        "reference_price": "19999",
        "simulated_fill_price": "19999",
        "requested_quantity": "7",
        "simulated_fill_quantity": "5",
        "remaining_quantity": "2",
        "bid_price": "19999",
        "ask_price": "20000",
        "spread_points": "1",
        "available_size": "5",
        "liquidity_score": "1",
        "paper_only": True,
        "live_trading_enabled": False,
        "broker_api_called": False,
        "external_market_data_downloaded": False,
        "production_execution_model": False,
    }
    assert {name: told[name] for name in asked_words} == asked_words
    assert found.reason
    assert found.warnings
