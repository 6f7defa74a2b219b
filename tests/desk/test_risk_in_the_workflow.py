"""The risk checks that read what past runs left behind, fired by real runs."""

from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.oms.states import OrderState
from counterseal.portfolio.model import DailyPnl
from counterseal.risk.model import CheckName, RiskEvaluation, RiskSnapshot
from counterseal.signals.model import Direction
from tests.household import FadingBroker
from tests.world import ACCOUNT, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def codes(outcome: Outcome) -> tuple[str, ...]:
    return () if outcome.refusal is None else outcome.refusal.codes


def traded(world: World, direction: Direction, quantity: int) -> Outcome:
    return world.submitted(
        world.approved(quantity=quantity, direction=direction), quantity=quantity
    )


def last_snapshot(world: World) -> RiskSnapshot:
    with world.store.reader() as reader:
        return max(reader.find(RiskEvaluation), key=lambda e: e.evaluation_id).snapshot


def lose(world: World, points: int) -> Decimal:
    """Buy one contract and sell it lower; the trading day's loss as booked, with costs."""
    world.done(traded(world, Direction.LONG, 1))
    world.quote(bid=str(20_000 - points), ask=str(20_001 - points))
    world.done(traded(world, Direction.SHORT, 1))
    with world.store.reader() as reader:
        [day] = reader.find(DailyPnl)
    return day.loss


def test_a_second_order_meets_the_position_that_the_first_one_left(world: World) -> None:
    """TX-G14, TX-H12: the state is fed by past runs, not by a constant."""
    world.done(traded(world, Direction.LONG, 5))
    world.quote()
    world.after(1)
    assert codes(traded(world, Direction.LONG, 5)) == ("POSITION_LIMIT",)
    assert last_snapshot(world).position_tx_equivalent == Decimal("0.25")
    assert len(world.fills()) == 1


def test_a_position_at_its_limit_passes_and_one_contract_more_fails(world: World) -> None:
    """TX-H12: 0.20 + 0.05 = 0.25 passes; 0.25 + 0.05 = 0.30 fails."""
    world.done(traded(world, Direction.LONG, 4))
    world.quote()
    world.done(traded(world, Direction.LONG, 1))
    world.quote()
    assert codes(traded(world, Direction.LONG, 1)) == ("POSITION_LIMIT",)


def test_a_working_order_counts_as_if_it_filled(world: World) -> None:
    """TX-G14, TX-H12: 4 resting contracts and 2 more would be 0.30."""
    world.quote(size=0)
    first = traded(world, Direction.LONG, 4)
    assert world.order(world.done(first)).state is OrderState.ACCEPTED
    assert world.fills() == ()
    world.quote()
    assert codes(traded(world, Direction.LONG, 2)) == ("POSITION_LIMIT",)


def test_an_order_that_reduces_the_position_passes(world: World) -> None:
    """TX-H12: the limit is on the projected position."""
    world.done(traded(world, Direction.LONG, 5))
    world.quote()
    assert traded(world, Direction.SHORT, 5).accepted


def test_a_loss_at_the_limit_fails_and_one_below_it_passes(tmp_path: Path) -> None:
    """TX-H11: realized by real runs; the costs of both fills count as loss."""
    probe = World(tmp_path / "probe" / "home")
    costs = lose(probe, 100) - 1010
    assert costs > 0
    points = int((5000 - costs) // 10)
    under = World(tmp_path / "under" / "home")
    assert lose(under, points - 2) < 5000
    under.quote()
    assert traded(under, Direction.LONG, 1).accepted
    over = World(tmp_path / "over" / "home")
    assert lose(over, points + 1) >= 5000
    over.quote()
    assert codes(traded(over, Direction.LONG, 1)) == ("DAILY_LOSS_LIMIT",)


@pytest.mark.parametrize(("loss", "fails"), [("4999.99", False), ("5000", True)])
def test_the_stored_loss_is_compared_exactly(world: World, loss: str, fails: bool) -> None:
    """TX-H11: 4999.99 passes, 5000 fails, with the day's row set to the boundary."""
    lose(world, 0)
    world.forge(
        "UPDATE daily_pnl SET realized_pnl = ?, costs = '0', net_realized = ?",
        f"-{loss}",
        f"-{loss}",
    )
    world.quote()
    assert codes(traded(world, Direction.LONG, 1)) == (("DAILY_LOSS_LIMIT",) if fails else ())


def test_a_used_key_is_seen_again_when_the_spent_approval_is_forged_back(world: World) -> None:
    """TX-H10: behind the consumed approval stands the key of the first order."""
    request_id = world.approved()
    [before] = world.rows("SELECT status, version, updated_at FROM approval_requests")
    world.done(world.submitted(request_id))
    world.forge(
        "UPDATE approval_requests SET status = ?, version = ?, updated_at = ?, "
        "consumed_by_order = NULL, orders = '[]'",
        *(str(cell) for cell in before),
    )
    world.quote()
    second = world.submitted(request_id)
    assert "DUPLICATE_ORDER_PREVENTION" in codes(second)
    assert world.order(second.subject_id).state is OrderState.REJECTED
    assert len(world.fills()) == 1


def test_the_kill_switch_of_the_account_stops_orders_until_it_is_lifted(world: World) -> None:
    """TX-H13: on in state."""
    request_id, next_request = world.approved(), world.approved()
    setup, risk = world.desk.setup, world.actor("risk")
    world.done(setup.switch(ACCOUNT, risk, active=True, reason="drill", key=world.key()))
    assert codes(world.submitted(request_id)) == ("KILL_SWITCH",)
    world.done(setup.switch(ACCOUNT, risk, active=False, reason="drill over", key=world.key()))
    assert world.submitted(next_request).accepted


def test_an_unhealthy_broker_stops_orders_and_a_healthy_one_lets_them_pass(world: World) -> None:
    """TX-H14: unhealthy."""
    request_id, next_request = world.approved(), world.approved()
    setup, service = world.desk.setup, world.actor("operator")
    world.done(setup.heartbeat(ACCOUNT, service, healthy=False, key=world.key()))
    assert codes(world.submitted(request_id)) == ("BROKER_HEARTBEAT",)
    world.done(setup.heartbeat(ACCOUNT, service, healthy=True, key=world.key()))
    assert world.submitted(next_request).accepted


@pytest.mark.parametrize(("seconds", "passes"), [(30, True), (31, False)])
def test_a_heartbeat_ages(world: World, seconds: int, passes: bool) -> None:
    """TX-H14: 30 seconds old is fresh, 31 is not."""
    request_id = world.approved()
    world.broker(FadingBroker(world.clock.now()))
    world.after(seconds)
    world.quote()
    assert codes(world.submitted(request_id)) == (() if passes else ("BROKER_HEARTBEAT",))


def test_all_fourteen_checks_run_even_when_several_fail(world: World) -> None:
    """TX-H15: every failed check is named, the first one is the code."""
    request_id = world.approved()
    world.broker(FadingBroker(world.clock.now()))
    world.after(40)
    world.quote(age_seconds=4)
    outcome = world.submitted(request_id)
    assert codes(outcome) == ("STALE_QUOTE", "BROKER_HEARTBEAT")
    with world.store.reader() as reader:
        [evaluation] = reader.find(RiskEvaluation)
    assert [c.name for c in evaluation.checks] == list(CheckName)
