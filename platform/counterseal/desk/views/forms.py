"""What the approval forms offer.

Job: give the request form its defaults, and a reviewer the cases and decisions open to them.

Invariants
  I1  Nobody is offered a decision on an own request, after an own review, or without a role.
  I2  Who fills a form in comes from the login; a form has no field for it.

Not here: whether a sent form is accepted (approvals.decide), drawing (ui).
Source: features TX-F14 to TX-F16, TX-F17, TX-F20.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.approvals.independence import independence_codes
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.approvals.reasons import ReasonCode
from counterseal.desk.case_facts import links_of_case
from counterseal.desk.ports import Reader, newest_of
from counterseal.desk.views.approvals import (
    ApprovalStatusView,
    DecisionOption,
    QueueEntry,
    actionable_entries,
    approval_status,
)
from counterseal.desk.views.history import RecordFacts
from counterseal.desk.views.marks import (
    QUEUE_LIMIT,
    QUEUE_LIMIT_MAX,
    Badge,
    PaperView,
    checked_limit,
)
from counterseal.identity.people import Person
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Sha256, Text
from counterseal.kernel.money import Exact, NonNegative, Quantity
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.words import DecisionWord, Role, Stage
from counterseal.signals.model import Direction

_MILLISECOND: Final = 1000
_STEP: Final = Decimal("0.05")
_TARGET_STEPS: Final = 5
BOUNDARY_NOTES: Final = (
    "A request asks for a simulation on paper; it is no order and creates none.",
    "Two different people must approve before anything can be submitted.",
    "An approval binds what is asked here; any change needs a new approval.",
    "No approval given here ever permits live trading.",
)


class RequestForm(PaperView):
    """Defaults of a new request.

    Attributes:
        targets: TX-equivalents that may be chosen, in steps of 0.05.
        requester_id: The logged-in person, shown and never asked for.
    """

    requester_id: Name
    signal_id: Name
    strategy_id: Name = "customer-demo-strategy"
    strategy_version: Name = "0.1.0"
    direction: Direction = Direction.LONG
    target_tx_equivalent: NonNegative = _STEP
    targets: tuple[NonNegative, ...] = tuple(_STEP * n for n in range(_TARGET_STEPS + 1))
    confidence: Exact = Decimal("0.72")
    stop_distance_points: Quantity = Decimal(20)
    badges: tuple[Badge, ...]
    notes: tuple[Text, ...] = BOUNDARY_NOTES


def request_form(status: ApprovalStatusView, person: Person, now: datetime) -> RequestForm:
    """The form for a person; `now` (UTC) names the signal by its milliseconds since 1970."""
    return RequestForm(
        requester_id=person.person_id,
        signal_id=f"ui-paper-signal-{int(now.timestamp() * _MILLISECOND)}",
        badges=status.badges,
    )


class DecisionChoice(DomainModel):
    """A case that a person may decide, and the decisions open to them."""

    entry: QueueEntry
    options: tuple[DecisionOption, ...]


class BarredCase(DomainModel):
    """An open case that a person may not decide, and the rules that say so."""

    approval_request_id: Name
    codes: tuple[Name, ...]


class DecisionForm(PaperView):
    """What a reviewer may decide now; `empty_text` says so when that is nothing."""

    reviewer_id: Name
    choices: tuple[DecisionChoice, ...]
    barred: tuple[BarredCase, ...]
    empty_text: str


def decision_form(
    reader: Reader, bundle: PolicyBundle, person: Person, now: datetime
) -> DecisionForm:
    """Open cases, newest first, divided into those for this person and those barred."""
    choices: list[DecisionChoice] = []
    barred: list[BarredCase] = []
    for entry in actionable_entries(reader, bundle.approval, now):
        codes = _conflicts(reader, entry.approval_request_id, bundle, person, now)
        options = _options_for(entry.options, person.roles_for(entry.strategy_id))
        if not options:
            held = _options_for(entry.options, person.held_roles())
            codes = (*codes, ReasonCode.STRATEGY_SCOPE if held else ReasonCode.ROLE)
        if codes:
            barred.append(BarredCase(approval_request_id=entry.approval_request_id, codes=codes))
        else:
            choices.append(DecisionChoice(entry=entry, options=options))
    return DecisionForm(
        reviewer_id=person.person_id,
        choices=tuple(choices),
        barred=tuple(barred),
        empty_text="" if choices else "No request waits for a decision of yours.",
    )


def _options_for(
    options: tuple[DecisionOption, ...], held: frozenset[Role]
) -> tuple[DecisionOption, ...]:
    """Options within these roles, with one of them preselected."""
    found = []
    for option in options:
        roles = tuple(role for role in option.roles if role in held)
        if roles:
            default = option.default_role if option.default_role in roles else roles[0]
            found.append(option.amended(roles=roles, default_role=default))
    return tuple(found)


def _conflicts(
    reader: Reader, request_id: str, bundle: PolicyBundle, person: Person, now: datetime
) -> tuple[str, ...]:
    request = reader.get(ApprovalRequest, request_id)
    if request is None:
        return ("NOT_FOUND",)
    decided = reader.find(ApprovalDecision, approval_request_id=request_id)
    codes = independence_codes(
        person.person_id,
        request.requester_id,
        {*request.payload.author_ids, *bundle.author_ids},
        [d.reviewer_id for d in decided],
        links_of_case(reader, request.payload.created_at, now),
    )
    foreign = ("OTHER_TENANT",) if person.tenant != request.tenant else ()
    return (*foreign, *codes)


class DecisionEntry(DomainModel):
    """One decision with its hash references, for the reviewer history."""

    approval_decision_id: Name
    approval_request_id: Name
    sequence: int
    stage: Stage
    decision: DecisionWord
    reviewer_id: Name
    reviewer_role: Role
    decided_at: UtcDatetime
    previous_chain_hash: Sha256
    decision_hash: Sha256
    statement_digest: Sha256
    demo_labels: tuple[Name, ...]


class ApprovalsPanel(PaperView):
    """Status, what waits, and who decided what, newest first."""

    status: ApprovalStatusView
    pending: tuple[QueueEntry, ...]
    reviewer_history: tuple[DecisionEntry, ...]
    badges: tuple[Badge, ...]


def approvals_panel(
    reader: Reader,
    bundle: PolicyBundle,
    facts: RecordFacts,
    now: datetime,
    limit: int = QUEUE_LIMIT,
) -> ApprovalsPanel:
    """The whole panel; `limit` bounds each list, 1 to 200.

    Raises:
        InputError: `LIMIT_OUT_OF_RANGE`.
    """
    checked_limit(limit, QUEUE_LIMIT_MAX)
    status = approval_status(reader, bundle.approval, facts)
    decided = newest_of(reader, ApprovalDecision, "decided_at", limit)
    return ApprovalsPanel(
        status=status,
        pending=actionable_entries(reader, bundle.approval, now)[:limit],
        reviewer_history=tuple(_told(d) for d in decided),
        badges=status.badges,
    )


def _told(decision: ApprovalDecision) -> DecisionEntry:
    told = dict(decision)
    return DecisionEntry.model_validate({name: told[name] for name in DecisionEntry.model_fields})
