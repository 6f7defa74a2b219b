from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.policy.limits import OrderSizeMax, RiskLimits
from counterseal.risk.decide import evaluate, risk_refusal
from counterseal.risk.facts import FurtherFacts, Standing, TradingState
from counterseal.risk.model import CheckName, RiskIntent, RiskSnapshot
from counterseal.signals.intent import OrderType, Side

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
WIDE: dict[str, object] = {
    "max_tx_equivalent_exposure": 100,
    "margin_max_twd": 100_000_000,
    "position_max_tx_equivalent": 100,
}
INTENT = RiskIntent(
    order_id="ord_1",
    idempotency_key="key-1",
    symbol="TMF",
    contract_root="TMF",
    side=Side.BUY,
    quantity=Decimal(5),
    ratio=Decimal("0.05"),
    order_type=OrderType.MARKET,
    paper_only=True,
    approved_target=Decimal(100),
    multiplier=Decimal(10),
    tick=Decimal(1),
    strategy_id="trend",
)
STILL = Standing(
    position_tx_equivalent=Decimal(0),
    working_long_tx_equivalent=Decimal(0),
    working_short_tx_equivalent=Decimal(0),
)
FACTS = FurtherFacts(
    trading_state=TradingState.ACTIVE,
    position_contracts=Decimal(0),
    working_buy_contracts=Decimal(0),
    working_sell_contracts=Decimal(0),
    strategy=STILL,
    instrument=STILL,
    group=STILL,
    session_phase="open",
    expires_on="2026-01-21",
    settlement_price=Decimal(20000),
    unrealized_pnl_twd=Decimal(0),
    cash_twd=Decimal(1_000_000),
    margin_day="2026-01-05",
    margin_order_contract_twd=Decimal(16_900),
    margin_held_twd=Decimal(0),
    signal_used_by="",
    approval_breaches=(),
    orders_today=0,
    cancels_today=0,
    orders_this_second=0,
    messages_this_second=0,
    active_orders=0,
    repeats=0,
)
SNAPSHOT = RiskSnapshot(
    account_id="acc_1",
    taken_at=NOW,
    seen_idempotency_keys=0,
    key_seen=False,
    daily_realized_loss_twd=Decimal(0),
    position_tx_equivalent=Decimal(0),
    working_long_tx_equivalent=Decimal(0),
    working_short_tx_equivalent=Decimal(0),
    kill_switch_active=False,
    broker_heartbeat_healthy=True,
    heartbeat_at=NOW,
    trading_mode="paper",
    live_trading_enabled=False,
    broker_provider="paper",
    quote_age_seconds=Decimal(0),
    quote_price=Decimal(20000),
    reference_price=Decimal(20000),
    further=FACTS,
)
LIMITS = RiskLimits(
    schema_version=1,
    max_tx_equivalent_exposure=Decimal("0.25"),
    stale_quote_seconds=Decimal(3),
    price_deviation_max=Decimal("0.02"),
    order_size_max=(
        OrderSizeMax(contract_root="TX", quantity_max=Decimal(1)),
        OrderSizeMax(contract_root="MTX", quantity_max=Decimal(4)),
        OrderSizeMax(contract_root="TMF", quantity_max=Decimal(20)),
    ),
    margin_per_tx_twd=Decimal(200_000),
    margin_max_twd=Decimal(50_000),
    daily_loss_max_twd=Decimal(5_000),
    position_max_tx_equivalent=Decimal("0.25"),
    kill_switch=False,
    heartbeat_max_age_seconds=Decimal(60),
)
LIMIT = {"order_type": OrderType.LIMIT}
NO_EXPOSURE: dict[str, object] = {
    "margin_max_twd": WIDE["margin_max_twd"],
    "position_max_tx_equivalent": 100,
}
NO_MARGIN: dict[str, object] = {
    "max_tx_equivalent_exposure": 100,
    "position_max_tx_equivalent": 100,
}
Changes = dict[str, object]


def failed(intent: Changes, snapshot: Changes, policy: Changes) -> tuple[str, ...]:
    outcome = evaluate(
        INTENT.amended(**intent),
        SNAPSHOT.amended(**snapshot),
        LIMITS.amended(**policy),
        evaluation_id="rev_1",
        now=NOW,
    )
    return outcome.failed


