"""A price path: of the stated market at any tick, or of the quotes that fills met on a day."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from counterseal.desk.demo.markets import quotes_at
from counterseal.desk.demo.model import DemoMarket
from counterseal.desk.views.market import MetQuote
from counterseal.market.quotes import QuoteBasis
from counterseal.market.regimes import SYMBOLS, TICK_MAX
from ui.web.charts.price_path import PathPoint, price_path
from ui.web.parts import panels, stated_market
from ui.web.parts.pieces import choice, table
from ui.web.parts.words import moment, number
from ui.web.views.market_facts import basis_words, chosen_day, days_known, known, last_words
from ui.web.wording import say, term

STATED, MET = "stated", "met"
LOOKBACK: Final = "market-lookback"
FIRST_TICK: Final = 23
SHOWN_MAX: Final = 24


def show() -> None:
    """This view."""
    named = {STATED: say("market.stated"), MET: say("market.met")}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = choice("of", say("market.path_of"), named)
        symbol, tick = _place() if source == STATED else ("", 0)
    if source == STATED:
        _stated(symbol, tick)
    else:
        _show_met()


def _place() -> tuple[str, int]:
    """Which symbol and tick of the stated market is looked at."""
    symbol = choice("symbol", say("demo.symbol"), {one: one for one in SYMBOLS})
    tick = st.number_input(
        say("demo.tick"),
        min_value=0,
        max_value=TICK_MAX,
        value=FIRST_TICK,
        key="tick",
        bind="query-params",
        width=150,
    )
    return symbol, int(tick)


def _show_met() -> None:
    days = days_known()
    if not days:
        panels.empty(say("market.nothing"), say("market.nothing_then"))
        return
    met = known(chosen_day(days)).met
    symbols = {symbol: symbol for symbol in sorted({one.quote.symbol for one in met})}
    chosen = next(iter(symbols))
    if len(symbols) > 1:
        chosen = choice("contract", say("market.contract"), symbols)
    _met(chosen, [one for one in met if one.quote.symbol == chosen][-SHOWN_MAX:])


def _stated(symbol: str, tick: int) -> None:
    """The market that follows from its tick alone: path, quality, and the three symbols."""
    market = DemoMarket.REGIMES
    quotes = quotes_at(market, tick)
    left, right = st.columns([1.72, 1], gap="medium")
    with left, st.container(border=True, height="stretch"):
        stated_market.path(market, symbol, tick, LOOKBACK)
    with right, st.container(border=True, height="stretch"):
        stated_market.quality(market, next(one for one in quotes if one.symbol == symbol))
    stated_market.three_symbols(quotes, tick)
    stated_market.legend(tick)


def _met(symbol: str, quotes: Sequence[MetQuote]) -> None:
    with st.container(border=True):
        st.header(say("market.met_path", symbol=symbol), anchor=False)
        st.caption(say("market.met_told", count=number(len(quotes))))
        points = [
            PathPoint(place, q.quote.bid, q.quote.ask, q.quote.last, basis_words(q.quote.basis))
            for place, q in enumerate(quotes, 1)
        ]
        states = [term(one) for one in QuoteBasis]
        alt = say("market.met_alt", symbol=symbol, count=str(len(quotes)))
        if len(quotes) > 1:
            chart = price_path(points, places=say("market.place"), states=states)
            st.altair_chart(chart, alt=alt)
            with st.expander(say("demo.as_table")):
                _table(alt, quotes)
        else:
            st.caption(say("market.one_quote"))
            _table(alt, quotes)


def _table(name: str, quotes: Sequence[MetQuote]) -> None:
    table(name, _head(), [_row(*one) for one in enumerate(quotes, 1)], numeric={0, 2, 3, 4})


def _head() -> tuple[str, ...]:
    return (
        say("market.place"),
        say("market.met_at"),
        say("demo.bid"),
        say("demo.ask"),
        say("demo.last"),
        say("market.basis"),
    )


def _row(place: int, one: MetQuote) -> tuple[str, ...]:
    quote = one.quote
    return (
        number(place),
        moment(one.met_at),
        number(quote.bid),
        number(quote.ask),
        last_words(quote.last),
        basis_words(quote.basis),
    )
