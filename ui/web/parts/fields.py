"""Fields of forms that a core's exact numbers and words come out of.

A decimal field is read as the text that it shows, so that no rounding of floats reaches the core.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

import streamlit as st
from pydantic import ValidationError

from counterseal.desk.views.preview import SimulatedQuote
from counterseal.desk.views.simulation import AGE_SECONDS_MAX
from counterseal.kernel.errors import InputError
from ui.web.wording import say, term

PRICE_MAX: Final = 10_000_000
"""Largest price and size that a field takes."""
SIZE: Final = 5
"""Contracts on each side of a quote that nobody changed."""
W = TypeVar("W", bound=StrEnum)


def one_of(key: str, label: str, words: Sequence[W], first: str) -> W:
    """One word of the core, chosen by its name in the language of who looks."""
    told: W = st.selectbox(
        label, words, index=[one.value for one in words].index(first), key=key, format_func=term
    )
    return told


def whole(key: str, label: str, first: int, least: int, most: int) -> Decimal:
    """A whole number within its bounds."""
    told = st.number_input(label, min_value=least, max_value=most, value=first, step=1, key=key)
    return Decimal(int(told))


def exact(
    key: str, label: str, first: Decimal | None, least: Decimal, most: Decimal, *, places: int = 2
) -> Decimal | None:
    """A decimal number as its field shows it; None in an empty field without a first value."""
    told = st.number_input(
        label,
        min_value=float(least),
        max_value=float(most),
        value=None if first is None else float(first),
        step=float(Decimal(1).scaleb(-places)),
        format=f"%.{places}f",
        key=key,
    )
    return None if told is None else Decimal(f"{told:.{places}f}").normalize() + 0


def quote_fields(named: Callable[[str], str], at: int) -> tuple[SimulatedQuote, Decimal]:
    """A quote that somebody states (whole points, contracts) and its age in seconds.

    Args:
        named: Key of a field.
        at: Price that the fields begin around.
    """
    first, second, third = st.columns(3)
    with first:
        bid = whole(named("bid"), say("submit.bid"), max(at - 1, 1), 1, PRICE_MAX)
        bid_size = whole(named("bid-size"), say("submit.bid_size"), SIZE, 0, PRICE_MAX)
    with second:
        ask = whole(named("ask"), say("submit.ask"), at, 1, PRICE_MAX)
        ask_size = whole(named("ask-size"), say("submit.ask_size"), SIZE, 0, PRICE_MAX)
    with third:
        last = whole(named("last"), say("submit.last"), at, 1, PRICE_MAX)
        age = whole(named("age"), say("submit.age"), 0, 0, AGE_SECONDS_MAX)
    quote = SimulatedQuote(bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size, last=last)
    return quote, age


def invalid(error: ValidationError) -> InputError:
    """`FIELD_INVALID`: the first field that does not hold, and why."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return InputError("FIELD_INVALID", f"{place}: {first['msg']}", field=place)
