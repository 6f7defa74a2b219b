"""Open a request and decide its reviews.

Job: turn (request, decisions, signed review, reviewer, policy, now) into documents or a refusal.

Invariants
  I1  The requester, an author, an earlier reviewer, or anyone linked to them, never counts.
  I2  Stages are decided in order, each by its own roles, until each quorum is full.
  I3  A decision counts only with a valid, fresh, single-use signature over exactly this version.
  I4  All reasons are collected, in check order: a refusal names every rule that said no.
  I5  A request is judged under the bundle that it is pinned to; another bundle refuses.

Not here: execution (approvals.execution), waiting (flows), storage.
Source: governance rules 2.1 to 2.9; features TX-F2 to TX-F11, TX-F17, TX-F20, TX-Z1, TX-Z17.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from pydantic import Field

from counterseal.approvals.binding import time_in_force_allowed
from counterseal.approvals.expiry import execution_end
from counterseal.approvals.independence import Candidate, PersonLink, closure, is_staffable
from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    BatchNonce,
    RequestPayload,
    RequestStatus,
    ReviewNonce,
    decision_chain_hash,
    request_hash,
    request_reference,
)
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.approvals.review_checks import ReviewCase, SignedReview, check_review
from counterseal.approvals.routing import Preferred, check_wishes, route_seats
from counterseal.approvals.statement import DecisionStatement, Reviewer, unopened_sections
from counterseal.approvals.states import REQUEST_STATES, RequestEvent
from counterseal.identity.dsse import statement_digest
from counterseal.identity.people import Person
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import DomainModel, Refusal, refuse
from counterseal.policy.authorize import Action, authorize
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.policy.params import StageRule
from counterseal.policy.words import DecisionWord
from counterseal.signals.intent import exposure, side_of
from counterseal.signals.model import Direction, SignalRecord

_R: Final = ReasonCode
_SAME_AS_SIGNAL: Final = (
    "signal_id",
    "strategy_id",
    "strategy_version",
    "direction",
    "target_tx_equivalent",
    "confidence",
    "stop_distance_points",
    "data_version",
    "code_version",
    "parameters_hash",
)


class ReviewOutcome(DomainModel):
    """What an accepted review changes."""

    request: ApprovalRequest
    decision: ApprovalDecision
    nonce: ReviewNonce
    evaluation: PolicyEvaluation
    stage_complete: bool = Field(default=False)


def check_paper_only(paper_only: bool, approval_for_live: bool) -> Refusal | None:
    """Refuse what a caller claims beyond paper: `NOT_PAPER_ONLY`."""
    if paper_only and not approval_for_live:
        return None
    return refuse(_R.NOT_PAPER_ONLY, "only paper simulation can be asked for")


def decide_request(
    request_id: str,
    payload: RequestPayload,
    signal: SignalRecord,
    requester: Person,
    *,
    bundle: PolicyBundle,
    candidates: Sequence[Candidate],
    links: Sequence[PersonLink],
    ratio: Decimal,
    now: datetime,
    answered: ApprovalRequest | None = None,
    wishes: Sequence[Preferred] = (),
) -> ApprovalRequest | Refusal:
    """Open a request in `pending_review`.

    Args:
        request_id: Time-ordered id of the request.
        payload: The facts to bind.
        signal: The signal as taken in.
        requester: From the verified login.
        bundle: The policy in force.
        candidates: Everybody who could review in the tenant.
        links: Ids that are one person.
        ratio: TX-equivalent of one contract of the payload's symbol.
        now: The command's one instant.
        answered: The request that the payload cites in `answers`, or None when it is not there.
        wishes: Whom the requester would like to review; nobody else is kept from it.

    Returns:
        The request; or `ROLE` or `PERSON_DISABLED`, and the codes of `check_request`; or
        `SEAT_UNKNOWN`.
    """
    codes = check_request(
        payload,
        signal,
        requester,
        bundle=bundle,
        candidates=candidates,
        links=links,
        ratio=ratio,
        answered=answered,
        now=now,
    )
    refusal = refuse_all(codes, "the request cannot be opened", signal_id=payload.signal_id)
    if refusal is not None:
        return refusal
    rules = required_by(payload, bundle)
    unknown = check_wishes(wishes, rules)
    if unknown is not None:
        return unknown
    routing = route_seats(wishes, rules, candidates, barred_from(payload, bundle, links), links)
    return opened_request(request_id, payload, rules, now).amended(routing=routing)


def required_by(payload: RequestPayload, bundle: PolicyBundle) -> tuple[StageRule, ...]:
    """The stages that a payload needs under a policy, by its size and its strategy, in order."""
    size = payload.notional, payload.currency
    return bundle.approval.required_stages(*size, payload.strategy_id)


def barred_from(
    payload: RequestPayload, bundle: PolicyBundle, links: Sequence[PersonLink]
) -> frozenset[str]:
    """Who reviews no version of this request: the requester by every id, and all authors."""
    own = closure(payload.requester_id, links)
    return own.union(payload.author_ids, bundle.author_ids)


def check_request(
    payload: RequestPayload,
    signal: SignalRecord,
    requester: Person,
    *,
    bundle: PolicyBundle,
    candidates: Sequence[Candidate],
    links: Sequence[PersonLink],
    ratio: Decimal,
    answered: ApprovalRequest | None,
    now: datetime,
) -> list[ReasonCode]:
    """Every reason against opening a version of a request; arguments as of `decide_request`.

    Codes: `ROLE` or `PERSON_DISABLED`, alone; `OTHER_TENANT`, `POLICY_CHANGED`, `PAYLOAD_CHANGED`,
    `FLAT_SIGNAL`, `SIGNAL_MISMATCH`, `SIGNAL_EXPIRED`, `EXPOSURE_ABOVE_TARGET`,
    `QUANTITY_NOT_WHOLE`, `USES_ABOVE_POLICY`, `TIME_IN_FORCE_NOT_ALLOWED`, `ANSWER_INVALID` (it
    cites no own request that ended in `needs_data_review`), `REASON_TOO_SHORT`, `UNSTAFFABLE`.
    """
    role = authorize(Action.REQUEST, requester.held_roles(), active=requester.active)
    if role is not None:
        return [_R(role.code)]
    codes = _request_codes(payload, signal, requester, bundle, ratio=ratio, now=now)
    if payload.uses_max > bundle.approval.approval_uses_max:
        codes.append(_R.USES_ABOVE_POLICY)
    if not time_in_force_allowed(payload, market_day=bundle.approval.market_day_orders_allowed):
        codes.append(_R.TIME_IN_FORCE_NOT_ALLOWED)
    if payload.answers is not None and not _answers(payload, answered):
        codes.append(_R.ANSWER_INVALID)
    rules = required_by(payload, bundle)
    if not is_staffable(rules, candidates, barred_from(payload, bundle, links), links):
        codes.append(_R.UNSTAFFABLE)
    return codes


def _answers(payload: RequestPayload, cited: ApprovalRequest | None) -> bool:
    return (
        cited is not None
        and cited.approval_request_id == payload.answers
        and cited.status is RequestStatus.NEEDS_DATA
        and (cited.tenant, cited.requester_id) == (payload.tenant, payload.requester_id)
    )


def decide_review(
    request: ApprovalRequest,
    decisions: Sequence[ApprovalDecision],
    signed: SignedReview,
    reviewer: Reviewer,
    *,
    nonce: ReviewNonce | None,
    bundle: PolicyBundle,
    links: Sequence[PersonLink],
    now: datetime,
    session_ends_at: datetime | None = None,
    ceremony: BatchNonce | None = None,
) -> ReviewOutcome | Refusal:
    """Accept one signed review, or refuse it with every reason.

    `decisions` are the earlier ones of this version, in sequence; `reviewer` says who decides;
    `ceremony` is the batch that was prepared, for a review that was signed as one of many.

    Raises:
        InvariantError: never, unless a check is broken.
        PolicyError: see `approvals.review_checks.check_review`.
    """
    case = ReviewCase(
        request=request,
        decisions=tuple(decisions),
        signed=signed,
        reviewer=reviewer,
        nonce=nonce,
        bundle=bundle,
        links=tuple(links),
        ceremony=ceremony,
    )
    checked = check_review(case, now)
    if isinstance(checked, Refusal):
        return checked
    if nonce is None:
        raise InvariantError("a review passed without a nonce")
    decision = _decision(case, checked.statement, now)
    moved, complete = _moved(case, decision, now, session_ends_at)
    used = nonce.amended(used_at=now)
    return ReviewOutcome(
        request=moved,
        decision=decision,
        nonce=used,
        evaluation=checked.evaluation,
        stage_complete=complete,
    )


def _request_codes(
    payload: RequestPayload,
    signal: SignalRecord,
    requester: Person,
    bundle: PolicyBundle,
    *,
    ratio: Decimal,
    now: datetime,
) -> list[ReasonCode]:
    bound, told = dict(payload), dict(signal)
    flat = Direction.FLAT in {signal.direction, payload.direction}
    mismatch = any(bound[name] != told[name] for name in _SAME_AS_SIGNAL)
    wrong_side = not flat and payload.side != side_of(payload.direction)
    actual = exposure(payload.max_quantity, ratio)
    pinned = payload.policy_bundle_hash == bundle.bundle_hash and bundle.in_force(now)
    checks = (
        (_R.OTHER_TENANT, payload.tenant != requester.tenant),
        (_R.POLICY_CHANGED, not pinned),
        (_R.PAYLOAD_CHANGED, payload.requester_id != requester.person_id),
        (_R.FLAT_SIGNAL, flat),
        (_R.SIGNAL_MISMATCH, mismatch or wrong_side),
        (_R.SIGNAL_EXPIRED, now >= payload.signal_expires_at),
        (_R.EXPOSURE_ABOVE_TARGET, actual != payload.tx_equivalent),
        (_R.EXPOSURE_ABOVE_TARGET, actual > payload.target_tx_equivalent),
        (_R.QUANTITY_NOT_WHOLE, payload.max_quantity % 1 != 0),
        (_R.REASON_TOO_SHORT, len(payload.request_reason) < bundle.approval.reason_length_min),
    )
    return [code for code, failed in checks if failed]


def opened_request(
    request_id: str, payload: RequestPayload, rules: Sequence[StageRule], now: datetime
) -> ApprovalRequest:
    """Version 1 of a request in `pending_review`, with the stages that it requires."""
    return ApprovalRequest(
        approval_request_id=request_id,
        request_reference=request_reference(payload),
        version=1,
        tenant=payload.tenant,
        account_id=payload.account_id,
        requester_id=payload.requester_id,
        strategy_id=payload.strategy_id,
        signal_id=payload.signal_id,
        payload=payload,
        request_hash=request_hash(payload),
        status=RequestStatus.PENDING_REVIEW,
        required_review_count=sum(rule.quorum for rule in rules),
        required_decision_sequence=tuple(r.decision for r in rules for _ in range(r.quorum)),
        stages_required=tuple(rule.id for rule in rules),
        latest_chain_hash=request_hash(payload),
        created_at=now,
        updated_at=now,
        review_expires_at=now + timedelta(seconds=payload.review_ttl_seconds),
    )


def _decision(case: ReviewCase, statement: DecisionStatement, now: datetime) -> ApprovalDecision:
    taken = [d for d in case.decisions if d.approves and d.stage == statement.stage]
    draft = ApprovalDecision(
        approval_decision_id=statement.approval_decision_id,
        approval_request_id=case.request.approval_request_id,
        request_version=case.request.version,
        tenant=case.request.tenant,
        sequence=statement.sequence,
        seat=len(taken) + 1,
        stage=statement.stage,
        decision=statement.decision,
        meaning=statement.meaning,
        reviewer_id=statement.person,
        reviewer_role=statement.role,
        decision_reason=statement.comment_hash,
        decided_at=now,
        previous_chain_hash=case.request.latest_chain_hash,
        decision_hash=case.request.latest_chain_hash,
        statement_digest=statement_digest("decision", statement.json_value()),
        key_id=statement.key_id,
        key_class=statement.key_class,
        nonce=statement.nonce,
        issued_at=statement.issued_at,
        expires_at=statement.expires_at,
        demo_labels=case.reviewer.person.labels,
        on_behalf_of=statement.on_behalf_of,
        grant_id=statement.grant_id,
        evidence_unopened=unopened_sections(
            statement, case.bundle.approval.evidence_shown_required
        ),
        signature=case.signed.signature,
        batch=case.signed.batch,
    )
    return draft.amended(decision_hash=decision_chain_hash(draft))


def _moved(
    case: ReviewCase, decision: ApprovalDecision, now: datetime, session_ends_at: datetime | None
) -> tuple[ApprovalRequest, bool]:
    request = case.request
    rule = case.bundle.approval.for_strategy(request.payload.strategy_id).stage(decision.stage)
    if rule is None:
        raise InvariantError("an accepted review has no stage")
    request = request.amended(latest_chain_hash=decision.decision_hash, updated_at=now)
    if not decision.approves:
        rejected = decision.decision == DecisionWord.REJECTED
        event = RequestEvent.REJECT if rejected else RequestEvent.NEEDS_DATA
        return request.amended(status=REQUEST_STATES.next(request.status, event)), False
    request = request.amended(last_approval_at=now)
    if decision.seat < rule.quorum:
        return request, False
    request = request.amended(stages_done=(*request.stages_done, decision.stage))
    last = request.next_stage is None
    event = RequestEvent.APPROVE_LAST if last else RequestEvent.APPROVE_MORE
    request = request.amended(status=REQUEST_STATES.next(request.status, event))
    if not last:
        return request, True
    end = execution_end(
        request,
        (*case.decisions, decision),
        bundle_expires_at=case.bundle.expires_at,
        session_ends_at=session_ends_at,
    )
    return request.amended(execution_valid_until=end), True
