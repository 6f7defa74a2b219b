"""Simulated orders and where they stand, the newest first."""

from typing import NamedTuple

import streamlit as st

from counterseal.oms.model import Order
from counterseal.oms.states import OPEN_STATES, TERMINAL_STATES, OrderState
from ui.web import house
from ui.web.live import live
from ui.web.own import OwnReader
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, badge, badges, choice, page_of, plain, simulated
from ui.web.parts.words import moment, number
from ui.web.views import orders_preview, orders_reliability
from ui.web.visit import here, link
from ui.web.wording import say, term

ROWS = 20
WORKING, DONE, ALL = "working", "done", "all"
RELIABILITY, PREVIEW = "reliability", "preview"


def show() -> None:
    """The page."""
    panels.title(say("orders.title"), say("orders.scope"), simulated())
    named = {
        WORKING: say("orders.working"),
        DONE: say("orders.done"),
        ALL: say("orders.all"),
        RELIABILITY: say("orders.reliability"),
        PREVIEW: say("orders.preview"),
    }
    chosen = choice("view", say("orders.view"), named)
    if chosen == PREVIEW:
        orders_preview.show()
    elif chosen == RELIABILITY:
        orders_reliability.show()
    else:
        live(lambda: _listed(chosen))


class Listed(NamedTuple):
    """Orders of the page that is shown, newest first, and whether there is any of another kind."""

    shown: tuple[Order, ...]
    any: bool


def own_order(order_id: str) -> Order | None:
    """An order of the person's tenant; None of another's, and of none at all."""
    with house.reading() as reader:
        return OwnReader(reader, here().person.tenant).get(Order, order_id)


def own_orders(chosen: str) -> Listed:
    """Orders of the person's tenant: of those that are done no more than the page's are read."""
    with house.reading() as whole:
        reader = OwnReader(whole, here().person.tenant)
        total, working = reader.count(Order), reader.find(Order, state=OPEN_STATES)
        if chosen == WORKING:
            ranked = sorted(working, key=lambda o: (o.created_at, o.order_id), reverse=True)
            return Listed(tuple(ranked[page_of(len(ranked), ROWS, "page")]), bool(total))
        asked = {} if chosen == ALL else {"state": tuple(TERMINAL_STATES)}
        at = page_of(total if chosen == ALL else total - len(working), ROWS, "page")
        return Listed(reader.newest(Order, "created_at", ROWS, at.start, **asked), bool(total))


def headline(order: Order) -> str:
    """The order in words."""
    return say(
        "orders.headline",
        side=term(order.side),
        quantity=number(order.quantity),
        symbol=order.symbol,
        type=term(order.order_type),
    )


def state_badge(order: Order) -> str:
    """Where it stands; red is for what needs somebody, not for a refusal that did its work."""
    match order.state:
        case OrderState.FILLED:
            tone = Tone.GOOD
        case OrderState.UNKNOWN_NEEDS_RECONCILIATION:
            tone = Tone.BAD
        case _:
            tone = Tone.OFF if order.state in TERMINAL_STATES else Tone.DUE
    return badge(term(order.state), tone)


def _listed(chosen: str) -> None:
    found = own_orders(chosen)
    if found.shown:
        for order in found.shown:
            _row(order)
    elif not found.any:
        panels.empty(say("orders.none_at_all"), say("orders.none_at_all_then"))
    elif chosen == WORKING:
        panels.empty(say("orders.none_working"), say("orders.none_working_then"))
    else:
        panels.empty(say("orders.none_done"), say("orders.none_done_then"))


def _row(order: Order) -> None:
    filled = number(order.cum_quantity)
    told = say("orders.filled_of", filled=filled, quantity=number(order.quantity))
    strategy, at = f"{order.strategy_id} {order.strategy_version}", moment(order.created_at)
    about = say("orders.by", reference=order.order_reference, strategy=strategy, moment=at)
    with st.container(border=True, key=f"row-{order.order_id}"):
        what, state, way = st.columns([6, 3, 1], vertical_alignment="center")
        with what, st.container(gap=None):
            st.markdown(f"**{plain(headline(order))}**")
            st.caption(plain(about))
        with state:
            badges(state_badge(order), badge(told, Tone.OFF))
        with way:
            link("order", say("orders.open"), id=order.order_id)
