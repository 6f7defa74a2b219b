"""A gateway's own account of one order, and steps of the order that it works."""

from decimal import Decimal

from counterseal.oms.apply import apply_event
from counterseal.oms.ingest import BrokerReport, IngestedReport
from counterseal.oms.ingest import FixExecType as T
from counterseal.oms.ingest import FixOrdStatus as W
from counterseal.oms.model import Order
from counterseal.oms.replace import replaced_terms, request_replace
from counterseal.oms.reports import Ingested, ingest
from counterseal.oms.states import OrderEventType as E
from counterseal.signals.intent import Side
from tests.core.oms.test_orders import NOW, ok, order

APPROVED = 20


class Exchange:
    """A gateway's own account of one order, and the reports that tell of it."""

    def __init__(self, quantity: int = 10) -> None:
        self.quantity, self.cum, self.sequence = quantity, 0, 0
        self.cl_ord_id = "ord_1"
        self.orig: str | None = None
        self.ended: W | None = None

    @property
    def leaves(self) -> int:
        return 0 if self.ended else self.quantity - self.cum

    @property
    def status(self) -> W:
        if self.ended is not None:
            return self.ended
        if self.cum == self.quantity:
            return W.FILLED
        return W.PARTIALLY_FILLED if self.cum else W.NEW

    def report(self, kind: T, last: int | None = None) -> BrokerReport:
        self.sequence += 1
        return BrokerReport(
            exec_id=f"x{self.sequence}",
            sequence=self.sequence,
            cl_ord_id=self.cl_ord_id,
            orig_cl_ord_id=self.orig,
            exec_type=kind,
            ord_status=self.status,
            symbol="TMF",
            side=Side.BUY,
            last_quantity=None if last is None else Decimal(last),
            last_price=None if last is None else Decimal(20_000 + last),
            cum_quantity=Decimal(self.cum),
            leaves_quantity=Decimal(self.leaves),
            transact_time=NOW,
        )

    def status_now(self, exec_id: str) -> BrokerReport:
        """A report that is none of the gateway's own."""
        made = self.report(T.STATUS).amended(exec_id=exec_id)
        self.sequence -= 1
        return made

    def fill(self, last: int) -> BrokerReport:
        self.cum += last
        return self.report(T.TRADE, last)

    def replaced(self, cl_ord_id: str, quantity: int) -> BrokerReport:
        self.quantity = max(quantity, self.cum)
        self.cl_ord_id, self.orig = cl_ord_id, self.cl_ord_id
        return self.report(T.REPLACED)

    def end(self, kind: T, status: W, cl_ord_id: str | None = None) -> BrokerReport:
        self.ended = status
        made = self.report(kind)
        if cl_ord_id is None:
            return made
        return made.amended(cl_ord_id=cl_ord_id, orig_cl_ord_id=self.cl_ord_id)


def sent(quantity: int = 10) -> Order:
    made = order(E.RISK_APPROVE, E.SUBMIT, quantity=quantity)
    return made.amended(approved_quantity=APPROVED)


def take(
    target: Order | None, report: BrokerReport, known: IngestedReport | None = None
) -> Ingested:
    return ingest(target, report, known, NOW, gateway="test")


def after(target: Order, *reports: BrokerReport) -> Order:
    for report in reports:
        done = take(target, report)
        assert done.refusal is None, done.refusal
        assert done.change is not None
        target = done.change.order
    return target


def asked(target: Order, cl_ord_id: str, quantity: int) -> Order:
    terms = replaced_terms(target, cl_ord_id=cl_ord_id, at=NOW, quantity=Decimal(quantity))
    return ok(request_replace(target, terms, NOW))


def cancelling(target: Order, cl_ord_id: str = "c9") -> Order:
    return ok(apply_event(target, E.CANCEL_REQUEST, NOW, cl_ord_id=cl_ord_id))


def told(target: Order) -> tuple[object, ...]:
    """What must not depend on the order of the reports."""
    sums = (target.quantity, target.cum_quantity, target.leaves_quantity, target.rest_quantity)
    return (target.state, target.cl_ord_id, *sums, target.average_price)
