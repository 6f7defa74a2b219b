"""Losses between orders: what a look sees, records and sets."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.loss_watch import LossWatch
from counterseal.desk.risk_switches import SwitchOrder
from counterseal.desk.rounds import Duty, DutyRound
from counterseal.kernel.model import Document
from counterseal.policy.desk_limits import LossState
from counterseal.risk.facts import TradingState
from counterseal.risk.losses import AccountLoss, LossLevel
from counterseal.risk.switches import RiskScope, RiskSwitch
from counterseal.signals.model import Direction
from tests.world import ACCOUNT, World

LIMIT = 20_000
ENTRY, LOTS, POINT = 20_000, 4, 10
AT_LIMIT = ENTRY - LIMIT // (LOTS * POINT)
"""The bid at which four long TMF have lost the limit, costs aside."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    world.done(traded(world, Direction.LONG))
    under(world, LossState.REDUCING)
    yield world
    world.store.close()


def under(world: World, state: LossState | None, daily: int = 5_000) -> None:
    """The same home under other loss rules; costs paid so far come on top of the open loss."""
    bench = world.desk.bench
    limits, facts = bench.bundle.limits, world.desk.loss_watch.facts(ACCOUNT, world.clock.now())
    assert facts is not None
    most = LIMIT + facts.realized_loss
    desk = limits.desk.amended(loss_state=state, portfolio_loss_max_twd=most)
    ruled = limits.amended(desk=desk, daily_loss_max_twd=Decimal(daily))
    world.desk = Desk(replace(bench, bundle=bench.bundle.amended(limits=ruled)))


def traded(world: World, direction: Direction, quantity: int = LOTS) -> Outcome:
    request = world.approved(quantity=quantity, direction=direction)
    world.after(1)
    world.quote(bid=str(bid_of(world)), ask=str(bid_of(world) + 1))
    return world.submitted(request, quantity=quantity)


def bid_of(world: World) -> int:
    [quote] = world.feed.quotes.values()
    return int(quote.bid)


def fall(world: World, bid: int) -> None:
    world.after(1)
    world.quote(bid=str(bid), ask=str(bid + 1))


def look(world: World) -> tuple[Outcome, ...]:
    return world.desk.loss_watch.look(world.service())


def found(world: World, kind: type[Document]) -> tuple[Document, ...]:
    with world.store.reader() as reader:
        return reader.find(kind)


def level(world: World) -> AccountLoss | None:
    with world.store.reader() as reader:
        return reader.get(AccountLoss, ACCOUNT)


def state(world: World) -> TradingState:
    with world.store.reader() as reader:
        switch = reader.get(RiskSwitch, f"account:{ACCOUNT}")
    return TradingState.ACTIVE if switch is None else switch.state


def codes(outcome: Outcome) -> tuple[str, ...]:
    return () if outcome.refusal is None else outcome.refusal.codes


def test_a_loss_that_reaches_the_limit_between_orders_reduces_the_account(world: World) -> None:
    """TX-H11, TX-L2:real_time_equity_pnl_tracking_enabled: a point before, at the limit, after."""
    fall(world, AT_LIMIT + 1)
    assert look(world) == ()
    assert (level(world), state(world)) == (None, TradingState.ACTIVE)
    fall(world, AT_LIMIT)
    [outcome] = look(world)
    seen = level(world)

    assert outcome.accepted
    assert seen is not None
    assert (seen.level, seen.state) == (LossLevel.CROSSED, TradingState.REDUCING)
    assert seen.loss_twd is not None
    assert seen.loss_twd >= LIMIT
    assert seen.equity_twd is not None
    assert state(world) is TradingState.REDUCING
    assert codes(traded(world, Direction.LONG, 1)) == ("TRADING_STATE", "PORTFOLIO_LOSS")
    assert traded(world, Direction.SHORT, 1).accepted


def test_the_record_of_a_crossing_has_its_numbers_and_a_second_look_has_none(world: World) -> None:
    """TX-H11: one record in the log with loss, equity and state; then only rounds."""
    fall(world, AT_LIMIT)
    [outcome] = look(world)
    events = [row.type for row in world.log()]
    world.after(1)
    assert look(world) == ()

    assert outcome.subject_id == ACCOUNT
    assert events[-2:] == ["risk.loss_limit_crossed", "duty.round"]
    assert [row.type for row in world.log()] == events


