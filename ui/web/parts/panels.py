"""One panel for each state that a page can be in besides its own.

Job: say what is the matter, why, and what can be done, in the same form everywhere.

Not here: which state it is (the pages).
Source: ui part 4 (states every page owns).
"""

from collections.abc import Iterable

import streamlit as st

from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal
from ui.web.house import sentences


def title(text: str, scope: str) -> None:
    """A page's heading and its one line about what it does and cannot do."""
    st.title(text, anchor=False)
    st.caption(scope)


def empty(why: str, then: str) -> None:
    """Nothing to show, and the next act."""
    with st.container(border=True):
        st.text(why)
        st.caption(then)


def refused(refusal: Refusal) -> None:
    """Why something was not done; nothing that was typed is lost."""
    with st.container(border=True, key="refused"):
        st.markdown(f":red-badge[Refused] `{', '.join(refusal.codes)}`")
        known = sentences()
        for said in {known.get(code, f"{refusal.message}.") for code in refusal.codes}:
            st.text(f"{said[:1].upper()}{said[1:]}")


def reasons(codes: Iterable[str]) -> tuple[str, ...]:
    """The sentence of each code; the code itself where nobody wrote one."""
    known = sentences()
    return tuple(known.get(code, code) for code in codes)


def not_found(what: str) -> None:
    """There is no such thing for this person."""
    st.title(f"{what} not found", anchor=False)
    st.caption("There is none of this name, or it is not yours to see.")


def unreachable(error: CountersealError, since: str) -> None:
    """The store does not answer: nothing that was shown before counts."""
    st.title("Can't reach the store", anchor=False)
    with st.container(border=True):
        st.markdown(":red-badge[No decision possible]")
        st.text(f"Since {since}. Nothing shown before that counts until the store answers.")
        st.caption(f"{error.code}. This page tries again when you reload it.")


def incident(number: str) -> None:
    """Something failed that nobody foresaw; its number stands in the server's own log."""
    with st.container(border=True):
        st.markdown(":red-badge[This page failed]")
        st.text("What you asked for may not have been done. Look at the case before you try again.")
        st.caption(f"Incident {number}.")
