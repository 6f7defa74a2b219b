"""What a gateway says about an order.

Job: one shape for the reports of every gateway, and when a report contradicts itself or the order.

Invariants
  I1  A report is kept as it came; what was made of it stands beside it.
  I2  Only what no later report can mend is a contradiction: a missing fill is none.

Not here: applying a report (oms.reports), calling a gateway (broker.ports).
Source: TX-I5; trading reference 3.3 (report minimum); FIX 5.0 SP2 messages 8 and 9.
"""

from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, DomainModel, Name
from counterseal.kernel.money import NonNegative, Price, Quantity
from counterseal.oms.model import Order, RunId
from counterseal.signals.intent import OrderType, Side, TimeInForce


class FixExecType(StrEnum):
    """Why a report was sent (tag 150); the refusals are FIX message 9, STATUS answers a question.

    TRADE is a fill of any size. TRIGGERED tells that a stop works as a market order from now on.
    """

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    TRIGGERED = "TRIGGERED"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_REPLACE = "PENDING_REPLACE"
    CANCEL_REJECTED = "CANCEL_REJECTED"
    REPLACE_REJECTED = "REPLACE_REJECTED"
    STATUS = "STATUS"


class FixOrdStatus(StrEnum):
    """What the order is for the gateway (tag 39)."""

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_REPLACE = "PENDING_REPLACE"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class BrokerReport(DomainModel):
    """One report of a gateway, normalized.

    Attributes:
        exec_id: Unique at the gateway, also for reports that are no fill.
        sequence: The gateway's number of the report, from 1, over all orders, without gaps. A
            STATUS answer has the number of the last report before it, or 0.
        cl_ord_id: ClOrdID of the message that is answered: the order, its cancel or its replace.
        orig_cl_ord_id: The order's ClOrdID before that cancel or replace; None for the order.
        last_quantity, last_price: Contracts and quote units of this fill; None when it is none.
        cum_quantity, leaves_quantity: Contracts filled and still working right after it.
        transact_time: When it happened at the gateway (UTC).
    """

    exec_id: Name
    sequence: int = Field(ge=0)
    cl_ord_id: Name
    orig_cl_ord_id: Name | None = None
    exec_type: FixExecType
    ord_status: FixOrdStatus
    symbol: Name
    side: Side
    last_quantity: Quantity | None = None
    last_price: Price | None = None
    cum_quantity: NonNegative
    leaves_quantity: NonNegative
    text: str = Field(default="", max_length=2000)
    transact_time: UtcDatetime


class OrderTerms(DomainModel):
    """What a gateway is asked to work: the order under one ClOrdID. Contracts and quote units.

    Attributes:
        workflow_run_id, parent_order_id: The sender's own words, told back with each fill.
        triggered: A stop that has met its price already.
    """

    order_id: Name
    cl_ord_id: Name
    workflow_run_id: RunId
    parent_order_id: Name | None = None
    account_id: Name
    symbol: Name
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Quantity
    limit_price: Price | None = None
    stop_price: Price | None = None
    protection_points: Price | None = None
    good_till: UtcDatetime | None = None
    triggered: bool = False


class CancelTerms(DomainModel):
    """A request to cancel, under its own ClOrdID; `orig_cl_ord_id` is the order's."""

    order_id: Name
    cl_ord_id: Name
    orig_cl_ord_id: Name


class Disposition(StrEnum):
    """What was made of a report.

    APPLIED changed the order, NOTED told nothing new, the last three are incidents.
    """

    APPLIED = "applied"
    NOTED = "noted"
    CONTRADICTION = "contradiction"
    UNKNOWN_ORDER = "unknown_order"
    ID_REUSED = "id_reused"


class IngestedReport(Document):
    """A report as it came, and what was made of it; `problem` says why it is an incident."""

    KIND: ClassVar[str] = "broker_reports"
    KEY: ClassVar[str] = "exec_id"

    exec_id: Name
    gateway: Name
    order_id: Name | None
    sequence: int = Field(ge=0)
    disposition: Disposition
    problem: str = Field(default="", max_length=400)
    report: BrokerReport
    ingested_at: UtcDatetime


class GatewayCursor(Document):
    """Up to which sequence the reports of a gateway were taken in."""

    KIND: ClassVar[str] = "gateway_cursors"
    KEY: ClassVar[str] = "gateway"

    gateway: Name
    sequence: int = Field(ge=0)
    updated_at: UtcDatetime


def order_terms(order: Order) -> OrderTerms:
    """The order as a gateway is told of it, under its ClOrdID."""
    own = {name: value for name, value in order if name in OrderTerms.model_fields}
    return OrderTerms.model_validate({**own, "triggered": order.triggered_at is not None})


_TERMINAL: Final = (FixOrdStatus.CANCELED, FixOrdStatus.REJECTED, FixOrdStatus.EXPIRED)
_WORKING: Final = (FixOrdStatus.NEW, FixOrdStatus.PARTIALLY_FILLED, FixOrdStatus.FILLED)
_NEEDS: Final = {
    FixExecType.CANCELED: FixOrdStatus.CANCELED,
    FixExecType.REJECTED: FixOrdStatus.REJECTED,
    FixExecType.EXPIRED: FixOrdStatus.EXPIRED,
}


def contradiction(order: Order, report: BrokerReport) -> str:
    """Why a report cannot be true of this order, whatever else may still come; empty if it can."""
    own = {order.cl_ord_id, *order.cl_ord_ids}
    total = report.cum_quantity + report.leaves_quantity
    same_terms = report.cl_ord_id == order.cl_ord_id and report.ord_status in _WORKING
    problems = (
        (order.submitted_at is None, "the order was never sent"),
        ((report.symbol, report.side) != (order.symbol, order.side), "another instrument or side"),
        (not {report.cl_ord_id, report.orig_cl_ord_id} <= {*own, None}, "a ClOrdID of no message"),
        (total > order.approved_quantity, "more contracts than were approved"),
        (same_terms and total != order.quantity, "cum and leaves miss the order"),
        *_inner_problems(report),
    )
    return next((words for wrong, words in problems if wrong), "")


def _inner_problems(report: BrokerReport) -> tuple[tuple[bool, str], ...]:
    last, status = report.last_quantity, report.ord_status
    fills = report.exec_type is FixExecType.TRADE
    expected = _NEEDS.get(report.exec_type)
    cum, leaves = report.cum_quantity, report.leaves_quantity
    partial = status is FixOrdStatus.PARTIALLY_FILLED
    return (
        (fills is (last is None or report.last_price is None), "a fill, and only it, has a last"),
        (last is not None and last > cum, "the fill is larger than the sum of fills"),
        (expected is not None and status is not expected, "the status denies the reason"),
        (fills and status in (*_TERMINAL, FixOrdStatus.NEW), "a fill leaves another status"),
        (status in _TERMINAL and bool(leaves), "an order that has ended works no more"),
        (status is FixOrdStatus.REJECTED and bool(cum), "a rejected order has no fill"),
        (status is FixOrdStatus.FILLED and bool(leaves), "a filled order works no more"),
        (status is FixOrdStatus.FILLED and not cum, "a filled order has a fill"),
        (status is FixOrdStatus.NEW and bool(cum), "a new order has no fill"),
        (partial and not (cum and leaves), "a partly filled order has both"),
    )
