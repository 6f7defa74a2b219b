"""A policy on its way into force, behind the real store."""

from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.desk.installation import PolicyActivation
from counterseal.kernel.errors import AdapterError, IntegrityError, PolicyError
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.policy.gate import OPEN_DAYS
from counterseal.policy.proposal import PolicyVote
from counterseal.policy.words import DecisionWord
from storage.policy_drafts import list_version
from tests.desk.policy_room import LOWER, NEXT, PolicyWorld, a_sample_is_enough, refusal
from tests.household import NONE


@pytest.fixture(autouse=True)
def _a_sample_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    a_sample_is_enough(monkeypatch)


@pytest.fixture
def world(tmp_path: Path) -> PolicyWorld:
    return PolicyWorld(tmp_path / "home").staffed()


def test_a_policy_comes_into_force_by_two_votes_of_non_authors(world: PolicyWorld) -> None:
    """Governance part 4, the activation gate; each step is a record."""
    world.version(LOWER)
    world.agreed_on()

    assert world.desk.bench.bundle.version == NEXT
    assert world.desk.bench.bundle.author_ids == ("scribe",)
    told = [row.type for row in world.log() if row.stream == "policies"]
    assert told == [
        *["policy.checked"] * 4,
        "policy.proposed",
        *["policy.approved"] * 2,
        "policy.activated",
    ]
    assert world.verdict().outcome == "ok"
    with world.store.reader() as reader:
        votes = reader.find(PolicyVote)
        (activation,) = reader.find(PolicyActivation, bootstrap=0)
        evaluations = reader.find(PolicyEvaluation, action="approve_policy")
    assert {vote.person_id for vote in votes} == {"vera", "viktor"} == set(activation.activated_by)
    assert len(activation.signatures) == 2
    assert all(one.rule_ids == ("policy.approve",) for one in evaluations)


def test_a_mutant_is_refused_with_a_counterexample_that_is_recorded(world: PolicyWorld) -> None:
    """Issue: without distinct reviewers; the counterexample stands in the log (N5, N10)."""
    world.lacking("sod.distinct_reviewers")
    refused = refusal(world.proposed())
    assert refused.code == "POLICY_INVARIANT_BROKEN"
    assert refused.message.startswith("nobody decides twice on one request: but researcher")
    last = world.log()[-1]
    assert (last.type, last.stream) == ("command.refused", "policies")
    assert b"nobody decides twice on one request: but researcher" in last.body


def test_nobody_but_a_policy_author_proposes(world: PolicyWorld) -> None:
    """ROLE, and AUTHOR_UNKNOWN for a name that is nobody's."""
    world.version(LOWER)
    stranger = world.policies.propose(world.draft(), (), world.actor("vera"), key=world.key())
    assert refusal(stranger).code == "ROLE"
    assert refusal(world.proposed(NEXT, "ghost")).code == "AUTHOR_UNKNOWN"


def test_the_authors_vote_and_a_second_vote_are_refused(world: PolicyWorld) -> None:
    """Part 8, test 9: by rule ids of the policy in force."""
    world.version(LOWER)
    proposal_id = world.done(world.proposed(NEXT, "vera"))

    own = refusal(world.voted(proposal_id, "vera"))
    assert (own.code, own.details[-1].value) == ("AUTHOR_CONFLICT", "sod.policy_author")
    world.done(world.voted(proposal_id, "viktor"))
    again = refusal(world.voted(proposal_id, "viktor"))
    assert (again.code, again.details[-1].value) == ("ALREADY_REVIEWED", "sod.policy_distinct")
    assert refusal(world.voted(proposal_id, "compliance")).code == "ROLE"
    assert refusal(world.activated(proposal_id, "viktor")).code == "VOTES_MISSING"
    assert refusal(world.activated(proposal_id, "vera")).code == "AUTHOR_CONFLICT"


def test_a_vote_for_anything_else_is_refused(world: PolicyWorld) -> None:
    """Part 8, tests 9 and 10: another diff, bundle or proposal, another person, an old vote."""
    world.version(LOWER)
    proposal_id = world.done(world.proposed())
    for name in ("diff_hash", "policy_bundle_hash", "replaces"):
        found = refusal(world.voted(proposal_id, "vera", **{name: NONE}))
        assert (found.code, found.details[0].value) == ("VOTE_MISMATCH", name)
    for changes in ({"person": "viktor"}, {"meaning": "rejected"}, {"issued_at": "soon"}):
        assert refusal(world.voted(proposal_id, "vera", **changes)).code == "SIGNATURE_INVALID"

    signature = world.signed("vera", world.statement(proposal_id, "vera"))
    forged = signature.amended(key_id="key-of-viktor")
    stolen = world.policies.vote(proposal_id, forged, world.actor("viktor"), key=world.key())
    assert refusal(stolen).code == "SIGNATURE_INVALID"
    world.after(301)
    late = world.policies.vote(proposal_id, signature, world.actor("vera"), key=world.key())
    assert refusal(late).code == "SIGNATURE_INVALID"


