"""Trading hours of the index futures.

Job: tell session, trading day, order-entry phase and expiry from an instant and a calendar.

Invariants
  I1  Sessions are half-open: open at the first second, closed at the last bound.
  I2  From 15:00 Taipei on, time belongs to the next regular trading day.
  I3  An expiring month closes at 13:30 on its last day and has no session after it.

Not here: the dates (market.trading_days), order lifetimes (oms).
Source: trading parts 1.3 and 1.4. Assumed: a night session follows every regular session, also
before a long closure.
"""

from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Final, NamedTuple

from counterseal.kernel.errors import InputError
from counterseal.market.trading_days import TradingCalendar

TAIPEI: Final = timezone(timedelta(hours=8), "Asia/Taipei")
"""Taiwan keeps no summer time."""

EXPIRY_CLOSE: Final = time(13, 30)
_WEDNESDAY: Final = 2
_MONTH_LENGTH: Final = 6


class SessionKind(StrEnum):
    """Regular (day) or after-hours (night)."""

    REGULAR = "regular"
    AFTER_HOURS = "after_hours"


class EntryPhase(StrEnum):
    """What may be done with orders: nothing, add only (no cancel, no change), or all."""

    CLOSED = "closed"
    ADD_ONLY = "add_only"
    OPEN = "open"


class SessionTemplate(NamedTuple):
    """Hours in Taipei time; `closes` not after `opens` means the next calendar day."""

    kind: SessionKind
    entry_from: time
    add_only_from: time
    opens: time
    closes: time


REGULAR: Final = SessionTemplate(
    SessionKind.REGULAR, time(8, 30), time(8, 43), time(8, 45), time(13, 45)
)
AFTER_HOURS: Final = SessionTemplate(
    SessionKind.AFTER_HOURS, time(14, 50), time(14, 58), time(15), time(5)
)


class Session(NamedTuple):
    """One session with its aware bounds; valid while `entry_from <= now < closes_at`."""

    kind: SessionKind
    trading_day: date
    entry_from: datetime
    add_only_from: datetime
    opens_at: datetime
    closes_at: datetime


def taipei(at: datetime) -> datetime:
    """The instant in Taipei time.

    Raises:
        InputError: `TIME_NAIVE`.
    """
    if at.tzinfo is None:
        raise InputError("TIME_NAIVE", "expected an aware time", field="at", got=at)
    return at.astimezone(TAIPEI)


def trading_day(at: datetime, calendar: TradingCalendar) -> date:
    """Trading day of an instant: that date before 15:00 on a session date, else the next session.

    Raises:
        InputError: `TIME_NAIVE` or `CALENDAR_RANGE`.
    """
    local = taipei(at)
    if local.time() >= AFTER_HOURS.opens:
        return calendar.next_after(local.date())
    return calendar.next_from(local.date())


def expiry_date(month: str, calendar: TradingCalendar) -> date:
    """Last trading day: third Wednesday (n-th for `202107Wn`), or the next session if closed.

    Raises:
        InputError: `MONTH_INVALID` or `CALENDAR_RANGE`.
    """
    week = 3 if len(month) == _MONTH_LENGTH else 0
    if len(month) == _MONTH_LENGTH + 2 and month[6] == "W" and month[7] in "12345":
        week = int(month[7])
    try:
        first = date(int(month[:4]), int(month[4:6]), 1)
    except ValueError:
        week = 0
    if week == 0:
        raise InputError(
            "MONTH_INVALID", "no such month", field="month", expected="202108", got=month
        )
    nth = first + timedelta(days=(_WEDNESDAY - first.weekday()) % 7 + 7 * (week - 1))
    return calendar.next_from(nth)


def _on(
    day: date, template: SessionTemplate, calendar: TradingCalendar, month: str | None
) -> Session | None:
    if day < calendar.sessions[0] or not calendar.is_session(day):
        return None
    night = template.kind is SessionKind.AFTER_HOURS
    closes = template.closes
    if month is not None:
        last = expiry_date(month, calendar)
        if day > last or (night and day == last):
            return None
        closes = EXPIRY_CLOSE if day == last else closes

    def _stamp(moment: time, *, later: bool = False) -> datetime:
        return datetime.combine(day + timedelta(days=later), moment, TAIPEI)

    return Session(
        template.kind,
        calendar.next_after(day) if night else day,
        _stamp(template.entry_from),
        _stamp(template.add_only_from),
        _stamp(template.opens),
        _stamp(closes, later=night),
    )


def session_at(at: datetime, calendar: TradingCalendar, month: str | None = None) -> Session | None:
    """The session that takes orders at an instant (entry window or trading), or None.

    Args:
        at: Aware time.
        calendar: Session dates.
        month: Contract month such as `202108`, for the hours of its last day.

    Raises:
        InputError: `TIME_NAIVE`, `MONTH_INVALID` or `CALENDAR_RANGE`.
    """
    local = taipei(at)
    today = local.date()
    days = ((today, REGULAR), (today, AFTER_HOURS), (today - timedelta(days=1), AFTER_HOURS))
    for day, template in days:
        if day == today and local.time() < template.entry_from:
            continue
        found = _on(day, template, calendar, month)
        if found is not None and found.entry_from <= local < found.closes_at:
            return found
    return None


def is_open(at: datetime, calendar: TradingCalendar, month: str | None = None) -> bool:
    """Whether trading goes on at an aware instant.

    Raises:
        InputError: as `session_at`.
    """
    session = session_at(at, calendar, month)
    return session is not None and session.opens_at <= at


def entry_phase(at: datetime, calendar: TradingCalendar, month: str | None = None) -> EntryPhase:
    """What may be done with orders at an aware instant.

    Raises:
        InputError: as `session_at`.
    """
    session = session_at(at, calendar, month)
    if session is None:
        return EntryPhase.CLOSED
    add_only = session.add_only_from <= at < session.opens_at
    return EntryPhase.ADD_ONLY if add_only else EntryPhase.OPEN


def session_end(
    at: datetime, calendar: TradingCalendar, month: str | None = None
) -> datetime | None:
    """When the current session closes (an ROD order dies then), Taipei time; None outside sessions.

    Raises:
        InputError: as `session_at`.
    """
    session = session_at(at, calendar, month)
    return None if session is None else session.closes_at
