"""People, keys and roles through the desk and the real store."""

from pathlib import Path

import pytest

from counterseal.approvals.delegation import DelegationGrant, GrantStatus
from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.people import enrolled_keys, register_of
from counterseal.desk.views.history import verify_cases
from counterseal.desk.views.people import access_list
from counterseal.identity.access_reviews import AccessClaim, AccessReview, review_statement
from counterseal.identity.acts import (
    Act,
    EndKey,
    EnrolKey,
    KeyEnding,
    grant_role,
    kind_of,
    statement_of,
)
from counterseal.identity.founding import Founder, Founding, founding_statement
from counterseal.identity.keys import PersonKey
from counterseal.identity.mandate import MandateStatus, SubmitMandate
from counterseal.identity.people import Person, PersonStatus, Role
from counterseal.identity.proposals import PeopleProposal, ProposalStatus
from counterseal.identity.recheck import check_register
from counterseal.kernel.model import Signature
from counterseal.policy.words import Stage
from tests.desk.casework import delegated
from tests.desk.keeping import code
from tests.world import World

OFFICERS = ("officer-1", "officer-2")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A governed world, a moment after its founding."""
    world = World(tmp_path / "home")
    world.after(60)
    world.quote()
    return world


def person(world: World, name: str) -> Person:
    with world.store.reader() as reader:
        found = reader.get(Person, name)
    assert found is not None
    return found


def key(world: World, key_id: str) -> PersonKey | None:
    with world.store.reader() as reader:
        return reader.get(PersonKey, key_id)


def request(world: World, request_id: str) -> ApprovalRequest:
    with world.store.reader() as reader:
        found = reader.get(ApprovalRequest, request_id)
    assert found is not None
    return found


def approved(world: World, act: Act, name: str) -> str:
    """One more signature on an open proposal; the refusal's code or nothing."""
    signatures = world.signed_by(kind_of(act), statement_of(act), name)
    outcome = world.desk.proposals.approve(
        act.terms.nonce, signatures, world.actor(name), key=world.key()
    )
    return code(outcome)


def test_officers_at_two_terminals_need_no_passphrase_of_each_other(world: World) -> None:
    """TX-F20: the first opens the proposal, the second puts it into force; both are records."""
    act = grant_role(world.terms(), "author", Role.REQUESTER)
    opened = world.done(world.agreed(act, "officer-1"))
    assert person(world, "author").roles == ()
    world.after(3600)

    assert approved(world, act, "officer-1") == "ALREADY_SIGNED"
    assert approved(world, act, "risk") == "ROLE"
    assert approved(world, act, "officer-2") == ""
    assert person(world, "author").roles == (Role.REQUESTER,)
    assert approved(world, act, "officer-2") == "PROPOSAL_CLOSED"
    with world.store.reader() as reader:
        proposal = reader.get(PeopleProposal, opened)
    assert proposal is not None
    assert (proposal.status, len(proposal.signatures)) == (ProposalStatus.IN_FORCE, 2)
    assert world.verdict().outcome == "ok"


def test_the_same_command_again_is_answered_from_its_record(world: World) -> None:
    """TX-G9: with a fresh nonce and time, under the same key and for the same thing."""

    def asked(role: Role) -> tuple[bool, str]:
        act = grant_role(world.terms(), "author", role)
        signatures = world.signed_by(kind_of(act), statement_of(act), *OFFICERS)
        actor = world.actor("officer-1")
        outcome = world.desk.proposals.propose(signatures, actor, key="once")
        return outcome.replayed, code(outcome)

    assert asked(Role.REQUESTER) == (False, "")
    assert asked(Role.REQUESTER) == (True, "")
    assert asked(Role.AUDITOR)[1] == "IDEMPOTENCY_KEY_CONFLICT"
    empty = world.desk.proposals.propose([], world.actor("officer-1"), key=world.key())
    assert code(empty) == "SIGNATURE_INVALID"


def test_bootstrap_is_over_for_people_grants_and_keys_once_a_home_is_founded(world: World) -> None:
    """Governance 3, I2: before it nobody is added, after it nobody is founded."""
    terms = world.terms()
    founders = tuple(
        Founder(person=world.person(name), key=world.new_key(name)) for name in ("ann", "bob")
    )
    statement = founding_statement(terms, [one.key for one in founders])
    signatures = world.signed_by("attest", statement, "ann", "bob")
    founding = Founding(terms=terms, founders=founders, signatures=signatures)
    told = world.desk.people.found(founding, world.actor("ann"), key=world.key())
    assert code(told) == "BOOTSTRAP_CLOSED"
    added = world.desk.people.add(world.person("bob"), world.actor("ann"), key=world.key())
    assert code(added) == "NOT_FOUND"


