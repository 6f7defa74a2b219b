"""Loss levels between orders: limits from both sides, and what a crossing changes."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.policy.desk_limits import LossState
from counterseal.policy.limits import RiskLimits
from counterseal.risk.facts import TradingState, strictest
from counterseal.risk.losses import AccountLoss, LossFacts, LossLevel, changed_loss, level_of
from tests.core.risk.test_decide import LIMITS, NOW

A, C, W = TradingState.ACTIVE, LossLevel.CROSSED, LossLevel.WITHIN
DAY, NEXT = "2026-01-05", "2026-01-06"
money = st.integers(-30_000, 30_000).map(Decimal)


def limits(state: LossState | None = LossState.REDUCING, most: int | None = 20_000) -> RiskLimits:
    amount = None if most is None else Decimal(most)
    desk = LIMITS.desk.amended(loss_state=state, portfolio_loss_max_twd=amount)
    return LIMITS.amended(desk=desk, daily_loss_max_twd=Decimal(5_000))


def facts(realized: object, opened: object | None, day: str = DAY) -> LossFacts:
    open_profit = None if opened is None else Decimal(str(opened))
    return LossFacts("a", day, Decimal(str(realized)), open_profit, Decimal(100_000))


def changed(
    known: AccountLoss | None, seen: LossFacts, state: TradingState = A
) -> AccountLoss | None:
    return changed_loss(known, seen, limits(), state, NOW)


@pytest.mark.parametrize(
    ("realized", "opened", "level"),
    [
        ("4999.99", "0", W),
        ("5000", "0", C),
        ("5000", None, C),
        ("0", "-19999.99", W),
        ("0", "-20000", C),
        ("4999", "-15000.99", W),
        ("4999", "-15001", C),
        ("-30000", "-49999", W),
        ("4999.99", None, None),
    ],
)
def test_i1_a_loss_at_either_limit_has_crossed_it(
    realized: str, opened: str | None, level: LossLevel | None
) -> None:
    """TX-H11: realized below 5000, and with the open part below 20000; a hundredth decides."""
    assert level_of(facts(realized, opened), limits()) is level


def test_i1_without_a_limit_on_both_together_the_daily_one_counts() -> None:
    """TX-H11: an open loss alone crosses nothing then."""
    assert level_of(facts(0, -1_000_000), limits(most=None)) is W
    assert level_of(facts(5_000, 0), limits(most=None)) is C


def test_i2_what_is_not_known_changes_no_level() -> None:
    """TX-H11: neither crossed nor taken back while a holding has no mark."""
    crossed = changed(None, facts(0, -20_000))

    assert crossed is not None
    assert changed(None, facts(0, None)) is None
    assert changed(crossed, facts(0, None)) is None


def test_i3_a_crossing_counts_once_a_day() -> None:
    """TX-H11: again on another day, never twice on one."""
    first = changed(None, facts(0, -20_000))
    assert first is not None
    again = changed(first, facts(0, -25_000, NEXT))

    assert changed(first, facts(0, -25_000)) is None
    assert again is not None
    assert (again.level, again.trading_day, again.state) == (C, NEXT, TradingState.REDUCING)
    assert changed(None, facts(0, 0, NEXT)) is None


@pytest.mark.parametrize("state", TradingState)
@pytest.mark.parametrize("policy", [None, *LossState])
def test_a_crossing_makes_as_strict_as_the_policy_says_and_never_freer(
    state: TradingState, policy: LossState | None
) -> None:
    """TX-H: nothing is set where the account is as strict already, or where nothing is asked."""
    made = changed_loss(None, facts(0, -20_000), limits(policy), state, NOW)
    wanted = state if policy is None else strictest((state, TradingState(policy.value)))

    assert made is not None
    assert made.state is (None if wanted is state else wanted)


@settings(max_examples=100)
@given(st.lists(st.tuples(money, st.none() | money), max_size=12))
def test_every_change_is_a_change_and_only_a_crossing_sets(
    path: list[tuple[Decimal, Decimal | None]],
) -> None:
    """TX-H11: along any path levels alternate within a day; coming back sets nothing."""
    known: AccountLoss | None = None
    for realized, opened in path:
        made = changed(known, facts(realized, opened))
        if made is None:
            continue
        assert made.level is not (W if known is None else known.level)
        assert (made.state is None) is (made.level is W)
        assert made.level is level_of(facts(realized, opened), limits())
        known = made


def test_equity_and_loss_have_the_open_part_in_them() -> None:
    """TX-H16: cash and open profit; realized less open profit; unknown without a mark."""
    seen = facts(300, -200)

    assert (seen.loss, seen.equity) == (Decimal(500), Decimal(99_800))
    assert (facts(300, None).loss, facts(300, None).equity) == (None, None)
