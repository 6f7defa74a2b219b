"""What the rules said, in the log: beside every decision and refusal, ready to be replayed."""

import re
import shutil
import sys
from pathlib import Path

import orjson
import pytest

from counterseal.desk.commands import CommandRecord, Outcome
from counterseal.kernel.errors import PolicyError
from counterseal.kernel.ids import SeededIdSource
from counterseal.kernel.model import Refusal
from counterseal.policy.cedar import read_rules, rules_of
from counterseal.policy.evaluation import PolicyEvaluation, Verdict, replay_all
from counterseal.policy.question import RuleAction
from counterseal.policy.words import DecisionWord
from storage.desk import open_desk
from storage.policy_drafts import list_version
from storage.settings import POLICY_VERSION
from storage.signers import create_state
from storage.store import create_database
from tests.household import ORIGIN, ROOT
from tests.world import LARGE, World

R, P = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def recorded(world: World) -> list[tuple[str, set[str], PolicyEvaluation]]:
    """Every evaluation in the order of the log: its record's type, and what lies in it."""
    found = []
    for row in world.log():
        body = orjson.loads(row.body)
        documents = body["after"]["documents"]
        for one in documents.get("policy_evaluations", []):
            told = PolicyEvaluation.model_validate_json(orjson.dumps(one))
            found.append((body["type"], set(documents), told))
    return found


def evaluations(world: World) -> list[PolicyEvaluation]:
    return [told for _, _, told in recorded(world)]


def refused(outcome: Outcome) -> Refusal:
    assert outcome.refusal is not None
    return outcome.refusal


def test_a_decision_and_the_rule_that_permitted_it_are_one_record(world: World) -> None:
    """Governance invariant 9: what the rules saw and said lies in the decision's own event."""
    request = world.requested()
    world.done(world.reviewed(request, "researcher", R))

    [answer] = evaluations(world)

    assert (answer.subject, answer.action, answer.verdict) == (
        request,
        RuleAction.APPROVE,
        Verdict.ALLOW,
    )
    assert answer.rule_ids == ("review.research.approve",)
    assert answer.bundle_hash == world.desk.bench.bundle.bundle_hash
    kind, documents, _ = recorded(world)[-1]
    assert kind == "approval.decided"
    assert "approval_decisions" in documents


def test_a_refused_review_is_a_record_with_the_rules_that_said_no(world: World) -> None:
    """N10: reasons and rule ids are in the log before the caller sees them."""
    request = world.requested()

    refusal = refused(world.reviewed(request, "risk", P))

    assert "OUT_OF_ORDER" in refusal.codes
    [answer] = evaluations(world)
    assert (answer.verdict, answer.rule_ids) == (Verdict.DENY, ("order.research_first",))
    kind, documents, _ = recorded(world)[-1]
    assert (kind, documents) == ("command.refused", {"commands", "policy_evaluations"})
    assert {d.name: d.value for d in refusal.details}["rules"] == "order.research_first"


def test_the_same_refusal_again_is_the_same_answer_from_the_record(world: World) -> None:
    """TX-G9: a repeated command is answered with the refusal alone, equal to the first."""
    request = world.approved()
    first = world.submitted(request, quantity=40, key="once")
    again = world.submitted(request, quantity=40, key="once")
    assert type(refused(first)) is Refusal
    assert again.refusal == first.refusal
    with world.store.reader() as reader:
        record = reader.get(CommandRecord, "once:intent")
    assert record is not None
    assert record.refusal == first.refusal


def test_a_submit_is_recorded_with_what_the_rules_said_about_the_operator(world: World) -> None:
    """Governance 2.10: with the approval that it consumes, or with the refusal."""
    request = world.approved()
    world.done(world.submitted(request))
    last = evaluations(world)[-1]
    assert (last.principal.id, last.rule_ids) == ("operator", ("submit.operator",))
    assert recorded(world)[-1][0] == "approval.consumed"

    assert "ALREADY_CONSUMED" in refused(world.submitted(request)).codes
    again = evaluations(world)[-1]
    assert again.rule_ids == ("state.unused",)
    assert recorded(world)[-1][0] == "command.refused"


