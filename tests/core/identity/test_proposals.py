"""Keys and roles by two people's signatures."""

from datetime import timedelta

import pytest

from counterseal.identity.acts import (
    ENROL,
    EnrolKey,
    KeyEnding,
    act_in,
    kind_of,
    read_act,
    statement_of,
)
from counterseal.identity.people import PersonStatus, Role
from counterseal.identity.proposals import ProposalStatus, Settled
from counterseal.kernel.errors import InputError
from tests.core.identity.town import (
    NOW,
    OFFICERS,
    Town,
    code,
    in_force,
    new_key,
    person,
    signed,
)

OPERATOR = Role.OPERATOR


@pytest.fixture
def town() -> Town:
    """Two officers, and Olga and Nina without roles or keys."""
    town = Town().found()
    town.add(person("olga"), person("nina"))
    return town


def staffed(town: Town, name: str, *roles: Role) -> None:
    """Roles and a key for somebody."""
    for role in roles:
        assert in_force(town.propose(town.grant(name, role), *OFFICERS))
    assert in_force(town.propose(town.enrolment(name), *OFFICERS, name))
    town.after(seconds=1)


def test_i1_two_officers_at_one_terminal_put_a_role_and_a_key_into_force(town: Town) -> None:
    """TX-F20: the record carries both signatures over one statement."""
    staffed(town, "olga", OPERATOR)

    olga, key = town.register.person("olga"), town.register.key("key-olga")
    assert olga is not None
    assert key is not None
    assert olga.roles == (OPERATOR,)
    assert (key.enrolled_by, len(key.signatures)) == (OFFICERS, 3)
    (grant,) = (g for g in town.register.grants if g.person_id == "olga")
    assert (grant.granted_by, len(grant.signatures)) == (OFFICERS, 2)
    assert len({s.payload for s in key.signatures}) == 1


def test_i1_two_officers_at_different_terminals_sign_one_after_the_other(town: Town) -> None:
    """TX-F20: until the second has signed there is neither role nor key."""
    act = town.grant("olga", OPERATOR)
    opened = town.propose(act, "eva")
    assert isinstance(opened, Settled)
    assert (opened.proposal.status, opened.documents) == (ProposalStatus.OPEN, ())
    assert town.register.person("olga") == person("olga")

    town.after(days=6)
    assert in_force(town.approve(act, "emil"))
    assert code(town.approve(act, "emil")) == "PROPOSAL_CLOSED"


@pytest.mark.parametrize(
    ("signers", "expected"),
    [
        (("eva", "eva"), "ALREADY_SIGNED"),
        (("kai", "nina"), "KEY_NOT_ENROLLED"),
        (("eva", "kai"), "ROLE"),
        (("eva", "mia"), "OTHER_TENANT"),
        (("kai",), "ROLE"),
        (("eva", "emil", "ella"), "TWO_OFFICERS_NEEDED"),
    ],
)
def test_i1_others_than_two_officers_enrol_nothing(
    town: Town, signers: tuple[str, ...], expected: str
) -> None:
    """TX-F20: one person twice, a stranger, somebody without the right, another tenant, three."""
    town.add(person("kai"), person("ella"), person("mia", Role.ENROLMENT_OFFICER, tenant="other"))
    staffed(town, "kai", Role.RISK_REVIEWER)
    staffed(town, "ella", Role.ENROLMENT_OFFICER)
    town.take((new_key("mia"),))

    assert code(town.propose(town.enrolment("olga"), *signers, "olga")) == expected
    assert town.register.key("key-olga") is None


def test_i1_an_owner_enrols_nothing_alone_and_does_not_count_as_an_officer(town: Town) -> None:
    """Governance test 13: enrolment by the owner, by one officer, by an officer for herself."""
    for signers in (("olga",), ("eva", "olga")):
        opened = town.propose(town.enrolment("olga"), *signers)
        assert isinstance(opened, Settled)
        assert opened.documents == ()

    mine = town.enrolment("eva.2", "key-eva")
    opened = town.propose(mine, "eva", "emil", "eva.2")
    assert isinstance(opened, Settled)
    assert opened.documents == (), "Eva's signature proves her key, and decides nothing"
    assert code(town.propose(town.grant("eva", OPERATOR), "eva", "emil")) == "TWO_PEOPLE_NEEDED"
    assert code(town.propose(town.grant("eva", OPERATOR), "eva")) == "TWO_PEOPLE_NEEDED"


