"""A rehearsal of orders at a gateway: messages, reports, changes, and what fails on the way.

Job: try out on a throw-away store what flags about order handling claim.

Invariants
  I1  What could not be tried is told as such: a stopped rehearsal never passes anything.
  I2  It goes through use cases only, as people, workers and a gateway would.

Not here: doubts and corrections (desk.rehearsed_doubts), gateway and restart (storage.scratch).
Source: TX-L2 to TX-L4, TX-I11; trading reference 3.3.
"""

from decimal import Decimal
from itertools import pairwise
from typing import Final

from counterseal.broker.model import Fill
from counterseal.broker.ports import Gateway
from counterseal.desk.commands import Outcome
from counterseal.desk.delivery import Delivery
from counterseal.desk.exposure import net_position, risk_snapshot
from counterseal.desk.faulty_gateway import FaultyGateway, StoppedWorkerError
from counterseal.desk.ingesting import PAGE, Ingesting
from counterseal.desk.rehearsed_work import FIRST, SECOND, ScratchWork, codes_of
from counterseal.desk.replacing import Replacement
from counterseal.desk.scratch import ACCOUNT, AWAY, OTHER_ACCOUNT, ScratchHouse
from counterseal.kernel.errors import AdapterError, CountersealError, InputError
from counterseal.kernel.money import EXACT
from counterseal.oms.ingest import (
    FixExecType,
    GatewayCursor,
    IngestedReport,
)
from counterseal.oms.model import Order, OrderEvent, OutboxStatus
from counterseal.oms.outbox import RetryRules
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.readiness.model import Exercise, Exercised
from counterseal.risk.model import CheckName, RiskEvaluation
from counterseal.signals.intent import PaperOrderIntent

WORKED: Final = (
    Exercise.ACCEPTED_BEFORE_PROCESSED,
    Exercise.WORKER_DRAINS,
    Exercise.REPORTS_INGESTED,
    Exercise.REPORTS_REPEATED,
    Exercise.ACCOUNTS_ADD_UP,
    Exercise.AMENDED_UNDER_RISK,
    Exercise.CHANGES_ARE_EVENTS,
    Exercise.AMEND_REFUSED_BY_RISK,
    Exercise.DEAD_LETTER_REPLAYED,
    Exercise.MESSAGE_SENT_ONCE,
)
"""What a whole rehearsal of orders tells."""

RESUMED: Final = (
    Exercise.MESSAGE_SURVIVES,
    Exercise.SECOND_WORKER_REFUSED,
    Exercise.TIMEOUT_MARKED_ONCE,
)
"""What the part after a restart tells."""

_AWAY_TOO: Final = Decimal(19_910)
_ONE_ATTEMPT: Final = RetryRules(attempts_max=1)


