"""What the approval forms offer, on the real store."""

from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalDecision
from counterseal.desk.views.approvals import approval_status
from counterseal.desk.views.forms import (
    BOUNDARY_NOTES,
    DecisionForm,
    approvals_panel,
    decision_form,
    request_form,
)
from counterseal.desk.views.history import RecordFacts
from counterseal.identity.people import Person
from counterseal.kernel.errors import InputError
from counterseal.policy.words import DecisionWord, Role
from tests.world import START, World

PROBED = RecordFacts(append_only=True, hash_chained=True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def form(world: World, name: str) -> DecisionForm:
    with world.store.reader() as reader:
        person = reader.get(Person, name)
        assert person is not None
        return decision_form(reader, world.desk.bench.bundle, person, world.clock.now())


def words(world: World, name: str) -> list[list[str]]:
    return [[o.decision.value for o in c.options] for c in form(world, name).choices]


def test_a_reviewer_is_offered_open_cases_and_only_what_the_roles_allow(world: World) -> None:
    """TX-F15, TX-F17: requester, earlier reviewer and people without a role are barred."""
    request_id = world.requested()
    endings = ["rejected", "needs_data_review"]
    assert words(world, "researcher") == [["research_approved", *endings]]
    assert words(world, "risk") == [endings]
    assert words(world, "quant") == words(world, "operator") == []
    assert form(world, "quant").barred[0].codes == ("REQUESTER_IS_REVIEWER",)
    assert form(world, "operator").barred[0].codes == ("ROLE",)
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    assert form(world, "researcher").barred[0].codes == ("ALREADY_REVIEWED",)
    assert words(world, "risk") == [["approved_for_paper_simulation", *endings]]
    [choice] = form(world, "risk").choices
    assert {o.default_role for o in choice.options} == {Role.RISK_REVIEWER}


def test_an_empty_form_says_so_and_closed_cases_are_not_listed(world: World) -> None:
    """TX-F15: the empty state."""
    assert form(world, "risk").empty_text
    world.approved()
    found = form(world, "compliance")
    assert (found.choices, found.barred) == ((), ())
    assert found.empty_text
    world.requested()
    assert form(world, "compliance").empty_text == ""


def test_the_request_form_has_its_defaults_and_no_field_for_the_requester(world: World) -> None:
    """TX-F14, TX-F20: defaults, four badges, four notes; who asks comes from the login."""
    with world.store.reader() as reader:
        person = reader.get(Person, "quant")
        status = approval_status(reader, world.desk.bench.bundle.approval, PROBED)
    assert person is not None
    made = request_form(status, person, START)
    assert (made.strategy_id, made.strategy_version) == ("customer-demo-strategy", "0.1.0")
    assert made.signal_id == f"ui-paper-signal-{int(START.timestamp()) * 1000}"
    assert (made.direction.value, made.target_tx_equivalent) == ("LONG", Decimal("0.05"))
    assert [str(t) for t in made.targets] == ["0", "0.05", "0.1", "0.15", "0.2", "0.25"]
    assert (made.confidence, made.stop_distance_points) == (Decimal("0.72"), Decimal(20))
    assert made.requester_id == "quant"
    assert (len(made.badges), made.notes) == (4, BOUNDARY_NOTES)
    assert len(BOUNDARY_NOTES) == 4


def test_the_panel_shows_what_waits_and_who_decided_with_hash_references(world: World) -> None:
    """TX-F16: status, pending list, reviewer history, badges."""
    world.approved()
    pending = world.requested()
    with world.store.reader() as reader:
        panel = approvals_panel(reader, world.desk.bench.bundle, PROBED, world.clock.now())
        decisions = reader.find(ApprovalDecision)
    assert [e.approval_request_id for e in panel.pending] == [pending]
    assert [d.reviewer_id for d in panel.reviewer_history] == ["risk", "researcher"]
    assert {d.decision_hash for d in panel.reviewer_history} == {d.decision_hash for d in decisions}
    assert "DUAL_REVIEW_REQUIRED=true" in [badge.text for badge in panel.badges]


@pytest.mark.parametrize("limit", [0, 201])
def test_the_panel_is_asked_for_one_to_two_hundred_rows(world: World, limit: int) -> None:
    """TX-F1, TX-F16: outside it is refused, at both ends it is answered."""
    bundle = world.desk.bench.bundle
    with world.store.reader() as reader:
        with pytest.raises(InputError, match="LIMIT_OUT_OF_RANGE"):
            approvals_panel(reader, bundle, PROBED, START, limit)
        inside = min(max(limit, 1), 200)
        assert approvals_panel(reader, bundle, PROBED, START, inside).pending == ()


def test_a_reviewer_of_another_tenant_is_barred(world: World) -> None:
    """TX-F15: another tenant's case is nobody else's business."""
    world.requested()
    with world.store.reader() as reader:
        person = reader.get(Person, "researcher")
        assert person is not None
        foreign = person.amended(tenant="tenant-2")
        found = decision_form(reader, world.desk.bench.bundle, foreign, START)
    assert found.choices == ()
    assert found.barred[0].codes == ("OTHER_TENANT",)
