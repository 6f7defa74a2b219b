"""Accounts: names and subjects, and whose they are."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.identity.accounts import (
    REVIEWER_ROLES,
    FederatedAccount,
    LocalAccount,
    account_name,
    check_reviewer_roles,
    decide_account,
    decide_federated,
    subject_key,
)
from counterseal.identity.people import Person, PersonStatus
from counterseal.kernel.model import Refusal
from counterseal.policy.words import Role

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
OFFICER = Person(person_id="officer", tenant="t", handle="officer", created_at=NOW)
ANN = Person(person_id="ann", tenant="t", handle="ann", created_at=NOW)
ISSUER = "https://login.example"


def code(decided: object) -> str:
    return decided.code if isinstance(decided, Refusal) else ""


def test_i1_neither_a_name_nor_a_subject_is_reassigned() -> None:
    """Governance 5: ids are never reassigned, in use or not."""
    account = decide_account("ann", ANN, OFFICER, (), NOW)
    assert isinstance(account, LocalAccount)
    bob = ANN.amended(person_id="bob")
    assert code(decide_account("Ann", bob, OFFICER, (account,), NOW)) == "ACCOUNT_EXISTS"
    linked = decide_federated(ISSUER, "4711", ANN, OFFICER, None, NOW)
    assert isinstance(linked, FederatedAccount)
    assert code(decide_federated(ISSUER, "4711", bob, OFFICER, linked, NOW)) == "ACCOUNT_EXISTS"
    assert "4711" not in str(linked.json_value())


@given(st.sets(st.sampled_from(sorted(Role))))
def test_i2_no_account_serves_two_reviewer_roles(roles: set[Role]) -> None:
    """Governance 5, limits: whatever other roles there are."""
    person = ANN.amended(roles=tuple(sorted(roles)))
    several = len(roles & REVIEWER_ROLES) > 1
    assert (check_reviewer_roles(person) is not None) is several
    assert (code(decide_account("ann", person, OFFICER, (), NOW)) == "REVIEWER_ROLES") is several


def test_i3_a_person_has_one_account_in_use() -> None:
    """Wrong answers count in one place."""
    account = decide_account("ann", ANN, OFFICER, (), NOW)
    assert isinstance(account, LocalAccount)
    assert code(decide_account("ann2", ANN, OFFICER, (account,), NOW)) == "ACCOUNT_EXISTS"


@given(st.text(max_size=70))
def test_i4_a_name_is_small_ascii_or_none_at_all(text: str) -> None:
    """Look-alikes are no names; folding twice changes nothing."""
    name = account_name(text)
    assert name is None or (name.isascii() and name == name.lower() == account_name(name))
    assert text.isascii() or name is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann.B_c-9", "ann.b_c-9"),
        ("\u212bnn", None),
        ("\u0430nn", None),
        ("K\u0131m", None),
        ("a" * 65, None),
    ],
)
def test_only_ascii_capitals_are_folded(text: str, name: str | None) -> None:
    """Bad input: the Kelvin and Angstrom signs fold to ASCII elsewhere, not here."""
    assert account_name(text) == name


@pytest.mark.parametrize(
    ("person", "officer", "refused"),
    [
        (ANN.amended(status=PersonStatus.DISABLED), OFFICER, "PERSON_DISABLED"),
        (ANN.amended(tenant="u"), OFFICER, "OTHER_TENANT"),
        (OFFICER, OFFICER, "ACCOUNT_NOT_OWN"),
    ],
)
def test_who_opens_and_for_whom(person: Person, officer: Person, refused: str) -> None:
    """Tenant-scoped, by another, for who may act."""
    assert code(decide_account("ann", person, officer, (), NOW)) == refused
    assert code(decide_federated(ISSUER, "1", person, officer, None, NOW)) == refused


def test_issuer_and_subject_together_name_an_account() -> None:
    """The same subject of another issuer is somebody else; no boundary can be shifted."""
    assert subject_key(ISSUER, "1") != subject_key(f"{ISSUER}/other", "1")
    assert subject_key("https://a.example", "b") != subject_key("https://a.exampleb", "")
