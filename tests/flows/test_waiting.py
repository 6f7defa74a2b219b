"""The flow `sweep`: what a round records on a real home."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.oms.states import OrderState
from flows.waiting import sweep_all
from flows.work import RoundReport
from flows.workplace import Workplace
from tests.desk.tape_world import TapeWorld
from tests.world import World

REMIND, DAY = 4 * 3600, 24 * 3600


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


def asked(world: World) -> str:
    payload = world.payload(world.signal())
    later = payload.signal_expires_at.replace(day=payload.signal_expires_at.day + 2)
    payload = payload.amended(review_ttl_seconds=DAY, signal_expires_at=later)
    return world.done(world.desk.approvals.request(payload, world.actor("quant"), key=world.key()))


def test_a_round_records_what_is_due_and_the_next_one_nothing(world: World) -> None:
    """Governance 2.4 and 2.6: each step once, whichever run comes to it; in the end it expires."""
    place = Workplace(world.settings, clock=world.clock, desk=world.desk)
    request_id = asked(world)
    assert sweep_all(place, "run-1") == RoundReport()
    world.after(REMIND)
    size = len(world.log())
    told = sweep_all(place, "run-2")
    assert [(step.subject_id, step.codes) for step in told.steps] == [(request_id, ())]
    assert (told.exit_status, told.subject) == (0, str(size + 1))
    assert sweep_all(place, "run-2") == sweep_all(place, "run-3") == RoundReport()
    world.after(DAY)
    sweep_all(place, "run-4")
    told_types = [row.type for row in world.log()]
    steps = [kind for kind in told_types if kind != "duty.round"]
    assert steps[-2:] == ["approval.reminded", "approval.expired"]
    assert told_types.count("duty.round") == 2 * len(("run-1", "run-2", "run-4"))
    with world.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
    assert request is not None
    assert request.status is RequestStatus.EXPIRED


def test_a_round_after_a_silence_lets_orders_fill_and_end_in_the_worlds_order(
    tmp_path: Path,
) -> None:
    """Trading 1.5: three hours after the close, each step at its own instant and reported once."""
    world = TapeWorld(tmp_path / "home")
    world.show((3, 20_001, 2), (9, 20_002, 1))
    first, second = world.sent(2), world.sent(3)
    place = Workplace(world.settings, clock=world.clock, desk=world.desk)
    assert sweep_all(place, "run-1") == RoundReport()
    world.after(timedelta(hours=8).total_seconds())
    told = sweep_all(place, "run-2")
    own, other = first.order_id, second.order_id
    ended = world.order(other)
    assert [(step.subject_id, step.codes) for step in told.steps] == [
        (own, ()),
        (other, ()),
        (other, ()),
    ]
    assert told.exit_status == 0
    assert world.order(own).state is OrderState.FILLED
    assert ended.state is OrderState.EXPIRED
    assert ended.cum_quantity == 1
    assert ended.updated_at.isoformat() == "2026-01-05T05:45:00+00:00"
    assert sweep_all(place, "run-3") == RoundReport()
    world.store.close()
