"""The gate in front of the paper broker.

Job: accept only risk-approved orders, put them to a quote, and turn the answer into a fill. Pure.

Invariants
  I1  An order without its own approving risk evaluation is refused and no broker is asked.
  I2  The model's quantity and price reach the fill unchanged.
  I3  A resting order meets only quotes younger than its last step.

Not here: the model (broker.paper), order states (oms.apply), costs (portfolio.costs).
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
from counterseal.broker.paper import simulate
from counterseal.kernel.model import DomainModel, Name, Refusal, details, refuse
from counterseal.kernel.money import Currency, NonNegative, Quantity
from counterseal.oms.model import Execution, Order
from counterseal.oms.states import OrderState
from counterseal.risk.model import RiskEvaluation

_SENDABLE: Final = (OrderState.RISK_CHECKED, OrderState.SUBMITTED)
_RESTING: Final = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)


class PaperBroker:
    """The only `Broker`: the model itself, no state, no network."""

    provider = "paper"

    def heartbeat(self, now: datetime) -> datetime | None:
        """It runs in this process: whoever can ask it has its sign of life."""
        return now

    def answer(self, request: SimulationRequest) -> SimulationResult:
        """Ask `paper-broker-sim-v0.1`.

        Raises:
            InputError: see `simulate`.
        """
        return simulate(request)


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


def request_for(
    order: Order,
    quote: QuoteSnapshot,
    *,
    already_consumed: Decimal = Decimal(0),
    selected_outcome: SimulationOutcome | None = None,
) -> SimulationRequest | Refusal:
    """What the order still wants, put to one quote. Contracts, quote units.

    Returns:
        The request, or `ORDER_NOT_WORKING` (nothing may fill), or `QUOTE_NOT_LATER` (a resting
        order was already put to this quote or an older one).
    """
    if order.state not in (*_SENDABLE, *_RESTING) or not order.leaves_quantity:
        return refuse("ORDER_NOT_WORKING", "the order does not work", state=order.state)
    rests = order.state in _RESTING and order.submitted_at is not None
    if rests and selected_outcome is None and quote.receive_time <= order.updated_at:
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
        quote=quote,
        already_consumed=already_consumed,
        selected_outcome=selected_outcome,
    )


def fill_from(
    order: Order,
    request: SimulationRequest,
    result: SimulationResult,
    terms: FillTerms,
    at: datetime,
) -> Fill | None:
    """The stored fill of an answer at `at` (UTC); None when nothing was filled."""
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
        model_name="paper-broker-sim",
        model_version=result.model_version,
        request=request,
        result=result,
        quote=request.quote,
        quote_id=request.quote.quote_id,
        capacity=result.capacity,
        liquidity_score=result.liquidity_score,
        trading_day=terms.trading_day,
        session=terms.session,
        occurred_at=at,
        recorded_at=at,
    )


def execution_of(fill: Fill) -> Execution:
    """The fill as the order counts it: same quantity, same price."""
    return Execution(
        exec_id=fill.fill_id,
        last_quantity=fill.last_quantity,
        last_price=fill.last_price,
        occurred_at=fill.occurred_at,
    )
