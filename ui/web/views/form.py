"""The form of a decision as one tab holds it: which request it is about, and its one-time name.

A form belongs to what the page showed when it was drawn; when the case changes, it says so.
"""

import streamlit as st

from counterseal.approvals.model import ApprovalRequest
from ui.web import house
from ui.web.case import Case
from ui.web.drafts import Draft, restored
from ui.web.visit import here
from ui.web.wording import say

_KEPT = "kept_reason"


def form_of(case: Case) -> str:
    """The name of this rendered form; a draft that came back fills it in."""
    request = case.detail.history.request
    about = _about(request)
    if st.session_state.get("form_about") != about:
        st.session_state["form_about"] = about
        renew()
        session = here().session
        draft = restored(session.person_id, request.approval_request_id, request.version)
        if draft is not None:
            st.session_state[named("word")] = draft.decision
            st.session_state[named("reason")] = draft.reason
        kept = st.session_state.pop(_KEPT, None)
        if kept is not None and kept[0] == about:
            st.session_state[named("reason")] = kept[1]
    shown = st.session_state.setdefault("form_shown", case.detail.shown_hash)
    if shown != case.detail.shown_hash:
        st.warning(say("decision.changed"))
        st.button(say("decision.have_looked"), on_click=_look_again)
    return str(st.session_state["form_key"])


def draft_of(case: Case) -> tuple[Draft, tuple[str, str]]:
    """What was typed, and where to come back to, for the way to an identity provider."""
    request = case.detail.history.request
    draft = Draft(
        request_id=request.approval_request_id,
        version=request.version,
        decision=str(st.session_state.get(named("word"))),
        reason=str(st.session_state.get(named("reason"), ""))[:8_000],
    )
    return draft, ("request", request.approval_request_id)


def keep_reason(old: ApprovalRequest, newer_id: str) -> None:
    """What was typed about a version that was changed meanwhile, for the form of the newer one."""
    if st.session_state.get("form_about") == _about(old) and st.session_state.get(named("reason")):
        kept = st.session_state[named("reason")]
        st.session_state[_KEPT] = (f"{newer_id}/{old.version + 1}", kept)


def _about(request: ApprovalRequest) -> str:
    return f"{request.approval_request_id}/{request.version}"


def _look_again() -> None:
    st.session_state.pop("form_shown", None)


def renew() -> None:
    """A fresh idempotency key: the form that is shown now was not sent yet."""
    sign_anew()
    st.session_state.pop("form_shown", None)


def sign_anew() -> None:
    """The same page by another key: what was prepared for the one before is left."""
    st.session_state["form_key"] = house.command_key()
    for name in ("ceremony", "exact", "refusal"):
        st.session_state.pop(name, None)


def named(field: str) -> str:
    """Key of a field of the form about this request."""
    return f"{field}:{st.session_state['form_about']}"