def test_a_proposal_has_its_time(world: PolicyWorld) -> None:
    """PROPOSAL_EXPIRED for votes and activation."""
    world.version(LOWER)
    proposal_id = world.done(world.proposed())
    world.done(world.voted(proposal_id, "vera"))
    world.after(OPEN_DAYS * 86_400)
    assert refusal(world.voted(proposal_id, "viktor")).code == "PROPOSAL_EXPIRED"
    assert refusal(world.activated(proposal_id)).code == "PROPOSAL_EXPIRED"
    assert refusal(world.activated("ppr_unknown")).code == "NOT_FOUND"


def test_a_review_under_a_superseded_policy_is_refused(world: PolicyWorld) -> None:
    """N2: a policy activated between request and review; refused, never scored anew."""
    request_id = world.requested()
    world.version(LOWER)
    world.agreed_on()

    found = refusal(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    assert "POLICY_CHANGED" in found.codes
    world.approved()


def test_a_desk_of_the_old_policy_decides_nothing_more(world: PolicyWorld) -> None:
    """POLICY_SUPERSEDED: nothing is recorded; the desk is opened again."""
    world.version(LOWER)
    proposal_id = world.done(world.proposed())
    for name in ("vera", "viktor"):
        world.done(world.voted(proposal_id, name))
    world.done(world.activated(proposal_id))

    size = len(world.log())
    with pytest.raises(AdapterError, match="POLICY_SUPERSEDED"):
        world.requested()
    assert len(world.log()) == size


def test_an_activation_may_lie_ahead(world: PolicyWorld) -> None:
    """Gate step 6: effective_from; until then the old policy counts, for this desk as well."""
    world.version(LOWER)
    proposal_id = world.done(world.proposed())
    for name in ("vera", "viktor"):
        world.done(world.voted(proposal_id, name))
    begins = world.clock.now() + timedelta(hours=1)
    outcome = world.policies.activate(
        proposal_id, world.actor("vera"), key=world.key(), effective_from=begins
    )
    world.done(outcome)

    world.requested()
    world.after(3600)
    with pytest.raises(AdapterError, match="POLICY_SUPERSEDED"):
        world.requested()
    world.store.close()
    world.reopen()
    assert world.desk.bench.bundle.version == NEXT


def test_a_home_works_from_its_log_when_the_folder_is_older(world: PolicyWorld) -> None:
    """Two versions side by side: the folder without the newer one changes nothing."""
    world.version(LOWER)
    world.agreed_on()
    for place in world.folder.glob(f"*/{NEXT}"):
        place.rename(place.with_name("elsewhere"))
    world.store.close()
    world.reopen()
    assert world.desk.bench.bundle.version == NEXT
    world.approved()


def test_a_folder_that_differs_refuses_the_start(world: PolicyWorld) -> None:
    """Part 8, test 6: manifest mismatch, a version that nobody voted on, an unlisted one."""
    world.store.close()
    limits = next(world.folder.glob("risk/*/limits.yaml"))
    limits.write_bytes(limits.read_bytes() + b"# harmless\n")
    with pytest.raises(PolicyError, match=r"POLICY_HASH_MISMATCH.*limits\.yaml"):
        world.reopen()
    list_version(world.folder, world.desk.bench.bundle.version, "author", world.clock.now())
    with pytest.raises(PolicyError, match="POLICY_HASH_MISMATCH"):
        world.reopen()
    (world.folder / "manifest.json").write_text('{"schema_version": 1, "versions": []}', "utf-8")
    with pytest.raises(PolicyError, match="POLICY_UNLISTED"):
        world.reopen()


FORGERIES = (
    "UPDATE policy_activations SET signatures = '[]' WHERE bootstrap = 0",
    "UPDATE policy_activations SET author_ids = '[\"vera\"]' WHERE bootstrap = 0",
    "DELETE FROM policy_votes WHERE person_id = 'viktor'",
    "UPDATE policy_votes SET person_id = 'vera'",
    "UPDATE policy_votes SET voted_at = '2026-02-01T00:00:00.000000Z'",
    "DELETE FROM policy_proposals",
    "UPDATE policy_activations SET bootstrap = 1",
    "UPDATE policy_activations SET bootstrap = 1, proposal_id = NULL",
)


def test_an_activation_without_its_votes_opens_no_desk(world: PolicyWorld) -> None:
    """POLICY_UNAPPROVED: whoever owns the database brings no policy into force."""
    world.version(LOWER)
    world.agreed_on()
    world.store.close()
    sound = world.settings.database_file.read_bytes()
    for forgery in FORGERIES:
        world.settings.database_file.write_bytes(sound)
        assert world.forge(forgery) > 0
        with pytest.raises(IntegrityError, match="POLICY_UNAPPROVED"):
            world.reopen()
    world.settings.database_file.write_bytes(sound)
    world.reopen()
