"""Every check of one signed review.

Job: collect all reasons against a review; give the verified statement when there is none.

Invariants
  I1  No check is skipped because an earlier one failed, as long as its facts exist.
  I2  Identity, role and key come from login and registry; the statement must agree with them.
  I3  The signature is verified with the registered public key, never with one from the statement.

Not here: the new documents (approvals.decide).
Source: governance rules 2.5, 2.8, 2.9 and 3.
"""

from datetime import datetime
from typing import Final

from pydantic import Field

from counterseal.approvals.expiry import is_expired
from counterseal.approvals.independence import PersonLink, independence_codes
from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    RequestStatus,
    ReviewNonce,
)
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.approvals.statement import (
    DecisionStatement,
    Reviewer,
    comment_hash,
    due_stage,
    meaning_of,
    read_statement,
    role_for,
    stale_fields,
)
from counterseal.approvals.states import REQUEST_STATES
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import DomainModel, Refusal, Signature, Text
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.words import DecisionWord

_R: Final = ReasonCode
_STALE_CODE: Final = {
    "payload_hash": _R.PAYLOAD_CHANGED,
    "policy_bundle_hash": _R.POLICY_CHANGED,
    "evidence_pack_hash": _R.EVIDENCE_CHANGED,
}


class SignedReview(DomainModel):
    """What the reviewer sends: the word, the reason, and the signature over both."""

    decision: DecisionWord
    reason: Text
    comment_salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    signature: Signature


class ReviewCase(DomainModel):
    """All facts about one review."""

    request: ApprovalRequest
    decisions: tuple[ApprovalDecision, ...]
    signed: SignedReview
    reviewer: Reviewer
    nonce: ReviewNonce | None
    bundle: PolicyBundle
    links: tuple[PersonLink, ...]


def check_review(case: ReviewCase, now: datetime) -> DecisionStatement | Refusal:
    """The verified statement, or a refusal with every reason."""
    codes = [*_state_codes(case, now), *_people_codes(case), *_stage_codes(case)]
    codes += _key_codes(case, now)
    statement: DecisionStatement | None = None
    try:
        key = case.reviewer.key
        if key is not None:
            statement = read_statement(case.signed.signature, key.public_key)
    except IntegrityError as error:
        codes.append(_R(error.code))
    if statement is not None:
        codes += _statement_codes(case, statement)
        codes += _nonce_codes(case, statement, now)
    if len(case.signed.reason) < case.bundle.approval.reason_length_min:
        codes.append(_R.REASON_TOO_SHORT)
    refusal = refuse_all(
        codes,
        "the review is refused",
        actor=case.reviewer.person.person_id,
        request=case.request.approval_request_id,
        status=case.request.status,
        decision=case.signed.decision,
        bundle=case.bundle.bundle_hash,
        key_id=case.signed.signature.key_id,
    )
    if refusal is not None:
        return refusal
    return statement if statement is not None else _unsigned()


def _unsigned() -> Refusal:
    return Refusal(
        code=_R.SIGNATURE_INVALID, codes=(_R.SIGNATURE_INVALID,), message="nothing was signed"
    )


def _state_codes(case: ReviewCase, now: datetime) -> list[ReasonCode]:
    request, person = case.request, case.reviewer.person
    terminal = REQUEST_STATES.is_terminal(request.status)
    approved = request.status == RequestStatus.APPROVED_FOR_PAPER
    pinned = request.payload.policy_bundle_hash == case.bundle.bundle_hash
    checks = (
        (_R.OTHER_TENANT, person.tenant != request.tenant),
        (_R.PERSON_DISABLED, not person.active),
        (_R.CLOCK_BACKWARDS, now < request.updated_at),
        (_R.TERMINAL, terminal),
        (_R.NOT_PENDING, approved),
        (_R.REVIEW_EXPIRED, not approved and is_expired(request, case.decisions, now)),
        (_R.POLICY_CHANGED, not pinned or not case.bundle.in_force(now)),
        (_R.PAYLOAD_CHANGED, request.payload.digest != request.request_hash),
    )
    return [code for code, failed in checks if failed]


