"""Changing an own request before it is used: a new version; what it leaves alone carries over."""

from decimal import Decimal
from typing import Final

import streamlit as st
from pydantic import ValidationError

from counterseal.approvals.draft import AmendedTerms, amended_payload
from counterseal.approvals.model import RequestPayload
from counterseal.desk.commands import Outcome
from counterseal.kernel.errors import InputError
from counterseal.market.instruments import contract_root
from ui.web import house
from ui.web.case import Case
from ui.web.parts.fields import PRICE_MAX, exact, invalid, whole
from ui.web.views.asked_twice import OPEN, ask, asking, keep, tried
from ui.web.views.case_revoke import id_of
from ui.web.views.propose_form import LOTS_MAX
from ui.web.views.submit_form import valued_at
from ui.web.visit import GO_TO, here
from ui.web.wording import say

AMEND: Final = "amend"
NIL, MOST = Decimal(0), Decimal(PRICE_MAX)


def amend(case: Case, codes: tuple[str, ...]) -> None:
    """The button, and behind it the terms as they stand, to be changed.

    Args:
        case: An own one that has not ended.
        codes: What is against it now.
    """
    name = id_of(case)
    if asking(name) != AMEND:
        ask(name, AMEND, say("case_acts.amend"), codes)
        return
    st.text(say("case_acts.amend_follows"))
    told = _terms(case)
    changed = bool(told)
    with st.container(horizontal=True):
        st.button(
            say("case_acts.amend_sure"),
            key="amend-sure",
            type="primary",
            disabled=not changed,
            on_click=_amend,
            args=(case, told),
        )
        keep(AMEND)
    if not changed:
        st.caption(say("case_acts.amend_nothing"))


def _terms(case: Case) -> dict[str, object]:
    """What is other than it stands; a new quantity comes with the price that it is valued at."""
    request = case.detail.history.request
    old, name = request.payload, id_of(case)
    first, second, third, fourth = st.columns(4, vertical_alignment="bottom")
    with first:
        most = max(int(old.max_quantity), LOTS_MAX)
        quantity = whole(
            _key(name, "lots"), say("propose.quantity"), int(old.max_quantity), 1, most
        )
    with second:
        valued = valued_at(request, house.desk().bench.contracts)
        price = whole(_key(name, "price"), say("propose.price"), valued, 1, PRICE_MAX)
    with third:
        low = exact(_key(name, "low"), say("propose.low"), old.price_min, NIL, MOST, places=0)
    with fourth:
        high = exact(_key(name, "high"), say("propose.high"), old.price_max, NIL, MOST, places=0)
    field = _key(name, "reason")
    st.session_state.setdefault(field, old.request_reason)
    reason = st.text_area(say("propose.reason"), key=field, height=80, max_chars=2_000).strip()
    told: dict[str, object] = {"price_min": low, "price_max": high, "request_reason": reason}
    changed = {term: value for term, value in told.items() if value != getattr(old, term)}
    if quantity != old.max_quantity or price != valued:
        changed |= {"max_quantity": quantity, "price": price}
    return changed


def _key(name: str, field: str) -> str:
    return f"amend-{field}:{name}"


def _amend(case: Case, told: dict[str, object]) -> None:
    """Once; the new version is shown then."""
    name, key = id_of(case), str(st.session_state[OPEN][2])
    amendments, actor = house.desk().amendments, here().session.actor

    def do() -> Outcome:
        payload = _changed(case.detail.history.request.payload, told)
        outcome = amendments.amend(name, payload, actor, key=key)
        if outcome.accepted:
            st.session_state[GO_TO] = ("request", {"id": outcome.subject_id})
        return outcome

    tried(name, say("case_acts.amended"), do)


def _changed(old: RequestPayload, told: dict[str, object]) -> RequestPayload:
    """The payload of the next version.

    Raises:
        InputError: `FIELD_INVALID`, `CONTRACT_UNKNOWN`, `NUMBER_TOO_LONG`.
    """
    spec = house.desk().bench.contracts.spec(contract_root(old.symbol))
    if spec is None:
        raise InputError("CONTRACT_UNKNOWN", "a contract without terms", got=old.symbol)
    try:
        return amended_payload(old, AmendedTerms.model_validate(told), spec)
    except ValidationError as error:
        problem = invalid(error)
        raise problem from None
