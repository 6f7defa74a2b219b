"""Duties that run again and again: what a round leaves on record, and what it does not."""

from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.rounds import QUIET_SECONDS, Duty, DutyRound, RoundFound
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import details
from counterseal.oms.states import OrderState
from counterseal.oms.timeouts import TIMEOUT_SECONDS_DEFAULT
from tests.world import World

NOTHING = RoundFound(duty=Duty.DELIVER, findings=digest(None))
SOMETHING = RoundFound(duty=Duty.DELIVER, counts=details(left=1), findings=digest("one"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def kept(world: World, duty: Duty) -> DutyRound | None:
    with world.store.reader() as reader:
        return reader.get(DutyRound, duty.value)


def codes(outcome: Outcome | None) -> tuple[str, ...] | None:
    if outcome is None:
        return None
    return () if outcome.refusal is None else outcome.refusal.codes


def test_a_round_that_finds_the_same_is_recorded_only_when_the_last_one_is_old(
    world: World,
) -> None:
    """TX-L4:outbox_worker_enabled: a sign of life, from both sides of the quiet time."""
    rounds, service = world.desk.rounds, world.service()
    assert codes(rounds.record(NOTHING, service)) == ()
    first, size = kept(world, Duty.DELIVER), len(world.log())
    world.after(QUIET_SECONDS - 1)
    assert rounds.record(NOTHING, service) is None
    assert len(world.log()) == size
    world.after(1)
    assert codes(rounds.record(NOTHING, service)) == ()
    second = kept(world, Duty.DELIVER)

    assert first is not None
    assert second is not None
    assert (second.at - first.at).total_seconds() == QUIET_SECONDS
    assert second.started_by == service.id


def test_a_round_that_finds_something_else_is_recorded_at_once(world: World) -> None:
    """TX-I8: what changed is on record with its counts, whenever the last round was."""
    rounds, service = world.desk.rounds, world.service()
    rounds.record(NOTHING, service)
    world.after(1)
    assert codes(rounds.record(SOMETHING, service)) == ()
    assert rounds.record(SOMETHING, service) is None
    newest = kept(world, Duty.DELIVER)

    assert newest is not None
    assert newest.told == "left 1"
    assert kept(world, Duty.TIMEOUTS) is None


def test_only_the_service_records_rounds(world: World) -> None:
    """TX-L8: nobody can make a worker look alive by hand."""
    outcome = world.desk.rounds.record(NOTHING, world.actor("operator"))

    assert codes(outcome) == ("SERVICE_ONLY",)
    assert kept(world, Duty.DELIVER) is None


def test_a_scan_tells_what_waits_and_marks_nothing(world: World) -> None:
    """TX-I8, TX-I9: candidates at the timeout and not a moment before; the order stays."""
    scans, service = world.desk.timeout_scans, world.service()
    request = world.approved(quantity=1)
    world.quote(size=0)
    order_id = world.done(world.submitted(request, quantity=1))
    world.after(TIMEOUT_SECONDS_DEFAULT - 0.1)
    scans.scan(service)
    early = kept(world, Duty.TIMEOUTS)
    world.after(0.1)
    assert codes(scans.scan(service)) == ()
    late = kept(world, Duty.TIMEOUTS)
    assert scans.scan(service) is None

    assert early is not None
    assert late is not None
    assert early.told == "candidates 0, workflows 0"
    assert late.told == "candidates 1, workflows 1"
    assert late.inputs == details(timeout_seconds=TIMEOUT_SECONDS_DEFAULT)
    assert early.findings != late.findings
    assert world.order(order_id).state is OrderState.ACCEPTED


def test_a_preview_stays_a_read_and_the_mark_is_the_record(world: World) -> None:
    """TX-I9: previewing leaves no trace; marking does, and the next scan finds nothing."""
    request = world.approved(quantity=1)
    world.quote(size=0)
    order = world.order(world.done(world.submitted(request, quantity=1)))
    world.after(TIMEOUT_SECONDS_DEFAULT)
    world.desk.timeout_scans.scan(world.service())
    size, cycle, run = len(world.log()), world.desk.lifecycle, order.workflow_run_id
    cycle.preview_timeout(order.order_id, workflow_run_id=run, now=world.clock.now())
    assert len(world.log()) == size
    world.done(
        cycle.mark_timeout(
            order.order_id,
            world.actor("operator"),
            workflow_run_id=run,
            reason="waited too long",
            key=world.key(),
        )
    )
    world.desk.timeout_scans.scan(world.service())
    newest = kept(world, Duty.TIMEOUTS)

    assert [row.type for row in world.log()][size:] == ["order.timed_out", "duty.round"]
    assert newest is not None
    assert newest.told == "candidates 0, workflows 0"


@pytest.mark.parametrize("seconds", [0, 86_401])
def test_a_scan_beyond_the_bounds_is_an_error(world: World, seconds: int) -> None:
    """TX-I8: 1 to 86400 seconds."""
    with pytest.raises(InputError, match="TIMEOUT_OUT_OF_RANGE"):
        world.desk.timeout_scans.scan(world.service(), timeout_seconds=seconds)
