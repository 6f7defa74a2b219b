"""How reviewers review, fed back to them.

Job: count each reviewer's decisions, how fast and on what they were given, and what came of them.

Invariants
  I1  Another decision lowers no count of anybody.
  I2  Who has decided nothing is listed with zeros; a rate of nothing is None, never a division.
  I3  Numbers only: no verdict on a person, and nothing here takes part in a decision.

A decision is hasty when it came less than `HASTY_SECONDS` after its stage was due: nobody can have
read the case. The threshold is this view's, no policy's. A rubber stamp is an approval that was
hasty, or signed by who was shown nothing, or left closed what the bundle wanted opened. The seconds
between showing the case and the decision (N7) are told beside it; the command line prepares at the
signing, so they bound the reading time of windows only.

Not here: deciding (approvals), what a request looked like (views.approvals).
Source: governance rows N7 and N11, rule 2.7.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.approvals.statement import NOTHING_SHOWN, DecisionStatement
from counterseal.broker.model import Fill
from counterseal.desk.ports import Reader
from counterseal.desk.views.marks import PaperView
from counterseal.desk.views.standing import Case
from counterseal.desk.views.turns import cases_of, due_since
from counterseal.identity.people import Person
from counterseal.kernel.clock import UtcDatetime, seconds_between
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import EXACT, Currency, Exact
from counterseal.oms.model import Order
from counterseal.policy.params import ApprovalParameters
from counterseal.portfolio.ledger import PNL
from counterseal.portfolio.model import LedgerEntry

HASTY_SECONDS: Final = 30
"""Less than this after a stage was due, nobody has read the case."""

RATE_PLACES: Final = Decimal("0.0001")
_REALIZED: Final = "realized"


class CaseResult(DomainModel):
    """Realized profit of the fills of an approval's orders, before costs; signed."""

    approval_request_id: Name
    currency: Currency
    realized_pnl: Exact


class Loss(DomainModel):
    """What approved cases lost later, as a positive amount; profits are not set against it."""

    currency: Currency
    amount: Exact


class ReviewerRecord(DomainModel):
    """One reviewer.

    Attributes:
        approvals, hasty, unshown, bulk: Of `decisions`; `unshown` left something closed that was
            to be opened, `bulk` were signed with others as one.
        rubber_stamps: Of the approvals.
        approve_rate, bulk_rate: Of decisions; rubber_stamp_rate of approvals; four places at most,
            half even.
        due_to_decided_seconds, shown_to_decided_seconds: Medians; the lower of two middle ones.
        losing_cases: Approved cases whose orders realized a loss.
    """

    person_id: Name
    labels: tuple[Name, ...]
    decisions: int
    approvals: int
    hasty: int
    unshown: int
    bulk: int
    rubber_stamps: int
    approve_rate: Exact | None
    bulk_rate: Exact | None
    rubber_stamp_rate: Exact | None
    due_to_decided_seconds: Exact | None
    shown_to_decided_seconds: Exact | None
    losing_cases: int
    losses: tuple[Loss, ...]


class ReviewersView(PaperView):
    """All reviewers by id, and the threshold that `hasty` was counted with."""

    at: UtcDatetime
    hasty_seconds: int = HASTY_SECONDS
    reviewers: tuple[ReviewerRecord, ...]


def reviewers(reader: Reader, rules: ApprovalParameters, now: datetime) -> ReviewersView:
    """Everybody who may review or ever did."""
    cases = cases_of(reader, *reader.find(ApprovalRequest))
    results = case_results(reader.find(Order), reader.find(Fill), reader.find(LedgerEntry))
    people = {person.person_id: person for person in reader.find(Person)}
    return ReviewersView(at=now, reviewers=reviewer_records(people, rules, cases, results))


def reviewer_records(
    people: Mapping[str, Person],
    rules: ApprovalParameters,
    cases: Iterable[Case],
    results: Sequence[CaseResult],
) -> tuple[ReviewerRecord, ...]:
    """A record of everybody in `people` with a reviewer's role, and of everybody who decided."""
    roles = rules.reviewer_roles()
    given: dict[str, list[tuple[Case, ApprovalDecision]]] = {
        person_id: [] for person_id, person in people.items() if set(person.roles) & roles
    }
    for case in cases:
        for decision in case.decisions:
            if decision.carried is not None:
                continue
            given.setdefault(decision.reviewer_id, []).append((case, decision))
    return tuple(_record(i, people.get(i), given[i], results) for i in sorted(given))


