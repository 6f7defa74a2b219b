"""Use cases after a submit: work a resting order, cancel it, mark it timed out.

Job: carry an order from its last step to its next, each a record in its case.

Invariants
  I1  A preview writes nothing; a mark is refused unless the preview would allow it.
  I2  Only the desk's clock decides age; only an operator cancels. The platform's own service may
      put a resting order to a quote and mark one timed out.
  I3  A cancel asks first and is answered second, so that a fill may still race it.
  I4  The message of an order that ended before it was sent expires with it.

Not here: which step is legal (oms), how a quote is answered (desk.booking).
Source: TX-G8, TX-I8, TX-I9; TX-K1 `timeout_marked`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from counterseal.broker.model import SimulationOutcome
from counterseal.desk.approvals import case_stream
from counterseal.desk.asking import put_to_quote
from counterseal.desk.bench import Bench
from counterseal.desk.booking import answer_order
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.exposure import cancel_counted
from counterseal.desk.messages import (
    at_gateway,
    may_be_at_gateway,
    named,
    own_message_id,
    queued,
    unsent,
)
from counterseal.desk.order_events import changed, order_event
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.model import Actor, Refusal, refuse
from counterseal.oms.apply import apply_event, joined
from counterseal.oms.model import CANCEL_ACTION, Order, OrderChange
from counterseal.oms.states import OrderEventType
from counterseal.oms.timeouts import (
    EXPIRABLE,
    TimeoutPreview,
    mark_timeout,
    preview_timeout,
    timeout_candidates,
)
from counterseal.policy.authorize import Action, authorize

_DUTIES: Final = frozenset({"orders.work", "orders.mark_timeout"})
_Step = Callable[[Reader, Order, datetime], Done | Refusal]


class Lifecycle:
    """What happens to orders after they were submitted."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def work(
        self,
        order_id: str,
        actor: Actor,
        *,
        key: str,
        selected: SimulationOutcome | None = None,
    ) -> Outcome:
        """Put a resting order to the current quote.

        Refusals: `NOT_FOUND`, `ROLE`, `NO_QUOTE`, `ORDER_NOT_WORKING`, `QUOTE_NOT_LATER`,
        `ORDER_AT_GATEWAY`.
        """

        def step(reader: Reader, order: Order, now: datetime) -> Done | Refusal:
            held = at_gateway(reader, order)
            return held or answer_order(reader, self._bench, order, now, key=key, selected=selected)

        return self._run("orders.work", order_id, actor, key, {"selected": selected}, step)

    def is_reached(self, order_id: str, now: datetime) -> bool:
        """Whether the market would fill some of a resting order now, or trigger its stop.

        Nothing is written.
        """
        with self._bench.store.reader() as reader:
            order = reader.get(Order, order_id)
            if order is None:
                return False
            request = put_to_quote(reader, self._bench, order, now, None)
        if isinstance(request, Refusal):
            return False
        result = self._bench.broker.answer(request)
        return result.simulated_fill_quantity > 0 or result.triggered_at is not None

    def cancel(
        self,
        order_id: str,
        actor: Actor,
        *,
        reason: str,
        key: str,
        cl_ord_id: str | None = None,
    ) -> Outcome:
        """Ask to cancel, under an own ClOrdID; the paper model grants it, a gateway answers later.

        Refusals: `NOT_FOUND`, `ROLE`, `TRANSITION_NOT_ALLOWED` for an order that has ended,
        `CANCEL_PENDING`, `CLIENT_ORDER_ID_REUSED`.
        """

        def step(reader: Reader, order: Order, now: datetime) -> Done | Refusal:
            own = own_message_id(reader, order, cl_ord_id)
            if order.cancel_pending:
                return refuse("CANCEL_PENDING", "a cancel of this order is not answered yet")
            if isinstance(own, Refusal):
                return own
            asked = apply_event(
                order, OrderEventType.CANCEL_REQUEST, now, reason=reason, cl_ord_id=own
            )
            if isinstance(asked, Refusal):
                return asked
            done = _asked_to_cancel(reader, asked, own, reason, now)
            if isinstance(done, Refusal):
                return done
            return cancel_counted(done, reader, self._bench, order.account_id, now)

        asked: dict[str, Json] = {"reason": reason}
        asked |= {} if cl_ord_id is None else {"cl_ord_id": cl_ord_id}
        return self._run("orders.cancel", order_id, actor, key, asked, step)

    def timeouts(self, now: datetime, timeout_seconds: int = 30) -> tuple[Order, ...]:
        """Orders old enough to be marked, by age in whole or part seconds; 1..86400, default 30.

        Raises:
            InputError: `TIMEOUT_OUT_OF_RANGE`.
        """
        with self._bench.store.reader() as reader:
            open_orders = reader.find(Order, state=EXPIRABLE)
        return timeout_candidates(open_orders, now, timeout_seconds)

    def preview_timeout(
        self, order_id: str, *, workflow_run_id: str, now: datetime, timeout_seconds: int = 30
    ) -> TimeoutPreview | Refusal:
        """What marking would do; nothing is written.

        Refusals: `NOT_FOUND`, `RUN_ORDER_MISMATCH`, `ORDER_TERMINAL`, `TIMEOUT_TOO_YOUNG`,
        `ORDER_NEEDS_RECONCILIATION`, `ORDER_AT_GATEWAY`.
        """
        with self._bench.store.reader() as reader:
            order = reader.get(Order, order_id)
            held = order is not None and may_be_at_gateway(reader, order)
        if order is None:
            return refuse("NOT_FOUND", "no such order", order=order_id)
        return preview_timeout(
            order,
            workflow_run_id=workflow_run_id,
            now=now,
            timeout_seconds=timeout_seconds,
            at_gateway=held,
        )

    def mark_timeout(
        self,
        order_id: str,
        actor: Actor,
        *,
        workflow_run_id: str,
        reason: str,
        key: str,
        timeout_seconds: int = 30,
    ) -> Outcome:
        """Mark an order timed out; the refusals of the preview, and `ROLE`."""

        def step(reader: Reader, order: Order, now: datetime) -> Done | Refusal:
            change = mark_timeout(
                order,
                workflow_run_id=workflow_run_id,
                now=now,
                timeout_seconds=timeout_seconds,
                reason=reason,
                at_gateway=may_be_at_gateway(reader, order),
            )
            if isinstance(change, Refusal):
                return change
            ended = (*changed(change), *unsent(reader, order, now))
            event = order_event("order.timed_out", order, "timeout_marked", *ended)
            return Done(subject_id=order.order_id, events=(event.amended(reason_text=reason),))

        asked: dict[str, Json] = {"run": workflow_run_id, "s": timeout_seconds, "reason": reason}
        return self._run("orders.mark_timeout", order_id, actor, key, asked, step)

    def _run(
        self,
        name: str,
        order_id: str,
        actor: Actor,
        key: str,
        asked: dict[str, Json],
        step: _Step,
    ) -> Outcome:
        with self._bench.store.reader() as reader:
            known = reader.get(Order, order_id)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = _barred(reader, actor, name)
            if barred is not None:
                return barred
            order = reader.get(Order, order_id)
            if order is None:
                return refuse("NOT_FOUND", "no such order", order=order_id)
            return step(reader, order, now)

        command = Command(
            name=name,
            actor=actor,
            key=key,
            stream="orders" if known is None else case_stream(known.approval_request_id),
            payload_digest=digest({"order": order_id, **asked}),
        )
        return self._bench.recorder.run(command, decide)


def _asked_to_cancel(
    reader: Reader, asked: OrderChange, own: str, reason: str, now: datetime
) -> Done | Refusal:
    """The request as a message to the gateway that may hold the order; else granted at once."""
    order = asked.order
    if may_be_at_gateway(reader, order):
        kind, change = "order.cancel_requested", asked
        more = queued(order, CANCEL_ACTION, own, now)
    else:
        granted = apply_event(order, OrderEventType.CANCEL, now, reason=reason)
        if isinstance(granted, Refusal):
            return granted
        kind, change = "order.cancelled", joined(asked, granted)
        more = (named(order, CANCEL_ACTION, own, now), *unsent(reader, order, now))
    event = order_event(kind, order, "oms_lifecycle_recorded", *changed(change), *more)
    return Done(subject_id=order.order_id, events=(event.amended(reason_text=reason),))


def _barred(reader: Reader, actor: Actor, name: str) -> Refusal | None:
    if actor.issuer == SERVICE_ISSUER and name in _DUTIES:
        return None
    person = person_of(reader, actor)
    if isinstance(person, Refusal):
        return person
    return authorize(Action.CANCEL, person.held_roles(), active=person.active)