def test_i1_before_the_founding_nobody_enrols_or_grants() -> None:
    """Governance test 13: nothing counts before bootstrap."""
    empty = Town()
    empty.add(person("olga"), *(person(n, Role.ENROLMENT_OFFICER) for n in OFFICERS))
    for act in (empty.enrolment("olga"), empty.grant("olga", OPERATOR)):
        assert code(empty.propose(act, *OFFICERS)) == "KEY_NOT_ENROLLED"


def test_i1_a_signature_of_another_or_over_another_key_does_not_count(town: Town) -> None:
    """TX-F20: under Emil's key id by Eva's key; over another key; of another kind of statement."""
    act, other = town.enrolment("olga"), town.enrolment("nina")
    mine = signed(ENROL, statement_of(act), *OFFICERS, "olga")
    forged = mine[0].amended(key_id="key-emil")
    foreign = signed(ENROL, statement_of(other), "emil")
    moved = mine[1].amended(payload_type="application/vnd.counterseal.decision.v1+json")

    for signatures in (
        (mine[0], forged, mine[2]),
        (mine[0], *foreign, mine[2]),
        (mine[0], moved, mine[2]),
        (mine[0], mine[1].amended(signature=mine[0].signature), mine[2]),
    ):
        assert code(town.hand_in(signatures, "eva")) == "SIGNATURE_INVALID"
    assert code(town.hand_in((), "eva")) == "SIGNATURE_INVALID"
    decision = signed("decision", {"a": 1}, "eva")
    assert code(town.hand_in(decision, "eva")) == "STATEMENT_UNREADABLE"


def test_i4_a_nonce_names_one_proposal_for_ever(town: Town) -> None:
    """TX-F20: what was proposed once, open or in force, is not proposed again."""
    act = town.grant("olga", OPERATOR)
    assert isinstance(town.propose(act, "eva"), Settled)
    assert code(town.propose(act, *OFFICERS)) == "NONCE_USED"
    assert in_force(town.approve(act, "emil"))
    assert code(town.propose(act, *OFFICERS)) == "NONCE_USED"
    assert code(town.propose(town.grant("olga", OPERATOR), *OFFICERS)) == "ROLE_HELD"


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"expires_at": NOW + timedelta(hours=1, seconds=1)}, ""),
        ({"expires_at": NOW + timedelta(hours=1)}, "PROPOSAL_EXPIRED"),
        ({"issued_at": NOW + timedelta(hours=1, microseconds=1)}, "PROPOSAL_EXPIRED"),
        ({"expires_at": NOW + timedelta(days=7, seconds=2)}, "PROPOSAL_EXPIRED"),
        ({"log_origin": "counterseal.example/other"}, "OTHER_LOG"),
        ({"tenant": "other"}, "OTHER_TENANT"),
    ],
)
def test_i4_an_act_fits_its_log_tenant_and_time_only(
    town: Town, terms: dict[str, object], expected: str
) -> None:
    """TX-F20: half-open, and open for a week at most."""
    act = town.grant("olga", OPERATOR, **({"issued_at": NOW} | terms))
    town.now = NOW + timedelta(hours=1)
    assert code(town.propose(act, *OFFICERS)) == expected


def test_i4_an_expired_proposal_takes_no_signature(town: Town) -> None:
    """TX-F20: the week is over in the very instant that ends it."""
    act = town.grant("olga", OPERATOR)
    assert isinstance(town.propose(act, "eva"), Settled)
    town.now = act.terms.expires_at
    assert code(town.approve(act, "emil")) == "PROPOSAL_EXPIRED"


def test_i2_the_first_signature_is_judged_again_with_the_second(town: Town) -> None:
    """TX-F20: an officer who is disabled, or whose key ends, between the two has not signed."""
    town.add(person("ella"))
    staffed(town, "ella", Role.ENROLMENT_OFFICER)
    act = town.grant("olga", OPERATOR)
    assert isinstance(town.propose(act, "ella"), Settled)
    ella = town.register.person("ella")
    assert ella is not None

    before = town.register
    town.take((ella.amended(status=PersonStatus.DISABLED),))
    assert code(town.approve(act, "emil")) == "PERSON_DISABLED"
    town.register = before
    assert in_force(town.propose(town.ending("ella", KeyEnding.LOST), *OFFICERS))
    assert code(town.approve(act, "emil")) == "KEY_REVOKED"


def test_i3_no_key_is_in_force_before_its_owner_showed_it(town: Town) -> None:
    """TX-F20: the proof may come last, from the owner's own terminal."""
    act = town.enrolment("olga")
    opened = town.propose(act, *OFFICERS)
    assert isinstance(opened, Settled)
    assert opened.documents == ()
    assert in_force(town.approve(act, "olga"))


