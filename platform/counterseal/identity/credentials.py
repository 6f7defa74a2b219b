"""What the desk asks of the place where secrets lie.

Job: the port behind which passwords, one-time codes, wrong answers and signs of life are kept.

Invariants
  I1  No secret leaves it but a fresh one-time secret, once, to who enrols it.
  I2  A counter moves in the transaction that compares it: of two equal codes one is accepted.
  I3  An attempt is counted before it is answered, so that attempts at once are counted, too.

Not here: who may ask (desk.access), hashing and files (storage.credentials).
Source: governance part 5 (local passwords, TOTP, limits).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from pydantic import Field, SecretStr

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Refusal, refuse
from counterseal.policy.access import AccessRules

PASSWORD_LENGTH_MAX: Final = 256
FOR_PASSWORD: Final = "password"  # noqa: S105 - what an enrolment token is for
FOR_CODES: Final = "codes"


class Guessed(DomainModel):
    """Whose wrong answers count: a name, a place, or a key file.

    Attributes:
        subject: As told, of any characters; kept as a keyed digest only.
        allowed: Wrong answers in a row without a wait.
    """

    subject: str = Field(min_length=1, max_length=400)
    allowed: int = Field(ge=1)


class Attempt(DomainModel):
    """What came of asking to be heard.

    Attributes:
        attempts: Answers in a row that were not right, this one included; the most of any subject.
        not_before: Nobody is heard until then; None = go on.
        next_at: Nobody is heard until then if this answer is wrong, too; None = no wait follows.
        known_as: A pseudonym of each subject, in their order, under which records tell of it.
    """

    attempts: int = Field(ge=0)
    not_before: UtcDatetime | None = None
    next_at: UtcDatetime | None = None
    known_as: tuple[str, ...] = ()


class CodesOffer(DomainModel):
    """A fresh one-time secret, shown once; it counts when its first code is told.

    Attributes:
        secret: Base32.
        uri: `otpauth://` for an authenticator.
    """

    secret: SecretStr
    uri: SecretStr


class Credentials(Protocol):
    """Keeps secrets of accounts and counts wrong answers.

    MUST survive a crash whole. MUST NOT tell, by its answer or by the time it takes, whether an
    account exists. Errors: AdapterError `CREDENTIALS_FAILED` from every method.
    """

    def attempt(self, guessed: Sequence[Guessed], rules: AccessRules, now: datetime) -> Attempt:
        """Count an attempt against every subject, unless one of them has to wait."""

    def succeeded(self, cleared: Sequence[str], refunded: Sequence[str] = ()) -> None:
        """Forget the wrong answers of some subjects; take one attempt back from others."""

    def set_password(self, account_id: str, password: SecretStr) -> None:
        """Replace the password of an account."""

    def verify_password(self, account_id: str | None, password: SecretStr) -> bool:
        """Whether a password is right; for nobody's account (None) it takes as long to say no."""

    def offer_codes(self, account_id: str, now: datetime, rules: AccessRules) -> CodesOffer:
        """Draw a one-time secret that counts once a code of it is told in time."""

    def enrol_codes(
        self, account_id: str, code: SecretStr, now: datetime, rules: AccessRules
    ) -> bool:
        """Take the offered secret into use, when the code is of it; the code is spent by that."""

    def accept_code(
        self, account_id: str, code: SecretStr, now: datetime, rules: AccessRules
    ) -> bool:
        """Whether a code is right and later than any accepted before; at most once for a code."""

    def keep_token(self, token: str, account_id: str, expires_at: datetime) -> None:
        """Keep an enrolment token by its digest, once for a password and once for codes."""

    def spend_token(self, token: str, purpose: str, now: datetime) -> str | None:
        """The account of a token, which is spent for the purpose; None when it is not good."""

    def seen(self, session_id: str, now: datetime) -> None:
        """A sign of life; an earlier one than the latest changes nothing."""

    def last_seen(self, session_id: str) -> datetime | None:
        """The latest sign of life."""

    def forget(self, account_id: str) -> None:
        """Destroy the secrets of an account."""


def check_new_password(password: SecretStr, account_id: str, rules: AccessRules) -> Refusal | None:
    """`PASSWORD_WEAK` for one that is short, endless, one character, or the account's name."""
    text = password.get_secret_value()
    fits = rules.password_length_min <= len(text) <= PASSWORD_LENGTH_MAX
    if fits and len(set(text)) > 1 and text.lower() != account_id:
        return None
    return refuse(
        "PASSWORD_WEAK",
        "a longer password, please, and not the account's name",
        length_min=rules.password_length_min,
        length_max=PASSWORD_LENGTH_MAX,
    )
