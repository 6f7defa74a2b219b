"""The day itself: one loop in time order.

Job: let strategies hear a market as it moves, carry what they say through the desk, as the plan
says, and settle at the close what is held.

Invariants
  I1  Every command has a key of its own, derived from its case: a resumed day repeats, never adds.
  I2  What a step plans follows from documents that never change back: a step whose effect is
      recorded already plans nothing new before it.
  I3  The loop decides nothing: approvals, risk, fills and expiry are the desk's.
  I4  A strategy hears a moment when every step before it is done, and never one beyond what is
      planned next: what it says becomes a step at the instant of the moment.
  I5  What strategies say follows from the market alone, so that a resumed day hears it again.

Not here: the order of steps (agenda), who acts (people), what a saying becomes (sayings), when the
market comes to a resting order (resting), what is shown (results).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from counterseal.approvals.draft import AmendedTerms, amended_payload
from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.batches import Batch
from counterseal.desk.commands import Outcome
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Actor
from counterseal.market.contracts import ContractSpec
from counterseal.market.instruments import contract_root
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.portfolio.model import Position
from counterseal.portfolio.settlement import SettlementPrice, settlement_id
from counterseal.signals.hearing import Spoken
from counterseal.signals.model import StrategySignal
from flows.day.agenda import Agenda, Phase, Step
from flows.day.home import DemoHome
from flows.day.markets import DayMarket
from flows.day.people import AutomaticPeople
from flows.day.plan import (
    OPERATOR,
    QUANT,
    CasePlan,
    DayPlan,
    Remark,
    Topic,
    Verdict,
)
from flows.day.sayings import provenance_of, signal_of, terms_of
from flows.day.strategies import Chosen

Act = Callable[[], None]
_WORKING: Final = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)


class GovernedDay:
    """One replayed day in one demo home.

    Args:
        home: The opened demo home.
        market: What moves.
        plan: What people do.

    Attributes:
        planned: The plan of each signal so far, by its id; at the end of a day, of all of them.

    Raises:
        InputError: `STRATEGY_FAILED`.
    """

    def __init__(
        self,
        home: DemoHome,
        people: AutomaticPeople,
        market: DayMarket,
        plan: DayPlan,
    ) -> None:
        self.agenda = Agenda()
        self.market = market
        self._desk, self._clock, self._ids = home.desk, home.clock, home.ids
        self._people = people
        self._plan = plan
        self.planned: dict[str, CasePlan] = {}
        self._ensemble = market.ensemble()
        self._moments = market.moments()
        self._moment = next(self._moments, None)
        self._mandate_id = ""
        self._cases: dict[str, CasePlan] = {}
        self._gathered: dict[str, list[str]] = {}
        self._said: dict[str, str | None] = {}

    def begin(self) -> None:
        """Let people join, sign mandate and grants, and let the market begin."""
        self._people.join()
        for told in self._plan.stand_ins:
            self._people.stand_in(told, self.market.ends_at)
        self._mandate_id = self._people.mandate(self._plan, self.market.ends_at)
        for at in self.market.closes:
            self.agenda.add(Step(at, Phase.CLOSE, "session", self._close))
        for price in self.market.settlements:
            name, act = f"settlement:{price.symbol}", partial(self._settle, price)
            self.agenda.add(Step(self.market.closes[-1], Phase.CLOSE, name, act))
        self._listen()

    def carry_out(self, step: Step) -> None:
        """Move the clock to a step and act."""
        self._clock.move_to(step.at)
        step.act()

    def end(self) -> None:
        """Move the clock to the close."""
        self._clock.move_to(max(self._clock.now(), self.market.ends_at))

    def _add(self, at: datetime, phase: Phase, name: str, act: Act) -> None:
        """Plan a step; what would come after the close does not happen."""
        if at < self.market.ends_at:
            self.agenda.add(Step(at, phase, name, act))

    def _listen(self) -> None:
        """Plan to hear the moment that is next."""
        if self._moment is not None:
            self._add(self._moment.at, Phase.MARKET, "", self._hear)

    def _hear(self) -> None:
        """Let strategies hear the market up to what is planned next."""
        while self._moment is not None:
            due = self.agenda.next_at
            if due is not None and due < self._moment.at:
                break
            for spoken in self._ensemble.hear(self._moment):
                self._expect(spoken)
            self._moment = next(self._moments, None)
        self._listen()

    def _expect(self, found: Spoken) -> None:
        """Plan the signal that a proposal becomes, and what people do with it."""
        ordinal = len(self.planned)
        case = self._plan.case(ordinal, self._spec(found).root)
        signal = signal_of(found, case, self._plan, self._speaker(found), self._spec(found))
        self.planned[signal.signal_id] = case
        act = partial(self._signal, found, case, signal)
        self._add(found.at, Phase.SIGNAL, f"{ordinal:05d}", act)

    def _signal(self, found: Spoken, case: CasePlan, signal: StrategySignal) -> None:
        quant = self._people.actor(QUANT)
        base, run = signal.signal_id, f"intake:{self.market.day}"
        provenance = provenance_of(self.market, self._speaker(found))
        taken = self._desk.intake.propose(signal, provenance, quant, key=f"{base}:signal", run=run)
        terms = terms_of(found, case, self._spec(found))
        if taken.refusal is not None or terms is None:
            return
        asked = self._desk.intake.request(
            signal.signal_id,
            terms,
            quant,
            now=found.at,
            key=f"{base}:request",
            run=run,
        )
        if asked.refusal is None:
            self._plan_case(asked.subject_id, base, case, found)

    def _plan_case(self, request_id: str, base: str, case: CasePlan, found: Spoken) -> None:
        at = self._clock.now()
        self._cases[request_id] = case
        for place, verdict in enumerate(case.verdicts):
            due = at + timedelta(seconds=verdict.after_seconds)
            if verdict.ceremony is not None:
                self._gather(request_id, verdict, verdict.ceremony, due)
                continue
            act = partial(self._review, request_id, verdict, f"{base}:review:{place}")
            self._add(due, Phase.REVIEW, f"{base}:{place}", act)
        for place, remark in enumerate(case.remarks):
            due = at + timedelta(seconds=remark.after_seconds)
            name = f"{base}:remark:{place}"
            self._add(due, Phase.REVIEW, name, partial(self._remark, request_id, remark, name))
        if case.then is not None:
            name, due = f"{base}:then", at + timedelta(seconds=case.then_after_seconds)
            then = partial(self._ask_instead, request_id, case.then, found, name)
            self._add(due, Phase.SIGNAL, name, then)

    def _gather(self, request_id: str, verdict: Verdict, ceremony: str, due: datetime) -> None:
        """Plan a ceremony with the last case that belongs to it."""
        together = self._gathered.setdefault(ceremony, [])
        together.append(request_id)
        if len(together) == self._plan.gathered(ceremony):
            act = partial(self._review_together, tuple(together), verdict, f"ceremony:{ceremony}")
            self._add(due, Phase.REVIEW, ceremony, act)

    def _remark(self, request_id: str, remark: Remark, key: str) -> None:
        before = self._said.get(request_id)
        self._said[request_id] = self._people.remark(request_id, remark, before, key=key)

    def _ask_instead(self, request_id: str, case: CasePlan, found: Spoken, base: str) -> None:
        amends = case.topic is Topic.AMENDED
        ask = self._amend if amends else self._ask_again
        asked = ask(request_id, case, found, base)
        if asked.refusal is None:
            self._plan_case(asked.subject_id, base, case, found)

    def _amend(self, request_id: str, case: CasePlan, found: Spoken, base: str) -> Outcome:
        terms = AmendedTerms(max_quantity=case.quantity, price=found.price)
        payload = amended_payload(self._request(request_id).payload, terms, self._spec(found))
        quant = self._people.actor(QUANT)
        return self._desk.amendments.amend(request_id, payload, quant, key=f"{base}:amend")

    def _ask_again(self, request_id: str, case: CasePlan, found: Spoken, base: str) -> Outcome:
        terms = terms_of(found, case, self._spec(found))
        if terms is None:
            raise InvariantError("what was asked once cannot be asked again")
        return self._desk.intake.request(
            self._request(request_id).signal_id,
            terms.amended(answers=request_id),
            self._people.actor(QUANT),
            now=self._clock.now(),
            key=f"{base}:request",
            run=f"intake:{self.market.day}",
        )

    def _review(self, request_id: str, verdict: Verdict, key: str) -> None:
        self._people.review(request_id, verdict, key=key)
        self._reviewed(request_id)

    def _review_together(self, request_ids: tuple[str, ...], verdict: Verdict, key: str) -> None:
        for request_id in self._people.review_together(request_ids, verdict, key=key):
            self._reviewed(request_id)

    def _reviewed(self, request_id: str) -> None:
        """Plan what follows from an approval that is whole."""
        request, case = self._request(request_id), self._cases[request_id]
        until = request.execution_valid_until
        if until is None:
            return
        self._add(until, Phase.TIME_OUT, request_id, partial(self._expire, request_id))
        if request.strategy_id in self._plan.mandated:
            due = request.created_at + timedelta(seconds=case.submit_after_seconds)
            self._add(max(due, self._clock.now()), Phase.SUBMIT, "due", self._dispatch)

    def _expire(self, request_id: str) -> None:
        if self._request(request_id).status is RequestStatus.APPROVED_FOR_PAPER:
            service = self._service()
            self._desk.approvals.expire(request_id, service, key=f"{request_id}:expire")

    def _dispatch(self) -> None:
        now, service, run = self._clock.now(), self._service(), f"execute:{self.market.day}"
        claimed = self._desk.dispatch.claim(
            self._mandate_id, service, key=f"claim:{now.isoformat()}", run=run
        )
        if claimed.refusal is not None:
            return
        with self._desk.bench.store.reader() as reader:
            batch = reader.get(Batch, claimed.subject_id)
        if batch is None:
            raise InvariantError("a claimed batch is gone")
        self._desk.dispatch.execute(batch.batch_id, batch.attempt, service, run=run)
        for request_id in batch.request_ids:
            order_id = self._request(request_id).consumed_by_order
            if order_id is not None:
                self._follow(order_id, self._cases[request_id])

    def _follow(self, order_id: str, case: CasePlan) -> None:
        order, now = self._order(order_id), self._clock.now()
        if order.state not in _WORKING:
            return
        self._rest(order)
        if self._plan.order_timeout_seconds is not None:
            old = now + timedelta(seconds=self._plan.order_timeout_seconds)
            act = partial(self._time_out, order_id, self._plan.order_timeout_seconds)
            self._add(old, Phase.TIME_OUT, order_id, act)
        if case.cancel_after_seconds is not None:
            at = now + timedelta(seconds=case.cancel_after_seconds)
            self._add(at, Phase.CANCEL, order_id, partial(self._cancel, order_id))

    def _rest(self, order: Order) -> None:
        """Plan to look at a working order when the market comes to it."""
        at = self.market.reach.next_reach(order, self._clock.now())
        if at is not None:
            self._add(at, Phase.REST, order.order_id, partial(self._work, order.order_id))

    def _work(self, order_id: str) -> None:
        order = self._order(order_id)
        if order.state not in _WORKING:
            return
        now = self._clock.now()
        if order.updated_at <= now and self._desk.lifecycle.is_reached(order_id, now):
            key = f"{order_id}:work:{now.isoformat()}"
            self._desk.lifecycle.work(order_id, self._service(), key=key)
        self._rest(self._order(order_id))

    def _close(self) -> None:
        """A session closes: what may not outlive it expires."""
        self._desk.expiry.expire_session_orders(self._service())

    def _settle(self, told: SettlementPrice) -> None:
        """The day is over: who holds the future is settled at its price."""
        with self._desk.bench.store.reader() as reader:
            held = reader.find(Position, symbol=told.symbol)
        for position in held:
            if position.quantity:
                settle, key = self._desk.bookkeeping.settle, settlement_id(position.key, told)
                settle(position.account_id, told, self._service(), key=f"settle:{key}")

    def _time_out(self, order_id: str, timeout_seconds: int) -> None:
        order = self._order(order_id)
        if order.state in _WORKING:
            self._desk.lifecycle.mark_timeout(
                order_id,
                self._service(),
                workflow_run_id=order.workflow_run_id,
                reason="no fill within the stated time",
                key=f"{order_id}:time-out",
                timeout_seconds=timeout_seconds,
            )

    def _cancel(self, order_id: str) -> None:
        if self._order(order_id).state in _WORKING:
            self._desk.lifecycle.cancel(
                order_id,
                self._people.actor(OPERATOR),
                reason="the opportunity has passed",
                key=f"{order_id}:cancel",
            )

    def _speaker(self, found: Spoken) -> Chosen:
        return next(one for one in self.market.strategies if one.name == found.strategy_id)

    def _spec(self, found: Spoken) -> ContractSpec:
        spec = self._desk.bench.contracts.spec(contract_root(found.symbol))
        if spec is None:
            raise InvariantError("a market of unknown contracts")
        return spec

    def _service(self) -> Actor:
        now = self._clock.now()
        return Actor(
            id="resident",
            issuer=SERVICE_ISSUER,
            amr=("service",),
            auth_time=now,
            session=self._ids.new("ses", "demo:resident", now),
        )

    def _request(self, request_id: str) -> ApprovalRequest:
        with self._desk.bench.store.reader() as reader:
            found = reader.get(ApprovalRequest, request_id)
        if found is None:
            raise InvariantError("a recorded request is gone")
        return found

    def _order(self, order_id: str) -> Order:
        with self._desk.bench.store.reader() as reader:
            found = reader.get(Order, order_id)
        if found is None:
            raise InvariantError("a recorded order is gone")
        return found
