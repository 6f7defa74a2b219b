"""The paper gateway's own book.

Job: work one order: take its messages, let the market meet it, and number what it reports. Pure.

Invariants
  I1  A ClOrdID is worked once: the same one again gives its first reports and changes nothing.
  I2  filled + working = quantity while an order works; ended, nothing of it works.
  I3  Reports are numbered on from the last one without a gap; each has an id of its own.
  I4  Less than is filled is granted as what is filled; a smaller quantity keeps the place.
  I5  The book knows what it was told and what it answered, never the desk's own records.

Not here: what a fill model is asked (desk.asking), where the book lies (storage.paper_book).
Source: trading reference 1.5, 3.2 (D8, D11, D12), 3.3 and 5.3.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple, Self

from pydantic import model_validator

from counterseal.broker.answer import FOK_NOT_FILLED_WHOLE, IOC_REST_CANCELLED
from counterseal.broker.gateway import FillTerms, fill_from
from counterseal.broker.model import Fill, SimulationOutcome, SimulationRequest, SimulationResult
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Refusal
from counterseal.kernel.money import EXACT, NonNegative, Price, Quantity
from counterseal.oms.ingest import BrokerReport, CancelTerms, FixExecType, FixOrdStatus, OrderTerms
from counterseal.oms.model import Order, ReplaceTerms
from counterseal.oms.states import OrderState
from counterseal.signals.intent import Leg, TimeInForce

_ZERO: Final = Decimal(0)
_IMMEDIATE: Final = {
    TimeInForce.IOC: IOC_REST_CANCELLED,
    TimeInForce.FOK: FOK_NOT_FILLED_WHOLE,
}
_UNTOLD: Final = "untold"
"""Stands where a gateway is not told what the desk knows of an order."""


class WorkedOrder(DomainModel):
    """One order as the gateway holds it. Contracts and quote units.

    Attributes:
        terms: As it was placed.
        cl_ord_id, orig_cl_ord_id: In force, and the one before it.
        quantity, limit_price, stop_price, good_till: In force.
        ended: How it ended; None while it works or is filled.
        priority_at: Since when it stands in its price's queue (UTC).
        met_at: When a market was last put to it (UTC); None before the first.
    """

    terms: OrderTerms
    cl_ord_id: Name
    orig_cl_ord_id: Name | None = None
    quantity: Quantity
    limit_price: Price | None = None
    stop_price: Price | None = None
    good_till: UtcDatetime | None = None
    cum_quantity: NonNegative = _ZERO
    ended: FixOrdStatus | None = None
    placed_at: UtcDatetime
    priority_at: UtcDatetime
    met_at: UtcDatetime | None = None
    triggered_at: UtcDatetime | None = None

    @property
    def leaves_quantity(self) -> Decimal:
        """Contracts that still work."""
        return _ZERO if self.ended else EXACT.subtract(self.quantity, self.cum_quantity)

    @property
    def status(self) -> FixOrdStatus:
        """OrdStatus (tag 39)."""
        if self.ended is not None:
            return self.ended
        if not self.leaves_quantity:
            return FixOrdStatus.FILLED
        return FixOrdStatus.PARTIALLY_FILLED if self.cum_quantity else FixOrdStatus.NEW

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.cum_quantity > self.quantity:
            raise ValueError("more is filled than was asked for")
        return self


class Book(NamedTuple):
    """The part of a book that one message is about.

    Attributes:
        gateway: Its name; the reports are named after it.
        sequence: Number of the last report over all orders; 0 before the first.
        order: What the book holds of the order; None when it never heard of it.
        answered: What was answered to this very ClOrdID; None for a new one.
    """

    gateway: str
    sequence: int = 0
    order: WorkedOrder | None = None
    answered: tuple[BrokerReport, ...] | None = None


class Met(NamedTuple):
    """What the fill model in force answers; the terms' fill id gives way to the report's.

    Attributes:
        at: When it happened in the world (UTC).
    """

    request: SimulationRequest
    result: SimulationResult
    terms: FillTerms
    at: datetime


class BookChange(NamedTuple):
    """What a message or the market did: to be kept whole, and then told.

    Attributes:
        order: As it stands now; None when the book holds none.
        reports, fills: New ones in order; for a repeated message the first reports, `again`.
        again: Nothing is to be kept.
    """

    book: Book
    order: WorkedOrder | None = None
    reports: tuple[BrokerReport, ...] = ()
    fills: tuple[Fill, ...] = ()
    again: bool = False


class _Told(NamedTuple):
    """What a report says beside the order: how, when, and in answer to what."""

    kind: FixExecType
    at: datetime
    text: str = ""
    answers: str | None = None
    fill: Fill | None = None


def new_order(terms: OrderTerms, now: datetime) -> WorkedOrder:
    """An order that comes in at `now` (UTC) and has met nothing yet."""
    return WorkedOrder(
        terms=terms,
        cl_ord_id=terms.cl_ord_id,
        quantity=terms.quantity,
        limit_price=terms.limit_price,
        stop_price=terms.stop_price,
        good_till=terms.good_till,
        placed_at=now,
        priority_at=now,
        triggered_at=now if terms.triggered else None,
    )


def place(book: Book, terms: OrderTerms, now: datetime, answer: Met | Refusal) -> BookChange:
    """Take an order in at `now` (UTC).

    Args:
        book: With what the book holds of the order.
        terms: What is asked.
        now: UTC instant.
        answer: What the market did to `new_order(terms, now)`; a refusal turns the order down.

    Returns:
        NEW and what the market did at once, or REJECTED; an order known under another ClOrdID is
        left as it is.
    """
    if book.answered is not None:
        return _again(book)
    order, text = new_order(terms, now), ""
    if book.order is not None:
        text = "ORDER_KNOWN"
    elif isinstance(answer, Refusal):
        text = answer.code
    elif answer.result.simulation_outcome is SimulationOutcome.REJECT:
        text = answer.result.reason
    if text or isinstance(answer, Refusal):
        turned_down = order.amended(ended=FixOrdStatus.REJECTED)
        told = _told(BookChange(book), turned_down, _Told(FixExecType.REJECTED, now, text))
        return told if book.order is None else told._replace(order=book.order)
    taken = _told(BookChange(book), order, _Told(FixExecType.NEW, now))
    return _met(taken, order, answer, now)


def meet(book: Book, answer: Met, now: datetime) -> BookChange:
    """Let the market of `answer`, recorded at `now` (UTC), meet the order, if it works."""
    order = book.order
    if order is None or not order.leaves_quantity:
        return BookChange(book, order)
    return _met(BookChange(book, order), order, answer, now)


def expire(book: Book, at: datetime, reason: str) -> BookChange:
    """End what works of the order at `at` (UTC): its session, instant or contract is over."""
    order = book.order
    if order is None or not order.leaves_quantity:
        return BookChange(book, order)
    over = order.amended(ended=FixOrdStatus.EXPIRED)
    return _told(BookChange(book), over, _Told(FixExecType.EXPIRED, at, reason))


def cancel(book: Book, terms: CancelTerms, now: datetime) -> BookChange:
    """End what works of the order, CANCELED; with nothing working CANCEL_REJECTED.

    A fill of the same instant or earlier has won before this is called.
    """
    if book.answered is not None:
        return _again(book)
    order = book.order
    if order is None:
        return BookChange(book)
    mine = terms.cl_ord_id
    if not order.leaves_quantity:
        told = _Told(FixExecType.CANCEL_REJECTED, now, f"ORDER_{order.status}", mine)
        return _told(BookChange(book), order, told)
    ended = order.amended(ended=FixOrdStatus.CANCELED)
    return _told(BookChange(book), ended, _Told(FixExecType.CANCELED, now, answers=mine))


def replace(book: Book, terms: ReplaceTerms, now: datetime) -> BookChange:
    """Change the order's terms: REPLACED, or REPLACE_REJECTED once it has ended.

    A filled order reopens for more. A smaller quantity at the same prices keeps the place.
    """
    if book.answered is not None:
        return _again(book)
    order = book.order
    if order is None:
        return BookChange(book)
    if order.ended is not None:
        told = _Told(FixExecType.REPLACE_REJECTED, now, f"ORDER_{order.status}", terms.cl_ord_id)
        return _told(BookChange(book), order, told)
    granted = order.amended(
        cl_ord_id=terms.cl_ord_id,
        orig_cl_ord_id=order.cl_ord_id,
        quantity=max(terms.quantity, order.cum_quantity),
        limit_price=terms.limit_price,
        stop_price=terms.stop_price,
        good_till=terms.good_till,
        priority_at=order.priority_at if _keeps_place(order, terms) else now,
    )
    return _told(BookChange(book), granted, _Told(FixExecType.REPLACED, now))


def status(book: Book, now: datetime) -> BrokerReport | None:
    """Where the order stands at `now` (UTC), under the number of the last report; None unheard."""
    if book.order is None:
        return None
    report = _report(book, book.order, _Told(FixExecType.STATUS, now), book.sequence)
    return report.amended(exec_id=f"{book.gateway}-status-{book.sequence}")


def as_met(order: WorkedOrder) -> Order:
    """What still works of an order, as an order of its own: what a fill model is asked about.

    Before its first market it is an order that is sent only now, from then on one that rests.
    """
    terms, leaves = order.terms, order.leaves_quantity
    return Order(
        order_id=terms.order_id,
        order_reference=terms.order_id,
        idempotency_key=terms.cl_ord_id,
        cl_ord_id=order.cl_ord_id,
        workflow_run_id=terms.workflow_run_id,
        approval_request_id=_UNTOLD,
        account_id=terms.account_id,
        strategy_id=_UNTOLD,
        strategy_version=_UNTOLD,
        source_signal_id=_UNTOLD,
        symbol=terms.symbol,
        side=terms.side,
        legs=(Leg(symbol=terms.symbol, side=terms.side, ratio=1),),
        order_type=terms.order_type,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        protection_points=terms.protection_points,
        time_in_force=terms.time_in_force,
        good_till=order.good_till,
        triggered_at=order.triggered_at,
        parent_order_id=terms.parent_order_id,
        quantity=leaves,
        approved_quantity=leaves,
        leaves_quantity=leaves,
        state=OrderState.SUBMITTED if order.met_at is None else OrderState.ACCEPTED,
        priority_at=order.priority_at,
        created_at=order.placed_at,
        updated_at=order.met_at or order.placed_at,
        submitted_at=order.placed_at,
    )


def moves(order: WorkedOrder, answer: Met) -> bool:
    """Whether an answer fills, triggers or ends a resting order."""
    result = answer.result
    ends = order.terms.time_in_force in _IMMEDIATE and not result.waits
    return bool(result.simulated_fill_quantity) or result.triggered_at is not None or ends


def _again(book: Book) -> BookChange:
    return BookChange(book, book.order, book.answered or (), again=True)


def _keeps_place(order: WorkedOrder, terms: ReplaceTerms) -> bool:
    was = (order.limit_price, order.stop_price, order.good_till)
    same = was == (terms.limit_price, terms.stop_price, terms.good_till)
    return same and terms.quantity <= order.quantity and bool(order.leaves_quantity)


def _met(change: BookChange, order: WorkedOrder, answer: Met, now: datetime) -> BookChange:
    """The change after the market's answer: trigger, fill, and the end of an immediate order."""
    result, word = answer.result, order.terms.time_in_force
    order = order.amended(met_at=now)
    if result.triggered_at is not None:
        order = order.amended(triggered_at=result.triggered_at)
        change = _told(change, order, _Told(FixExecType.TRIGGERED, result.triggered_at))
    whole = result.simulated_fill_quantity == order.leaves_quantity
    if word is not TimeInForce.FOK or whole:
        change, order = _filled(change, order, answer, now)
    if word in _IMMEDIATE and order.leaves_quantity and not result.waits:
        order = order.amended(ended=FixOrdStatus.CANCELED)
        told = _Told(FixExecType.CANCELED, answer.at, _IMMEDIATE[word])
        change = _told(change, order, told)
    return change._replace(order=order)


