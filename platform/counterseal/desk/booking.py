"""From a risk-checked order to its fill and its booking.

Job: hand an order to the paper broker, carry the answer through the order's states, book the fill.

Invariants
  I1  The broker sees risk-approved orders only.
  I2  What earlier fills took of a quote, a print or a bar is gone.
  I3  Fill, order, position, account, ledger and daily result change in one transaction.

Not here: the fill models (broker), what they are asked (desk.asking), states (oms), costs and
books (desk.posting).
Source: TX-G8, TX-J13; trading reference parts 5 and 6.
"""

from datetime import datetime

from counterseal.broker.answer import apply_answer
from counterseal.broker.gateway import FillTerms, happened_at, send
from counterseal.broker.model import SimulationOutcome, SimulationRequest, SimulationResult
from counterseal.desk.asking import put_to_quote
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Done
from counterseal.desk.exposure import session_text, trading_day_text
from counterseal.desk.order_events import changed, order_event
from counterseal.desk.ports import Reader
from counterseal.desk.posting import booked, priced, traded_contract
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Document, Event, Refusal, details, refuse
from counterseal.oms.apply import apply_event, joined
from counterseal.oms.decide import OutboxEvent, apply_outbox
from counterseal.oms.model import Order, OrderChange, OutboxEntry
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.risk.model import RiskEvaluation


def answer_order(
    reader: Reader,
    bench: Bench,
    order: Order,
    now: datetime,
    *,
    key: str,
    selected: SimulationOutcome | None = None,
) -> Done | Refusal:
    """Put a risk-checked or resting order to the model in force at `now`.

    Returns:
        The events, or `NO_QUOTE`, `NO_TAPE`, `ORDER_NOT_RISK_APPROVED`, `ORDER_NOT_WORKING` or
        `QUOTE_NOT_LATER`.
    """
    request = put_to_quote(reader, bench, order, now, selected)
    if isinstance(request, Refusal):
        return request
    handed = _handed_over(reader, order, now)
    if isinstance(handed, Refusal):
        return handed
    sent, message = handed
    result = bench.broker.answer(request)
    terms = _terms(bench, sent.order, key, now, happened_at(request, result, now))
    settled = apply_answer(sent.order, request, result, terms, now)
    if isinstance(settled, Refusal):
        return settled
    change, fill = joined(sent, settled.change), settled.fill
    posted = () if fill is None else booked(reader, priced(bench, fill), now)
    advanced = (*changed(change), *message)
    events = (
        _simulated(order, request, result, now),
        order_event("broker.answered", order, "paper_broker_simulated", *posted),
        order_event("order.advanced", order, "oms_lifecycle_recorded", *advanced),
    )
    return Done(subject_id=order.order_id, events=events)


def _simulated(
    order: Order, request: SimulationRequest, result: SimulationResult, now: datetime
) -> Event:
    event = order_event("broker.simulated", order, "broker_simulation_model_evaluated")
    return event.amended(
        facts=details(
            model=result.model_version,
            outcome=result.simulation_outcome,
            reason=result.reason,
            fill_quantity=result.simulated_fill_quantity,
            fill_price=result.simulated_fill_price,
            quote=request.quote.quote_id,
            quote_basis=request.quote.basis,
            market=request.lot_id,
            rows=",".join(str(use.row) for use in result.uses) or "-",
            occurred_at=utc_text(happened_at(request, result, now)),
        )
    )


def _handed_over(
    reader: Reader, order: Order, now: datetime
) -> tuple[OrderChange, tuple[Document, ...]] | Refusal:
    """SUBMIT for an order that is sent for the first time; a resting order stays as it is."""
    if order.state is not OrderState.RISK_CHECKED:
        return OrderChange(order=order), ()
    evaluation = (
        None
        if order.risk_evaluation_id is None
        else reader.get(RiskEvaluation, order.risk_evaluation_id)
    )
    acknowledged = send(order, evaluation, now)
    if isinstance(acknowledged, Refusal):
        return acknowledged
    submitted = apply_event(order, OrderEventType.SUBMIT, now)
    if isinstance(submitted, Refusal):
        return submitted
    message = reader.get(OutboxEntry, f"{order.order_id}:outbox")
    if message is None:
        return refuse("NOT_FOUND", "the order has no outbox entry", order=order.order_id)
    done = apply_outbox(apply_outbox(message, OutboxEvent.CLAIM, now), OutboxEvent.COMPLETE, now)
    return submitted, (done,)


def _terms(bench: Bench, order: Order, key: str, now: datetime, at: datetime) -> FillTerms:
    """Terms of a fill that took place at `at` and is recorded at `now`."""
    spec = traded_contract(bench, order.symbol)
    return FillTerms(
        fill_id=bench.ids.new("fil", key, now),
        multiplier=spec.multiplier,
        tx_equivalent=spec.tx_equivalent,
        currency=bench.contracts.currency,
        trading_day=trading_day_text(bench, at),
        session=session_text(bench, at),
    )
