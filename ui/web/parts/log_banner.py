"""One of four states of the log, with what it rests on, for every page that shows it."""

import streamlit as st

from counterseal.desk.views.integrity import IntegrityState
from ui.web.log_check import LogCheck
from ui.web.parts.pieces import Tone, banner, facts
from ui.web.parts.words import moment, number, short
from ui.web.wording import say

REASONS_MAX = 5


def log_banner(check: LogCheck | None, ends: tuple[int, int] | None) -> None:
    """State, scope, count and time of the last check; unknown where there was none."""
    size = 0 if ends is None else ends[1]
    if check is None:
        told = say("audit.never_told", count=number(size))
        banner(Tone.OFF, say("audit.never"), told)
        return
    banner(*_told(check), note=_when(check, size))
    if check.view.because and check.view.state is not IntegrityState.NOTHING_TO_VERIFY:
        with st.expander(say("audit.because")):
            for said in check.view.because[:REASONS_MAX]:
                st.text(said)
    if check.bad is not None:
        facts(
            (say("audit.stored_hash"), short(check.bad.stored_event_hash)),
            (say("audit.recomputed_hash"), short(check.bad.expected_event_hash)),
            (say("audit.stored_previous"), short(check.bad.stored_previous_hash)),
            (say("audit.recomputed_previous"), short(check.bad.expected_previous_hash)),
        )


def headline(check: LogCheck | None) -> str:
    """The state in a word."""
    return say("audit.never") if check is None else _told(check)[1]


def _told(check: LogCheck) -> tuple[Tone, str, str]:
    match check.view.state:
        case IntegrityState.VERIFIED:
            count, sealed = number(check.view.audit_events_count), number(check.sealed)
            told = say("audit.verified_told", count=count, sealed=sealed, heads=number(check.heads))
            return Tone.GOOD, say("audit.verified"), told
        case IntegrityState.BROKEN:
            bad = check.view.first_bad
            at = say("audit.broken_somewhere")
            if bad is not None:
                at = say("audit.broken", seq=number(bad))
            return Tone.BAD, at, say("audit.broken_told")
        case IntegrityState.NOTHING_TO_VERIFY:
            return Tone.OFF, say("audit.nothing"), say("audit.nothing_told")
        case IntegrityState.COULD_NOT_CHECK:
            return Tone.WARN, say("audit.unknown"), say("audit.unknown_told")


def _when(check: LogCheck, size: int) -> str:
    at = moment(check.at)
    if not check.size:
        return say("audit.checked_empty", moment=at)
    took = number(check.milliseconds)
    told = say("audit.checked_at", moment=at, milliseconds=took, seq=number(check.size - 1))
    since = size - check.size
    return f"{told} {say('audit.since_then', count=number(since))}" if since > 0 else told
