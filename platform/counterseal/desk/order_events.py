"""Events in the life of an order.

Job: give every step of an order its event in the case, under the words that users search for.

Not here: the steps (oms).
Source: TX-K1, the eight actions.
"""

from counterseal.desk.approvals import case_stream
from counterseal.kernel.model import Document, Event, Refusal, Subject
from counterseal.oms.model import Order, OrderChange


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
