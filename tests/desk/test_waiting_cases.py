"""What time does to cases that wait, on the real store."""

from pathlib import Path

import pytest

from counterseal.approvals.model import RequestStatus
from counterseal.desk.commands import Outcome
from counterseal.policy.words import DecisionWord, Role
from tests.desk.casework import codes, decided, stored
from tests.world import World

RESEARCH, RISK = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
REMIND, ESCALATE, EXPIRE = 4 * 3600, 12 * 3600, 24 * 3600


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def requested(world: World) -> str:
    day = {"review_ttl_seconds": EXPIRE}
    payload = world.payload(world.signal())
    later = payload.signal_expires_at.replace(day=payload.signal_expires_at.day + 2)
    payload = payload.amended(**day, signal_expires_at=later)
    return world.done(world.desk.approvals.request(payload, world.actor("quant"), key=world.key()))


def swept(world: World) -> tuple[Outcome, ...]:
    return world.desk.waiting.sweep(world.service(), now=world.clock.now())


def test_each_step_is_recorded_once_and_at_its_time(world: World) -> None:
    """Governance 2.6: reminded, escalated, expired, each half-open and never twice."""
    request_id = requested(world)
    world.after(REMIND - 1)
    assert swept(world) == ()
    for after, kind in (
        (1, "approval.reminded"),
        (ESCALATE - REMIND, "approval.escalated"),
        (EXPIRE - ESCALATE, "approval.expired"),
    ):
        world.after(after)
        [outcome] = swept(world)
        assert outcome.accepted
        assert world.log()[-1].type == kind
        assert swept(world) == ()
    request = stored(world, request_id)
    assert request.status is RequestStatus.EXPIRED
    assert request.reminded_at is not None
    assert request.escalated_at is not None
    assert world.verdict().outcome == "ok"


def test_a_fallback_role_takes_the_seat_once_escalated_without_any_sweep(world: World) -> None:
    """Governance 2.6: computed when read; the quorum, the order and the persons stay."""
    request_id = requested(world)
    world.after(ESCALATE - 1)
    assert "ROLE" in codes(world.reviewed(request_id, "risk", RESEARCH))
    world.after(1)
    world.done(world.reviewed(request_id, "risk", RESEARCH))
    [decision] = decided(world, request_id)
    assert decision.reviewer_role is Role.RISK_REVIEWER
    assert "STAGES_MISSING" in codes(world.submitted(request_id))
    assert "ALREADY_REVIEWED" in codes(world.reviewed(request_id, "risk", RISK))
    world.done(world.reviewed(request_id, "compliance", RISK))
    world.quote()
    assert world.submitted(request_id).accepted


def test_escalation_opens_a_seat_to_named_roles_only(world: World) -> None:
    """Governance 2.6: the operator is no fallback, and the requester stays barred."""
    request_id = requested(world)
    world.after(ESCALATE)
    assert "ROLE" in codes(world.reviewed(request_id, "operator", RESEARCH))
    assert "REQUESTER_IS_REVIEWER" in codes(world.reviewed(request_id, "quant", RESEARCH))


def test_a_fallback_role_used_too_early_does_not_pass_the_execution_check(world: World) -> None:
    """Governance 2.10: the time of the signed decision counts, not what a table says."""
    request_id = requested(world)
    world.after(ESCALATE)
    world.done(world.reviewed(request_id, "risk", RESEARCH))
    world.done(world.reviewed(request_id, "compliance", RISK))
    world.forge("UPDATE approval_requests SET created_at = '2026-01-05T12:00:00.000000Z'")
    world.quote()
    assert "ROLE" in codes(world.submitted(request_id))


def test_nothing_is_due_on_a_case_that_was_decided(world: World) -> None:
    """Governance 2.6: a rejected case waits for nobody."""
    request_id = requested(world)
    world.done(world.reviewed(request_id, "researcher", DecisionWord.REJECTED))
    world.after(ESCALATE)
    assert swept(world) == ()
    remind = world.desk.waiting.remind(request_id, world.service(), key=world.key())
    assert codes(remind) == ("NOT_DUE",)
