"""From a risk-checked order to its fill and its booking.

Job: hand an order to the paper broker, carry the answer through the order's states, book the fill.

Invariants
  I1  The broker sees risk-approved orders only.
  I2  A quote's size is shared: what earlier fills took from it is gone.
  I3  Fill, order, position, account, ledger and daily result change in one transaction.

Not here: the fill model (broker.paper), states (oms), arithmetic (portfolio).
Source: TX-G8, TX-J13; trading reference parts 5 and 6.
"""

from datetime import datetime

from counterseal.broker.answer import apply_answer
from counterseal.broker.gateway import FillTerms, request_for, send
from counterseal.broker.model import (
    Fill,
    QuoteSnapshot,
    SimulationOutcome,
    SimulationRequest,
    SimulationResult,
)
from counterseal.broker.paper import consumed
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Done
from counterseal.desk.exposure import session_text, trading_day_text
from counterseal.desk.order_events import changed, order_event
from counterseal.desk.ports import Reader
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Document, Event, Refusal, details, refuse
from counterseal.market.contracts import ContractSpec
from counterseal.market.instruments import contract_root
from counterseal.market.quotes import Quote, age_seconds
from counterseal.oms.apply import apply_event, joined
from counterseal.oms.decide import OutboxEvent, apply_outbox
from counterseal.oms.model import Order, OrderChange, OutboxEntry
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.portfolio.costs import CostRates, fee_lines
from counterseal.portfolio.ledger import apply_daily, apply_entries, ledger_entries
from counterseal.portfolio.model import Account, DailyPnl, Position
from counterseal.portfolio.positions import apply_fill as count_fill
from counterseal.portfolio.positions import open_position
from counterseal.risk.model import RiskEvaluation


def snapshot_of(quote: Quote, now: datetime) -> QuoteSnapshot:
    """The quote as the broker stores it, with its age at the decision."""
    return QuoteSnapshot(
        symbol=quote.symbol,
        bid=quote.bid,
        ask=quote.ask,
        bid_size=quote.bid_size,
        ask_size=quote.ask_size,
        last=quote.last,
        liquidity_score=quote.liquidity_score,
        basis=quote.basis.value,
        source=quote.source,
        quote_id=quote.quote_id,
        event_time=quote.event_time,
        receive_time=quote.receive_time,
        age_seconds=age_seconds(quote, now),
        method=quote.method,
        method_version=quote.method_version,
    )


def answer_order(
    reader: Reader,
    bench: Bench,
    order: Order,
    now: datetime,
    *,
    key: str,
    selected: SimulationOutcome | None = None,
) -> Done | Refusal:
    """Put a risk-checked or resting order to the quote at `now`.

    Returns:
        The events, or `NO_QUOTE`, `ORDER_NOT_RISK_APPROVED`, `ORDER_NOT_WORKING` or
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
    terms = _terms(bench, sent.order, key, now)
    settled = apply_answer(sent.order, request, result, terms, now)
    if isinstance(settled, Refusal):
        return settled
    change, fill = joined(sent, settled.change), _priced(bench, settled.fill)
    booked = () if fill is None else _booked(reader, fill, now)
    advanced = (*changed(change), *message)
    events = (
        _simulated(order, request, result),
        order_event("broker.answered", order, "paper_broker_simulated", *booked),
        order_event("order.advanced", order, "oms_lifecycle_recorded", *advanced),
    )
    return Done(subject_id=order.order_id, events=events)


def put_to_quote(
    reader: Reader, bench: Bench, order: Order, now: datetime, selected: SimulationOutcome | None
) -> SimulationRequest | Refusal:
    """What the paper model is asked at `now`; or `NO_QUOTE` and the gateway's refusals."""
    quote = bench.feed.quote(order.symbol, now)
    if isinstance(quote, Refusal):
        return quote
    taken = consumed(
        reader.find(Fill, quote_id=quote.quote_id), quote_id=quote.quote_id, side=order.side
    )
    return request_for(
        order, snapshot_of(quote, now), already_consumed=taken, selected_outcome=selected
    )


def _simulated(order: Order, request: SimulationRequest, result: SimulationResult) -> Event:
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


def _terms(bench: Bench, order: Order, key: str, now: datetime) -> FillTerms:
    spec = _spec(bench, order.symbol)
    return FillTerms(
        fill_id=bench.ids.new("fil", key, now),
        multiplier=spec.multiplier,
        tx_equivalent=spec.tx_equivalent,
        currency=bench.contracts.currency,
        trading_day=trading_day_text(bench, now),
        session=session_text(bench, now),
    )


def _spec(bench: Bench, symbol: str) -> ContractSpec:
    spec = bench.contracts.spec(contract_root(symbol))
    if spec is None:
        raise InvariantError("an order of an unknown contract passed risk")
    return spec


def _priced(bench: Bench, fill: Fill | None) -> Fill | None:
    """The fill with its fees and tax."""
    if fill is None:
        return None
    spec = _spec(bench, fill.symbol)
    rates = CostRates(
        transaction=spec.fee_transaction,
        clearing=spec.fee_clearing,
        tax_rate=spec.tax_rate,
        tax_min=bench.contracts.tax_min,
        currency=bench.contracts.currency,
        rule_date=bench.contracts.schema_version,
    )
    fees = fee_lines(
        rates, quantity=fill.last_quantity, price=fill.last_price, multiplier=spec.multiplier
    )
    return fill.amended(fees=fees)


def _booked(reader: Reader, fill: Fill, now: datetime) -> tuple[Document, ...]:
    account = reader.get(Account, fill.account_id)
    if account is None:
        raise InvariantError("a fill without an account")
    position = reader.get(Position, f"{fill.account_id}:{fill.symbol}") or open_position(fill, now)
    counted = count_fill(position, fill, now)
    entries = ledger_entries(fill, counted.realized_pnl, now)
    day = reader.get(DailyPnl, f"{fill.account_id}:{fill.trading_day}")
    return (
        fill,
        counted.position,
        *entries,
        apply_entries(account, entries, counted.realized_pnl, now),
        apply_daily(day, fill, counted.realized_pnl, now),
    )
