"""Whether somebody who knocks is let in.

Job: turn what was checked of a name, a password and a code into one reason, and one answer.

Invariants
  I1  Every wrong answer is answered alike: a stranger learns neither which part was wrong, nor
      whether the account exists or waits.
  I2  A login needs an account in use, a password and a one-time code: one of them is not enough.

Not here: checking secrets (storage.credentials), what follows (desk.access).
Source: governance part 5 (limits; unknown user and wrong password answer alike).
"""

from typing import Final

from pydantic import Field

from counterseal.identity.accounts import Account, LocalAccount, check_reviewer_roles
from counterseal.identity.credentials import Attempt
from counterseal.identity.people import Person
from counterseal.kernel.model import DomainModel, Refusal, refuse

ANSWER: Final = refuse("LOGIN_REFUSED", "name, password or code is not right, or has to wait")
"""What a stranger is told, whatever the reason."""


class Checked(DomainModel):
    """What the place of secrets said; a code is looked at only beside the right password."""

    attempt: Attempt
    password_right: bool = Field(default=False)
    code_right: bool = Field(default=False)


def decide_login(
    account: LocalAccount | None, person: Person | None, checked: Checked
) -> Refusal | None:
    """Why a login is refused, for the record; None when it is let in.

    Returns:
        The first of `ACCOUNT_LOCKED`, `ACCOUNT_UNKNOWN`, `PASSWORD_WRONG`, `CODE_WRONG`,
        `ACCOUNT_DISABLED`, `PERSON_DISABLED`, `REVIEWER_ROLES`.
    """
    attempts = checked.attempt.attempts
    until = checked.attempt.not_before
    if until is not None:
        return refuse("ACCOUNT_LOCKED", "too many wrong answers", until=until, attempts=attempts)
    if account is None or person is None:
        return refuse("ACCOUNT_UNKNOWN", "no such account", attempts=attempts)
    if not checked.password_right:
        return refuse("PASSWORD_WRONG", "the password is not right", attempts=attempts)
    if not checked.code_right:
        return refuse("CODE_WRONG", "the one-time code is wrong, old or used", attempts=attempts)
    return check_usable(account, person) or check_reviewer_roles(person)


def check_usable(account: Account, person: Person) -> Refusal | None:
    """Whether an account opens sessions at all; `ACCOUNT_DISABLED` or `PERSON_DISABLED`."""
    if not account.active:
        return refuse("ACCOUNT_DISABLED", "the account is closed", account=account.account_id)
    if not person.active:
        return refuse("PERSON_DISABLED", "this person may not act", person=person.person_id)
    return None
