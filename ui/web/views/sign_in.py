"""The way in: a local account, or the identity provider that the policy names.

A password and a code are read once, by the act that uses them, and leave the page's state with it.
"""

import streamlit as st

from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal
from ui.web import door
from ui.web.launch import SIGN_IN
from ui.web.parts import visit
from ui.web.parts.panels import reasons, why_refused
from ui.web.parts.pieces import Tone, badge, badges
from ui.web.wording import say

FIELDS = ("name", "password", "code")
QUIET = frozenset({"LOGGED_OUT"})
ANSWER = "sign_in_answer"


def show() -> None:
    """The page."""
    _, middle, _ = st.columns([1, 1.2, 1])
    with middle:
        st.title("Counterseal", anchor=False)
        st.caption(say("sign_in.about"))
        _why(st.session_state.get(door.REASON))
        visit.who_to_be()
        with st.container(border=True):
            st.header(say("sign_in.heading"), anchor=False)
            st.text_input(say("sign_in.name"), key="name", autocomplete="username")
            st.text_input(
                say("sign_in.password"),
                key="password",
                type="password",
                autocomplete="current-password",
            )
            st.text_input(
                say("sign_in.code"), key="code", autocomplete="one-time-code", max_chars=6
            )
            _answer(st.session_state.pop(ANSWER, None))
            st.button(say("sign_in.enter"), type="primary", on_click=_enter, width="stretch")
        if door.has_provider() and st.button(say("sign_in.by_provider"), width="stretch"):
            st.login(SIGN_IN)


def take(*names: str) -> tuple[str, ...]:
    """What was typed, which is gone from the page's state afterwards."""
    told = tuple(str(st.session_state.get(name, "")) for name in names)
    for name in names:
        st.session_state[name] = ""
    return told


def _enter() -> None:
    name = str(st.session_state.get("name", ""))
    password, code = take("password", "code")
    try:
        st.session_state[ANSWER] = door.enter(name, password, code)
    except CountersealError as error:
        st.session_state[ANSWER] = error


def _why(reason: Refusal | None) -> None:
    if reason is None:
        return
    if reason.code in QUIET:
        st.text(say("sign_in.signed_out"))
        return
    with st.container(border=True, key="signed-out"):
        badges(badge(say("sign_in.ended"), Tone.WARN))
        for said in reasons(reason.codes):
            st.text(said)


def _answer(told: Refusal | CountersealError | None) -> None:
    if isinstance(told, Refusal):
        st.error(" ".join(why_refused(told)))
    elif told is not None:
        st.error(say("sign_in.not_now", code=told.code))
