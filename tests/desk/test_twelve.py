"""The twelve properties that no compared system has, each shown once on the real desk."""

import base64
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from counterseal.approvals.batch import key_signature, statement_of
from counterseal.approvals.model import RequestStatus
from counterseal.approvals.review_checks import SignedReview
from counterseal.approvals.statement import Opened
from counterseal.desk.desk import Desk
from counterseal.desk.views.approvals import RequestDetail, request_detail
from counterseal.desk.views.history import RecordFacts
from counterseal.desk.views.reviewers import reviewers, signed_statement, unopened
from counterseal.identity.keys import PersonKey
from counterseal.kernel.canonical import parse_json
from counterseal.policy.counterfactual import replay_recorded
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.policy.params import EvidenceRule
from counterseal.policy.words import DecisionWord, EvidenceSection, Stage
from evidence.signatures import signature_files
from tests.core.identity.programs import shell_status
from tests.desk.bulk_room import Room, accepted
from tests.desk.casework import (
    amended,
    codes,
    decided,
    delegated,
    review_under,
    signed_review,
    stored,
)
from tests.desk.policy_room import PARAMS, THRESHOLD, PolicyWorld, a_sample_is_enough, refusal
from tests.world import World
from ui.cli.cases import case_lines

RESEARCH, PAPER = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
LOWER = (PARAMS, THRESHOLD, 'required_from_notional: "500000"')


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


@pytest.fixture
def lawful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PolicyWorld:
    """A world whose policy may change; its gate sweeps a sample."""
    a_sample_is_enough(monkeypatch)
    return PolicyWorld(tmp_path / "home").staffed()


def refused_reviews(world: World) -> list[tuple[str, str, list[str]]]:
    """Who tried to review, the reason against it and its rules, from the log's records alone."""
    refusals = (orjson.loads(row.body) for row in world.log() if row.type == "command.refused")
    return [
        (body["actor"]["id"], body["reason"]["code"], said["rule_ids"])
        for body in refusals
        for said in body["after"]["documents"].get("policy_evaluations", ())
    ]


def test_n1_the_reviewers_own_key_signs_what_others_verify_offline(
    world: World, tmp_path: Path
) -> None:
    """N1: request, policy, stage, verdict and meaning, under a signature that openssl checks."""
    request_id = world.approved()
    decision = decided(world, request_id)[0]
    with world.store.reader() as reader:
        keys = {key.key_id: key for key in reader.find(PersonKey)}
    said = statement_of(decision, keys[decision.key_id])
    assert said.payload_hash == stored(world, request_id).request_hash
    assert said.policy_bundle_hash == world.desk.bench.bundle.bundle_hash
    assert (said.stage, said.decision, said.meaning) == (
        *(Stage.RESEARCH, RESEARCH),
        "reviewed_research",
    )
    files, commands = signature_files(request_id, (decision,), keys)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert shell_status(commands[0], tmp_path) == 0
    (tmp_path / "decision-1.message").write_bytes(files["decision-1.message"] + b" ")
    assert shell_status(commands[0], tmp_path) != 0


def test_n2_a_superseded_policy_refuses_and_never_scores_anew(lawful: PolicyWorld) -> None:
    """N2: the case is pinned to the bundle that its request named."""
    request_id = lawful.requested()
    lawful.version(LOWER)
    lawful.agreed_on()
    found = refusal(lawful.reviewed(request_id, "researcher", RESEARCH))
    assert "POLICY_CHANGED" in found.codes
    assert decided(lawful, request_id) == ()


def test_n3_every_past_decision_is_decided_the_same_again(world: World) -> None:
    """N3: allowed and refused ones, same verdict, same rule ids."""
    world.submitted(world.approved())
    world.reviewed(world.requested(), "quant", RESEARCH)
    with world.store.reader() as reader:
        found = reader.find(PolicyEvaluation)
    bundle = world.desk.bench.bundle
    report = replay_recorded(found, {bundle.bundle_hash: bundle.rules})
    assert {one.verdict.value for one in found} == {"allow", "deny"}
    assert (report.replayed, report.differences) == (len(found), ())


def test_n4_a_proposal_says_which_decisions_it_would_flip(lawful: PolicyWorld) -> None:
    """N4: before anybody votes, by the threshold that it lowers."""
    large = lawful.approved()
    lawful.done(lawful.submitted(large))
    lawful.version(LOWER)
    diff = lawful.report().diff
    assert diff is not None
    assert [(flip.subject, flip.principal) for flip in diff.flips] == [(large, "operator")]
    assert "COMPLIANCE_MISSING" in diff.flips[0].now


