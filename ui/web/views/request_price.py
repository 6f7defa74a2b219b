"""The market around a request: its quote, how old that is, and what prices risk takes."""

from decimal import Decimal

import streamlit as st

from counterseal.approvals.model import RequestPayload
from counterseal.desk.views.case_preview import CasePreview
from counterseal.market.ports import FollowedFeed
from counterseal.market.sessions import EntryPhase, SessionKind
from counterseal.risk.model import CheckName
from ui.web import house
from ui.web.parts.pieces import badges, facts, simulated
from ui.web.parts.words import absent, number
from ui.web.views.market_facts import age_words, basis_words, last_words
from ui.web.wording import say, term


def price_context(told: CasePreview, bound: RequestPayload) -> None:
    """What is known of the price now, and what was asked for."""
    st.header(say("request_risk.price"), anchor=False)
    if told.quote.quote is not None:
        badges(simulated())
    unknown = absent(say("request_risk.not_known"))
    band = told.band
    taken = unknown if band is None else _between(band.low, band.high)
    facts(
        *_quote(told),
        (say("request_risk.band"), taken),
        (say("request_risk.bounds"), _between(bound.price_min, bound.price_max)),
        (say("request_risk.session"), _session(told.session)),
    )
    if told.quote.quote is None and not isinstance(house.desk().bench.feed, FollowedFeed):
        st.caption(say("market.not_fed"))


def _quote(told: CasePreview) -> tuple[tuple[str, str], ...]:
    quote, age = told.quote.quote, told.quote.age_now
    if quote is None or age is None:
        return ((say("request_risk.bid_ask"), absent(say("request_risk.not_known"))),)
    oldest = next(one.limit for one in told.checks if one.check.name == CheckName.STALE_QUOTE)
    state = say("market.stale") if told.quote.stale_now else say("market.fresh")
    limit = say("market.seconds", count=oldest)
    return (
        (say("request_risk.bid_ask"), f"{number(quote.bid)} / {number(quote.ask)}"),
        (say("demo.last"), last_words(quote.last)),
        (
            say("request_risk.age"),
            say("request_risk.age_of", age=age_words(age), limit=limit, state=state),
        ),
        (say("market.basis"), basis_words(quote.basis)),
    )


def _between(low: Decimal | None, high: Decimal | None) -> str:
    if low is not None and high is not None:
        return say("request_risk.from_to", low=number(low), high=number(high))
    if low is not None:
        return say("request_risk.at_least", low=number(low))
    return (
        say("request_risk.any_price")
        if high is None
        else say("request_risk.at_most", high=number(high))
    )


def _session(name: str) -> str:
    """The exchange's session in words."""
    return term(SessionKind(name)) if name in set(SessionKind) else term(EntryPhase.CLOSED)
