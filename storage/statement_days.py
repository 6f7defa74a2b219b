"""Trading days that ended without a statement.

Job: count, for who only looks, how far the statements of a home are behind its calendar.

Invariants
  I1  It counts what the next round of `end_of_day` would record, and changes nothing.

Not here: recording statements (desk.day_end), the calendar itself (trading_calendar).
Source: MB-E4; issue "Always on", point 4.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from counterseal.desk.day_end import day_end
from counterseal.desk.installation import PolicyActivation, in_force
from counterseal.kernel.errors import InputError
from counterseal.market.sessions import taipei, trading_day
from counterseal.market.trading_days import TradingCalendar
from counterseal.portfolio.day_statement import DayStatement
from counterseal.portfolio.model import Account, DailyPnl
from storage.home_reader import HomeReader
from storage.law import activated_law
from storage.policy_files import contracts_from
from storage.trading_calendar import view_calendar


def statements_behind(reader: HomeReader, home: Path, now: datetime) -> int | None:
    """Ended trading days of accounts without a statement; None beyond the calendar, or without one.

    Raises:
        PolicyError: `POLICY_HASH_MISMATCH`.
        AdapterError: the database fails meanwhile.
    """
    active = in_force(reader.find(PolicyActivation), now)
    if active is None:
        return None
    calendar = _calendar(home, active, now.replace(hour=0, minute=0, second=0, microsecond=0))
    today = taipei(now).date()
    last = today if day_end(today) <= now else today - timedelta(days=1)
    ended = calendar.sessions[: bisect_right(calendar.sessions, last)]
    try:
        return sum(_behind(reader, one, ended, calendar) for one in reader.find(Account))
    except InputError:
        return None


@lru_cache(maxsize=4)
def _calendar(home: Path, active: PolicyActivation, day: datetime) -> TradingCalendar:
    """Read once a day; `day` is its beginning (UTC)."""
    return view_calendar(home, contracts_from(activated_law(active).files).closures, day)


def _behind(
    reader: HomeReader, account: Account, ended: Sequence[date], calendar: TradingCalendar
) -> int:
    """As `desk.day_end` decides which days are due."""
    name = account.account_id
    newest = reader.newest(DayStatement, "ended_at", 1, account_id=name)
    if newest:
        since = date.fromisoformat(newest[0].trading_day)
    else:
        booked = [one.trading_day for one in reader.find(DailyPnl, account_id=name)]
        opened = trading_day(account.updated_at, calendar)
        since = (date.fromisoformat(min(booked)) if booked else opened) - timedelta(days=1)
    return len(ended) - bisect_right(ended, since)