def _record(
    person_id: str,
    person: Person | None,
    given: Sequence[tuple[Case, ApprovalDecision]],
    results: Sequence[CaseResult],
) -> ReviewerRecord:
    waits = [_due_to_decided(case, decision) for case, decision in given]
    hasty = [wait < HASTY_SECONDS for wait in waits]
    unshown = [unopened(decision) for _, decision in given]
    approves = [decision.approves for _, decision in given]
    bulk = sum(decision.batch is not None for _, decision in given)
    stamps = [a and (h or u) for a, h, u in zip(approves, hasty, unshown, strict=True)]
    approved = {c.request.approval_request_id for c, d in given if d.approves}
    lost = [r for r in results if r.approval_request_id in approved and r.realized_pnl < 0]
    return ReviewerRecord(
        person_id=person_id,
        labels=() if person is None else person.labels,
        decisions=len(given),
        approvals=sum(approves),
        hasty=sum(hasty),
        unshown=sum(unshown),
        bulk=bulk,
        rubber_stamps=sum(stamps),
        approve_rate=_rate(sum(approves), len(given)),
        bulk_rate=_rate(bulk, len(given)),
        rubber_stamp_rate=_rate(sum(stamps), sum(approves)),
        due_to_decided_seconds=_median(waits),
        shown_to_decided_seconds=_median([_shown_to_decided(d) for _, d in given]),
        losing_cases=len({r.approval_request_id for r in lost}),
        losses=_losses(lost),
    )


def case_results(
    orders: Iterable[Order], fills: Iterable[Fill], entries: Iterable[LedgerEntry]
) -> tuple[CaseResult, ...]:
    """What the fills of each approval's orders realized, from the ledger; none is no result.

    A fill that opens realizes nothing: the result lies with the case that closed the position.
    """
    approval_of = {order.order_id: order.approval_request_id for order in orders}
    case_of = {fill.fill_id: approval_of.get(fill.order_id) for fill in fills}
    sums: dict[tuple[str, Currency], Decimal] = {}
    for entry in entries:
        case = case_of.get(entry.cause_id)
        if entry.kind == _REALIZED and case is not None:
            signed = entry.amount if entry.credit_account == PNL else -entry.amount
            place = (case, entry.currency)
            sums[place] = EXACT.add(sums.get(place, Decimal(0)), signed)
    return tuple(
        CaseResult(approval_request_id=case, currency=currency, realized_pnl=amount)
        for (case, currency), amount in sorted(sums.items())
    )


def signed_statement(decision: ApprovalDecision) -> DecisionStatement | None:
    """What the reviewer signed, as the envelope has it; None when that is no decision."""
    try:
        payload = base64.b64decode(decision.signature.payload, validate=True)
        return DecisionStatement.model_validate_json(payload)
    except (ValueError, InputError):
        return None


def saw_nothing(decision: ApprovalDecision) -> bool:
    """Whether a decision was signed by who was shown nothing of the case."""
    signed = signed_statement(decision)
    return signed is None or signed.evidence_shown_hash == NOTHING_SHOWN


def unopened(decision: ApprovalDecision) -> bool:
    """Whether its signer was shown nothing, or left closed what the bundle wanted opened."""
    return bool(decision.evidence_unopened) or saw_nothing(decision)


def _due_to_decided(case: Case, decision: ApprovalDecision) -> Decimal:
    since = due_since(case, case.decisions.index(decision))
    return seconds_between(since, decision.decided_at)


def _shown_to_decided(decision: ApprovalDecision) -> Decimal:
    signed = signed_statement(decision)
    open_before = 0 if signed is None else signed.seconds_open
    return EXACT.add(seconds_between(decision.issued_at, decision.decided_at), Decimal(open_before))


def _rate(part: int, whole: int) -> Decimal | None:
    if not whole:
        return None
    return (Decimal(part) / whole).quantize(RATE_PLACES, ROUND_HALF_EVEN)


def _median(values: Sequence[Decimal]) -> Decimal | None:
    ranked = sorted(values)
    return ranked[(len(ranked) - 1) // 2] if ranked else None


def _losses(lost: Iterable[CaseResult]) -> tuple[Loss, ...]:
    sums: dict[Currency, Decimal] = {}
    for one in lost:
        sums[one.currency] = EXACT.subtract(sums.get(one.currency, Decimal(0)), one.realized_pnl)
    return tuple(Loss(currency=c, amount=amount) for c, amount in sorted(sums.items()))
