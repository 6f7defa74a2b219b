from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.policy.desk_limits import (
    HARD,
    Breach,
    CheckRow,
    DeskLimits,
    FurtherCheck,
    NamedLimit,
)
from counterseal.risk.decide import evaluate, risk_refusal
from counterseal.risk.facts import OverrideInForce, TradingState, strictest
from counterseal.risk.model import CheckEffect, CheckName, RiskEvaluation
from counterseal.signals.intent import OrderType, Side
from tests.core.risk.test_decide import (
    FACTS,
    INTENT,
    LIMIT,
    LIMITS,
    NOW,
    SNAPSHOT,
    STILL,
    WIDE,
    Changes,
)

F = FurtherCheck


def named(**limits: str) -> tuple[NamedLimit, ...]:
    return tuple(NamedLimit(name=k.replace("_", "*"), limit=Decimal(v)) for k, v in limits.items())


NUMBERS: dict[str, object] = {
    "collar_fraction_max": Decimal("0.03"),
    "daily_limit_fraction": Decimal("0.10"),
    "lots_max": named(MARKET="10", _="100"),
    "order_notional_max": named(TMF="9000000"),
    "order_value_max_twd": Decimal(9_000_000),
    "instrument_notional_max_twd": Decimal(9_000_000),
    "account_position_max": named(_="1"),
    "strategy_position_max": named(_="1"),
    "instrument_position_max": named(_="1"),
    "group_position_max_tx_equivalent": Decimal(1),
    "portfolio_loss_max_twd": Decimal(5000),
    "orders_per_second_max": 3,
    "messages_per_second_max": 3,
    "orders_per_day_max": 3,
    "cancels_per_day_max": 3,
    "active_orders_max": 3,
    "repeats_max": 3,
}
ALL_ON = tuple(CheckRow(check=name) for name in F)


def judge(
    intent: Changes | None = None,
    facts: Changes | None = None,
    desk: Changes | None = None,
    snapshot: Changes | None = None,
) -> RiskEvaluation:
    limits = DeskLimits.model_validate({"checks": ALL_ON, **NUMBERS, **(desk or {})})
    return evaluate(
        INTENT.amended(**(intent or {})),
        SNAPSHOT.amended(further=FACTS.amended(**(facts or {})), **(snapshot or {})),
        LIMITS.amended(desk=limits, **WIDE, price_deviation_max=1),
        evaluation_id="rev_1",
        now=NOW,
    )


SELL: Changes = {"side": Side.SELL}
LONG: Changes = {"position_contracts": 5}


def standing(position: str = "0", long: str = "0", short: str = "0") -> object:
    return STILL.amended(
        position_tx_equivalent=position,
        working_long_tx_equivalent=long,
        working_short_tx_equivalent=short,
    )


def limit_at(price: object) -> Changes:
    return {**LIMIT, "order_price": price}


