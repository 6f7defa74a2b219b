"""Use case: amend or replace a working order.

Job: change an order inside its approval, after risk has judged the changed order.

Invariants
  I1  The approval is re-verified from signed decisions, as if the order were submitted now with the
      use that it already has.
  I2  Risk judges what the changed order may still fill; what it rejects is not asked for.
  I3  At a gateway the replace stays pending until the gateway answers; the paper model grants at
      once. Either way the request comes first.

Not here: what a replace does to an order (oms.replace), the checks (approvals.execution, risk).
Source: trading reference 1.5 and 3.3 rule 6; TX-I11 (amend or replace never bypasses risk).
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from counterseal.approvals.execution import judge_execution
from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.approvals import case_stream, load_case
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.execution_case import (
    check_may_trade,
    contract_ratio,
    execution_case,
    risk_of,
)
from counterseal.desk.exposure import replace_counted
from counterseal.desk.messages import may_be_at_gateway, named, own_message_id, queued
from counterseal.desk.order_events import changed, order_event
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.identity.people import Person
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Actor, Document, DomainModel, Event, Name, Refusal, refuse
from counterseal.kernel.money import Price, Quantity
from counterseal.oms.apply import joined
from counterseal.oms.model import REPLACE_ACTION, Order, OrderChange, ReplaceTerms
from counterseal.oms.replace import grant_replace, replaced_terms, request_replace
from counterseal.policy.authorize import Action, authorize
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.risk.decide import risk_refusal
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import PaperOrderIntent, exposure


class Replacement(DomainModel):
    """What an operator asks to change; None keeps what the order has.

    Attributes:
        quantity: New whole quantity in contracts, what is filled included.
        limit_price, stop_price: Quote units. good_till: UTC.
        cl_ord_id: The request's own ClOrdID; None has one made.
    """

    order_id: Name
    quantity: Quantity | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    good_till: UtcDatetime | None = None
    cl_ord_id: Name | None = None


class Replacing:
    """Replaces orders."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def replace(self, asked: Replacement, actor: Actor, *, reason: str, key: str) -> Outcome:
        """Replace a working order; the outcome names it.

        Refusals: `NOT_FOUND`, `ROLE`, `QUANTITY_NOT_WHOLE`, `NO_QUOTE`,
        `UNKNOWN_ORDER_BLOCKS`, `TRADING_ACCOUNT_LOCKED` (for more contracts), those of
        `oms.replace.request_replace` and of `approvals.execution`; a risk rejection is an outcome
        with the failed checks as codes, and the order works on as it was.
        """
        with self._bench.store.reader() as reader:
            known = reader.get(Order, asked.order_id)
        command = Command(
            name="orders.replace",
            actor=actor,
            key=key,
            stream="orders" if known is None else case_stream(known.approval_request_id),
            payload_digest=digest({"asked": asked.json_value(), "reason": reason}),
        )
        outcome = self._bench.recorder.run(
            command, lambda reader, now: self._decide(reader, now, asked, actor, reason, key)
        )
        with self._bench.store.reader() as reader:
            rejected = reader.get(RiskEvaluation, outcome.subject_id)
        if rejected is None:
            return outcome
        return outcome.amended(subject_id=asked.order_id, refusal=risk_refusal(rejected))

    def _decide(
        self,
        reader: Reader,
        now: datetime,
        asked: Replacement,
        actor: Actor,
        reason: str,
        key: str,
    ) -> Done | Refusal:
        operator = _replacer(reader, actor)
        if isinstance(operator, Refusal):
            return operator
        wanted = self._wanted(reader, asked, now)
        if isinstance(wanted, Refusal):
            return wanted
        change, intent = wanted
        ruled = self._approved(reader, change.order, intent, operator, now)
        if isinstance(ruled, Refusal):
            return ruled
        judged = self._judged(reader, change.order, intent, key, now)
        if judged is not None and not judged.approved:
            return _rejected(change.order, judged, ruled)
        done = _requested(reader, change, judged, ruled, reason, now)
        if isinstance(done, Refusal):
            return done
        return replace_counted(done, reader, self._bench, change.order.account_id, now)

    def _wanted(
        self, reader: Reader, asked: Replacement, now: datetime
    ) -> tuple[OrderChange, PaperOrderIntent] | Refusal:
        """The order with the request over it, and its intent as it would be asked for now."""
        order = reader.get(Order, asked.order_id)
        intent = reader.get(PaperOrderIntent, asked.order_id)
        if order is None or intent is None:
            return refuse("NOT_FOUND", "no such order", order=asked.order_id)
        terms = self._terms(reader, order, asked, now)
        if isinstance(terms, Refusal):
            return terms
        change = request_replace(order, terms, now)
        changed_intent = self._intent(intent, terms, now)
        if isinstance(change, Refusal):
            return change
        return changed_intent if isinstance(changed_intent, Refusal) else (change, changed_intent)

    def _terms(
        self, reader: Reader, order: Order, asked: Replacement, now: datetime
    ) -> ReplaceTerms | Refusal:
        if asked.quantity is not None and asked.quantity % 1:
            return refuse("QUANTITY_NOT_WHOLE", "futures trade in whole contracts")
        own = own_message_id(reader, order, asked.cl_ord_id)
        if isinstance(own, Refusal):
            return own
        terms = replaced_terms(
            order,
            cl_ord_id=own,
            at=now,
            quantity=asked.quantity,
            limit_price=asked.limit_price,
            stop_price=asked.stop_price,
            good_till=asked.good_till,
        )
        return _blocked(reader, order, terms) or terms

    def _intent(
        self, intent: PaperOrderIntent, terms: ReplaceTerms, now: datetime
    ) -> PaperOrderIntent | Refusal:
        """The intent as it would be asked for now."""
        quote = self._bench.feed.quote(intent.symbol, now)
        if isinstance(quote, Refusal):
            return quote
        return intent.amended(
            quantity=terms.quantity,
            order_price=terms.limit_price,
            stop_price=terms.stop_price,
            good_till=terms.good_till,
            reference_price=quote.ask if quote.last is None else quote.last,
            tx_equivalent_exposure=self._exposure(intent, terms.quantity),
        )

    def _approved(
        self,
        reader: Reader,
        order: Order,
        intent: PaperOrderIntent,
        operator: Person,
        now: datetime,
    ) -> PolicyEvaluation | Refusal:
        case = load_case(reader, order.approval_request_id)
        if isinstance(case, Refusal):
            return case
        counted = (_before_use(case[0], order), case[1])
        execution = execution_case(reader, self._bench, counted, intent, operator, now)
        checked = judge_execution(execution, now)
        return checked.evaluation if checked.refusal is None else checked.refusal

    def _judged(
        self, reader: Reader, order: Order, intent: PaperOrderIntent, key: str, now: datetime
    ) -> RiskEvaluation | None:
        """What risk says of the part that may still fill; None when nothing may."""
        open_part = intent.quantity - order.cum_quantity
        if open_part <= 0:
            return None
        rest = intent.amended(
            quantity=open_part, tx_equivalent_exposure=self._exposure(intent, open_part)
        )
        return risk_of(reader, self._bench, rest, key, now)

    def _exposure(self, intent: PaperOrderIntent, quantity: Decimal) -> Decimal:
        return exposure(quantity, contract_ratio(self._bench.contracts, intent.symbol))