def test_n5_a_policy_that_could_allow_too_much_is_refused_with_an_example(
    lawful: PolicyWorld,
) -> None:
    """N5: self-review and order, tried on a bounded universe before activation."""
    for rule, sentence in (
        ("sod.requester_may_not_review", "nobody reviews an own request: but requester"),
        ("order.research_first", "research comes before risk, and both before compliance: but"),
    ):
        version = lawful.lacking(rule, name=f"2026.12.{len(rule)}")
        found = refusal(lawful.proposed(version))
        assert found.code == "POLICY_INVARIANT_BROKEN"
        assert found.message.startswith(sentence)


def test_n6_an_amendment_asks_again_who_saw_what_changed(world: World) -> None:
    """N6: a lower quantity carries both decisions, a price bound voids the one of risk."""
    lower = {"max_quantity": 3, "tx_equivalent": "0.15", "notional": 600_000}
    smaller = world.done(amended(world, world.approved(), lower))
    assert stored(world, smaller).status is RequestStatus.APPROVED_FOR_PAPER
    bounded = world.done(amended(world, world.approved(), {"price_max": 20_100}))
    assert [one.stage for one in decided(world, bounded)] == [Stage.RESEARCH]
    assert stored(world, bounded).next_stage is Stage.RISK


def test_n7_what_was_shown_is_under_the_signature_and_the_time_is_kept(world: World) -> None:
    """N7: the digest of the view is signed; seconds between showing and deciding are counted."""
    request_id, bench = world.requested(), world.desk.bench
    with world.store.reader() as reader:
        view = request_detail(reader, request_id, bench.bundle, RecordFacts(), world.clock.now())
    assert isinstance(view, RequestDetail)
    room = Room(world)
    actor, key = world.actor("researcher"), world.key()
    shown = {request_id: view.shown_hash}
    opened = Opened(sections=bench.bundle.approval.evidence_shown_required.sections)
    prepared = room.prepared(
        "researcher", RESEARCH, shown, key=key, actor=actor, opened=opened
    ).prepared
    world.after(40)
    signed = room.signed("researcher", prepared)
    [item] = world.desk.bulk.review_batch(signed, actor, key=key)
    assert item.refusal is None
    [decision] = decided(world, request_id)
    said = parse_json(base64.b64decode(decision.signature.payload))
    assert isinstance(said, dict)
    assert said["evidence_shown_hash"] == view.shown_hash
    with world.store.reader() as reader:
        records = reviewers(reader, bench.bundle.approval, world.clock.now()).reviewers
    [own] = [one for one in records if one.person_id == "researcher"]
    assert [own.shown_to_decided_seconds, own.unshown] == [40, 0]


def test_n7_who_signs_unopened_evidence_is_warned_of_or_refused(world: World) -> None:
    """N7: by default it counts and everybody is told; a bundle may refuse it, with its code."""
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    [decision] = decided(world, request_id)
    assert unopened(decision)
    with world.store.reader() as reader:
        view = request_detail(
            reader, request_id, world.desk.bench.bundle, RecordFacts(), world.clock.now()
        )
    assert isinstance(view, RequestDetail)
    assert "SIGNED UNOPENED: nothing of the case was shown" in case_lines(view)[-1]
    world.desk = wanting_changes(world, blocks=True)
    assert codes(world.reviewed(request_id, "risk", PAPER)) == ("EVIDENCE_UNOPENED",)
    assert len(decided(world, request_id)) == 1


