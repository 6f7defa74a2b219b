"""What an operator may still choose about an approved order: size, prices, answer, and the quote.

Side, target, contract and account come from the approval and are no fields here.
"""

from decimal import Decimal
from typing import Final

import streamlit as st

from counterseal.approvals.model import ApprovalRequest
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.views.preview import WorkflowInput
from counterseal.market.contracts import ContractTable
from counterseal.market.instruments import ContractRoot, contract_root
from counterseal.signals.intent import OrderType, Side
from ui.web import house
from ui.web.parts.fields import PRICE_MAX, quote_fields, whole
from ui.web.parts.fill_rules import MODEL, answer_choice
from ui.web.wording import say

LOTS_MAX: Final = 5


def asked_for(request: ApprovalRequest, contracts: ContractTable) -> WorkflowInput:
    """Draw the form; what it asks for now."""
    bound = request.payload
    at = valued_at(request, contracts)
    left, right = st.columns(2)
    with left:
        most = min(int(bound.max_quantity), LOTS_MAX)
        quantity = _whole("quantity", say("submit.quantity", most=str(most)), most, 1, most)
    with right:
        answer = _answer()
    price = _price(request, at)
    st.markdown(f"**{say('submit.quote')}**")
    quote, age = quote_fields(_named, at)
    return WorkflowInput(
        approval_request_id=request.approval_request_id,
        symbol=ContractRoot(contract_root(bound.symbol) or bound.symbol),
        quantity=quantity,
        limit_price=price if bound.order_type is OrderType.LIMIT else None,
        stop_price=price if bound.order_type is OrderType.STOP else None,
        protection_points=price if bound.order_type is OrderType.MWP else None,
        quote_age_seconds=age,
        broker_simulation=SimulationOutcome.FILL if answer == MODEL else SimulationOutcome(answer),
        broker_simulation_model=quote,
        chosen_at_quote=answer != MODEL,
    )


def valued_at(request: ApprovalRequest, contracts: ContractTable) -> int:
    """The whole price (points) at which the request was valued; 1 for a contract without terms."""
    bound = request.payload
    spec = contracts.spec(contract_root(bound.symbol))
    if spec is None:
        return 1
    return max(int(bound.notional / (bound.max_quantity * spec.multiplier)), 1)


def form_key(request: ApprovalRequest) -> str:
    """The one-time name of this form; another use of an approval is another form."""
    about = f"{request.approval_request_id}/{request.version}/{len(request.orders)}"
    if st.session_state.get("submit_about") != about:
        st.session_state["submit_about"] = about
        st.session_state["submit_key"] = house.command_key()
    return str(st.session_state["submit_key"])


def renew() -> None:
    """The form that is shown next was not sent yet."""
    st.session_state.pop("submit_about", None)


def _named(field: str) -> str:
    return f"submit-{field}:{st.session_state['submit_about']}"


def _whole(field: str, label: str, value: int, least: int, most: int) -> Decimal:
    return whole(_named(field), label, value, least, most)


def _answer() -> str:
    """A chosen answer of the paper broker, a fill first, or its model's own."""
    fill = SimulationOutcome.FILL
    words = [fill.value, *(one.value for one in SimulationOutcome if one != fill)]
    return answer_choice(_named("answer"), [*words, MODEL])


def _price(request: ApprovalRequest, at: int) -> Decimal | None:
    """The price that the order type needs."""
    bound = request.payload
    within = bound.price_max if bound.side is Side.BUY else bound.price_min
    first = at if within is None else int(within)
    match bound.order_type:
        case OrderType.LIMIT:
            return _whole("limit", say("submit.limit"), first, 1, PRICE_MAX)
        case OrderType.STOP:
            return _whole("stop", say("submit.stop"), first, 1, PRICE_MAX)
        case OrderType.MWP:
            return _whole("protection", say("submit.protection"), 20, 1, PRICE_MAX)
        case _:
            return None
