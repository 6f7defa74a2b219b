"""The last check before an order intent exists.

Job: prove from the signed decisions alone that an intent is approved now, and consume the approval.

Invariants
  I1  No stored status is trusted: signatures, order, quorum, independence, clocks are recomputed.
  I2  An approval is used once, by one order.
  I3  Every bound field of the intent equals, or stays inside, what was approved.

Not here: risk checks (risk), the operator's mandate (identity.mandate).
Source: governance rule 2.10; features TX-F18, TX-G4, TX-Z2 to TX-Z4, TX-Z10, TX-Z16.
"""

from datetime import datetime
from typing import Final

from counterseal.approvals.binding import binding_breaches
from counterseal.approvals.expiry import execution_end
from counterseal.approvals.history import verify_chain
from counterseal.approvals.independence import PersonLink, closure, independence_codes
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestStatus
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.approvals.states import REQUEST_STATES, RequestEvent
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Refusal
from counterseal.kernel.money import NonNegative
from counterseal.policy.authorize import Action, authorize
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.words import Stage
from counterseal.signals.intent import PaperOrderIntent

_R: Final = ReasonCode


class ExecutionCase(DomainModel):
    """Everything that the check reads.

    Attributes:
        decisions: All decisions of this version, in sequence.
        person_keys: The registered keys of everybody concerned.
        ratio: TX-equivalent of one contract of the intent's symbol.
        notional: Of the intent at the market, in the payload's currency; the stages that it needs
            are asked for, whatever notional the request stated.
        submitter: From the verified login.
    """

    request: ApprovalRequest
    decisions: tuple[ApprovalDecision, ...]
    person_keys: tuple[PersonKey, ...]
    links: tuple[PersonLink, ...]
    bundle: PolicyBundle
    intent: PaperOrderIntent
    ratio: NonNegative
    notional: NonNegative
    submitter: Person
    session_ends_at: UtcDatetime | None = None


def check_execution(case: ExecutionCase, now: datetime) -> Refusal | None:
    """None when the intent is approved now; else a refusal with every reason."""
    chain = verify_chain(case.request, case.decisions, case.person_keys)
    breaches = binding_breaches(case.request.payload, case.intent, case.ratio)
    codes = [*_state_codes(case, now), *_quorum_codes(case), *_people_codes(case)]
    if not chain.holds:
        codes.append(_R.CHAIN_BROKEN)
    if breaches or case.intent.approval_id != case.request.approval_request_id:
        codes.append(_R.PAYLOAD_CHANGED)
    if not case.intent.paper_only or any(
        d.approval_for_live or not d.paper_only for d in case.decisions
    ):
        codes.append(_R.NOT_PAPER_ONLY)
    revoked = {k.key_id for k in case.person_keys if k.revoked_reason == "compromised"}
    if any(d.key_id in revoked for d in case.decisions):
        codes.append(_R.KEY_REVOKED)
    return refuse_all(
        codes,
        "the order is not approved as it stands",
        request=case.request.approval_request_id,
        status=case.request.status,
        changed=",".join(breaches),
        chain=chain.problem,
        first_bad=chain.first_bad or "",
    )


def decide_consume(
    request: ApprovalRequest, order_id: str, now: datetime
) -> ApprovalRequest | Refusal:
    """Spend the approval once; refusals `ALREADY_CONSUMED`, `TERMINAL`, `STAGES_MISSING`."""
    codes = _status_codes(request)
    refusal = refuse_all(codes, "the approval cannot be used", status=request.status)
    if refusal is not None:
        return refusal
    status = REQUEST_STATES.next(request.status, RequestEvent.CONSUME)
    return request.amended(status=status, consumed_by_order=order_id, updated_at=now)


def _status_codes(request: ApprovalRequest) -> list[ReasonCode]:
    if request.consumed_by_order is not None or request.status == RequestStatus.CONSUMED:
        return [_R.ALREADY_CONSUMED]
    if REQUEST_STATES.is_terminal(request.status):
        return [_R.TERMINAL]
    return [] if request.status == RequestStatus.APPROVED_FOR_PAPER else [_R.STAGES_MISSING]


def _state_codes(case: ExecutionCase, now: datetime) -> list[ReasonCode]:
    request, bundle = case.request, case.bundle
    codes = _status_codes(request)
    if now < request.updated_at:
        codes.append(_R.CLOCK_BACKWARDS)
    pinned = request.payload.policy_bundle_hash == bundle.bundle_hash
    if not pinned or not bundle.in_force(now):
        codes.append(_R.POLICY_CHANGED)
    end = execution_end(
        request,
        case.decisions,
        bundle_expires_at=bundle.expires_at,
        session_ends_at=case.session_ends_at,
    )
    stored = request.execution_valid_until
    if end is None or now >= end or (stored is not None and now >= stored):
        codes.append(_R.EXECUTION_EXPIRED)
    return codes


def _quorum_codes(case: ExecutionCase) -> list[ReasonCode]:
    payload = case.request.payload
    notional = max(payload.notional, case.notional)
    rules = case.bundle.approval.required_stages(notional, payload.currency)
    codes: list[ReasonCode] = []
    expected = [rule.id for rule in rules for _ in range(rule.quorum)]
    approvals = [d for d in case.decisions if d.approves]
    if any(not d.approves for d in case.decisions):
        codes.append(_R.TERMINAL)
    actual = [d.stage for d in approvals]
    if actual != expected:
        missing = set(expected) - set(actual)
        only_compliance = missing == {Stage.COMPLIANCE}
        in_order = actual == expected[: len(actual)]
        codes.append(_R.COMPLIANCE_MISSING if only_compliance else _R.STAGES_MISSING)
        codes += [] if in_order else [_R.OUT_OF_ORDER]
    by_stage = {rule.id: rule for rule in rules}
    for decision in approvals:
        rule = by_stage.get(decision.stage)
        if (
            rule is None
            or decision.reviewer_role not in rule.roles
            or decision.decision != rule.decision
        ):
            codes.append(_R.ROLE)
        elif decision.key_class < rule.key_class_min:
            codes.append(_R.KEY_CLASS_TOO_LOW)
    return codes


def _people_codes(case: ExecutionCase) -> list[ReasonCode]:
    payload, submitter = case.request.payload, case.submitter
    authors = {*payload.author_ids, *case.bundle.author_ids}
    codes: list[ReasonCode] = []
    earlier: list[str] = []
    for decision in case.decisions:
        codes += independence_codes(
            decision.reviewer_id, payload.requester_id, authors, earlier, case.links
        )
        earlier.append(decision.reviewer_id)
    role = authorize(Action.SUBMIT, submitter.held_roles(), active=submitter.active)
    if role is not None:
        codes.append(_R(role.code))
    if submitter.tenant != case.request.tenant:
        codes.append(_R.OTHER_TENANT)
    self_ids = closure(submitter.person_id, case.links)
    if case.bundle.approval.distinct_submitter and self_ids & set(earlier):
        codes.append(_R.ALREADY_REVIEWED)
    return codes
