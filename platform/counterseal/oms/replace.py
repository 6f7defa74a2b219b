"""Amend and replace: asked for, granted, refused.

Job: put a pending replace over an order, and take it off again by the broker's answer. Pure.

Invariants
  I1  Until the grant the order keeps its ClOrdID, quantity and prices; a fill meanwhile counts by
      them.
  I2  A grant for less than is filled is a grant for what is filled; a filled order may reopen.
  I3  No replace goes beyond the approved quantity, changes the order's type or reuses a ClOrdID.
  I4  A smaller quantity keeps the place in the queue; any other change goes to its end.
  I5  A refused replace changes nothing else.

Not here: whether approval and risk allow it (desk.replacing), cancels (oms.apply, oms.outside).
Source: trading reference 1.5, 3.1 to 3.3; FIX 5.0 SP2 appendix D (D8, D11, D12).
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.kernel.model import Refusal, refuse
from counterseal.kernel.money import exact_text
from counterseal.oms.apply import not_allowed, record_step, refused_id, with_id
from counterseal.oms.model import Order, OrderChange, ReplaceTerms
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.signals.intent import missing_terms

_REPLACEABLE: Final = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.FILLED)
_KEPT: Final = (
    OrderState.CANCEL_REQUESTED,
    OrderState.CANCELLED,
    OrderState.EXPIRED,
    OrderState.UNKNOWN_NEEDS_RECONCILIATION,
)
"""States that a grant, asked for before, leaves as they are."""
_TERMS: Final = ("quantity", "limit_price", "stop_price", "good_till")


def replaced_terms(
    order: Order,
    *,
    cl_ord_id: str,
    at: datetime,
    quantity: Decimal | None = None,
    limit_price: Decimal | None = None,
    stop_price: Decimal | None = None,
    good_till: datetime | None = None,
) -> ReplaceTerms:
    """What a replace of this order asks for at `at` (UTC); None keeps what the order has."""
    told = (quantity, limit_price, stop_price, good_till)
    return ReplaceTerms.model_validate(
        {
            "order_id": order.order_id,
            "cl_ord_id": cl_ord_id,
            "orig_cl_ord_id": order.cl_ord_id,
            "asked_at": at,
            **{
                name: getattr(order, name) if value is None else value
                for name, value in zip(_TERMS, told, strict=True)
            },
        }
    )


def request_replace(order: Order, terms: ReplaceTerms, at: datetime) -> OrderChange | Refusal:
    """Ask for a replace at `at` (UTC): the order as it was, with the request over it.

    Returns:
        The change, or a refusal: `TRANSITION_NOT_ALLOWED` (not working, or a cancel is pending),
        `REPLACE_PENDING`, `CLIENT_ORDER_ID_REUSED`, `REPLACE_BEYOND_APPROVAL`,
        `REPLACE_CHANGES_TYPE`, `REPLACE_CHANGES_NOTHING`.
    """
    event = OrderEventType.REPLACE_REQUESTED
    if order.state not in _REPLACEABLE or order.cancel_pending:
        return not_allowed(order, event)
    if order.pending_replace is not None:
        return refuse(
            "REPLACE_PENDING",
            "a replace of this order is not answered yet",
            cl_ord_id=order.pending_replace.cl_ord_id,
        )
    refusal = _refused_terms(order, terms)
    if refusal is not None:
        return refusal
    if all(getattr(terms, name) == getattr(order, name) for name in _TERMS):
        return refuse("REPLACE_CHANGES_NOTHING", "the order already has these terms")
    known = with_id(order, terms.cl_ord_id)
    after = order.amended(pending_replace=terms, replace_pending=True, cl_ord_ids=known)
    return record_step(order, after, event, at, request_id=terms.cl_ord_id)


def _refused_terms(order: Order, terms: ReplaceTerms) -> Refusal | None:
    if terms.quantity > order.approved_quantity:
        return refuse(
            "REPLACE_BEYOND_APPROVAL",
            "a larger order needs a new approval",
            quantity=exact_text(terms.quantity),
            approved_quantity=exact_text(order.approved_quantity),
        )
    told = {**dict(order), **dict(terms)}
    if missing_terms(order.order_type, order.time_in_force, told):
        return refuse("REPLACE_CHANGES_TYPE", "a replace keeps the order type")
    return refused_id(order, terms.cl_ord_id)


def apply_replaced(
    order: Order,
    *,
    quantity: Decimal,
    limit_price: Decimal | None,
    cl_ord_id: str,
    at: datetime,
    stop_price: Decimal | None = None,
    good_till: datetime | None = None,
) -> OrderChange | Refusal:
    """The broker granted a replace, asked for or of its own accord.

    Args:
        order: A working or filled order, or one that went on while its replace was pending.
        quantity: New whole quantity in contracts.
        limit_price: Quote units; None where the order's type has none.
        cl_ord_id: New client id; the old one becomes the original.
        at: UTC instant.
        stop_price: Quote units; None where the order's type has none.
        good_till: New end of a GTD order (UTC).

    Returns:
        The change, or a refusal: `TRANSITION_NOT_ALLOWED`, `REPLACE_BEYOND_APPROVAL`,
        `REPLACE_CHANGES_TYPE`, `CLIENT_ORDER_ID_REUSED`.
    """
    asked = order.pending_replace
    if order.state not in _REPLACEABLE and (asked is None or order.state not in _KEPT):
        return not_allowed(order, OrderEventType.REPLACED)
    terms = ReplaceTerms(
        order_id=order.order_id,
        cl_ord_id=cl_ord_id,
        orig_cl_ord_id=order.cl_ord_id,
        quantity=quantity,
        limit_price=limit_price,
        stop_price=stop_price,
        good_till=good_till,
        asked_at=at,
    )
    own = asked is not None and asked.cl_ord_id == cl_ord_id
    known = order.amended(cl_ord_ids=()) if own else order
    refusal = _refused_terms(known, terms)
    if refusal is not None:
        return refusal
    after = _granted(order, terms, at)
    return record_step(order, after, OrderEventType.REPLACED, at, request_id=cl_ord_id)


def grant_replace(order: Order, at: datetime) -> OrderChange | Refusal:
    """The pending replace as it was asked for; refusals of `apply_replaced`."""
    asked = order.pending_replace
    if asked is None:
        return not_allowed(order, OrderEventType.REPLACED)
    return apply_replaced(
        order,
        quantity=asked.quantity,
        limit_price=asked.limit_price,
        stop_price=asked.stop_price,
        good_till=asked.good_till,
        cl_ord_id=asked.cl_ord_id,
        at=at,
    )


def _granted(order: Order, terms: ReplaceTerms, at: datetime) -> Order:
    cum = order.cum_quantity
    quantity = max(terms.quantity, cum)
    whole = quantity == cum
    working = OrderState.PARTIALLY_FILLED if cum else OrderState.ACCEPTED
    ended = order.is_terminal and order.state is not OrderState.FILLED
    state = order.state if order.state in _KEPT else working
    idle = quantity - quantity
    changed: dict[str, object] = {
        "quantity": quantity,
        "leaves_quantity": idle if ended else quantity - cum,
        "rest_quantity": quantity - cum if ended else idle,
        "limit_price": terms.limit_price,
        "stop_price": terms.stop_price,
        "good_till": terms.good_till,
        "orig_cl_ord_id": order.cl_ord_id,
        "cl_ord_id": terms.cl_ord_id,
        "cl_ord_ids": with_id(order, terms.cl_ord_id),
        "pending_replace": None,
        "replace_pending": False,
        "priority_at": order.priority_at if _keeps_place(order, terms) else at,
        "state": OrderState.FILLED if whole else state,
    }
    if whole:
        changed |= {"cancel_pending": False, "cancel_id": None, "state_beneath": None}
    return order.amended(**changed)


def _keeps_place(order: Order, terms: ReplaceTerms) -> bool:
    same = all(getattr(order, name) == getattr(terms, name) for name in _TERMS[1:])
    return same and terms.quantity <= order.quantity and not order.is_terminal


def apply_replace_refused(order: Order, at: datetime, reason: str) -> OrderChange | Refusal:
    """The broker refused a replace at `at` (UTC): the order works on by its own terms.

    Returns:
        The change, or `TRANSITION_NOT_ALLOWED` when no replace is pending and none could be.
    """
    asked = order.pending_replace
    if asked is None and order.state not in _REPLACEABLE:
        return not_allowed(order, OrderEventType.REPLACE_REFUSED)
    after = order.amended(pending_replace=None, replace_pending=False)
    own = None if asked is None else asked.cl_ord_id
    event = OrderEventType.REPLACE_REFUSED
    return record_step(order, after, event, at, reason=reason, request_id=own)
