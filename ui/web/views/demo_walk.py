"""The guided demo: one step at a time, the buttons, and what they lead to."""

from functools import partial
from typing import Final

import streamlit as st

from counterseal.desk.demo.model import QUANTITY_MAX, Act, DemoMarket, DemoSession
from counterseal.market.regimes import SYMBOLS
from ui.web import demo_state
from ui.web.demo_state import STEPS
from ui.web.parts import stated_market
from ui.web.parts.pieces import facts, table
from ui.web.parts.words import number
from ui.web.views import demo_panels, demo_proof
from ui.web.views.demo_steps import steps
from ui.web.wording import say

TIMELINE: Final = 8


def show(market: DemoMarket) -> None:
    """This view."""
    session = demo_state.session_of(market)
    guide, told = st.columns([1, 2.1], gap="large")
    with guide:
        _guide()
        _buttons(session)
    with told:
        demo_panels.show(session)
    stated_market.three_symbols(session.quotes, session.tick)
    _timeline(session)
    if session.market is DemoMarket.REGIMES:
        stated_market.legend(session.tick)
    demo_proof.show(session)


def _guide() -> None:
    place = demo_state.step()
    step = steps()[place]
    count = say("demo.step", place=number(place + 1), count=number(len(STEPS)))
    with st.container(border=True, key="demo-step-card"):
        st.caption(count)
        st.header(step.name, anchor=False)
        st.text(step.told)
        facts(
            (say("demo.expected"), step.expected),
            (say("demo.explained"), step.why),
            (say("demo.boundary"), step.boundary),
            (say("demo.next"), step.then),
        )
        back, on = st.columns(2)
        eyes = STEPS[place] is None and place + 1 < len(STEPS)
        back.button(
            say("demo.previous"),
            on_click=demo_state.walk,
            args=(-1,),
            disabled=place == 0,
            width="stretch",
        )
        on.button(
            say("demo.next_step"),
            on_click=demo_state.walk,
            args=(1,),
            disabled=place + 1 == len(STEPS),
            type="primary" if eyes else "secondary",
            width="stretch",
        )


def _buttons(session: DemoSession) -> None:
    st.session_state[demo_state.SYMBOL] = session.symbol
    market, due = session.market, STEPS[demo_state.step()]
    last = demo_state.step() + 1 == len(STEPS)
    symbol, lots_ = st.columns([1.3, 1], vertical_alignment="bottom")
    symbol.segmented_control(
        say("demo.symbol"),
        SYMBOLS,
        key=demo_state.SYMBOL,
        required=True,
        on_change=demo_state.click,
        args=(market, Act.SELECT),
    )
    lots_.number_input(say("demo.lots"), 1, QUANTITY_MAX, key=demo_state.QUANTITY)
    press = partial(_act, market, due)
    press(Act.TICK, say("demo.next_tick"))
    press(Act.SIGNAL, say("demo.run_strategy"))
    press(Act.ORDER, say("demo.simulate_order"), disabled=session.signal is None)
    st.caption(_signal_told(session))
    again, gone = st.columns(2)
    again.button(
        say("demo.reset"),
        on_click=demo_state.reset,
        args=(market,),
        width="stretch",
        type="primary" if last else "secondary",
    )
    gone.button(say("demo.clear"), on_click=demo_state.clear, width="stretch")


def _act(
    market: DemoMarket, due: Act | None, act: Act, label: str, *, disabled: bool = False
) -> None:
    st.button(
        label,
        key=f"demo-{act.value}",
        on_click=demo_state.click,
        args=(market, act),
        type="primary" if due is act else "secondary",
        disabled=disabled,
        width="stretch",
    )


def _signal_told(session: DemoSession) -> str:
    signal = session.signal
    if signal is None:
        return say("demo.no_signal")
    return say(
        "demo.signal",
        direction=signal.direction.value,
        symbol=signal.symbol,
        tick=number(signal.tick),
        confidence=number(signal.confidence),
        target=number(signal.target_tx_equivalent),
    )


def _timeline(session: DemoSession) -> None:
    st.header(say("demo.timeline"), anchor=False)
    st.caption(say("demo.timeline_told", count=number(TIMELINE), all=number(len(session.timeline))))
    head = ("#", say("demo.tick"), say("demo.event"), say("demo.detail"))
    newest = reversed(session.timeline[-TIMELINE:])
    rows = [(number(e.sequence), number(e.tick), e.event, e.told) for e in newest]
    table(say("demo.timeline"), head, rows, numeric={0, 1})
