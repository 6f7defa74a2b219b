"""What an operator may still choose about an approved order: size, prices, answer, and the quote.

Side, target, contract and account come from the approval and are no fields here.
"""

from decimal import Decimal
from typing import Final

import streamlit as st

from counterseal.approvals.model import ApprovalRequest
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.views.preview import SimulatedQuote, WorkflowInput
from counterseal.market.contracts import ContractTable
from counterseal.market.instruments import ContractRoot, contract_root
from counterseal.signals.intent import OrderType, Side
from ui.web import house
from ui.web.wording import say, term

LOTS_MAX: Final = 5
MODEL: Final = "model"
SIZE: Final = 5
AGE_MAX: Final = 86_400
_PRICES_MAX: Final = 10_000_000


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
    quote, age = _quote(at)
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
    told = st.number_input(
        label, min_value=least, max_value=most, value=value, step=1, key=_named(field)
    )
    return Decimal(int(told))


def _answer() -> str:
    """A chosen answer of the paper broker, or its model's own."""
    words = [SimulationOutcome.FILL, *(o for o in SimulationOutcome if o != SimulationOutcome.FILL)]
    return str(
        st.selectbox(
            say("submit.answer"),
            [*(one.value for one in words), MODEL],
            key=_named("answer"),
            format_func=lambda one: (
                say("submit.by_model")
                if one == MODEL
                else say("submit.chosen", outcome=term(SimulationOutcome(one)))
            ),
        )
    )


def _price(request: ApprovalRequest, at: int) -> Decimal | None:
    """The price that the order type needs."""
    bound = request.payload
    within = bound.price_max if bound.side is Side.BUY else bound.price_min
    first = at if within is None else int(within)
    match bound.order_type:
        case OrderType.LIMIT:
            return _whole("limit", say("submit.limit"), first, 1, _PRICES_MAX)
        case OrderType.STOP:
            return _whole("stop", say("submit.stop"), first, 1, _PRICES_MAX)
        case OrderType.MWP:
            return _whole("protection", say("submit.protection"), 20, 1, _PRICES_MAX)
        case _:
            return None


def _quote(at: int) -> tuple[SimulatedQuote, Decimal]:
    """The quote that the operator sees, and its age in seconds."""
    first, second, third = st.columns(3)
    with first:
        bid = _whole("bid", say("submit.bid"), max(at - 1, 1), 1, _PRICES_MAX)
        bid_size = _whole("bid-size", say("submit.bid_size"), SIZE, 0, _PRICES_MAX)
    with second:
        ask = _whole("ask", say("submit.ask"), at, 1, _PRICES_MAX)
        ask_size = _whole("ask-size", say("submit.ask_size"), SIZE, 0, _PRICES_MAX)
    with third:
        last = _whole("last", say("submit.last"), at, 1, _PRICES_MAX)
        age = _whole("age", say("submit.age"), 0, 0, AGE_MAX)
    quote = SimulatedQuote(bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size, last=last)
    return quote, age