def test_compliance_is_asked_for_by_the_rules_as_well(world: World) -> None:
    """Governance 4: at the threshold two reviews are not enough."""
    request = world.requested(quantity=LARGE)
    world.done(world.reviewed(request, "researcher", R))
    world.done(world.reviewed(request, "risk", P))

    refusal = refused(world.submitted(request, quantity=LARGE))

    assert "COMPLIANCE_MISSING" in refusal.codes
    assert "threshold.compliance_required" in evaluations(world)[-1].rule_ids


def test_withdrawing_is_decided_by_the_rules(world: World) -> None:
    """Governance 4: the requester, and nobody else."""
    request = world.requested()
    stranger = world.desk.approvals.withdraw(request, world.actor("risk"), key=world.key())
    assert refused(stranger).codes == ("ROLE",)
    assert evaluations(world)[-1].rule_ids == ("role.requester",)

    world.after(1)
    world.done(world.desk.approvals.withdraw(request, world.actor("quant"), key=world.key()))
    last = evaluations(world)[-1]
    assert last.rule_ids == ("request.withdraw",)
    assert recorded(world)[-1][0] == "approval.withdrawn"


def test_everything_that_the_rules_ever_said_is_said_again(world: World) -> None:
    """N3: a home's evaluations, replayed from the log's documents, are all the same."""
    first, second = world.requested(), world.requested()
    for name, word in (("risk", P), ("researcher", R), ("researcher", R), ("risk", P)):
        world.reviewed(first, name, word)
        world.after(1)
    world.submitted(first)
    world.reviewed(second, "compliance", DecisionWord.REJECTED)
    world.reviewed(second, "risk", P)

    found = evaluations(world)

    assert {e.verdict for e in found} == {Verdict.ALLOW, Verdict.DENY}
    assert all(one.same for one in replay_all(found, world.desk.bench.bundle.rules))


def test_without_the_engine_a_review_is_refused_and_recorded_as_such(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Governance 8, test 6: cedarpy missing is never an approval."""
    request = world.requested()
    rules_of.cache_clear()
    read_rules.cache_clear()
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    world.reopen()

    refusal = refused(world.reviewed(request, "researcher", R))

    assert refusal.codes == ("POLICY_UNAVAILABLE",)
    [answer] = evaluations(world)
    assert (answer.verdict, answer.engine) == (Verdict.ERROR, "none")


@pytest.mark.parametrize(
    "plant",
    [
        lambda _: '@id("open") permit (principal, action, resource);\n',
        lambda text: re.sub(r'@id\("sod.distinct_reviewers"\)[^;]*;', "", text),
        lambda text: text.replace("context.stage_count >= context.stage_need", "false"),
    ],
    ids=["open to all", "one rule taken out", "one rule weakened"],
)
def test_a_planted_permissive_policy_stops_the_start(tmp_path: Path, plant: object) -> None:
    """Governance 8, test 19: the forbidden cases are tried on the loaded rules."""
    world = World(tmp_path / "other" / "home")
    folder = shutil.copytree(ROOT / "policies", tmp_path / "policies")
    rules = folder / "approval" / POLICY_VERSION / "approval.cedar"
    settings = world.settings.model_copy(
        update={
            "counterseal_home": tmp_path / "home",
            "counterseal_policies": folder,
            "counterseal_signer_state": tmp_path / "signer",
        }
    )
    create_database(settings.database_file, ORIGIN)
    create_state(settings.counterseal_signer_state, ORIGIN)

    def start() -> None:
        ids = SeededIdSource("test")
        open_desk(settings, world.log_key, clock=world.clock, ids=ids, feed=world.feed)

    start()
    rules.write_text(plant(rules.read_text("utf-8")), "utf-8")  # type: ignore[operator] # a lambda
    list_version(folder, POLICY_VERSION, "intruder", world.clock.now())
    with pytest.raises(PolicyError, match="POLICY_PERMISSIVE"):
        start()
