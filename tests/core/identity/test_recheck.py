"""Rechecking the register from its signatures."""

from collections.abc import Callable

import pytest

from counterseal.identity.acts import ENROL, EnrolKey, KeyEnding, kind_of, statement_of
from counterseal.identity.founding import decide_founding
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import PersonStatus, Role, RoleGrant
from counterseal.identity.recheck import check_enrolment, check_grant, check_register, sound_keys
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.model import Document, Refusal
from tests.core.identity.town import OFFICERS, Town, founding, in_force, new_key, person, signed

Forgery = Callable[[Town], Document]


@pytest.fixture
def town() -> Town:
    """Officers, an operator with a replaced key, a third officer who left, and Nina."""
    town = Town().found()
    town.add(person("olga"), person("nina"), person("ella"))
    assert in_force(town.propose(town.grant("olga", Role.OPERATOR), *OFFICERS))
    assert in_force(town.propose(town.grant("ella", Role.ENROLMENT_OFFICER), *OFFICERS))
    for name in ("olga", "ella"):
        assert in_force(town.propose(town.enrolment(name), *OFFICERS, name))
        town.after(seconds=1)
    replacing = town.enrolment("olga.2", "key-olga")
    assert in_force(town.propose(replacing, "eva", "ella", "olga.2", "olga"))
    assert in_force(town.propose(town.grant("nina", Role.AUDITOR), "ella", "emil"))
    town.after(seconds=1)
    assert in_force(town.propose(town.ending("ella", KeyEnding.LEFT), *OFFICERS))
    ella = town.register.person("ella")
    assert ella is not None
    town.take((ella.amended(status=PersonStatus.DISABLED, disabled_at=town.now),))
    town.after(seconds=1)
    return town


def test_i1_everything_that_two_people_signed_holds_also_after_one_has_left(town: Town) -> None:
    """Governance 3: earlier signatures stay valid."""
    assert check_register(town.register) == ()
    assert sound_keys(town.register, town.register.person_keys) == town.register.person_keys


def own_key(town: Town, *signers: str, **changes: object) -> PersonKey:
    """A key of Nina under signatures of these, with whatever a forger writes beside them."""
    act = EnrolKey(terms=town.terms(), key=new_key("nina"))
    signatures = signed(ENROL, statement_of(act), *signers)
    told: dict[str, object] = {
        "effective_at": town.now,
        "enrolled_by": OFFICERS,
        "signatures": signatures,
    }
    return act.key.amended(**(told | changes))


def bare(town: Town) -> Document:
    return new_key("nina").amended(effective_at=town.now, enrolled_by=OFFICERS)


def by_one(town: Town) -> Document:
    return own_key(town, "eva", "nina")


def by_one_twice(town: Town) -> Document:
    key = own_key(town, "eva", "nina")
    return key.amended(signatures=(key.signatures[0], *key.signatures))


def by_a_key_of_the_forger(town: Town) -> Document:
    key = own_key(town, "eva", "mallory", "nina")
    forged = key.signatures[1].amended(key_id="key-emil")
    return key.amended(signatures=(key.signatures[0], forged, key.signatures[2]))


def by_one_without_the_right(town: Town) -> Document:
    return own_key(town, "eva", "olga.2", "nina", enrolled_by=("eva", "olga"))


def by_one_who_left(town: Town) -> Document:
    return own_key(town, "eva", "ella", "nina", enrolled_by=("eva", "ella"))


def without_the_owner(town: Town) -> Document:
    return own_key(town, *OFFICERS)


def for_another_person(town: Town) -> Document:
    return own_key(town, *OFFICERS, "nina", person_id="olga")


def of_a_higher_class(town: Town) -> Document:
    return own_key(town, *OFFICERS, "nina", scheme=SignatureScheme.SSHSIG, key_class=2)


def in_other_names(town: Town) -> Document:
    return own_key(town, *OFFICERS, "nina", enrolled_by=("emil", "eva"))


def long_after_its_time(town: Town) -> Document:
    key = own_key(town, *OFFICERS, "nina")
    town.after(days=8)
    return key.amended(effective_at=town.now)


def behind_the_back_of_its_owner(town: Town) -> Document:
    act = town.enrolment("olga.3")
    signatures = signed(ENROL, statement_of(act), *OFFICERS, "olga.3")
    key = new_key("olga.3")
    return key.amended(effective_at=town.now, enrolled_by=OFFICERS, signatures=signatures)