def _people_codes(case: ReviewCase) -> tuple[ReasonCode, ...]:
    payload = case.request.payload
    return independence_codes(
        case.reviewer.person.person_id,
        payload.requester_id,
        {*payload.author_ids, *case.bundle.author_ids},
        [d.reviewer_id for d in case.decisions],
        case.links,
    )


def _stage_codes(case: ReviewCase) -> list[ReasonCode]:
    params, request, word = case.bundle.approval, case.request, case.signed.decision
    held = case.reviewer.person.held_roles()
    if word in {DecisionWord.REJECTED, DecisionWord.NEEDS_DATA}:
        return [] if held & params.reviewer_roles() else [_R.ROLE]
    named = [params.stage(stage) for stage in request.stages_required]
    fitting = [rule for rule in named if rule is not None and rule.decision == word]
    if not fitting:
        return [_R.STAGE_NOT_REQUIRED]
    due = due_stage(request, params)
    rule = due if due is not None and due in fitting else fitting[0]
    codes = [] if role_for(case.reviewer.person, rule) is not None else [_R.ROLE]
    if due is not None and due.decision != word:
        done = all(r.id in request.stages_done for r in fitting)
        codes.append(_R.STAGE_FULL if done else _R.OUT_OF_ORDER)
    return codes


def _key_codes(case: ReviewCase, now: datetime) -> list[ReasonCode]:
    key, person = case.reviewer.key, case.reviewer.person
    params = case.bundle.approval
    age = (now - case.reviewer.auth.auth_time).total_seconds()
    codes = [] if 0 <= age <= params.auth_age_max_seconds else [_R.REAUTH_REQUIRED]
    if key is None or key.person_id != person.person_id or key.bootstrap:
        return [*codes, _R.KEY_NOT_ENROLLED]
    if key.key_id != case.signed.signature.key_id or now < key.effective_at:
        codes.append(_R.KEY_NOT_ENROLLED)
    if key.revoked_at is not None:
        codes.append(_R.KEY_REVOKED)
    due = due_stage(case.request, params)
    if due is not None and key.key_class < due.key_class_min:
        codes.append(_R.KEY_CLASS_TOO_LOW)
    return codes


def _statement_codes(case: ReviewCase, statement: DecisionStatement) -> list[ReasonCode]:
    codes = [_STALE_CODE.get(f, _R.SNAPSHOT_CHANGED) for f in stale_fields(statement, case.request)]
    person, key, signed = case.reviewer.person, case.reviewer.key, case.signed
    due = due_stage(case.request, case.bundle.approval)
    same = (
        statement.person == person.person_id,
        statement.role in person.held_roles(),
        statement.auth == case.reviewer.auth,
        key is not None and statement.key_id == key.key_id,
        key is not None and statement.key_class == key.key_class,
        statement.decision == signed.decision,
        statement.comment_hash == comment_hash(signed.comment_salt, signed.reason),
        statement.sequence == len(case.decisions) + 1,
        statement.prev_decision_hashes == (case.request.latest_chain_hash,),
        due is None or statement.stage == due.id,
        due is None or statement.meaning == meaning_of(signed.decision, due),
    )
    if not all(same):
        codes.append(_R.SNAPSHOT_CHANGED)
    approving = signed.decision not in {DecisionWord.REJECTED, DecisionWord.NEEDS_DATA}
    if due is not None and approving and statement.role not in due.roles:
        codes.append(_R.ROLE)
    return codes


def _nonce_codes(case: ReviewCase, statement: DecisionStatement, now: datetime) -> list[ReasonCode]:
    nonce, request = case.nonce, case.request
    span = (statement.expires_at - statement.issued_at).total_seconds()
    bound = nonce is not None and (
        nonce.nonce == statement.nonce
        and nonce.person_id == case.reviewer.person.person_id
        and nonce.approval_request_id == request.approval_request_id
        and nonce.request_version == request.version
        and nonce.used_at is None
        and nonce.issued_at <= statement.issued_at <= now < nonce.expires_at
    )
    codes = [] if bound else [_R.NONCE_USED]
    if not 0 < span <= case.bundle.approval.decision_ttl_seconds:
        codes.append(_R.SNAPSHOT_CHANGED)
    return codes
