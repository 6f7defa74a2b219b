"""Who is turned away before there is anything to sign, and with which of several keys one signs."""

from pathlib import Path

import orjson
import pytest

from counterseal.approvals.review_checks import SignedReview
from counterseal.desk.people import active_keys
from counterseal.identity.acts import EnrolKey
from counterseal.identity.dsse import sign_statement
from counterseal.policy.counterfactual import replay_recorded
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.policy.words import DecisionWord
from tests.desk.casework import WORDS, codes, decided
from tests.world import NONE, World

RESEARCH = DecisionWord.RESEARCH_APPROVED


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_an_attempt_without_any_role_names_every_rule_against_it(world: World) -> None:
    """N10 (every denied attempt is a record with rule ids): an author who holds no
    reviewer's role is refused for both, before a statement exists, and replay judges it again.
    """
    payload = world.payload(world.signal()).amended(author_ids=("author", "operator"))
    asked = world.desk.approvals.request(payload, world.actor("quant"), key=world.key())
    outcome = world.reviewed(world.done(asked), "operator", RESEARCH)
    assert codes(outcome)[0] == "ROLE"
    assert "AUTHOR_CONFLICT" in codes(outcome)
    record = orjson.loads(world.log()[-1].body)
    assert (record["type"], record["reason"]["code"]) == ("command.refused", "ROLE")
    [said] = record["after"]["documents"]["policy_evaluations"]
    assert "sod.author_conflict" in said["rule_ids"]
    bundle = world.desk.bench.bundle
    with world.store.reader() as reader:
        report = replay_recorded(reader.find(PolicyEvaluation), {bundle.bundle_hash: bundle.rules})
    assert (report.replayed, report.differences) == (1, ())


def by_key(world: World, request_id: str, signer: str, named: str | None) -> tuple[str, ...]:
    """A review of the researcher, prepared for a key and signed by one; what is against it."""
    send, actor = world.desk.approvals, world.actor("researcher")
    prepared = send.prepare(
        request_id, RESEARCH, WORDS, actor, shown_hash=NONE, key=world.key(), key_id=named
    ).prepared
    assert prepared is not None
    stated = prepared.statement
    signature = sign_statement(
        world.private_key(signer), "decision", stated.json_value(), stated.key_id
    )
    signed = SignedReview(
        decision=RESEARCH,
        reason=prepared.reason,
        comment_salt=prepared.comment_salt,
        signature=signature,
    )
    return codes(send.review(request_id, signed, actor, key=world.key()))


def test_each_of_a_person_s_keys_signs_for_them_and_none_for_another(world: World) -> None:
    """Governance 3: a second key beside the first leaves the first as good; the statement names the
    key that signs it, and without a choice that is the newest.
    """
    act = EnrolKey(terms=world.terms(), key=world.new_key("researcher", 2))
    world.after(1)
    both = ("officer-1", "officer-2", "researcher", "researcher.2")
    world.done(world.agreed(act, *both))
    with world.store.reader() as reader:
        mine = active_keys(reader, "researcher")
    first, second = "key-of-researcher", "key-of-researcher.2"
    assert {key.key_id for key in mine} == {first, second}
    for signer, named in (("researcher", first), ("researcher.2", second), ("researcher.2", None)):
        request_id = world.requested()
        assert by_key(world, request_id, signer, named) == ()
        [decision] = decided(world, request_id)
        assert decision.key_id == (named or second)
    crossed = world.requested()
    assert by_key(world, crossed, "researcher", second) == ("SIGNATURE_INVALID",)
    assert by_key(world, crossed, "researcher", "key-of-risk") == ("SIGNATURE_INVALID",)
    assert by_key(world, crossed, "risk", first) == ("SIGNATURE_INVALID",)
    assert world.verdict().outcome == "ok"
