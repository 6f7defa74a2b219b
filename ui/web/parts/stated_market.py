"""The stated market: quotes that follow from their tick alone, drawn for whoever looks at them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import streamlit as st

from counterseal.desk.demo.judging import LIMITS
from counterseal.desk.demo.markets import quotes_at, spread_max_of
from counterseal.desk.demo.model import SEED, DemoMarket, DemoQuote
from counterseal.market.regimes import CYCLE, Regime
from ui.web.charts.price_path import PathPoint, price_path
from ui.web.parts.meters import Meter, meters
from ui.web.parts.pieces import Tone, badge, badges, facts, simulated, table
from ui.web.parts.words import number, signed
from ui.web.wording import say, term

LOOKBACK: Final = 12
LOOKBACK_MIN: Final = 4
LOOKBACK_MAX: Final = 24


def path(market: DemoMarket, symbol: str, tick: int, key: str) -> None:
    """The price path up to a tick; `key` keeps how many ticks are shown."""
    st.header(say("demo.path", symbol=symbol), anchor=False)
    st.caption(say("demo.path_told", seed=SEED))
    shown = int(st.session_state.get(key, LOOKBACK))
    ticks = range(max(0, tick - shown + 1), tick + 1)
    quotes = [(one, _quote_at(market, symbol, one)) for one in ticks]
    points = [PathPoint(one, q.bid, q.ask, q.last, _state(q)) for one, q in quotes]
    alt = say("demo.path_alt", symbol=symbol, first=str(ticks[0]), last=str(ticks[-1]))
    states = [term(one) for one in Regime]
    st.altair_chart(price_path(points, places=say("demo.tick"), states=states), alt=alt)
    st.slider(say("demo.lookback"), LOOKBACK_MIN, LOOKBACK_MAX, LOOKBACK, key=key)
    with st.expander(say("demo.as_table")):
        head = (say("demo.tick"), say("demo.bid"), say("demo.ask"), say("demo.last"))
        rows = [
            (number(one), number(q.bid, 2), number(q.ask, 2), number(q.last, 2))
            for one, q in reversed(quotes)
        ]
        table(alt, head, rows, numeric={0, 1, 2, 3})


def _state(quote: DemoQuote) -> str:
    return "" if quote.regime is None else term(quote.regime)


def _quote_at(market: DemoMarket, symbol: str, tick: int) -> DemoQuote:
    return next(quote for quote in quotes_at(market, tick) if quote.symbol == symbol)


def quality(market: DemoMarket, quote: DemoQuote) -> None:
    """How good a quote is: each number beside what it is measured by."""
    st.header(say("demo.quality"), anchor=False)
    badges(badge(_state(quote) or say("demo.waves"), Tone.OFF), simulated())
    meters(*_meters(quote, spread_max_of(market, quote.symbol)))
    sizes = [(say("demo.sizes"), f"{number(quote.bid_size)} / {number(quote.ask_size)}")]
    if quote.volatility is not None:
        sizes.append(
            (say("demo.volatility"), say("demo.in_points", count=number(quote.volatility)))
        )
    facts(*sizes)


def _meters(quote: DemoQuote, widest: Decimal) -> Sequence[Meter]:
    told = list(
        quality_meters(
            (quote.spread, widest),
            quote.liquidity_score,
            (Decimal(quote.age_seconds), LIMITS.stale_quote_seconds),
        )
    )
    if quote.slippage is not None:
        of = say("demo.of_spread", count=number(quote.slippage, 2))
        told.append(Meter(say("demo.slippage"), of, quote.slippage / quote.spread))
    return told


def quality_meters(
    spread: tuple[Decimal, Decimal], liquidity: Decimal, age: tuple[Decimal, Decimal]
) -> Sequence[Meter]:
    """Spread (points) and age (seconds), each with its limit, and liquidity of 1."""
    wide, widest = spread
    old, oldest = age
    points = say("demo.of_points", count=number(wide, 2), limit=number(widest))
    seconds = say("demo.of_seconds", count=number(old), limit=number(oldest))
    score = say("demo.of_one", count=number(liquidity, 2))
    return (
        Meter(say("demo.spread"), points, wide / widest if widest else Decimal(1)),
        Meter(say("demo.liquidity"), score, liquidity),
        Meter(say("demo.age"), seconds, old / oldest if oldest else Decimal(1)),
    )


def three_symbols(quotes: Sequence[DemoQuote], tick: int) -> None:
    """The quotes of every symbol at a tick, beside each other."""
    st.header(say("demo.quotes", tick=number(tick)), anchor=False)
    head = [say("demo.symbol"), say("demo.state"), say("demo.bid"), say("demo.ask")]
    head += [say("demo.spread"), say("demo.last"), say("demo.change")]
    head += [say("demo.age_head"), say("demo.liquidity")]
    rows = [
        (
            quote.symbol,
            _state(quote) or say("demo.waves"),
            *(number(one, 2) for one in (quote.bid, quote.ask, quote.spread, quote.last)),
            signed(quote.change, 2),
            number(quote.age_seconds),
            number(quote.liquidity_score, 2),
        )
        for quote in quotes
    ]
    table(say("demo.quotes", tick=number(tick)), head, rows, numeric=range(2, 9))


def legend(tick: int) -> None:
    """What the states of the market mean, and where in their cycle a tick lies."""
    with st.expander(say("demo.legend")):
        facts(*((term(one), told) for one, told in zip(Regime, _told(), strict=True)))
        cycle = (term(regime) for regime in CYCLE)
        now = number(tick % len(CYCLE) + 1)
        st.caption(say("demo.cycle", cycle=" \u2192 ".join(cycle), place=now))


def _told() -> tuple[str, ...]:
    """A sentence for each state of the market, in the order of the states."""
    return (
        say("demo_walk.normal"),
        say("demo_walk.trending"),
        say("demo_walk.volatile"),
        say("demo_walk.illiquid"),
        say("demo_walk.stale_quote"),
    )
