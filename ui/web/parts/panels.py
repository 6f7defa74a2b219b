"""One panel for each state that a page can be in besides its own.

Job: say what is the matter, why, and what can be done, in the same form everywhere.

Not here: which state it is (the pages).
Source: ui part 4 (states every page owns).
"""

from collections.abc import Iterable

import streamlit as st

from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal
from counterseal.policy.words import Role
from ui.web import house
from ui.web.house import sentences
from ui.web.parts.pieces import Tone, badge, badges, copyable
from ui.web.parts.words import moment
from ui.web.wording import language, say, term

SINCE = "unreachable_since"


def title(text: str, scope: str, *marks: str) -> None:
    """A page's heading, its one line about what it does and cannot do, and badges beside it."""
    st.title(text, anchor=False)
    if marks:
        badges(*marks)
    st.caption(scope)


def empty(why: str, then: str) -> None:
    """Nothing to show, and the next act."""
    with st.container(border=True):
        st.text(why)
        st.caption(then)


def refused(refusal: Refusal, then: str | None = None) -> None:
    """Why something was not done, and what next; nothing that was typed is lost."""
    with st.container(border=True, key="refused"):
        badges(badge(say("common.refused"), Tone.BAD), f"`{', '.join(refusal.codes)}`")
        for said in why_refused(refusal):
            st.text(said)
        st.caption(then or say("common.nothing_lost"))


def why_refused(refusal: Refusal) -> tuple[str, ...]:
    """The sentence of each code, each once; its own message where nobody wrote one."""
    known = sentences(language())
    told = dict.fromkeys(known.get(code, f"{refusal.message}.") for code in refusal.codes)
    return tuple(f"{said[:1].upper()}{said[1:]}" for said in told)


def reasons(codes: Iterable[str]) -> tuple[str, ...]:
    """The sentence of each code; the code itself where nobody wrote one."""
    known = sentences(language())
    return tuple(known.get(code, code) for code in codes)


def not_found(what: str) -> None:
    """There is no such thing for this person."""
    st.title(say("common.not_found", what=what), anchor=False)
    st.caption(say("common.not_yours"))


def not_for_role(page: str, roles: Iterable[Role], people: Iterable[str]) -> None:
    """This page is not for this person, and who can use it."""
    st.title(page, anchor=False)
    with st.container(border=True):
        badges(badge(say("common.not_for_role"), Tone.OFF))
        st.text(say("common.needs_role", roles=", ".join(sorted(term(role) for role in roles))))
        st.caption(say("common.who_can", people=", ".join(sorted(people)) or say("common.nobody")))


def unreachable(error: CountersealError) -> None:
    """The store does not answer: nothing that was shown before counts."""
    since = st.session_state.setdefault(SINCE, house.CLOCK.now())
    st.title(say("common.store_down"), anchor=False)
    with st.container(border=True):
        badges(badge(say("common.no_decision"), Tone.BAD))
        st.text(say("common.store_down_since", since=moment(since)))
        for what in _away():
            st.text(say("common.not_fetched", what=what))
        st.caption(say("common.tries_again", code=error.code))
    copyable(say("common.look_yourself"), "counterseal audit status")
    copyable(say("common.look_around"), "make demo")
    st.markdown(f"[{say('common.demo_needs_none')}](demo)")


def _away() -> tuple[str, ...]:
    """What cannot be told while the store does not answer."""
    return (
        say("common.away_log"),
        say("common.away_cases"),
        say("common.away_orders"),
        say("common.away_readiness"),
    )


def incident(number: str) -> None:
    """Something failed that nobody foresaw; its number stands in the server's own log."""
    with st.container(border=True):
        badges(badge(say("common.page_failed"), Tone.BAD))
        st.text(say("common.look_again"))
        st.caption(say("common.incident", number=number))
