"""How values are written: numbers, times, spans and hashes, in the language of who looks."""

from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from counterseal.approvals.model import RequestPayload
from counterseal.desk.views.approvals import QueueEntry
from counterseal.kernel.money import exact_text
from counterseal.policy.words import DecisionWord
from ui.web.wording import say, term

TAIPEI: Final = timezone(timedelta(hours=8))
MINUS: Final = "\u2212"


def verb(word: DecisionWord) -> str:
    """What a reviewer does who gives this decision."""
    match word:
        case DecisionWord.REJECTED:
            return say("common.reject")
        case DecisionWord.NEEDS_DATA:
            return say("common.needs_data")
        case _:
            return say("common.approve")


def order_words(bound: RequestPayload | QueueEntry) -> str:
    """What an approval would allow, in words: `Buy up to 4 TMF202601`."""
    quantity, side = number(bound.max_quantity), term(bound.side)
    return say("approvals.headline", side=side, quantity=quantity, symbol=bound.symbol)


def number(value: Decimal | int, places: int | None = None) -> str:
    """With thousands separators and a true minus sign.

    Args:
        value: Exact.
        places: Decimals to round to, half to even; None writes every digit.
    """
    if isinstance(value, Decimal) and places is not None:
        value = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    text = exact_text(value) if isinstance(value, Decimal) else str(value)
    whole, point, rest = text.lstrip("-").partition(".")
    sign = MINUS if text.startswith("-") else ""
    return f"{sign}{int(whole):,}{point}{rest}"


def signed(value: Decimal | int, places: int | None = None) -> str:
    """A gain or loss: as `number`, with a plus sign before what is above zero."""
    told = number(value, places)
    return f"+{told}" if value > 0 else told


def tx(value: Decimal) -> str:
    """TX-equivalents, with two decimals at least and every digit that there is."""
    exponent = value.normalize().as_tuple().exponent
    return number(value, max(2, -exponent if isinstance(exponent, int) else 0))


def money(value: Decimal, currency: str, places: int = 0) -> str:
    """An amount and its currency, such as `36,800 TWD`."""
    return f"{number(value, places)} {currency}"


def lots(count: Decimal | int) -> str:
    """Contracts of one instrument, such as `4 lots`."""
    return say("common.lots", count=number(count))


def moment(at: datetime) -> str:
    """Taipei first, then UTC."""
    local = f"{at.astimezone(TAIPEI):%Y-%m-%d %H:%M:%S}"
    return f"{local} {say('common.taipei')} ({at:%H:%M:%S}Z)"


def clock(at: datetime) -> str:
    """The time of day alone, for lists under a date."""
    return f"{at.astimezone(TAIPEI):%H:%M:%S} {say('common.taipei')}"


def span(seconds: float) -> str:
    """A time of at least a minute in words, the larger unit first."""
    minutes = max(int(seconds), 0) // 60
    hours, rest = divmod(minutes, 60)
    if not hours:
        return say("common.minutes", minutes=number(rest))
    return say("common.hours", hours=number(hours), minutes=number(rest))


def short(digest: str) -> str:
    """First ten and last six digits of a hash."""
    plain = digest.removeprefix("sha256:")
    return f"{plain[:10]}\u2026{plain[-6:]}"


def absent(why: str) -> str:
    """A value that is not there, and why; never an empty place or `None`."""
    return say("common.absent", why=why)
