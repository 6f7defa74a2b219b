"""Find and mark orders that waited too long.

Job: candidates, a preview that changes nothing, and the mark itself. Pure.

Invariants
  I1  A candidate's state allows EXPIRE and its age is at least the timeout.
  I2  A sent order without any answer becomes UNKNOWN, never expired or rejected; so does one whose
      replace has no answer.
  I3  An order that a gateway acknowledged ends there, never by a mark.
  I4  Preview and mark ask the same questions; the preview only names the event.

Not here: who may mark (approvals, desk), the schedule (flows).
Source: TX-I8, TX-I9; trading reference 3.3 rules 9 and 10.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from counterseal.kernel.clock import seconds_between
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse
from counterseal.kernel.money import Exact, exact_text
from counterseal.oms.apply import apply_event, not_allowed
from counterseal.oms.model import Order, OrderChange
from counterseal.oms.states import ORDER_TABLE, OrderEventType, OrderState

TIMEOUT_SECONDS_MIN: Final = 1
TIMEOUT_SECONDS_MAX: Final = 86_400
TIMEOUT_SECONDS_DEFAULT: Final = 30

EXPIRABLE: Final = tuple(s for s in OrderState if ORDER_TABLE.allows(s, OrderEventType.EXPIRE))
"""States of orders that may still expire."""

_ACKNOWLEDGED: Final = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)


class TimeoutPreview(DomainModel):
    """What a mark would do now: `event` is EXPIRE or MARK_UNKNOWN."""

    workflow_run_id: Name
    order_id: Name
    state: OrderState
    event: OrderEventType
    age_seconds: Exact
    timeout_seconds: int


def check_timeout_seconds(timeout_seconds: int) -> None:
    """Bound the timeout to 1..86400 seconds.

    Raises:
        InputError: `TIMEOUT_OUT_OF_RANGE`.
    """
    if not TIMEOUT_SECONDS_MIN <= timeout_seconds <= TIMEOUT_SECONDS_MAX:
        raise InputError(
            "TIMEOUT_OUT_OF_RANGE",
            "the timeout is out of range",
            field="timeout_seconds",
            expected=f"{TIMEOUT_SECONDS_MIN}..{TIMEOUT_SECONDS_MAX}",
            got=timeout_seconds,
        )


def timeout_candidates(
    orders: Iterable[Order], now: datetime, timeout_seconds: int = TIMEOUT_SECONDS_DEFAULT
) -> tuple[Order, ...]:
    """Orders that may be marked at `now` (UTC), in the order given.

    Raises:
        InputError: `TIMEOUT_OUT_OF_RANGE`.
    """
    check_timeout_seconds(timeout_seconds)
    return tuple(
        order
        for order in orders
        if order.state in EXPIRABLE and seconds_between(order.updated_at, now) >= timeout_seconds
    )


def preview_timeout(
    order: Order,
    *,
    workflow_run_id: str,
    now: datetime,
    timeout_seconds: int = TIMEOUT_SECONDS_DEFAULT,
    at_gateway: bool = False,
) -> TimeoutPreview | Refusal:
    """What a mark would do at `now` (UTC); `at_gateway` when a gateway may hold the order.

    Returns:
        The preview, or a refusal in this order: `RUN_ORDER_MISMATCH`, `ORDER_TERMINAL`,
        `ORDER_NEEDS_RECONCILIATION`, `TRANSITION_NOT_ALLOWED`, `TIMEOUT_TOO_YOUNG`,
        `ORDER_AT_GATEWAY` (acknowledged, and nothing that was asked for waits for an answer).

    Raises:
        InputError: `TIMEOUT_OUT_OF_RANGE`.
    """
    check_timeout_seconds(timeout_seconds)
    barred = _barred(order, workflow_run_id)
    if barred is not None:
        return barred
    age = seconds_between(order.updated_at, now)
    if age < timeout_seconds:
        return refuse(
            "TIMEOUT_TOO_YOUNG",
            "the order has not waited long enough",
            age_seconds=exact_text(age),
            timeout_seconds=timeout_seconds,
        )
    doubtful = order.state is OrderState.SUBMITTED or order.replace_pending
    if at_gateway and not doubtful and order.state in _ACKNOWLEDGED:
        return refuse("ORDER_AT_GATEWAY", "a gateway works this order", order=order.order_id)
    return TimeoutPreview(
        workflow_run_id=workflow_run_id,
        order_id=order.order_id,
        state=order.state,
        event=OrderEventType.MARK_UNKNOWN if doubtful or at_gateway else OrderEventType.EXPIRE,
        age_seconds=age,
        timeout_seconds=timeout_seconds,
    )


def _barred(order: Order, workflow_run_id: str) -> Refusal | None:
    """Why no mark fits the order, however long it waited."""
    if order.workflow_run_id != workflow_run_id:
        return refuse("RUN_ORDER_MISMATCH", "the order belongs to another run", got=workflow_run_id)
    if order.is_terminal:
        return refuse("ORDER_TERMINAL", "the order has ended", state=order.state)
    if order.state is OrderState.UNKNOWN_NEEDS_RECONCILIATION:
        return refuse("ORDER_NEEDS_RECONCILIATION", "the order must be reconciled")
    if not ORDER_TABLE.allows(order.state, OrderEventType.EXPIRE):
        return not_allowed(order, OrderEventType.EXPIRE)
    return None


def mark_timeout(
    order: Order,
    *,
    workflow_run_id: str,
    now: datetime,
    reason: str,
    timeout_seconds: int = TIMEOUT_SECONDS_DEFAULT,
    at_gateway: bool = False,
) -> OrderChange | Refusal:
    """Mark the order; the same refusals as the preview, so a second mark is refused.

    Raises:
        InputError: `TIMEOUT_OUT_OF_RANGE`.
    """
    preview = preview_timeout(
        order,
        workflow_run_id=workflow_run_id,
        now=now,
        timeout_seconds=timeout_seconds,
        at_gateway=at_gateway,
    )
    if isinstance(preview, Refusal):
        return preview
    return apply_event(order, preview.event, now, reason=reason)
