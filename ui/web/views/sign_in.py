"""The way in: a local account, or the identity provider that the policy names.

A password and a code are read once, by the act that uses them, and leave the page's state with it.
"""

import streamlit as st

from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal
from ui.web import door
from ui.web.launch import SIGN_IN
from ui.web.parts.panels import reasons

FIELDS = ("name", "password", "code")
QUIET = frozenset({"LOGGED_OUT"})
ANSWER = "sign_in_answer"


def show() -> None:
    """The page."""
    _, middle, _ = st.columns([1, 1.2, 1])
    with middle:
        st.title("Counterseal", anchor=False)
        st.caption("Approval and audit for paper trading. Nothing here reaches a live market.")
        _why(st.session_state.get(door.REASON))
        with st.container(border=True):
            st.header("Sign in", anchor=False)
            st.text_input("Name", key="name", autocomplete="username")
            st.text_input(
                "Password", key="password", type="password", autocomplete="current-password"
            )
            st.text_input("One-time code", key="code", autocomplete="one-time-code", max_chars=6)
            _answer(st.session_state.pop(ANSWER, None))
            st.button("Sign in", type="primary", on_click=_enter, width="stretch")
        if door.has_provider() and st.button("Sign in with your organisation", width="stretch"):
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
        st.text("You are signed out.")
        return
    with st.container(border=True, key="signed-out"):
        st.markdown(":orange-badge[Signed out]")
        for said in reasons(reason.codes):
            st.text(said)


def _answer(told: Refusal | CountersealError | None) -> None:
    if isinstance(told, Refusal):
        st.error(f"{told.message[:1].upper()}{told.message[1:]}.")
    elif told is not None:
        st.error(f"This is not possible now ({told.code}).")
