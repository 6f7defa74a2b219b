"""Use cases: end the doubt about an order with an unknown outcome.

Job: ask the gateway by ClOrdID and take a clear answer; record a person's finding otherwise.

Invariants
  I1  The service takes an answer only when nothing is left to judge; else a person decides.
  I2  A person states what was found and why; neither contradicts what is filled.
  I3  Until then the account and instrument take no new order.

Not here: what an answer means (oms.reports), the block (oms.decide).
Source: trading reference 3.3 rule 9.
"""

from collections.abc import Callable
from datetime import datetime

from counterseal.broker.ports import Gateway
from counterseal.desk.approvals import case_stream
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.mandates import barred_person
from counterseal.desk.messages import submit_message
from counterseal.desk.order_events import changed, order_event
from counterseal.desk.ports import Reader
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.model import Actor, Document, Refusal, refuse
from counterseal.oms.model import Order, OrderChange, OutboxStatus
from counterseal.oms.outbox import expired
from counterseal.oms.outside import apply_reconciled
from counterseal.oms.reports import reconcile
from counterseal.oms.states import OrderState
from counterseal.policy.authorize import Action

_Step = Callable[[Order, datetime], OrderChange | Refusal]


class Reconciling:
    """Reconciles unknown orders."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def unknown(self) -> tuple[Order, ...]:
        """Orders whose outcome is unknown; each blocks its account and instrument."""
        state = OrderState.UNKNOWN_NEEDS_RECONCILIATION.value
        with self._bench.store.reader() as reader:
            return reader.find(Order, state=state)

    def ask(self, order_id: str, gateway: Gateway, actor: Actor, *, key: str) -> Outcome:
        """Ask the gateway where the order stands, and take a clear answer.

        Refusals: `NOT_FOUND`, `ROLE`, `TRANSITION_NOT_ALLOWED` for an order that is not unknown,
        `RECONCILIATION_AMBIGUOUS`, `RECONCILIATION_CONTRADICTS_FILLS`.

        Raises:
            AdapterError: when the gateway cannot be asked.
        """
        with self._bench.store.reader() as reader:
            known = reader.get(Order, order_id)
        answer = None if known is None else gateway.status(known.cl_ord_id)
        told = None if answer is None else answer.json_value()
        asked: dict[str, Json] = {"order": order_id, "gateway": gateway.name, "answer": told}
        return self._run(
            "orders.reconcile.ask",
            order_id,
            asked,
            actor,
            key,
            lambda order, now: reconcile(order, answer, now),
        )

    def state(
        self, order_id: str, state: OrderState, actor: Actor, *, reason: str, key: str
    ) -> Outcome:
        """Record what a person found out about an unknown order, with the reason.

        Refusals: `NOT_FOUND`, `ROLE`, `TRANSITION_NOT_ALLOWED`, `PERSON_DECIDES`,
        `RECONCILIATION_CONTRADICTS_FILLS`.
        """
        asked: dict[str, Json] = {"order": order_id, "state": state.value, "reason": reason}

        def step(order: Order, now: datetime) -> OrderChange | Refusal:
            if actor.issuer == SERVICE_ISSUER:
                return refuse("PERSON_DECIDES", "a person states what was found")
            return apply_reconciled(order, state, now, reason)

        return self._run("orders.reconcile", order_id, asked, actor, key, step)

    def _run(
        self,
        name: str,
        order_id: str,
        asked: dict[str, Json],
        actor: Actor,
        key: str,
        step: _Step,
    ) -> Outcome:
        with self._bench.store.reader() as reader:
            known = reader.get(Order, order_id)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_person(reader, actor, Action.CANCEL)
            if barred is not None:
                return barred
            order = reader.get(Order, order_id)
            if order is None:
                return refuse("NOT_FOUND", "no such order", order=order_id)
            change = step(order, now)
            if isinstance(change, Refusal):
                return change
            documents = (*changed(change), *_given_up(reader, change.order, now))
            event = order_event("order.reconciled", order, "oms_lifecycle_recorded", *documents)
            told = event.amended(reason_text=change.events[-1].reason)
            return Done(subject_id=order_id, events=(told,))

        command = Command(
            name=name,
            actor=actor,
            key=key,
            stream="orders" if known is None else case_stream(known.approval_request_id),
            payload_digest=digest(asked),
        )
        return self._bench.recorder.run(command, decide)


def _given_up(reader: Reader, order: Order, now: datetime) -> tuple[Document, ...]:
    """The message of an order that has ended, expired: it is never sent again."""
    entry = submit_message(reader, order)
    waits = entry is not None and entry.status in (OutboxStatus.FAILED, OutboxStatus.PENDING)
    return (expired(entry, now),) if entry is not None and waits and order.is_terminal else ()
