"""Accounts: the names under which people log in.

Job: hold local and federated accounts, and decide whether one may be opened or used.

Invariants
  I1  An account belongs to one person for ever; no name and no issuer's subject is reassigned.
  I2  No local account serves a person who holds two reviewer roles.
  I3  A person has one local account in use, so that wrong answers count in one place.
  I4  Two account names that look alike are not both names: only small ASCII letters, digits and
      `.`, `_`, `-` are.

Not here: passwords, one-time codes and counters (identity.credentials), sessions.
Source: governance part 5.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from counterseal.identity.people import Person, Role
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, Name, Refusal, refuse
from counterseal.policy.access import Issuer

REVIEWER_ROLES: Final = frozenset(
    {Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER}
)
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,63}", re.ASCII)


class AccountStatus(StrEnum):
    """Whether an account opens sessions."""

    ACTIVE = "active"
    DISABLED = "disabled"


class LocalAccount(Document):
    """A name with a password and one-time codes; the secrets themselves lie outside the log.

    Attributes:
        account_id: The folded name.
        password_set_at, totp_enrolled_at: When a secret was last replaced; None = never.
    """

    KIND: ClassVar[str] = "local_accounts"
    KEY: ClassVar[str] = "account_id"

    account_id: Name
    person_id: Name
    tenant: Name
    status: AccountStatus = AccountStatus.ACTIVE
    created_at: UtcDatetime
    created_by: Name
    password_set_at: UtcDatetime | None = None
    totp_enrolled_at: UtcDatetime | None = None

    @property
    def active(self) -> bool:
        """Whether the account opens sessions."""
        return self.status == AccountStatus.ACTIVE


class FederatedAccount(Document):
    """A person as an identity provider knows them.

    Attributes:
        account_id: `subject_key` of issuer and subject; the subject itself, which may be an
            address of a human being, is not kept.
    """

    KIND: ClassVar[str] = "federated_accounts"
    KEY: ClassVar[str] = "account_id"

    account_id: Name
    issuer: Issuer
    person_id: Name
    tenant: Name
    status: AccountStatus = AccountStatus.ACTIVE
    created_at: UtcDatetime
    created_by: Name

    @property
    def active(self) -> bool:
        """Whether the account opens sessions."""
        return self.status == AccountStatus.ACTIVE


Account = LocalAccount | FederatedAccount


def account_name(text: str) -> str | None:
    """The one name that a text stands for; None when it stands for none.

    ASCII capitals are folded. A look-alike (a Cyrillic letter, a full-width digit, a zero-width
    blank) is not folded into anything: it is no name.
    """
    folded = text.lower() if text.isascii() else ""
    return folded if _NAME.fullmatch(folded) is not None else None


def subject_key(issuer: str, subject: str) -> str:
    """The key of a federated account: a digest over issuer and subject together."""
    told = digest({"iss": issuer, "sub": subject})
    return f"fed-{told.removeprefix('sha256:')}"


def check_reviewer_roles(person: Person) -> Refusal | None:
    """`REVIEWER_ROLES` when the person could fill two review stages from one login."""
    held = person.held_roles() & REVIEWER_ROLES
    if len(held) > 1:
        return refuse(
            "REVIEWER_ROLES",
            "no local account serves two reviewer roles",
            person=person.person_id,
            held=",".join(sorted(held)),
        )
    return None


def decide_account(
    name: str, person: Person, officer: Person, existing: Sequence[LocalAccount], now: datetime
) -> LocalAccount | Refusal:
    """Open a local account without any secret yet.

    Args:
        name: As asked for.
        person: Whose account it becomes.
        officer: Who opens it.
        existing: Every local account, also disabled ones.
        now: Instant of the opening.

    Returns:
        Or a refusal: `ACCOUNT_NAME`, `PERSON_DISABLED`, `OTHER_TENANT`, `ACCOUNT_NOT_OWN`,
        `REVIEWER_ROLES`, `ACCOUNT_EXISTS`.
    """
    folded = account_name(name)
    if folded is None:
        return refuse("ACCOUNT_NAME", "this cannot name an account", got=ascii(name))
    refusal = _opening_refusal(person, officer) or check_reviewer_roles(person)
    if refusal is not None:
        return refusal
    in_use = [a for a in existing if a.person_id == person.person_id and a.active]
    if in_use or any(a.account_id == folded for a in existing):
        return refuse(
            "ACCOUNT_EXISTS",
            "a name is never reassigned, and a person has one local account in use",
            account=folded,
        )
    return LocalAccount(
        account_id=folded,
        person_id=person.person_id,
        tenant=person.tenant,
        created_at=now,
        created_by=officer.person_id,
    )


def decide_federated(
    issuer: str,
    subject: str,
    person: Person,
    officer: Person,
    existing: FederatedAccount | None,
    now: datetime,
) -> FederatedAccount | Refusal:
    """Say whom an identity provider's subject is.

    Returns:
        Or a refusal: `PERSON_DISABLED`, `OTHER_TENANT`, `ACCOUNT_NOT_OWN`, `ACCOUNT_EXISTS` when
        issuer and subject were ever anybody.
    """
    refusal = _opening_refusal(person, officer)
    if refusal is not None:
        return refusal
    if existing is not None:
        return refuse(
            "ACCOUNT_EXISTS", "a subject is never reassigned", account=existing.account_id
        )
    return FederatedAccount(
        account_id=subject_key(issuer, subject),
        issuer=issuer,
        person_id=person.person_id,
        tenant=person.tenant,
        created_at=now,
        created_by=officer.person_id,
    )


def _opening_refusal(person: Person, officer: Person) -> Refusal | None:
    if not person.active:
        return refuse("PERSON_DISABLED", "a disabled person gets no account", id=person.person_id)
    if person.tenant != officer.tenant:
        return refuse("OTHER_TENANT", "officer and person belong to different tenants")
    if person.person_id == officer.person_id:
        return refuse("ACCOUNT_NOT_OWN", "nobody opens the own account", id=person.person_id)
    return None
