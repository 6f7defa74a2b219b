"""What runs by itself: what it left on record here, and what the workflow server tells of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import streamlit as st

from counterseal.kernel.errors import CountersealError
from counterseal.readiness.model import RunKind, RunSeen
from flows.told_runs import RunState, RunTold, told_runs
from storage.home_runs import home_runs
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.pieces import Mark, Tone, banner, page_of, table
from ui.web.parts.words import absent, moment, number, span
from ui.web.wording import say, term

PER_PAGE = 20
ROWS_TOLD = 6
_TONES = {
    RunState.COMPLETED: Tone.GOOD,
    RunState.RUNNING: Tone.DUE,
    RunState.PENDING: Tone.DUE,
    RunState.FAILED: Tone.BAD,
    RunState.CRASHED: Tone.BAD,
}


def runs() -> None:
    """The view."""
    now = house.CLOCK.now()
    with house.reading() as reader:
        found = home_runs(reader)
    _recorded(found, now)
    st.header(say("settings_runs.told"), anchor=False)
    try:
        told = told_runs(house.settings())
    except CountersealError as error:
        banner(
            Tone.WARN,
            say("settings_runs.silent"),
            _why(error.code),
            say("settings_runs.asked", moment=moment(now)),
        )
        st.caption(say("settings_runs.silent_then"))
    else:
        _told(told, now)
    st.button(say("settings_runs.again"))


def _why(code: str) -> str:
    if code == "ENGINE_FOREIGN":
        return say("settings_runs.foreign", code=code)
    return say("settings_runs.no_answer", code=code)


def _recorded(found: Sequence[RunSeen], now: datetime) -> None:
    st.header(say("settings_runs.recorded"), anchor=False)
    st.caption(say("settings_runs.recorded_told"))
    known = {one.kind: one for one in found}
    head = (
        say("settings_runs.what"),
        say("settings_runs.state"),
        say("settings_runs.newest"),
        say("settings_runs.found"),
    )
    rows = (_row(kind, known.get(kind), now) for kind in RunKind)
    table(say("settings_runs.recorded"), head, rows)


def _row(kind: RunKind, seen: RunSeen | None, now: datetime) -> Sequence[str | Mark]:
    if seen is None:
        never = absent(say("settings_runs.never"))
        return term(kind), Mark(say("settings_runs.no_run"), Tone.OFF), never, ""
    return term(kind), _standing(seen, now), moment(seen.at), seen.told


def _standing(seen: RunSeen, now: datetime) -> Mark:
    """On time by its schedule, and whether it could know everything that it looked at."""
    if seen.due_seconds is not None and now >= seen.at + timedelta(seconds=seen.due_seconds):
        return Mark(say("settings_runs.overdue"), Tone.WARN)
    if not seen.whole:
        return Mark(say("settings_runs.partly"), Tone.WARN)
    return Mark(say("settings_runs.on_time"), Tone.GOOD)


def _told(told: Sequence[RunTold], now: datetime) -> None:
    if not told:
        panels.empty(say("settings_runs.none"), say("settings_runs.none_then"))
        return
    st.caption(say("settings_runs.newest_told", count=number(len(told)), moment=moment(now)))
    head = (
        say("settings_runs.what"),
        say("settings_runs.state"),
        say("settings_runs.started"),
        say("settings_runs.took"),
        say("settings_runs.did"),
    )
    shown = told[page_of(len(told), PER_PAGE, "runs-page")]
    table(say("settings_runs.told"), head, (_run(one) for one in shown), numeric={3})


def _run(one: RunTold) -> Sequence[str | Mark]:
    not_yet = absent(say("settings_runs.not_yet"))
    took = not_yet
    if one.started is not None and one.ended is not None:
        took = _span(one.ended - one.started)
    state = Mark(term(one.state), _TONES.get(one.state, Tone.OFF))
    started = not_yet if one.started is None else moment(one.started)
    return one.flow, state, started, took, _did(one)


def _did(one: RunTold) -> str:
    """The first rows of its trace."""
    told = [f"{row.name} {row.value}" for row in one.did[:ROWS_TOLD]]
    more = len(one.did) - len(told)
    if more:
        told.append(say("settings_runs.more", count=number(more)))
    return ", ".join(told) or absent(say("settings_runs.no_trace"))


def _span(took: timedelta) -> str:
    """Seconds with one decimal below a minute; in words above."""
    if took >= timedelta(minutes=1):
        return span(took.total_seconds())
    tenths = took // timedelta(milliseconds=100)
    return say("settings_runs.seconds", seconds=number(Decimal(tenths).scaleb(-1), 1))
