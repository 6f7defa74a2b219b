"""A rehearsal of doubts: a false report, an unknown outcome, a fill taken back, a mismatch.

Job: try out on a throw-away store that doubt stops orders, and ends only on the record.

Invariants
  I1  What could not be tried is told as such.

Not here: orders that go as they should (desk.rehearsed_orders), the store (storage.scratch).
Source: TX-L4, TX-I11; trading reference 3.3 rules 8 and 9.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from counterseal.broker.model import Fill
from counterseal.broker.ports import Gateway
from counterseal.desk.commands import Outcome
from counterseal.desk.comparing import LogDifference
from counterseal.desk.discrepancies import (
    KIND,
    AccountLock,
    ReconciliationRun,
    resolution_statement,
)
from counterseal.desk.exposure import net_position
from counterseal.desk.ingesting import Ingesting
from counterseal.desk.rehearsed_work import FIRST, ScratchWork, codes_of
from counterseal.desk.scratch import AWAY, OTHER_ACCOUNT, REVIEWER, ScratchHouse, scratch_actor
from counterseal.desk.submission import Submission
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Actor, Refusal
from counterseal.kernel.money import EXACT
from counterseal.oms.ingest import BrokerReport, FixExecType, FixOrdStatus, IngestedReport
from counterseal.oms.model import OrderEvent
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.readiness.model import Exercise, Exercised

DOUBTED: Final = (
    Exercise.CONTRADICTION_MARKED,
    Exercise.UNKNOWN_BLOCKS,
    Exercise.DOUBT_ENDED,
    Exercise.FILL_TAKEN_BACK,
    Exercise.MISMATCH_LOCKS,
    Exercise.MISMATCH_RESOLVED,
)
"""What a whole rehearsal of doubts tells."""

_LATER: Final = timedelta(minutes=1)
_UNKNOWN: Final = OrderState.UNKNOWN_NEEDS_RECONCILIATION
_TAMPERED: Final = LogDifference(row="rehearsal", expected="one thing", got="another")


class DoubtsRehearsal:
    """Doubts about orders of a founded house; told as exercises.

    The house's other account has a filled order. Every account is unlocked again in the end.
    """

    def __init__(self, house: ScratchHouse, gateway: Gateway) -> None:
        self._house = house
        self._desk = house.desk
        self._bench = house.desk.bench
        self._gateway = gateway
        self._work = ScratchWork(house, gateway)

    def run(self) -> tuple[Exercised, ...]:
        """Contradict, block, ask, correct, mismatch and resolve."""
        steps = (self._contradicted, self._corrected, self._mismatched)
        return self._work.carried_out(steps, DOUBTED)

    def _contradicted(self) -> None:
        order_id = self._house.enqueued(AWAY)
        self._work.drained()
        order = self._work.get(order_id)
        report = BrokerReport(
            exec_id="rehearsal-contradiction",
            sequence=0,
            cl_ord_id=order.cl_ord_id,
            exec_type=FixExecType.TRADE,
            ord_status=FixOrdStatus.FILLED,
            symbol=order.symbol,
            side=order.side,
            last_quantity=order.approved_quantity + 1,
            last_price=AWAY,
            cum_quantity=order.approved_quantity + 1,
            leaves_quantity=Decimal(0),
            transact_time=self._house.now,
        )
        ingesting = Ingesting(self._bench, self._gateway)
        ingesting.take((report,), self._house.service(FIRST))
        marked = self._work.get(order_id)
        with self._bench.store.reader() as reader:
            kept = reader.get(IngestedReport, report.exec_id)
        problem = "not kept" if kept is None else f"{kept.disposition} ({kept.problem})"
        told = f"a report that cannot be true: {problem}; the order is {marked.state}"
        unknown = marked.state is _UNKNOWN and marked.cum_quantity == order.cum_quantity
        self._work.tell(Exercise.CONTRADICTION_MARKED, unknown and kept is not None, told)
        self._blocked(order_id)

    def _blocked(self, order_id: str) -> None:
        house = self._house
        request_id = house.approved(account_id=OTHER_ACCOUNT)
        asked = Submission(approval_request_id=request_id, quantity=Decimal(1))
        codes = codes_of(self._desk.orders.enqueue(asked, house.operator, key=house.key()))
        later = house.now + _LATER
        old = self._desk.lifecycle.timeouts(later)
        kept = order_id not in {order.order_id for order in old}
        told = f"a new order: {', '.join(codes) or 'accepted'}; kept from time-outs: {kept}"
        self._work.tell(Exercise.UNKNOWN_BLOCKS, "UNKNOWN_ORDER_BLOCKS" in codes and kept, told)
        answer = self._desk.reconciling.ask(
            order_id, self._gateway, house.service(FIRST), key=house.key()
        )
        after, events = self._work.get(order_id), self._work.of_order(OrderEvent, order_id)
        on_record = OrderEventType.RECONCILED in {event.event for event in events}
        said = ", ".join(codes_of(answer)) or after.state
        told = f"asked the gateway: {said}, on record: {on_record}"
        self._work.tell(Exercise.DOUBT_ENDED, after.state is not _UNKNOWN and on_record, told)

    def _corrected(self) -> None:
        house, books = self._house, self._desk.bookkeeping
        with self._bench.store.reader() as reader:
            fills = reader.find(Fill, account_id=OTHER_ACCOUNT)
            before = net_position(reader, OTHER_ACCOUNT)
        if not fills:
            raise InputError("REHEARSAL_STOPPED", "nothing was filled that could be taken back")
        fill = fills[0]
        why = "a rehearsal of a correction"
        first = books.reverse(fill.fill_id, house.operator, reason=why, key=house.key())
        codes = codes_of(books.reverse(fill.fill_id, house.operator, reason=why, key=house.key()))
        with self._bench.store.reader() as reader:
            after = net_position(reader, OTHER_ACCOUNT)
        taken = EXACT.multiply(fill.side.sign * fill.last_quantity, fill.tx_equivalent)
        told = f"{before} became {after}; again: {', '.join(codes) or 'accepted'}"
        passed = first.event_id is not None and after == EXACT.subtract(before, taken)
        self._work.tell(Exercise.FILL_TAKEN_BACK, passed and "FILL_REVERSED" in codes, told)

    def _mismatched(self) -> None:
        house, first = self._house, self._compared()
        request_id = house.approved(account_id=OTHER_ACCOUNT)
        asked = Submission(approval_request_id=request_id, quantity=Decimal(1))
        codes = codes_of(self._desk.orders.enqueue(asked, house.operator, key=house.key()))
        said = ", ".join(codes) or "accepted"
        told = f"{first.run_id} found {first.critical} critical; a new order: {said}"
        locked = first.critical > 0 and "TRADING_ACCOUNT_LOCKED" in codes
        self._work.tell(Exercise.MISMATCH_LOCKS, locked, told)
        own = codes_of(self._resolved(OTHER_ACCOUNT, house.operator))
        for account in self._locked():
            house.done(self._resolved(account, scratch_actor(REVIEWER, house.now)))
        second = self._compared()
        same, open_ = first.findings == second.findings, self._locked()
        told = (
            f"the submitter resolves: {', '.join(own) or 'accepted'}; compared again, the same"
            f" findings: {same}, locked: {', '.join(open_) or 'none'}"
        )
        passed = bool(own) and same and not open_
        self._work.tell(Exercise.MISMATCH_RESOLVED, passed, told)

    def _compared(self) -> ReconciliationRun:
        house = self._house
        outcome = self._desk.account_reconciling.compare(
            self._gateway, (_TAMPERED,), house.service(FIRST), key=house.key()
        )
        with self._bench.store.reader() as reader:
            run = reader.get(ReconciliationRun, house.done(outcome))
        if run is None:
            raise InputError("REHEARSAL_STOPPED", "a comparison left no run")
        return run

    def _locked(self) -> tuple[str, ...]:
        with self._bench.store.reader() as reader:
            return tuple(lock.account_id for lock in reader.find(AccountLock) if lock.locked)

    def _resolved(self, account: str, actor: Actor) -> Outcome:
        books, house = self._desk.account_reconciling, self._house
        terms = books.terms(account, actor, reason="a rehearsal of a mismatch")
        if isinstance(terms, Refusal):
            return Outcome(subject_id=account, refusal=terms, sealed_size=0)
        [signature] = house.signed(KIND, resolution_statement(terms), actor.id)
        return books.resolve(terms, signature, actor, key=house.key())