ONE_MILLION: Changes = {"instrument_notional_max_twd": 1_000_000}
PASSING: list[tuple[Changes, Changes, Changes]] = [
    ({}, {}, {}),
    (SELL, {**LONG, "trading_state": TradingState.REDUCING}, {}),
    ({}, {"position_contracts": -5, "trading_state": TradingState.REDUCING}, {}),
    (
        {**SELL, "quantity": 3},
        {**LONG, "working_sell_contracts": 2, "trading_state": TradingState.REDUCING},
        {},
    ),
    ({}, {"session_phase": "add_only"}, {}),
    (limit_at(20600), {}, {}),
    (limit_at(19400), {}, {}),
    (limit_at(20000), {"settlement_price": "18181.82"}, {}),
    (limit_at(22000), {}, {"collar_fraction_max": 1}),
    (
        limit_at(22001),
        {"settlement_price": None},
        {
            "collar_fraction_max": 1,
        },
    ),
    (
        {"quantity": 10},
        {},
        {},
    ),
    (SELL, {"position_contracts": 10}, {}),
    ({}, {}, {"order_notional_max": named(TMF="1000000")}),
    ({}, {}, {"order_value_max_twd": 1_000_000}),
    ({}, {}, {"instrument_notional_max_twd": 1_000_000}),
    ({}, {"strategy": standing("0.75")}, {}),
    ({}, {"strategy": standing("0.5", long="0.25", short="9")}, {}),
    ({}, {"instrument": standing("0.75")}, {}),
    ({}, {"group": standing("0.75")}, {}),
    (SELL, {"group": standing("-0.75")}, {}),
    ({}, {"unrealized_pnl_twd": "-4999.99"}, {}),
    (SELL, {**LONG, "unrealized_pnl_twd": -9000}, {}),
    ({}, {"cash_twd": 84_500}, {}),
    ({}, {"cash_twd": 100_000, "unrealized_pnl_twd": -500, "margin_held_twd": 15_000}, {}),
    (SELL, {**LONG, "cash_twd": 0}, {}),
    ({}, {"orders_this_second": 2}, {}),
    ({}, {"messages_this_second": 2}, {}),
    ({}, {"orders_today": 2}, {}),
    ({}, {"cancels_today": 3}, {}),
    ({}, {"active_orders": 2}, {}),
    ({}, {"repeats": 2}, {}),
    ({}, {}, {"restricted_symbols": ("TX",), "restricted_strategies": ("other",)}),
    (
        {"strategy_id": None},
        {"signal_used_by": None, "approval_breaches": None, "strategy": None},
        {},
    ),
]
FAILING: list[tuple[FurtherCheck, Changes, Changes, Changes]] = [
    (F.TRADING_STATE, {}, {"trading_state": TradingState.HALTED}, {}),
    (F.TRADING_STATE, SELL, {**LONG, "trading_state": TradingState.HALTED}, {}),
    (F.TRADING_STATE, {}, {"trading_state": TradingState.REDUCING}, {}),
    (F.TRADING_STATE, {}, {"position_contracts": 1, "trading_state": TradingState.REDUCING}, {}),
    (F.TRADING_STATE, SELL, {"position_contracts": 4, "trading_state": TradingState.REDUCING}, {}),
    (
        F.TRADING_STATE,
        {**SELL, "quantity": 4},
        {**LONG, "working_sell_contracts": 2, "trading_state": TradingState.REDUCING},
        {},
    ),
    (F.RESTRICTED_LIST, {}, {}, {"restricted_symbols": ("TMF",)}),
    (F.RESTRICTED_LIST, {"symbol": "TMF202601"}, {}, {"restricted_symbols": ("TMF202601",)}),
    (F.RESTRICTED_LIST, {}, {}, {"restricted_strategies": ("trend",)}),
    (F.APPROVAL_BINDING, {}, {"approval_breaches": ("side",)}, {}),
    (F.DUPLICATE_SIGNAL, {}, {"signal_used_by": "apr_2"}, {}),
    (F.TRADING_SESSION, {}, {"session_phase": "closed"}, {}),
    (F.TRADING_SESSION, {}, {"session_phase": "unknown", "expires_on": None}, {}),
    (F.TICK_SIZE, limit_at("19999.5"), {}, {}),
    (F.TICK_SIZE, {**limit_at(20000), "tick": None}, {}, {}),
    (
        F.QUANTITY_PRECISION,
        {"quantity": 11},
        {},
        {},
    ),
    (F.QUANTITY_PRECISION, {"quantity": "1.5"}, {}, {}),
    (F.QUANTITY_PRECISION, {"quantity": 1}, {}, {"quantity_min": 2}),
    (F.PRICE_COLLAR, limit_at(19399), {}, {}),
    (F.DAILY_PRICE_LIMIT, limit_at(20000), {"settlement_price": "18181.81"}, {}),
    (F.MAX_ORDER_NOTIONAL, {}, {}, {"order_notional_max": named(TMF="999999")}),
    (F.MAX_ORDER_VALUE, {}, {}, {"order_value_max_twd": 999_999}),
    (F.MAX_INSTRUMENT_NOTIONAL, {}, {"position_contracts": 1}, ONE_MILLION),
    (F.MAX_INSTRUMENT_NOTIONAL, {}, {"working_buy_contracts": 1}, ONE_MILLION),
    (F.ACCOUNT_POSITION, {}, {}, {"account_position_max": named(acc="0.24", _="0.24")}),
    (F.STRATEGY_POSITION, {}, {"strategy": standing("0.7501")}, {}),
    (F.STRATEGY_POSITION, {}, {"strategy": standing("0.5", long="0.3")}, {}),
    (F.INSTRUMENT_POSITION, {}, {"instrument": standing("0.7501")}, {}),
    (F.GROUP_POSITION, {}, {"group": standing("0.7501")}, {}),
    (F.GROUP_POSITION, {}, {"group": None}, {}),
    (F.PORTFOLIO_LOSS, {}, {"unrealized_pnl_twd": -5000}, {}),
    (F.FREE_BALANCE, {}, {"cash_twd": "84499.99"}, {}),
    (F.FREE_BALANCE, {}, {"margin_order_contract_twd": None}, {}),
    (F.FREE_BALANCE, {}, {"margin_held_twd": None}, {}),
    (F.ORDER_RATE, {}, {"orders_this_second": 3}, {}),
    (F.MESSAGE_RATE, {}, {"messages_this_second": 3}, {}),
    (F.ORDERS_PER_DAY, {}, {"orders_today": 3}, {}),
    (F.CANCELS_PER_DAY, {}, {"cancels_today": 4}, {}),
    (F.ACTIVE_ORDERS, {}, {"active_orders": 3}, {}),
    (F.REPEATED_EXECUTION, {}, {"repeats": 3}, {}),
]


