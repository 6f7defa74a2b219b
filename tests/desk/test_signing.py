"""Who is called to sign a proposal about a key, a role or a policy, and why others are not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.desk.notices import NoticeKind, notices
from counterseal.desk.views.duties import Duties, DutyKind, duties
from counterseal.desk.views.signing import (
    SignatureAsked,
    SignatureDue,
    signatures_asked,
    signatures_due,
)
from counterseal.desk.views.standing import load_register
from counterseal.identity.acts import EnrolKey
from counterseal.identity.people import Person, Role
from tests.desk.policy_room import LOWER, THRESHOLD, PolicyWorld, sampled


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    yield from sampled(tmp_path, monkeypatch)


def due(world: PolicyWorld) -> tuple[SignatureDue, ...]:
    with world.store.reader() as reader:
        register = load_register(reader, world.desk.bench.bundle)
        return signatures_due(reader, register, world.clock.now())


def test_a_policy_waits_for_its_approvers_and_never_for_its_author(world: PolicyWorld) -> None:
    """Two approvals by non-authors: each is called until they voted, nobody after two votes."""
    world.version(("params.yaml", THRESHOLD, 'required_from_notional: "2000000"'))
    proposal_id = world.done(world.proposed())
    [waiting] = due(world)
    assert (waiting.proposal_id, waiting.noun, waiting.eligible) == (
        proposal_id,
        "policies",
        ("vera", "viktor"),
    )
    with world.store.reader() as reader:
        told = duties(reader, world.desk.bench.bundle, "vera", world.clock.now())
        register = load_register(reader, world.desk.bench.bundle)
        called = notices(reader, register, (), world.clock.now())
    assert isinstance(told, Duties)
    [duty] = told.duties
    assert duty.kind is DutyKind.VOTE
    assert duty.command == f"counterseal policies approve {proposal_id} --as vera"
    kinds = {(n.person_id, n.until) for n in called if n.kind is NoticeKind.SIGNATURE_DUE}
    assert kinds == {("vera", waiting.until), ("viktor", waiting.until)}
    world.done(world.voted(proposal_id, "vera"))
    assert [one.eligible for one in due(world)] == [("viktor",)]
    world.done(world.voted(proposal_id, "viktor"))
    assert [one.eligible for one in due(world)] == [()]
    world.done(world.activated(proposal_id))
    assert due(world) == ()


def asked(world: PolicyWorld, name: str) -> tuple[SignatureAsked, ...]:
    with world.store.reader() as reader:
        person = reader.get(Person, name)
        assert person is not None
        register = load_register(reader, world.desk.bench.bundle)
        return signatures_asked(reader, register, person, world.clock.now())


def test_everybody_is_told_why_a_role_is_not_theirs_to_grant(world: PolicyWorld) -> None:
    """Governance 3 and 5, W3: the role, the own person, the own signature; nothing for the next."""
    proposal_id = world.done(world.granted("quant", Role.OPERATOR, "officer-1"))
    found = {name: asked(world, name) for name in ("officer-1", "officer-2", "quant", "author")}
    [seen] = found["officer-2"]
    assert (seen.due.proposal_id, seen.due.eligible) == (proposal_id, ("officer-2",))
    assert (seen.signed_by, seen.codes) == (("officer-1",), ())
    codes = {name: one.codes for name, (one,) in found.items()}
    assert codes["officer-1"] == ("ALREADY_SIGNED",)
    assert codes["quant"] == ("TWO_PEOPLE_NEEDED",)
    assert codes["author"] == ("ROLE",)


def test_an_officer_without_a_key_is_told_so_and_a_new_key_counts_its_owner(
    world: PolicyWorld,
) -> None:
    """Governance 3: who signed is told by owner, also of the key that is proposed."""
    add = world.desk.people.add
    world.done(add(world.person("newcomer"), world.actor("officer-1"), key=world.key()))
    world.done(world.granted("newcomer", Role.ENROLMENT_OFFICER))
    key = world.new_key("quant", 2, supersedes="key-of-quant")
    act = EnrolKey(terms=world.terms(), key=key)
    world.done(world.agreed(act, "officer-1", "quant", "quant.2"))
    [seen] = asked(world, "newcomer")
    assert seen.codes == ("KEY_NOT_ENROLLED",)
    assert seen.signed_by == ("officer-1", "quant")
    world.after(8 * 86_400)
    assert asked(world, "newcomer") == ()


def test_a_vote_is_refused_before_it_is_cast_by_the_rules_that_would_refuse_it(
    world: PolicyWorld,
) -> None:
    """Governance 4: the author, who voted, who holds no such role, and who has no key."""
    world.version(LOWER)
    proposal_id = world.done(world.proposed())
    world.done(world.voted(proposal_id, "vera"))
    codes = {n: asked(world, n)[0].codes for n in ("scribe", "vera", "viktor", "compliance")}
    assert codes == {
        "scribe": ("AUTHOR_CONFLICT",),
        "vera": ("ALREADY_REVIEWED",),
        "viktor": (),
        "compliance": ("ROLE",),
    }
    assert asked(world, "viktor")[0].signed_by == ("vera",)


def test_people_of_another_tenant_are_neither_told_nor_named(world: PolicyWorld) -> None:
    """Governance 1 (tenants): an act about a person is their tenant's own."""
    world.done(world.granted("quant", Role.OPERATOR, "officer-1"))
    with world.store.reader() as reader:
        register = load_register(reader, world.desk.bench.bundle)
        stranger = world.person("stranger").amended(tenant="tenant-2")
        assert signatures_asked(reader, register, stranger, world.clock.now()) == ()
