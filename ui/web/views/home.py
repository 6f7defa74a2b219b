"""What waits for the person who is here, and whether the ground holds."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

import streamlit as st

from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.views.duties import Duties, Duty, DutyKind, duties
from counterseal.desk.views.path import PathCounts, path_since
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.market.sessions import entry_phase, session_at, trading_day
from counterseal.policy.limits import RiskLimits
from counterseal.signals.model import SignalRecord
from storage.home_reader import HomeReader
from ui.web import house
from ui.web.live import live
from ui.web.log_check import LogCheck, log_check
from ui.web.own import OwnReader
from ui.web.parts import panels
from ui.web.parts.log_banner import headline
from ui.web.parts.pieces import Card, Tone, badge, cards, facts, plain, simulated
from ui.web.parts.words import TAIPEI, clock, moment, money, number, order_words
from ui.web.visit import here, link
from ui.web.wording import say, term


def show() -> None:
    """The page; a home in which nothing happened yet leads with the demo."""
    panels.title(say("home.title"), say("home.scope"))
    with house.reading() as reader:
        empty = not reader.newest(SignalRecord, "received_at", 1)
    if empty:
        with st.container(border=True):
            st.text(say("home.empty"))
            link("demo", say("home.demo"))
    live(lambda: _now(leads=empty))


def _now(*, leads: bool) -> None:
    now = house.CLOCK.now()
    with house.reading() as reader:
        law = house.law(reader)
        told = duties(reader, law.bundle, here().person.person_id, now)
        check = log_check(reader)
        size = (reader.ends() or (0, 0))[1]
        today = now.astimezone(TAIPEI).date()
        path = _path(reader, house.settings().database.name, here().person.tenant, size, today)
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
        _market_card(now),
        _log_card(check, size),
        Card(say("home.store"), say("home.answers"), moment(now)),
    )
    _line(path)
    work, ground = st.columns([1.72, 1], gap="large")
    with work:
        _listed(told, {name: one for name, one in asked.items() if one is not None})
    with ground:
        _ground(house.limits(law))
        if not leads:
            link("demo", say("home.demo"))


def _of(told: Duties | Refusal) -> tuple[Duty, ...]:
    return () if isinstance(told, Refusal) else told.duties


def _log_card(check: LogCheck | None, size: int) -> Card:
    at = say("home.log_never") if check is None else say("home.log_at", moment=clock(check.at))
    note = at if check is None or check.size == size else f"{at} {say('home.log_older')}"
    return Card(say("home.log"), headline(check), note)


def _market_card(now: datetime) -> Card:
    """By the exchange's calendar; no quote is asked for."""
    bench = house.desk().bench
    try:
        calendar = bench.calendar()
        phase, session = entry_phase(now, calendar), session_at(now, calendar)
        day = trading_day(now, calendar).isoformat()
    except CountersealError as error:
        return Card(say("home.market"), say("home.market_unknown"), error.code)
    note = say("home.market_next", day=day)
    if session is not None:
        until = clock(session.closes_at)
        note = say("home.market_until", kind=term(session.kind), until=until)
    return Card(say("home.market"), term(phase).capitalize(), note)


@st.cache_data(max_entries=64, show_spinner=False)
def _path(_reader: HomeReader, database: str, tenant: str, size: int, today: date) -> PathCounts:
    """Of a day in Taipei; counted anew when the log has grown."""
    del database, size
    since = datetime.combine(today, time.min, TAIPEI).astimezone(UTC)
    return path_since(_reader, since, OwnReader(_reader, tenant).owns)


def _line(path: PathCounts) -> None:
    """Today from signal to fill, in one line."""
    with st.container(border=True):
        counted = (
            say("home.signals", count=number(path.signals)),
            say("home.requests", count=number(path.requests)),
            say("home.approved", count=number(path.approved)),
            say("home.ordered", count=number(path.orders)),
            say("home.filled", count=number(path.filled)),
        )
        told = " \u2192 ".join(counted)
        st.markdown(f"**{say('home.today')}** {told} {simulated()}")


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
            late = badge(say("home.late"), Tone.WARN) if duty.late else ""
            st.markdown(f"**{plain(term(duty.kind))}** {plain(about)} {late}")
            st.caption(say("home.until", moment=moment(duty.until)))
        with way:
            _way(duty)


def _way(duty: Duty) -> None:
    """To the page where it is done."""
    match duty.kind:
        case DutyKind.REVIEW:
            link("request", say("home.review"), id=duty.subject_id)
        case DutyKind.SUBMIT:
            link("submit", say("home.submit"), request=duty.subject_id)
        case DutyKind.ANSWER | DutyKind.ASK_AGAIN:
            link("request", say("home.open"), id=duty.subject_id)
        case DutyKind.SIGN:
            link("settings", say("home.sign"), view="people")
        case DutyKind.VOTE:
            link("settings", say("home.sign"), view="policies")
        case DutyKind.DRILL:
            link("settings", say("home.sign"))


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
