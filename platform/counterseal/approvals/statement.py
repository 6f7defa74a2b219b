"""What a reviewer signs.

Job: build the decision statement, and compare a signed one with what the desk knows.

Invariants
  I1  It names request version, payload, policy, evidence, what was shown, stage, verdict,
      meaning, person, role, key, predecessor, nonce and clocks: any change needs a new signature.
  I2  The reason is covered by a salted commitment, so that its text stays erasable.

Not here: the signature itself (identity.dsse).
Source: governance rule 2.9.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, Self, TypedDict

from pydantic import Field, ValidationError, model_validator

from counterseal.approvals.delegation import Delegated
from counterseal.approvals.escalation import roles_at
from counterseal.approvals.model import ApprovalRequest
from counterseal.audit.privacy import Opening, commit
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import canonical_bytes, digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import DomainModel, Name, Sha256, Signature
from counterseal.policy.params import ApprovalParameters, EvidenceRule, StageRule
from counterseal.policy.words import DecisionWord, EvidenceSection, Meaning, Role, Stage

KIND: Final = "decision"
NOTHING_SHOWN: Final = digest(None)
"""What a statement names as shown when its signer opened nothing of the case."""


class Opened(DomainModel):
    """What of a case a reviewer opened before signing, as the window says.

    Attributes:
        sections: Each once, in the order of `EvidenceSection`.
        seconds: Between showing the case and preparing the statement, rounded down.
    """

    sections: tuple[EvidenceSection, ...] = ()
    seconds: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.sections != tuple(one for one in EvidenceSection if one in self.sections):
            raise ValueError("sections stand in their order, each once")
        return self


UNOPENED: Final = Opened()


class AuthFacts(DomainModel):
    """How the reviewer re-authenticated for this signature."""

    iss: Name
    auth_time: UtcDatetime
    acr: Name
    amr: tuple[Name, ...]


class DecisionStatement(DomainModel):
    """The signed statement of one decision."""

    schema_version: Literal[1] = 1
    kind: Literal["decision"] = "decision"
    log_origin: Name
    tenant: Name
    request_id: Name
    request_version: int = Field(ge=1)
    approval_decision_id: Name
    sequence: int = Field(ge=1)
    payload_hash: Sha256
    evidence_pack_hash: Sha256
    evidence_shown_hash: Sha256
    sections_opened: tuple[EvidenceSection, ...] = Field(max_length=len(EvidenceSection))
    seconds_open: int = Field(ge=0)
    policy_bundle_hash: Sha256
    stage: Stage
    decision: DecisionWord
    meaning: Meaning
    comment_hash: Sha256
    person: Name
    role: Role
    on_behalf_of: Name | None = None
    grant_id: Name | None = None
    auth: AuthFacts
    key_id: Name
    key_class: int = Field(ge=1, le=3)
    scheme: SignatureScheme
    prev_decision_hashes: tuple[Sha256, ...] = Field(min_length=1, max_length=20)
    issued_at: UtcDatetime
    expires_at: UtcDatetime
    nonce: Name
    paper_only: Literal[True] = True
    approval_for_live: Literal[False] = False


class _BoundWords(TypedDict):
    tenant: str
    request_id: str
    request_version: int
    payload_hash: str
    evidence_pack_hash: str
    policy_bundle_hash: str


class _SignerWords(TypedDict):
    person: str
    on_behalf_of: str | None
    grant_id: str | None
    auth: AuthFacts
    key_id: str
    key_class: int
    scheme: SignatureScheme


def comment_opening(person_id: str, salt: str, reason: str) -> Opening:
    """What opens the commitment to a person's words; `salt` is 32 hex digits."""
    return commit(person_id, {"text": reason.strip()}, bytes.fromhex(salt))


def comment_hash(salt: str, reason: str) -> str:
    """Salted commitment to the words of a reason, whoever gave it (`audit.privacy`)."""
    return comment_opening("anyone", salt, reason).commitment


def read_statement(signature: Signature, key: PersonKey) -> DecisionStatement:
    """Verify a signature under a key record and parse its statement.

    Raises:
        IntegrityError: `SIGNATURE_INVALID`, or `NOT_PAPER_ONLY` for anything but paper.
    """
    return decision_in(verify_signed(signature, key, KIND), key)


def decision_in(value: dict[str, object], key: PersonKey) -> DecisionStatement:
    """The decision statement of a payload, whose proof is the caller's business.

    Raises:
        IntegrityError: `SIGNATURE_INVALID`, or `NOT_PAPER_ONLY` for anything but paper.
    """
    if value.get("paper_only") is not True or value.get("approval_for_live") is not False:
        raise IntegrityError("NOT_PAPER_ONLY", "the statement is not for paper simulation only")
    try:
        statement = DecisionStatement.model_validate_json(_bytes(value))
    except (ValidationError, InputError):
        raise IntegrityError("SIGNATURE_INVALID", "the statement is not a decision") from None
    if statement.scheme != key.scheme:
        raise IntegrityError("SIGNATURE_INVALID", "the statement names another scheme")
    return statement


