"""UTC time, one text for one instant, and the port that tells it.

Job: the `UtcDatetime` type, its writer and parser, and the `Clock` port.

Invariants
  I1  A naive time is refused; any offset becomes UTC.
  I2  The text has exactly six digits and a `Z`, so that text order is time order.
  I3  Validity is half-open: valid while `now < expires_at`.

Not here: the machine's clock (storage.system), sessions and trading days (market.sessions).
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Final, Protocol

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII
)


def parse_utc(value: object) -> datetime:
    """Turn an aware datetime or RFC 3339 text into UTC.

    Raises:
        ValueError: for naive times, epoch numbers and other text.
    """
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    if isinstance(value, str) and _RFC3339.fullmatch(value) is not None:
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value if value.tzinfo is UTC else value.astimezone(UTC)
    raise ValueError('expected an aware time or RFC 3339 text such as "2026-01-02T00:45:00Z"')


def utc_text(value: datetime) -> str:
    """The one text of an instant: `2026-01-02T00:45:00.000000Z`."""
    return _text_in_utc(value if value.tzinfo is UTC else value.astimezone(UTC))


@lru_cache(maxsize=1_024)
def _text_in_utc(value: datetime) -> str:
    """One instant is written into many documents: all that a command changes."""
    return f"{value.isoformat(timespec='microseconds')[:-6]}Z"


_MICROSECOND: Final = timedelta(microseconds=1)


def seconds_between(start: datetime, end: datetime) -> Decimal:
    """Exact seconds from `start` to `end`, to the microsecond; negative when `end` is earlier.

    Raises:
        ValueError: when one of them is naive.
    """
    return Decimal((parse_utc(end) - parse_utc(start)) // _MICROSECOND).scaleb(-6)


UtcDatetime = Annotated[
    datetime,
    BeforeValidator(parse_utc),
    PlainSerializer(utc_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant in UTC, microsecond resolution."""


class Clock(Protocol):
    """Tells the time.

    MUST return an aware UTC time. MUST NOT be asked more than once for one command: the desk
    reads it once and hands the value on. Going backwards is allowed here and refused by the desk.
    """

    @property
    def source(self) -> str:
        """Where the time comes from: `system` or `replay`; shown wherever time is shown."""

    @property
    def max_error_us(self) -> int:
        """Bound on the error in microseconds; 0 for a replay clock, exact by definition."""

    def now(self) -> datetime:
        """The current instant in UTC."""