@pytest.mark.parametrize(("intent", "facts", "desk"), PASSING)
def test_an_order_at_a_further_limit_passes(intent: Changes, facts: Changes, desk: Changes) -> None:
    """TX-H, part 4: the passing side of each boundary."""
    assert judge(intent, facts, desk).failed == ()


@pytest.mark.parametrize(("name", "intent", "facts", "desk"), FAILING)
def test_an_order_beyond_a_further_limit_fails_that_check_alone(
    name: FurtherCheck, intent: Changes, facts: Changes, desk: Changes
) -> None:
    """TX-H, part 4: each further check isolated on its failing side."""
    seen = judge(intent, facts, desk)

    assert seen.failed == (name,)
    assert (seen.reason, seen.approved) == (name, False)


def test_each_further_check_has_a_failing_case() -> None:
    """TX-H, part 4: no check is only ever seen to pass."""
    assert {name for name, *_ in FAILING} == set(F)


@settings(max_examples=80)
@given(st.sets(st.sampled_from(range(len(FAILING)))), st.booleans(), st.booleans())
def test_i1_any_failures_are_all_listed_and_the_first_is_the_reason(
    places: set[int], killed: bool, stale: bool
) -> None:
    """TX-H: the fourteen come first, then the others in their order; all are recorded."""
    intent: Changes = {}
    facts: Changes = {}
    desk: Changes = {}
    for place in sorted(places):
        _, more, told, limits = FAILING[place]
        intent, facts, desk = intent | more, facts | told, desk | limits
    snapshot: Changes = {"kill_switch_active": killed, "quote_age_seconds": 4 if stale else 0}
    seen = judge(intent, facts, desk, snapshot)
    refusal = risk_refusal(seen)

    assert tuple(c.name for c in seen.checks) == tuple(CheckName)
    assert tuple(c.name for c in seen.further_checks) == tuple(F)
    order = [*CheckName, *F]
    assert list(seen.failed) == sorted(seen.failed, key=order.index)
    assert (CheckName.KILL_SWITCH in seen.failed) is killed
    assert (CheckName.STALE_QUOTE in seen.failed) is stale
    assert seen.approved is not bool(seen.failed)
    if seen.failed:
        assert refusal is not None
        assert (refusal.code, refusal.codes) == (seen.failed[0], seen.failed)


def test_a_check_without_a_row_is_skipped_and_never_passed() -> None:
    """TX-H, part 4: the policy switches checks on; what is off says so."""
    seen = judge({}, {"trading_state": TradingState.HALTED}, {"checks": ()})

    assert seen.approved
    assert all(c.skipped and not c.passed for c in seen.further_checks)


def test_i2_a_breach_warns_when_the_policy_says_so_and_is_recorded() -> None:
    """TX-H, part 4: a warning refuses nothing and keeps its numbers."""
    row = CheckRow(check=F.TRADING_SESSION, on_breach=Breach.WARN)
    seen = judge({}, {"session_phase": "closed"}, {"checks": (row,)})

    [warned] = seen.warned
    assert seen.approved
    assert (warned.name, warned.effect, warned.passed) == (
        F.TRADING_SESSION,
        CheckEffect.WARN,
        False,
    )
    assert {d.name: d.value for d in warned.details}["session_phase"] == "closed"


