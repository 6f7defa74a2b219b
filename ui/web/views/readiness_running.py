"""Whether the house is at work now: what it needs, and the last rounds of its loop."""

from datetime import datetime

import streamlit as st

from counterseal.readiness.running import (
    DONE,
    LoopSeen,
    RoundSeen,
    Running,
    RunningCheck,
    Timeliness,
)
from ui.web.parts import panels
from ui.web.parts.pieces import Mark, Tone, banner, table
from ui.web.parts.words import absent, moment, number
from ui.web.wording import say, term

_TONES = {
    Timeliness.ON_TIME: Tone.GOOD,
    Timeliness.FAILED: Tone.WARN,
    Timeliness.LATE: Tone.WARN,
    Timeliness.NOT_YET: Tone.OFF,
}


def at_work(told: Running) -> None:
    """The view."""
    _standing(told)
    st.header(say("readiness.needs"), anchor=False)
    head = (
        say("readiness.need"),
        say("readiness.state"),
        say("readiness.code"),
        say("readiness.evidence"),
    )
    table(say("readiness.needs"), head, [_check(one) for one in told.checks])
    st.header(say("readiness.rounds"), anchor=False)
    _rounds(told.loop, told.at)


def _standing(told: Running) -> None:
    note = say("readiness.looked", moment=moment(told.at))
    if told.ready:
        banner(Tone.GOOD, say("readiness.at_work"), say("readiness.at_work_told"), note)
        return
    names = ", ".join(term(one.need) for one in told.checks if not one.ok)
    why = say("readiness.not_at_work_told", names=names)
    banner(Tone.WARN, say("readiness.not_at_work"), why, note)


def _check(one: RunningCheck) -> tuple[str | Mark, ...]:
    if one.ok:
        state = Mark(say("readiness.need_met"), Tone.GOOD)
    else:
        state = Mark(say("readiness.need_unmet"), Tone.WARN)
    return term(one.need), state, one.code, one.told


def _rounds(loop: LoopSeen | None, now: datetime) -> None:
    if loop is None:
        panels.empty(say("readiness.no_loop"), say("readiness.no_loop_then"))
        return
    st.caption(say("readiness.loop_since", moment=moment(loop.since)))
    head = (
        say("readiness.round"),
        say("readiness.state"),
        say("readiness.last_ran"),
        say("readiness.outcome"),
        say("readiness.next_by"),
        say("readiness.made"),
    )
    rows = [_round(loop, one, now) for one in loop.rounds]
    table(say("readiness.rounds"), head, rows, numeric={5})


def _round(loop: LoopSeen, one: RoundSeen, now: datetime) -> tuple[str | Mark, ...]:
    how = loop.standing(one, now)
    made = say("readiness.made_of", made=number(one.made), failed=number(one.failed))
    return (
        one.name.replace("_", " "),
        Mark(term(how), _TONES[how]),
        _time(one.ended_at),
        _outcome(one),
        _time(one.due_at),
        made,
    )


def _outcome(one: RoundSeen) -> str:
    if one.outcome is None:
        return absent(say("readiness.no_round"))
    return say("readiness.round_done") if one.outcome == DONE else one.outcome


def _time(at: datetime | None) -> str:
    return absent(say("readiness.no_round")) if at is None else moment(at)
