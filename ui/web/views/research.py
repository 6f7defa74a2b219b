"""Strategies and what came of their signals; a packet of research that is done again."""

from functools import partial

import streamlit as st

from counterseal.desk.views.research import (
    SIGNALS_LIMIT,
    ResearchView,
    StrategyVersion,
    research,
)
from counterseal.policy.words import Role
from counterseal.signals.strategies_samples import SAMPLES
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges, choice, plain, table
from ui.web.parts.words import moment, number, short
from ui.web.views import research_intake, research_packet, research_signals
from ui.web.visit import here, link
from ui.web.wording import say

STRATEGIES, SIGNALS, INTAKE, PACKET = "strategies", "signals", "intake", "packet"


def show() -> None:
    """The page."""
    panels.title(say("research.title"), say("research.scope"))
    named = {
        STRATEGIES: say("research.strategies"),
        SIGNALS: say("research.signals"),
        INTAKE: say("research.intake"),
        PACKET: say("research.packet"),
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        view = choice("view", say("research.view"), named)
        if Role.REQUESTER in here().person.held_roles():
            link("propose", say("research.propose"))
    if view == PACKET:
        research_packet.show()
        return
    told = _read()
    if told.more:
        st.caption(say("research.newest_only", count=number(SIGNALS_LIMIT)))
    match view:
        case "signals":
            research_signals.show(told)
        case "intake":
            research_intake.show(told)
        case _:
            _strategies(told)


def _read() -> ResearchView:
    with house.reading() as reader:
        return research(reader, here().person.tenant)


def _strategies(told: ResearchView) -> None:
    if not told.strategies:
        panels.empty(say("research.no_strategy"), say("research.no_strategy_then"))
    for one in told.strategies:
        _strategy(one, alone=len(told.strategies) == 1)
    with _open(say("research.samples"), alone=not told.strategies):
        _samples()


def _open(name: str, *, alone: bool) -> st.delta_generator.DeltaGenerator:
    """Folded beside others; what stands alone stands open."""
    return st.container() if alone else st.expander(name)


def _strategy(one: StrategyVersion, *, alone: bool) -> None:
    name = f"{one.strategy_id} {one.strategy_version}"
    with st.container(border=True, key=f"row-{one.strategy_id}-{one.strategy_version}"):
        what, state, way = st.columns([4, 5, 1], vertical_alignment="center")
        with what, st.container(gap=None):
            st.markdown(f"**{plain(name)}**")
            newest = moment(one.newest_at)
            count = number(one.signals)
            st.caption(plain(say("research.counted", count=count, moment=newest)))
        with state:
            badges(
                badge(say("research.long", count=number(one.long)), Tone.OFF),
                badge(say("research.short", count=number(one.short)), Tone.OFF),
                badge(say("research.flat", count=number(one.flat)), Tone.OFF),
                badge(say("research.filled", count=number(one.filled)), Tone.SIMULATED),
                badge(_whose(one), Tone.OFF),
            )
        with way:
            st.button(
                say("research.to_signals"),
                key=f"to-{name}",
                width="stretch",
                on_click=partial(_look_at, name),
            )
        with _open(say("research.made_with"), alone=alone):
            _made_with(one)


def _whose(one: StrategyVersion) -> str:
    """Whether it is a strategy of the product, by name, version and parameters."""
    if one.identity is None:
        return say("research.not_ours")
    return say("research.ours") if one.as_shipped else say("research.otherwise_set")


def _look_at(name: str) -> None:
    """The signals of one strategy version, by the address."""
    st.query_params["view"] = SIGNALS
    st.query_params[research_signals.STRATEGY] = name


def _made_with(one: StrategyVersion) -> None:
    head = (
        say("research.data_version"),
        say("research.code_version"),
        say("research.parameters"),
        say("research.signals"),
    )
    rows = [
        (made.data_version, made.code_version, short(made.parameters_hash), number(made.signals))
        for made in one.made_with
    ]
    table(say("research.made_with"), head, rows, numeric={3})


def _samples() -> None:
    """The strategies that come with the product, by their own parameters."""
    st.caption(say("research.samples_told"))
    head = (
        say("research.strategy"),
        say("research.hears"),
        say("research.parameters"),
        say("research.identity"),
    )
    rows = [
        (
            f"{one.name} {one.version}",
            say("research.ticks") if one.hears_ticks else say("research.bars"),
            ", ".join(f"{name}={value}" for name, value in one.parameters.json_value().items()),
            short(one.identity),
        )
        for one in SAMPLES
    ]
    table(say("research.samples"), head, rows)
