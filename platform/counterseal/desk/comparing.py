"""Four records of the same trading, side by side.

Job: compare gateway, orders, books and log, and classify each difference. Pure.

Invariants
  I1  The same facts give the same differences in the same order.
  I2  A report that the desk has not read yet is on its way: it is no difference.
  I3  What a message may still change is a warning, never a lock.

Not here: gathering the facts, recording (desk.account_reconciling), tables against the log
(storage).
Source: trading reference 3.3 rule 9 and part 6; TX-I11 (reconciliation_loop).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from counterseal.desk.carried_books import BookFacts, DeskFacts
from counterseal.desk.discrepancies import DifferenceKind as K
from counterseal.desk.discrepancies import Discrepancy, Severity
from counterseal.kernel.model import DomainModel
from counterseal.kernel.money import Exact, exact_text
from counterseal.oms.ingest import BrokerReport, FixExecType, FixOrdStatus
from counterseal.oms.model import SUBMIT_ACTION, Execution, Order, OutboxEntry, OutboxStatus
from counterseal.oms.states import FIX_STATUS, OrderState
from counterseal.portfolio.invariants import (
    NO_TRADES,
    NOTHING,
    Difference,
    check_cash,
    check_ledger,
    check_lots,
    check_position,
)
from counterseal.portfolio.lots import Lot
from counterseal.portfolio.model import Account, LedgerEntry, Position

_ENDED: Final = (FixOrdStatus.CANCELED, FixOrdStatus.REJECTED, FixOrdStatus.EXPIRED)
_OF_BOOKS: Final = {
    Account.KIND: K.CASH_DIFFERS,
    Position.KIND: K.POSITION_DIFFERS,
    Lot.KIND: K.LOTS_DIFFER,
    LedgerEntry.KIND: K.LEDGER_DIFFERS,
}


class LogDifference(DomainModel):
    """One place where a table differs from the log, as storage found it."""

    row: str
    expected: str = ""
    got: str = ""


class GatewayFacts(NamedTuple):
    """What a gateway says, and how far the desk has read it.

    Attributes:
        reports: Everything that it ever reported, in order.
        read_to: Every report up to this number was taken in.
        taken: Exec ids of the reports that were taken in.
        names: The order of each ClOrdID.
    """

    reports: tuple[BrokerReport, ...]
    read_to: int
    taken: frozenset[str]
    names: Mapping[str, str]


def compare_gateway(told: GatewayFacts, desk: DeskFacts) -> tuple[Discrepancy, ...]:
    """Gateway against orders: existence, quantities, state, every fill."""
    read = [r for r in told.reports if r.sequence <= told.read_to or r.exec_id in told.taken]
    by_order: dict[str, list[BrokerReport]] = {}
    orders = {order.order_id: order for order in desk.orders}
    found: list[Discrepancy] = list(_lost(told))
    for report in read:
        if report.exec_id not in told.taken:
            found.append(_of_report(K.REPORT_MISSING_HERE, report, told, orders))
        order_id = told.names.get(report.cl_ord_id)
        if order_id is None or order_id not in orders:
            found.append(_of_report(K.MISSING_HERE, report, told, orders))
        else:
            by_order.setdefault(order_id, []).append(report)
    sent = {m.order_id: m for m in desk.messages if m.action == SUBMIT_ACTION and m.cl_ord_id}
    for order_id in sorted(sent.keys() | by_order.keys()):
        order, reports = orders.get(order_id), by_order.get(order_id, [])
        if order is not None and reports:
            found += [*_standing(order, reports), *_executed(order, reports)]
        elif order is not None:
            found += _unheard(order, sent[order_id])
    return tuple(found)


def compare_fills(desk: DeskFacts) -> tuple[Discrepancy, ...]:
    """Orders against booked fills: each execution is one fill, and the reverse."""
    fills = {fill.fill_id: fill for fill in desk.fills}
    found: list[Discrepancy] = []
    for order in desk.orders:
        for execution in order.executions:
            fill = fills.pop(execution.exec_id, None)
            if fill is None:
                found.append(_of(order, K.FILL_NOT_BOOKED, execution.exec_id, "a fill", "none"))
            else:
                found += _same_fill(order, execution, fill.last_quantity, fill.last_price)
    for fill in fills.values():
        found.append(
            Discrepancy(
                kind=K.FILL_OF_NO_ORDER,
                severity=Severity.CRITICAL,
                account_id=fill.account_id,
                order_id=fill.order_id,
                subject=fill.fill_id,
            )
        )
    return tuple(found)


def compare_books(books: BookFacts) -> tuple[Discrepancy, ...]:
    """One account's position, lots, cash and ledger against what they were made from."""
    carried = books.carried
    sums = NOTHING if carried is None else carried.sums
    found = [
        *check_cash(books.account, books.entries, sums),
        *check_ledger(books.entries, books.caused),
    ]
    known = {position.position_id for position in books.positions}
    for position in books.positions:
        own = [t for t in books.trades if t.position_id == position.position_id]
        lots = [lot for lot in books.lots if lot.position_id == position.position_id]
        before = NO_TRADES if carried is None else carried.before(position.position_id)
        found += [*check_position(position, own, before), *check_lots(position, lots)]
    for absent in sorted({t.position_id for t in books.trades} - known):
        found.append(
            Difference(
                check="a_traded_position_exists",
                kind=Position.KIND,
                key=absent,
                expected="a row",
                got="none",
            )
        )
    return tuple(_of_books(books.account.account_id, one) for one in found)


