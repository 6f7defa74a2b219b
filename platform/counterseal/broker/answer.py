"""What the paper broker's answer does to the order.

Job: turn one answer into the order's events, its reports and at most one fill. Pure.

Invariants
  I1  A FOK order is filled whole by one answer or not at all, and then cancelled.
  I2  An IOC order keeps what one answer filled; its rest is cancelled, never left working.
  I3  A quote that the model refuses does not end an order that already rests.
  I4  An order that had nothing to meet yet is not ended by its time in force.

Not here: the models (broker.models), who may send (broker.gateway), the order table (oms.states).
Source: TX-G8, TX-J13; trading reference 1.2 (time in force) and 3.1.
"""

from datetime import datetime
from typing import Final

from counterseal.broker.gateway import FillTerms, execution_of, fill_from, happened_at
from counterseal.broker.model import Fill, SimulationOutcome, SimulationRequest, SimulationResult
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Refusal, refuse
from counterseal.oms.apply import apply_event, apply_fill, joined
from counterseal.oms.model import Order, OrderChange
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.signals.intent import TimeInForce

IOC_REST_CANCELLED: Final = "IOC_REST_CANCELLED"
FOK_NOT_FILLED_WHOLE: Final = "FOK_NOT_FILLED_WHOLE"

_WORKING: Final = (OrderState.SUBMITTED, OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
_CANCEL_STEPS: Final = (OrderEventType.CANCEL_REQUEST, OrderEventType.CANCEL)
_REASON_OF: Final = {
    TimeInForce.IOC: IOC_REST_CANCELLED,
    TimeInForce.FOK: FOK_NOT_FILLED_WHOLE,
}


class Settlement(DomainModel):
    """One answer, applied: the change of the order and the fill to store, if any."""

    change: OrderChange
    fill: Fill | None


def apply_answer(
    order: Order,
    request: SimulationRequest,
    result: SimulationResult,
    terms: FillTerms,
    at: datetime,
) -> Settlement | Refusal:
    """Apply the answer to a sent or resting order; it is recorded at `at` (UTC).

    Its steps carry the instant in the world: that of the print or bar, else `at`.

    A sent order is acknowledged first, whatever follows. What an IOC order leaves, and a FOK order
    that the answer does not fill whole, is cancelled with a reason word. An answer to a resting
    order that fills nothing changes nothing.

    Returns:
        The settlement, or a refusal: `ORDER_NOT_WORKING`, and those of `apply_event`, `apply_fill`.

    Raises:
        InputError: `ANSWER_OF_OTHER_REQUEST` when order, request and result do not belong together.
    """
    _check_together(order, request, result)
    if order.state not in _WORKING:
        return refuse("ORDER_NOT_WORKING", "the order does not work", state=order.state)
    kept = None if _is_killed(order, result) else fill_from(order, request, result, terms, at)
    change = OrderChange(order=_triggered(order, result))
    for event, reason in _steps(order, request, result, kept):
        step = _step(change.order, event, reason, kept, happened_at(request, result, at))
        if isinstance(step, Refusal):
            return step
        change = joined(change, step)
    return Settlement(change=change, fill=kept)


def _check_together(order: Order, request: SimulationRequest, result: SimulationResult) -> None:
    asked = (request.order_id, request.symbol, request.side, request.quantity, request.digest)
    own = (order.order_id, order.symbol, order.side)
    if asked != (*own, result.requested_quantity, result.request_digest):
        raise InputError(
            "ANSWER_OF_OTHER_REQUEST",
            "the answer belongs to another order or request",
            expected=order.order_id,
            got=request.order_id,
        )


def _triggered(order: Order, result: SimulationResult) -> Order:
    """The order with the instant at which its stop was triggered, if it just was."""
    if result.triggered_at is None:
        return order
    return order.amended(triggered_at=result.triggered_at)


def _is_killed(order: Order, result: SimulationResult) -> bool:
    whole = result.simulated_fill_quantity == order.leaves_quantity
    return order.time_in_force is TimeInForce.FOK and not whole


def _steps(
    order: Order, request: SimulationRequest, result: SimulationResult, fill: Fill | None
) -> tuple[tuple[OrderEventType, str], ...]:
    """The events in order, each with its reason word; FILL stands for whatever was filled."""
    sent = order.state is OrderState.SUBMITTED
    steps = [(OrderEventType.ACKNOWLEDGE, "")] if sent else []
    chosen = request.selected_outcome is not None
    if result.simulation_outcome is SimulationOutcome.REJECT and (sent or chosen):
        return (*steps, (OrderEventType.REJECT, result.reason))
    if result.simulation_outcome is SimulationOutcome.CANCEL:
        return (*steps, *((event, result.reason) for event in _CANCEL_STEPS))
    if fill is not None:
        steps.append((OrderEventType.FILL, ""))
    word = _REASON_OF.get(order.time_in_force)
    rest = order.leaves_quantity if fill is None else order.leaves_quantity - fill.last_quantity
    if word is not None and rest and not result.waits:
        steps.extend((event, word) for event in _CANCEL_STEPS)
    return tuple(steps)


def _step(
    order: Order, event: OrderEventType, reason: str, fill: Fill | None, at: datetime
) -> OrderChange | Refusal:
    if event is OrderEventType.FILL and fill is not None:
        return apply_fill(order, execution_of(fill), at)
    return apply_event(order, event, at, reason=reason)
