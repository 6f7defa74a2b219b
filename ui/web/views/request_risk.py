"""A request judged as if all of it were ordered now: live, and labelled so."""

from decimal import Decimal
from typing import Final

import streamlit as st

from counterseal.approvals.model import RequestPayload
from counterseal.desk.views.case_preview import CasePreview, CheckPreview, case_preview
from counterseal.desk.views.check_figures import CheckWord, Measure, exact_of
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal, refuse
from counterseal.risk.model import CHECK_COUNT
from ui.web import house
from ui.web.live import live
from ui.web.own import OwnReader
from ui.web.parts.checks import Usage, measure_words, outcome, usages, within
from ui.web.parts.panels import refused
from ui.web.parts.pieces import Mark, Tone, badge, badges, instant, table
from ui.web.parts.words import absent, lots, moment, money, number
from ui.web.views.request_price import price_context
from ui.web.visit import here
from ui.web.wording import say, term

_WORDS: Final = frozenset(CheckWord)


def around(bound: RequestPayload) -> None:
    """Risk and price around a request, drawn anew every few seconds."""
    live(lambda: _drawn(bound))


def _drawn(bound: RequestPayload) -> None:
    told = _read(bound)
    if isinstance(told, Refusal):
        refused(told, say("request_risk.no_answer"))
        return
    with st.container(border=True):
        _risk(told)
    with st.container(border=True):
        price_context(told, bound)


def _read(bound: RequestPayload) -> CasePreview | Refusal:
    bench, now = house.desk().bench, house.CLOCK.now()
    with house.reading() as whole:
        limits = house.limits(house.law(whole))
        reader = OwnReader(whole, here().person.tenant)
        try:
            return case_preview(reader, bench, limits, bound, now)
        except InputError as error:
            return refuse(error.code, error.message)


def _risk(told: CasePreview) -> None:
    st.header(say("request_risk.heading"), anchor=False)
    good, count = told.passed == CHECK_COUNT, number(CHECK_COUNT)
    passed = say("request_risk.passed", passed=number(told.passed), count=count)
    mark = badge(passed, Tone.GOOD if good else Tone.WARN)
    badges(badge(say("request_risk.live"), Tone.DUE), mark)
    failed = told.evaluation.failed
    if failed:
        st.text(say("request_risk.failing", names=", ".join(map(term, failed))))
    usages(*(usage for one in told.checks if (usage := _usage(one)) is not None))
    with st.expander(say("request_risk.every", count=count)):
        _every(told)
    instant(say("request_risk.evaluated", moment=moment(told.at)), told.at)


def _usage(one: CheckPreview) -> Usage | None:
    """One thin bar for each number that has a limit, and what it was before the order."""
    after, limit = exact_of(one.after), exact_of(one.limit)
    if after is None or limit is None or one.check.skipped:
        return None
    used, before = _near(after, one.measure), exact_of(one.before)
    if before is not None and before != after:
        used = f"{_near(before, one.measure)} \u2192 {used}"
    told = within(one.measure, used, measure_words(limit, one.measure))
    return Usage(term(one.check.name), after, limit, told, not one.check.failed)


def _near(value: Decimal, measure: Measure) -> str:
    """As the table has it, but an age to a tenth of a second."""
    return number(value, 1) if measure is Measure.SECONDS else measure_words(value, measure)


def _every(told: CasePreview) -> None:
    head = (
        say("checks.check"),
        say("request_risk.before"),
        say("request_risk.after"),
        say("request_risk.limit"),
        say("checks.outcome"),
    )
    table(say("request_risk.heading"), head, map(_row, told.checks), numeric={1, 2, 3})


def _row(one: CheckPreview) -> tuple[str | Mark, ...]:
    unknown = absent(say("request_risk.not_known"))
    return (
        term(one.check.name),
        _value(one.before, one.measure) or say("request_risk.no_order"),
        _value(one.after, one.measure) or unknown,
        _value(one.limit, one.measure) or unknown,
        Mark(*outcome(one.check)),
    )


def _value(text: str, measure: Measure) -> str:
    exact = exact_of(text)
    if exact is None:
        return term(CheckWord(text)) if text in _WORDS else text
    return _with_unit(exact, measure)


def _with_unit(value: Decimal, measure: Measure) -> str:
    told = measure_words(value, measure)
    match measure:
        case Measure.TX_EQUIVALENT:
            return say("checks.in_tx", count=told)
        case Measure.TWD:
            return money(value, "TWD")
        case Measure.LOTS:
            return lots(value)
        case Measure.SECONDS:
            return say("market.seconds", count=told)
        case _:
            return say("request.points", count=told)
