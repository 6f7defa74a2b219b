"""ClOrdIDs and messages of an order.

Job: give every message its own ClOrdID, find an order by any of them, and queue what a gateway is
to be told.

Invariants
  I1  No two messages share a ClOrdID, whatever order they belong to.
  I2  An order that a gateway may hold is changed by messages only; any other is the desk's own.

Not here: the life of a message (oms.outbox), handing it over (desk.delivery).
Source: trading reference 3.3 rules 5 and 9.
"""

from datetime import datetime

from counterseal.desk.ports import Reader
from counterseal.kernel.model import Document, Refusal, refuse
from counterseal.oms.decide import OutboxEvent, apply_outbox
from counterseal.oms.model import ClientOrderId, Order, OutboxEntry, OutboxStatus
from counterseal.oms.outbox import message


def own_message_id(reader: Reader, order: Order, wanted: str | None) -> str | Refusal:
    """The ClOrdID of the order's next message: the wanted one, or `<order>.<number>`.

    Returns:
        The id, or `CLIENT_ORDER_ID_REUSED` when any message of any order has it.
    """
    known = order.cl_ord_ids or (order.cl_ord_id,)
    name = wanted or f"{order.order_id}.{len(known) + 1}"
    if order_of_message(reader, name) is None:
        return name
    return refuse("CLIENT_ORDER_ID_REUSED", "each message brings a new ClOrdID", got=name)


def order_of_message(reader: Reader, cl_ord_id: str) -> Order | None:
    """The order that a ClOrdID belongs to, whichever of its messages had it."""
    known = reader.get(ClientOrderId, cl_ord_id)
    return reader.get(Order, cl_ord_id if known is None else known.order_id)


def submit_message(reader: Reader, order: Order) -> OutboxEntry | None:
    """The message that hands the order itself over."""
    return reader.get(OutboxEntry, f"{order.order_id}:outbox")


def unsent(reader: Reader, order: Order, now: datetime) -> tuple[OutboxEntry, ...]:
    """The message that waited for the broker, expired at `now` (UTC); nothing when none waits.

    A message that a worker once claimed is left to the gateway's worker.
    """
    waiting = submit_message(reader, order)
    if waiting is None or waiting.status is not OutboxStatus.PENDING or waiting.cl_ord_id:
        return ()
    return (apply_outbox(waiting, OutboxEvent.EXPIRE, now),)


def may_be_at_gateway(reader: Reader, order: Order) -> bool:
    """Whether a worker has claimed the order's message: then a gateway may hold it."""
    sent = submit_message(reader, order)
    return sent is not None and sent.cl_ord_id is not None


def at_gateway(reader: Reader, order: Order) -> Refusal | None:
    """`ORDER_AT_GATEWAY` when a gateway may hold the order: then the paper model must not."""
    if not may_be_at_gateway(reader, order):
        return None
    return refuse("ORDER_AT_GATEWAY", "a gateway works this order", order=order.order_id)


def queued(order: Order, action: str, cl_ord_id: str, now: datetime) -> tuple[Document, ...]:
    """A message of the order under its own ClOrdID, to be handed to the gateway."""
    return named(order, action, cl_ord_id, now), message(order, action, cl_ord_id, now)


def named(order: Order, action: str, cl_ord_id: str, now: datetime) -> ClientOrderId:
    """The ClOrdID as taken by a message of the order."""
    return ClientOrderId(
        cl_ord_id=cl_ord_id, order_id=order.order_id, action=action, created_at=now
    )
