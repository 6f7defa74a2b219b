"""Signals, the newest first, each with what came of it, and how many came how far."""

from decimal import Decimal
from typing import Final

import streamlit as st

from counterseal.desk.views.research import (
    ResearchView,
    SignalOutcome,
    SignalStage,
    StageCount,
    funnel,
)
from counterseal.policy.words import Role
from counterseal.signals.model import Direction, SignalRecord
from ui.web.parts import panels
from ui.web.parts.meters import Meter, meters
from ui.web.parts.pieces import Tone, badge, badges, facts, page_of, plain
from ui.web.parts.words import absent, moment, number, tx
from ui.web.visit import here, link
from ui.web.wording import say, term

STRATEGY: Final = "strategy"
ROWS: Final = 10


def show(told: ResearchView) -> None:
    """This view."""
    if not told.signals:
        panels.empty(say("research.no_signal"), say("research.no_signal_then"))
        return
    names = [f"{one.strategy_id} {one.strategy_version}" for one in told.strategies]
    left, right = st.columns([1, 1.72], gap="medium")
    with left, st.container(border=True):
        chosen = st.selectbox(
            say("research.strategy"),
            names,
            index=None,
            placeholder=say("research.every"),
            key=STRATEGY,
            bind="query-params",
        )
        shown = [one for one in told.signals if chosen in (None, _strategy(one.signal))]
        _funnel(funnel(shown))
    with right:
        for one in shown[page_of(len(shown), ROWS, "page")]:
            _row(one)


def _strategy(signal: SignalRecord) -> str:
    return f"{signal.strategy_id} {signal.strategy_version}"


def _funnel(counts: tuple[StageCount, ...]) -> None:
    st.header(say("research.funnel"), anchor=False)
    whole = counts[0].count or 1
    meters(
        *(Meter(term(one.stage), number(one.count), Decimal(one.count) / whole) for one in counts)
    )
    st.caption(say("research.funnel_told"))


def headline(signal: SignalRecord) -> str:
    """What a signal wants, in words."""
    if signal.direction is Direction.FLAT:
        return term(signal.direction)
    wanted = say("portfolio.tx_eq", count=tx(signal.target_tx_equivalent))
    return f"{term(signal.direction)} {wanted}"


def _row(one: SignalOutcome) -> None:
    signal = one.signal
    with st.container(border=True, key=f"row-{signal.signal_id}"):
        what, state, way = st.columns([4, 3, 2], vertical_alignment="center")
        with what, st.container(gap=None):
            st.markdown(f"**{plain(headline(signal))}**")
            by = say("approvals.by", strategy=_strategy(signal), person=one.proposed_by)
            st.caption(plain(by))
        with state:
            badges(_standing(one))
        with way:
            _way(one)
        with st.expander(plain(f"{signal.signal_id} \u00b7 {moment(signal.received_at)}")):
            _everything(signal)


def _standing(one: SignalOutcome) -> str:
    """Where its order stands, or else its request, or that nothing was asked."""
    if one.stage is SignalStage.FILLED:
        return badge(term(one.stage), Tone.SIMULATED)
    if one.order_state is not None:
        return badge(term(one.order_state), Tone.OFF)
    if one.status is not None:
        return badge(term(one.status), Tone.OFF)
    return badge(term(one.stage), Tone.OFF)


def _way(one: SignalOutcome) -> None:
    """To what came of it; who may ask is led to the form."""
    if one.order_id is not None:
        link("order", say("research.order"), id=one.order_id)
    elif one.request_id is not None:
        link("request", say("research.request"), id=one.request_id)
    elif one.signal.direction is Direction.FLAT:
        st.caption(say("research.flat_asks_nothing"))
    elif Role.REQUESTER in here().person.held_roles():
        link("propose", say("research.ask"), signal=one.signal.signal_id)


def _everything(signal: SignalRecord) -> None:
    """Every field of a signal, and what it may never have done."""
    stop, reason = signal.stop_distance_points, signal.reason
    points = absent(say("research.no_stop"))
    if stop is not None:
        points = say("demo.in_points", count=number(stop))
    told = {
        "signals_only": reason.signals_only,
        "order_created": reason.order_created,
        "broker_api_called": reason.broker_api_called,
        "risk_engine_called": reason.risk_engine_called,
        "oms_called": reason.oms_called,
    }
    facts(
        (say("research.group"), signal.symbol_group),
        (say("research.confidence"), number(signal.confidence)),
        (say("research.stop"), points),
        (say("research.said_at"), moment(signal.timestamp)),
        (say("research.source"), f"{signal.source} {signal.source_digest}"),
        (say("research.data_version"), signal.data_version),
        (say("research.code_version"), signal.code_version),
        (say("research.parameters"), signal.parameters_hash),
        (say("research.digest"), signal.payload_digest),
        (say("research.guard"), ", ".join(f"{k}={str(v).lower()}" for k, v in told.items())),
        *((note.name, note.value) for note in reason.notes),
    )
