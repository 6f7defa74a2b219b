"""Roles that reach some strategies, and strategies that need more: on the real desk."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.desk import Desk
from counterseal.desk.people import register_of
from counterseal.desk.views.forms import decision_form
from counterseal.desk.views.people import access_list, roles_text
from counterseal.identity.people import Person
from counterseal.identity.recheck import check_register
from counterseal.policy.counterfactual import replay_recorded
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.policy.params import StrategyNeed
from counterseal.policy.words import DecisionWord, Role, Stage
from tests.desk.casework import codes, delegated, drafted, limited, signed_grant, stored
from tests.desk.test_duties import codes as explained
from tests.desk.test_duties import turn
from tests.desk.test_refusal_codes import asked
from tests.desk.test_signed_log import found
from tests.world import World

RESEARCH, PAPER = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
OWN, OTHER = "mean-reversion", "trend"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield made
    made.store.close()


def test_who_does_not_reach_a_strategy_is_not_asked_and_is_told_why(world: World) -> None:
    """Governance part 1, rows filters and explanation: form, turn and answer say the same."""
    request_id = world.requested()
    limited(world, "researcher", Role.RESEARCH_REVIEWER, OTHER)
    told = turn(world, request_id)
    assert told is not None
    assert told.eligible == ("compliance",)
    assert explained(world, request_id, "researcher", RESEARCH.value) == {"STRATEGY_SCOPE"}
    assert explained(world, request_id, "researcher", "rejected") == {"STRATEGY_SCOPE"}
    with world.store.reader() as reader:
        person = reader.get(Person, "researcher")
        assert person is not None
        form = decision_form(reader, world.desk.bench.bundle, person, world.clock.now())
        [row] = [r for r in access_list(reader).people if r.person_id == "researcher"]
        assert check_register(register_of(reader, world.desk.bench.origin)) == ()
    assert [one.codes for one in form.barred] == [("STRATEGY_SCOPE",)]
    assert roles_text(row.roles, row.scopes) == f"research_reviewer({OTHER})"
    limited(world, "researcher", Role.RESEARCH_REVIEWER, OTHER, OWN)
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    assert found(world.log()) == []


def test_a_request_that_nobody_reaches_is_not_opened(world: World) -> None:
    """Governance 2.5: two limits leave research without anybody; one does not."""
    limited(world, "researcher", Role.RESEARCH_REVIEWER, OTHER)
    assert codes(asked(world)) == ()
    limited(world, "compliance", Role.COMPLIANCE_REVIEWER, OTHER)
    assert codes(asked(world)) == ("UNSTAFFABLE",)


def test_nobody_lends_a_reach_that_they_lack(world: World) -> None:
    """Governance 2.6: a grant names strategies that the delegator may review."""
    delegated(world, "researcher", "risk", Stage.RESEARCH)
    limited(world, "researcher", Role.RESEARCH_REVIEWER, OTHER)
    made = signed_grant(world, drafted(world, "researcher", "operator", Stage.RESEARCH))
    outcome = world.desk.delegations.delegate(made, world.actor("researcher"), key=world.key())
    assert codes(outcome) == ("STRATEGY_SCOPE",)


def test_a_decision_beyond_its_role_is_found_in_the_log_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-K4, governance 8, test 5: a desk that looks away records what verification names."""
    limited(world, "researcher", Role.RESEARCH_REVIEWER, OTHER)
    request_id = world.requested()
    with monkeypatch.context() as blind:
        blind.setattr(Person, "roles_for", lambda person, _: person.held_roles())
        world.done(world.reviewed(request_id, "researcher", RESEARCH))
    [(_, layer)] = found(world.log())
    assert layer.startswith("decision:")


def test_a_strategy_with_needs_of_its_own_is_approved_by_more_people(world: World) -> None:
    """Governance part 1, row quorum; N3: stages by strategy, seen in the case and in a replay."""
    bench = world.desk.bench
    needs = (StrategyNeed(strategy=OWN, stage=Stage.COMPLIANCE, quorum=1),)
    law = bench.bundle.approval.amended(strategy_needs=needs)
    world.desk = Desk(replace(bench, bundle=bench.bundle.amended(approval=law)))

    request_id = world.requested()
    case = stored(world, request_id)
    assert case.stages_required == (Stage.RESEARCH, Stage.RISK, Stage.COMPLIANCE)
    assert case.required_review_count == 3
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    world.done(world.reviewed(request_id, "risk", PAPER))
    assert "COMPLIANCE_MISSING" in codes(world.submitted(request_id))
    told = turn(world, request_id)
    assert told is not None
    assert (told.stage, told.eligible) == (Stage.COMPLIANCE, ("compliance",))
    world.done(world.reviewed(request_id, "compliance", PAPER))
    world.done(world.submitted(request_id))

    with world.store.reader() as reader:
        said = reader.find(PolicyEvaluation)
        kinds = (ApprovalRequest, ApprovalDecision)
        assert [len(reader.find(kind)) for kind in kinds] == [1, 3]
    bundle = world.desk.bench.bundle
    report = replay_recorded(said, {bundle.bundle_hash: bundle.rules})
    assert (report.replayed, report.differences) == (len(said), ())
