"""Every check of one signed review.

Job: ask the rules who may decide, and when; add what they cannot see (signature, key, nonce,
statement, clock); collect all reasons, or give the verified statement.

Invariants
  I1  No check is skipped because an earlier one failed, as long as its facts exist.
  I2  Identity, role and key come from login and registry; the statement must agree with them.
  I3  The signature is verified with the registered public key, never with one from the statement.
  I4  Every answer of the rules is handed back, also with a refusal, so that it is recorded.

Not here: the questions (approvals.authorization), the new documents (approvals.decide).
Source: governance rules 2.5, 2.8, 2.9 and 3.
"""

from datetime import datetime
from typing import Final

from pydantic import Field

from counterseal.approvals.authorization import (
    GovernedCase,
    judged,
    reason_codes,
    review_question,
)
from counterseal.approvals.batch import ceremony_holds, statement_of
from counterseal.approvals.delegation import delegated_holds
from counterseal.approvals.escalation import roles_at
from counterseal.approvals.independence import PersonLink
from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    BatchNonce,
    BatchPath,
    ReviewNonce,
)
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.approvals.statement import (
    NOTHING_SHOWN,
    DecisionStatement,
    Reviewer,
    comment_hash,
    due_stage,
    meaning_of,
    stale_fields,
    unopened_sections,
)
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import DomainModel, Refusal, Signature, Text
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.evaluation import JudgedRefusal, PolicyEvaluation, with_evaluation
from counterseal.policy.params import EvidenceRule
from counterseal.policy.words import DecisionWord

_R: Final = ReasonCode
_STALE_CODE: Final = {
    "payload_hash": _R.PAYLOAD_CHANGED,
    "policy_bundle_hash": _R.POLICY_CHANGED,
    "evidence_pack_hash": _R.EVIDENCE_CHANGED,
}


class SignedReview(DomainModel):
    """What the reviewer sends: the word, the reason, and the signature over both.

    Attributes:
        signature: The statement and the signature over it.
        batch: For one of many that were signed as one; `signature` holds the statement alone then.
    """

    decision: DecisionWord
    reason: Text
    comment_salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    signature: Signature
    batch: BatchPath | None = None


class ReviewCase(DomainModel):
    """All facts about one review."""

    request: ApprovalRequest
    decisions: tuple[ApprovalDecision, ...]
    signed: SignedReview
    reviewer: Reviewer
    nonce: ReviewNonce | None
    bundle: PolicyBundle
    links: tuple[PersonLink, ...]
    ceremony: BatchNonce | None = None


class CheckedReview(DomainModel):
    """A verified statement, and what the rules said about it."""

    statement: DecisionStatement
    evaluation: PolicyEvaluation


def check_review(case: ReviewCase, now: datetime) -> CheckedReview | JudgedRefusal:
    """The verified statement, or a refusal with every reason, of the rules and of the host.

    Raises:
        PolicyError: `POLICY_ERROR` when the facts do not fit a question to the rules.
    """
    codes = [*_state_codes(case, now), *_grant_codes(case, now), *_key_codes(case, now)]
    statement: DecisionStatement | None = None
    try:
        key = case.reviewer.key
        if key is not None:
            statement = statement_of(case.signed, key)
    except IntegrityError as error:
        codes.append(_R(error.code))
    evaluation = _evaluation(case, statement, now)
    codes += reason_codes(evaluation)
    if statement is not None:
        codes += _statement_codes(case, statement, now)
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
    if refusal is None and statement is not None:
        return CheckedReview(statement=statement, evaluation=evaluation)
    return with_evaluation(refusal or _unsigned(), evaluation)


def judged_before_signing(
    refusal: Refusal, case: GovernedCase, reviewer: Reviewer, word: DecisionWord, now: datetime
) -> JudgedRefusal:
    """A refusal that came before anything was signed, with what the rules say of the same act.

    Raises:
        PolicyError: `POLICY_ERROR` when the facts do not fit a question to the rules.
    """
    evaluation = judged(case, review_question(case, reviewer, word, None, now), now)
    codes = dict.fromkeys((*refusal.codes, *reason_codes(evaluation)))
    return with_evaluation(refusal.amended(codes=tuple(codes)), evaluation)


def _evaluation(
    case: ReviewCase, statement: DecisionStatement | None, now: datetime
) -> PolicyEvaluation:
    governed = GovernedCase(
        request=case.request, decisions=case.decisions, bundle=case.bundle, links=case.links
    )
    asked = review_question(governed, case.reviewer, case.signed.decision, statement, now)
    return judged(governed, asked, now)


