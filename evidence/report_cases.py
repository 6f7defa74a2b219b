"""The documents of a report, put together case by case.

Job: join a request with its decisions, orders, fills, checks, entries and refusals.

Invariants
  I1  A case shows its own records' documents only; what was booked elsewhere is not added.
  I2  Profit is what the ledger entries of the case's fills say, and nothing else.

Not here: reading records (evidence.report_fold), pages (evidence.report).
Source: trading reference part 6; governance rules 2.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple, TypeVar

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.broker.model import Fill
from counterseal.identity.keys import PersonKey
from counterseal.kernel.money import EXACT
from counterseal.oms.model import ExecutionReport, Order, OrderEvent
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.portfolio.ledger import COST, PNL
from counterseal.portfolio.lots import LotClosing
from counterseal.portfolio.model import LedgerEntry
from counterseal.risk.model import RiskEvaluation
from evidence.report_fold import Refused, Report

T = TypeVar("T")


class Signed(NamedTuple):
    """A decision, and the key that signed it.

    Attributes:
        scheme: Of the reviewer's own signature, alone or over a batch.
        key: As enrolled in the records of the pack; None when they do not hold it.
    """

    decision: ApprovalDecision
    scheme: str
    key: PersonKey | None


class Result(NamedTuple):
    """What ledger entries say: amounts in one currency; costs are fees and tax."""

    currency: str
    realized: Decimal
    costs: Decimal

    @property
    def net(self) -> Decimal:
        """Realized profit less costs."""
        return EXACT.subtract(self.realized, self.costs)


class OrderStory(NamedTuple):
    """One order and everything that was reported of it."""

    order: Order
    events: tuple[OrderEvent, ...]
    reports: tuple[ExecutionReport, ...]
    fills: tuple[Fill, ...]
    risk: tuple[RiskEvaluation, ...]


class Case(NamedTuple):
    """One request and what followed.

    Attributes:
        reviews: Decisions in the order of their seats' turns.
        rules: What the rules answered whenever they were asked about the case.
        closings: Lots that the case's fills closed.
        results: One for each currency that was booked in; empty when nothing was.
    """

    request: ApprovalRequest
    reviews: tuple[Signed, ...]
    rules: tuple[PolicyEvaluation, ...]
    orders: tuple[OrderStory, ...]
    entries: tuple[LedgerEntry, ...]
    closings: tuple[LotClosing, ...]
    refused: tuple[Refused, ...]
    results: tuple[Result, ...]


def cases_of(report: Report) -> tuple[Case, ...]:
    """The cases whose requests are shown, oldest first."""
    keys = {key.key_id: key for key in report.shown(PersonKey)}
    decisions = _by(report.shown(ApprovalDecision), lambda one: one.approval_request_id)
    rules = _by(report.shown(PolicyEvaluation), lambda one: one.subject)
    stories = _by(_stories(report), lambda one: one.order.approval_request_id)
    entries = _by(report.shown(LedgerEntry), lambda one: one.cause_id)
    closings = _by(report.shown(LotClosing), lambda one: one.closed_by)
    refused = _by(report.refused, lambda one: one.line.stream)
    found = []
    for request in report.shown(ApprovalRequest):
        name = request.approval_request_id
        orders = tuple(stories[name])
        fills = [fill.fill_id for story in orders for fill in story.fills]
        booked = tuple(entry for fill in fills for entry in entries[fill])
        reviews = sorted(decisions[name], key=lambda one: one.sequence)
        found.append(
            Case(
                request=request,
                reviews=tuple(signed(one, keys.get(one.key_id)) for one in reviews),
                rules=tuple(rules[name]),
                orders=orders,
                entries=booked,
                closings=tuple(one for fill in fills for one in closings[fill]),
                refused=tuple(refused[f"case:{name}"]),
                results=results_of(booked),
            )
        )
    return tuple(found)


def signed(decision: ApprovalDecision, key: PersonKey | None) -> Signed:
    """A decision with the scheme of the signature that stands behind it."""
    batch = decision.batch
    scheme = decision.signature.scheme if batch is None else f"{batch.signature.scheme}, batch"
    return Signed(decision, scheme, key)


def results_of(entries: Iterable[LedgerEntry]) -> tuple[Result, ...]:
    """Profit and costs that entries say, by currency in the order of the first entry."""
    found: dict[str, Result] = {}
    for entry in entries:
        told = found.get(entry.currency, Result(entry.currency, Decimal(0), Decimal(0)))
        found[entry.currency] = told._replace(
            realized=EXACT.add(told.realized, -_into(PNL, entry)),
            costs=EXACT.add(told.costs, _into(COST, entry)),
        )
    return tuple(found.values())


def _into(account: str, entry: LedgerEntry) -> Decimal:
    """What an entry moves into the ledger accounts of that name: above zero what they were paid."""
    paid = entry.amount if entry.debit_account.startswith(account) else Decimal(0)
    taken = entry.amount if entry.credit_account.startswith(account) else Decimal(0)
    return EXACT.subtract(paid, taken)


def _stories(report: Report) -> list[OrderStory]:
    events = _by(report.shown(OrderEvent), lambda one: one.order_id)
    reports = _by(report.shown(ExecutionReport), lambda one: one.order_id)
    fills = _by(report.shown(Fill), lambda one: one.order_id)
    risk = _by(report.shown(RiskEvaluation), lambda one: one.order_id)
    return [
        OrderStory(
            order=order,
            events=tuple(events[order.order_id]),
            reports=tuple(reports[order.order_id]),
            fills=tuple(fills[order.order_id]),
            risk=tuple(risk[order.order_id]),
        )
        for order in report.shown(Order)
    ]


def _by(values: Iterable[T], key: Callable[[T], str]) -> defaultdict[str, list[T]]:
    found: defaultdict[str, list[T]] = defaultdict(list)
    for value in values:
        found[key(value)].append(value)
    return found
