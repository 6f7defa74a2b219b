"""Orders and everything that is stored about them.

Job: the order with exact quantities, its events, reports, outbox entries, idempotency rows.

Invariants
  I1  cum + leaves + rest = quantity; working orders have no rest, terminal ones no leaves.
  I2  The notional is the exact sum of last x price; the average is null while nothing is filled.
  I3  Every execution id appears once.

Not here: how an order changes (oms.apply, oms.outside), FIX words (oms.states).
Source: TX-I1 to TX-I7; trading reference part 3.
"""

from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, StringConstraints, model_validator

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import AlwaysFalse, AlwaysTrue, Document, DomainModel, Name, Sha256
from counterseal.kernel.money import EXACT, Exact, NonNegative, Price, Quantity, quantized
from counterseal.oms.states import TERMINAL_STATES, OrderEventType, OrderState
from counterseal.signals.intent import (
    Leg,
    OrderType,
    Side,
    TimeInForce,
    missing_terms,
)

AVERAGE_PRICE_PLACES: Final = 8
SUBMIT_ACTION: Final = "paper_order_submit_recorded"
CANCEL_ACTION: Final = "paper_order_cancel_recorded"
REPLACE_ACTION: Final = "paper_order_replace_recorded"
RunId = Annotated[str, StringConstraints(pattern=r"^paper-workflow-[0-9a-f]{16}$")]
"""One submit of one approval, derived from its facts."""


class Execution(DomainModel):
    """One fill as the order counts it.

    Attributes:
        last_quantity: Contracts of this fill.
        last_price: Price in quote units.
        late: True when it arrived after the order was cancelled, expired or unknown.
    """

    exec_id: Name
    last_quantity: Quantity
    last_price: Price
    occurred_at: UtcDatetime
    late: bool = False


class ReplaceTerms(DomainModel):
    """What a replace asks for; the order keeps its own terms until the broker grants it.

    Attributes:
        cl_ord_id, orig_cl_ord_id: The request's own ClOrdID, and the order's at that moment.
        quantity: New whole quantity in contracts, what is filled included.
        limit_price, stop_price: Quote units; None where the order's type has none.
        good_till: End of a GTD order (UTC).
    """

    order_id: Name
    cl_ord_id: Name
    orig_cl_ord_id: Name
    quantity: Quantity
    limit_price: Price | None = None
    stop_price: Price | None = None
    good_till: UtcDatetime | None = None
    asked_at: UtcDatetime


