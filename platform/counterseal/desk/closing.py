"""Use case: let time pass over the orders that rest.

Job: fill what the tape reached and expire what its session, instant or contract ended, in the
order in which it happened.

Invariants
  I1  Steps are taken in the world's order, a fill before the close of the same instant.
  I2  An expiry carries the instant of the close in the world; the record carries ours.
  I3  Running it again, or from several places, changes nothing more.
  I4  An order that a gateway may hold is left to that gateway.

Not here: when an order ends (broker.lifetime), what fills it (desk.asking, desk.booking), when to
wake (flows).
Source: trading reference parts 1.3, 1.5 and 5.3.
"""

from datetime import datetime
from typing import Final, NamedTuple

from counterseal.broker.gateway import happened_at
from counterseal.broker.lifetime import deadline_of
from counterseal.desk.approvals import case_stream
from counterseal.desk.asking import put_to_quote, rule_for
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.lifecycle import Lifecycle
from counterseal.desk.messages import at_gateway, may_be_at_gateway, unsent
from counterseal.desk.order_events import changed, order_event
from counterseal.desk.ports import Reader
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Actor, Refusal, details, refuse
from counterseal.oms.apply import apply_event
from counterseal.oms.model import Order
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.oms.timeouts import EXPIRABLE
from counterseal.policy.execution import BarFillRule, TapeFillRule
from counterseal.signals.intent import TimeInForce

STEPS_MAX: Final = 10_000
"""Most steps of one round; the next round goes on."""

_RESTING: Final = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
_REASONS: Final = {TimeInForce.GTC: "CONTRACT_EXPIRED", TimeInForce.GTD: "GOOD_TILL_REACHED"}


class DueStep(NamedTuple):
    """What happens next to an order.

    Attributes:
        at: Instant in the world (aware).
        expires: Whether its time is over; else the market reached it.
    """

    at: datetime
    expires: bool
    order_id: str


class Expiry:
    """What time does to resting orders."""

    def __init__(self, bench: Bench, lifecycle: Lifecycle) -> None:
        self._bench = bench
        self._lifecycle = lifecycle

    def expire_session_orders(self, actor: Actor) -> tuple[Outcome, ...]:
        """Take every step that is due by now, in the world's order; the service's duty.

        Each step is one record. A step that meanwhile happened otherwise is a refusal on the
        record and ends the round for its order. At most `STEPS_MAX` steps.
        """
        done: list[Outcome] = []
        left_out: set[str] = set()
        now = self._bench.recorder.now()
        waiting = {order.order_id: self._next(order, now) for order in self._open()}
        while len(done) < STEPS_MAX:
            steps = [s for s in waiting.values() if s is not None and s.order_id not in left_out]
            if not steps:
                break
            step = min(steps)
            outcome = self._take(step, actor)
            done.append(outcome)
            if outcome.refusal is not None or outcome.replayed:
                left_out.add(step.order_id)
            self._look_again(waiting, step.order_id, now)
        return tuple(done)

    def due(self, now: datetime) -> tuple[DueStep, ...]:
        """The next step of every order that has one by `now` (UTC), in the world's order."""
        steps = (self._next(order, now) for order in self._open())
        return tuple(sorted(step for step in steps if step is not None))

    def _open(self) -> tuple[Order, ...]:
        with self._bench.store.reader() as reader:
            found = reader.find(Order, state=EXPIRABLE)
            return tuple(order for order in found if not may_be_at_gateway(reader, order))

    def _look_again(self, waiting: dict[str, DueStep | None], order_id: str, now: datetime) -> None:
        """After a step, what the orders of the same symbol meet may have changed."""
        with self._bench.store.reader() as reader:
            moved = reader.get(Order, order_id)
            symbol = "" if moved is None else moved.symbol
            same = reader.find(Order, symbol=symbol, state=EXPIRABLE)
        known = {*waiting}
        waiting[order_id] = None
        for order in same:
            if order.order_id in known:
                waiting[order.order_id] = self._next(order, now)

    def _next(self, order: Order, now: datetime) -> DueStep | None:
        reached = self._reached(order, now)
        if reached is not None:
            return DueStep(reached, expires=False, order_id=order.order_id)
        ends = deadline_of(order, self._bench.calendar())
        if ends is None or ends > now:
            return None
        return DueStep(ends, expires=True, order_id=order.order_id)

    def _reached(self, order: Order, now: datetime) -> datetime | None:
        """When the tape or a bar does something to a resting order; None when nothing by now."""
        rule = rule_for(self._bench, order)
        if order.state not in _RESTING or not isinstance(rule, TapeFillRule | BarFillRule):
            return None
        with self._bench.store.reader() as reader:
            request = put_to_quote(reader, self._bench, order, now, None)
        if isinstance(request, Refusal):
            return None
        result = self._bench.broker.answer(request)
        if not result.simulated_fill_quantity and result.triggered_at is None and result.waits:
            return None
        killed = order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        moves = result.simulated_fill_quantity or result.triggered_at is not None or killed
        return happened_at(request, result, now) if moves else None

    def _take(self, step: DueStep, actor: Actor) -> Outcome:
        if not step.expires:
            key = f"tape:{step.order_id}:{digest([step.order_id, self._version(step.order_id)])}"
            return self._lifecycle.work(step.order_id, actor, key=key)
        return self._expire(step.order_id, actor)

    def _version(self, order_id: str) -> list[str]:
        """What tells one step of an order from the next: its last event and its trigger."""
        with self._bench.store.reader() as reader:
            order = reader.get(Order, order_id)
        if order is None:
            return []
        return [str(order.event_sequence), str(order.triggered_at)]

    def _expire(self, order_id: str, actor: Actor) -> Outcome:
        with self._bench.store.reader() as reader:
            known = reader.get(Order, order_id)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            order = reader.get(Order, order_id)
            if order is None:
                return refuse("NOT_FOUND", "no such order", order=order_id)
            return self._expired(reader, order, actor, now)

        command = Command(
            name="orders.expire",
            actor=actor,
            key=f"expire:{order_id}:{0 if known is None else known.event_sequence}",
            stream="orders" if known is None else case_stream(known.approval_request_id),
            payload_digest=digest({"order": order_id}),
        )
        return self._bench.recorder.run(command, decide)

    def _expired(self, reader: Reader, order: Order, actor: Actor, now: datetime) -> Done | Refusal:
        if actor.issuer != SERVICE_ISSUER:
            return refuse("SERVICE_ONLY", "orders expire by the platform's own", actor=actor.id)
        held = at_gateway(reader, order)
        if held is not None:
            return held
        ends = deadline_of(order, self._bench.calendar())
        if ends is None or ends > now:
            return refuse("ORDER_STILL_WORKS", "the order's time is not over", order=order.order_id)
        reason = _REASONS.get(order.time_in_force, "SESSION_CLOSED")
        change = apply_event(
            order, OrderEventType.EXPIRE, max(ends, order.created_at), reason=reason
        )
        if isinstance(change, Refusal):
            return change
        documents = (*changed(change), *unsent(reader, order, now))
        event = order_event("order.expired", order, "oms_lifecycle_recorded", *documents)
        facts = details(occurred_at=utc_text(ends), time_in_force=order.time_in_force)
        told = event.amended(reason_code=reason, facts=facts)
        return Done(subject_id=order.order_id, events=(told,))
