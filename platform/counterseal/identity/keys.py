"""The public keys that may sign for people.

Job: decide whether a key is enrolled, and whether it counts at an instant.

Invariants
  I1  A key counts only after two enrolment officers, neither its owner, enrolled it.
  I2  Bootstrap enrols officers' and administrators' keys only, two at most, and no reviewer's.
  I3  One public key belongs to one person for ever.

Not here: private keys (identity.sealing), signatures (identity.dsse).
Source: governance rules, part 3 (enrolment, bootstrap, revocation).
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from counterseal.identity.people import Person, Role
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, Name, Refusal, refuse
from counterseal.policy.authorize import Action, authorize

SCHEME: Final = "ed25519"
BOOTSTRAP_KEYS_MAX: Final = 2
_OFFICERS: Final = 2
_BOOTSTRAP_ROLES: Final = frozenset({Role.ADMINISTRATOR, Role.ENROLMENT_OFFICER})
_REVIEW_ROLES: Final = frozenset(
    {Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER}
)


class KeyStatus(StrEnum):
    """Whether a key may sign new statements."""

    ACTIVE = "active"
    REVOKED = "revoked"


class PersonKey(Document):
    """A person's public key.

    Attributes:
        public_key: Raw 32 bytes of Ed25519, base64.
        key_class: 1 embedded file, 2 own machine, 3 passkey.
        enrolled_by: The two enrolment officers (bootstrap: the first officers themselves).
    """

    KIND: ClassVar[str] = "person_keys"
    KEY: ClassVar[str] = "key_id"

    key_id: Name
    person_id: Name
    public_key: str = Field(min_length=44, max_length=44)
    key_class: int = Field(ge=1, le=3)
    scheme: Name = SCHEME
    status: KeyStatus = KeyStatus.ACTIVE
    enrolled_by: tuple[Name, ...] = Field(max_length=2)
    bootstrap: bool = False
    effective_at: UtcDatetime
    revoked_at: UtcDatetime | None = None
    revoked_reason: str = Field(default="", max_length=120)

    def counts_at(self, instant: datetime) -> bool:
        """Whether a signature made at the instant counts; revocation ends it (half-open)."""
        return self.effective_at <= instant and (
            self.revoked_at is None or instant < self.revoked_at
        )


def decide_enrolment(
    key: PersonKey,
    owner: Person,
    officers: Sequence[Person],
    existing: Sequence[PersonKey],
) -> PersonKey | Refusal:
    """Enrol a key, whose `enrolled_by` is set from the officers.

    Returns:
        Or a refusal: `KEY_NOT_OWN`, `PERSON_DISABLED`, `KEY_SHARED`, `BOOTSTRAP_CLOSED`,
        `BOOTSTRAP_ROLE`, `TWO_OFFICERS_NEEDED`, `OTHER_TENANT` or `ROLE`.
    """
    if key.person_id != owner.person_id or key.status != KeyStatus.ACTIVE:
        return refuse("KEY_NOT_OWN", "the key record names another person or is revoked")
    if not owner.active:
        return refuse("PERSON_DISABLED", "a disabled person gets no key", person=owner.person_id)
    if any(k.public_key == key.public_key or k.key_id == key.key_id for k in existing):
        return refuse("KEY_SHARED", "this key is known already and is never reassigned")
    if key.bootstrap:
        refusal = _bootstrap_refusal(owner, existing)
    else:
        refusal = _officers_refusal(owner, officers)
    if refusal is not None:
        return refusal
    return key.amended(enrolled_by=tuple(p.person_id for p in officers)[:_OFFICERS])


def decide_revocation(key: PersonKey, reason: str, now: datetime) -> PersonKey | Refusal:
    """Revoke a key from now on; earlier signatures stay valid. Refusal `KEY_REVOKED`."""
    if key.status == KeyStatus.REVOKED:
        return refuse("KEY_REVOKED", "the key is revoked already", key_id=key.key_id)
    return key.amended(status=KeyStatus.REVOKED, revoked_at=now, revoked_reason=reason)


def _bootstrap_refusal(owner: Person, existing: Sequence[PersonKey]) -> Refusal | None:
    if not all(k.bootstrap for k in existing) or len(existing) >= BOOTSTRAP_KEYS_MAX:
        return refuse("BOOTSTRAP_CLOSED", "the first two officers are enrolled, bootstrap is over")
    roles = owner.held_roles()
    if not roles & _BOOTSTRAP_ROLES or roles & _REVIEW_ROLES:
        return refuse("BOOTSTRAP_ROLE", "bootstrap enrols officers only, and no reviewer")
    return None


def _officers_refusal(owner: Person, officers: Sequence[Person]) -> Refusal | None:
    ids = {p.person_id for p in officers}
    if len(officers) != _OFFICERS or len(ids) != _OFFICERS or owner.person_id in ids:
        return refuse(
            "TWO_OFFICERS_NEEDED",
            "a key is enrolled by two different officers, neither of them its owner",
            officers=",".join(sorted(ids)),
        )
    if any(p.tenant != owner.tenant for p in officers):
        return refuse("OTHER_TENANT", "officer and owner belong to different tenants")
    for officer in officers:
        refusal = authorize(Action.ENROL_KEY, officer.held_roles(), active=officer.active)
        if refusal is not None:
            return refusal
    return None