PASSING: list[tuple[Changes, Changes, Changes]] = [
    ({}, {}, {}),
    ({}, {"quote_age_seconds": 3}, {}),
    ({**LIMIT, "order_price": 20400}, {}, {}),
    ({"quantity": 20}, {}, WIDE),
    ({}, {"daily_realized_loss_twd": "4999.99"}, {}),
    ({"quantity": 1}, {"position_tx_equivalent": "0.2"}, {}),
    ({}, {"heartbeat_at": NOW - timedelta(seconds=60)}, {}),
    ({"approved_target": "-0.25"}, {}, {}),
    ({"side": Side.SELL}, {"working_long_tx_equivalent": "0.25"}, {}),
]
FAILING: list[tuple[str, Changes, Changes, Changes]] = [
    ("LIVE_TRADING_DISABLED", {}, {"live_trading_enabled": True}, {}),
    ("LIVE_TRADING_DISABLED", {}, {"trading_mode": "shadow"}, {}),
    ("PAPER_BROKER_ONLY", {}, {"broker_provider": "sim"}, {}),
    ("IDEMPOTENCY_KEY_PRESENT", {"idempotency_key": ""}, {}, {}),
    ("IDEMPOTENCY_KEY_PRESENT", {"idempotency_key": "  "}, {}, {}),
    ("PAPER_ONLY_INTENT", {"paper_only": False}, {}, {}),
    ("MAX_EXPOSURE", {"ratio": "0.2501", "quantity": 1}, {}, NO_EXPOSURE),
    ("MAX_EXPOSURE", {"approved_target": "0.05"}, {}, {}),
    ("STALE_QUOTE", {}, {"quote_age_seconds": "3.01"}, {}),
    ("STALE_QUOTE", {}, {"quote_age_seconds": "-0.01"}, {}),
    ("STALE_QUOTE", {}, {"quote_age_seconds": None}, {}),
    ("PRICE_REASONABILITY", {**LIMIT, "order_price": "20400.01"}, {}, {}),
    ("PRICE_REASONABILITY", {}, {"quote_price": "20400.01"}, {}),
    ("PRICE_REASONABILITY", {}, {"quote_price": None}, {}),
    ("MAX_ORDER_SIZE_BY_CONTRACT", {"quantity": 21}, {}, WIDE),
    ("MAX_ORDER_SIZE_BY_CONTRACT", {"contract_root": None}, {}, {}),
    ("MARGIN_PROXY", {"ratio": "0.2501", "quantity": 1}, {}, NO_MARGIN),
    ("DUPLICATE_ORDER_PREVENTION", {}, {"key_seen": True}, {}),
    ("DAILY_LOSS_LIMIT", {}, {"daily_realized_loss_twd": 5000}, {}),
    ("POSITION_LIMIT", {"quantity": 1}, {"position_tx_equivalent": "0.25"}, {}),
    ("POSITION_LIMIT", {}, {"working_long_tx_equivalent": "0.05"}, {}),
    ("KILL_SWITCH", {}, {"kill_switch_active": True}, {}),
    ("KILL_SWITCH", {}, {}, {"kill_switch": True}),
    ("BROKER_HEARTBEAT", {}, {"broker_heartbeat_healthy": False}, {}),
    ("BROKER_HEARTBEAT", {}, {"heartbeat_at": None}, {}),
    ("BROKER_HEARTBEAT", {}, {"heartbeat_at": NOW - timedelta(seconds=60.01)}, {}),
]


@pytest.mark.parametrize(("intent", "snapshot", "policy"), PASSING)
def test_an_order_at_the_limit_passes(intent: Changes, snapshot: Changes, policy: Changes) -> None:
    """TX-H5 to TX-H14: the passing side of each boundary."""
    assert failed(intent, snapshot, policy) == ()


@pytest.mark.parametrize(("name", "intent", "snapshot", "policy"), FAILING)
def test_an_order_beyond_one_limit_fails_that_check_alone(
    name: str, intent: Changes, snapshot: Changes, policy: Changes
) -> None:
    """TX-H1 to TX-H14, TX-Z14: each check isolated on its failing side."""
    assert failed(intent, snapshot, policy) == (name,)


@pytest.mark.parametrize(("ratio", "quantity"), [("0.05", 20), (1, 1)])
def test_the_signals_own_figure_cannot_hide_the_exposure(ratio: object, quantity: int) -> None:
    """TX-Z3: 20 TMF and 1 TX under a 0.05 approval fail all three exposure checks."""
    seen = failed({"ratio": ratio, "quantity": quantity, "approved_target": "0.05"}, {}, {})

    assert {"MAX_EXPOSURE", "MARGIN_PROXY", "POSITION_LIMIT"} <= set(seen)


def test_only_the_first_of_six_orders_fits_the_position_limit() -> None:
    """TX-Z5: six approvals of 0.25, one after another."""
    position, accepted = Decimal(0), 0
    for _ in range(6):
        if not failed({}, {"position_tx_equivalent": position}, {}):
            position, accepted = position + Decimal("0.25"), accepted + 1

    assert accepted == 1


def test_a_limit_without_anything_to_compare_is_skipped_not_passed() -> None:
    """TX-H7: skipped is recorded as skipped."""
    outcome = evaluate(
        INTENT.amended(**LIMIT, order_price=20000),
        SNAPSHOT.amended(reference_price=None, quote_price=None),
        LIMITS,
        evaluation_id="rev_1",
        now=NOW,
    )
    check = outcome.checks[6]

    assert (check.skipped, check.passed) == (True, False)


BREAKS: dict[str, tuple[int, Changes]] = {
    "LIVE_TRADING_DISABLED": (1, {"live_trading_enabled": True}),
    "PAPER_BROKER_ONLY": (1, {"broker_provider": "sim"}),
    "PAPER_ONLY_INTENT": (0, {"paper_only": False}),
    "STALE_QUOTE": (1, {"quote_age_seconds": 4}),
    "DUPLICATE_ORDER_PREVENTION": (1, {"key_seen": True}),
    "DAILY_LOSS_LIMIT": (1, {"daily_realized_loss_twd": 9000}),
    "KILL_SWITCH": (1, {"kill_switch_active": True}),
}


@given(st.sets(st.sampled_from(sorted(BREAKS))))
def test_i2_the_reason_is_the_first_failure_and_all_failures_are_listed(names: set[str]) -> None:
    """TX-H: all fourteen run, whatever fails."""
    facts: tuple[Changes, Changes] = ({}, {})
    for name in names:
        facts[BREAKS[name][0]].update(BREAKS[name][1])

    outcome = evaluate(
        INTENT.amended(**facts[0]),
        SNAPSHOT.amended(**facts[1]),
        LIMITS,
        evaluation_id="rev_1",
        now=NOW,
    )

    expected = tuple(name for name in CheckName if name in names)
    assert len(outcome.checks) == 14
    assert outcome.failed == expected
    assert outcome.reason == (*expected, "")[0]
    refusal = risk_refusal(outcome)
    assert (refusal is None) is outcome.approved