class OrdersRehearsal:
    """Orders of a founded house, worked by one gateway; told as exercises."""

    def __init__(self, house: ScratchHouse, gateway: Gateway) -> None:
        self._house = house
        self._desk = house.desk
        self._bench = house.desk.bench
        self._gateway = gateway
        self._work = ScratchWork(house, gateway)

    def run(self) -> tuple[Exercised, ...]:
        """Accept, hand over, report, replace and try again.

        The house has a filled order in its first account; all of these are of the other one.
        """
        steps = (self._worked, self._replaced, self._dead_letter)
        return self._work.carried_out(steps, WORKED)

    def stop_halfway(self) -> str | None:
        """Leave an order whose message a worker claimed and then went away; None if refused."""
        try:
            order_id = self._house.enqueued()
            faulty = FaultyGateway(self._gateway, before=StoppedWorkerError())
            self._work.deliver(order_id, FIRST, Delivery(self._bench, faulty))
        except StoppedWorkerError:
            return order_id
        except CountersealError:
            return None
        return order_id

    def resume(self, order_id: str) -> tuple[Exercised, ...]:
        """After a restart and the end of the lease: another worker hands the message over."""
        steps = (lambda: self._resumed(order_id), self._timed_out)
        return self._work.carried_out(steps, RESUMED)

    def _worked(self) -> None:
        order_id = self._house.enqueued()
        order, message = self._work.get(order_id), self._work.message(order_id)
        waits = (order.state, message.status) == (OrderState.RISK_CHECKED, OutboxStatus.PENDING)
        told = f"accepted: the order is {order.state}, its message {message.status}"
        unfilled = not self._work.of_order(Fill, order_id)
        self._work.tell(Exercise.ACCEPTED_BEFORE_PROCESSED, waits and unfilled, told)
        due, left = self._work.drained()
        done = self._work.message(order_id).status is OutboxStatus.COMPLETED
        told = f"{due} messages were due, {left} after the worker went through"
        self._work.tell(Exercise.WORKER_DRAINS, due > 0 and not left and done, told)
        self._reported(order_id, self._work.polled())
        self._added_up(order_id)

    def _reported(self, order_id: str, ingesting: Ingesting) -> None:
        order, fills = self._work.get(order_id), self._work.of_order(Fill, order_id)
        kept = self._work.of_order(IngestedReport, order_id)
        with self._bench.store.reader() as reader:
            cursor = reader.get(GatewayCursor, self._gateway.name)
        told = (
            f"{len(kept)} reports of gateway {self._gateway.name} made {order.state} with"
            f" {len(fills)} fill; read up to {0 if cursor is None else cursor.sequence}"
        )
        whole = order.state is OrderState.FILLED and len(fills) == 1 and cursor is not None
        named = {one.gateway for one in kept} == {self._gateway.name}
        self._work.tell(Exercise.REPORTS_INGESTED, whole and named, told)
        reports = self._gateway.reports_after(0, PAGE)
        again = ingesting.take(reports, self._house.service(FIRST))
        same = (self._work.get(order_id), self._work.of_order(Fill, order_id)) == (order, fills)
        told = f"{len(reports)} reports given again: {len(again)} taken in, the order equal: {same}"
        self._work.tell(Exercise.REPORTS_REPEATED, bool(reports) and not again and same, told)

    def _added_up(self, order_id: str) -> None:
        with self._bench.store.reader() as reader:
            intent = reader.get(PaperOrderIntent, order_id)
            if intent is None:
                raise InputError("REHEARSAL_STOPPED", "an order without an intent", got=order_id)
            further = risk_snapshot(reader, self._bench, intent, self._house.now).further
            one, other = (net_position(reader, account) for account in (ACCOUNT, OTHER_ACCOUNT))
        group = further.group
        seen = None if group is None else group.position_tx_equivalent
        both = seen == further.instrument.position_tx_equivalent == EXACT.add(one, other)
        told = f"{one} and {other} in two accounts; the snapshot of one adds up to {seen}"
        self._work.tell(Exercise.ACCOUNTS_ADD_UP, bool(one and other) and both, told)

    def _replaced(self) -> None:
        house, order_id = self._house, self._house.enqueued(AWAY)
        self._work.drained()
        before = self._work.get(order_id)
        house.done(self._replace(order_id, _AWAY_TOO))
        self._work.drained()
        after = self._work.get(order_id)
        judged = self._work.of_order(RiskEvaluation, order_id)
        anew = after.risk_evaluation_id != before.risk_evaluation_id and len(judged) > 1
        told = f"{before.limit_price} became {after.limit_price}; judged {len(judged)} times"
        self._work.tell(Exercise.AMENDED_UNDER_RISK, after.limit_price == _AWAY_TOO and anew, told)
        self._recorded(after)
        self._switch(on=True)
        refused = self._replace(order_id, AWAY)
        self._switch(on=False)
        codes = refused.refusal.codes if refused.refusal else ()
        same = self._work.get(order_id).limit_price == after.limit_price
        told = f"under the kill switch: {', '.join(codes) or 'accepted'}; the order equal: {same}"
        by_risk = CheckName.KILL_SWITCH in codes
        self._work.tell(Exercise.AMEND_REFUSED_BY_RISK, by_risk and same, told)

    def _replace(self, order_id: str, limit_price: Decimal) -> Outcome:
        asked = Replacement(order_id=order_id, limit_price=limit_price)
        house = self._house
        return self._desk.replacing.replace(
            asked, house.operator, reason="a rehearsal of a replace", key=house.key()
        )

    def _switch(self, *, on: bool) -> None:
        house = self._house
        outcome = self._desk.setup.switch(
            OTHER_ACCOUNT, house.operator, active=on, reason="a rehearsal", key=house.key()
        )
        house.done(outcome)

    def _recorded(self, order: Order) -> None:
        events = sorted(self._work.of_order(OrderEvent, order.order_id), key=lambda e: e.sequence)
        gapless = [event.sequence for event in events] == list(range(1, len(events) + 1))
        joined = all(a.to_state is b.from_state for a, b in pairwise(events))
        words = {event.event for event in events}
        named = {OrderEventType.REPLACE_REQUESTED, OrderEventType.REPLACED} <= words
        last = bool(events) and events[-1].to_state is order.state
        told = f"{len(events)} events lead to {order.state}; the replace among them: {named}"
        passed = gapless and joined and named and last
        self._work.tell(Exercise.CHANGES_ARE_EVENTS, passed, told)

    def _dead_letter(self) -> None:
        house, order_id = self._house, self._house.enqueued()
        lost = AdapterError("GATEWAY_TIMEOUT", "the answer is lost", retriable=True)
        faulty = FaultyGateway(self._gateway, after=lost)
        self._work.deliver(order_id, FIRST, Delivery(self._bench, faulty, _ONE_ATTEMPT))
        dead = self._work.message(order_id)
        house.done(
            self._desk.dead_letters.replay(
                dead.outbox_id, house.operator, reason="a rehearsal", key=house.key()
            )
        )
        self._work.drained(SECOND)
        self._work.polled()
        again = self._work.message(order_id)
        told = f"{dead.status} by {dead.last_error or 'no error'}; replayed: {again.status}"
        words = (dead.status, again.status)
        replayed = words == (OutboxStatus.FAILED, OutboxStatus.COMPLETED)
        self._work.tell(Exercise.DEAD_LETTER_REPLAYED, replayed, told)
        order, fills = self._work.get(order_id), self._work.of_order(Fill, order_id)
        reports = self._gateway.reports_after(0, PAGE)
        placed = [
            one
            for one in reports
            if (one.cl_ord_id, one.exec_type) == (order.cl_ord_id, FixExecType.NEW)
        ]
        told = f"handed over twice: taken {len(placed)} time, {len(fills)} fill, {order.state}"
        self._work.tell(Exercise.MESSAGE_SENT_ONCE, len(placed) == len(fills) == 1, told)

    def _resumed(self, order_id: str) -> None:
        claimed = self._work.message(order_id)
        self._work.deliver(order_id, SECOND, Delivery(self._bench, self._gateway))
        self._work.polled()
        order, message = self._work.get(order_id), self._work.message(order_id)
        fills = self._work.of_order(Fill, order_id)
        told = (
            f"{claimed.status} by {claimed.lease_owner or 'nobody'} when it stopped; after the"
            f" restart {message.status} at attempt {message.attempts}: {order.state},"
            f" {len(fills)} fill"
        )
        left = (claimed.status, claimed.lease_owner) == (OutboxStatus.PROCESSING, FIRST)
        done = message.status is OutboxStatus.COMPLETED and order.state is OrderState.FILLED
        self._work.tell(Exercise.MESSAGE_SURVIVES, left and done and len(fills) == 1, told)
        events = self._work.of_order(OrderEvent, order_id)
        delivery = Delivery(self._bench, self._gateway)
        late = delivery.deliver(claimed.outbox_id, FIRST, self._house.service(FIRST))
        same = self._work.of_order(OrderEvent, order_id) == events
        codes = codes_of(*late)
        told = f"the first worker again: {', '.join(codes) or 'accepted'}; no event: {same}"
        refused = "OUTBOX_NOT_DUE" in codes
        self._work.tell(Exercise.SECOND_WORKER_REFUSED, refused and same and bool(events), told)

    def _timed_out(self) -> None:
        house, lifecycle = self._house, self._desk.lifecycle
        old = [o for o in lifecycle.timeouts(house.now) if o.account_id == ACCOUNT]
        if not old:
            raise InputError("REHEARSAL_STOPPED", "no order rests long enough")
        order, key = old[0], house.key()
        for _ in range(2):
            marked = lifecycle.mark_timeout(
                order.order_id,
                house.operator,
                workflow_run_id=order.workflow_run_id,
                reason="a rehearsal of a time-out",
                key=key,
            )
        events = self._work.of_order(OrderEvent, order.order_id)
        ends = [event for event in events if event.to_state is OrderState.EXPIRED]
        told = f"marked twice under one key: {len(ends)} event, replayed: {marked.replayed}"
        passed = marked.accepted and marked.replayed and len(ends) == 1
        self._work.tell(Exercise.TIMEOUT_MARKED_ONCE, passed and marked.event_id is not None, told)
