"""The gate in front of the paper broker.

Job: accept only risk-approved orders, put them to a model, and turn the answer into a fill. Pure.

Invariants
  I1  An order without its own approving risk evaluation is refused and no broker is asked.
  I2  The model's quantity and price reach the fill unchanged.
  I3  A resting order meets only quotes younger than its last step.

Not here: the models (broker.models), order states (oms.apply), costs (portfolio.costs).
Source: TX-G6, TX-J13; trading reference 5.1 and 5.2.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.broker.model import (
    MODEL_VERSION,
    Fill,
    PaperAck,
    QuoteSnapshot,
    SimulationOutcome,
    SimulationRequest,
    SimulationResult,
)
from counterseal.broker.models import answer_of
from counterseal.broker.windows import BarWindow, TapeWindow
from counterseal.kernel.model import DomainModel, Name, Refusal, details, refuse
from counterseal.kernel.money import Currency, NonNegative, Quantity
from counterseal.oms.model import Execution, Order
from counterseal.oms.states import OrderState
from counterseal.policy.execution import DelayedQuoteFillRule, FillRule, QuoteFillRule
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import Side

_SENDABLE: Final = (OrderState.RISK_CHECKED, OrderState.SUBMITTED)
QUOTE_RULES: Final = (QuoteFillRule, DelayedQuoteFillRule)
"""Rules of the models that need a quote and no prints."""

_SAME_IN_FILL: Final = (frozenset(Fill.model_fields) & frozenset(SimulationResult.model_fields)) - {
    *("model_version", "symbol", "side", "paper_only"),
}
_RESTING: Final = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)


class PaperBroker:
    """The only `Broker`: the models themselves, no state, no network."""

    provider = "paper"

    def heartbeat(self, now: datetime) -> datetime | None:
        """It runs in this process: whoever can ask it has its sign of life."""
        return now

    def answer(self, request: SimulationRequest) -> SimulationResult:
        """Ask the model that the request names.

        Raises:
            InputError: codes of that model.
        """
        return answer_of(request)


class FillTerms(DomainModel):
    """Facts of the contract and the day that the model does not need.

    Attributes:
        multiplier: Currency units per point and contract.
        tx_equivalent: TX-equivalents per contract.
        trading_day: `YYYY-MM-DD`.
    """

    fill_id: Name
    multiplier: Quantity
    tx_equivalent: NonNegative
    currency: Currency
    trading_day: Name
    session: Name


def send(order: Order, evaluation: RiskEvaluation | None, at: datetime) -> PaperAck | Refusal:
    """Hand an order to the paper broker at `at` (UTC).

    Returns:
        The acknowledgement, or `ORDER_NOT_RISK_APPROVED`.
    """
    approved = (
        evaluation is not None
        and evaluation.approved
        and evaluation.order_id == order.order_id
        and evaluation.account_id == order.account_id
        and evaluation.evaluation_id == order.risk_evaluation_id
        and order.state in _SENDABLE
    )
    if not approved:
        return refuse(
            "ORDER_NOT_RISK_APPROVED",
            "only a risk-approved order reaches the broker",
            order_id=order.order_id,
            state=order.state,
        )
    return PaperAck(
        paper_order_id=order.order_reference,
        order_id=order.order_id,
        accepted=True,
        message="accepted by the paper broker",
        payload=details(model_version=MODEL_VERSION, quantity=order.leaves_quantity),
        at=at,
    )


def arrival_of(order: Order, at: datetime) -> datetime:
    """When the order took its place (UTC): `at` for one that is sent only now.

    A triggered stop arrives with its trigger; a replace that loses the place brings a later one.
    """
    return order.triggered_at or order.priority_at or order.submitted_at or at


def request_for(
    order: Order,
    quote: QuoteSnapshot,
    *,
    already_consumed: Decimal = Decimal(0),
    selected_outcome: SimulationOutcome | None = None,
    rule: FillRule | None = None,
    tick: Decimal = Decimal(1),
    now: datetime | None = None,
) -> SimulationRequest | Refusal:
    """What the order still wants, put to one quote. Contracts, quote units.

    Args:
        order: Sent, or about to be.
        quote: As known at the decision.
        already_consumed: Contracts of the quote's side that earlier fills took.
        selected_outcome: A deterministic answer; v0.1 gives it, whatever the rule.
        rule: The model in force; None for v0.1.
        tick: Price step of the instrument.
        now: The arrival (UTC) of an order that is sent only now; None for the quote's.

    Returns:
        The request, or `ORDER_NOT_WORKING` (nothing may fill), or `QUOTE_NOT_LATER` (a resting
        order was already put to this quote or an older one).
    """
    if order.state not in (*_SENDABLE, *_RESTING) or not order.leaves_quantity:
        return refuse("ORDER_NOT_WORKING", "the order does not work", state=order.state)
    asked = QuoteFillRule() if rule is None or selected_outcome is not None else rule
    rests = order.state in _RESTING and order.submitted_at is not None
    met = max(order.updated_at, order.triggered_at or order.updated_at)
    at_quotes = selected_outcome is None and isinstance(asked, QUOTE_RULES)
    if rests and at_quotes and quote.receive_time <= met:
        return refuse(
            "QUOTE_NOT_LATER", "a resting order waits for a later quote", quote_id=quote.quote_id
        )
    return SimulationRequest(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        limit_price=order.limit_price,
        quantity=order.leaves_quantity,
        time_in_force=order.time_in_force,
        stop_price=order.stop_price,
        triggered=order.triggered_at is not None,
        protection_price=protection_of(order, bid=quote.bid, ask=quote.ask),
        tick=tick,
        arrived_at=arrival_of(order, now or quote.receive_time),
        rule=asked,
        quote=quote,
        already_consumed=already_consumed,
        selected_outcome=selected_outcome,
    )


def protection_of(order: Order, *, bid: Decimal, ask: Decimal) -> Decimal | None:
    """The limit of a MWP order: best bid + points for BUY, best offer - points for SELL."""
    if order.protection_points is None:
        return None
    best = bid if order.side is Side.BUY else ask
    return best + order.side.sign * order.protection_points


def happened_at(request: SimulationRequest, result: SimulationResult, at: datetime) -> datetime:
    """When the answer's fill or trigger took place in the world (UTC): `at` when nothing says."""
    if result.uses:
        return result.uses[-1].at
    if isinstance(request.window, BarWindow) and result.simulated_fill_quantity:
        opened = result.simulated_fill_price == request.window.open
        return request.window.starts_at if opened else request.window.ends_at
    return result.triggered_at or at


