"""The chain of one case, rechecked, and the view of its history.

Job: verify every decision of a case against hashes and signatures, and name the first bad record.

Invariants
  I1  A changed reviewer, reason, role, word or time breaks the chain at that decision.
  I2  The view never says approved when the chain does not hold.
  I3  Live flags are false by type.

Not here: the log's own chain (audit).
Source: features TX-F12, TX-F19, TX-Z10.
"""

from collections.abc import Sequence
from typing import Final, Literal

from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    RequestStatus,
    decision_chain_hash,
    request_hash,
)
from counterseal.approvals.statement import DecisionStatement, read_statement
from counterseal.identity.dsse import statement_digest
from counterseal.identity.keys import PersonKey
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import DomainModel, Name

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


def verify_chain(
    request: ApprovalRequest, decisions: Sequence[ApprovalDecision], keys: Sequence[PersonKey]
) -> ChainReport:
    """Recheck a case from its own bytes; stops at the first bad record."""
    by_id = {key.key_id: key for key in keys}
    if request.request_hash != request_hash(request.payload):
        return _bad(request.approval_request_id, 0, "the payload differs from the request hash")
    previous = request.request_hash
    for place, decision in enumerate(decisions):
        problem = _problem(request, decision, previous, place + 1, by_id.get(decision.key_id))
        if problem:
            return _bad(decision.approval_decision_id, place, problem)
        previous = decision.decision_hash
    if previous != request.latest_chain_hash:
        return _bad(
            request.approval_request_id, len(decisions), "the last decision is not the head"
        )
    return ChainReport(holds=True, checked=len(decisions))


def history_view(
    request: ApprovalRequest, decisions: Sequence[ApprovalDecision], keys: Sequence[PersonKey]
) -> HistoryView:
    """The case, its decisions and whether they hold."""
    chain = verify_chain(request, decisions, keys)
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


def _problem(
    request: ApprovalRequest,
    decision: ApprovalDecision,
    previous: str,
    sequence: int,
    key: PersonKey | None,
) -> str:
    if decision.previous_chain_hash != previous or decision.sequence != sequence:
        return "it does not follow its predecessor"
    if decision.decision_hash != decision_chain_hash(decision):
        return "its words differ from its hash"
    if key is None or key.person_id != decision.reviewer_id or key.bootstrap:
        return "its key is not the reviewer's"
    if not key.counts_at(decision.decided_at):
        return "its key did not count at the time"
    try:
        statement = read_statement(decision.signature, key.public_key)
    except IntegrityError as error:
        return f"its signature does not hold: {error.code}"
    return _unsigned_words(request, decision, statement, previous)


def _unsigned_words(
    request: ApprovalRequest,
    decision: ApprovalDecision,
    statement: DecisionStatement,
    previous: str,
) -> str:
    told, signed = dict(decision), dict(statement)
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
