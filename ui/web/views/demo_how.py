"""How it works: what the product offers, the way of a signal, and the control at each station."""

import streamlit as st

from ui.web.parts.pieces import facts
from ui.web.wording import say


def show() -> None:
    """This view: three lists to read, and nothing to press."""
    first, second = st.columns([1, 1.25], gap="large")
    with first:
        st.header(say("demo_how.way"), anchor=False)
        with st.container(gap="xxsmall"):
            for place, one in enumerate(_way(), 1):
                st.text(f"{place}. {one}")
        st.header(say("demo_how.offers"), anchor=False)
        for name, told, benefit in _offers():
            with st.container(border=True, gap="xxsmall"):
                st.markdown(f"**{name}**")
                st.text(told)
                st.caption(benefit)
    with second:
        st.header(say("demo_how.controls"), anchor=False)
        for place, (name, act, control) in enumerate(_controls(), 1):
            with st.container(border=True, gap="xxsmall"):
                st.markdown(f"**{place}. {name}**")
                facts((say("demo_how.act"), act), (say("demo_how.control"), control))


def _way() -> tuple[str, ...]:
    return (
        say("demo_how.way_data"),
        say("demo_how.way_signal"),
        say("demo_how.way_order"),
        say("demo_how.way_oms"),
        say("demo_how.way_pnl"),
        say("demo_how.way_evidence"),
    )


def _offers() -> tuple[tuple[str, str, str], ...]:
    return (
        (say("demo_how.lab"), say("demo_how.lab_told"), say("demo_how.lab_use")),
        (say("demo_how.research"), say("demo_how.research_told"), say("demo_how.research_use")),
        (say("demo_how.paper"), say("demo_how.paper_told"), say("demo_how.paper_use")),
        (say("demo_how.review"), say("demo_how.review_told"), say("demo_how.review_use")),
        (say("demo_how.centre"), say("demo_how.centre_told"), say("demo_how.centre_use")),
    )


def _controls() -> tuple[tuple[str, str, str], ...]:
    return (
        (say("demo_how.data"), say("demo_how.data_act"), say("demo_how.data_control")),
        (say("demo_how.signal"), say("demo_how.signal_act"), say("demo_how.signal_control")),
        (say("demo_how.back"), say("demo_how.back_act"), say("demo_how.back_control")),
        (say("demo_how.roll"), say("demo_how.roll_act"), say("demo_how.roll_control")),
        (say("demo_how.intent"), say("demo_how.intent_act"), say("demo_how.intent_control")),
        (say("demo_how.risk"), say("demo_how.risk_act"), say("demo_how.risk_control")),
        (say("demo_how.oms"), say("demo_how.oms_act"), say("demo_how.oms_control")),
        (say("demo_how.audit"), say("demo_how.audit_act"), say("demo_how.audit_control")),
    )