class Order(Document):
    """One order, whole.

    Attributes:
        order_reference: Readable reference `paper-order-<16 hex>`.
        cl_ord_id: FIX ClOrdID; a granted replace brings a new one, `orig_cl_ord_id` keeps the old.
        cl_ord_ids: Every ClOrdID of the order and of its cancels and replaces, oldest first.
        stop_price: Quote units; a STOP order waits for it, until `triggered_at`.
        protection_points: Points around the best quote that bound a MWP order.
        good_till: When a GTD order ends (UTC).
        parent_order_id: The order that this one is a leg or a slice of.
        approved_quantity: Most contracts that the approval allows, also after replaces.
        rest_quantity: What will never fill: cancelled, expired or rejected.
        state_beneath: State to return to when a pending cancel is refused; None without one.
        cancel_pending: A cancel was asked for and not yet answered.
        cancel_id: ClOrdID of the pending cancel; None where the request had none of its own.
        pending_replace: A replace that was asked for and not yet answered: FIX Pending Replace.
        replace_pending: Whether there is one; such orders are found by it, whatever their state.
        priority_at: Since when the order stands in its price's queue; a smaller quantity keeps it.
        event_sequence: Number of the order's last event.
    """

    KIND: ClassVar[str] = "orders"
    KEY: ClassVar[str] = "order_id"

    order_id: Name
    order_reference: Name
    idempotency_key: Name
    cl_ord_id: Name
    orig_cl_ord_id: Name | None = None
    cl_ord_ids: tuple[Name, ...] = Field(default=(), max_length=1000)
    workflow_run_id: RunId
    approval_request_id: Name
    account_id: Name
    strategy_id: Name
    strategy_version: Name
    source_signal_id: Name
    symbol: Name
    side: Side
    legs: tuple[Leg, ...] = Field(min_length=1, max_length=8)
    order_type: OrderType
    limit_price: Price | None
    stop_price: Price | None = None
    protection_points: Price | None = None
    time_in_force: TimeInForce
    good_till: UtcDatetime | None = None
    triggered_at: UtcDatetime | None = None
    parent_order_id: Name | None = None
    quantity: Quantity
    approved_quantity: Quantity
    cum_quantity: NonNegative = Decimal(0)
    leaves_quantity: NonNegative
    rest_quantity: NonNegative = Decimal(0)
    notional_sum: Exact = Decimal(0)
    average_price: Price | None = None
    executions: tuple[Execution, ...] = Field(default=(), max_length=10_000)
    late_fill_count: int = Field(default=0, ge=0)
    state: OrderState
    state_beneath: OrderState | None = None
    cancel_pending: bool = False
    cancel_id: Name | None = None
    pending_replace: ReplaceTerms | None = None
    replace_pending: bool = False
    priority_at: UtcDatetime | None = None
    event_sequence: int = Field(default=0, ge=0)
    risk_evaluation_id: Name | None = None
    created_at: UtcDatetime
    updated_at: UtcDatetime
    submitted_at: UtcDatetime | None = None
    expires_at: UtcDatetime | None = None
    paper_only: AlwaysTrue = True
    live_trading_enabled: AlwaysFalse = False
    broker_api_called: AlwaysFalse = False

    @property
    def is_terminal(self) -> bool:
        """Whether nothing of the order works any more."""
        return self.state in TERMINAL_STATES

    @property
    def may_fill(self) -> Decimal:
        """Most contracts that may still fill, by its own terms or by a replace not yet answered."""
        asked = self.pending_replace
        ended = self.is_terminal and self.state is not OrderState.FILLED
        if asked is None or ended:
            return self.leaves_quantity
        return max(self.leaves_quantity, asked.quantity - self.cum_quantity)

    @model_validator(mode="after")
    def _quantities(self) -> Self:
        parts = self.cum_quantity + self.leaves_quantity + self.rest_quantity
        idle = self.leaves_quantity if self.is_terminal else self.rest_quantity
        if parts != self.quantity or idle:
            raise ValueError("filled, working and rest must add up to the quantity")
        filled = self.cum_quantity == self.quantity
        if (self.state is OrderState.FILLED) is not filled:
            raise ValueError("FILLED means that the whole quantity is filled, and the reverse")
        if self.state is OrderState.PARTIALLY_FILLED and not self.cum_quantity:
            raise ValueError("a partially filled order has a fill")
        return self

    @model_validator(mode="after")
    def _executions(self) -> Self:
        if len({e.exec_id for e in self.executions}) != len(self.executions):
            raise ValueError("an execution id appears once")
        cum, notional = execution_sums(self.executions)
        if cum != self.cum_quantity or notional != self.notional_sum:
            raise ValueError("the sums differ from the executions")
        if self.average_price != average_price(notional, cum):
            raise ValueError("the average differs from notional / cum")
        return self

    @model_validator(mode="after")
    def _terms(self) -> Self:
        if missing_terms(self.order_type, self.time_in_force, vars(self)):
            raise ValueError("the terms do not fit the order type")
        if self.triggered_at is not None and self.order_type is not OrderType.STOP:
            raise ValueError("only a stop is triggered")
        if self.quantity > self.approved_quantity:
            raise ValueError("the quantity goes beyond the approval")
        if self.replace_pending is not (self.pending_replace is not None):
            raise ValueError("a replace is pending, or it is not")
        return self


def execution_sums(executions: tuple[Execution, ...]) -> tuple[Decimal, Decimal]:
    """Contracts filled and the exact sum of last x price (contracts x quote units)."""
    cum = notional = Decimal(0)
    for execution in executions:
        cum = EXACT.add(cum, execution.last_quantity)
        product = EXACT.multiply(execution.last_quantity, execution.last_price)
        notional = EXACT.add(notional, product)
    return cum, notional


def average_price(notional: Decimal, quantity: Decimal) -> Decimal | None:
    """Notional / quantity in quote units, half up to 8 places; None while nothing is filled."""
    if not quantity:
        return None
    return quantized(Context(prec=60).divide(notional, quantity), AVERAGE_PRICE_PLACES)


class OrderEvent(Document):
    """One step of one order. `sequence` counts from 1 per order, without gaps.

    Attributes:
        cl_ord_id: ClOrdID of the request, of a cancel or replace, that the step belongs to.
    """

    KIND: ClassVar[str] = "order_events"
    KEY: ClassVar[str] = "order_event_id"

    order_event_id: Name
    order_id: Name
    workflow_run_id: RunId
    sequence: int = Field(ge=1)
    event: OrderEventType
    from_state: OrderState
    to_state: OrderState
    cl_ord_id: Name | None = None
    at: UtcDatetime
    reason: str = Field(default="", max_length=2000)