@pytest.mark.parametrize(("effect", "approved"), [(Breach.WARN, True), (Breach.REFUSE, False)])
def test_an_unknown_margin_warns_or_refuses_by_policy(effect: Breach, approved: bool) -> None:
    """TX-H9, part 1.2: a day that no row covers is unknown, and the record says so."""
    row = CheckRow(check=F.FREE_BALANCE, on_unknown=effect)
    facts: Changes = {"margin_order_contract_twd": None, "margin_held_twd": None}
    seen = judge({}, facts, {"checks": (row,)})
    check = next(c for c in seen.further_checks if c.name is F.FREE_BALANCE)
    told = {d.name: d.value for d in check.details}

    assert seen.approved is approved
    assert (told["initial_margin_twd"], told["free_balance_twd"]) == ("unknown", "unknown")
    assert told["margin_day"] == "2026-01-05"


OVERRIDE = OverrideInForce(
    override_id="ovr_1",
    check=F.ACTIVE_ORDERS,
    expires_at=NOW + timedelta(seconds=1),
    signed_by=("risk", "compliance"),
)


@pytest.mark.parametrize(
    ("changes", "soft", "approved"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"check": F.ORDERS_PER_DAY}, True, False),
        ({"expires_at": NOW}, True, False),
    ],
)
def test_i2_only_a_soft_breach_is_overridden_until_the_override_ends(
    changes: Changes, soft: bool, approved: bool
) -> None:
    """TX-H, part 4: hard breaches have no override; what was used is recorded."""
    facts: Changes = {"active_orders": 3, "overrides": (OVERRIDE.amended(**changes),)}
    rows = (CheckRow(check=F.ACTIVE_ORDERS, soft=soft), CheckRow(check=F.ORDERS_PER_DAY, soft=True))
    seen = judge({}, facts, {"checks": rows})
    check = next(c for c in seen.further_checks if c.name is F.ACTIVE_ORDERS)

    assert seen.approved is approved
    assert (check.effect is CheckEffect.OVERRIDDEN) is approved
    assert not check.passed
    assert ("ovr_1" in {d.value for d in check.details}) is approved


@pytest.mark.parametrize("name", sorted(HARD))
@pytest.mark.parametrize("change", [{"soft": True}, {"on_breach": Breach.WARN}])
def test_a_hard_check_can_be_neither_soft_nor_a_warning(
    name: FurtherCheck, change: Changes
) -> None:
    """TX-H, part 4: the policy itself is refused."""
    with pytest.raises(ValueError, match="hard"):
        DeskLimits(checks=(CheckRow(check=name).amended(**change),))


def test_a_check_that_is_on_needs_its_number_and_one_row() -> None:
    """TX-H, part 4: a missing number is no limit of zero and no limit of infinity."""
    with pytest.raises(ValueError, match="active_orders_max"):
        DeskLimits(checks=(CheckRow(check=F.ACTIVE_ORDERS),))
    with pytest.raises(ValueError, match="one row"):
        DeskLimits(checks=(CheckRow(check=F.TICK_SIZE), CheckRow(check=F.TICK_SIZE)))


@given(
    st.integers(-20, 20), st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.booleans()
)
def test_i1_reducing_never_lets_a_position_grow_or_flip(
    position: int, buying: int, selling: int, quantity: int, buys: bool
) -> None:
    """TX-H: whatever works on the side fills first, the position only comes closer to zero."""
    facts: Changes = {
        "position_contracts": position,
        "working_buy_contracts": buying,
        "working_sell_contracts": selling,
        "trading_state": TradingState.REDUCING,
    }
    row = (CheckRow(check=F.TRADING_STATE),)
    side = Side.BUY if buys else Side.SELL
    seen = judge({"quantity": quantity, "side": side}, facts, {"checks": row})
    working = buying if buys else selling
    after = position + side.sign * (working + quantity)

    assert seen.approved is (position * side.sign < 0 and after * position >= 0)


@pytest.mark.parametrize("kind", [OrderType.STOP, OrderType.LIMIT])
def test_a_stop_is_collared_like_a_limit(kind: OrderType) -> None:
    """TX-H, part 4: the order's own price counts, whatever triggers it."""
    assert judge({"order_type": kind, "order_price": 19399}).failed == (F.PRICE_COLLAR,)


def test_i2_the_strictest_state_counts() -> None:
    """TX-H: HALTED over REDUCING over ACTIVE, ACTIVE when nobody switched."""
    assert strictest(()) is TradingState.ACTIVE
    assert strictest(TradingState) is TradingState.HALTED
    assert strictest((TradingState.REDUCING, TradingState.ACTIVE)) is TradingState.REDUCING
