"""The quotes that this home knows of.

Job: tell the feed's quotes of now, and those that fills met on a trading day, each with its age.

Invariants
  I1  A quote is told as the fill that met it stored it; nothing is interpolated or made fresh.
  I2  Whether a quote is stale now is the answer of the risk check, asked with its age of now.
  I3  A feed that gives no quote of a symbol is told with its reason, never with an older quote.

Not here: the stated market (market.regimes), contract terms (desk.views.contracts).
Source: features TX-C13 to TX-C15 in part; trading part 2, rule 5.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from counterseal.broker.model import Fill, QuoteSnapshot
from counterseal.desk.ports import Reader
from counterseal.desk.views.marks import PaperView
from counterseal.kernel.clock import UtcDatetime, seconds_between
from counterseal.kernel.model import DomainModel, Name, Refusal
from counterseal.kernel.money import EXACT, Exact, NonNegative
from counterseal.market.ports import FollowedFeed, MarketFeed
from counterseal.market.quotes import Quote, age_seconds
from counterseal.policy.limits import RiskLimits
from counterseal.portfolio.model import DailyPnl
from counterseal.risk.checks import check_stale_quote


class MetQuote(DomainModel):
    """A quote and the first fill that met it. Prices in quote units, ages in seconds.

    Attributes:
        quote: As it was stored; its `age_seconds` is the age when it was met.
        spread: Ask less bid, negative when crossed. spread_max: the widest that the model took.
        stale_after: Oldest age that the model took.
        slippage: Price paid beyond the reference, signed.
        age_now: Since its event time.
        stale_now: An order that met it now would be refused as stale.
    """

    fill_id: Name
    order_id: Name
    met_at: UtcDatetime
    quote: QuoteSnapshot
    spread: Exact
    spread_max: NonNegative
    stale_after: NonNegative
    slippage: Exact
    age_now: Exact
    stale_now: bool


class QuoteSource(DomainModel):
    """Where quotes came from, how many fills met, and the newest event time of them."""

    source: Name
    basis: Name
    quotes: int
    symbols: tuple[Name, ...]
    newest_at: UtcDatetime


class FedQuote(DomainModel):
    """A symbol of the feed with its quote of now, or the reason code why there is none."""

    symbol: Name
    quote: Quote | None = None
    code: str = ""
    age_now: Exact | None = None
    stale_now: bool = True


class MarketDay(PaperView):
    """The quotes of a trading day (`YYYY-MM-DD`) at `at`, by the time they were met."""

    at: UtcDatetime
    trading_day: Name
    met: tuple[MetQuote, ...]
    newest: tuple[MetQuote, ...]
    sources: tuple[QuoteSource, ...]


def trading_days(reader: Reader) -> tuple[str, ...]:
    """Every trading day on which something was filled, the newest first."""
    return tuple(sorted({day.trading_day for day in reader.find(DailyPnl)}, reverse=True))


def market_day(reader: Reader, trading_day: str, limits: RiskLimits, now: datetime) -> MarketDay:
    """What is known of the market of a trading day, looked at `now` (UTC).

    Each quote stands once, with the first fill that met it.
    """
    fills = sorted(reader.find(Fill, trading_day=trading_day), key=attrgetter("recorded_at"))
    firsts = {fill.quote.quote_id: fill for fill in reversed(fills)}
    met = tuple(_met(fill, limits, now) for fill in fills if firsts[fill.quote.quote_id] is fill)
    last = {one.quote.symbol: one for one in met}
    return MarketDay(
        at=now,
        trading_day=trading_day,
        met=met,
        newest=tuple(last[symbol] for symbol in sorted(last)),
        sources=_sources(met),
    )


def fed_quotes(feed: MarketFeed, limits: RiskLimits, now: datetime) -> tuple[FedQuote, ...]:
    """Every symbol of a feed that follows a source, asked `now` (UTC); nothing of another feed."""
    if not isinstance(feed, FollowedFeed):
        return ()
    return tuple(fed_quote(feed, symbol, limits, now) for symbol in feed.symbols())


def fed_quote(feed: MarketFeed, symbol: str, limits: RiskLimits, now: datetime) -> FedQuote:
    """What a feed says of one symbol at `now` (UTC)."""
    told = feed.quote(symbol, now)
    if isinstance(told, Refusal):
        return FedQuote(symbol=symbol, code=told.code)
    age = age_seconds(told, now)
    return FedQuote(symbol=symbol, quote=told, age_now=age, stale_now=_stale(age, limits))


def _stale(age: Decimal, limits: RiskLimits) -> bool:
    return not check_stale_quote(age, limits.stale_quote_seconds).passed


def _met(fill: Fill, limits: RiskLimits, now: datetime) -> MetQuote:
    quote = fill.quote
    age = seconds_between(quote.event_time, now)
    return MetQuote(
        fill_id=fill.fill_id,
        order_id=fill.order_id,
        met_at=fill.recorded_at,
        quote=quote,
        spread=EXACT.subtract(quote.ask, quote.bid),
        spread_max=fill.request.max_spread,
        stale_after=fill.request.stale_quote_seconds,
        slippage=EXACT.multiply(fill.slippage_ticks, fill.request.tick),
        age_now=age,
        stale_now=_stale(age, limits),
    )


def _sources(met: Iterable[MetQuote]) -> tuple[QuoteSource, ...]:
    named = attrgetter("quote.source", "quote.basis")
    found = []
    for (source, basis), group in groupby(sorted(met, key=named), key=named):
        quotes = [one.quote for one in group]
        found.append(
            QuoteSource(
                source=source,
                basis=basis,
                quotes=len(quotes),
                symbols=tuple(sorted({quote.symbol for quote in quotes})),
                newest_at=max(quote.event_time for quote in quotes),
            )
        )
    return tuple(found)