def test_the_policy_says_whether_an_account_is_reduced_halted_or_left(world: World) -> None:
    """TX-H11: HALTED, or nothing set; the crossing is on record all the same."""
    under(world, None)
    fall(world, AT_LIMIT)
    [told] = look(world)
    first = level(world)
    assert told.accepted
    assert first is not None
    assert (first.level, first.state, state(world)) == (
        LossLevel.CROSSED,
        None,
        TradingState.ACTIVE,
    )
    fall(world, ENTRY)
    look(world)
    under(world, LossState.HALTED)
    fall(world, AT_LIMIT)
    look(world)

    assert state(world) is TradingState.HALTED
    assert codes(traded(world, Direction.SHORT, 1)) == ("TRADING_STATE",)


def test_a_realized_loss_crosses_the_daily_limit_without_any_open_one(world: World) -> None:
    """TX-H11: the trading day's realized loss alone is enough."""
    fall(world, ENTRY - 100)
    world.done(traded(world, Direction.SHORT))
    under(world, LossState.REDUCING, daily=4_000)
    [outcome] = look(world)
    seen = level(world)

    assert outcome.accepted
    assert seen is not None
    assert seen.realized_loss_twd >= 4_000
    assert seen.level is LossLevel.CROSSED


def test_coming_back_is_recorded_and_frees_nobody(world: World) -> None:
    """TX-H11: people free an account; the same crossing does not overrule them."""
    fall(world, AT_LIMIT)
    look(world)
    fall(world, ENTRY)
    look(world)
    seen = level(world)
    assert seen is not None
    assert (seen.level, state(world)) == (LossLevel.WITHIN, TradingState.REDUCING)
    fall(world, AT_LIMIT)
    look(world)
    free = SwitchOrder(
        scope=RiskScope.ACCOUNT, subject=ACCOUNT, state=TradingState.ACTIVE, reason="looked at"
    )
    world.done(world.desk.switches.switch(free, world.actor("risk"), key=world.key()))
    world.after(1)

    assert look(world) == ()
    assert state(world) is TradingState.ACTIVE


def test_a_stricter_state_is_never_made_freer(world: World) -> None:
    """TX-H: HALTED stays where the policy says REDUCING."""
    halt = SwitchOrder(
        scope=RiskScope.ACCOUNT, subject=ACCOUNT, state=TradingState.HALTED, reason="a drill"
    )
    world.done(world.desk.switches.switch(halt, world.actor("operator"), key=world.key()))
    fall(world, AT_LIMIT)
    look(world)
    seen = level(world)

    assert seen is not None
    assert (seen.state, state(world)) == (None, TradingState.HALTED)


def test_without_a_quote_nothing_is_known_and_nothing_changes(world: World) -> None:
    """TX-H11: what is not known crosses nothing and takes no crossing back."""
    fall(world, AT_LIMIT)
    look(world)
    before = level(world)
    world.feed.quotes.clear()
    world.after(1)
    assert look(world) == ()
    [told] = found(world, DutyRound)

    assert level(world) == before
    assert isinstance(told, DutyRound)
    assert (told.duty, told.told) == (Duty.LOSSES, "accounts 1, crossed 0, unknown 1")


def test_equity_moves_with_each_quote(world: World) -> None:
    """TX-L2:real_time_equity_pnl_tracking_enabled: four lots, ten a point."""
    watch: LossWatch = world.desk.loss_watch
    fall(world, ENTRY)
    first = watch.facts(ACCOUNT, world.clock.now())
    fall(world, ENTRY + 3)
    second = watch.facts(ACCOUNT, world.clock.now())

    assert first is not None
    assert second is not None
    assert first.equity is not None
    assert second.equity == first.equity + 3 * LOTS * POINT
    assert watch.facts("nobody", world.clock.now()) is None


def test_only_the_service_watches(world: World) -> None:
    """TX-H11: refused for a person, on the record, and nothing is set."""
    fall(world, AT_LIMIT)
    outcomes = world.desk.loss_watch.look(world.actor("operator"))

    assert {codes(one) for one in outcomes} == {("SERVICE_ONLY",)}
    assert (level(world), state(world)) == (None, TradingState.ACTIVE)
