"""The chain of one case, rechecked, and the view of its history.

Job: verify every decision of a case against hashes and signatures, and name the first bad record.

Invariants
  I1  A changed reviewer, reason, role, word or time breaks the chain at that decision.
  I2  The view never says approved when the chain does not hold.
  I3  Live flags are false by type.
  I4  A carried decision holds only with the version that it was signed for, a delegate's only with
      the delegator's signed grant: without these facts the chain is broken.

Not here: the log's own chain (audit).
Source: features TX-F12, TX-F19, TX-Z10.
"""

from collections.abc import Sequence
from typing import Final, Literal

from counterseal.approvals.batch import statement_of
from counterseal.approvals.carrying import CaseVersion, carry_problem
from counterseal.approvals.delegation import DelegationGrant, decided_under_grant
from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    RequestStatus,
    decision_chain_hash,
    request_hash,
)
from counterseal.approvals.statement import DecisionStatement
from counterseal.identity.dsse import statement_digest
from counterseal.identity.keys import PersonKey
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.params import VoidRow

RECORD_POLICY: Final = "append-only, hash-chained, signed by each reviewer's own key"
_SIGNED: Final = (
    ("approval_request_id", "request_id"),
    ("request_version", "request_version"),
    ("approval_decision_id", "approval_decision_id"),
    ("tenant", "tenant"),
    ("sequence", "sequence"),
    ("stage", "stage"),
    ("decision", "decision"),
    ("meaning", "meaning"),
    ("reviewer_id", "person"),
    ("reviewer_role", "role"),
    ("on_behalf_of", "on_behalf_of"),
    ("grant_id", "grant_id"),
    ("key_id", "key_id"),
    ("key_class", "key_class"),
    ("nonce", "nonce"),
    ("issued_at", "issued_at"),
    ("expires_at", "expires_at"),
    ("paper_only", "paper_only"),
    ("approval_for_live", "approval_for_live"),
)


class ChainReport(DomainModel):
    """Outcome of a recheck; `first_bad` is the id of the first broken record."""

    holds: bool
    checked: int
    first_bad: Name | None = None
    problem: str = ""


class HistoryView(DomainModel):
    """A case as people read it."""

    request: ApprovalRequest
    decisions: tuple[ApprovalDecision, ...]
    current_status: RequestStatus
    pending_second_review: bool
    paper_simulation_approved: bool
    approval_for_live: Literal[False] = False
    live_execution_eligible: Literal[False] = False
    broker_api_called: Literal[False] = False
    record_policy: str = RECORD_POLICY
    chain: ChainReport
    message: str


class CaseFacts(DomainModel):
    """What the recheck of a case reads beside the case itself.

    Attributes:
        person_keys: The registered keys of everybody concerned, delegators included.
        grants: Delegations, as recorded.
        earlier: The versions that this one amended, newest first.
        matrix: The void matrix of the bundle that the case is pinned to; None when that is not at
            hand.
    """

    person_keys: tuple[PersonKey, ...]
    grants: tuple[DelegationGrant, ...] = ()
    earlier: tuple[CaseVersion, ...] = ()
    matrix: tuple[VoidRow, ...] | None = None


def verify_chain(
    request: ApprovalRequest, decisions: Sequence[ApprovalDecision], facts: CaseFacts
) -> ChainReport:
    """Recheck a case from its own bytes; stops at the first bad record."""
    if any(d.carried is not None for d in decisions) and facts.earlier:
        before, *older = facts.earlier
        report = verify_chain(before.request, before.decisions, facts.amended(earlier=tuple(older)))
        if not report.holds:
            return report
    if request.request_hash != request_hash(request.payload):
        return _bad(request.approval_request_id, 0, "the payload differs from the request hash")
    previous = request.request_hash
    for place, decision in enumerate(decisions):
        problem = decision_problem(request, decision, previous, place + 1, facts)
        if problem:
            return _bad(decision.approval_decision_id, place, problem)
        previous = decision.decision_hash
    if previous != request.latest_chain_hash:
        return _bad(
            request.approval_request_id, len(decisions), "the last decision is not the head"
        )
    return ChainReport(holds=True, checked=len(decisions))


def history_view(
    request: ApprovalRequest, decisions: Sequence[ApprovalDecision], facts: CaseFacts
) -> HistoryView:
    """The case, its decisions and whether they hold."""
    chain = verify_chain(request, decisions, facts)
    approved = request.status in {RequestStatus.APPROVED_FOR_PAPER, RequestStatus.CONSUMED}
    message = "paper simulation only; every decision verified"
    if not chain.holds:
        message = f"the chain is broken at {chain.first_bad}: {chain.problem}"
    return HistoryView(
        request=request,
        decisions=tuple(decisions),
        current_status=request.status,
        pending_second_review=request.status == RequestStatus.RESEARCH_APPROVED,
        paper_simulation_approved=approved and chain.holds,
        chain=chain,
        message=message,
    )


def _bad(record: str, checked: int, problem: str) -> ChainReport:
    return ChainReport(holds=False, checked=checked, first_bad=record, problem=problem)


def decision_problem(
    request: ApprovalRequest,
    decision: ApprovalDecision,
    previous: str,
    sequence: int,
    facts: CaseFacts,
) -> str:
    """Why a decision does not stand at its place in a case; empty when it does.

    Args:
        request: The case; its payload is compared with its hash by the caller.
        decision: As recorded.
        previous: Chain hash of the decision before, or the request hash.
        sequence: Its place, from 1.
        facts: The keys and grants concerned; of a carried decision the version before as well,
            whose own chain the caller verifies.
    """
    if decision.previous_chain_hash != previous or decision.sequence != sequence:
        return "it does not follow its predecessor"
    if decision.decision_hash != decision_chain_hash(decision):
        return "its words differ from its hash"
    if decision.carried is not None:
        return carry_problem(decision, request, next(iter(facts.earlier), None), facts.matrix)
    return _signed_problem(request, decision, previous, facts)


def _signed_problem(
    request: ApprovalRequest, decision: ApprovalDecision, previous: str, facts: CaseFacts
) -> str:
    if not decided_under_grant(decision, request.payload, facts.grants, facts.person_keys):
        return "it stands on no grant that holds"
    key = next((k for k in facts.person_keys if k.key_id == decision.key_id), None)
    if key is None or key.person_id != decision.reviewer_id or key.bootstrap:
        return "its key is not the reviewer's"
    if not key.counts_at(decision.decided_at):
        return "its key did not count at the time"
    try:
        statement = statement_of(decision, key)
    except IntegrityError as error:
        return f"its signature does not hold: {error.code}"
    return _unsigned_words(request, decision, statement, previous)


def _unsigned_words(
    request: ApprovalRequest,
    decision: ApprovalDecision,
    statement: DecisionStatement,
    previous: str,
) -> str:
    told, signed = vars(decision), vars(statement)
    for name, field in _SIGNED:
        if told[name] != signed[field]:
            return f"{name} is not what was signed"
    if statement.comment_hash != decision.decision_reason:
        return "decision_reason is not what was signed"
    if statement.prev_decision_hashes != (previous,):
        return "its predecessor is not what was signed"
    if decision.statement_digest != statement_digest("decision", statement.json_value()):
        return "statement_digest is not what was signed"
    same = statement.payload_hash == request.request_hash
    same_case = decision.approval_request_id == request.approval_request_id
    if not same or not same_case or decision.request_version != request.version:
        return "it was signed for another request or version"
    return ""
