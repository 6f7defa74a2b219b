"""Create orders, and decide about keys, outbox entries and blocked instruments.

Job: everything about an order that is not a step of its life. Pure.

Invariants
  I1  The run id depends on the approval and the key only: a re-post finds the first run.
  I2  One key, one payload: a re-post is the first answer, another payload is refused.
  I3  While an order is unknown, its account and instrument take no new order.

Not here: uniqueness under concurrency (storage), steps of an order (oms.apply).
Source: TX-G7, TX-G9, TX-I4, TX-I6, TX-I7; trading reference 3.3.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import Field

from counterseal.kernel.canonical import canonical_bytes, sha256_hex
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError
from counterseal.kernel.machine import StateTable
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse
from counterseal.kernel.money import Price, Quantity
from counterseal.oms.apply import apply_event
from counterseal.oms.model import (
    Order,
    OrderChange,
    OrderKey,
    OutboxEntry,
    OutboxStatus,
)
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.signals.intent import Leg, OrderType, Side, TimeInForce, missing_terms


class OrderRequest(DomainModel):
    """Facts of a new order. `approved_quantity` is the most contracts that the approval allows."""

    order_id: Name
    idempotency_key: str = Field(max_length=120)
    approval_request_id: Name
    account_id: Name
    strategy_id: Name
    strategy_version: Name
    source_signal_id: Name
    symbol: Name
    side: Side
    order_type: OrderType
    limit_price: Price | None = None
    stop_price: Price | None = None
    protection_points: Price | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    good_till: UtcDatetime | None = None
    parent_order_id: Name | None = None
    quantity: Quantity
    approved_quantity: Quantity
    legs: tuple[Leg, ...] = Field(default=(), max_length=8)
    expires_at: UtcDatetime | None = None


def _reference(prefix: str, *facts: str) -> str:
    return f"{prefix}-{sha256_hex(canonical_bytes(facts))[:16]}"


def workflow_run_id(approval_request_id: str, idempotency_key: str) -> str:
    """`paper-workflow-<16 hex>`, the same for the same submit."""
    return _reference("paper-workflow", approval_request_id, idempotency_key)


def create_order(request: OrderRequest, at: datetime) -> OrderChange:
    """A recorded order in NEW, with its CREATE event at `at` (UTC).

    Raises:
        InputError: `IDEMPOTENCY_KEY_EMPTY`, `LIMIT_PRICE_MISSING`, `LIMIT_PRICE_UNEXPECTED`,
            `ORDER_TERMS_WRONG`, `QUANTITY_BEYOND_APPROVAL`.
    """
    _check_request(request)
    run = workflow_run_id(request.approval_request_id, request.idempotency_key)
    leg = Leg(symbol=request.symbol, side=request.side, ratio=1)
    facts = {k: v for k, v in dict(request).items() if k != "legs"}
    order = Order.model_validate(
        {
            **facts,
            "legs": request.legs or (leg,),
            "order_reference": _reference("paper-order", run, request.order_id),
            "cl_ord_id": request.order_id,
            "cl_ord_ids": (request.order_id,),
            "workflow_run_id": run,
            "leaves_quantity": request.quantity,
            "state": OrderState.PENDING,
            "created_at": at,
            "updated_at": at,
        }
    )
    created = apply_event(order, OrderEventType.CREATE, at)
    if isinstance(created, Refusal):
        raise InputError(created.code, created.message)
    return created


def _check_request(request: OrderRequest) -> None:
    if not request.idempotency_key.strip():
        raise InputError("IDEMPOTENCY_KEY_EMPTY", "an order needs a key", field="idempotency_key")
    limit = request.order_type is OrderType.LIMIT
    if limit and request.limit_price is None:
        raise InputError("LIMIT_PRICE_MISSING", "a limit order needs a price", field="limit_price")
    if not limit and request.limit_price is not None:
        raise InputError(
            "LIMIT_PRICE_UNEXPECTED", "only a limit order has a limit price", field="limit_price"
        )
    wrong = missing_terms(request.order_type, request.time_in_force, dict(request))
    if wrong:
        raise InputError("ORDER_TERMS_WRONG", "the terms do not fit the order type", field=wrong[0])
    if request.quantity > request.approved_quantity:
        raise InputError(
            "QUANTITY_BEYOND_APPROVAL",
            "the order asks for more than was approved",
            field="quantity",
            expected=f"at most {request.approved_quantity}",
            got=request.quantity,
        )


def decide_key(existing: OrderKey | None, wanted: OrderKey) -> OrderKey | Refusal:
    """Bind a key. An identical re-post returns the existing row, so that nothing is rewritten.

    Returns:
        The row to keep, or `IDEMPOTENCY_KEY_CONFLICT` when the key carries another payload.
    """
    if existing is None:
        return wanted
    if existing.payload_digest == wanted.payload_digest:
        return existing
    return refuse(
        "IDEMPOTENCY_KEY_CONFLICT",
        "the idempotency key was used with another payload",
        idempotency_key=wanted.idempotency_key,
        order_id=existing.order_id,
    )


def check_not_blocked(orders: Iterable[Order], *, account_id: str, symbol: str) -> Refusal | None:
    """`UNKNOWN_ORDER_BLOCKS` while an order of the account and instrument is unknown."""
    for order in orders:
        if (
            order.state is OrderState.UNKNOWN_NEEDS_RECONCILIATION
            and order.account_id == account_id
            and order.symbol == symbol
        ):
            return refuse(
                "UNKNOWN_ORDER_BLOCKS",
                "an order of this instrument has an unknown outcome: reconcile it first",
                order_id=order.order_id,
            )
    return None


def working_contracts(orders: Iterable[Order], side: Side) -> Decimal:
    """Contracts of one side that may still fill, unknown orders and pending replaces included."""
    return sum((o.may_fill for o in orders if o.side is side), Decimal(0))


class OutboxEvent(StrEnum):
    """What happens to an outbox entry."""

    CLAIM = "CLAIM"
    DEFER = "DEFER"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    RETRY = "RETRY"
    EXPIRE = "EXPIRE"


OUTBOX_TABLE: Final = StateTable(
    "outbox",
    {
        (OutboxStatus.PENDING, OutboxEvent.CLAIM): OutboxStatus.PROCESSING,
        (OutboxStatus.PENDING, OutboxEvent.EXPIRE): OutboxStatus.EXPIRED,
        (OutboxStatus.PROCESSING, OutboxEvent.CLAIM): OutboxStatus.PROCESSING,
        (OutboxStatus.PROCESSING, OutboxEvent.DEFER): OutboxStatus.PENDING,
        (OutboxStatus.PROCESSING, OutboxEvent.COMPLETE): OutboxStatus.COMPLETED,
        (OutboxStatus.PROCESSING, OutboxEvent.FAIL): OutboxStatus.FAILED,
        (OutboxStatus.PROCESSING, OutboxEvent.EXPIRE): OutboxStatus.EXPIRED,
        (OutboxStatus.FAILED, OutboxEvent.RETRY): OutboxStatus.PENDING,
        (OutboxStatus.FAILED, OutboxEvent.EXPIRE): OutboxStatus.EXPIRED,
    },
)
"""Life of a message. A claim may lapse and be taken over; a failed message is a dead letter until
somebody has it tried again."""


def open_outbox(order: Order, at: datetime) -> OutboxEntry:
    """The pending message that hands one order to the paper broker, available at once (UTC)."""
    return OutboxEntry(
        outbox_id=f"{order.order_id}:outbox",
        workflow_run_id=order.workflow_run_id,
        order_id=order.order_id,
        idempotency_key=order.idempotency_key,
        status=OutboxStatus.PENDING,
        attempts=0,
        created_at=at,
        available_at=at,
    )


def apply_outbox(
    entry: OutboxEntry, event: OutboxEvent, at: datetime, *, error: str = ""
) -> OutboxEntry:
    """The entry after an event at `at` (UTC); CLAIM counts an attempt.

    Raises:
        TransitionError: when the table does not allow the event.
    """
    status = OUTBOX_TABLE.next(entry.status, event)
    ended = status in {OutboxStatus.COMPLETED, OutboxStatus.FAILED, OutboxStatus.EXPIRED}
    return entry.amended(
        status=status,
        attempts=entry.attempts + (event is OutboxEvent.CLAIM),
        processed_at=at if ended else None,
        available_at=at if event is OutboxEvent.RETRY else entry.available_at,
        last_error=error,
    )
