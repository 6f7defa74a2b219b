"""What people sign about other people's rights.

Job: give each act about a key or a role its one signed form, and read it back.

Invariants
  I1  Everybody who signs an act signs the same bytes; who they are follows from their keys.
  I2  A statement that says more, less or other than its act is refused: nothing hidden is signed.
  I3  An act names its log, its tenant, its time and a nonce: it fits no other home or day.

Not here: whose signatures an act needs (identity.proposals), verification (identity.signatures).
Source: governance rules, part 3 (enrolment, bootstrap, rotation, revocation).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never

from pydantic import ValidationError

from counterseal.identity.dsse import signed_payload, statement_in
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import RoleGrant, named_strategies
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name, Signature
from counterseal.policy.authorize import Action
from counterseal.policy.words import Meaning, Role

ENROL: Final = "enrol"
ATTEST: Final = "attest"
REVOKE: Final = "revoke"
OPEN_DAYS: Final = 7
"""Longest time in which an act may find its second signature."""

UNREADABLE: Final = "STATEMENT_UNREADABLE"
NO_ACT: Final = "this states no act about a key or a role"
_HEAD: Final = frozenset({"schema_version", "kind", "act", "meaning"})
_STRATEGIES: Final = "strategies"
_KEY_LIFE: Final = frozenset(
    {
        *("status", "enrolled_by", "bootstrap", "effective_at", "revoked_at", "revoked_reason"),
        "signatures",
    }
)
_GRANT_LIFE: Final = frozenset(
    {"granted_by", "bootstrap", "granted_at", "signatures", "ended_at", "ended_by"}
)


class ActTerms(DomainModel):
    """Where and when an act may be signed.

    Attributes:
        nonce: Fresh for each act; names its proposal.
        expires_at: The end of the time for signatures (half-open).
    """

    log_origin: Name
    tenant: Name
    issued_at: UtcDatetime
    expires_at: UtcDatetime
    nonce: Name

    def in_time(self, now: datetime) -> bool:
        """Whether it may be signed at an instant, and asks for no longer than it may."""
        longest = self.issued_at + timedelta(days=OPEN_DAYS)
        return self.issued_at <= now < self.expires_at <= longest


class KeyEnding(StrEnum):
    """Why a key ends; `compromised` also ends approvals that it carries and nobody has used."""

    LOST = "lost"
    COMPROMISED = "compromised"
    LEFT = "left"
    REPLACED = "replaced"


class EnrolKey(DomainModel):
    """A key is to count for its owner, in the place of the one that it supersedes."""

    terms: ActTerms
    key: PersonKey


class GrantRole(DomainModel):
    """A person is to get a role."""

    terms: ActTerms
    grant: RoleGrant


class EndKey(DomainModel):
    """A key is to count no longer."""

    terms: ActTerms
    key_id: Name
    person_id: Name
    reason: KeyEnding


Act = EnrolKey | GrantRole | EndKey


def grant_role(
    terms: ActTerms,
    person_id: str,
    role: Role,
    reason: str = "duty",
    strategies: Iterable[str] = (),
) -> GrantRole:
    """The act that grants a role; the nonce names the grant as well.

    A reviewer's role may be limited to strategies; without any it reaches every one.
    """
    return GrantRole(
        terms=terms,
        grant=RoleGrant(
            grant_id=terms.nonce,
            person_id=person_id,
            role=role,
            granted_at=terms.issued_at,
            reason=reason,
            strategies=named_strategies(strategies),
        ),
    )


def kind_of(act: Act) -> str:
    """The kind of statement that says an act."""
    match act:
        case EnrolKey():
            return ENROL
        case GrantRole():
            return ATTEST
        case EndKey():
            return REVOKE
        case _ as unknown:
            assert_never(unknown)


def action_of(act: Act) -> Action:
    """What a signer must have the right for."""
    return Action.GRANT_ROLE if isinstance(act, GrantRole) else Action.ENROL_KEY


def meaning_of(act: Act) -> Meaning:
    """What a signature on an act means."""
    match act:
        case EnrolKey():
            return Meaning.ENROLLED_KEY
        case GrantRole():
            return Meaning.GRANTED_ROLE
        case EndKey():
            return Meaning.REVOKED
        case _ as unknown:
            assert_never(unknown)


def subject_of(act: Act) -> str:
    """The person whom an act is about."""
    match act:
        case EnrolKey():
            return act.key.person_id
        case GrantRole():
            return act.grant.person_id
        case EndKey():
            return act.person_id
        case _ as unknown:
            assert_never(unknown)


def statement_of(act: Act) -> dict[str, Json]:
    """The statement of an act: what everybody who agrees to it signs."""
    match act:
        case EnrolKey():
            name, told = "enrol_key", key_terms(act.key)
        case GrantRole():
            name, told = "grant_role", grant_terms(act.grant)
        case EndKey():
            value = act.json_value()
            name, told = "end_key", {k: v for k, v in value.items() if k != "terms"}
        case _ as unknown:
            assert_never(unknown)
    head: dict[str, Json] = {
        "schema_version": 1,
        "kind": kind_of(act),
        "act": name,
        "meaning": meaning_of(act).value,
    }
    return {**head, **act.terms.json_value(), **told}


def key_terms(key: PersonKey) -> dict[str, Json]:
    """What a statement says of a key: all of it but what enrolment and time add."""
    return {k: v for k, v in key.json_value().items() if k not in _KEY_LIFE}


def grant_terms(grant: RoleGrant) -> dict[str, Json]:
    """What a statement says of a grant: all of it but who signed and when it began.

    Strategies that a grant does not name are not stated.
    """
    told = {k: v for k, v in grant.json_value().items() if k not in _GRANT_LIFE}
    return {k: v for k, v in told.items() if k != _STRATEGIES or v}


def act_in(signature: Signature) -> Act:
    """The act that an envelope is about; nothing is verified yet.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` when the payload is not canonical.
        InputError: `STATEMENT_UNREADABLE` when it is the statement of no act.
    """
    for kind in (ENROL, ATTEST, REVOKE):
        if signature.payload_type.endswith(f".{kind}.v1+json"):
            return read_act(statement_in(signed_payload(signature, kind)))
    raise InputError(UNREADABLE, NO_ACT, field="payload_type", got=signature.payload_type)


def read_act(statement: Mapping[str, object]) -> Act:
    """The act of a statement.

    Raises:
        InputError: `STATEMENT_UNREADABLE` when it is the statement of no act.
    """
    terms = {k: v for k, v in statement.items() if k in ActTerms.model_fields}
    told = {k: v for k, v in statement.items() if k not in terms and k not in _HEAD}
    began = terms.get("issued_at")
    try:
        act = _built(statement.get("act"), terms, told, began)
    except ValidationError:
        raise InputError(UNREADABLE, NO_ACT, field="act", got=statement.get("act")) from None
    if act is None or statement_of(act) != dict(statement):
        raise InputError(UNREADABLE, NO_ACT, field="act", got=statement.get("act"))
    return act


def _built(
    name: object, terms: Mapping[str, object], told: Mapping[str, object], began: object
) -> Act | None:
    match name:
        case "enrol_key":
            key = {**told, "enrolled_by": [], "effective_at": began}
            return EnrolKey.model_validate_json(_json({"terms": terms, "key": key}))
        case "grant_role":
            grant = {**told, "granted_at": began}
            return GrantRole.model_validate_json(_json({"terms": terms, "grant": grant}))
        case "end_key":
            return EndKey.model_validate_json(_json({"terms": terms, **told}))
        case _:
            return None


def _json(value: dict[str, object]) -> bytes:
    return canonical_bytes(value)  # type: ignore[arg-type]  # built from parsed JSON
