"""Plans of the retention schedule that nobody asks for: recorded once, and never carried out."""

from pathlib import Path

import pytest

from counterseal.audit.retention import PLANNED, Purge, PurgeStatus
from counterseal.desk.commands import Outcome
from counterseal.desk.due_purges import DuePurges
from counterseal.kernel.model import Actor
from tests.desk.keeping import YEAR, KeptWorld, code


@pytest.fixture
def world(tmp_path: Path) -> KeptWorld:
    """A world with one filled order, six years ago."""
    made = KeptWorld(tmp_path / "home")
    made.done(made.submitted(made.approved()))
    made.after(6.1 * YEAR)
    return made


def planned(world: KeptWorld, actor: Actor | None = None) -> Outcome | None:
    return DuePurges(world.desk.bench, world.archive).plan(actor or world.service())


def plans(world: KeptWorld) -> tuple[Purge, ...]:
    with world.store.reader() as reader:
        return reader.find(Purge)


def made(world: KeptWorld) -> Outcome:
    outcome = planned(world)
    assert outcome is not None
    assert outcome.accepted, outcome.refusal
    return outcome


def another_case(world: KeptWorld) -> None:
    """A case of now, and then the time until it may go."""
    world.quote()
    world.requested(quantity=1)
    world.after(6.1 * YEAR)


def test_with_nothing_due_there_is_no_record(tmp_path: Path) -> None:
    """BK-05: six years for approvals; nobody is told of nothing."""
    world = KeptWorld(tmp_path / "home")
    world.requested()
    world.after(5.9 * YEAR)
    size = len(world.log())
    assert planned(world) is None
    assert len(world.log()) == size


def test_what_is_due_is_planned_once_and_nothing_goes(world: KeptWorld) -> None:
    """I1, I2: the plan of `records plan`, word for word, by the service; the bodies stay."""
    due = world.purging.due(world.clock.now())
    purge_id = made(world).subject_id
    assert planned(world) is None
    [plan] = plans(world)

    assert (plan.purge_id, plan.ranges, plan.approvals) == (purge_id, due, ())
    assert (plan.status, plan.planned_by) == (PurgeStatus.PLANNED, world.service().id)
    assert [row.type for row in world.log()].count(PLANNED) == 1
    assert all(row.body for row in world.log())


def test_two_people_carry_the_plan_out_and_the_service_cannot(world: KeptWorld) -> None:
    """Governance 3: dual control, each with a key of their own; the service has no role."""
    purge_id = made(world).subject_id
    signature = world.consent(purge_id, "compliance")
    refused = world.purging.approve(purge_id, signature, world.service(), key=world.key())
    assert not refused.accepted
    world.done(world.approved_by(purge_id, "compliance"))
    assert code(world.approved_by(purge_id, "compliance")) == "TWO_PEOPLE_NEEDED"
    assert all(row.body for row in world.log())
    world.done(world.approved_by(purge_id, "officer-1"))

    assert [one.status for one in plans(world)] == [PurgeStatus.PURGED]
    assert not all(row.body for row in world.log())
    assert planned(world) is None
    assert world.report().irregularities == ()


def test_a_plan_that_a_person_made_is_not_made_again(world: KeptWorld) -> None:
    """I2: whoever planned it, it waits for the same two people."""
    world.done(world.planned())
    assert planned(world) is None
    assert len(plans(world)) == 1


def test_what_comes_later_is_a_plan_of_its_own(world: KeptWorld) -> None:
    """I2: both plans can be agreed to, in any order."""
    first = made(world).subject_id
    another_case(world)
    second = made(world).subject_id
    ranges = [set(plan.ranges) for plan in plans(world)]
    assert ranges[0].isdisjoint(ranges[1])
    for purge_id in (second, first):
        world.done(world.approved_by(purge_id, "compliance"))
        world.done(world.approved_by(purge_id, "officer-1"))
    assert {one.status for one in plans(world)} == {PurgeStatus.PURGED}


def test_a_hold_is_respected_and_what_it_leaves_is_planned_anew(world: KeptWorld) -> None:
    """Design 7: a plan with something held can be agreed to by nobody, so the rest is planned."""
    another_case(world)
    first = made(world).subject_id
    [plan] = plans(world)
    held = min(plan.streams)
    world.hold(held)
    assert code(world.approved_by(first, "compliance")) == "NOT_DUE"
    second = made(world).subject_id
    told = {one.purge_id: one for one in plans(world)}

    assert told[second].streams == plan.streams - {held}
    assert planned(world) is None
    world.hold("*")
    assert planned(world) is None


def test_i3_only_the_service_plans_by_itself(world: KeptWorld) -> None:
    """Negative: a person plans with `records plan`, under a role; a refusal bars nobody."""
    refused = planned(world, world.actor("quant"))
    assert refused is not None
    assert code(refused) == "SERVICE_ONLY"
    assert plans(world) == ()
    assert made(world).accepted
