"""Use case: submit, the controlled way from an approval to a paper fill.

Job: three sealed steps: spend the approval on an order, judge its risk, put it to the paper broker.

Invariants
  I1  The approval is re-verified from signed decisions and consumed where the order is created.
  I2  A step acts only on what an earlier step sealed.
  I3  An order that risk rejects stays, REJECTED; the broker is not asked.
  I4  The same key gives the same order; a crash between two steps is resumed by the same call.

Not here: checks (approvals.execution, risk), order states (oms), fills (broker, desk.booking).
Source: TX-G; architecture part 3.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.approvals.execution import decide_consume, judge_execution
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.approvals import case_stream, load_case
from counterseal.desk.bench import Bench
from counterseal.desk.booking import answer_order
from counterseal.desk.commands import Command, CommandRecord, Done, Outcome
from counterseal.desk.execution_case import (
    check_may_trade,
    contract_ratio,
    execution_case,
    risk_of,
)
from counterseal.desk.exposure import counted_order
from counterseal.desk.mandates import acting_operator, used_mandate
from counterseal.desk.messages import at_gateway
from counterseal.desk.order_events import risk_judged
from counterseal.desk.ports import Reader
from counterseal.desk.submission import Submission, intended, reference_of, wrong_terms
from counterseal.identity.people import Person
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Refusal, refuse
from counterseal.market.quotes import Quote, age_seconds
from counterseal.oms.model import Order, OrderKey
from counterseal.oms.states import OrderState
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.risk.decide import risk_refusal
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import PaperOrderIntent, exposure

_BOUND_IN_INTENT: Final = (
    "tenant",
    "account_id",
    "symbol",
    "legs",
    "side",
    "order_type",
    "time_in_force",
    "strategy_id",
    "strategy_version",
    "direction",
    "target_tx_equivalent",
    "confidence",
    "stop_distance_points",
    "policy_bundle_hash",
)
_ASKED_IN_INTENT: Final = ("stop_price", "protection_points", "parent_order_id", "mandate_id")
STEPS: Final = ("intent", "risk", "broker")
"""What a submit records, each under its key with one of these behind it."""

__all__ = ["STEPS", "Orders", "StepDecision", "Submission"]

StepDecision = Callable[[Reader, datetime, "Submission", Actor, str], Done | Refusal]


class Orders:
    """Submits orders; `by_message` leaves them to the worker that hands them to a gateway."""

    def __init__(self, bench: Bench, *, by_message: bool = False) -> None:
        self._bench = bench
        self._by_message = by_message

    def submit(
        self, asked: Submission, actor: Actor, *, key: str, run: str | None = None
    ) -> Outcome:
        """Submit an approved request; the outcome names the order.

        Refusals: every code of `approvals.execution` and of `identity.mandate`,
        `MANDATE_NOT_OWN`, `TRADING_ACCOUNT_LOCKED`, `UNKNOWN_ORDER_BLOCKS`, `NO_QUOTE`,
        `PARTIAL_FILL_NEEDS_TWO` (before the approval is spent); a risk
        rejection is an outcome with the failed checks as codes and an order in REJECTED.
        """
        accepted = self.enqueue(asked, actor, key=key, run=run)
        if accepted.refusal is not None or self._by_message:
            return accepted
        return self._step(asked, actor, key, "broker", run, self._answer)

    def enqueue(
        self, asked: Submission, actor: Actor, *, key: str, run: str | None = None
    ) -> Outcome:
        """Take an order in up to its message for a gateway; a worker hands it over.

        Refusals: those of `submit`; a later `submit` under the same key puts it to the paper model.
        """
        intended = self._step(asked, actor, key, "intent", run, self._intend)
        if intended.refusal is not None:
            return intended
        judged = self._step(asked, actor, key, "risk", run, self._judge)
        if judged.refusal is not None:
            return judged
        with self._bench.store.reader() as reader:
            order = reader.get(Order, intended.subject_id)
            rejected = None if order is None else _rejected_by(reader, order)
        if rejected is not None:
            return Outcome(
                subject_id=rejected.order_id,
                refusal=risk_refusal(rejected),
                replayed=judged.replayed,
                sealed_size=judged.sealed_size,
                event_id=judged.event_id,
            )
        return judged

    def steps(self) -> tuple[StepDecision, ...]:
        """The decisions of a submit, in order; each reads what the ones before it stored."""
        return self._intend, self._judge, self._answer

    def _step(
        self,
        asked: Submission,
        actor: Actor,
        key: str,
        name: str,
        run: str | None,
        decide: StepDecision,
    ) -> Outcome:
        command = Command(
            name=f"orders.submit.{name}",
            actor=actor,
            key=f"{key}:{name}",
            stream=case_stream(asked.approval_request_id),
            payload_digest=digest({"asked": asked.json_value(), "step": name}),
            on_behalf_of=asked.mandate_id,
            run=run,
        )
        return self._bench.recorder.run(
            command, lambda reader, now: decide(reader, now, asked, actor, key)
        )

    def _intend(
        self, reader: Reader, now: datetime, asked: Submission, actor: Actor, key: str
    ) -> Done | Refusal:
        case = load_case(reader, asked.approval_request_id)
        submitter = acting_operator(reader, actor, asked.mandate_id)
        if isinstance(case, Refusal):
            return case
        if isinstance(submitter, Refusal):
            return submitter
        quote = self._bench.feed.quote(case[0].payload.symbol, now)
        if isinstance(quote, Refusal):
            return quote
        intent = self._intent(case[0], asked, quote, submitter, key, now)
        spent = self._spent(reader, case, asked, intent, submitter, now)
        if isinstance(spent, Refusal):
            return spent
        used = None
        if asked.mandate_id is not None:
            used = used_mandate(reader, asked.mandate_id, submitter, intent, now)
        if isinstance(used, Refusal):
            return used
        first_use = reader.get(OrderKey, intent.idempotency_key) is None
        return intended(*spent, intent, asked, now, used, first_use=first_use)

    def _spent(
        self,
        reader: Reader,
        case: tuple[ApprovalRequest, tuple[ApprovalDecision, ...]],
        asked: Submission,
        intent: PaperOrderIntent,
        submitter: Person,
        now: datetime,
    ) -> tuple[ApprovalRequest, PolicyEvaluation] | Refusal:
        """The approval as used up by the intent, and what the rules said."""
        wrong = wrong_terms(case[0], asked, intent)
        if wrong is not None:
            return wrong
        execution = execution_case(reader, self._bench, case, intent, submitter, now)
        checked = judge_execution(execution, now)
        blocked = check_may_trade(reader, intent.account_id, intent.symbol)
        refusal = checked.refusal or blocked
        consumed = refusal or decide_consume(case[0], intent.order_id, now)
        return consumed if isinstance(consumed, Refusal) else (consumed, checked.evaluation)

    def _intent(
        self,
        request: ApprovalRequest,
        asked: Submission,
        quote: Quote,
        submitter: Person,
        key: str,
        now: datetime,
    ) -> PaperOrderIntent:
        bound = request.payload
        exposed = exposure(asked.quantity, contract_ratio(self._bench.contracts, bound.symbol))
        reference = reference_of(request, asked, self._bench.contracts)
        told = {name: getattr(bound, name) for name in _BOUND_IN_INTENT}
        told |= {name: getattr(asked, name) for name in _ASKED_IN_INTENT}
        return PaperOrderIntent(
            **told,
            order_id=self._bench.ids.new("ord", key, now),
            intent_reference=reference.order_id,
            idempotency_key=reference.idempotency_key,
            quantity=asked.quantity,
            order_price=asked.limit_price,
            good_till=bound.good_till if asked.good_till is None else asked.good_till,
            reference_price=quote.ask if quote.last is None else quote.last,
            tx_equivalent_exposure=exposed,
            quote_age_seconds=max(Decimal(0), age_seconds(quote, now)),
            source_signal_id=bound.signal_id,
            approval_id=request.approval_request_id,
            submitted_by=submitter.person_id,
            created_at=now,
        )

    def _judge(
        self, reader: Reader, now: datetime, asked: Submission, actor: Actor, key: str
    ) -> Done | Refusal:
        del actor
        order = _order_of(reader, asked, key)
        if isinstance(order, Refusal):
            return order
        intent = reader.get(PaperOrderIntent, order.order_id)
        if intent is None:
            return refuse("NOT_FOUND", "the order has no intent", order=order.order_id)
        evaluation = risk_of(reader, self._bench, intent, key, now)
        counted = counted_order(reader, self._bench, intent, now)
        return risk_judged(order, evaluation, now, counted)

    def _answer(
        self, reader: Reader, now: datetime, asked: Submission, actor: Actor, key: str
    ) -> Done | Refusal:
        del actor
        order = _order_of(reader, asked, key)
        if isinstance(order, Refusal):
            return order
        return at_gateway(reader, order) or answer_order(
            reader, self._bench, order, now, key=key, selected=asked.selected_outcome
        )


def _rejected_by(reader: Reader, order: Order) -> RiskEvaluation | None:
    """The evaluation that an order was rejected by, if it was."""
    name = order.risk_evaluation_id
    if order.state is not OrderState.REJECTED or name is None:
        return None
    return reader.get(RiskEvaluation, name)


def _order_of(reader: Reader, asked: Submission, key: str) -> Order | Refusal:
    """The order of this submit: what its first step recorded, or the newest use when unrecorded."""
    request = reader.get(ApprovalRequest, asked.approval_request_id)
    first = reader.get(CommandRecord, f"{key}:intent")
    newest = None if request is None or not request.orders else request.orders[-1]
    order_id = newest if first is None else first.subject_id
    order = None if order_id is None else reader.get(Order, order_id)
    if order is None:
        return refuse("NOT_FOUND", "the request has no order", request=asked.approval_request_id)
    return order
