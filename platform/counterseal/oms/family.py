"""Legs and slices: what a parent order stands at.

Job: compute the parent's sums from its children. Pure; nothing of it is stored.

Invariants
  I1  A parent's state is computed from the orders of its family, never stored beside them.
  I2  Whole units are counted: of several legs the one that filled least says how many.
  I3  While one order of the family is unknown, the parent is.

Not here: orders of one instrument at a time (oms.apply), filling all legs or none (nowhere yet).
Source: TX-I; trading reference part 3.
"""

from collections.abc import Sequence
from decimal import Decimal

from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import NonNegative
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState


class FamilyState(DomainModel):
    """Where a parent stands.

    Attributes:
        cum_units: Units filled in every leg; contracts for an order of one instrument.
        cum_quantity, leaves_quantity, rest_quantity: Contracts over all orders of the family.
        uneven: Some leg has filled more than the units say.
    """

    parent_order_id: Name
    order_ids: tuple[Name, ...]
    cum_units: NonNegative
    cum_quantity: NonNegative
    leaves_quantity: NonNegative
    rest_quantity: NonNegative
    uneven: bool
    state: OrderState


def family_state(parent: Order, children: Sequence[Order]) -> FamilyState:
    """The parent's sums over itself and its children (slices of its instrument, or other legs)."""
    family = (parent, *children)
    cum, leaves, rest = (
        sum((getattr(order, f"{part}_quantity") for order in family), Decimal(0))
        for part in ("cum", "leaves", "rest")
    )
    filled = _filled_units(parent, family)
    return FamilyState(
        parent_order_id=parent.order_id,
        order_ids=tuple(order.order_id for order in family),
        cum_units=min(filled),
        cum_quantity=cum,
        leaves_quantity=leaves,
        rest_quantity=rest,
        uneven=min(filled) != max(filled),
        state=_state(family, cum, leaves, rest),
    )


def _filled_units(parent: Order, family: Sequence[Order]) -> tuple[Decimal, ...]:
    """Whole units that each leg has filled."""
    return tuple(
        sum((o.cum_quantity for o in family if o.symbol == leg.symbol), Decimal(0)) // leg.ratio
        for leg in parent.legs
    )


def _state(family: Sequence[Order], cum: Decimal, leaves: Decimal, rest: Decimal) -> OrderState:
    unknown = OrderState.UNKNOWN_NEEDS_RECONCILIATION
    if any(order.state is unknown for order in family):
        return unknown
    if cum:
        return OrderState.PARTIALLY_FILLED if leaves or rest else OrderState.FILLED
    return OrderState.ACCEPTED if leaves else OrderState.CANCELLED