def test_i3_a_key_is_replaced_by_the_old_and_the_new_key_and_two_officers(town: Town) -> None:
    """TX-F20: the old key ends as the new one begins; it signs the change and nothing after."""
    staffed(town, "olga", OPERATOR)
    silent = town.enrolment("olga.2", "key-olga")
    assert isinstance(town.propose(silent, *OFFICERS, "olga.2"), Settled)
    assert town.register.key("key-olga.2") is None

    assert in_force(town.approve(silent, "olga"))
    old, new = town.register.key("key-olga"), town.register.key("key-olga.2")
    assert old is not None
    assert new is not None
    assert (old.revoked_at, old.revoked_reason) == (town.now, "replaced")
    assert (new.effective_at, new.supersedes) == (town.now, "key-olga")
    again = town.enrolment("olga.3", "key-olga")
    assert code(town.propose(again, *OFFICERS, "olga.3", "olga")) == "KEY_REVOKED"
    assert code(town.propose(town.enrolment("olga.3", "key-eva"), *OFFICERS)) == "KEY_NOT_OWN"


def test_i3_officers_add_no_key_behind_the_back_of_an_owner_who_has_one(town: Town) -> None:
    """TX-F20: also without replacing anything, the present key signs."""
    staffed(town, "olga", OPERATOR)
    act = town.enrolment("olga.2")
    opened = town.propose(act, *OFFICERS, "olga.2")
    assert isinstance(opened, Settled)
    assert opened.documents == ()
    assert in_force(town.approve(act, "olga"))


def test_i3_a_key_is_shared_by_nobody(town: Town) -> None:
    """TX-F20: neither under another id nor for another person, also when it has ended."""
    staffed(town, "olga", OPERATOR)
    assert in_force(town.propose(town.ending("olga", KeyEnding.LEFT), *OFFICERS))
    shared = new_key("nina", public_key=new_key("olga").public_key)
    act = EnrolKey(terms=town.terms(), key=shared)
    assert code(town.propose(act, *OFFICERS)) == "KEY_SHARED"
    assert code(town.propose(town.enrolment("olga"), *OFFICERS)) == "KEY_SHARED"


def test_two_officers_end_a_key_and_no_other_two(town: Town) -> None:
    """TX-F20: stopping somebody else's key takes two; the owner is none of them."""
    staffed(town, "olga", OPERATOR)
    act = town.ending("olga", KeyEnding.LOST)
    assert code(town.propose(act, "olga", "eva")) == "TWO_OFFICERS_NEEDED"
    assert in_force(town.propose(act, *OFFICERS))
    ended = town.register.key("key-olga")
    assert ended is not None
    assert (ended.revoked_at, ended.revoked_reason) == (town.now, "lost")
    assert code(town.propose(town.ending("olga", KeyEnding.LOST), *OFFICERS)) == "KEY_REVOKED"
    assert code(town.propose(town.ending("nina", KeyEnding.LOST), *OFFICERS)) == "NOT_FOUND"


def test_nobody_hands_in_signatures_of_others_only(town: Town) -> None:
    """TX-F20: the actor signed, or owns the key in question."""
    act = town.grant("olga", OPERATOR)
    assert code(town.propose(act, *OFFICERS, actor="nina")) == "SIGNER_NOT_ACTING"
    assert code(town.propose(town.grant("ghost", OPERATOR), *OFFICERS)) == "NOT_FOUND"
    mine = town.enrolment("olga")
    assert in_force(town.propose(mine, *OFFICERS, "olga", actor="olga"))


def test_a_disabled_person_gets_neither_key_nor_role(town: Town) -> None:
    """TX-F17: whoever signs."""
    town.take((person("olga").amended(status=PersonStatus.DISABLED),))
    for act in (town.enrolment("olga"), town.grant("olga", OPERATOR)):
        assert code(town.propose(act, *OFFICERS)) == "PERSON_DISABLED"


def test_i2_a_statement_is_read_back_as_its_act_and_nothing_more(town: Town) -> None:
    """TX-Z10: a field too many, too few or changed is the statement of no act."""
    for act in (
        town.enrolment("olga"),
        town.grant("olga", OPERATOR),
        town.ending("olga", KeyEnding.LOST),
    ):
        statement = statement_of(act)
        assert statement_of(read_act(statement)) == statement
        assert act_in(signed(kind_of(act), statement, "eva")[0]) == read_act(statement)
        for name in statement:
            short = {k: v for k, v in statement.items() if k != name}
            with pytest.raises(InputError, match="STATEMENT_UNREADABLE"):
                read_act(short)
        for more in ({"status": "active"}, {"bootstrap": True}, {"meaning": "rejected"}):
            with pytest.raises(InputError, match="STATEMENT_UNREADABLE"):
                read_act({**statement, **more})
