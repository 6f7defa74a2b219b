"""Numbers beside their limits, each with a bar of its share."""

from decimal import Decimal
from html import escape
from typing import NamedTuple

import streamlit as st


class Meter(NamedTuple):
    """One number in words, and how much of its limit it is: 1 and more is a full bar."""

    name: str
    told: str
    share: Decimal


def meters(*rows: Meter) -> None:
    """A definition list with a bar under each value; the words say all that the bar shows."""
    told = "".join(
        f"<dt>{escape(one.name)}</dt><dd>{escape(one.told)}"
        f'<progress max="100" value="{min(max(int(one.share * 100), 0), 100)}"'
        f' aria-label="{escape(one.name)}"></progress></dd>'
        for one in rows
    )
    st.html(f'<dl class="facts">{told}</dl>')