class Reviewer(DomainModel):
    """Who decides, from the verified login: never from a request body.

    Attributes:
        delegated: The grant that the person acts under, or None for the own name.
    """

    person: Person
    key: PersonKey | None
    auth: AuthFacts
    delegated: Delegated | None = None

    @property
    def authority(self) -> Person:
        """Whose roles count: the delegator's under a grant, else the person's own."""
        return self.person if self.delegated is None else self.delegated.delegator


def role_for(person: Person, roles: Sequence[Role], strategy_id: str) -> Role | None:
    """The role that a person would use in a stage: the first of its roles that the person holds.

    One that reaches the strategy comes before one that is limited to others.
    """
    held, reaching = person.held_roles(), person.roles_for(strategy_id)
    return next((r for usable in (reaching, held) for r in roles if r in usable), None)


def meaning_of(decision: DecisionWord, rule: StageRule) -> Meaning:
    """What a signature on the decision means."""
    if decision == DecisionWord.REJECTED:
        return Meaning.REJECTED
    if decision == DecisionWord.NEEDS_DATA:
        return Meaning.DATA_INSUFFICIENT
    return rule.meaning


def build_statement(
    request: ApprovalRequest,
    reviewer: Reviewer,
    params: ApprovalParameters,
    *,
    decision: DecisionWord,
    approval_decision_id: str,
    sequence: int,
    reason: str,
    comment_salt: str,
    evidence_shown_hash: str,
    opened: Opened = UNOPENED,
    nonce: str,
    log_origin: str,
    issued_at: datetime,
) -> DecisionStatement:
    """The statement to show and sign; stage, role and meaning follow from request and person.

    Raises:
        InputError: `NO_STAGE_DUE` when nothing is left to review, `KEY_NOT_ENROLLED` without a
            key, `ROLE` when the person holds no role that may take the decision.
    """
    rule, role, key = _signing_facts(request, reviewer, params, issued_at)
    return DecisionStatement(
        **_bound_words(request),
        **_signer_words(reviewer, key),
        log_origin=log_origin,
        approval_decision_id=approval_decision_id,
        sequence=sequence,
        evidence_shown_hash=evidence_shown_hash,
        sections_opened=opened.sections,
        seconds_open=opened.seconds,
        stage=rule.id,
        decision=decision,
        meaning=meaning_of(decision, rule),
        comment_hash=comment_hash(comment_salt, reason),
        role=role,
        prev_decision_hashes=(request.latest_chain_hash,),
        issued_at=issued_at,
        expires_at=issued_at + timedelta(seconds=params.decision_ttl_seconds),
        nonce=nonce,
    )


def _signing_facts(
    request: ApprovalRequest, reviewer: Reviewer, params: ApprovalParameters, now: datetime
) -> tuple[StageRule, Role, PersonKey]:
    rule = due_stage(request, params)
    if rule is None:
        raise InputError("NO_STAGE_DUE", "no review stage is due", got=request.status)
    open_to = roles_at(rule, request, params, now)
    authority, strategy = reviewer.authority, request.payload.strategy_id
    role = role_for(authority, open_to, strategy) or _any_role(authority, params, strategy)
    if role is None:
        raise InputError("ROLE", "the person holds no reviewer role", field="role")
    if reviewer.key is None:
        raise InputError("KEY_NOT_ENROLLED", "the person has no key", field="key")
    return rule, role, reviewer.key


def due_stage(request: ApprovalRequest, params: ApprovalParameters) -> StageRule | None:
    """The due stage as the request's strategy meets it, or None when every stage is done."""
    own = params.for_strategy(request.payload.strategy_id)
    return None if request.next_stage is None else own.stage(request.next_stage)


def _any_role(person: Person, params: ApprovalParameters, strategy_id: str) -> Role | None:
    return role_for(person, sorted(params.reviewer_roles()), strategy_id)


def _bound_words(request: ApprovalRequest) -> _BoundWords:
    return {
        "tenant": request.tenant,
        "request_id": request.approval_request_id,
        "request_version": request.version,
        "payload_hash": request.payload.digest,
        "evidence_pack_hash": request.payload.evidence_pack_hash,
        "policy_bundle_hash": request.payload.policy_bundle_hash,
    }


def _signer_words(reviewer: Reviewer, key: PersonKey) -> _SignerWords:
    grant = None if reviewer.delegated is None else reviewer.delegated.grant
    return {
        "person": reviewer.person.person_id,
        "on_behalf_of": None if grant is None else grant.delegator,
        "grant_id": None if grant is None else grant.grant_id,
        "auth": reviewer.auth,
        "key_id": key.key_id,
        "key_class": key.key_class,
        "scheme": key.scheme,
    }


def unopened_sections(
    statement: DecisionStatement, rule: EvidenceRule
) -> tuple[EvidenceSection, ...]:
    """Mandatory sections that the signer left closed; all of them for who was shown nothing."""
    nothing = statement.evidence_shown_hash == NOTHING_SHOWN
    return tuple(s for s in rule.sections if nothing or s not in statement.sections_opened)


def stale_fields(statement: DecisionStatement, request: ApprovalRequest) -> tuple[str, ...]:
    """Names of the statement's fields that no longer fit the request; empty when all do."""
    actual = dict(statement)
    return tuple(name for name, value in _bound_words(request).items() if actual[name] != value)


def _bytes(value: dict[str, object]) -> bytes:
    return canonical_bytes(value)  # type: ignore[arg-type] # parsed JSON, re-checked by the encoder
