"""An order that is only asked about: every check at a stated quote; nothing is stored or sent."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

import streamlit as st

from counterseal.desk.views.preview import SupposedFeed
from counterseal.desk.views.risk import OrderQuestion, evaluate_question
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal, refuse
from counterseal.market.instruments import ContractRoot
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import OrderType, Side
from ui.web import house
from ui.web.own import OwnReader
from ui.web.parts import panels
from ui.web.parts.checks import measured, usages
from ui.web.parts.fields import PRICE_MAX, exact, one_of, quote_fields, whole
from ui.web.parts.pieces import Tone, banner
from ui.web.parts.words import TAIPEI, moment
from ui.web.views.risk_facts import RiskFacts
from ui.web.views.risk_judged import judgement
from ui.web.visit import here
from ui.web.wording import say, term

MONTHS: Final = 6
LOTS_MAX: Final = 1_000
AT: Final = 20_000
TX_MAX: Final = Decimal(1_000)


def trial(told: RiskFacts) -> None:
    """The question, and beside it what risk says of it."""
    left, right = st.columns([1, 1.4], gap="large")
    with left, st.container(border=True):
        st.header(say("risk.trial"), anchor=False)
        judged = _asked(told)
    with right, st.container(border=True):
        st.header(say("risk.trial_answer"), anchor=False)
        _answer(judged, told.now)


def _asked(told: RiskFacts) -> RiskEvaluation | Refusal:
    """Draw the form; what risk says of what it asks for now."""
    accounts = [account.account_id for account in told.panel.accounts]
    types = [OrderType.MARKET, OrderType.LIMIT]
    first, second, third = st.columns(3)
    with first:
        label = say("orders_preview.symbol")
        root = one_of("trial-root", label, [*ContractRoot], ContractRoot.TMF)
        month = st.selectbox(say("risk.trial_month"), months(told.now), key="trial-month")
    with second:
        side = one_of("trial-side", say("orders_preview.side"), [*Side], Side.BUY)
        quantity = whole("trial-quantity", say("risk.trial_lots"), 1, 1, LOTS_MAX)
    with third:
        kind = one_of("trial-type", say("orders_preview.type"), types, OrderType.MARKET)
        price = _limit() if kind is OrderType.LIMIT else None
    account = st.selectbox(say("request.account"), accounts, key="trial-account")
    left, right = st.columns(2)
    with left:
        key = st.text_input(say("risk.trial_key"), value="question", key="trial-key", max_chars=200)
    with right:
        target = exact("trial-target", say("risk.trial_target"), None, Decimal(0), TX_MAX)
    st.markdown(f"**{say('orders_preview.quote')}**")
    quote, age = quote_fields(_named, AT)
    asked = OrderQuestion(
        account_id=account,
        idempotency_key=key,
        symbol=f"{root.value}{month}",
        side=side,
        quantity=quantity,
        order_type=kind,
        order_price=price,
        approved_target=target,
    )
    bench = house.desk().bench
    ground = replace(bench, feed=SupposedFeed(quote, age, bench.feed, asked.symbol))
    with house.reading() as whole_home:
        reader = OwnReader(whole_home, here().person.tenant)
        try:
            return evaluate_question(reader, ground, told.limits, asked, told.now)
        except CountersealError as error:
            return refuse(error.code, error.message)


def _limit() -> Decimal:
    return whole("trial-limit", say("orders_preview.limit"), AT, 1, PRICE_MAX)


def _named(field: str) -> str:
    return f"trial-{field}"


def months(now: datetime) -> list[str]:
    """The contract months `YYYYMM` that come next, this one first, by Taipei's calendar."""
    at = now.astimezone(TAIPEI)
    since = at.year * 12 + at.month - 1
    return [f"{one // 12}{one % 12 + 1:02}" for one in range(since, since + MONTHS)]


def _answer(judged: RiskEvaluation | Refusal, now: datetime) -> None:
    if isinstance(judged, Refusal):
        panels.refused(judged, say("orders_preview.change"))
        return
    note = say("risk.trial_at", moment=moment(now))
    if judged.approved:
        banner(Tone.GOOD, say("risk.trial_yes"), say("risk.trial_passes"), note)
    else:
        names = ", ".join(term(name) for name in judged.failed)
        banner(Tone.BAD, say("risk.trial_no"), names, note)
    usages(*measured(judged.checks))
    with st.expander(say("submit.every_check")):
        judgement(judged)
