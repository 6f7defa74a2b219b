"""Apply what a gateway said.

Job: take one report into its order, once, in whatever order reports come. Pure.

Invariants
  I1  A report seen before changes nothing; its id with other content is refused, never overwritten.
  I2  However the reports of one order are interleaved, filled, working and rest end the same.
  I3  A report that contradicts the order changes no quantity: the order becomes UNKNOWN, unless it
      has ended, and the report is kept.
  I4  A report under the ClOrdID of a pending replace proves the grant.

Not here: the report's shape, its contradictions (oms.ingest); lookups, books (desk.ingesting).
Source: TX-I5; trading reference 3.2 and 3.3.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from counterseal.kernel.model import DomainModel, Refusal, refuse
from counterseal.kernel.money import exact_text
from counterseal.oms.apply import apply_event, apply_fill, joined, record_step
from counterseal.oms.ingest import (
    BrokerReport,
    Disposition,
    FixExecType,
    FixOrdStatus,
    IngestedReport,
    contradiction,
)
from counterseal.oms.model import Execution, Order, OrderChange
from counterseal.oms.outside import apply_cancel_refused, apply_reconciled, apply_triggered
from counterseal.oms.replace import apply_replace_refused, apply_replaced
from counterseal.oms.states import ORDER_TABLE, OrderEventType, OrderState

_UNKNOWN: Final = OrderState.UNKNOWN_NEEDS_RECONCILIATION
_Step = Callable[[Order, BrokerReport, datetime], OrderChange | Refusal]


class Ingested(DomainModel):
    """One report, taken in.

    Attributes:
        kept: The report to store; None for one that was stored before.
        change: What it did to the order; None without an order.
        refusal: The incident, if it is one: `EXECUTION_ID_REUSED`, `REPORT_OF_UNKNOWN_ORDER`,
            `REPORT_CONTRADICTS_ORDER`.
    """

    disposition: Disposition
    kept: IngestedReport | None
    change: OrderChange | None
    refusal: Refusal | None = None

    @property
    def execution(self) -> Execution | None:
        """The fill that the report added to the order; None when it added none."""
        order = None if self.change is None or not self.change.reports else self.change.order
        if order is None or self.kept is None:
            return None
        return next((e for e in order.executions if e.exec_id == self.kept.exec_id), None)


def ingest(
    order: Order | None,
    report: BrokerReport,
    known: IngestedReport | None,
    at: datetime,
    *,
    gateway: str,
    problem: str = "",
) -> Ingested:
    """Take a report in at `at` (UTC).

    Args:
        order: The order that the report's ClOrdID belongs to; None when it belongs to none.
        report: As the gateway gave it.
        known: What was stored under its id before.
        at: When it is taken in.
        gateway: Name of who gave it.
        problem: Why it cannot be true, seen elsewhere; empty when nothing was seen.
    """
    if known is not None:
        return _again(order, report, known)
    problem = "no such order" if order is None else problem or contradiction(order, report)
    if order is None:
        return _incident(None, report, at, gateway, Disposition.UNKNOWN_ORDER, problem)
    if not problem:
        outcome = _applied(order, report, at)
        if isinstance(outcome, OrderChange):
            moved = outcome.order != order
            word = Disposition.APPLIED if moved else Disposition.NOTED
            kept = _kept(order, report, at, gateway, word)
            return Ingested(disposition=word, kept=kept, change=outcome)
        problem = outcome.message
    return _incident(order, report, at, gateway, Disposition.CONTRADICTION, problem)


def _again(order: Order | None, report: BrokerReport, known: IngestedReport) -> Ingested:
    change = None if order is None else OrderChange(order=order)
    if known.report == report:
        return Ingested(disposition=Disposition.NOTED, kept=None, change=change)
    refusal = refuse(
        "EXECUTION_ID_REUSED", "the report's id was seen with other content", exec_id=report.exec_id
    )
    word = Disposition.ID_REUSED
    return Ingested(disposition=word, kept=None, change=change, refusal=refusal)


def _kept(
    order: Order | None,
    report: BrokerReport,
    at: datetime,
    gateway: str,
    word: Disposition,
    problem: str = "",
) -> IngestedReport:
    return IngestedReport(
        exec_id=report.exec_id,
        gateway=gateway,
        order_id=None if order is None else order.order_id,
        sequence=report.sequence,
        disposition=word,
        problem=problem,
        report=report,
        ingested_at=at,
    )


def _incident(
    order: Order | None,
    report: BrokerReport,
    at: datetime,
    gateway: str,
    word: Disposition,
    problem: str,
) -> Ingested:
    lost = word is Disposition.UNKNOWN_ORDER
    code = "REPORT_OF_UNKNOWN_ORDER" if lost else "REPORT_CONTRADICTS_ORDER"
    return Ingested(
        disposition=word,
        kept=_kept(order, report, at, gateway, word, problem),
        change=None if order is None else marked_unknown(order, at, problem),
        refusal=refuse(code, problem, exec_id=report.exec_id, cl_ord_id=report.cl_ord_id),
    )


def marked_unknown(order: Order, at: datetime, reason: str) -> OrderChange:
    """The order as UNKNOWN at `at` (UTC); unchanged when it has ended or is unknown already."""
    marked = apply_event(order, OrderEventType.MARK_UNKNOWN, at, reason=reason)
    return OrderChange(order=order) if isinstance(marked, Refusal) else marked


def _applied(order: Order, report: BrokerReport, at: datetime) -> OrderChange | Refusal:
    granted = _implied_grant(order, report, at)
    if isinstance(granted, Refusal):
        return granted
    after = _STEPS[report.exec_type](granted.order, report, at)
    return after if isinstance(after, Refusal) else joined(granted, after)


def _implied_grant(order: Order, report: BrokerReport, at: datetime) -> OrderChange | Refusal:
    """The pending replace as granted when the report names its ClOrdID as one in force."""
    asked = order.pending_replace
    named = asked is not None and asked.cl_ord_id in {report.cl_ord_id, report.orig_cl_ord_id}
    if asked is None or not named or report.exec_type in _NO_GRANT:
        return OrderChange(order=order)
    total = report.cum_quantity + report.leaves_quantity
    told = report.leaves_quantity or report.exec_type is FixExecType.REPLACED
    whole = report.ord_status is FixOrdStatus.FILLED
    return apply_replaced(
        order,
        quantity=total if told or whole else max(asked.quantity, total),
        limit_price=asked.limit_price,
        stop_price=asked.stop_price,
        good_till=asked.good_till,
        cl_ord_id=asked.cl_ord_id,
        at=at,
    )


def _noted(order: Order, _: BrokerReport, __: datetime) -> OrderChange:
    return OrderChange(order=order)


def _new(order: Order, _: BrokerReport, at: datetime) -> OrderChange | Refusal:
    if order.state is OrderState.SUBMITTED:
        return apply_event(order, OrderEventType.ACKNOWLEDGE, at)
    if order.state_beneath is OrderState.SUBMITTED:
        known = order.amended(state_beneath=OrderState.ACCEPTED, priority_at=at)
        return record_step(order, known, OrderEventType.ACKNOWLEDGE, at, reason="cancel pending")
    return OrderChange(order=order)


def _trade(order: Order, report: BrokerReport, at: datetime) -> OrderChange | Refusal:
    if report.last_quantity is None or report.last_price is None:
        return refuse("FILL_WITHOUT_QUANTITY", "a fill has a quantity and a price")
    fill = Execution(
        exec_id=report.exec_id,
        last_quantity=report.last_quantity,
        last_price=report.last_price,
        occurred_at=report.transact_time,
    )
    return apply_fill(order, fill, at)


def _canceled(order: Order, report: BrokerReport, at: datetime) -> OrderChange | Refusal:
    if order.state in (OrderState.CANCELLED, OrderState.EXPIRED, _UNKNOWN):
        return OrderChange(order=order)
    first = OrderChange(order=order)
    if not order.cancel_pending:
        asked = apply_event(order, OrderEventType.CANCEL_REQUEST, at, reason=report.text)
        if isinstance(asked, Refusal):
            return asked
        first = asked
    done = apply_event(first.order, OrderEventType.CANCEL, at, reason=report.text)
    return done if isinstance(done, Refusal) else joined(first, done)


def _expired(order: Order, report: BrokerReport, at: datetime) -> OrderChange | Refusal:
    if order.state in (OrderState.CANCELLED, OrderState.EXPIRED, _UNKNOWN):
        return OrderChange(order=order)
    first = OrderChange(order=order)
    if not ORDER_TABLE.allows(order.state, OrderEventType.EXPIRE) and order.cancel_pending:
        beneath = apply_cancel_refused(order, at, "the order expired first")
        if isinstance(beneath, Refusal):
            return beneath
        first = beneath
    done = apply_event(first.order, OrderEventType.EXPIRE, at, reason=report.text)
    return done if isinstance(done, Refusal) else joined(first, done)


def _rejected(order: Order, report: BrokerReport, at: datetime) -> OrderChange | Refusal:
    if order.state in (OrderState.REJECTED, _UNKNOWN):
        return OrderChange(order=order)
    return apply_event(order, OrderEventType.REJECT, at, reason=report.text)


def _replaced(order: Order, report: BrokerReport, _: datetime) -> OrderChange | Refusal:
    ids = (*order.cl_ord_ids, order.cl_ord_id)
    if ids.index(report.cl_ord_id) <= ids.index(order.cl_ord_id):
        return OrderChange(order=order)
    return refuse("REPORT_CONTRADICTS_ORDER", "no replace waits for this grant")


def _cancel_rejected(order: Order, report: BrokerReport, at: datetime) -> OrderChange | Refusal:
    if order.cancel_pending and order.cancel_id in {report.cl_ord_id, None}:
        return apply_cancel_refused(order, at, report.text)
    return OrderChange(order=order)


def _replace_rejected(order: Order, report: BrokerReport, at: datetime) -> OrderChange | Refusal:
    asked = order.pending_replace
    if asked is not None and asked.cl_ord_id == report.cl_ord_id:
        return apply_replace_refused(order, at, report.text)
    return OrderChange(order=order)


def _triggered(order: Order, report: BrokerReport, _: datetime) -> OrderChange | Refusal:
    return apply_triggered(order, report.transact_time)


_STEPS: Final[Mapping[FixExecType, _Step]] = {
    FixExecType.NEW: _new,
    FixExecType.TRADE: _trade,
    FixExecType.CANCELED: _canceled,
    FixExecType.REPLACED: _replaced,
    FixExecType.REJECTED: _rejected,
    FixExecType.EXPIRED: _expired,
    FixExecType.TRIGGERED: _triggered,
    FixExecType.PENDING_CANCEL: _noted,
    FixExecType.PENDING_REPLACE: _noted,
    FixExecType.CANCEL_REJECTED: _cancel_rejected,
    FixExecType.REPLACE_REJECTED: _replace_rejected,
    FixExecType.STATUS: _noted,
}
_NO_GRANT: Final = (
    FixExecType.PENDING_CANCEL,
    FixExecType.PENDING_REPLACE,
    FixExecType.REPLACE_REJECTED,
    FixExecType.CANCEL_REJECTED,
    FixExecType.STATUS,
)
_IN_FORCE: Final = FixExecType.NEW
"""A status answers under the ClOrdID that is in force, as a report of a new order does."""
_ANSWER: Final = {
    FixOrdStatus.NEW: OrderState.ACCEPTED,
    FixOrdStatus.PARTIALLY_FILLED: OrderState.PARTIALLY_FILLED,
    FixOrdStatus.CANCELED: OrderState.CANCELLED,
    FixOrdStatus.REJECTED: OrderState.REJECTED,
    FixOrdStatus.EXPIRED: OrderState.EXPIRED,
}


def unsettled(order: Order, reports: Iterable[BrokerReport]) -> str:
    """What is missing once every report up to now was taken in; empty when the sums agree.

    The newest report of the gateway tells the sum of fills that the order must have.
    """
    newest = max(reports, key=lambda r: r.sequence, default=None)
    if newest is None or newest.cum_quantity == order.cum_quantity:
        return ""
    told, counted = exact_text(newest.cum_quantity), exact_text(order.cum_quantity)
    return f"the gateway counts {told} filled, the order {counted}"


def reconcile(order: Order, answer: BrokerReport | None, at: datetime) -> OrderChange | Refusal:
    """The gateway's answer about an UNKNOWN order, asked by its ClOrdID, at `at` (UTC).

    Returns:
        The change, or a refusal: `RECONCILIATION_AMBIGUOUS` when the answer leaves something to
        judge (no answer, a pending status, fills that were not taken in, another ClOrdID), and
        those of `apply_reconciled`.
    """
    if answer is None:
        return refuse("RECONCILIATION_AMBIGUOUS", "the gateway knows no such order")
    known = _implied_grant(order, answer.amended(exec_type=_IN_FORCE), at)
    if isinstance(known, Refusal):
        return known
    problem = contradiction(known.order, answer) or unsettled(known.order, (answer,))
    state = _ANSWER.get(answer.ord_status)
    if problem or state is None:
        return refuse(
            "RECONCILIATION_AMBIGUOUS",
            problem or "the gateway's answer is no state to go on from",
            ord_status=answer.ord_status,
        )
    reason = f"the gateway answers {answer.ord_status}"
    done = apply_reconciled(known.order, state, at, reason)
    return done if isinstance(done, Refusal) else joined(known, done)
