"""An act that is asked for twice, in its place: what follows stands there before it is done."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from counterseal.desk.commands import Outcome
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges
from ui.web.wording import say

OPEN: Final = "asked-twice"
"""In the state: which act is being asked for, about what, under which idempotency key."""
TOLD: Final = "asked-twice-told"
"""In the state: about what, and a refusal or the sentence of what was done."""


def told(name: str) -> None:
    """What came of the last act about something, in its place."""
    known: tuple[str, Refusal | str] | None = st.session_state.get(TOLD)
    if known is None or known[0] != name:
        return
    if isinstance(known[1], Refusal):
        panels.refused(known[1])
    else:
        badges(badge(known[1], Tone.GOOD))


def asked_twice(
    name: str,
    act: str,
    words: tuple[str, str, str],
    do: Callable[[str], Outcome],
    codes: tuple[str, ...] = (),
) -> None:
    """A button, and after it what would follow, with a way back.

    Args:
        name: Id of what it is about.
        act: Its name.
        words: Of the button; of what follows; of what was done.
        do: The act under an idempotency key.
        codes: What is against it now.
    """
    label, follows, after = words
    if asking(name) != act:
        ask(name, act, label, codes)
        return
    key = str(st.session_state[OPEN][2])
    warned(follows)

    def sure() -> None:
        tried(name, after, lambda: do(key))

    with st.container(horizontal=True):
        st.button(label, key=f"{act}-sure", type="primary", on_click=sure)
        keep(act)


def warned(follows: str) -> None:
    """That it is for good, and what follows."""
    badges(badge(say("case_acts.for_good"), Tone.WARN))
    st.text(follows)


def keep(act: str) -> None:
    """The way back."""
    st.button(say("case_acts.keep"), key=f"{act}-keep", on_click=close)


def asking(name: str) -> str | None:
    """Which act is being asked for about something."""
    known: tuple[str, str, str] | None = st.session_state.get(OPEN)
    return None if known is None or known[1] != name else known[0]


def ask(name: str, act: str, label: str, codes: tuple[str, ...]) -> None:
    """The button of an act, or why it is not for this person now."""
    st.button(label, key=f"{act}-ask", disabled=bool(codes), on_click=begin, args=(name, act))
    for said in panels.reasons(codes):
        st.caption(said)


def begin(name: str, act: str) -> None:
    """Ask for it: what came of the one before is over."""
    st.session_state[OPEN] = (act, name, house.command_key())
    st.session_state.pop(TOLD, None)


def close() -> None:
    """Nothing is asked for any more."""
    st.session_state.pop(OPEN, None)


def tried(name: str, after: str, do: Callable[[], Outcome]) -> bool:
    """Do it, and keep what came of it; whether it was done."""
    try:
        refusal = do().refusal
    except CountersealError as error:
        refusal = refuse(error.code, error.message)
    st.session_state[TOLD] = (name, after if refusal is None else refusal)
    if refusal is None:
        close()
    return refusal is None
