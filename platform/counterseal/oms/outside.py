"""Facts that arrive beside the twelve events.

Job: a refused cancel, a granted or refused replace, the outcome of a reconciliation. Pure.

Invariants
  I1  A refused cancel or replace returns to the state beneath; a fill meanwhile is kept.
  I2  A replace never asks for less than is filled and never goes beyond the approval.
  I3  UNKNOWN is left only by a recorded reconciliation or by fills that complete the order.

Not here: the twelve events and fills (oms.apply).
Source: trading reference 3.1 to 3.3; FIX 5.0 SP2 appendix D (D8, D11, D12).
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.kernel.model import Refusal, refuse
from counterseal.kernel.money import exact_text
from counterseal.oms.apply import not_allowed, record_step
from counterseal.oms.model import Order, OrderChange
from counterseal.oms.states import TERMINAL_STATES, OrderEventType, OrderState

_REPLACEABLE: Final = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.FILLED)
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
    after = order.amended(state=beneath, state_beneath=None, cancel_pending=False)
    return record_step(order, after, OrderEventType.CANCEL_REFUSED, at, reason=reason)


def apply_replaced(
    order: Order,
    *,
    quantity: Decimal,
    limit_price: Decimal | None,
    cl_ord_id: str,
    at: datetime,
) -> OrderChange | Refusal:
    """The broker granted a replace. Less than filled is amended to filled; filled may reopen.

    Args:
        order: A working or filled order.
        quantity: New whole quantity in contracts.
        limit_price: New limit in quote units; None for a market order.
        cl_ord_id: New client id; the old one becomes the original.
        at: UTC instant.

    Returns:
        The change, or a refusal: `TRANSITION_NOT_ALLOWED`, `REPLACE_BEYOND_APPROVAL`,
        `REPLACE_CHANGES_TYPE`, `CLIENT_ORDER_ID_REUSED`.
    """
    if order.state not in _REPLACEABLE:
        return not_allowed(order, OrderEventType.REPLACED)
    if quantity > order.approved_quantity:
        return refuse(
            "REPLACE_BEYOND_APPROVAL",
            "a larger order needs a new approval",
            quantity=exact_text(quantity),
            approved_quantity=exact_text(order.approved_quantity),
        )
    if (limit_price is None) is not (order.limit_price is None):
        return refuse("REPLACE_CHANGES_TYPE", "a replace keeps the order type")
    if cl_ord_id in {order.cl_ord_id, order.orig_cl_ord_id}:
        return refuse("CLIENT_ORDER_ID_REUSED", "a replace brings a new ClOrdID", got=cl_ord_id)
    cum = order.cum_quantity
    granted = max(quantity, cum)
    working = OrderState.PARTIALLY_FILLED if cum else OrderState.ACCEPTED
    after = order.amended(
        quantity=granted,
        leaves_quantity=granted - cum,
        limit_price=limit_price,
        orig_cl_ord_id=order.cl_ord_id,
        cl_ord_id=cl_ord_id,
        state=OrderState.FILLED if granted == cum else working,
    )
    return record_step(order, after, OrderEventType.REPLACED, at)


def apply_replace_refused(order: Order, at: datetime, reason: str) -> OrderChange | Refusal:
    """The broker refused a replace: nothing changes, the refusal is recorded."""
    if order.state not in _REPLACEABLE:
        return not_allowed(order, OrderEventType.REPLACE_REFUSED)
    return record_step(order, order, OrderEventType.REPLACE_REFUSED, at, reason=reason)


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
        state_beneath=None,
    )
    return record_step(order, after, OrderEventType.RECONCILED, at, reason=reason)
