"""The last check before an order intent exists.

Job: prove from the signed decisions alone that an intent is approved now, and consume the approval.

Invariants
  I1  No stored status is trusted: signatures, order, quorum, independence, clocks are recomputed.
  I2  An approval is used once, or as often as its payload states; each use is checked anew.
  I3  Every bound field of the intent equals, or stays inside, what was approved.
  I4  The rules decide about the submitter, the clocks and the policy; they see what the decisions
      prove, and their answer is handed back with the outcome.

Not here: risk checks (risk), the operator's mandate (identity.mandate).
Source: governance rule 2.10; features TX-F18, TX-G4, TX-Z2 to TX-Z4, TX-Z10, TX-Z16.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from counterseal.approvals.authorization import (
    GovernedCase,
    SubmitFacts,
    judged,
    reason_codes,
    submit_question,
)
from counterseal.approvals.binding import binding_breaches
from counterseal.approvals.carrying import CaseVersion
from counterseal.approvals.delegation import DelegationGrant, decided_under_grant
from counterseal.approvals.escalation import roles_at
from counterseal.approvals.history import CaseFacts, verify_chain
from counterseal.approvals.independence import PersonLink, independence_codes
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestStatus
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.approvals.states import REQUEST_STATES, RequestEvent
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Refusal
from counterseal.kernel.money import NonNegative
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.evaluation import JudgedRefusal, PolicyEvaluation, with_evaluation
from counterseal.policy.params import StageRule
from counterseal.policy.words import Stage
from counterseal.signals.intent import PaperOrderIntent

_R: Final = ReasonCode


class CheckedExecution(DomainModel):
    """What the rules said about a submit, and the refusal, if any."""

    evaluation: PolicyEvaluation
    refusal: JudgedRefusal | None = None


class ExecutionCase(DomainModel):
    """Everything that the check reads.

    Attributes:
        decisions: All decisions of this version, in sequence.
        person_keys: The registered keys of everybody concerned.
        links: Who is one person with whom, from keys and from grants active during the case.
        grants, earlier: As in `approvals.history.CaseFacts`.
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
    grants: tuple[DelegationGrant, ...] = ()
    earlier: tuple[CaseVersion, ...] = ()
    session_ends_at: UtcDatetime | None = None


def check_execution(case: ExecutionCase, now: datetime) -> Refusal | None:
    """None when the intent is approved now; else the refusal of `judge_execution`."""
    return judge_execution(case, now).refusal


def judge_execution(case: ExecutionCase, now: datetime) -> CheckedExecution:
    """Whether the intent is approved now; a refusal has every reason, of the rules and of the host.

    Raises:
        PolicyError: `POLICY_ERROR` when the facts do not fit a question to the rules.
    """
    evaluation = _evaluation(case, now)
    refusal = _refusal(case, reason_codes(evaluation), now)
    return CheckedExecution(
        evaluation=evaluation,
        refusal=None if refusal is None else with_evaluation(refusal, evaluation),
    )


def _refusal(case: ExecutionCase, ruled: Sequence[ReasonCode], now: datetime) -> Refusal | None:
    chain = verify_chain(case.request, case.decisions, _facts(case))
    breaches = binding_breaches(case.request.payload, case.intent, case.ratio)
    codes = [*ruled, *_state_codes(case, now), *_quorum_codes(case), *_people_codes(case)]
    if not chain.holds:
        codes.append(_R.CHAIN_BROKEN)
    if breaches or case.intent.approval_id != case.request.approval_request_id:
        codes.append(_R.PAYLOAD_CHANGED)
    if not case.intent.paper_only or any(
        d.approval_for_live or not d.paper_only for d in case.decisions
    ):
        codes.append(_R.NOT_PAPER_ONLY)
    revoked = {k.key_id for k in case.person_keys if k.revoked_reason == "compromised"}
    if revoked & _signing_keys(case):
        codes.append(_R.KEY_REVOKED)
    return refuse_all(
        _without_expiry(codes) if _never_approved(case.request, codes) else codes,
        "the order is not approved as it stands",
        request=case.request.approval_request_id,
        status=case.request.status,
        changed=",".join(breaches),
        chain=chain.problem,
        first_bad=chain.first_bad or "",
    )


def _never_approved(request: ApprovalRequest, codes: Sequence[ReasonCode]) -> bool:
    """Whether no approval ever began to run, which another reason tells of as well."""
    return request.execution_valid_until is None and _R.STAGES_MISSING in codes


