"""Risk checks as people read them: what passed, what did not, and how near each limit is."""

from collections.abc import Iterable
from decimal import Decimal
from html import escape
from typing import NamedTuple

import streamlit as st

from counterseal.desk.views.check_figures import Measure, exact_of, figure_of
from counterseal.kernel.money import normalized
from counterseal.risk.model import Check, CheckEffect
from ui.web.parts.pieces import Tone, table
from ui.web.parts.words import number, tx
from ui.web.wording import say, term


class Usage(NamedTuple):
    """How much of a limit is used; `told` has both numbers with their unit."""

    label: str
    used: Decimal
    limit: Decimal
    told: str
    holds: bool = True


def usages(*rows: Usage) -> None:
    """Each limit with one thin bar; a broken one says so in words."""
    broken = f" <strong>{escape(say('checks.failed'))}</strong>"
    drawn = "".join(
        f'<li class="{"holds" if one.holds else "bad"}"><span>{escape(one.label)}</span>'
        f'<span class="bar"><i style="width:{_percent(one)}%"></i></span>'
        f"<span>{escape(one.told)}{'' if one.holds else broken}</span></li>"
        for one in rows
    )
    st.html(f'<ul class="usage">{drawn}</ul>')


def _percent(one: Usage) -> int:
    if one.limit <= 0:
        return 100 if one.used > 0 else 0
    return min(max(int(abs(one.used) * 100 / one.limit), 0), 100)


def measured(checks: Iterable[Check]) -> tuple[Usage, ...]:
    """The checks of these that compare a number with a limit."""
    found = ((check, _usage(check)) for check in checks)
    return tuple(usage for _, usage in found if usage is not None)


def _usage(check: Check) -> Usage | None:
    figure = None if check.skipped else figure_of(check)
    numbers = None if figure is None else figure.numbers
    if figure is None or numbers is None:
        return None
    used, limit = (measure_words(one, figure.measure) for one in numbers)
    return Usage(term(check.name), *numbers, within(figure.measure, used, limit), not check.failed)


def measure_words(value: Decimal, unit: Measure) -> str:
    """A number of a check, without its unit."""
    return tx(value) if unit is Measure.TX_EQUIVALENT else number(normalized(value))


def within(unit: Measure, used: str, limit: str) -> str:
    """A value and its limit with their unit."""
    match unit:
        case Measure.TX_EQUIVALENT:
            return say("checks.of_tx", used=used, limit=limit)
        case Measure.TWD:
            return say("checks.of_twd", used=used, limit=limit)
        case Measure.LOTS:
            return say("checks.of_lots", used=used, limit=limit)
        case Measure.SECONDS:
            return say("checks.of_seconds", used=used, limit=limit)
        case _:
            return say("checks.of_points", used=used, limit=limit)


def outcome(check: Check) -> tuple[str, Tone]:
    """What a check came to, in a word."""
    if check.passed:
        return say("checks.passed"), Tone.GOOD
    if check.skipped:
        return say("checks.skipped"), Tone.OFF
    match check.effect:
        case CheckEffect.REFUSE:
            return say("checks.failed"), Tone.BAD
        case CheckEffect.WARN:
            return say("checks.warned"), Tone.WARN
        case CheckEffect.OVERRIDDEN:
            return say("checks.overridden"), Tone.WARN


def facts_of(check: Check) -> str:
    """Every number that a check read, by the names of the log."""
    told = ((d.name.replace("_", " "), exact_of(d.value), d.value) for d in check.details)
    shown = (f"{n} {raw if exact is None else number(exact)}" for n, exact, raw in told)
    return "; ".join(shown) or check.message


def check_table(name: str, checks: Iterable[Check]) -> None:
    """Every check with its outcome and every number, those that did not pass first."""
    ordered = sorted(checks, key=lambda check: check.passed or check.skipped)
    table(
        name,
        (say("checks.check"), say("checks.outcome"), say("checks.facts")),
        [(term(check.name), outcome(check)[0], facts_of(check)) for check in ordered],
    )


def summary(checks: Iterable[Check]) -> str:
    """How many passed, and what did not."""
    every = [check for check in checks if not check.skipped]
    passed = sum(check.passed for check in every)
    return say("checks.summary", passed=number(passed), count=number(len(every)))
