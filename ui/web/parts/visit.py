"""What a visitor of a demo home is helped with: who to be, and what to type.

In any other home nothing of this is drawn, and no secret is looked for.
"""

import streamlit as st

from storage.demo_visitors import Card, card, visitors
from storage.keyring import DEMO_PASSPHRASE
from ui.web import house
from ui.web.parts.pieces import copyable
from ui.web.parts.words import moment
from ui.web.wording import say

WHO = "visitor"


def _cards() -> dict[str, Card]:
    """What the people of this demo type now, by name; nobody in a home that is not visited."""
    told = house.settings()
    if not told.counterseal_demo_ahead_seconds:
        return {}
    now = house.CLOCK.now()
    with house.reading() as reader:
        return {one.name: card(one, now) for one in visitors(told, reader)}


def who_to_be() -> None:
    """Names of a demo; the chosen one's name, password and code are filled into the form."""
    names = list(_cards())
    if names:
        with st.container(border=True, key="visit"):
            st.subheader(say("visit.heading"), anchor=False)
            st.text(say("visit.about"))
            st.pills(
                say("visit.heading"), names, key=WHO, on_change=_be, label_visibility="collapsed"
            )
            st.caption(say("visit.way"))


def filled_in(person_id: str, password: str, code: str) -> None:
    """A button that fills two fields, of these keys, for a person of a demo."""
    if person_id in _cards():
        fields = (person_id, password, code)
        st.button(say("visit.fill_in"), key=f"fill-{password}", on_click=_fill, args=fields)


def _be() -> None:
    name = str(st.session_state.get(WHO))
    st.session_state["name"] = name
    _fill(name, "password", "code")


def _fill(person_id: str, password: str, code: str) -> None:
    """What is typed at this instant: a code lives half a minute."""
    told = _cards().get(person_id)
    if told is not None:
        st.session_state[password], st.session_state[code] = told.password, told.code


def reminder() -> None:
    """The demo's own time, and the passphrase that signs for everybody."""
    if house.settings().counterseal_demo_ahead_seconds:
        st.caption(say("visit.time", at=moment(house.CLOCK.now())))
        copyable(say("visit.passphrase"), DEMO_PASSPHRASE)
