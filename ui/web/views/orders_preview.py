"""A fill tried at a quote of one's own: the rules of the model in force, each with its numbers.

The answer is the model's own; nothing is stored and no order exists.
"""

import shlex
from datetime import datetime
from decimal import Decimal
from typing import Final

import streamlit as st

from counterseal.broker.model import SimulationOutcome, SimulationResult
from counterseal.desk.views.model_preview import preview_model
from counterseal.desk.views.simulation import (
    AGE_SECONDS_MAX,
    FORM_QUANTITY_MAX,
    SimulationForm,
)
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import refuse
from counterseal.kernel.money import exact_text
from counterseal.market.instruments import ContractRoot
from counterseal.policy.execution import BarFillRule, FillRule, TapeFillRule
from counterseal.signals.intent import OrderType, Side
from ui.evidence_texts import evidence_json, fill_evidence
from ui.web import house
from ui.web.parts import panels
from ui.web.parts.fields import PRICE_MAX, SIZE, exact, one_of, whole
from ui.web.parts.fill_rules import MODEL, answer_choice, explained
from ui.web.parts.pieces import copyable
from ui.web.parts.words import lots, number
from ui.web.wording import say

_FIRST: Final = SimulationForm()
_PRICE_MOST: Final = Decimal(PRICE_MAX)
_OUTSIDE: Final = frozenset({"quote_symbol"})
"""Fields that the command line takes from a quote's file alone."""


def show() -> None:
    """Form and answer side by side."""
    left, right = st.columns([1, 1.2], gap="large")
    with left, st.container(border=True):
        st.header(say("orders_preview.form"), anchor=False)
        form = _form()
    with right, st.container(border=True):
        st.header(say("orders_preview.answer"), anchor=False)
        _answer(form)


def _form() -> SimulationForm:
    """What is asked now; every number is the one that stands in its field."""
    roots, sides, types = [*ContractRoot], [*Side], [OrderType.MARKET, OrderType.LIMIT]
    first, second, third = st.columns(3)
    with first:
        symbol = one_of("try-symbol", say("orders_preview.symbol"), roots, _FIRST.symbol)
        quantity = whole("try-quantity", say("orders_preview.quantity"), 2, 1, FORM_QUANTITY_MAX)
    with second:
        side = one_of("try-side", say("orders_preview.side"), sides, _FIRST.side)
    with third:
        kind = one_of("try-type", say("orders_preview.type"), types, _FIRST.order_type)
        limit = _price("limit", say("orders_preview.limit")) if kind is OrderType.LIMIT else None
    answer = answer_choice("try-answer", [MODEL, *(one.value for one in SimulationOutcome)])
    return SimulationForm().amended(
        symbol=symbol.value,
        quantity=quantity,
        side=side,
        order_type=kind,
        limit_price=limit,
        selected_outcome=None if answer == MODEL else SimulationOutcome(answer),
        **_quote(roots, symbol),
        **_limits(),
    )


def _quote(roots: list[ContractRoot], own: ContractRoot) -> dict[str, object]:
    """The quote that is supposed; it is of the order's contract unless another is chosen."""
    st.markdown(f"**{say('orders_preview.quote')}**")
    most, one = Decimal(AGE_SECONDS_MAX), Decimal(1)
    first, second, third = st.columns(3)
    with first:
        of = one_of(f"try-of-{own.value}", say("orders_preview.of"), roots, own)
        last = _price("last", say("submit.last"), _FIRST.last)
        age = exact("try-age", say("orders_preview.age"), Decimal(0), -most, most)
    with second:
        bid = _price("bid", say("submit.bid"), _FIRST.bid)
        bid_size = whole("try-bid-size", say("submit.bid_size"), SIZE, 0, PRICE_MAX)
        score = exact("try-score", say("orders_preview.score"), one, Decimal(0), one)
    with third:
        ask = _price("ask", say("submit.ask"), _FIRST.ask)
        ask_size = whole("try-ask-size", say("submit.ask_size"), SIZE, 0, PRICE_MAX)
    told = {"bid": bid, "ask": ask, "last": last, "bid_size": bid_size, "ask_size": ask_size}
    told |= {"age_seconds": age, "liquidity_score": score}
    return {**told, "quote_symbol": None if of is own else of.value}


def _limits() -> dict[str, object]:
    """What the model still takes."""
    st.markdown(f"**{say('orders_preview.limits')}**")
    none, most = Decimal(0), Decimal(AGE_SECONDS_MAX)
    first, second, _ = st.columns(3)
    with first:
        stale = exact("try-stale", say("orders_preview.stale"), Decimal(3), none, most)
    with second:
        widest, five = say("orders_preview.spread"), Decimal(5)
        spread = exact("try-spread", widest, five, none, _PRICE_MOST, places=1)
    return {"stale_quote_seconds": stale, "max_spread": spread}


def _price(name: str, label: str, first: Decimal | None = None) -> Decimal | None:
    return exact(f"try-{name}", label, first, Decimal("0.1"), _PRICE_MOST, places=1)


def _answer(form: SimulationForm) -> None:
    now = house.CLOCK.now()
    with house.reading() as reader:
        rule = house.law(reader).bundle.execution.model_for("-", form.symbol)
    try:
        result = preview_model(form, rule, now)
    except CountersealError as error:
        panels.refused(refuse(error.code, error.message), say("orders_preview.change"))
        return
    explained(result, _numbers(form, result))
    if isinstance(rule, TapeFillRule | BarFillRule):
        st.caption(say("orders_preview.later"))
    _take_along(form, rule, result, now)


def _numbers(form: SimulationForm, result: SimulationResult) -> dict[str, str]:
    """What each rule compared, by its name."""
    reference, limit = number(result.reference_price), form.limit_price
    reached = (
        say("orders_preview.at_market", reference=reference)
        if limit is None
        else say("orders_preview.at_limit", limit=number(limit), reference=reference)
    )
    return {
        "paper_only": say("orders_preview.paper"),
        "symbol_matches": f"{form.symbol}, {form.quote_symbol or form.symbol}",
        "quote_fresh": say(
            "orders_preview.of_seconds",
            found=number(form.age_seconds),
            most=number(form.stale_quote_seconds),
        ),
        "valid_spread": say(
            "orders_preview.of_points",
            found=number(result.spread_points),
            most=number(form.max_spread),
        ),
        "limit_marketable": reached,
        "has_liquidity": say(
            "orders_preview.takes",
            size=lots(result.available_size),
            score=number(result.liquidity_score),
            capacity=lots(result.capacity),
        ),
    }


def _take_along(
    form: SimulationForm, rule: FillRule, result: SimulationResult, now: datetime
) -> None:
    """The same from a terminal, and as a file that the evidence page shows."""
    copyable(say("orders_preview.yourself"), command_of(form))
    st.download_button(
        say("orders_preview.download"),
        lambda: evidence_json(fill_evidence(house.settings(), form, rule, result, now)),
        file_name="broker-simulation.json",
        mime="application/json",
        on_click="ignore",
    )


def command_of(form: SimulationForm) -> str:
    """The command that asks the same; what is as by default is left out."""
    told, first = dict(form), dict(_FIRST)
    words = ["counterseal", "broker", "preview"]
    for name, value in told.items():
        if name not in _OUTSIDE and value is not None and value != first[name]:
            option = "outcome" if name == "selected_outcome" else name.replace("_", "-")
            words += [f"--{option}", exact_text(value) if isinstance(value, Decimal) else value]
    return shlex.join(words)
