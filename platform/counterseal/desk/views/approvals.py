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
from counterseal.desk.ports import Reader, Wanted, newest_of
from counterseal.desk.views.badges import broker_was_called
from counterseal.desk.views.history import (
    ChainVerdict,
    HistoryAnswer,
    RecordFacts,
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
from counterseal.desk.views.turns import IN_REVIEW, OPEN, cases_of
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Refusal, Sha256
from counterseal.kernel.money import Quantity
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.params import STAGE_COUNT_MIN, ApprovalParameters
from counterseal.policy.words import DecisionWord, Meaning, Role, Stage
from counterseal.signals.intent import Side

APPROVAL_MODE: Final = "paper_only_local_approval_foundation"
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
    due = due_stage(request, rules) if request.status.value in IN_REVIEW else None
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
    return QueueView(
        limit=limit,
        total=reader.count(ApprovalRequest),
        pending=len(actionable_entries(reader, rules, now)),
        entries=newest_entries(reader, rules, now, limit),
    )


def newest_entries(
    reader: Reader,
    rules: ApprovalParameters,
    now: datetime,
    limit: int,
    behind: int = 0,
    **equal: Wanted,
) -> tuple[QueueEntry, ...]:
    """At most `limit` requests, newest first, behind so many newer ones; only these are read."""
    found = newest_of(reader, ApprovalRequest, "created_at", limit, behind, **equal)
    return _entries(reader, found, rules, now)


def actionable_entries(
    reader: Reader, rules: ApprovalParameters, now: datetime, tenant: str | None = None
) -> tuple[QueueEntry, ...]:
    """Every request that may be decided now, newest first, of all tenants or of one.

    Cases that are over are not read, however many there are.
    """
    found = reader.find(ApprovalRequest, status=IN_REVIEW)
    own = [r for r in found if tenant in (None, r.tenant)]
    own.sort(key=lambda r: (r.created_at, r.approval_request_id), reverse=True)
    return tuple(e for e in _entries(reader, own, rules, now) if e.actionable)


def _entries(
    reader: Reader, requests: Iterable[ApprovalRequest], rules: ApprovalParameters, now: datetime
) -> tuple[QueueEntry, ...]:
    cases = cases_of(reader, *requests)
    return tuple(_entry(case.request, case.decisions, rules, now) for case in cases)


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
        next_stage=request.next_stage if request.status.value in IN_REVIEW else None,
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
    """Mode, law, record policy and counts; states without a request are left out.

    The badges tell of the requests that may still lead to an order.
    """
    standing = {
        status: reader.count(ApprovalRequest, status=status.value) for status in RequestStatus
    }
    alive = reader.find(ApprovalRequest, status=OPEN)
    always = [rule for rule in rules.stages if rule.required_from_notional is None]
    dual = len(always) >= STAGE_COUNT_MIN
    return ApprovalStatusView(
        dual_review_required=dual,
        roles=tuple(role for role in Role if role in rules.reviewer_roles()),
        decisions=tuple(DecisionWord),
        record_policy=record_policy(facts),
        counts=tuple(
            StatusCount(status=status, count=count) for status, count in standing.items() if count
        ),
        badges=(
            Badge(name="PAPER_ONLY", value=flag(all(r.payload.paper_only for r in alive))),
            Badge(name="DUAL_REVIEW_REQUIRED", value=flag(dual)),
            Badge(
                name="APPROVAL_FOR_LIVE",
                value=flag(any(r.payload.approval_for_live for r in alive)),
            ),
            Badge(name="BROKER_API_CALLED", value=flag(broker_was_called(reader))),
        ),
    )
