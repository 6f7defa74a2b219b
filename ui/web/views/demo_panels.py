"""What the clicks led to: price path, quote, order and portfolio, each in a panel."""

from decimal import Decimal
from typing import Final

import streamlit as st

from counterseal.desk.demo.holdings import DemoPortfolio, portfolio_of
from counterseal.desk.demo.model import DemoCheckName, DemoFillReason, DemoOrder, DemoSession
from counterseal.kernel.money import Currency
from counterseal.oms.states import OrderState
from ui.web.parts import panels, stated_market
from ui.web.parts.meters import Meter, meters
from ui.web.parts.pieces import Step, Tone, badge, badges, facts, simulated, steps, table
from ui.web.parts.words import absent, money, number, signed
from ui.web.wording import say, term

LOOKBACK: Final = "demo-lookback"
_TWD: Final = Currency.TWD.value


def show(session: DemoSession) -> None:
    """The four panels, two by two."""
    left, right = st.columns([1.25, 1])
    with left, st.container(border=True, height="stretch"):
        stated_market.path(session.market, session.symbol, session.tick, LOOKBACK)
    with right, st.container(border=True, height="stretch"):
        stated_market.quality(session.market, session.quote)
    left, right = st.columns([1.25, 1])
    with left, st.container(border=True, height="stretch"):
        _outcome(session)
    with right, st.container(border=True, height="stretch"):
        _portfolio(portfolio_of(session))


def _points(value: Decimal) -> str:
    return say("demo.in_points", count=number(value, 2))


def _outcome(session: DemoSession) -> None:
    st.header(say("demo.outcome"), anchor=False)
    order = session.order
    if order is None:
        st.text(say("demo.no_order"))
        st.caption(say("demo.no_order_then"))
        return
    badges(_state(order), simulated())
    st.text(_reason(order))
    asked = absent(say("demo.flat"))
    if order.side is not None:
        count = number(order.quantity)
        asked = say("demo.order_words", side=term(order.side), count=count, symbol=order.symbol)
    price = absent(say("demo.nothing_filled"))
    if order.fill_price is not None:
        price = _points(order.fill_price)
    facts(
        (say("demo.order"), asked),
        (say("demo.fill_price"), price),
    )
    parts = (
        (say("demo.filled"), order.filled_quantity),
        (say("demo.remaining"), order.remaining_quantity),
    )
    meters(*(_part(name, count, order.quantity) for name, count in parts))
    steps(*(Step("done", step.event, step.state.value) for step in order.steps))
    _checks(order)


def _part(name: str, count: int, whole: int) -> Meter:
    told = say("demo.of_lots", count=number(count), all=number(whole))
    return Meter(name, told, Decimal(count) / whole)


def _state(order: DemoOrder) -> str:
    match order.state:
        case OrderState.FILLED:
            tone = Tone.GOOD
        case OrderState.PARTIALLY_FILLED:
            tone = Tone.DUE
        case _:
            tone = Tone.WARN
    return badge(term(order.state), tone)


def _reason(order: DemoOrder) -> str:
    """Why an order ended as it did, in a sentence."""
    if order.reason in set(DemoFillReason):
        return term(DemoFillReason(order.reason))
    if order.reason in set(DemoCheckName):
        return say("demo.check_failed", check=term(DemoCheckName(order.reason)))
    return panels.reasons((order.reason,))[0]


def _checks(order: DemoOrder) -> None:
    failed = sum(not check.passed for check in order.checks)
    counts = say("demo.checks", count=number(len(order.checks)), failed=number(failed))
    with st.expander(counts):
        marks = {True: say("demo.passed"), False: say("demo.failed")}
        head = (say("demo.check"), say("demo.result"), say("demo.compared"))
        rows = [
            (one.name, marks[one.passed], " ".join(f"{f.name}={f.value}" for f in one.facts))
            for one in order.checks
        ]
        table(counts, head, rows)


def _portfolio(told: DemoPortfolio) -> None:
    st.header(say("demo.portfolio"), anchor=False)
    badges(simulated())
    average = absent(say("demo.no_position"))
    if told.average_price is not None:
        average = _points(told.average_price)
    facts(
        (say("demo.position"), f"{number(told.position)} {told.symbol}"),
        (say("demo.average"), average),
        (say("demo.mark"), _points(told.mark_price)),
        (say("demo.unrealized"), f"{signed(told.unrealized_pnl, 2)} {_TWD}"),
        (say("demo.realized"), f"{signed(told.realized_pnl, 2)} {_TWD}"),
        (say("demo.equity"), money(told.equity, _TWD, 2)),
        (say("demo.claim"), str(told.performance_claim).lower()),
    )
    st.caption(say("demo.claim_told"))
