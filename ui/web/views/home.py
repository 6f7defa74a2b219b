"""What waits for the person who is here, and whether the ground holds."""

from collections.abc import Mapping
from datetime import datetime

import streamlit as st

from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.views.duties import Duties, Duty, DutyKind, duties
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.policy.limits import RiskLimits
from ui.web import house
from ui.web.live import live
from ui.web.log_check import LogCheck, log_check
from ui.web.own import OwnReader
from ui.web.parts import panels
from ui.web.parts.log_banner import headline
from ui.web.parts.pieces import Card, cards, facts, plain
from ui.web.parts.words import TAIPEI, clock, moment, money, number, order_words
from ui.web.visit import here, link
from ui.web.wording import say, term


def show() -> None:
    """The page."""
    panels.title(say("home.title"), say("home.scope"))
    live(_now)


def _now() -> None:
    now = house.CLOCK.now()
    with house.reading() as reader:
        law = house.law(reader)
        told = duties(reader, law.bundle, here().person.person_id, now)
        check = log_check(reader)
        size = (reader.ends() or (0, 0))[1]
        orders = OwnReader(reader, here().person.tenant).find(Order)
        asked = {
            duty.subject_id: reader.get(ApprovalRequest, duty.subject_id) for duty in _of(told)
        }
    if isinstance(told, Refusal):
        panels.refused(told)
        return
    reviews = sum(duty.kind is DutyKind.REVIEW for duty in told.duties)
    others = say("home.yours_note", count=number(len(told.duties) - reviews))
    cards(
        Card(say("home.yours"), number(reviews), others),
        _log_card(check, size),
        Card(say("home.store"), say("home.answers"), moment(now)),
        _orders_card(orders, now),
    )
    work, ground = st.columns([1.72, 1], gap="large")
    with work:
        _listed(told, {name: one for name, one in asked.items() if one is not None})
    with ground:
        _ground(house.limits(law))


def _of(told: Duties | Refusal) -> tuple[Duty, ...]:
    return () if isinstance(told, Refusal) else told.duties


def _log_card(check: LogCheck | None, size: int) -> Card:
    at = say("home.log_never") if check is None else say("home.log_at", moment=clock(check.at))
    note = at if check is None or check.size == size else f"{at} {say('home.log_older')}"
    return Card(say("home.log"), headline(check), note)


def _orders_card(orders: tuple[Order, ...], now: datetime) -> Card:
    """Of the day in Taipei."""
    today = now.astimezone(TAIPEI).date()
    of_today = [one for one in orders if one.created_at.astimezone(TAIPEI).date() == today]
    filled = sum(one.state is OrderState.FILLED for one in of_today)
    working = sum(one.leaves_quantity > 0 for one in orders)
    note = say("home.orders_note", filled=number(filled), working=number(working))
    return Card(say("home.orders"), number(len(of_today)), note)


def _listed(told: Duties, asked: Mapping[str, ApprovalRequest]) -> None:
    if not told.duties:
        panels.empty(say("home.nothing"), say("home.nothing_then"))
        return
    st.header(say("home.to_do", count=number(len(told.duties))), anchor=False)
    for duty in told.duties:
        _row(duty, asked.get(duty.subject_id))


def _row(duty: Duty, request: ApprovalRequest | None) -> None:
    with st.container(border=True):
        what, way = st.columns([5, 1], vertical_alignment="center")
        with what, st.container(gap=None):
            about = duty.subject_id if request is None else order_words(request.payload)
            st.markdown(f"**{plain(term(duty.kind))}** {plain(about)}")
            st.caption(say("home.until", moment=moment(duty.until)))
        if duty.kind is DutyKind.REVIEW:
            with way:
                link("request", say("home.review"), id=duty.subject_id)
        elif duty.kind is DutyKind.SUBMIT:
            with way:
                link("submit", say("home.submit"), request=duty.subject_id)
        else:
            st.code(duty.command, language=None, wrap_lines=True)


def _ground(limits: RiskLimits) -> None:
    """The three limits that every order meets (TX-B1)."""
    exposure = say("request.tx_equivalent", count=number(limits.max_tx_equivalent_exposure))
    with st.container(border=True):
        st.header(say("home.limits"), anchor=False)
        facts(
            (say("home.exposure"), exposure),
            (say("home.loss"), money(limits.daily_loss_max_twd, Currency.TWD.value)),
            (say("home.stale"), say("home.seconds", count=number(limits.stale_quote_seconds))),
        )
