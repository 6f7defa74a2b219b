"""Events in the life of an order.

Job: give every step of an order its event in the case, under the words that users search for.

Not here: the steps (oms).
Source: TX-K1, the eight actions.
"""

from datetime import datetime

from counterseal.desk.approvals import case_stream
from counterseal.desk.commands import Done
from counterseal.kernel.model import Document, Event, Refusal, Subject
from counterseal.oms.apply import apply_event
from counterseal.oms.decide import open_outbox
from counterseal.oms.model import Order, OrderChange
from counterseal.oms.states import OrderEventType
from counterseal.risk.decide import risk_refusal
from counterseal.risk.model import RiskEvaluation


def order_event(
    kind: str, order: Order, action: str, *documents: Document, refusal: Refusal | None = None
) -> Event:
    """An event in the case of an order."""
    return Event(
        type=kind,
        stream=case_stream(order.approval_request_id),
        subject=Subject(type="order", id=order.order_id),
        action=f"paper_execution.{action}",
        documents=documents,
        reason_code="" if refusal is None else refusal.code,
        reason_text="" if refusal is None else refusal.message,
        facts=() if refusal is None else refusal.details[:40],
    )


def changed(change: OrderChange) -> tuple[Document, ...]:
    """The documents of an order change."""
    return (change.order, *change.events, *change.reports)


def risk_judged(
    order: Order, evaluation: RiskEvaluation, now: datetime, *counted: Document
) -> Done | Refusal:
    """The order as its risk evaluation leaves it; refusals of `oms.apply.apply_event`.

    `counted` are documents that count the order, stored with the evaluation.
    """
    step = OrderEventType.RISK_APPROVE if evaluation.approved else OrderEventType.RISK_REJECT
    change = apply_event(
        order, step, now, reason=evaluation.reason, risk_evaluation_id=evaluation.evaluation_id
    )
    if isinstance(change, Refusal):
        return change
    judged = order_event("risk.evaluated", order, "risk_evaluated", evaluation, *counted)
    if not evaluation.approved:
        rejected = order_event(
            "order.rejected",
            order,
            "rejected_by_risk_engine",
            *changed(change),
            refusal=risk_refusal(evaluation),
        )
        return Done(subject_id=order.order_id, events=(judged, rejected))
    outbox = open_outbox(change.order, now)
    passed = order_event(
        "order.risk_checked", order, "oms_lifecycle_recorded", *changed(change), outbox
    )
    return Done(subject_id=order.order_id, events=(judged, passed))
