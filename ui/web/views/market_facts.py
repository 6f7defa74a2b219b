"""What the market page reads, for one tenant, and how its numbers are said."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

import streamlit as st

from counterseal.desk.views.market import (
    FedQuote,
    MarketDay,
    fed_quotes,
    market_day,
    trading_days,
)
from counterseal.market.ports import FollowedFeed
from counterseal.market.quotes import QuoteBasis
from ui.web import house
from ui.web.own import OwnReader
from ui.web.parts.words import absent, number, span
from ui.web.visit import here
from ui.web.wording import say, term

MINUTE: Final = 60
DAY: Final = 86_400


class Fed(NamedTuple):
    """What the pages' feed says now; without a source where it follows none."""

    source: str
    quotes: tuple[FedQuote, ...]
    at: datetime


def days_known() -> tuple[str, ...]:
    """Trading days with fills, the newest first."""
    with house.reading() as whole:
        return trading_days(OwnReader(whole, here().person.tenant))


def known(day: str) -> MarketDay:
    """A trading day as the person's tenant knows it now."""
    with house.reading() as whole:
        reader = OwnReader(whole, here().person.tenant)
        return market_day(reader, day, house.limits(house.law(whole)), house.CLOCK.now())


def fed() -> Fed:
    """The quotes of the feed, each asked for now."""
    feed, now = house.desk().bench.feed, house.CLOCK.now()
    with house.reading() as reader:
        limits = house.limits(house.law(reader))
    source = feed.source if isinstance(feed, FollowedFeed) else ""
    return Fed(source, fed_quotes(feed, limits, now), now)


def chosen_day(days: Sequence[str]) -> str:
    """The trading day that is looked at; it stands in the address."""
    if len(days) == 1:
        return days[0]
    return str(st.selectbox(say("market.day"), days, key="day", bind="query-params"))


def basis_words(basis: str) -> str:
    """How quotes of a basis came about."""
    return term(QuoteBasis(basis)) if basis in set(QuoteBasis) else basis


def last_words(last: Decimal | None) -> str:
    """The last price of a quote, which may know none."""
    return absent(say("market.no_last")) if last is None else number(last)


def age_words(seconds: Decimal) -> str:
    """How old a quote is: in seconds below a minute, in whole days from two days on."""
    if abs(seconds) < MINUTE:
        return say("market.seconds", count=number(seconds, 1))
    if seconds >= 2 * DAY:
        return say("market.days", count=number(int(seconds // DAY)))
    return span(float(seconds))
