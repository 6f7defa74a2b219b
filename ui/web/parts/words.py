"""How values are written: numbers, times, hashes and the product's own words."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from html import escape
from typing import Final

from counterseal.kernel.money import exact_text
from counterseal.policy.words import DecisionWord, Meaning

TAIPEI: Final = timezone(timedelta(hours=8))
VERBS: Final = {
    DecisionWord.RESEARCH_APPROVED: "Approve",
    DecisionWord.APPROVED_FOR_PAPER: "Approve",
    DecisionWord.NEEDS_DATA: "Needs data",
    DecisionWord.REJECTED: "Reject",
}
MEANINGS: Final = {
    Meaning.REVIEWED_RESEARCH: "I reviewed the research behind this request.",
    Meaning.AUTHORISED_PAPER: "I authorise this order for paper simulation.",
    Meaning.CLEARED_COMPLIANCE: "I cleared this request for compliance.",
    Meaning.REJECTED: "I reject this request.",
    Meaning.DATA_INSUFFICIENT: "The data is not enough to decide.",
}


def number(value: Decimal | int) -> str:
    """With thousands separators and a true minus sign."""
    text = exact_text(value) if isinstance(value, Decimal) else str(value)
    whole, point, rest = text.lstrip("-").partition(".")
    sign = "\u2212" if text.startswith("-") else ""
    return f"{sign}{int(whole):,}{point}{rest}"


def moment(at: datetime) -> str:
    """Taipei first, then UTC."""
    return f"{at.astimezone(TAIPEI):%Y-%m-%d %H:%M:%S} Taipei ({at:%H:%M:%S}Z)"


def span(seconds: float) -> str:
    """A time of at least a minute in words, the larger unit first."""
    minutes = max(int(seconds), 0) // 60
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def short(digest: str) -> str:
    """First ten and last six digits of a hash."""
    plain = digest.removeprefix("sha256:")
    return f"{plain[:10]}\u2026{plain[-6:]}"


def facts(*rows: tuple[str, str]) -> str:
    """A definition list; every value is text of somebody, and stays text."""
    told = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return f'<dl class="facts">{told}</dl>'