def fill_from(
    order: Order,
    request: SimulationRequest,
    result: SimulationResult,
    terms: FillTerms,
    at: datetime,
) -> Fill | None:
    """The stored fill of an answer recorded at `at` (UTC); None when nothing was filled."""
    if result.simulated_fill_price is None:
        return None
    return Fill(
        fill_id=terms.fill_id,
        order_id=order.order_id,
        leg_id=f"{order.order_id}:1",
        workflow_run_id=order.workflow_run_id,
        account_id=order.account_id,
        symbol=order.symbol,
        side=order.side,
        last_quantity=result.simulated_fill_quantity,
        last_price=result.simulated_fill_price,
        multiplier=terms.multiplier,
        tx_equivalent=terms.tx_equivalent,
        currency=terms.currency,
        model_name=result.model_version.rpartition("-")[0],
        model_version=result.model_version,
        model_parameters=details(**request.rule.json_value()),
        request=request,
        result=result,
        quote=request.quote,
        quote_id=request.lot_id,
        queue_ahead=_queue_at_arrival(request, result),
        **{name: getattr(result, name) for name in _SAME_IN_FILL},
        trading_day=terms.trading_day,
        session=terms.session,
        occurred_at=happened_at(request, result, at),
        recorded_at=at,
    )


def _queue_at_arrival(request: SimulationRequest, result: SimulationResult) -> Decimal | None:
    window = request.window
    if result.queue_left is None or not isinstance(window, TapeWindow):
        return None
    return window.queue_at_arrival


def execution_of(fill: Fill) -> Execution:
    """The fill as the order counts it: same quantity, same price."""
    return Execution(
        exec_id=fill.fill_id,
        last_quantity=fill.last_quantity,
        last_price=fill.last_price,
        occurred_at=fill.occurred_at,
    )
