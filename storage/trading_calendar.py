"""Trading days from the exchange calendar library, minus our dated closures.

Job: hand a desk the dates of the library, and a view the copy that a desk of its home left behind.

Invariants
  I1  A desk decides by the library alone; no copy is ever read for it.
  I2  A view takes a copy only when its digest holds, library version and closures are those in
      force, and it reaches `MARGIN` beyond now; otherwise the view asks the library, too.
  I3  A copy that cannot be written or read stops nobody, and looking writes none.

The copy exists because the library brings pandas, which takes longer to load than looking takes.
`counterseal init` leaves the first one; each process that decides renews it when it differs. Its
digest finds damage, not forgery: who forges a copy changes what a view shows about today, but no
decision, and the next process that decides puts the right copy back.

Not here: sessions and expiries (market.sessions), closures (policies/contracts).
Source: exchange_calendars, XTAI; style part 5 (what a read command may load).
"""

import os
import warnings
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from counterseal.kernel.canonical import canonical_bytes, digest
from counterseal.kernel.model import DomainModel, Name, Sha256
from counterseal.market.contracts import Closure
from counterseal.market.trading_days import TradingCalendar, calendar_from

COPY: Final = "trading-days.json"
"""The copy's name in a home."""
MARGIN: Final = timedelta(days=31)
"""How far a copy must reach beyond now: longer than any closure of the exchange."""
_LIBRARY: Final = "exchange_calendars"
_BYTES_MAX: Final = 1_000_000


class _Dates(DomainModel):
    """Session dates, and what they were made of."""

    library: Name
    closures: Sha256
    calendar: TradingCalendar


class _Copy(DomainModel):
    """The file: dates and the digest over them."""

    dates: _Dates
    dates_digest: Sha256


@cache
def taifex_calendar(closures: tuple[Closure, ...]) -> TradingCalendar:
    """XTAI sessions without the closures that the library misses."""
    import exchange_calendars  # noqa: PLC0415 - brings pandas, which a read command must not load

    with warnings.catch_warnings():  # the library uses what pandas is about to retire
        warnings.simplefilter("ignore")
        sessions = exchange_calendars.get_calendar("XTAI").sessions
    return calendar_from([stamp.date() for stamp in sessions], closures)


@cache
def desk_calendar(home: Path, closures: tuple[Closure, ...]) -> TradingCalendar:
    """The library's dates, for decisions; a copy is left in the home for views."""
    calendar = taifex_calendar(closures)
    library, of = _made_of(closures)
    dates = _Dates(library=library, closures=of, calendar=calendar)
    copy = _Copy(dates=dates, dates_digest=dates.digest)
    with suppress(OSError):
        _keep(home / COPY, canonical_bytes(copy.json_value()))
    return calendar


def view_calendar(home: Path, closures: tuple[Closure, ...], now: datetime) -> TradingCalendar:
    """Dates to look at, never to decide by: the home's copy when it holds, else the library's."""
    return _copied(home / COPY, closures, now) or taifex_calendar(closures)


def _made_of(closures: tuple[Closure, ...]) -> tuple[str, str]:
    """Library with its version, and the digest of the closures."""
    return f"{_LIBRARY}=={version(_LIBRARY)}", digest([c.json_value() for c in closures])


def _keep(path: Path, content: bytes) -> None:
    """Replace the copy when it differs; another process sees the old or the new one.

    Raises:
        OSError: when it cannot be read or written.
    """
    if path.is_file() and path.read_bytes() == content:
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _copied(path: Path, closures: tuple[Closure, ...], now: datetime) -> TradingCalendar | None:
    """The dates of a copy that holds in every respect, or None."""
    try:
        if path.stat().st_size > _BYTES_MAX:
            return None
        copy = _Copy.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    dates = copy.dates
    if copy.dates_digest != dates.digest or (dates.library, dates.closures) != _made_of(closures):
        return None
    first, last = dates.calendar.sessions[0], dates.calendar.sessions[-1]
    return dates.calendar if first <= now.date() <= last - MARGIN else None
