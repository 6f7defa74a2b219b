"""The public keys that may sign for people.

Job: decide whether a key is enrolled, and whether it counts at an instant.

Invariants
  I1  A key counts from the record on that two officers' signatures put it into force with
      (identity.proposals), until its end; what it signed before stays signed.
  I2  Bootstrap keys exist only in the founding record of a home (identity.founding).
  I3  One public key belongs to one person for ever.
  I4  Scheme, class, public key and web origin of a key fit each other.

Not here: private keys (identity.sealing), signatures (identity.signatures).
Source: governance rules, part 3 (enrolment, bootstrap, revocation).
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Self

from pydantic import Field, model_validator

from counterseal.audit.note import decode_base64
from counterseal.identity.people import Person
from counterseal.identity.schemes import (
    KEY_CLASS,
    SignatureScheme,
    check_public_key,
    check_web_origin,
)
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Document, Name, Refusal, Signature, refuse


class KeyStatus(StrEnum):
    """Whether a key may sign new statements."""

    ACTIVE = "active"
    REVOKED = "revoked"


class PersonKey(Document):
    """A person's public key.

    Attributes:
        public_key: Base64 of 32 raw bytes (ed25519, sshsig) or of the 65 bytes of an uncompressed
            P-256 point (webauthn).
        key_class: 1 embedded file, 2 own machine, 3 passkey; follows from the scheme.
        rp_id, web_origin: Relying party and page of a passkey; None for the other schemes.
        enrolled_by: The two enrolment officers (bootstrap: the first officers themselves).
        supersedes: The owner's key that ended when this one began.
        signatures: Of both officers, of this key, and of the owner's key before it; one statement.
    """

    KIND: ClassVar[str] = "person_keys"
    KEY: ClassVar[str] = "key_id"

    key_id: Name
    person_id: Name
    public_key: str = Field(min_length=44, max_length=88)
    key_class: int = Field(ge=1, le=3)
    scheme: SignatureScheme = SignatureScheme.ED25519
    rp_id: Name | None = None
    web_origin: Name | None = None
    status: KeyStatus = KeyStatus.ACTIVE
    enrolled_by: tuple[Name, ...] = Field(max_length=2)
    bootstrap: bool = False
    effective_at: UtcDatetime
    revoked_at: UtcDatetime | None = None
    revoked_reason: str = Field(default="", max_length=120)
    supersedes: Name | None = None
    signatures: tuple[Signature, ...] = Field(default=(), max_length=4)

    @property
    def raw_public_key(self) -> bytes:
        """The bytes of the public key."""
        return _raw(self.public_key)

    @model_validator(mode="after")
    def _fits_its_scheme(self) -> Self:
        try:
            check_public_key(self.scheme, self.raw_public_key)
        except InputError as error:
            raise ValueError(error.message) from None
        check_web_origin(self.scheme, self.rp_id, self.web_origin)
        if self.key_class != KEY_CLASS[self.scheme]:
            raise ValueError(f"a key of scheme {self.scheme} has class {KEY_CLASS[self.scheme]}")
        return self

    def counts_at(self, instant: datetime) -> bool:
        """Whether a signature made at the instant counts; revocation ends it (half-open)."""
        return self.effective_at <= instant and (
            self.revoked_at is None or instant < self.revoked_at
        )


@lru_cache(maxsize=1_024)
def _raw(public_key: str) -> bytes:
    """A key is looked at wherever it is handed on; its text stays the same."""
    return decode_base64(public_key, "public_key")


def decide_enrolment(
    key: PersonKey, owner: Person, existing: Sequence[PersonKey]
) -> PersonKey | Refusal:
    """Whether a key may become its owner's; who signed is judged by `identity.proposals`.

    Returns:
        The key; or a refusal: `KEY_NOT_OWN`, `PERSON_DISABLED`, `KEY_SHARED`.
    """
    if key.person_id != owner.person_id or key.status != KeyStatus.ACTIVE:
        return refuse("KEY_NOT_OWN", "the key record names another person or is revoked")
    if not owner.active:
        return refuse("PERSON_DISABLED", "a disabled person gets no key", person=owner.person_id)
    if any(k.public_key == key.public_key or k.key_id == key.key_id for k in existing):
        return refuse("KEY_SHARED", "this key is known already and is never reassigned")
    return key


def decide_revocation(key: PersonKey, reason: str, now: datetime) -> PersonKey | Refusal:
    """Revoke a key from now on; earlier signatures stay valid. Refusal `KEY_REVOKED`."""
    if key.status == KeyStatus.REVOKED:
        return refuse("KEY_REVOKED", "the key is revoked already", key_id=key.key_id)
    return key.amended(status=KeyStatus.REVOKED, revoked_at=now, revoked_reason=reason)
