"""Use cases: hand messages to a gateway, and have a dead letter tried again.

Job: claim one message, call the gateway outside any transaction, and record what came of it.

Invariants
  I1  A message is claimed and, for a new order, SUBMIT is recorded before the gateway is called.
  I2  Messages of one order go out in their order; a dead letter holds back the ones after it.
  I3  An order that has ended is never handed over; its message expires.
  I4  A message that may have been sent is asked for before it is sent again, under its ClOrdID.
  I5  A dead letter that may have been sent makes its order UNKNOWN.
  I6  Each claim is a command of its own, whatever the clock says; what comes of it is named by it.

Not here: leases and waits (oms.outbox), reports (desk.ingesting).
Source: TX-I6; trading reference 3.3 rule 9.
"""

from datetime import datetime
from itertools import count
from typing import Final

from counterseal.broker.gateway import send
from counterseal.broker.ports import Gateway
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, CommandRecord, Done, Outcome, command_about
from counterseal.desk.ingesting import Ingesting
from counterseal.desk.order_events import changed, order_event
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import AdapterError, InvariantError
from counterseal.kernel.model import Actor, Document, Refusal, refuse
from counterseal.oms.apply import apply_event
from counterseal.oms.ingest import BrokerReport, CancelTerms, order_terms
from counterseal.oms.model import (
    CANCEL_ACTION,
    SUBMIT_ACTION,
    WAITING,
    Order,
    OrderChange,
    OutboxEntry,
    OutboxStatus,
)
from counterseal.oms.outbox import (
    RULES,
    RetryRules,
    claim,
    complete,
    expired,
    fail,
    is_claimable,
    replay,
)
from counterseal.oms.reports import marked_unknown
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.policy.authorize import Action, authorize
from counterseal.risk.model import RiskEvaluation

STREAM: Final = "outbox"
_OPEN: Final = (*WAITING, OutboxStatus.FAILED.value)


