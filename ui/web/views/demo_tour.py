"""The tour: seven steps through the pages, what to verify on each, and what nothing here does."""

from typing import NamedTuple

import streamlit as st

from ui.web import demo_state
from ui.web.parts.pieces import Step as Stage
from ui.web.parts.pieces import copyable, facts
from ui.web.parts.pieces import steps as stages
from ui.web.parts.words import number
from ui.web.visit import link, somebody
from ui.web.wording import say


class Stop(NamedTuple):
    """One step of the tour.

    Attributes:
        tab: What the page is called here.
        page: Its name in the map. view: Which of its views; empty for the first.
    """

    name: str
    told: str
    tab: str
    page: str
    verify: str
    boundary: str
    view: str = ""


def show() -> None:
    """This view."""
    stops, place = _stops(), demo_state.tour()
    stop = stops[place]
    told, list_ = st.columns([1.72, 1], gap="large")
    with told, st.container(border=True):
        count = say("demo.step", place=number(place + 1), count=number(len(stops)))
        st.caption(f"{count} \u00b7 {say('demo_tour.open_tab', tab=stop.tab)}")
        st.header(stop.name, anchor=False)
        st.text(stop.told)
        verify = (say("demo_tour.verify"), stop.verify)
        facts(verify, (say("demo.boundary"), stop.boundary))
        _way(stop)
        _buttons(place, len(stops))
    with list_:
        states = ["done"] * place + ["due"] + [""] * len(stops)
        with st.container(key="tour-steps"):
            stages(*(Stage(state, s.name, s.tab) for state, s in zip(states, stops, strict=False)))
        st.header(say("demo_tour.never"), anchor=False)
        with st.container(gap="xxsmall"):
            for one in _never():
                st.text(f"\u2022 {one}")
    with st.expander(say("demo_tour.checklist")):
        copyable(say("demo_tour.checklist_told"), _checklist(stops))


def _way(stop: Stop) -> None:
    """A link to the page, for whom it is there."""
    known = somebody()
    if known is None:
        st.caption(say("demo_tour.sign_in"))
    elif stop.page in known.pages:
        at = {"view": stop.view} if stop.view else {}
        link(stop.page, say("demo_tour.open_tab", tab=stop.tab), **at)


def _buttons(place: int, count: int) -> None:
    back, on, again = st.columns(3)
    press = demo_state.tour_to
    back.button(
        say("demo.previous"),
        on_click=press,
        args=(place - 1,),
        disabled=place == 0,
        width="stretch",
    )
    on.button(
        say("demo.next_step"),
        on_click=press,
        args=(place + 1,),
        disabled=place + 1 == count,
        type="primary",
        width="stretch",
    )
    again.button(say("demo.reset"), on_click=press, args=(0,), width="stretch")


def _checklist(stops: tuple[Stop, ...]) -> str:
    lines = [f"[ ] {place}. {one.name} ({one.tab})" for place, one in enumerate(stops, 1)]
    return "\n".join([*lines, "", say("demo_tour.never"), *(f"- {one}" for one in _never())])


def _never() -> tuple[str, ...]:
    return (
        say("demo_tour.no_live"),
        say("demo_tour.no_login"),
        say("demo_tour.no_orders"),
        say("demo_tour.no_credentials"),
        say("demo_tour.no_onboarding"),
        say("demo_tour.no_advice"),
    )


def _stops() -> tuple[Stop, ...]:
    release, oms = say("demo_tour.release_tab"), say("demo_tour.oms_tab")
    return (
        Stop(
            say("demo_tour.level"),
            say("demo_tour.level_told"),
            release,
            "readiness",
            say("demo_tour.level_verify"),
            say("demo_tour.level_boundary"),
            view="release",
        ),
        Stop(
            say("demo_tour.safety"),
            say("demo_tour.safety_told"),
            release,
            "readiness",
            say("demo_tour.safety_verify"),
            say("demo_tour.safety_boundary"),
        ),
        Stop(
            say("demo_tour.oms"),
            say("demo_tour.oms_told"),
            oms,
            "orders",
            say("demo_tour.oms_verify"),
            say("demo_tour.oms_boundary"),
        ),
        *_later_stops(release, oms),
    )


def _later_stops(release: str, oms: str) -> tuple[Stop, ...]:
    return (
        Stop(
            say("demo_tour.audit"),
            say("demo_tour.audit_told"),
            oms,
            "audit",
            say("demo_tour.audit_verify"),
            say("demo_tour.audit_boundary"),
        ),
        Stop(
            say("demo_tour.packet"),
            say("demo_tour.packet_told"),
            say("demo_tour.packet_tab"),
            "research",
            say("demo_tour.packet_verify"),
            say("demo_tour.packet_boundary"),
            view="packet",
        ),
        Stop(
            say("demo_tour.contracts"),
            say("demo_tour.contracts_told"),
            say("demo_tour.contracts_tab"),
            "market",
            say("demo_tour.contracts_verify"),
            say("demo_tour.contracts_boundary"),
            view="contracts",
        ),
        Stop(
            say("demo_tour.prohibited"),
            say("demo_tour.prohibited_told"),
            release,
            "readiness",
            say("demo_tour.prohibited_verify"),
            say("demo_tour.prohibited_boundary"),
            view="release",
        ),
    )