def _blocked(reader: Reader, order: Order, terms: ReplaceTerms) -> Refusal | None:
    """What stands against more contracts; nothing against fewer."""
    if terms.quantity <= order.quantity:
        return None
    return check_may_trade(reader, order.account_id, order.symbol)


def _replacer(reader: Reader, actor: Actor) -> Person | Refusal:
    """The person who may change an order: whoever may cancel one."""
    person = person_of(reader, actor)
    if isinstance(person, Refusal):
        return person
    return authorize(Action.CANCEL, person.held_roles(), active=person.active) or person


def _before_use(request: ApprovalRequest, order: Order) -> ApprovalRequest:
    """The approval without the use that this order made of it; another end of it stays."""
    others = tuple(used for used in request.orders if used != order.order_id)
    if len(others) == len(request.orders):
        return request
    spent = request.status is RequestStatus.CONSUMED
    return request.amended(
        orders=others,
        consumed_by_order=None,
        status=RequestStatus.APPROVED_FOR_PAPER if spent else request.status,
    )


def _rejected(order: Order, judged: RiskEvaluation, ruled: PolicyEvaluation) -> Done:
    """Recorded without any change of the order."""
    events = (
        order_event("approval.reverified", order, "approval_request_verified", ruled),
        order_event("risk.evaluated", order, "risk_evaluated", judged),
        order_event(
            "order.replace_rejected",
            order,
            "rejected_by_risk_engine",
            refusal=risk_refusal(judged),
        ),
    )
    return Done(subject_id=judged.evaluation_id, events=events)


def _requested(
    reader: Reader,
    wanted: OrderChange,
    judged: RiskEvaluation | None,
    ruled: PolicyEvaluation,
    reason: str,
    now: datetime,
) -> Done | Refusal:
    asked = wanted.order.pending_replace
    if asked is None:
        return refuse("TRANSITION_NOT_ALLOWED", "no replace is pending")
    change, told = wanted, _risk_events(wanted.order, judged)
    more: tuple[Document, ...] = queued(wanted.order, REPLACE_ACTION, asked.cl_ord_id, now)
    kind = "order.replace_requested"
    if not may_be_at_gateway(reader, wanted.order):
        granted = grant_replace(wanted.order, now)
        if isinstance(granted, Refusal):
            return granted
        change, kind = joined(wanted, granted), "order.replaced"
        more = (named(wanted.order, REPLACE_ACTION, asked.cl_ord_id, now),)
    if judged is not None:
        order = change.order.amended(risk_evaluation_id=judged.evaluation_id)
        change = replace(change, order=order)
    done = order_event(kind, change.order, "oms_lifecycle_recorded", *changed(change), *more)
    events = (
        order_event("approval.reverified", change.order, "approval_request_verified", ruled),
        *told,
        done.amended(reason_text=reason),
    )
    return Done(subject_id=change.order.order_id, events=events)


def _risk_events(order: Order, judged: RiskEvaluation | None) -> tuple[Event, ...]:
    if judged is None:
        return ()
    return (order_event("risk.evaluated", order, "risk_evaluated", judged),)
