r"""Exact numbers: text in, text out, never a float.

Job: the annotated types for prices, quantities and money that every document uses.

Invariants
  I1  A float, NaN or infinity is refused, from Python and from JSON.
  I2  One value has one text: `exact_text` never prints an exponent, a plus or a negative zero.
  I3  Text is ASCII `-?(0|[1-9][0-9]*)(\.[0-9]+)?`, at most 40 characters.
  I4  A sum that would need rounding raises instead of rounding silently.

Not here: rounding rules of an exchange (market.contracts), fees (portfolio).
Source: style part 4, data traps.
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from counterseal.kernel.errors import InputError

_EXACT_TEXT: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_TEXT_LENGTH_MAX: Final = 40
EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation])
"""Context for sums and products that must be exact: it raises where it would round."""


def parse_exact(value: object) -> Decimal:
    """Turn exact text, an int or a finite Decimal into a Decimal.

    Raises:
        ValueError: for floats, booleans, NaN, infinities, exponents, blanks and over-long text.
    """
    if isinstance(value, Decimal):
        if not value.is_finite() or len(exact_text(value)) > _TEXT_LENGTH_MAX:
            raise ValueError("expected a finite decimal of at most 40 characters")
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return parse_exact(Decimal(value))
    if (
        isinstance(value, str)
        and len(value) <= _TEXT_LENGTH_MAX
        and _EXACT_TEXT.fullmatch(value) is not None
    ):
        return Decimal(value)
    raise ValueError('expected decimal text such as "12.50", never a JSON number')


def exact_text(value: Decimal) -> str:
    """The one text of a number: plain digits, zero without a sign, decimals kept as stored."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    return text[1:] if text[0] == "-" and value.is_zero() else text


def quantized(value: Decimal, places: int) -> Decimal:
    """Round half up to a number of decimal places (0 = whole units).

    Raises:
        InputError: `NUMBER_TOO_LONG` when the result would need more than 60 digits.
    """
    try:
        return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, Context(prec=60))
    except InvalidOperation:
        raise InputError("NUMBER_TOO_LONG", "too many digits", got=value) from None


def normal_text(value: Decimal) -> str:
    """The one text of a number, without trailing zeros: 1.50 and 1.5 read alike."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def normalized(value: Decimal) -> Decimal:
    """The same number without trailing zeros, so that 1.50 and 1.5 hash alike."""
    return Decimal(normal_text(value))


def _is_normal(text: str) -> bool:
    """Whether plain digits are those that `normal_text` gives."""
    return text[-1] != "0" if "." in text else text != "-0"


def _normal(value: object) -> Decimal:
    """A value in its normal form; one that has it already, as most have, is not written anew."""
    if type(value) is Decimal and value.is_finite():
        text = str(value)
        if len(text) <= _TEXT_LENGTH_MAX and "E" not in text and _is_normal(text):
            return value
    parsed = parse_exact(value)
    return parsed if isinstance(value, str) and _is_normal(value) else normalized(parsed)


Exact = Annotated[
    Decimal,
    BeforeValidator(_normal),
    PlainSerializer(exact_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_EXACT_TEXT.pattern}$"}),
]
"""A finite, signed, exact number without trailing zeros; JSON text."""

Price = Exact
"""Signed price in the instrument's quote unit (index points, dollars); spreads may be negative."""

Quantity = Annotated[Exact, Field(gt=0)]
"""Contracts or shares, above zero; the side carries the sign."""

NonNegative = Annotated[Exact, Field(ge=0)]
"""Zero or more, in the unit that the field's name states."""


class Currency(StrEnum):
    """ISO 4217 codes that accounts may be kept in."""

    TWD = "TWD"
    USD = "USD"
    EUR = "EUR"
    JPY = "JPY"
