"""How a report writes values, and says in a sentence how a case ended.

Job: numbers with all their digits, times in UTC, plain words for states.

Invariants
  I1  No digit is rounded away, and none is added.

Not here: pages (evidence/templates).
Source: trading reference part 2, the label in every export.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.approvals.model import RequestStatus
from counterseal.desk.exports import ScopeKind
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.model import Detail
from counterseal.kernel.money import normal_text
from counterseal.risk.model import Check, CheckEffect
from evidence.report_cases import Case, OrderStory
from evidence.report_facts import PackFacts

NONE: Final = "\N{EN DASH}"
"""Stands where there is nothing."""

_DIGEST: Final = re.compile(r"\b(sha256:[0-9a-f]{12})[0-9a-f]{52}\b")
_ENDED: Final = {
    RequestStatus.PENDING_REVIEW: "Waits for its first review",
    RequestStatus.RESEARCH_APPROVED: "Research approved it; further reviews are open",
    RequestStatus.APPROVED_FOR_PAPER: "Approved for paper simulation; not yet used",
    RequestStatus.REJECTED: "Rejected",
    RequestStatus.NEEDS_DATA: "Sent back: data is missing",
    RequestStatus.EXPIRED: "Expired",
    RequestStatus.WITHDRAWN: "Withdrawn by its requester",
    RequestStatus.REVOKED: "Revoked",
    RequestStatus.SUPERSEDED: "Replaced by a newer version",
    RequestStatus.CONSUMED: "Approved for paper simulation, and used",
}


def number(value: Decimal | int | None) -> str:
    """All digits, thousands apart: `1,000,236.85`."""
    if value is None:
        return NONE
    whole, point, rest = normal_text(Decimal(value)).partition(".")
    return f"{int(whole):,}{point}{rest}" if whole != "-0" else f"-0{point}{rest}"


def signed_number(value: Decimal) -> str:
    """The same with its sign, also a plus."""
    return f"+{number(value)}" if value > 0 else number(value)


def instant(value: datetime | str | None) -> str:
    """`2026-01-05 00:46:15 UTC`, with a fraction where there is one; other text as it is."""
    if value is None or value == "":
        return NONE
    try:
        at = parse_utc(value)
    except ValueError:
        return str(value)
    rest = f".{at.microsecond:06d}".rstrip("0") if at.microsecond else ""
    return f"{at:%Y-%m-%d %H:%M:%S}{rest} UTC"


def short(text: str) -> str:
    """Text with the beginning of each digest only; the tables hold them whole."""
    return _DIGEST.sub("\\1\N{HORIZONTAL ELLIPSIS}", text)


def words(value: object) -> str:
    """An identifier as words: `needs_data_review` reads `needs data review`."""
    return NONE if value in (None, "") else str(value).replace("_", " ")


def seconds(value: int) -> str:
    """A duration in its largest whole unit."""
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if value >= 2 * size and value % size == 0:
            return f"{value // size} {unit}"
    return f"{value:,} seconds"


def details(values: Sequence[Detail]) -> str:
    """Facts of a check on one line."""
    return " \N{MIDDLE DOT} ".join(f"{words(one.name)} {one.value}" for one in values) or NONE


def verdict(check: Check) -> str:
    """`passed`, `skipped`, `FAILED`, `warned` or `overridden`."""
    if check.passed:
        return "passed"
    if check.skipped:
        return "not asked"
    return {CheckEffect.WARN: "warned", CheckEffect.OVERRIDDEN: "overridden"}.get(
        check.effect, "FAILED"
    )


def title_of(facts: PackFacts) -> str:
    """What the report is about."""
    scope = facts.scope
    if scope.kind is ScopeKind.PERIOD:
        return f"Period {instant(scope.since)} to {instant(scope.until)}"
    if scope.kind is ScopeKind.GROWTH:
        return f"Recorded behind the first {scope.value} records"
    if scope.kind is ScopeKind.ALL:
        return "The whole log"
    return f"{scope.kind.value.capitalize()} {scope.value}"


def outcome_of(case: Case) -> str:
    """How the case stands after its last record."""
    told = [_ENDED[case.request.status], *(_order_outcome(story) for story in case.orders)]
    return ". ".join(told) + "."


def _order_outcome(story: OrderStory) -> str:
    order = story.order
    done = f"{number(order.cum_quantity)} of {number(order.quantity)} filled on paper"
    if order.average_price is not None:
        done += f" at {number(order.average_price)} on average"
    judged = [risk.reason for risk in story.risk if not risk.approved]
    why = f" by the risk check {judged[0]}" if judged else ""
    return f"Order {words(order.state).lower()}{why}: {done}"
