"""What people see of approvals: status, queue, one case, and what may be decided.

Job: answer the questions of the approval pages from documents.

Invariants
  I1  A decision is offered only while stage and clock allow it, and never on a forged case.
  I2  Badges repeat what was read; none is a constant.

Not here: whether a case is forged (desk.views.history), forms (desk.views.forms), the rules
(approvals).
Source: features TX-F1, TX-F3, TX-F11, TX-F13, TX-F15, TX-F16.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from counterseal.approvals.escalation import roles_at
from counterseal.approvals.expiry import is_expired
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestStatus
from counterseal.approvals.statement import due_stage, meaning_of
from counterseal.desk.ports import Reader
from counterseal.desk.views.badges import broker_was_called
from counterseal.desk.views.history import (
    ChainVerdict,
    HistoryAnswer,
    RecordFacts,
    decisions_by_case,
    history,
    record_policy,
)
from counterseal.desk.views.marks import (
    QUEUE_LIMIT,
    QUEUE_LIMIT_MAX,
    Badge,
    PaperView,
    checked_limit,
    flag,
)
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Refusal, Sha256
from counterseal.kernel.money import Quantity
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.params import STAGE_COUNT_MIN, ApprovalParameters
from counterseal.policy.words import DecisionWord, Meaning, Role, Stage
from counterseal.signals.intent import Side

APPROVAL_MODE: Final = "paper_only_local_approval_foundation"
_OPEN: Final = frozenset({RequestStatus.PENDING_REVIEW, RequestStatus.RESEARCH_APPROVED})
_ENDINGS: Final = (DecisionWord.REJECTED, DecisionWord.NEEDS_DATA)


class DecisionOption(DomainModel):
    """A decision that a reviewer may give now.

    Attributes:
        roles: Roles that may give it, in the order of the policy.
        default_role: The one that a form preselects.
    """

    decision: DecisionWord
    meaning: Meaning
    roles: tuple[Role, ...]
    default_role: Role


def decision_options(
    request: ApprovalRequest, rules: ApprovalParameters, now: datetime
) -> tuple[DecisionOption, ...]:
    """What the due stage allows: its approving word, then the two endings; empty when closed.

    Once the case has escalated, the stage's fallback roles follow its own.
    """
    due = due_stage(request, rules) if request.status in _OPEN else None
    if due is None:
        return ()
    reviewers = tuple(role for role in Role if role in rules.reviewer_roles())
    compliance = Role.COMPLIANCE_REVIEWER
    default = compliance if compliance in reviewers else reviewers[0]
    roles = roles_at(due, request, rules, now)
    approve = DecisionOption(
        decision=due.decision, meaning=due.meaning, roles=roles, default_role=roles[0]
    )
    endings = (
        DecisionOption(
            decision=word, meaning=meaning_of(word, due), roles=reviewers, default_role=default
        )
        for word in _ENDINGS
    )
    return approve, *endings


class QueueEntry(DomainModel):
    """One request in a list.

    Attributes:
        expired: A clock of the case has run out, whether or not that is recorded yet.
        options: What a reviewer may decide now; empty when nothing.
    """

    approval_request_id: Name
    request_reference: Name
    status: RequestStatus
    next_stage: Stage | None
    strategy_id: Name
    strategy_version: Name
    signal_id: Name
    symbol: Name
    side: Side
    max_quantity: Quantity
    requester_id: Name
    created_at: UtcDatetime
    review_expires_at: UtcDatetime
    expired: bool
    options: tuple[DecisionOption, ...]

    @property
    def actionable(self) -> bool:
        """Whether anything may be decided now."""
        return bool(self.options)


class QueueView(PaperView):
    """Requests, newest first; `total` and `pending` count all, not only those listed."""

    limit: int
    total: int
    pending: int
    entries: tuple[QueueEntry, ...]


def queue(
    reader: Reader, rules: ApprovalParameters, now: datetime, limit: int = QUEUE_LIMIT
) -> QueueView:
    """The newest requests, 1 to 200, and what may be decided on each.

    Raises:
        InputError: `LIMIT_OUT_OF_RANGE`.
    """
    checked_limit(limit, QUEUE_LIMIT_MAX)
    entries = queue_entries(reader, rules, now)
    return QueueView(
        limit=limit,
        total=len(entries),
        pending=sum(entry.actionable for entry in entries),
        entries=entries[:limit],
    )


def queue_entries(
    reader: Reader, rules: ApprovalParameters, now: datetime
) -> tuple[QueueEntry, ...]:
    """Every request, newest first."""
    by_case = decisions_by_case(reader)
    requests = sorted(
        reader.find(ApprovalRequest), key=lambda r: (r.created_at, r.approval_request_id)
    )
    return tuple(
        _entry(r, by_case.get(r.approval_request_id, ()), rules, now) for r in reversed(requests)
    )


def _entry(
    request: ApprovalRequest,
    decisions: tuple[ApprovalDecision, ...],
    rules: ApprovalParameters,
    now: datetime,
) -> QueueEntry:
    bound = request.payload
    expired = is_expired(request, decisions, now)
    return QueueEntry(
        approval_request_id=request.approval_request_id,
        request_reference=request.request_reference,
        status=request.status,
        next_stage=request.next_stage if request.status in _OPEN else None,
        strategy_id=bound.strategy_id,
        strategy_version=bound.strategy_version,
        signal_id=bound.signal_id,
        symbol=bound.symbol,
        side=bound.side,
        max_quantity=bound.max_quantity,
        requester_id=request.requester_id,
        created_at=request.created_at,
        review_expires_at=request.review_expires_at,
        expired=expired,
        options=() if expired else decision_options(request, rules, now),
    )


class RequestDetail(PaperView):
    """One case as a reviewer is shown it; `shown_hash` is what the signature will name."""

    history: HistoryAnswer
    expired: bool
    options: tuple[DecisionOption, ...]
    shown_hash: Sha256


def request_detail(
    reader: Reader, request_id: str, bundle: PolicyBundle, facts: RecordFacts, now: datetime
) -> RequestDetail | Refusal:
    """One case; refusal `NOT_FOUND`. A forged case offers no decision."""
    answer = history(reader, request_id, bundle, facts)
    if isinstance(answer, Refusal):
        return answer
    entry = _entry(answer.request, answer.decisions, bundle.approval, now)
    return RequestDetail(
        history=answer,
        expired=entry.expired,
        options=entry.options if answer.verdict is ChainVerdict.VALID else (),
        shown_hash=shown_hash(answer.request, answer.decisions),
    )


def shown_hash(request: ApprovalRequest, decisions: Iterable[ApprovalDecision]) -> str:
    """Digest of a request and its decisions in sequence."""
    return digest(
        {"request": request.json_value(), "decisions": [d.json_value() for d in decisions]}
    )


class StatusCount(DomainModel):
    """How many requests stand where."""

    status: RequestStatus
    count: int


class ApprovalStatusView(PaperView):
    """What this approval service is, as probed, and how many requests it holds."""

    approval_mode: Literal["paper_only_local_approval_foundation"] = APPROVAL_MODE
    dual_review_required: bool
    roles: tuple[Role, ...]
    decisions: tuple[DecisionWord, ...]
    record_policy: str
    counts: tuple[StatusCount, ...]
    badges: tuple[Badge, ...]
    approval_for_live: Literal[False] = False


def approval_status(
    reader: Reader, rules: ApprovalParameters, facts: RecordFacts
) -> ApprovalStatusView:
    """Mode, law, record policy and counts; states without a request are left out."""
    found = reader.find(ApprovalRequest)
    standing = [request.status for request in found]
    always = [rule for rule in rules.stages if rule.required_from_notional is None]
    dual = len(always) >= STAGE_COUNT_MIN
    return ApprovalStatusView(
        dual_review_required=dual,
        roles=tuple(role for role in Role if role in rules.reviewer_roles()),
        decisions=tuple(DecisionWord),
        record_policy=record_policy(facts),
        counts=tuple(
            StatusCount(status=status, count=standing.count(status))
            for status in RequestStatus
            if status in standing
        ),
        badges=(
            Badge(name="PAPER_ONLY", value=flag(all(r.payload.paper_only for r in found))),
            Badge(name="DUAL_REVIEW_REQUIRED", value=flag(dual)),
            Badge(
                name="APPROVAL_FOR_LIVE",
                value=flag(any(r.payload.approval_for_live for r in found)),
            ),
            Badge(name="BROKER_API_CALLED", value=flag(broker_was_called(reader))),
        ),
    )
