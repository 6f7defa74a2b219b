"""Change an order by one event or one fill.

Job: fold events and executions into an order, with its events and reports. Pure.

Invariants
  I1  A pair that the table does not name is a refusal and changes nothing.
  I2  Filled contracts grow by exactly `last` and never go beyond the quantity.
  I3  A seen execution id changes nothing; with other content it is refused, never overwritten.
  I4  A fill before the acknowledgement records ACKNOWLEDGE, then the fill.
  I5  A fill after CANCELLED, EXPIRED or UNKNOWN is applied once and marked late.

Not here: refused cancels (oms.outside), replaces (oms.replace), timeouts (oms.timeouts), the table
(oms.states).
Source: TX-I3, TX-I5; trading reference 3.3.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from counterseal.kernel.errors import TransitionError
from counterseal.kernel.model import Refusal, refuse
from counterseal.kernel.money import exact_text
from counterseal.oms.fix import fix_status
from counterseal.oms.model import (
    Execution,
    ExecutionReport,
    ExecutionType,
    Order,
    OrderChange,
    OrderEvent,
    average_price,
    execution_sums,
)
from counterseal.oms.states import (
    FIX_EXEC_TYPE,
    ORDER_TABLE,
    TERMINAL_STATES,
    OrderEventType,
    OrderState,
)

_REPORTED: Final = {
    OrderEventType.ACKNOWLEDGE: ExecutionType.ACKNOWLEDGED,
    OrderEventType.REJECT: ExecutionType.REJECT,
    OrderEventType.RISK_REJECT: ExecutionType.REJECT,
    OrderEventType.CANCEL: ExecutionType.CANCEL,
    OrderEventType.EXPIRE: ExecutionType.EXPIRE,
    OrderEventType.REPLACED: ExecutionType.REPLACED,
}
_LATE_STATES: Final = (
    OrderState.CANCELLED,
    OrderState.EXPIRED,
    OrderState.UNKNOWN_NEEDS_RECONCILIATION,
)
_FILL_EVENTS: Final = (OrderEventType.PARTIAL_FILL, OrderEventType.FILL)


def record_step(
    before: Order,
    after: Order,
    event: OrderEventType,
    at: datetime,
    *,
    reason: str = "",
    execution: Execution | None = None,
    request_id: str | None = None,
    changes: Mapping[str, object] | None = None,
) -> OrderChange:
    """Number the step and write its event and, where the broker spoke, its report.

    `changes` are fields of `after` that the step sets beside its number and its time.
    `request_id` is the ClOrdID of the cancel or replace that the step asks for or answers.
    """
    sequence = before.event_sequence + 1
    order = after.amended(**(changes or {}), event_sequence=sequence, updated_at=at)
    step = OrderEvent(
        order_event_id=f"{order.order_id}:{sequence:06d}",
        order_id=order.order_id,
        workflow_run_id=order.workflow_run_id,
        sequence=sequence,
        event=event,
        from_state=before.state,
        to_state=order.state,
        cl_ord_id=request_id,
        at=at,
        reason=reason,
    )
    report = _report(order, step, execution)
    return OrderChange(order=order, events=(step,), reports=() if report is None else (report,))


def _report(order: Order, step: OrderEvent, fill: Execution | None) -> ExecutionReport | None:
    kind = _REPORTED.get(step.event)
    if fill is not None:
        whole = order.state is OrderState.FILLED
        kind = ExecutionType.FILL if whole else ExecutionType.PARTIAL_FILL
    if kind is None:
        return None
    answers = step.event is OrderEventType.CANCEL and step.cl_ord_id is not None
    return ExecutionReport(
        report_id=f"{step.order_event_id}:report",
        workflow_run_id=order.workflow_run_id,
        order_id=order.order_id,
        account_id=order.account_id,
        idempotency_key=order.idempotency_key,
        cl_ord_id=step.cl_ord_id or order.cl_ord_id,
        orig_cl_ord_id=order.cl_ord_id if answers else order.orig_cl_ord_id,
        exec_id=step.order_event_id if fill is None else fill.exec_id,
        execution_type=kind,
        order_status=order.state,
        exec_type=FIX_EXEC_TYPE[step.event],
        ord_status=fix_status(order),
        symbol=order.symbol,
        side=order.side,
        order_quantity=order.quantity,
        last_quantity=order.quantity - order.quantity if fill is None else fill.last_quantity,
        last_price=None if fill is None else fill.last_price,
        cumulative_filled_quantity=order.cum_quantity,
        leaves_quantity=order.leaves_quantity,
        rest_quantity=order.rest_quantity,
        average_fill_price=order.average_price,
        late=fill is not None and fill.late,
        event_id=step.order_event_id,
        timestamp=step.at,
        text=step.reason,
    )


def joined(first: OrderChange, second: OrderChange) -> OrderChange:
    """Two steps of one order as one change."""
    return OrderChange(
        order=second.order,
        events=first.events + second.events,
        reports=first.reports + second.reports,
    )


def not_allowed(order: Order, event: OrderEventType) -> Refusal:
    """The refusal of a pair that the table does not name."""
    return refuse(
        "TRANSITION_NOT_ALLOWED",
        f"{event} is not allowed in {order.state}",
        order_id=order.order_id,
        state=order.state,
        event=event,
    )


def _moves(
    order: Order, event: OrderEventType, at: datetime, request_id: str | None = None
) -> dict[str, object]:
    """What an event without a quantity changes of an order."""
    state = ORDER_TABLE.next(order.state, event)
    changes: dict[str, object] = {"state": state}
    if state in TERMINAL_STATES:
        leaves, rest = order.leaves_quantity, order.rest_quantity
        changes |= {"rest_quantity": rest + leaves, "leaves_quantity": leaves - leaves}
        changes |= {"cancel_pending": False, "state_beneath": None}
        changes["cancel_id"] = None
    if event is OrderEventType.SUBMIT:
        changes["submitted_at"] = at
    if event is OrderEventType.ACKNOWLEDGE:
        changes["priority_at"] = at
    if event is OrderEventType.CANCEL_REQUEST:
        changes |= {"cancel_pending": True, "state_beneath": order.state}
        changes |= {"cancel_id": request_id, "cl_ord_ids": with_id(order, request_id)}
    return changes


def apply_event(
    order: Order,
    event: OrderEventType,
    at: datetime,
    *,
    reason: str = "",
    risk_evaluation_id: str | None = None,
    cl_ord_id: str | None = None,
) -> OrderChange | Refusal:
    """Apply one event without a quantity at `at` (UTC).

    A CANCEL that answers a pending cancel after a partial fill raced it is applied to the pending
    cancel, which is recorded again first. A CANCEL_REQUEST may bring its own ClOrdID.

    Returns:
        The change, or a refusal: `TRANSITION_NOT_ALLOWED`, `FILL_WITHOUT_QUANTITY` (use
        `apply_fill`), `RISK_EVALUATION_MISSING` (RISK_APPROVE without the id of an evaluation),
        `CLIENT_ORDER_ID_REUSED`.
    """
    reused = refused_id(order, cl_ord_id)
    if reused is not None:
        return reused
    if event in _FILL_EVENTS:
        return refuse("FILL_WITHOUT_QUANTITY", "a fill needs an execution", event=event)
    if event is OrderEventType.RISK_APPROVE and risk_evaluation_id is None:
        return refuse(
            "RISK_EVALUATION_MISSING", "an approval by risk names its evaluation", event=event
        )
    first, own = OrderChange(order=order), order.cancel_id
    again = OrderEventType.CANCEL_REQUEST
    raced = event is OrderEventType.CANCEL and order.cancel_pending
    if raced and ORDER_TABLE.allows(order.state, again):
        pending = _moves(order, again, at, own)
        first = record_step(
            order, order, again, at, reason="cancel still pending", request_id=own, changes=pending
        )
    before = first.order
    try:
        moves = _moves(before, event, at, cl_ord_id)
    except TransitionError:
        return not_allowed(order, event)
    if risk_evaluation_id is not None:
        moves["risk_evaluation_id"] = risk_evaluation_id
    request_id = own if event is OrderEventType.CANCEL else cl_ord_id
    step = record_step(
        before, before, event, at, reason=reason, request_id=request_id, changes=moves
    )
    return joined(first, step)


def with_id(order: Order, cl_ord_id: str | None) -> tuple[str, ...]:
    """Every ClOrdID of the order, this one included; None adds none."""
    known = order.cl_ord_ids or (order.cl_ord_id,)
    return known if cl_ord_id is None or cl_ord_id in known else (*known, cl_ord_id)


def refused_id(order: Order, cl_ord_id: str | None) -> Refusal | None:
    """`CLIENT_ORDER_ID_REUSED` when a message of the order already had this ClOrdID."""
    if cl_ord_id not in {order.cl_ord_id, order.orig_cl_ord_id, *order.cl_ord_ids} - {None}:
        return None
    return refuse("CLIENT_ORDER_ID_REUSED", "each message brings a new ClOrdID", got=cl_ord_id)


def _fill_refusal(order: Order, fill: Execution) -> Refusal | None:
    """Why a new execution cannot be counted, or None."""
    room = order.leaves_quantity + order.rest_quantity
    if order.state is OrderState.REJECTED or order.submitted_at is None:
        return not_allowed(order, OrderEventType.FILL)
    if fill.last_quantity > room:
        return refuse(
            "OVERFILL",
            "the fill goes beyond the order's quantity",
            order_id=order.order_id,
            exec_id=fill.exec_id,
            last_quantity=exact_text(fill.last_quantity),
            room=exact_text(room),
        )
    return None


def _seen(order: Order, fill: Execution) -> OrderChange | Refusal | None:
    known = next((e for e in order.executions if e.exec_id == fill.exec_id), None)
    if known is None:
        return None
    if known.amended(late=fill.late) == fill:
        return OrderChange(order=order)
    return refuse(
        "EXECUTION_ID_REUSED",
        "the execution id was seen with other content",
        order_id=order.order_id,
        exec_id=fill.exec_id,
    )


def _fills(order: Order, fill: Execution, state: OrderState) -> dict[str, object]:
    """What an execution changes of an order."""
    executions = (*order.executions, fill)
    cum, notional = execution_sums(executions)
    from_rest = order.is_terminal
    leaves, rest, last = order.leaves_quantity, order.rest_quantity, fill.last_quantity
    whole = cum == order.quantity
    return {
        "executions": executions,
        "cum_quantity": cum,
        "leaves_quantity": leaves if from_rest else leaves - last,
        "rest_quantity": rest - last if from_rest else rest,
        "notional_sum": notional,
        "average_price": average_price(notional, cum),
        "late_fill_count": order.late_fill_count + fill.late,
        "state": OrderState.FILLED if whole else state,
        "cancel_pending": order.cancel_pending and not whole,
        "cancel_id": None if whole else order.cancel_id,
        "state_beneath": None if whole else order.state_beneath,
    }


def apply_fill(order: Order, fill: Execution, at: datetime) -> OrderChange | Refusal:
    """Count one execution at `at` (UTC).

    A late fill leaves CANCELLED, EXPIRED and UNKNOWN as they are until the order is whole: then
    FILLED.

    Returns:
        The change (empty for an execution seen before), or a refusal: `EXECUTION_ID_REUSED`,
        `OVERFILL`, `TRANSITION_NOT_ALLOWED`. Late fills and refusals are to be alarmed.
    """
    outcome = _seen(order, fill) or _fill_refusal(order, fill)
    if outcome is not None:
        return outcome
    if order.state in _LATE_STATES:
        late = fill.amended(late=True)
        event, changes = OrderEventType.LATE_FILL, _fills(order, late, order.state)
        return record_step(
            order, order, event, at, reason="late fill", execution=late, changes=changes
        )
    fill = fill.amended(late=False) if fill.late else fill
    if order.state is OrderState.SUBMITTED:
        event = OrderEventType.ACKNOWLEDGE
        known = record_step(
            order, order, event, at, reason="implied by a fill", changes=_moves(order, event, at)
        )
        return joined(known, _live_fill(known.order, fill, at))
    return _live_fill(order, fill, at)


def _live_fill(order: Order, fill: Execution, at: datetime) -> OrderChange:
    whole = order.leaves_quantity == fill.last_quantity
    event = OrderEventType.FILL if whole else OrderEventType.PARTIAL_FILL
    changes = _fills(order, fill, ORDER_TABLE.next(order.state, event))
    return record_step(order, order, event, at, execution=fill, changes=changes)