class Delivery:
    """Hands messages to one gateway."""

    def __init__(self, bench: Bench, gateway: Gateway, rules: RetryRules = RULES) -> None:
        self._bench = bench
        self._gateway = gateway
        self._rules = rules
        self._ingesting = Ingesting(bench, gateway)

    def due(self, now: datetime) -> tuple[str, ...]:
        """Ids of the messages that may be claimed at `now` (UTC), oldest first."""
        with self._bench.store.reader() as reader:
            return tuple(entry.outbox_id for entry in _due(reader, now))

    def deliver(
        self, outbox_id: str, owner: str, actor: Actor, *, run: str | None = None
    ) -> tuple[Outcome, ...]:
        """Claim a message and hand it over; the outcomes of the claim, its reports and its end.

        Refusals: `SERVICE_ONLY`, `NOT_FOUND`, `OUTBOX_NOT_DUE`, `OUTBOX_LEASE_LOST`, and those of
        `broker.gateway.send` and `desk.ingesting`.

        Raises:
            AdapterError: of the store; what the gateway raises is recorded with the message.
        """
        claimed = self._claim(outbox_id, owner, actor, run)
        with self._bench.store.reader() as reader:
            entry = reader.get(OutboxEntry, outbox_id)
            order = None if entry is None else reader.get(Order, entry.order_id)
        taken = entry is not None and entry.lease_owner == owner
        if entry is None or order is None or not claimed.accepted or claimed.replayed or not taken:
            return (claimed,)
        claim_id = claimed.event_id or outbox_id
        try:
            reports = self._call(entry, order)
        except AdapterError as error:
            return claimed, self._failed(entry, claim_id, actor, error, run)
        taken_in = self._ingesting.take(reports, actor, run=run)
        return claimed, *taken_in, self._completed(entry, claim_id, actor, run)

    def _call(self, entry: OutboxEntry, order: Order) -> tuple[BrokerReport, ...]:
        now = self._bench.recorder.now()
        cl_ord_id = entry.cl_ord_id or order.order_id
        if entry.action == SUBMIT_ACTION:
            if entry.maybe_sent and self._gateway.status(cl_ord_id) is not None:
                return ()
            return self._gateway.place(order_terms(order), now)
        if entry.action == CANCEL_ACTION:
            ended = order.cancel_id != cl_ord_id
            return () if ended else self._gateway.cancel(_cancel_terms(order, cl_ord_id), now)
        asked = order.pending_replace
        own = asked is not None and asked.cl_ord_id == cl_ord_id
        return () if asked is None or not own else self._gateway.replace(asked, now)

    def _claim(self, outbox_id: str, owner: str, actor: Actor, run: str | None) -> Outcome:
        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            entry = reader.get(OutboxEntry, outbox_id)
            order = None if entry is None else reader.get(Order, entry.order_id)
            if actor.issuer != SERVICE_ISSUER:
                return refuse("SERVICE_ONLY", "messages are the platform's own", actor=actor.id)
            if entry is None or order is None:
                return refuse("NOT_FOUND", "no such message", outbox=outbox_id)
            if outbox_id not in {due.outbox_id for due in _due(reader, now)}:
                return refuse("OUTBOX_NOT_DUE", "the message is not to be claimed", id=outbox_id)
            return self._claimed(reader, entry, order, owner, now)

        now = self._bench.recorder.now().isoformat()
        keys = (_key("claim", outbox_id, owner, now, str(nth)) for nth in count())
        with self._bench.store.reader() as reader:
            key = next(key for key in keys if reader.get(CommandRecord, key) is None)
        return self._run("outbox.claim", key, outbox_id, decide, actor, run)

    def _claimed(
        self, reader: Reader, entry: OutboxEntry, order: Order, owner: str, now: datetime
    ) -> Done | Refusal:
        if order.is_terminal and entry.action == SUBMIT_ACTION:
            ended = expired(entry, now)
            return _done("outbox.expired", order, ended)
        after = claim(entry, owner, now, self._rules)
        if isinstance(after, Refusal):
            return after
        if after.status is OutboxStatus.FAILED:
            return _dead(order, after, now)
        change = _submitted(reader, entry, order, now)
        if isinstance(change, Refusal):
            return change
        return _done("outbox.claimed", order, after, *_changed_if(change))

    def _completed(
        self, entry: OutboxEntry, claim_id: str, actor: Actor, run: str | None
    ) -> Outcome:
        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            current, order = _current(reader, entry)
            done = complete(current, entry.lease_owner or "", entry.attempts, now)
            return done if isinstance(done, Refusal) else _done("outbox.completed", order, done)

        key = _key("complete", claim_id)
        return self._run("outbox.complete", key, entry.outbox_id, decide, actor, run)

    def _failed(
        self, entry: OutboxEntry, claim_id: str, actor: Actor, error: AdapterError, run: str | None
    ) -> Outcome:
        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            current, order = _current(reader, entry)
            after = fail(
                current,
                entry.lease_owner or "",
                entry.attempts,
                now,
                error=str(error),
                retriable=error.retriable,
                rules=self._rules,
            )
            if isinstance(after, Refusal):
                return after
            if after.status is OutboxStatus.FAILED:
                return _dead(order, after, now)
            return _done("outbox.deferred", order, after)

        key = _key("fail", claim_id)
        return self._run("outbox.fail", key, entry.outbox_id, decide, actor, run)

    def _run(
        self, name: str, key: str, asked: str, decide: Decide, actor: Actor, run: str | None
    ) -> Outcome:
        command = command_about(asked, name=name, stream=STREAM, actor=actor, key=key, run=run)
        return self._bench.recorder.run(command, decide)