def _filled(
    change: BookChange, order: WorkedOrder, answer: Met, now: datetime
) -> tuple[BookChange, WorkedOrder]:
    terms = answer.terms.amended(fill_id=_exec_id(change.book, change.book.sequence + 1))
    fill = fill_from(as_met(order), answer.request, answer.result, terms, now)
    if fill is None:
        return change, order
    order = order.amended(cum_quantity=EXACT.add(order.cum_quantity, fill.last_quantity))
    told = _Told(FixExecType.TRADE, answer.at, fill=fill)
    after = _told(change, order, told)
    return after._replace(fills=(*after.fills, fill)), order


def _told(change: BookChange, order: WorkedOrder, told: _Told) -> BookChange:
    number = change.book.sequence + 1
    report = _report(change.book, order, told, number)
    book = change.book._replace(sequence=number, order=order)
    return change._replace(book=book, order=order, reports=(*change.reports, report))


def _report(book: Book, order: WorkedOrder, told: _Told, number: int) -> BrokerReport:
    own = told.answers is None
    return BrokerReport(
        exec_id=_exec_id(book, number),
        sequence=number,
        cl_ord_id=order.cl_ord_id if told.answers is None else told.answers,
        orig_cl_ord_id=order.orig_cl_ord_id if own else order.cl_ord_id,
        exec_type=told.kind,
        ord_status=order.status,
        symbol=order.terms.symbol,
        side=order.terms.side,
        last_quantity=None if told.fill is None else told.fill.last_quantity,
        last_price=None if told.fill is None else told.fill.last_price,
        cum_quantity=order.cum_quantity,
        leaves_quantity=order.leaves_quantity,
        text=told.text,
        transact_time=told.at,
    )


def _exec_id(book: Book, number: int) -> str:
    return f"{book.gateway}-{number}"
