"""What an operator asks to submit, and the order that is recorded for it.

Job: the question, what is wrong with it whatever was approved, and the events of its first step.

Invariants
  I1  The approval is consumed by the event before the one that creates the order.

Not here: whether it is approved (approvals.execution), the steps after it (desk.orders).
Source: TX-G3, TX-G7; trading reference 1.5.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.approvals.model import ApprovalRequest
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.commands import Done
from counterseal.desk.execution_case import contract_ratio
from counterseal.desk.order_events import changed, order_event
from counterseal.identity.mandate import SubmitMandate
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse
from counterseal.kernel.money import Price, Quantity
from counterseal.market.contracts import ContractTable
from counterseal.oms.decide import OrderRequest, create_order
from counterseal.oms.model import OrderKey
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.signals.intent import (
    IntentReference,
    PaperOrderIntent,
    exposure,
    intent_reference,
    missing_terms,
)

_SAME_IN_ORDER: Final = frozenset(PaperOrderIntent.model_fields) & (
    frozenset(OrderRequest.model_fields) - {"legs"}
)


class Submission(DomainModel):
    """What an operator asks to submit.

    Attributes:
        quantity: Contracts, at most the approved maximum.
        limit_price: Of a limit order, in points; None for any other.
        stop_price, protection_points: Of a stop, of a market order with protection, in points.
        good_till: End of a GTD order; None takes what was approved.
        parent_order_id: The order of the same request that this one is a leg or a slice of.
        selected_outcome: A deterministic answer of the paper broker, or None for its model.
        mandate_id: The operator's mandate that a platform service submits under, or None.
    """

    approval_request_id: str
    quantity: Quantity
    limit_price: Price | None = None
    stop_price: Price | None = None
    protection_points: Price | None = None
    good_till: UtcDatetime | None = None
    parent_order_id: Name | None = None
    selected_outcome: SimulationOutcome | None = None
    mandate_id: Name | None = None


def wrong_terms(
    request: ApprovalRequest, asked: Submission, intent: PaperOrderIntent
) -> Refusal | None:
    """Why an order cannot be asked for like this, whatever was approved; None when it can."""
    if asked.quantity % 1:
        return refuse("QUANTITY_NOT_WHOLE", "futures trade in whole contracts")
    terms = {**vars(intent), "limit_price": intent.order_price}
    wrong = missing_terms(intent.order_type, intent.time_in_force, terms)
    if wrong:
        return refuse("ORDER_TERMS_WRONG", "the terms do not fit the order type", field=wrong[0])
    if asked.parent_order_id not in (None, *request.orders):
        return refuse("PARENT_OF_OTHER_REQUEST", "the parent is no order of this request")
    if asked.selected_outcome is SimulationOutcome.PARTIAL_FILL and asked.quantity <= 1:
        return refuse("PARTIAL_FILL_NEEDS_TWO", "one contract cannot be filled in part")
    return None


def reference_of(
    request: ApprovalRequest, asked: Submission, contracts: ContractTable
) -> IntentReference:
    """What a submit is known by: order id and idempotency key, from what it asks for.

    Raises:
        InputError: `NUMBER_TOO_LONG` for a quantity whose exposure would need rounding.
    """
    bound = request.payload
    return intent_reference(
        signal_id=bound.signal_id,
        strategy_id=bound.strategy_id,
        strategy_version=bound.strategy_version,
        approval_id=request.approval_request_id,
        symbol=bound.symbol,
        side=bound.side,
        quantity=asked.quantity,
        tx_equivalent_exposure=exposure(asked.quantity, contract_ratio(contracts, bound.symbol)),
        use=len(request.orders) + 1,
    )


def _order_request(intent: PaperOrderIntent, approved: Decimal) -> OrderRequest:
    same = {name: getattr(intent, name) for name in _SAME_IN_ORDER}
    return OrderRequest(
        **same,
        approval_request_id=intent.approval_id,
        limit_price=intent.order_price,
        approved_quantity=approved,
    )


def intended(
    request: ApprovalRequest,
    evaluation: PolicyEvaluation,
    intent: PaperOrderIntent,
    asked: Submission,
    now: datetime,
    mandate: SubmitMandate | None,
    *,
    first_use: bool,
) -> Done:
    """The used-up approval and the created order, as the two events of a first step.

    `first_use` tells that no earlier order has the intent's idempotency key.
    """
    change = create_order(_order_request(intent, request.payload.max_quantity), now)
    order = change.order
    used = OrderKey(
        idempotency_key=intent.idempotency_key,
        workflow_run_id=order.workflow_run_id,
        order_id=order.order_id,
        source_signal_id=intent.source_signal_id,
        payload_digest=digest(asked.json_value()),
        created_at=now,
    )
    events = (
        order_event("approval.consumed", order, "approval_request_verified", request, evaluation),
        order_event(
            "order.intended",
            order,
            "intent_created",
            intent,
            *((used,) if first_use else ()),
            *(() if mandate is None else (mandate,)),
            *changed(change),
        ),
    )
    return Done(subject_id=order.order_id, events=events)
