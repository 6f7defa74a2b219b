"""The flow `sweep`: on a resident engine, and what a round records on a real home."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from flows.waiting import SweepReport, sweep_cases
from flows.workplace import Workplace
from tests.flows.hall import House
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
    assert sweep_cases(place, "run-1") == SweepReport()
    world.after(REMIND)
    told = sweep_cases(place, "run-2")
    assert [(step.subject_id, step.codes) for step in told.steps] == [(request_id, ())]
    assert (told.exit_status, told.subject) == (0, str(len(world.log())))
    assert sweep_cases(place, "run-2") == sweep_cases(place, "run-3") == SweepReport()
    world.after(DAY)
    sweep_cases(place, "run-4")
    assert [row.type for row in world.log()][-2:] == ["approval.reminded", "approval.expired"]
    with world.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
    assert request is not None
    assert request.status is RequestStatus.EXPIRED


def test_a_round_runs_on_the_engine(served: House) -> None:
    """Workflow 5: scheduled like its neighbours; nothing waits in this home."""
    status, value = served.run("sweep")
    assert (status, value["report"]) == (0, {"steps": []})
