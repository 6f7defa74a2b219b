"""The few pieces that every page is made of: badges, facts, tables, cards, steps, copies, pages.

What people wrote is escaped here and stays text; everything else is a word of the catalogue.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from html import escape
from typing import Final, NamedTuple

import streamlit as st

from counterseal.kernel.clock import utc_text
from ui.web.wording import say

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<$~]|:(?=\S))")


_HASH: Final = re.compile(r"(?:sha256:)?[0-9a-f]{10}(?:\u2026[0-9a-f]{6}|[0-9a-f]{6,54})")


class Tone(StrEnum):
    """What a badge means; its colour never says it alone."""

    GOOD = "green"
    DUE = "blue"
    WARN = "orange"
    BAD = "red"
    OFF = "gray"
    SIMULATED = "violet"


class Mark(NamedTuple):
    """A state in a cell of a table; its words say it without the colour."""

    text: str
    tone: Tone


class Step(NamedTuple):
    """One step of a way: `state` is `done`, `due` or empty for what comes later."""

    state: str
    name: str
    told: str


class Card(NamedTuple):
    """One number that a page is opened for, with its unit in it and a line below."""

    label: str
    value: str
    note: str = ""


def plain(text: str) -> str:
    """Somebody's text inside Markdown, without any of its powers."""
    return _MARKUP.sub(r"\\\1", text)


def badge(text: str, tone: Tone) -> str:
    """A badge as Markdown, for `badges`."""
    return f":{tone.value}-badge[{plain(text)}]"


def simulated() -> str:
    """The tag beside every number that no market made."""
    return badge(say("common.simulated"), Tone.SIMULATED)


def badges(*marks: str) -> None:
    """Badges in a row."""
    st.markdown(" ".join(mark for mark in marks if mark))


def facts(*rows: tuple[str, str]) -> None:
    """A definition list: label and value."""
    told = "".join(f"<dt>{escape(name)}</dt><dd>{_cell(value)}</dd>" for name, value in rows)
    st.html(f'<dl class="facts">{told}</dl>')


def _cell(text: str | Mark) -> str:
    """Text as it is; a hash in a type whose digits are easy to compare; a mark in its colour."""
    if isinstance(text, Mark):
        return f'<span class="mark {text.tone.name.lower()}">{escape(text.text)}</span>'
    told = escape(text)
    return f"<code>{told}</code>" if _HASH.fullmatch(text) else told


def cards(*told: Card) -> None:
    """At most four numbers side by side, equal in height."""
    inner = "".join(
        f"<div><dt>{escape(one.label)}</dt><dd>{escape(one.value)}</dd>"
        f"<dd class=note>{escape(one.note)}</dd></div>"
        for one in told
    )
    st.html(f'<dl class="cards">{inner}</dl>')


def banner(tone: Tone, told: str, why: str, note: str = "") -> None:
    """The state that a page is about, in a word, with its reason and its time."""
    st.html(
        f'<div class="banner {tone.name.lower()}" role="status">'
        f"<p><strong>{escape(told)}</strong> {escape(why)}</p><small>{escape(note)}</small></div>"
    )


def instant(told: str, at: datetime) -> None:
    """A line about one instant, which machines can read to the microsecond."""
    st.html(f'<small class="note"><time datetime="{utc_text(at)}">{escape(told)}</time></small>')


def table(
    name: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str | Mark]],
    numeric: Collection[int] = (),
) -> None:
    """Things that are compared; for lists that people act on use bordered rows and links.

    Args:
        name: What screen readers call it.
        head: Of each column, with its unit; empty for one that needs none.
        rows: Cells as text, or as marks.
        numeric: Places of the columns that are right aligned.
    """
    mark = [" class=number" if place in numeric else "" for place in range(len(head))]
    top = "".join(
        f"<th scope=col{m}>{escape(h)}</th>" if h else "<td></td>"
        for h, m in zip(head, mark, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(f'<td{m}>{_cell(c)}</td>' for c, m in zip(row, mark, strict=True))}</tr>"
        for row in rows
    )
    st.html(
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(name)}">'
        f'<table class="rows"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def steps(*told: Step) -> None:
    """A way as an ordered list; what is due says so by its place, its words and `aria-current`."""
    rows = "".join(
        f'<li class="{one.state}"{" aria-current=step" if one.state == "due" else ""}>'
        f"{escape(one.name)}<small>{escape(one.told)}</small></li>"
        for one in told
    )
    st.html(f'<ol class="steps">{rows}</ol>')


def copyable(label: str, text: str) -> None:
    """A hash, an id or a command in full, with a button that copies it."""
    st.caption(label)
    st.code(text, language=None, wrap_lines=True)


def choice(name: str, label: str, named: Mapping[str, str]) -> str:
    """One of a few views or filters, side by side; it stands in the address as `name`.

    Args:
        name: Of the parameter.
        label: For screen readers.
        named: What each is called, by its plain word in the address; the first is the default.
    """
    asked = st.query_params.get(name, "")
    chosen = asked if asked in named else next(iter(named))
    st.session_state[name] = chosen
    st.segmented_control(
        label,
        list(named),
        key=name,
        required=True,
        format_func=lambda one: named[one],
        label_visibility="collapsed",
        on_change=_address,
        args=(name,),
    )
    return chosen


def _address(name: str) -> None:
    chosen = st.session_state.get(name)
    if chosen is not None:
        st.query_params[name] = chosen


def page_of(total: int, per_page: int, key: str) -> slice:
    """Which of `total` rows to show; the page's number stands in the address as `key`."""
    last = max(-(-total // per_page), 1)
    page = 1
    if last > 1:
        page = st.pagination(last, key=key, bind="query-params")
    page = min(max(page, 1), last)
    return slice((page - 1) * per_page, page * per_page)
