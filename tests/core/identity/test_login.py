"""Whether somebody who knocks is let in."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from pydantic import SecretStr

from counterseal.identity.accounts import AccountStatus, LocalAccount
from counterseal.identity.credentials import Attempt, check_new_password
from counterseal.identity.login import ANSWER, Checked, decide_login
from counterseal.identity.people import Person, PersonStatus
from counterseal.policy.access import AccessRules
from counterseal.policy.words import Role

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ANN = Person(person_id="ann", tenant="t", handle="ann", created_at=NOW)
ACCOUNT = LocalAccount(
    account_id="ann", person_id="ann", tenant="t", created_at=NOW, created_by="officer"
)
HEARD = Attempt(attempts=1)
WAITS = Attempt(attempts=9, not_before=NOW + timedelta(seconds=1))


def reason(
    account: LocalAccount | None,
    person: Person | None,
    attempt: Attempt,
    password: bool,
    code: bool,
) -> str:
    checked = Checked(attempt=attempt, password_right=password, code_right=code)
    refusal = decide_login(account, person, checked)
    return "" if refusal is None else refusal.code


def test_i1_the_answer_says_nothing_about_the_reason() -> None:
    """Governance 5: unknown user and wrong password answer alike."""
    assert (ANSWER.code, ANSWER.details) == ("LOGIN_REFUSED", ())


def test_i2_nothing_less_than_everything_lets_in() -> None:
    """All 16 ways: exactly one of them is a login."""
    accounts, attempts = (None, ACCOUNT), (HEARD, WAITS)
    told = [
        reason(account, ANN if account else None, attempt, password, code)
        for account, attempt, password, code in product(
            accounts, attempts, (False, True), (False, True)
        )
    ]
    assert told.count("") == 1
    assert set(told) - {""} == {"ACCOUNT_LOCKED", "ACCOUNT_UNKNOWN", "PASSWORD_WRONG", "CODE_WRONG"}


def test_who_proves_everything_and_still_may_not() -> None:
    """Closed accounts, disabled people, two reviewer roles."""
    closed = ACCOUNT.amended(status=AccountStatus.DISABLED)
    disabled = ANN.amended(status=PersonStatus.DISABLED)
    both = ANN.amended(roles=(Role.RESEARCH_REVIEWER, Role.COMPLIANCE_REVIEWER))
    assert reason(closed, ANN, HEARD, True, True) == "ACCOUNT_DISABLED"
    assert reason(ACCOUNT, disabled, HEARD, True, True) == "PERSON_DISABLED"
    assert reason(ACCOUNT, both, HEARD, True, True) == "REVIEWER_ROLES"


@pytest.mark.parametrize(
    ("password", "fits"),
    [
        ("x" * 11 + "y", True),
        ("x" * 10 + "y", False),
        ("y" + "x" * 255, True),
        ("y" + "x" * 256, False),
    ],
)
def test_a_password_has_a_length_from_both_sides(password: str, fits: bool) -> None:
    """Policy and bound."""
    refusal = check_new_password(SecretStr(password), "ann", AccessRules())
    assert (refusal is None) is fits
