from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.risk.counters import (
    RiskCounters,
    apply_cancel,
    apply_order,
    apply_strategy_fill,
    counted_at,
    repeat_key,
)
from counterseal.risk.facts import TradingState, strictest
from counterseal.risk.switches import (
    RiskScope,
    RiskSwitch,
    apply_switch,
    state_of,
    switch_id,
    switch_ids,
    told_scopes,
)
from counterseal.signals.intent import Side
from tests.core.risk.test_decide import NOW

DAY = "2026-01-05"


def switch(
    scope: RiskScope, subject: str | None, state: TradingState, kill: bool | None = None
) -> RiskSwitch:
    return apply_switch(
        None,
        scope,
        subject,
        tenant="t",
        state=state,
        kill_switch=kill,
        set_by="risk",
        reason="drill",
        now=NOW,
    )


def test_i1_a_switch_has_one_key_and_the_scopes_do_not_meet() -> None:
    """TX-H13: a strategy of an account's name has another key; all has no subject."""
    assert switch_ids("a", "a", "t") == ("account:a", "strategy:a@t", "all@t")
    assert switch_ids("a", None, "t") == ("account:a", "all@t")
    assert switch_id(RiskScope.ALL, None, "t") == "all@t"
    for scope, subject in ((RiskScope.ALL, "x"), (RiskScope.ACCOUNT, None)):
        with pytest.raises(ValueError, match="named"):
            switch(scope, subject, TradingState.HALTED)
    with pytest.raises(ValueError, match="scope:subject"):
        switch(RiskScope.ALL, None, TradingState.HALTED).amended(switch_id="account:a")


def test_i4_a_strategy_and_all_have_a_switch_for_each_tenant() -> None:
    """TX-L2:tenant_isolated_risk_state_enabled: no key of one tenant is a key of another."""
    one, other = (set(switch_ids("a", "s", tenant)) for tenant in ("t", "u"))

    assert one & other == {"account:a"}  # an account belongs to one tenant only


def test_i2_the_kill_switch_of_an_account_is_refused_here() -> None:
    """TX-H13: it lies in the account's risk state alone."""
    with pytest.raises(ValueError, match="risk state"):
        switch(RiskScope.ACCOUNT, "a", TradingState.ACTIVE, kill=True)


@given(st.lists(st.sampled_from(TradingState), max_size=3))
def test_i3_the_strictest_of_all_switches_counts(states: list[TradingState]) -> None:
    """TX-H: HALTED over REDUCING over ACTIVE; what holds back is named."""
    scopes = ((RiskScope.ACCOUNT, "a"), (RiskScope.STRATEGY, "s"), (RiskScope.ALL, None))
    found = [switch(*scope, state) for scope, state in zip(scopes, states, strict=False)]

    assert state_of(found) is strictest(states)
    assert len(told_scopes(found)) == sum(s is not TradingState.ACTIVE for s in states)


def test_what_is_not_named_stays_as_it_was() -> None:
    """TX-H13: a state leaves the kill switch, a kill switch leaves the state."""
    was = switch(RiskScope.ALL, None, TradingState.REDUCING, kill=True)
    told = {"tenant": "t", "set_by": "risk", "reason": "x", "now": NOW}
    freed = apply_switch(was, RiskScope.ALL, None, state=None, kill_switch=False, **told)  # type: ignore[arg-type]  # words of one switch

    assert (freed.state, freed.kill_switch_active) == (TradingState.REDUCING, False)
    assert told_scopes((was,)) == ("all=REDUCING", "all=KILLED")


@settings(max_examples=80)
@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 1)),
        max_size=20,
    )
)
def test_i2_counts_of_a_day_and_of_a_second_begin_anew(
    steps: list[tuple[bool, str, int, int]],
) -> None:
    """TX-H16: folded one by one they equal a count over everything that was sent."""
    counters, sent, at, day = None, [], NOW, 5
    for is_order, key, seconds, days in steps:
        at, day = at + timedelta(seconds=seconds), day + days
        sent.append((is_order, key, at, day))
        standing = counted_at(counters, "acc", f"2026-01-{day:02}", at)
        counters = apply_order(standing, key, at) if is_order else apply_cancel(standing, at)
    if counters is None:
        return

    today = [one for one in sent if one[3] == day]
    orders = [one for one in today if one[0]]
    now = [one for one in sent if one[2] == at]
    assert counters.orders_total == sum(one[0] for one in sent)
    assert (counters.orders_today, counters.cancels_today) == (
        len(orders),
        len(today) - len(orders),
    )
    assert counters.messages_this_second >= len([one for one in now if one[3] == day])
    assert counters.repeats == _run_length([one[1] for one in orders])


def _run_length(keys: list[str]) -> int:
    breaks = [place for place, (a, b) in enumerate(pairwise(keys), 1) if a != b]
    return len(keys) - (breaks[-1] if breaks else 0)


def test_i3_another_size_side_symbol_or_strategy_is_another_order() -> None:
    """TX-H, part 4: only the very same order counts as repeated."""
    one = repeat_key("s", "TMF", Side.BUY, Decimal(5))
    assert one == repeat_key("s", "TMF", Side.BUY, Decimal(5))
    others = [
        repeat_key("t", "TMF", Side.BUY, Decimal(5)),
        repeat_key("s", "MTX", Side.BUY, Decimal(5)),
        repeat_key("s", "TMF", Side.SELL, Decimal(5)),
        repeat_key("s", "TMF", Side.BUY, Decimal(4)),
        repeat_key(None, "TMF", Side.BUY, Decimal(5)),
    ]
    assert one not in others
    assert len(set(others)) == len(others)


def test_i1_the_document_does_not_grow_with_orders() -> None:
    """TX-H16: after ten thousand orders as short as after one, but for its digits."""
    counters: RiskCounters = counted_at(None, "acc", DAY, NOW)
    for _ in range(10_000):
        counters = apply_order(counted_at(counters, "acc", DAY, NOW), "k", NOW)

    assert counters.orders_total == 10_000
    assert len(counters.model_dump_json()) < 400


def test_a_strategys_contracts_are_signed_and_add_up() -> None:
    """TX-H12: buys add, sells take."""
    held = apply_strategy_fill(None, "t", "s", "TMF", Decimal(3), Decimal("0.05"), NOW)
    held = apply_strategy_fill(held, "t", "s", "TMF", Decimal(-5), Decimal("0.05"), NOW)

    assert (held.exposure_id, held.contracts) == ("t:s:TMF", Decimal(-2))
