"""Facts that arrive beside the twelve events.

Job: a refused cancel, a triggered stop, the outcome of a reconciliation. Pure.

Invariants
  I1  A refused cancel returns to the state beneath; a fill meanwhile is kept.
  I2  A stop is triggered once.
  I3  UNKNOWN is left only by a recorded reconciliation or by fills that complete the order.

Not here: the twelve events and fills (oms.apply), replaces (oms.replace).
Source: trading reference 3.1 to 3.3.
"""

from datetime import datetime
from typing import Final

from counterseal.kernel.model import Refusal, refuse
from counterseal.kernel.money import exact_text
from counterseal.oms.apply import not_allowed, record_step
from counterseal.oms.model import Order, OrderChange
from counterseal.oms.states import TERMINAL_STATES, OrderEventType, OrderState
from counterseal.signals.intent import OrderType

_RECONCILE_TARGETS: Final = (
    OrderState.SUBMITTED,
    OrderState.ACCEPTED,
    OrderState.PARTIALLY_FILLED,
    OrderState.FILLED,
    OrderState.CANCELLED,
    OrderState.REJECTED,
    OrderState.EXPIRED,
)


def apply_cancel_refused(order: Order, at: datetime, reason: str) -> OrderChange | Refusal:
    """The broker refused the cancel: back to the state beneath.

    Returns:
        The change, or `TRANSITION_NOT_ALLOWED` when no cancel is pending.
    """
    if not order.cancel_pending or order.state_beneath is None or order.is_terminal:
        return not_allowed(order, OrderEventType.CANCEL_REFUSED)
    beneath = OrderState.PARTIALLY_FILLED if order.cum_quantity else order.state_beneath
    if order.state is OrderState.UNKNOWN_NEEDS_RECONCILIATION:
        beneath = order.state
    after = order.amended(state=beneath, state_beneath=None, cancel_pending=False, cancel_id=None)
    event, own = OrderEventType.CANCEL_REFUSED, order.cancel_id
    return record_step(order, after, event, at, reason=reason, request_id=own)


def apply_triggered(order: Order, at: datetime) -> OrderChange | Refusal:
    """The stop price was met at `at` (UTC): from now on the order works as a market order.

    Returns:
        The change (empty when it was triggered before), or `TRANSITION_NOT_ALLOWED` for any other
        order than a STOP that was sent.
    """
    if order.order_type is not OrderType.STOP or order.submitted_at is None:
        return not_allowed(order, OrderEventType.TRIGGERED)
    if order.triggered_at is not None:
        return OrderChange(order=order)
    after = order.amended(triggered_at=at, priority_at=at)
    return record_step(order, after, OrderEventType.TRIGGERED, at)


def apply_reconciled(
    order: Order, state: OrderState, at: datetime, reason: str
) -> OrderChange | Refusal:
    """The broker's answer about an UNKNOWN order. Missing fills are applied first, as late fills.

    Returns:
        The change, or a refusal: `TRANSITION_NOT_ALLOWED` (the order is not unknown),
        `RECONCILIATION_CONTRADICTS_FILLS` (the state does not fit the filled contracts).
    """
    if order.state is not OrderState.UNKNOWN_NEEDS_RECONCILIATION:
        return not_allowed(order, OrderEventType.RECONCILED)
    partial = OrderState.PARTIALLY_FILLED
    unfilled = (OrderState.SUBMITTED, OrderState.ACCEPTED, OrderState.REJECTED)
    contradicts = (
        state not in _RECONCILE_TARGETS
        or state is OrderState.FILLED
        or (state is partial and not order.cum_quantity)
        or (state in unfilled and bool(order.cum_quantity))
    )
    if contradicts:
        return refuse(
            "RECONCILIATION_CONTRADICTS_FILLS",
            "the answer does not fit the filled contracts",
            state=state,
            cum_quantity=exact_text(order.cum_quantity),
        )
    ended = state in TERMINAL_STATES
    leaves = order.leaves_quantity
    after = order.amended(
        state=state,
        leaves_quantity=leaves - leaves if ended else leaves,
        rest_quantity=leaves if ended else order.rest_quantity,
        cancel_pending=False,
        cancel_id=None,
        state_beneath=None,
    )
    return record_step(order, after, OrderEventType.RECONCILED, at, reason=reason)