class DeadLetters:
    """Has messages tried again that failed for good."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def replay(self, outbox_id: str, actor: Actor, *, reason: str, key: str) -> Outcome:
        """Put a dead letter back, under its own ClOrdID; the outcome names its order.

        Refusals: `NOT_FOUND`, `ROLE`, `NOT_A_DEAD_LETTER`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            person = person_of(reader, actor)
            if isinstance(person, Refusal):
                return person
            barred = authorize(Action.SUBMIT, person.held_roles(), active=person.active)
            entry = reader.get(OutboxEntry, outbox_id)
            order = None if entry is None else reader.get(Order, entry.order_id)
            if barred is not None:
                return barred
            if entry is None or order is None:
                return refuse("NOT_FOUND", "no such message", outbox=outbox_id)
            again = replay(entry, now)
            if isinstance(again, Refusal):
                return again
            event = order_event("outbox.replayed", order, "oms_lifecycle_recorded", again)
            told = event.amended(reason_text=reason)
            return Done(subject_id=order.order_id, events=(told,))

        command = Command(
            name="outbox.replay",
            actor=actor,
            key=key,
            stream=STREAM,
            payload_digest=digest({"outbox": outbox_id, "reason": reason}),
        )
        return self._bench.recorder.run(command, decide)


def _key(word: str, *facts: str) -> str:
    """One key for one act: a claim by an owner, or what came of a claim."""
    return f"{word}:{digest(list(facts))[7:39]}"


def _changed_if(change: OrderChange) -> tuple[Document, ...]:
    """The documents of a change; none for a change that did nothing."""
    return changed(change) if change.events else ()


def _due(reader: Reader, now: datetime) -> tuple[OutboxEntry, ...]:
    """Claimable messages, oldest first, each the first open one of its order."""
    found = sorted(
        reader.find(OutboxEntry, status=_OPEN), key=lambda e: (e.created_at, e.outbox_id)
    )
    first: dict[str, OutboxEntry] = {}
    for entry in found:
        first.setdefault(entry.order_id, entry)
    return tuple(entry for entry in first.values() if is_claimable(entry, now))


def _submitted(
    reader: Reader, entry: OutboxEntry, order: Order, now: datetime
) -> OrderChange | Refusal:
    """SUBMIT for an order that is handed over for the first time; any other stays as it is."""
    if entry.action != SUBMIT_ACTION or order.state is not OrderState.RISK_CHECKED:
        return OrderChange(order=order)
    known = order.risk_evaluation_id
    evaluation = None if known is None else reader.get(RiskEvaluation, known)
    acknowledged = send(order, evaluation, now)
    if isinstance(acknowledged, Refusal):
        return acknowledged
    return apply_event(order, OrderEventType.SUBMIT, now)


def _dead(order: Order, entry: OutboxEntry, now: datetime) -> Done:
    """The dead letter, and its order as UNKNOWN when it may have been sent."""
    change = OrderChange(order=order)
    if entry.maybe_sent:
        change = marked_unknown(order, now, "the message may have been sent")
    return _done("outbox.dead_letter", order, entry, *_changed_if(change))


def _done(kind: str, order: Order, entry: OutboxEntry, *documents: Document) -> Done:
    event = order_event(kind, order, "oms_lifecycle_recorded", entry, *documents)
    told = event.amended(reason_text=entry.last_error)
    return Done(subject_id=entry.outbox_id, events=(told,))


def _current(reader: Reader, entry: OutboxEntry) -> tuple[OutboxEntry, Order]:
    """Message and order as they lie now.

    Raises:
        InvariantError: when one of them is gone.
    """
    current = reader.get(OutboxEntry, entry.outbox_id)
    order = reader.get(Order, entry.order_id)
    if current is None or order is None:
        raise InvariantError("a claimed message is gone")
    return current, order


def _cancel_terms(order: Order, cl_ord_id: str) -> CancelTerms:
    return CancelTerms(order_id=order.order_id, cl_ord_id=cl_ord_id, orig_cl_ord_id=order.cl_ord_id)
