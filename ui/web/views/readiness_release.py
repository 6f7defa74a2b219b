"""What is claimed of this release, and what of it the flags bear out (TX-A8)."""

from importlib.metadata import version

import streamlit as st

from counterseal.kernel.errors import PolicyError
from counterseal.kernel.model import refuse
from counterseal.readiness.model import RunSeen
from counterseal.readiness.release import (
    OPEN_BOUNDARIES,
    Baseline,
    Judged,
    LevelState,
    PhaseState,
    ReleaseLevel,
    Standing,
    baseline,
)
from counterseal.readiness.report import Readiness
from storage.release_file import read_release
from ui.web.parts import panels
from ui.web.parts.pieces import Mark, Tone, banner, facts, plain, table
from ui.web.parts.words import moment, number
from ui.web.views.readiness_areas import capability, live_word
from ui.web.wording import say, term

PRODUCT = "counterseal"


def release(told: Readiness) -> None:
    """The view."""
    try:
        document = read_release()
    except PolicyError as error:
        panels.refused(refuse(error.code, error.message))
        return
    held = baseline(document, told, version(PRODUCT))
    _production(held)
    left, right = st.columns([2.6, 1], gap="large")
    with left, st.container(key="flags"):
        _levels(held.levels)
        _phases(held.phases)
    with right:
        _facts(held)
        _gaps(held)
        _validation(held.validation)


def _production(held: Baseline) -> None:
    """Computed from the boundaries; no document can say otherwise."""
    if held.production_ready:
        banner(Tone.GOOD, say("release.ready"), say("release.ready_told"))
        return
    why = say(
        "release.not_ready_told",
        open=number(held.boundaries_open),
        all=number(held.boundaries),
        missing=number(held.missing),
    )
    banner(Tone.OFF, say("release.not_ready"), why)


def _levels(levels: tuple[LevelState, ...]) -> None:
    st.header(say("release.levels"), anchor=False)
    head = (
        say("release.level"),
        say("release.claim"),
        say("release.standing"),
        say("release.against"),
    )
    rows = [(term(one.level), _claim(one), _mark(one.judged), _against(one)) for one in levels]
    table(say("release.levels"), head, rows)


def _claim(one: LevelState) -> str:
    ready = one.judged.standing is Standing.HOLDS
    if one.level is ReleaseLevel.PRODUCTION and not ready:
        return say("release.never")
    return term(one.claim)


def _mark(judged: Judged) -> Mark:
    told = say(
        "release.shown",
        standing=term(judged.standing),
        met=number(judged.met),
        asked=number(judged.asked),
    )
    match judged.standing:
        case Standing.HOLDS:
            return Mark(told, Tone.DUE)
        case Standing.UNKNOWN:
            return Mark(told, Tone.WARN)
        case _:
            return Mark(told, Tone.OFF)


def _against(one: LevelState | PhaseState) -> str:
    names = [
        say("release.open_boundaries") if name == OPEN_BOUNDARIES else capability(name)
        for name in one.judged.against
    ]
    return ", ".join(names) or say("release.nothing_against")


def _phases(phases: tuple[PhaseState, ...]) -> None:
    st.header(say("release.phases"), anchor=False)
    head = (
        say("release.phase"),
        say("release.safety"),
        say("release.standing"),
        say("release.against"),
    )
    rows = [
        (
            f"{number(one.number)} {term(one.phase)}",
            term(one.safety_mode),
            _mark(one.judged),
            _against(one),
        )
        for one in phases
    ]
    table(say("release.phases"), head, rows)


def _facts(held: Baseline) -> None:
    level = held.release_level
    with st.container(border=True):
        st.header(say("release.baseline"), anchor=False)
        facts(
            (say("release.version"), held.version),
            (say("release.released"), say("release.no_level") if level is None else term(level)),
            (say("readiness.mode"), held.safety_defaults.trading_mode),
            (say("readiness.live"), live_word(held.live_trading_enabled)),
            (say("release.docs"), ", ".join(held.docs)),
        )


def _gaps(held: Baseline) -> None:
    with st.container(border=True):
        st.header(say("release.gaps", count=number(len(held.gaps))), anchor=False)
        st.markdown("\n".join(f"- {plain(term(gap))}" for gap in held.gaps))


def _validation(runs: tuple[RunSeen, ...]) -> None:
    st.header(say("release.validation"), anchor=False)
    if not runs:
        panels.empty(say("release.no_result"), say("release.no_result_then"))
        return
    for run in runs:
        st.text(say("release.result", run=run.run_id, moment=moment(run.at), told=run.told))