@pytest.mark.parametrize(
    "forge",
    [
        bare,
        by_one,
        by_one_twice,
        by_a_key_of_the_forger,
        by_one_without_the_right,
        by_one_who_left,
        without_the_owner,
        for_another_person,
        of_a_higher_class,
        in_other_names,
        long_after_its_time,
        behind_the_back_of_its_owner,
    ],
    ids=lambda forge: forge.__name__,
)
def test_i1_a_key_that_was_only_written_into_the_table_is_named(town: Town, forge: Forgery) -> None:
    """TX-Z10: with every server secret in hand nobody makes an officer's signature."""
    forged = forge(town)
    assert isinstance(forged, PersonKey)
    town.take((forged,))
    assert check_enrolment(forged, town.register)
    (fault,) = check_register(town.register)
    assert (fault.kind, fault.key) == ("person_keys", forged.key_id)
    assert forged not in sound_keys(town.register, town.register.person_keys)


def test_i1_what_rests_on_a_forged_key_falls_with_it(town: Town) -> None:
    """TX-Z10: two forged officers enrol and grant; all of it is named."""
    names = ("mia", "max")
    town.add(*(person(n, Role.ENROLMENT_OFFICER) for n in names))
    town.take(new_key(n, effective_at=town.now, enrolled_by=OFFICERS) for n in names)
    assert in_force(town.propose(town.enrolment("nina"), *names, "nina"))
    assert in_force(town.propose(town.grant("nina", Role.RISK_REVIEWER), *names))

    named = {(fault.kind, fault.key) for fault in check_register(town.register)}
    expected = {("people", "mia"), ("people", "max"), ("people", "nina")}
    keys = {("person_keys", f"key-{n}") for n in (*names, "nina")}
    assert expected | keys <= named
    assert sum(kind == "role_grants" for kind, _ in named) == 1


def test_i2_a_role_without_a_grant_that_holds_is_named(town: Town) -> None:
    """TX-Z17: written into the person's row, with a bare grant, and with one for another role."""
    nina = town.register.person("nina")
    assert nina is not None
    town.take((nina.amended(roles=(*nina.roles, Role.OPERATOR)),))
    (fault,) = check_register(town.register)
    assert (fault.kind, fault.key) == ("people", "nina")

    act = town.grant("nina", Role.REQUESTER)
    signatures = signed(kind_of(act), statement_of(act), *OFFICERS)
    told = {"granted_by": OFFICERS, "granted_at": town.now}
    for number, forged in enumerate(((), signatures[:1], signatures)):
        grant = RoleGrant(
            grant_id=f"forged-{number}", person_id="nina", role=Role.OPERATOR, granted_at=town.now
        ).amended(signatures=forged, **told)
        town.take((grant,))
        assert check_grant(grant, town.register)
    assert {f.key for f in check_register(town.register)} == {
        "nina",
        *(f"forged-{n}" for n in range(3)),
    }


def test_i3_of_two_foundings_none_holds(town: Town) -> None:
    """Governance 3: a second one is named, and the first is the log's to defend."""
    empty = Town()
    second = decide_founding(founding(town.terms(), ("ann", "bob")), empty.register, town.now)
    assert not isinstance(second, Refusal)
    town.take(second)
    named = {fault.key for fault in check_register(town.register) if fault.kind == "person_keys"}
    assert {"key-ann", "key-bob", "key-eva", "key-emil"} <= named


def test_i3_a_founding_gives_nothing_to_anybody_else(town: Town) -> None:
    """Governance 3: its signatures beside another key, person or role are named."""
    key, grant = town.register.person_keys[0], town.register.grants[0]
    for forged in (
        new_key("nina").amended(
            bootstrap=True,
            signatures=key.signatures,
            enrolled_by=OFFICERS,
            effective_at=key.effective_at,
        ),
        grant.amended(grant_id="forged-1", person_id="nina"),
        grant.amended(grant_id="forged-2", role=Role.RISK_REVIEWER),
    ):
        before = town.register
        town.take((forged,))
        assert forged.key in {fault.key for fault in check_register(town.register)}
        town.register = before


def test_a_register_of_another_log_does_not_hold(town: Town) -> None:
    """Governance 3: signatures name their log."""
    elsewhere = town.register.amended(origin="counterseal.example/other")
    faults = check_register(elsewhere)
    assert len(faults) == len(
        [*elsewhere.person_keys, *elsewhere.grants, *(p for p in elsewhere.people if p.roles)]
    )