class ExecutionType(StrEnum):
    """The asked words of an execution report, and REPLACED for a granted replace."""

    ACKNOWLEDGED = "ACKNOWLEDGED"
    PARTIAL_FILL = "PARTIAL_FILL"
    FILL = "FILL"
    REJECT = "REJECT"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    REPLACED = "REPLACED"


class ExecutionReport(Document):
    """What the broker said, with the order's sums right after it.

    Attributes:
        exec_type, ord_status: The FIX words (tags 150 and 39); the status is empty while unknown.
        last_quantity: Contracts of this fill; zero when the report is not a fill.
        rest_quantity: What will never fill.
        event_id: The order event that the report belongs to.
    """

    KIND: ClassVar[str] = "execution_reports"
    KEY: ClassVar[str] = "report_id"

    report_id: Name
    workflow_run_id: RunId
    order_id: Name
    account_id: Name
    idempotency_key: Name
    cl_ord_id: Name
    orig_cl_ord_id: Name | None
    exec_id: Name
    execution_type: ExecutionType
    order_status: OrderState
    exec_type: str = Field(max_length=40)
    ord_status: str = Field(max_length=40)
    symbol: Name
    side: Side
    order_quantity: Quantity
    last_quantity: NonNegative
    last_price: Price | None
    cumulative_filled_quantity: NonNegative
    leaves_quantity: NonNegative
    rest_quantity: NonNegative
    average_fill_price: Price | None
    late: bool = False
    event_id: Name
    timestamp: UtcDatetime
    text: str = Field(default="", max_length=2000)
    paper_only: AlwaysTrue = True
    live_trading_enabled: AlwaysFalse = False
    broker_api_called: AlwaysFalse = False


class OutboxStatus(StrEnum):
    """Life of one message to the paper broker."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"


WAITING: Final = (OutboxStatus.PENDING.value, OutboxStatus.PROCESSING.value)
"""Statuses of messages that nobody has taken for good, as a reader is asked for them."""


class OutboxEntry(Document):
    """One message waiting to be handed to the paper broker exactly once.

    Attributes:
        cl_ord_id: ClOrdID that every attempt is sent under; None in the path without a worker.
        lease_owner, lease_until: Who claimed it, and when another may (UTC).
        available_at: No attempt before it (UTC).
        maybe_sent: Some attempt may have reached the broker: ask for its status before the next.
    """

    KIND: ClassVar[str] = "order_outbox"
    KEY: ClassVar[str] = "outbox_id"

    outbox_id: Name
    workflow_run_id: RunId
    order_id: Name
    idempotency_key: Name
    action: Name = SUBMIT_ACTION
    cl_ord_id: Name | None = None
    status: OutboxStatus
    attempts: int = Field(ge=0)
    lease_owner: Name | None = None
    lease_until: UtcDatetime | None = None
    maybe_sent: bool = False
    created_at: UtcDatetime
    available_at: UtcDatetime
    processed_at: UtcDatetime | None = None
    last_error: str = Field(default="", max_length=2000)
    paper_only: AlwaysTrue = True
    live_trading_enabled: AlwaysFalse = False
    broker_api_called: AlwaysFalse = False


class ClientOrderId(Document):
    """Whose a ClOrdID is: no two messages share one, whatever order they belong to."""

    KIND: ClassVar[str] = "client_order_ids"
    KEY: ClassVar[str] = "cl_ord_id"

    cl_ord_id: Name
    order_id: Name
    action: Name
    created_at: UtcDatetime


class OrderKey(Document):
    """An idempotency key in use: one key, one order, one payload."""

    KIND: ClassVar[str] = "order_keys"
    KEY: ClassVar[str] = "idempotency_key"

    idempotency_key: Name
    workflow_run_id: RunId
    order_id: Name
    source_signal_id: Name
    payload_digest: Sha256
    created_at: UtcDatetime
    paper_only: AlwaysTrue = True
    live_trading_enabled: AlwaysFalse = False
    broker_api_called: AlwaysFalse = False


@dataclass(frozen=True, slots=True)
class OrderChange:
    """What one step did: the new order, its events and reports in order; both empty for a no-op."""

    order: Order
    events: tuple[OrderEvent, ...] = ()
    reports: tuple[ExecutionReport, ...] = ()