def _without_expiry(codes: Sequence[ReasonCode]) -> list[ReasonCode]:
    """The reasons without the end of an approval that was never given."""
    return [code for code in codes if code is not _R.EXECUTION_EXPIRED]


def _signing_keys(case: ExecutionCase) -> set[str]:
    """Keys that the approval stands on: the reviewers', and those of delegators they acted for."""
    under = {d.grant_id for d in case.decisions}
    lent = {grant.key_id for grant in case.grants if grant.grant_id in under}
    return lent | {d.key_id for d in case.decisions}


def _facts(case: ExecutionCase) -> CaseFacts:
    return CaseFacts(
        person_keys=case.person_keys,
        grants=case.grants,
        earlier=case.earlier,
        matrix=case.bundle.approval.void_matrix,
    )


def decide_consume(
    request: ApprovalRequest, order_id: str, now: datetime
) -> ApprovalRequest | Refusal:
    """Use the approval for one order; it stays approved while its payload allows another use.

    Refusals: `ALREADY_CONSUMED`, `TERMINAL`, `STAGES_MISSING`.
    """
    codes = _status_codes(request)
    refusal = refuse_all(codes, "the approval cannot be used", status=request.status)
    if refusal is not None:
        return refusal
    used = request.amended(orders=(*request.orders, order_id), updated_at=now)
    if len(used.orders) < request.payload.uses_max:
        return used
    status = REQUEST_STATES.next(request.status, RequestEvent.CONSUME)
    return used.amended(status=status, consumed_by_order=order_id)


def _status_codes(request: ApprovalRequest) -> list[ReasonCode]:
    spent = request.consumed_by_order is not None or request.status == RequestStatus.CONSUMED
    if spent or len(request.orders) >= request.payload.uses_max:
        return [_R.ALREADY_CONSUMED]
    if REQUEST_STATES.is_terminal(request.status):
        return [_R.TERMINAL]
    return [] if request.status == RequestStatus.APPROVED_FOR_PAPER else [_R.STAGES_MISSING]


def _evaluation(case: ExecutionCase, now: datetime) -> PolicyEvaluation:
    governed = GovernedCase(
        request=case.request, decisions=case.decisions, bundle=case.bundle, links=case.links
    )
    facts = SubmitFacts(
        submitter=case.submitter, notional=case.notional, session_ends_at=case.session_ends_at
    )
    return judged(governed, submit_question(governed, facts, now), now)


def _state_codes(case: ExecutionCase, now: datetime) -> list[ReasonCode]:
    codes = _status_codes(case.request)
    return [*codes, _R.CLOCK_BACKWARDS] if now < case.request.updated_at else codes


def _quorum_codes(case: ExecutionCase) -> list[ReasonCode]:
    payload = case.request.payload
    notional = max(payload.notional, case.notional)
    rules = case.bundle.approval.required_stages(notional, payload.currency, payload.strategy_id)
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
        if rule is None or not _fits(case, rule, decision):
            codes.append(_R.ROLE)
        elif decision.key_class < rule.key_class_min:
            codes.append(_R.KEY_CLASS_TOO_LOW)
    return codes


def _fits(case: ExecutionCase, rule: StageRule, decision: ApprovalDecision) -> bool:
    """Whether word and role are of the stage; a fallback role only from escalation on."""
    signed_for = [
        v.request
        for v in case.earlier
        for d in v.decisions
        if d.carried is None and d.statement_digest == decision.statement_digest
    ]
    version = case.request if decision.carried is None or not signed_for else signed_for[0]
    open_to = roles_at(rule, version, case.bundle.approval, decision.issued_at)
    return decision.reviewer_role in open_to and decision.decision == rule.decision


def _people_codes(case: ExecutionCase) -> list[ReasonCode]:
    payload = case.request.payload
    authors = {*payload.author_ids, *case.bundle.author_ids}
    codes: list[ReasonCode] = []
    own = [d for d in case.decisions if d.carried is None]
    if not all(decided_under_grant(d, payload, case.grants, case.person_keys) for d in own):
        codes.append(_R.GRANT_INVALID)
    earlier: list[str] = []
    for decision in case.decisions:
        codes += independence_codes(
            decision.reviewer_id, payload.requester_id, authors, earlier, case.links
        )
        earlier.append(decision.reviewer_id)
    return codes
