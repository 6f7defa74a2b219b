"""Risk checks as people read them: what passed, what did not, and how near each limit is."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from html import escape
from typing import Final, NamedTuple

import streamlit as st

from counterseal.kernel.money import normalized, parse_exact
from counterseal.risk.model import Check, CheckEffect, CheckName
from ui.web.parts.pieces import Tone, table
from ui.web.parts.words import number, tx
from ui.web.wording import say, term

_N: Final = CheckName
_MEASURED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    _N.MAX_EXPOSURE: ("exposure_tx_equivalent", ("limit_tx_equivalent", "approved_tx_equivalent")),
    _N.POSITION_LIMIT: ("projected_tx_equivalent", ("limit_tx_equivalent",)),
    _N.MARGIN_PROXY: ("margin_twd", ("limit_twd",)),
    _N.DAILY_LOSS_LIMIT: ("loss_twd", ("limit_twd",)),
    _N.MAX_ORDER_SIZE_BY_CONTRACT: ("quantity", ("limit_contracts",)),
    _N.PRICE_REASONABILITY: ("deviation", ("deviation_max",)),
    _N.STALE_QUOTE: ("quote_age_seconds", ("limit_seconds",)),
}
"""The facts that a check compares: what it found, and its bounds, of which the lowest counts."""


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
    if check.name not in _MEASURED or check.skipped:
        return None
    fact, bounds = _MEASURED[check.name]
    told = {detail.name: _exact(detail.value) for detail in check.details}
    used = told.get(fact)
    limits = [limit for bound in bounds if (limit := told.get(bound)) is not None]
    if used is None or not limits:
        return None
    limit = min(limits)
    unit = fact.rpartition("_")[2]
    return Usage(term(check.name), used, limit, _of(used, limit, unit), not check.failed)


def _of(used: Decimal, limit: Decimal, unit: str) -> str:
    told = {"used": number(normalized(used)), "limit": number(normalized(limit))}
    match unit:
        case "equivalent":
            return say("checks.of_tx", used=tx(used), limit=tx(limit))
        case "twd":
            return say("checks.of_twd", **told)
        case "quantity":
            return say("checks.of_lots", **told)
        case "seconds":
            return say("checks.of_seconds", **told)
        case _:
            return say("checks.of_points", **told)


def _exact(text: str) -> Decimal | None:
    try:
        return parse_exact(text)
    except ValueError:
        return None


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
    told = ((d.name.replace("_", " "), _exact(d.value), d.value) for d in check.details)
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