def test_an_administrator_adds_people_of_the_own_tenant_once(world: World) -> None:
    """Governance 5: without roles, whatever the record says; ids are never reused."""
    people, officer = world.desk.people, world.actor("officer-1")
    eager = world.person("ann").amended(roles=(Role.OPERATOR,))
    world.done(people.add(eager, officer, key=world.key()))
    assert person(world, "ann").roles == ()
    assert code(people.add(eager, officer, key=world.key())) == "PERSON_EXISTS"
    far = world.person("bob").amended(tenant="other")
    assert code(people.add(far, officer, key=world.key())) == "OTHER_TENANT"
    assert code(people.add(world.person("bob"), world.actor("risk"), key=world.key())) == "ROLE"


def test_a_key_written_into_the_table_signs_nothing_that_counts(world: World) -> None:
    """TX-Z10: a forged reviewer's key is named, and no order goes out under it."""
    request_id = world.approved()
    with world.store.reader() as reader:
        before = len(enrolled_keys(reader))
    forged = "UPDATE person_keys SET signatures = '[]' WHERE key_id = 'key-of-risk'"
    assert world.forge(forged) == 1

    with world.store.reader() as reader:
        faults = check_register(register_of(reader, world.desk.bench.origin))
        assert len(enrolled_keys(reader)) == before - 1
    assert [(f.kind, f.key) for f in faults] == [("person_keys", "key-of-risk")]
    submitted = world.submitted(request_id)
    assert submitted.refusal is not None
    assert "CHAIN_BROKEN" in submitted.refusal.codes
    with world.store.reader() as reader:
        told = verify_cases(reader, world.desk.bench.bundle)
    assert [one.approval_request_id for one in told.forged] == [request_id]


def test_a_mandate_under_a_key_written_into_the_table_is_none(world: World) -> None:
    """TX-G4: the operator's key needs two officers like any other."""
    world.mandate()
    forged = "UPDATE person_keys SET signatures = '[]' WHERE key_id = 'key-of-operator'"
    assert world.forge(forged) == 1
    with pytest.raises(AssertionError, match="MANDATE_INVALID"):
        world.mandate()


def test_a_compromised_key_takes_its_unused_approvals_with_it(world: World) -> None:
    """Governance 3: an event in each case; a used approval stays, and so do other keys' cases."""
    used, unused, begun = world.approved(), world.approved(), world.requested()
    assert world.submitted(used).accepted
    world.after(60)

    ended = world.desk.leaving.end_own_key(
        "key-of-risk", KeyEnding.COMPROMISED, world.actor("risk"), key=world.key()
    )
    assert ended.accepted, ended.refusal
    assert request(world, used).status is RequestStatus.CONSUMED
    assert request(world, unused).status is RequestStatus.REVOKED
    assert request(world, begun).status is RequestStatus.PENDING_REVIEW
    told = [row for row in world.log() if row.stream == f"case:{unused}"][-1]
    assert (told.type, b"KEY_REVOKED" in told.body) == ("approval.revoked", True)
    assert not world.submitted(unused).accepted
    assert world.verdict().outcome == "ok"


@pytest.mark.parametrize("reason", [KeyEnding.COMPROMISED, KeyEnding.LOST])
def test_two_officers_end_a_key_and_what_it_signed_before_stays_signed(
    world: World, reason: KeyEnding
) -> None:
    """Governance 3: lost keeps the approvals that it carries; compromised revokes them."""
    request_id = world.approved()
    world.after(60)
    act = EndKey(terms=world.terms(), key_id="key-of-risk", person_id="risk", reason=reason)
    assert code(world.agreed(act, "officer-1")) == ""
    assert request(world, request_id).status is RequestStatus.APPROVED_FOR_PAPER
    assert approved(world, act, "officer-2") == ""

    ended = key(world, "key-of-risk")
    assert ended is not None
    assert ended.revoked_reason == reason.value
    world.quote()
    assert world.submitted(request_id).accepted == (reason is KeyEnding.LOST)


def test_an_owner_ends_the_own_key_only_and_for_two_reasons_only(world: World) -> None:
    """Governance 3: stopping is easy, and still not anybody's."""
    leaving, risk = world.desk.leaving, world.actor("risk")
    for key_id, reason, expected in (
        ("key-of-risk", KeyEnding.LEFT, "KEY_ENDING"),
        ("key-of-risk", KeyEnding.REPLACED, "KEY_ENDING"),
        ("key-of-researcher", KeyEnding.LOST, "NOT_FOUND"),
        ("key-of-nobody", KeyEnding.LOST, "NOT_FOUND"),
        ("key-of-risk", KeyEnding.LOST, ""),
        ("key-of-risk", KeyEnding.LOST, "KEY_REVOKED"),
    ):
        told = leaving.end_own_key(key_id, reason, risk, key=world.key())
        assert code(told) == expected