def _unsigned() -> Refusal:
    return Refusal(
        code=_R.SIGNATURE_INVALID, codes=(_R.SIGNATURE_INVALID,), message="nothing was signed"
    )


def _state_codes(case: ReviewCase, now: datetime) -> list[ReasonCode]:
    request = case.request
    checks = (
        (_R.CLOCK_BACKWARDS, now < request.updated_at),
        (_R.PAYLOAD_CHANGED, request.payload.digest != request.request_hash),
    )
    return [code for code, failed in checks if failed]


def _grant_codes(case: ReviewCase, now: datetime) -> list[ReasonCode]:
    delegated, request = case.reviewer.delegated, case.request
    holds = delegated is None or delegated_holds(
        delegated, case.reviewer.person.person_id, request.payload, request.next_stage, now
    )
    return [] if holds else [_R.GRANT_INVALID]


def _key_codes(case: ReviewCase, now: datetime) -> list[ReasonCode]:
    key, person = case.reviewer.key, case.reviewer.person
    if key is None or key.person_id != person.person_id or key.bootstrap:
        return [_R.KEY_NOT_ENROLLED]
    own = key.key_id == case.signed.signature.key_id and now >= key.effective_at
    codes = [] if own else [_R.KEY_NOT_ENROLLED]
    return codes if key.revoked_at is None else [*codes, _R.KEY_REVOKED]


def _raced(case: ReviewCase, statement: DecisionStatement) -> bool:
    """Whether somebody else decided between the preparation of the statement and now."""
    heads = [d.previous_chain_hash for d in case.decisions]
    return len(statement.prev_decision_hashes) == 1 and statement.prev_decision_hashes[0] in heads


def _statement_codes(
    case: ReviewCase, statement: DecisionStatement, now: datetime
) -> list[ReasonCode]:
    codes = [_STALE_CODE.get(f, _R.SNAPSHOT_CHANGED) for f in stale_fields(statement, case.request)]
    person, key, signed = case.reviewer.person, case.reviewer.key, case.signed
    due = due_stage(case.request, case.bundle.approval)
    raced = _raced(case, statement)
    grant = None if case.reviewer.delegated is None else case.reviewer.delegated.grant
    same = (
        statement.person == person.person_id,
        statement.role in case.reviewer.authority.held_roles(),
        statement.grant_id == (None if grant is None else grant.grant_id),
        statement.on_behalf_of == (None if grant is None else grant.delegator),
        statement.auth == case.reviewer.auth,
        key is not None and statement.key_id == key.key_id,
        key is not None and statement.key_class == key.key_class,
        statement.decision == signed.decision,
        statement.comment_hash == comment_hash(signed.comment_salt, signed.reason),
        raced or statement.sequence == len(case.decisions) + 1,
        raced or statement.prev_decision_hashes == (case.request.latest_chain_hash,),
        raced or due is None or statement.stage == due.id,
        raced or due is None or statement.meaning == meaning_of(signed.decision, due),
    )
    codes += [_R.LOST_RACE] if raced else []
    codes += _evidence_codes(statement, case.bundle.approval.evidence_shown_required)
    if not all(same):
        codes.append(_R.SNAPSHOT_CHANGED)
    approving = signed.decision not in {DecisionWord.REJECTED, DecisionWord.NEEDS_DATA}
    acting = case.reviewer.authority
    shut_out = acting.held_roles() - acting.roles_for(case.request.payload.strategy_id)
    codes += [_R.STRATEGY_SCOPE] if statement.role in shut_out else []
    open_to = () if due is None else roles_at(due, case.request, case.bundle.approval, now)
    if due is not None and approving and not raced and statement.role not in open_to:
        codes.append(_R.ROLE)
    return codes


def _evidence_codes(statement: DecisionStatement, rule: EvidenceRule) -> list[ReasonCode]:
    nothing = statement.evidence_shown_hash == NOTHING_SHOWN
    closed = nothing or bool(unopened_sections(statement, rule))
    return [_R.EVIDENCE_UNOPENED] if rule.blocks and closed else []


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
    batch, person = case.signed.batch, case.reviewer.person.person_id
    held = ceremony_holds(batch, case.ceremony, person, now)
    codes = [] if bound and held else [_R.NONCE_USED]
    if batch is not None and batch.size > case.bundle.approval.bulk_max:
        codes.append(_R.BULK_LIMIT)
    if not 0 < span <= case.bundle.approval.decision_ttl_seconds:
        codes.append(_R.SNAPSHOT_CHANGED)
    return codes
