"""The day itself: one loop in time order.

Job: carry every opportunity of a market through the desk, as the plan says.

Invariants
  I1  Every command has a key of its own, derived from its case: a resumed day repeats, never adds.
  I2  What a step plans follows from documents that never change back: a step whose effect is
      recorded already plans nothing new before it.
  I3  The loop decides nothing: approvals, risk, fills and expiry are the desk's.

Not here: the order of steps (agenda), who acts (people), what is shown (results).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from counterseal.approvals.draft import AmendedTerms, RequestTerms, amended_payload
from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.batches import Batch
from counterseal.desk.commands import Outcome
from counterseal.desk.mandates import SERVICE_ISSUER
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Actor
from counterseal.kernel.money import EXACT
from counterseal.market.contracts import ContractSpec
from counterseal.market.instruments import contract_root
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.signals.intent import OrderType
from counterseal.signals.model import Direction, Provenance, SignalReason, StrategySignal
from flows.day.agenda import Agenda, Phase, Step
from flows.day.home import DemoHome
from flows.day.markets import DayMarket, Opportunity
from flows.day.people import AutomaticPeople
from flows.day.plan import (
    ACCOUNT,
    OPERATOR,
    QUANT,
    CasePlan,
    DayPlan,
    Remark,
    Topic,
    Verdict,
)

Act = Callable[[], None]
_WORKING: Final = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)


class GovernedDay:
    """One replayed day in one demo home.

    Args:
        home: The opened demo home.
        market: What moves.
        plan: What people do.
        code_version: Recorded with every signal.
    """

    def __init__(
        self,
        home: DemoHome,
        people: AutomaticPeople,
        market: DayMarket,
        plan: DayPlan,
        code_version: str,
    ) -> None:
        self.agenda = Agenda()
        self.market = market
        self._desk, self._clock, self._ids = home.desk, home.clock, home.ids
        self._people = people
        self._plan = plan
        self._code_version = code_version
        self._mandate_id = ""
        self._cases: dict[str, CasePlan] = {}
        self._gathered: dict[str, list[str]] = {}
        self._said: dict[str, str | None] = {}

    def begin(self) -> None:
        """Let people join, sign mandate and grants, and plan every opportunity."""
        self._people.join()
        for told in self._plan.stand_ins:
            self._people.stand_in(told, self.market.ends_at)
        self._mandate_id = self._people.mandate(self._plan, self.market.ends_at)
        for ordinal, opportunity in enumerate(self.market.opportunities):
            case = self._plan.case(ordinal, opportunity.root)
            self._add(
                opportunity.at,
                Phase.SIGNAL,
                f"{ordinal:05d}",
                partial(self._signal, opportunity, case),
            )

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

    def _signal(self, found: Opportunity, case: CasePlan) -> None:
        signal = self._strategy_signal(found, case)
        quant = self._people.actor(QUANT)
        base, run = signal.signal_id, f"intake:{self.market.day}"
        taken = self._desk.intake.propose(
            signal, self._provenance(), quant, key=f"{base}:signal", run=run
        )
        if taken.refusal is not None:
            return
        asked = self._desk.intake.request(
            signal.signal_id,
            _terms(found, case, self._spec(found)),
            quant,
            now=found.at,
            key=f"{base}:request",
            run=run,
        )
        if asked.refusal is None:
            self._plan_case(asked.subject_id, base, case, found)

    def _plan_case(self, request_id: str, base: str, case: CasePlan, found: Opportunity) -> None:
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

    def _ask_instead(self, request_id: str, case: CasePlan, found: Opportunity, base: str) -> None:
        amends = case.topic is Topic.AMENDED
        ask = self._amend if amends else self._ask_again
        asked = ask(request_id, case, found, base)
        if asked.refusal is None:
            self._plan_case(asked.subject_id, base, case, found)

    def _amend(self, request_id: str, case: CasePlan, found: Opportunity, base: str) -> Outcome:
        terms = AmendedTerms(max_quantity=case.quantity, price=found.close)
        payload = amended_payload(self._request(request_id).payload, terms, self._spec(found))
        quant = self._people.actor(QUANT)
        return self._desk.amendments.amend(request_id, payload, quant, key=f"{base}:amend")

    def _ask_again(self, request_id: str, case: CasePlan, found: Opportunity, base: str) -> Outcome:
        return self._desk.intake.request(
            self._request(request_id).signal_id,
            _terms(found, case, self._spec(found)).amended(answers=request_id),
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
        if case.strategy_id in self._plan.mandated:
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
        old = now + timedelta(seconds=self._plan.order_timeout_seconds)
        self._add(old, Phase.TIME_OUT, order_id, partial(self._time_out, order_id))
        if case.cancel_after_seconds is not None:
            at = now + timedelta(seconds=case.cancel_after_seconds)
            self._add(at, Phase.CANCEL, order_id, partial(self._cancel, order_id))

    def _rest(self, order: Order) -> None:
        move = self.market.feed.next_move(order.symbol, self._clock.now())
        if move is not None:
            self._add(move, Phase.REST, order.order_id, partial(self._work, order.order_id))

    def _work(self, order_id: str) -> None:
        order = self._order(order_id)
        if order.state not in _WORKING:
            return
        now = self._clock.now()
        if self._desk.lifecycle.would_fill(order_id, now):
            key = f"{order_id}:work:{now.isoformat()}"
            self._desk.lifecycle.work(order_id, self._service(), key=key)
        self._rest(order)

    def _time_out(self, order_id: str) -> None:
        order = self._order(order_id)
        if order.state in _WORKING:
            self._desk.lifecycle.mark_timeout(
                order_id,
                self._service(),
                workflow_run_id=order.workflow_run_id,
                reason="no fill within the stated time",
                key=f"{order_id}:time-out",
                timeout_seconds=self._plan.order_timeout_seconds,
            )

    def _cancel(self, order_id: str) -> None:
        if self._order(order_id).state in _WORKING:
            self._desk.lifecycle.cancel(
                order_id,
                self._people.actor(OPERATOR),
                reason="the opportunity has passed",
                key=f"{order_id}:cancel",
            )

    def _strategy_signal(self, found: Opportunity, case: CasePlan) -> StrategySignal:
        spec = self._spec(found)
        return StrategySignal(
            signal_id=f"{case.strategy_id}-{found.symbol}-{found.at:%Y%m%dT%H%M}",
            strategy_id=case.strategy_id,
            strategy_version=self._plan.strategy_version,
            timestamp=found.at,
            direction=found.direction,
            target_tx_equivalent=EXACT.multiply(case.quantity, spec.tx_equivalent),
            confidence=self._plan.confidence,
            stop_distance_points=self._plan.stop_distance_points,
            reason=SignalReason(signals_only=True),
        )

    def _provenance(self) -> Provenance:
        return Provenance(
            source=self.market.source,
            source_digest=self.market.digest,
            data_version=self.market.day,
            code_version=self._code_version,
            parameters_hash=digest([fact.json_value() for fact in self.market.stated]),
        )

    def _spec(self, found: Opportunity) -> ContractSpec:
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


def _terms(found: Opportunity, case: CasePlan, spec: ContractSpec) -> RequestTerms:
    """Terms of a case; a limit is the close, moved by the plan's offset, on the contract's tick."""
    buys = found.direction is Direction.LONG
    offset = case.limit_offset_points if buys else -case.limit_offset_points
    limit = (EXACT.add(found.close, offset) // spec.tick) * spec.tick
    limited = case.order_type is OrderType.LIMIT
    return RequestTerms(
        account_id=ACCOUNT,
        symbol=found.symbol,
        max_quantity=case.quantity,
        price=found.close,
        price_max=limit if limited and buys else None,
        price_min=limit if limited and not buys else None,
        order_type=case.order_type,
        time_in_force=case.time_in_force,
        request_reason=f"{case.strategy_id}: {found.direction} at {found.close}",
        author_ids=(QUANT,),
    )
