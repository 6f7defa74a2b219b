"""What is known of the market: quotes that fills met, a price path, and the contracts."""

import streamlit as st

from counterseal.desk.views.market import FedQuote, MarketDay, MetQuote
from ui.web.live import live
from ui.web.parts import panels
from ui.web.parts.meters import meters
from ui.web.parts.pieces import choice, facts, simulated, table
from ui.web.parts.stated_market import quality_meters
from ui.web.parts.words import absent, moment, number
from ui.web.views import market_contracts, market_path
from ui.web.views.market_facts import (
    Fed,
    age_words,
    basis_words,
    chosen_day,
    days_known,
    fed,
    known,
    last_words,
)
from ui.web.visit import link
from ui.web.wording import say

QUOTES, PATH, CONTRACTS = "quotes", "path", "contracts"


def show() -> None:
    """The page."""
    panels.title(say("market.title"), say("market.scope"), simulated())
    named = {
        QUOTES: say("market.quotes"),
        PATH: say("market.path"),
        CONTRACTS: say("market.contracts"),
    }
    match choice("view", say("market.view"), named):
        case "contracts":
            market_contracts.show()
        case "path":
            market_path.show()
        case _:
            _show_quotes()


def _show_quotes() -> None:
    days = days_known()
    day = chosen_day(days) if days else None
    live(lambda: _quotes(day))


def _quotes(day: str | None) -> None:
    told = fed()
    if told.source:
        with st.container(border=True):
            _fed(told)
    if day is None:
        panels.empty(say("market.nothing"), say("market.nothing_then"))
    else:
        _met(known(day), told)
    st.caption(say("market.as_of", moment=moment(told.at)))


def _fed(told: Fed) -> None:
    """The feed's quotes of this moment."""
    name = say("market.feed", source=told.source)
    st.header(name, anchor=False)
    if told.quotes:
        table(name, _head(), [_fed_row(one) for one in told.quotes], numeric=range(1, 6))
        st.caption(say("market.newest_told"))
    else:
        st.text(say("market.feed_silent"))
        st.caption(say("market.feed_silent_then"))


def _fed_row(one: FedQuote) -> tuple[str, ...]:
    quote = one.quote
    if quote is None or one.age_now is None:
        return (one.symbol, *([""] * 5), absent(panels.reasons((one.code,))[0]))
    prices = (number(quote.bid), number(quote.ask), number(quote.spread), last_words(quote.last))
    return (one.symbol, *prices, age_words(one.age_now), _state(stale=one.stale_now))


def _state(*, stale: bool) -> str:
    return say("market.stale") if stale else say("market.fresh")


def _met(day: MarketDay, told: Fed) -> None:
    left, right = st.columns([1.72, 1], gap="medium")
    with left, st.container(border=True, height="stretch"):
        _newest(day)
    with right, st.container(border=True, height="stretch"):
        _sources(day, told)
    symbols = {one.quote.symbol: one.quote.symbol for one in day.newest}
    chosen = next(iter(symbols))
    if len(symbols) > 1:
        chosen = choice("contract", say("market.contract"), symbols)
    _quality(next(one for one in day.newest if one.quote.symbol == chosen))


def _head() -> tuple[str, ...]:
    return (
        say("market.contract"),
        say("demo.bid"),
        say("demo.ask"),
        say("demo.spread"),
        say("demo.last"),
        say("market.age_now"),
        say("market.state_now"),
    )


def _newest(day: MarketDay) -> None:
    name = say("market.newest", day=day.trading_day)
    st.header(name, anchor=False)
    table(name, _head(), [_row(one) for one in day.newest], numeric=range(1, 6))
    st.caption(say("market.newest_told"))


def _row(one: MetQuote) -> tuple[str, ...]:
    quote = one.quote
    return (
        quote.symbol,
        number(quote.bid),
        number(quote.ask),
        number(one.spread),
        last_words(quote.last),
        age_words(one.age_now),
        _state(stale=one.stale_now),
    )


def _sources(day: MarketDay, told: Fed) -> None:
    st.header(say("market.sources"), anchor=False)
    head = (say("market.source"), say("market.basis"), say("market.count"))
    rows = [(one.source, basis_words(one.basis), number(one.quotes)) for one in day.sources]
    table(say("market.sources"), head, rows, numeric={2})
    followed = say("market.fed", source=told.source) if told.source else say("market.not_fed")
    st.caption(followed)


def _quality(one: MetQuote) -> None:
    """The microstructure of a quote as the fill met it."""
    quote = one.quote
    with st.container(border=True):
        st.header(say("market.quality", symbol=quote.symbol), anchor=False)
        left, right = st.columns(2, gap="large")
        with left:
            spread, age = (one.spread, one.spread_max), (quote.age_seconds, one.stale_after)
            meters(*quality_meters(spread, quote.liquidity_score, age))
        with right:
            facts(
                (say("demo.sizes"), f"{number(quote.bid_size)} / {number(quote.ask_size)}"),
                (say("market.slippage"), say("demo.in_points", count=number(one.slippage, 2))),
                (say("market.basis"), basis_words(quote.basis)),
                (say("market.held_at"), moment(quote.event_time)),
                (say("market.met_at"), moment(one.met_at)),
            )
            link("order", say("market.order"), id=one.order_id)