def compare_log(found: Iterable[LogDifference]) -> tuple[Discrepancy, ...]:
    """Tables against the log: whose they are is not known, so they are everybody's."""
    return tuple(
        Discrepancy(
            kind=K.LOG_DIFFERS,
            severity=Severity.CRITICAL,
            subject=one.row[:400],
            expected=one.expected[:400],
            got=one.got[:400],
        )
        for one in found
    )


def _lost(told: GatewayFacts) -> Iterator[Discrepancy]:
    newest = max((report.sequence for report in told.reports), default=0)
    if told.read_to > newest:
        yield Discrepancy(
            kind=K.REPORTS_LOST,
            severity=Severity.CRITICAL,
            subject="the gateway's last report",
            expected=str(told.read_to),
            got=str(newest),
        )


def _unheard(order: Order, message: OutboxEntry) -> Iterator[Discrepancy]:
    """An order that was handed over, and of which the gateway says nothing."""
    if order.state is OrderState.UNKNOWN_NEEDS_RECONCILIATION:
        yield _of(order, K.OUTCOME_UNKNOWN, order.order_id, "", message.last_error[:400])
    elif message.status is OutboxStatus.COMPLETED:
        yield _of(order, K.MISSING_AT_GATEWAY, order.order_id, order.state.value, "nothing")


def _standing(order: Order, reports: list[BrokerReport]) -> Iterator[Discrepancy]:
    """Sums and state after the newest report."""
    newest = max(reports, key=lambda r: r.sequence)
    own = FIX_STATUS.get(order.state, "")
    sums = (
        (K.CUM_DIFFERS, newest.cum_quantity, order.cum_quantity),
        (K.LEAVES_DIFFER, newest.leaves_quantity, order.leaves_quantity),
    )
    for kind, expected, got in sums:
        if expected != got:
            yield _of(order, kind, order.order_id, exact_text(expected), exact_text(got))
    if order.state is OrderState.UNKNOWN_NEEDS_RECONCILIATION:
        yield _of(order, K.OUTCOME_UNKNOWN, order.order_id, newest.ord_status.value, "")
    elif own != newest.ord_status:
        over = (newest.ord_status in _ENDED) is not order.is_terminal
        one = _of(order, K.STATE_DIFFERS, order.order_id, newest.ord_status.value, own)
        yield one if over else one.amended(severity=Severity.WARNING)


def _executed(order: Order, reports: list[BrokerReport]) -> Iterator[Discrepancy]:
    """Every fill of the gateway is an execution of the order, at its quantity and price."""
    trades = {r.exec_id: r for r in reports if r.exec_type is FixExecType.TRADE}
    counted = {execution.exec_id: execution for execution in order.executions}
    for exec_id in sorted(trades.keys() - counted.keys()):
        told = trades[exec_id].last_quantity
        shown = "" if told is None else exact_text(told)
        yield _of(order, K.FILL_MISSING_HERE, exec_id, shown, "none")
    for exec_id in sorted(counted.keys() - trades.keys()):
        shown = exact_text(counted[exec_id].last_quantity)
        yield _of(order, K.FILL_MISSING_AT_GATEWAY, exec_id, "none", shown)
    for exec_id in sorted(counted.keys() & trades.keys()):
        trade = trades[exec_id]
        yield from _same_fill(order, counted[exec_id], trade.last_quantity, trade.last_price)


def _same_fill(
    order: Order, execution: Execution, quantity: Exact | None, price: Exact | None
) -> Iterator[Discrepancy]:
    told = (
        (K.QUANTITY_DIFFERS, quantity, execution.last_quantity),
        (K.PRICE_DIFFERS, price, execution.last_price),
    )
    for kind, expected, got in told:
        if expected != got:
            shown = "none" if expected is None else exact_text(expected)
            yield _of(order, kind, execution.exec_id, shown, exact_text(got))


def _of(order: Order, kind: K, subject: str, expected: str, got: str) -> Discrepancy:
    unknown = kind is K.OUTCOME_UNKNOWN
    return Discrepancy(
        kind=kind,
        severity=Severity.WARNING if unknown else Severity.CRITICAL,
        account_id=order.account_id,
        order_id=order.order_id,
        subject=subject,
        expected=expected,
        got=got,
    )


def _of_report(
    kind: K, report: BrokerReport, told: GatewayFacts, orders: Mapping[str, Order]
) -> Discrepancy:
    order = orders.get(told.names.get(report.cl_ord_id, ""))
    return Discrepancy(
        kind=kind,
        severity=Severity.CRITICAL,
        account_id=None if order is None else order.account_id,
        order_id=None if order is None else order.order_id,
        subject=report.exec_id,
        expected=report.cl_ord_id,
        got="none",
    )


def _of_books(account_id: str, found: Difference) -> Discrepancy:
    lots = found.check.startswith("lots_")
    return Discrepancy(
        kind=K.LOTS_DIFFER if lots else _OF_BOOKS[found.kind],
        severity=Severity.CRITICAL,
        account_id=account_id,
        subject=f"{found.key} {found.check}"[:400],
        expected=found.expected[:400],
        got=found.got[:400],
    )
