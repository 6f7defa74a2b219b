"""Orders that live on the tape: filled by later prints, expired with their session."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from counterseal.broker.lifetime import deadline_of
from counterseal.desk.closing import Expiry
from counterseal.desk.desk import Desk
from counterseal.desk.views.fills import explained, reproduced
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.signals.intent import TimeInForce
from tests.desk.tape_world import BARS, TAPE, TapeWorld
from tests.world import START

CLOSE = datetime(2026, 1, 5, 5, 45, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> TapeWorld:
    return TapeWorld(tmp_path / "home")


def told(world: TapeWorld, order: Order) -> list[tuple[int, int]]:
    """Price and contracts of each fill of an order."""
    return [(int(f.last_price), int(f.last_quantity)) for f in world.fills_of(order)]


def test_an_order_waits_for_the_tape_and_fills_at_its_prints(world: TapeWorld) -> None:
    """TX-J13, trading 5.2: every fill names the prints that filled it."""
    world.show((3, 20_001, 3), (5, 20_003, 9))
    order = world.sent()
    waiting = world.order(order.order_id)
    world.after(10)
    outcomes = world.passed()

    assert waiting.state is OrderState.ACCEPTED
    assert all(outcome.accepted for outcome in outcomes)
    fills = world.fills_of(order)
    assert told(world, order) == [(20_001, 3), (20_003, 1)]
    assert [(use.row, int(use.contracts)) for f in fills for use in f.uses] == [(3, 3), (4, 1)]
    assert world.order(order.order_id).state is OrderState.FILLED
    assert fills[0].occurred_at == START + timedelta(seconds=3)
    assert fills[0].recorded_at == START + timedelta(seconds=10)
    assert (fills[0].model_version, fills[0].quote_id[:5]) == ("tape-fill-v1", "tape-")
    assert world.verdict().exit_status == 0


def test_a_fill_is_explained_from_its_prints_and_runs_again(world: TapeWorld) -> None:
    """Trading 5.2: rows, stamps, prices, contracts used; the same result from stored inputs."""
    world.show((3, 20_001, 9))
    order = world.sent()
    world.after(10)
    world.passed()
    (fill,) = world.fills_of(order)
    lines = "\n".join(explained(fill))

    assert reproduced(fill)
    assert "row 3, 2026-01-05T00:45:03.000000Z: 9 printed at 20001, 4 taken" in lines
    assert "participation_cap=1" in lines
    assert "run again on its inputs: the same" in lines
    assert "not: queue_position, market_impact" in lines


def test_two_orders_do_not_take_the_same_contracts(world: TapeWorld) -> None:
    """Trading 5.3: liquidity consumed is shared."""
    world.show((3, 20_001, 4), (8, 20_002, 9))
    first, second = world.sent(3), world.sent(2)
    world.after(20)
    world.passed()

    assert told(world, first) == [(20_001, 3)]
    assert told(world, second) == [(20_001, 1), (20_002, 1)]


def test_i2_i3_a_day_order_dies_with_its_session_and_meets_nothing_later(
    world: TapeWorld,
) -> None:
    """Trading 1.3, 1.5: at 13:45, also when we wake hours later; a second round changes nothing."""
    late = int((CLOSE - START).total_seconds())
    world.show((3, 20_001, 1), (late, 20_001, 50))
    order = world.sent()
    world.clock.move_to(CLOSE + timedelta(hours=3))
    outcomes, again = world.passed(), world.passed()

    ended = world.order(order.order_id)
    assert [outcome.accepted for outcome in outcomes] == [True, True]
    assert again == ()
    assert ended.state is OrderState.EXPIRED
    assert told(world, order) == [(20_001, 1)]
    assert ended.rest_quantity == 3
    assert ended.updated_at == CLOSE
    assert world.verdict().exit_status == 0


def test_i1_catching_up_takes_fills_and_closes_in_the_worlds_order(world: TapeWorld) -> None:
    """Trading 5.3: prints and closes in their own time order, whoever was sent first."""
    world.show((3, 20_001, 2), (4, 20_001, 2), (9, 20_002, 1))
    first, second = world.sent(2), world.sent(3)
    world.clock.move_to(CLOSE + timedelta(hours=1))
    bench = world.desk.bench
    steps = Expiry(bench, world.desk.lifecycle).due(world.clock.now())
    outcomes = world.passed()

    own, other = first.order_id, second.order_id
    assert [step.expires for step in steps] == [False, False]
    assert [outcome.subject_id for outcome in outcomes] == [own, other, other]
    assert told(world, second) == [(20_001, 2), (20_002, 1)]


def test_only_the_platforms_own_service_lets_orders_expire(world: TapeWorld) -> None:
    """Trading 1.5: an expiry is no cancel by hand."""
    world.show()
    world.sent()
    world.clock.move_to(CLOSE)
    (refused,) = world.desk.expiry.expire_session_orders(world.actor("operator"))

    assert refused.refusal is not None
    assert refused.refusal.code == "SERVICE_ONLY"


def test_an_order_before_its_close_still_works(world: TapeWorld) -> None:
    """Trading 1.5: one second before 13:45 nothing expires."""
    world.show()
    order = world.sent()
    world.clock.move_to(CLOSE - timedelta(seconds=1))

    assert world.passed() == ()
    assert world.order(order.order_id).state is OrderState.ACCEPTED


def test_a_market_order_fills_at_the_open_of_the_next_whole_bar(world: TapeWorld) -> None:
    """Trading 5.3: the bar in which it arrived is not met."""
    world.show((3, 20_001, 9), (60, 20_005, 3), (90, 20_009, 9), (130, 20_000, 1), rule=BARS)
    world.after(1)
    order = world.sent()
    world.after(200)
    world.passed()
    (fill,) = world.fills_of(order)

    assert told(world, order) == [(20_005, 4)]
    assert fill.occurred_at == START + timedelta(seconds=60)


def test_a_quote_only_feed_has_no_tape(world: TapeWorld) -> None:
    """The contract: a model without its market is refused, never answered by another."""
    feed = world.desk.bench.feed
    world.show(rule=TAPE)
    world.desk = Desk(replace(world.desk.bench, feed=feed))
    request_id = world.approved()
    refusal = world.submitted(request_id).refusal

    assert refusal is not None
    assert refusal.code == "NO_TAPE"


@pytest.mark.parametrize(
    ("entered", "word", "ends"),
    [
        ("2026-01-05T00:45", TimeInForce.DAY, "2026-01-05T05:45"),
        ("2026-01-05T05:44", TimeInForce.DAY, "2026-01-05T05:45"),
        ("2026-01-05T05:45", TimeInForce.DAY, "2026-01-05T21:00"),
        ("2026-01-05T07:00", TimeInForce.DAY, "2026-01-05T21:00"),
        ("2026-01-09T07:00", TimeInForce.DAY, "2026-01-09T21:00"),
        ("2026-01-10T00:45", TimeInForce.DAY, "2026-01-12T05:45"),
        ("2026-01-05T00:45", TimeInForce.GTC, "2026-01-21T05:30"),
        ("2026-01-21T00:45", TimeInForce.DAY, "2026-01-21T05:30"),
    ],
)
def test_each_order_has_its_end(
    world: TapeWorld, entered: str, word: TimeInForce, ends: str
) -> None:
    """Trading 1.3 to 1.5: 13:45 by day, 05:00 by night, the contract's 13:30, next session."""
    world.show()
    at = datetime.fromisoformat(entered).replace(tzinfo=UTC)
    order = world.sent().amended(time_in_force=word, submitted_at=at)
    until = deadline_of(order, world.desk.bench.calendar())

    assert until == datetime.fromisoformat(ends).replace(tzinfo=UTC)


def test_a_good_till_order_ends_at_its_instant_but_not_after_its_contract(
    world: TapeWorld,
) -> None:
    """Trading 1.5: GTD."""
    world.show()
    order = world.sent()
    day = timedelta(days=1)
    calendar = world.desk.bench.calendar()
    near = order.amended(time_in_force=TimeInForce.GTD, good_till=START + day)
    far = order.amended(time_in_force=TimeInForce.GTD, good_till=START + 100 * day)

    assert deadline_of(near, calendar) == START + day
    assert deadline_of(far, calendar) == datetime(2026, 1, 21, 5, 30, tzinfo=UTC)
