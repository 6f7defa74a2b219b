"""The founding of a home, and what it closes."""

from datetime import timedelta

import pytest

from counterseal.identity.founding import OFFICER_ROLES, decide_founding
from counterseal.identity.people import Person, Role
from counterseal.identity.proposals import Register
from counterseal.kernel.model import Refusal
from tests.core.identity.town import NOW, OFFICERS, ORIGIN, Town, code, founding, new_key, person


def test_i1_two_people_found_a_home_by_one_record_that_both_sign() -> None:
    """Governance 3, bootstrap: two people, their roles, their keys."""
    town = Town().found()

    assert [p.person_id for p in town.register.people] == list(OFFICERS)
    assert all(p.roles == OFFICER_ROLES for p in town.register.people)
    assert all(k.bootstrap and k.enrolled_by == OFFICERS for k in town.register.person_keys)
    assert all(len(r.signatures) == 2 for r in town.register.person_keys)
    assert all(g.bootstrap and len(g.signatures) == 2 for g in town.register.grants)


@pytest.mark.parametrize(
    ("names", "signers", "expected"),
    [
        (("eva",), None, "TWO_OFFICERS_NEEDED"),
        (("eva", "eva"), None, "TWO_OFFICERS_NEEDED"),
        (("eva", "emil", "ella"), None, "TWO_OFFICERS_NEEDED"),
        (OFFICERS, ("eva",), "TWO_OFFICERS_NEEDED"),
        (OFFICERS, ("eva", "eva"), "SIGNATURE_INVALID"),
        (OFFICERS, ("emil", "eva"), "SIGNATURE_INVALID"),
        (OFFICERS, ("eva", "mallory"), "SIGNATURE_INVALID"),
    ],
)
def test_i1_any_other_founding_is_refused(
    names: tuple[str, ...], signers: tuple[str, ...] | None, expected: str
) -> None:
    """Governance test 13: one person, one twice, three, and signatures of others."""
    town = Town()
    told = founding(town.terms(), names, signers)
    assert code(decide_founding(told, town.register, NOW)) == expected


def test_i2_whoever_is_in_the_register_closes_the_founding() -> None:
    """Governance 3: people, grants and keys alike; before, it is open."""
    town, terms = Town().found(), Town().terms()
    told = founding(terms, ("ann", "bob"))
    register = town.register
    assert not isinstance(decide_founding(told, Register(origin=ORIGIN), NOW), Refusal)
    for present in (
        {"people": register.people[:1]},
        {"person_keys": register.person_keys[:1]},
        {"grants": register.grants[:1]},
    ):
        held = Register.model_validate({"origin": ORIGIN, **present})
        assert code(decide_founding(told, held, NOW)) == "BOOTSTRAP_CLOSED"


def test_i3_founders_get_the_officers_roles_whatever_their_record_says() -> None:
    """Governance 3: nobody reviews by a founding."""
    town = Town()
    told = founding(town.terms())
    eager = told.founders[0].amended(person=person("eva", Role.RISK_REVIEWER))
    founded = decide_founding(told.amended(founders=(eager, told.founders[1])), town.register, NOW)
    assert not isinstance(founded, Refusal)
    assert all(d.roles == OFFICER_ROLES for d in founded if isinstance(d, Person))


def test_a_founding_fits_its_log_tenant_time_and_own_keys() -> None:
    """Governance 3: another log, a mixed tenant, a late record, a shared key."""
    town = Town()
    told = founding(town.terms())
    late = NOW + timedelta(days=7)
    foreign = told.founders[1].amended(person=person("emil", tenant="other"))
    mixed = told.amended(founders=(told.founders[0], foreign))
    other = Register(origin="counterseal.example/other")
    assert code(decide_founding(told, other, NOW)) == "OTHER_LOG"
    assert code(decide_founding(mixed, town.register, NOW)) == "OTHER_TENANT"
    assert code(decide_founding(told, town.register, late)) == "PROPOSAL_EXPIRED"
    swapped = told.founders[1].amended(key=new_key("mallory"))
    stolen = told.amended(founders=(told.founders[0], swapped))
    assert code(decide_founding(stolen, town.register, NOW)) == "SIGNATURE_INVALID"
