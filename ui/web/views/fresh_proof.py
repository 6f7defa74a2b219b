"""A fresh proof of who is here, asked for where something is about to be signed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import streamlit as st

from counterseal.identity.sessions import PASSWORD_ISSUER, check_step_up
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.bundle import PolicyBundle
from ui.web import door, house
from ui.web.drafts import Draft, send_away
from ui.web.launch import STEP_UP
from ui.web.parts import panels, visit
from ui.web.views.sign_in import take
from ui.web.visit import here
from ui.web.wording import say

REFUSED: Final = "step_up_refusal"
Away = tuple[Draft, tuple[str, str | None]]
"""What is kept while a provider has the browser: what was written, page and request to come to."""


def proved(
    name: str,
    bundle: PolicyBundle,
    away: Callable[[], Away],
    begin_anew: Callable[[], None] = lambda: None,
) -> bool:
    """Whether the last proof is fresh enough to sign; if not, the form for one is drawn.

    Args:
        name: Of the form that it belongs to.
        bundle: Says for how long a proof counts.
        away: Asked for when the proof has to come from an identity provider.
        begin_anew: Done with each attempt: what was prepared under the old proof is left.
    """
    session, now = here().session, house.CLOCK.now()
    age = timedelta(seconds=bundle.approval.auth_age_max_seconds)
    if check_step_up(session.amr, session.auth_time, now, age_max=age) is None:
        return True
    st.caption(say("decision.fresh_proof"))
    refused = st.session_state.pop(REFUSED, None)
    if isinstance(refused, Refusal):
        panels.refused(refused)
    label, button = say("decision.confirm"), f"{name}-prove"
    if session.issuer == PASSWORD_ISSUER:
        st.text_input(say("decision.password"), key=f"{name}-password", type="password")
        st.text_input(say("decision.code"), key=f"{name}-code", max_chars=6)
        visit.filled_in(session.person_id, f"{name}-password", f"{name}-code")
        told = (name, begin_anew)
        st.button(label, key=button, type="primary", width="stretch", on_click=_prove, args=told)
    elif st.button(label, key=button, type="primary", width="stretch"):
        send_away(session, door.handle(), *away())
        st.login(STEP_UP)
    return False


def _prove(name: str, begin_anew: Callable[[], None]) -> None:
    password, code = take(f"{name}-password", f"{name}-code")
    begin_anew()
    try:
        st.session_state[REFUSED] = door.prove(here().session, password, code)
    except CountersealError as error:
        st.session_state[REFUSED] = refuse(error.code, error.message)