def test_n7_each_section_that_was_opened_is_signed_and_a_closed_one_is_named(
    world: World,
) -> None:
    """N7: a reviewer who left a wanted section closed is told of by its name; one bundle counts
    the decision, another refuses it; the seconds before the signing are part of the record.
    """
    request_id, bundle = world.requested(), world.desk.bench.bundle
    opened = Opened(sections=(EvidenceSection.REQUEST, EvidenceSection.COMMENTS), seconds=25)
    some = f"sha256:{'1' * 64}"
    signed = signed_review(world, request_id, "researcher", RESEARCH, shown=some, opened=opened)
    assert isinstance(signed, SignedReview)
    actor = world.actor("researcher")
    world.after(40)
    for blocks, told in ((True, ("EVIDENCE_UNOPENED",)), (False, ())):
        world.desk = wanting_changes(world, blocks=blocks)
        review = world.desk.approvals.review
        assert codes(review(request_id, signed, actor, key=world.key())) == told
    [decision] = decided(world, request_id)
    said = signed_statement(decision)
    assert said is not None
    assert (said.sections_opened, said.seconds_open) == (opened.sections, 25)
    assert decision.evidence_unopened == (EvidenceSection.CHANGES,)
    with world.store.reader() as reader:
        view = request_detail(reader, request_id, bundle, RecordFacts(), world.clock.now())
        records = reviewers(reader, bundle.approval, world.clock.now()).reviewers
    assert isinstance(view, RequestDetail)
    assert "opened request, comments in 25 s, SIGNED UNOPENED: changes" in case_lines(view)[-1]
    [own] = [one for one in records if one.person_id == "researcher"]
    assert [own.shown_to_decided_seconds, own.unshown] == [65, 1]


def wanting_changes(world: World, *, blocks: bool) -> Desk:
    """A desk whose policy wants the changes of a case opened."""
    bench = world.desk.bench
    rule = EvidenceRule(sections=(EvidenceSection.CHANGES,), blocks=blocks)
    rules = bench.bundle.approval.amended(evidence_shown_required=rule)
    return Desk(replace(bench, bundle=bench.bundle.amended(approval=rules)))


def test_n8_a_delegate_decides_under_a_grant_and_inherits_conflicts(world: World) -> None:
    """N8: the record names grant and delegator; the requester's delegate is refused."""
    grant = delegated(world, "researcher", "compliance", Stage.RESEARCH)
    request_id = world.requested()
    assert codes(review_under(world, request_id, "compliance", RESEARCH, grant)) == ()
    [decision] = decided(world, request_id)
    assert (decision.on_behalf_of, decision.grant_id) == ("researcher", grant)
    another = world.requested()
    lent = delegated(world, "quant", "risk", Stage.RESEARCH)
    refused = codes(review_under(world, another, "risk", RESEARCH, lent))
    assert "DELEGATION_CONFLICT" in refused


def test_n9_independence_reaches_over_several_links(world: World) -> None:
    """N9: quant lent to risk and risk to the researcher: none of them reviews for quant."""
    request_id = world.requested()
    delegated(world, "quant", "risk", Stage.RESEARCH)
    delegated(world, "risk", "researcher", Stage.RISK)
    assert "DELEGATION_CONFLICT" in codes(world.reviewed(request_id, "researcher", RESEARCH))
    assert world.reviewed(request_id, "compliance", RESEARCH).accepted


def test_n10_refused_attempts_are_in_the_log_with_their_rules(world: World) -> None:
    """N10: before, the log shows that nobody tried; after, who tried and which rule said no."""
    request_id = world.requested()
    assert refused_reviews(world) == []
    assert not world.reviewed(request_id, "quant", RESEARCH).accepted
    [(who, code, rules)] = refused_reviews(world)
    assert (who, code) == ("quant", "REQUESTER_IS_REVIEWER")
    assert "sod.requester_may_not_review" in rules
    assert world.verdict().outcome == "ok"


def test_n11_reviewers_are_told_how_they_review(world: World) -> None:
    """N11: how many, how fast, on what; a decision in no time is a rubber stamp."""
    world.approved()
    with world.store.reader() as reader:
        view = reviewers(reader, world.desk.bench.bundle.approval, world.clock.now())
    told = {one.person_id: one for one in view.reviewers}
    risk, compliance = told["risk"], told["compliance"]
    assert [risk.decisions, risk.hasty, risk.rubber_stamp_rate] == [1, 1, 1]
    assert [compliance.decisions, compliance.rubber_stamp_rate] == [0, None]


def test_n12_one_signature_over_many_decisions_each_provable_alone(world: World) -> None:
    """N12: three decisions, one signature of the key, a path of its own for each."""
    room, ids = Room(world), [world.requested() for _ in range(3)]
    assert accepted(room.reviewed("researcher", RESEARCH, *ids)) == set(ids)
    made = [decided(world, request_id)[0] for request_id in ids]
    assert len({key_signature(one).signature for one in made}) == 1
    key = room.key_of("researcher")
    assert [statement_of(one, key).request_id for one in made] == ids
    assert world.reviewed(ids[1], "risk", PAPER).accepted
    assert world.submitted(ids[1]).accepted
