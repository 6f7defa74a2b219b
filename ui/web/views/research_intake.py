"""Signals looked at before anybody takes them in, and what was refused at the door."""

from typing import Final

import streamlit as st

from counterseal.desk.views.research import (
    FieldErrors,
    RefusedSignal,
    ResearchView,
    errors_by_field,
)
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import refuse
from counterseal.signals.intake import Parsed, parse_signals
from counterseal.signals.text_rows import TextFormat
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, banner, choice, page_of, table
from ui.web.parts.words import absent, moment, number
from ui.web.wording import say

FORMS: Final = {"jsonl": "JSON Lines", "json": "JSON", "csv": "CSV"}
LENGTH_MAX: Final = 1_000_000
ROWS: Final = 10
LINES_SHOWN: Final = 8


def show(told: ResearchView) -> None:
    """This view."""
    left, right = st.columns([1.72, 1], gap="medium")
    with left, st.container(border=True):
        _check()
    with right, st.container(border=True):
        _refused(told.refused)


def _check() -> None:
    """Look at a text; nothing of it is kept."""
    st.header(say("research.check"), anchor=False)
    st.caption(say("research.check_told"))
    layout = TextFormat(choice("form", say("research.form"), FORMS))
    text = st.text_area(say("research.text"), key="signals-text", height=180, max_chars=LENGTH_MAX)
    if not text.strip():
        return
    try:
        parsed = parse_signals(text, layout, keep_good=True)
    except InputError as error:
        panels.refused(refuse(error.code, error.message), say("research.nothing_taken"))
    else:
        _verdict(parsed)


def _verdict(parsed: Parsed) -> None:
    good, bad = number(len(parsed.signals)), number(len(parsed.errors))
    if parsed.errors:
        told = say("research.bad_lines", count=bad)
        banner(Tone.WARN, told, say("research.good_lines", count=good), say("research.whole_file"))
        _errors(errors_by_field(parsed.errors))
    elif parsed.signals:
        told = say("research.all_good")
        banner(Tone.GOOD, told, say("research.good_lines", count=good), say("research.how_to"))
    else:
        banner(Tone.OFF, say("research.no_lines"), say("research.nothing_taken"))


def _errors(found: tuple[FieldErrors, ...]) -> None:
    head = (
        say("research.field"),
        say("research.wrong"),
        say("research.count"),
        say("research.lines"),
    )
    rows = [
        (
            one.field or absent(say("research.whole_line")),
            f"{one.code}: {one.message}",
            number(len(one.lines)),
            _lines(one.lines),
        )
        for one in found
    ]
    table(say("research.check"), head, rows, numeric={2})


def _lines(lines: tuple[int, ...]) -> str:
    shown = ", ".join(str(line) for line in lines[:LINES_SHOWN])
    return f"{shown} \u2026" if len(lines) > LINES_SHOWN else shown


def _refused(refused: tuple[RefusedSignal, ...]) -> None:
    """What was taken to the door and refused there; the log has each."""
    st.header(say("research.refused"), anchor=False)
    if not refused:
        st.text(say("research.none_refused"))
        st.caption(say("research.none_refused_then"))
        return
    for one in refused[page_of(len(refused), ROWS, "refused-page")]:
        with st.container(gap=None):
            [reason] = panels.reasons((one.code,))
            st.text(f"{one.strategy_id}: {reason}")
            st.caption(f"{one.proposed_by} \u00b7 {moment(one.at)}")