def test_a_key_is_replaced_and_reviews_go_on_under_the_new_one(world: World) -> None:
    """Governance 3: old and new key sign, and two officers."""
    new = world.new_key("officer-2", 2, supersedes="key-of-officer-2")
    act = EnrolKey(terms=world.terms(), key=new)
    opened = world.agreed(act, "officer-1", "officer-2", "officer-2.2")
    assert opened.accepted
    assert key(world, new.key_id) is None, "an officer does not enrol the own key"

    third = EnrolKey(terms=world.terms(), key=world.new_key("risk", 2, supersedes="key-of-risk"))
    assert world.agreed(third, *OFFICERS, "risk.2", "risk").accepted
    old, fresh = key(world, "key-of-risk"), key(world, "key-of-risk.2")
    assert old is not None
    assert fresh is not None
    assert (old.revoked_reason, fresh.revoked_at) == ("replaced", None)
    with world.store.reader() as reader:
        assert check_register(register_of(reader, world.desk.bench.origin)) == ()


def test_a_leaver_loses_everything_at_once_and_the_id_for_ever(world: World) -> None:
    """Governance 5: roles, key, mandate and delegations in one record, by one administrator."""
    mandate = world.mandate()
    grant = delegated(world, "researcher", "operator", Stage.RESEARCH)
    leaving, officer = world.desk.leaving, world.actor("officer-1")
    assert code(leaving.disable("operator", world.actor("risk"), key=world.key())) == "ROLE"
    assert code(leaving.disable("ghost", officer, key=world.key())) == "NOT_FOUND"
    size = len(world.log())
    assert leaving.disable("operator", officer, key=world.key()).accepted

    assert len(world.log()) == size + 1
    closed, ended = person(world, "operator"), key(world, "key-of-operator")
    assert ended is not None
    assert (closed.status, closed.held_roles()) == (PersonStatus.DISABLED, frozenset())
    assert (ended.revoked_reason, ended.revoked_at) == ("left", closed.disabled_at)
    with world.store.reader() as reader:
        told, stood_in = reader.get(SubmitMandate, mandate), reader.get(DelegationGrant, grant)
    assert told is not None
    assert stood_in is not None
    assert told.status is MandateStatus.REVOKED
    assert (stood_in.status, stood_in.ended_by) == (GrantStatus.ENDED, "officer-1")
    assert stood_in.ended_at == closed.disabled_at
    assert world.verdict().outcome == "ok"
    assert code(world.granted("operator", Role.AUDITOR)) == "PERSON_DISABLED"
    again = world.desk.people.add(world.person("operator"), officer, key=world.key())
    assert code(again) == "PERSON_EXISTS"


def test_a_role_is_withdrawn_alone_and_granted_again_by_two(world: World) -> None:
    """Governance 5: what its holder signed before stays; the register holds throughout."""
    leaving, officer = world.desk.leaving, world.actor("officer-1")
    request_id, role = world.approved(), Role.RISK_REVIEWER
    for name, actor, expected in (
        ("risk", world.actor("risk"), "ROLE"),
        ("ghost", officer, "NOT_FOUND"),
        ("author", officer, "ROLE_NOT_HELD"),
        ("risk", officer, ""),
        ("risk", officer, "ROLE_NOT_HELD"),
    ):
        told = leaving.withdraw_role(name, role, actor, key=world.key())
        assert code(told) == expected
    assert person(world, "risk").roles == ()
    world.after(60)
    world.done(world.granted("risk", role))
    assert person(world, "risk").roles == (role,)
    with world.store.reader() as reader:
        assert check_register(register_of(reader, world.desk.bench.origin)) == ()
    world.quote()
    assert world.submitted(request_id).accepted


def claim_and_signature(world: World, signer: str) -> tuple[AccessClaim, Signature]:
    with world.store.reader() as reader:
        seen = access_list(reader)
    claim = AccessClaim(terms=world.terms(), list_digest=seen.digest, people_count=len(seen.people))
    (signature,) = world.signed_by("attest", review_statement(claim), signer)
    return claim, signature


def test_an_access_review_is_attested_over_the_list_as_it_stands(world: World) -> None:
    """IT-04: signed with the own key; a list that changed in between is looked at again."""
    leaving, officer = world.desk.leaving, world.actor("officer-1")
    claim, signature = claim_and_signature(world, "officer-1")
    world.done(world.granted("author", Role.AUDITOR))
    late = leaving.attest_review(claim, signature, officer, key=world.key())
    assert code(late) == "SNAPSHOT_CHANGED"

    claim, signature = claim_and_signature(world, "officer-1")
    made = leaving.attest_review(claim, signature, officer, key=world.key())
    with world.store.reader() as reader:
        review = reader.get(AccessReview, world.done(made))
    assert review is not None
    assert (review.attested_by, review.list_digest) == ("officer-1", claim.list_digest)

    claim, signature = claim_and_signature(world, "risk")
    for actor, expected in (("risk", "ROLE"), ("officer-1", "SIGNATURE_INVALID")):
        told = leaving.attest_review(claim, signature, world.actor(actor), key=world.key())
        assert code(told) == expected
