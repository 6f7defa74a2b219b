"""What this installation is and is not, by its probes; what of a release holds; what runs now."""

from collections.abc import Callable, Mapping

import streamlit as st

from counterseal.readiness.areas import FlagState, ReadinessArea, flags_of, state_of, unsafe
from counterseal.readiness.model import Flag
from counterseal.readiness.report import Readiness
from storage.running import running_now
from ui.web import house
from ui.web.live import live
from ui.web.parts import panels
from ui.web.parts.pieces import Mark, Tone, banner, choice, copyable, page_of, table
from ui.web.parts.words import clock, moment, number
from ui.web.probing import Prober, prober, told_by_command, unprobed
from ui.web.views.readiness_areas import below, beside, capability
from ui.web.views.readiness_release import release
from ui.web.views.readiness_running import at_work
from ui.web.wording import say, term

ROWS = 20
BOUNDARIES, RELEASE, RUNNING = "boundaries", "release", "running"
EVERY = "every"
TONE: Mapping[FlagState, Tone] = {
    FlagState.ON: Tone.DUE,
    FlagState.OFF: Tone.OFF,
    FlagState.UNSAFE: Tone.BAD,
    FlagState.UNKNOWN: Tone.WARN,
}


def show() -> None:
    """The page."""
    panels.title(say("readiness.title"), say("readiness.scope"))
    asked = prober()
    views: dict[str, Callable[[Readiness], None]] = {BOUNDARIES: _boundaries, RELEASE: release}
    called = {
        BOUNDARIES: say("readiness.boundaries"),
        RELEASE: say("readiness.release"),
        RUNNING: say("readiness.running"),
    }
    named, button = st.columns([4, 1], vertical_alignment="center")
    with named:
        chosen = choice("view", say("readiness.view"), called)
    if chosen == RUNNING:
        at_work(running_now(house.settings(), house.CLOCK.now()))
        copyable(say("readiness.yourself"), "counterseal readiness --running")
        return
    with button:
        st.button(
            say("readiness.probe"),
            key="probe",
            disabled=asked.since is not None,
            on_click=_asked,
            width="stretch",
        )
    told = asked.told or unprobed(house.CLOCK.now())
    if asked.since is not None:
        live(_running)
    else:
        _standing(asked, told, quiet=chosen == RELEASE)
    views[chosen](told)
    copyable(say("readiness.yourself"), "counterseal readiness")


def _asked() -> None:
    prober().start(told_by_command, house.CLOCK.now())


def _running() -> None:
    """Until the look is over; then the whole page shows what it found."""
    since = prober().since
    if since is None:
        st.rerun()
    told = say("readiness.probing", moment=moment(since))
    banner(Tone.OFF, told, say("readiness.probing_told"))


def _standing(asked: Prober, told: Readiness, *, quiet: bool) -> None:
    """The one state that the page is about; nothing is good that was not checked.

    Args:
        asked: The looks of this server.
        told: What the last one found, or the settings alone.
        quiet: Another banner says what this view is about; good news is a line.
    """
    if asked.failed is not None:
        at = say("readiness.failed_at", moment=moment(asked.failed))
        banner(Tone.WARN, say("readiness.failed"), say("readiness.failed_told"), at)
        return
    wrong = unsafe(told.flags)
    if wrong:
        names = ", ".join(flag.name for flag in wrong)
        head = say("readiness.unsafe", count=number(len(wrong)))
        banner(Tone.BAD, head, say("readiness.unsafe_told", names=names), _when(asked, told))
    elif asked.told is None:
        banner(Tone.OFF, say("readiness.unprobed"), say("readiness.unprobed_told"))
    elif told.could_not_check:
        count, every = number(len(told.could_not_check)), number(len(told.flags))
        head = say("readiness.blind", count=count, all=every)
        banner(Tone.WARN, head, say("readiness.blind_told"), _when(asked, told))
    else:
        on = sum(state_of(flag) is FlagState.ON for flag in told.flags)
        head = say("readiness.whole", all=number(len(told.flags)))
        why = say("readiness.whole_told", count=number(on))
        if quiet:
            st.caption(f"{head} {_when(asked, told)}")
        else:
            banner(Tone.GOOD, head, why, _when(asked, told))


def _when(asked: Prober, told: Readiness) -> str:
    at = moment(told.checked_at)
    head = say("readiness.checked", moment=at, seconds=number(asked.seconds))
    if told.log_size is None:
        return f"{head} {say('readiness.no_home', code=told.home_problem)}"
    return f"{head} {say('readiness.of_log', count=number(told.log_size))}"


def _boundaries(told: Readiness) -> None:
    named = {one.value: f"{term(one)} {number(len(flags_of(one, told)))}" for one in ReadinessArea}
    area = ReadinessArea(choice("area", say("readiness.area"), named))
    states = {EVERY: say("readiness.every_state")}
    states |= {state.value: term(state) for state in FlagState}
    wanted = choice("state", say("readiness.state"), states)
    found = flags_of(area, told)
    if wanted != EVERY:
        found = tuple(flag for flag in found if state_of(flag) == wanted)
    rows, lists = st.columns([2.6, 1], gap="large")
    with rows, st.container(key="flags"):
        _table(area, found)
    with lists:
        beside(area, told)
    below(area, told)


def _table(area: ReadinessArea, found: tuple[Flag, ...]) -> None:
    if not found:
        panels.empty(say("readiness.none"), say("readiness.none_then"))
        return
    shown = found[page_of(len(found), ROWS, "page")]
    head = (
        say("readiness.capability"),
        say("readiness.state"),
        say("readiness.why"),
        say("readiness.evidence"),
        say("readiness.checked_at"),
    )
    table(term(area), head, [_row(flag) for flag in shown], numeric={4})


def _row(flag: Flag) -> tuple[str | Mark, ...]:
    """A flag in words, which break where its name would not."""
    state = state_of(flag)
    return (
        capability(flag.name),
        Mark(term(state), TONE[state]),
        flag.looks_at,
        flag.evidence,
        "" if flag.checked_at is None else clock(flag.checked_at),
    )
