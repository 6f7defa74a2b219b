"""How long an order works.

Job: tell the instant at which an order ends by itself.

Invariants
  I1  A day order dies with the session that it entered: 13:45 by day, 05:00 by night.
  I2  No order outlives its contract.

Not here: the hours (market.sessions), expiring orders (desk.closing).
Source: trading reference parts 1.3 and 1.5.
"""

from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from counterseal.market.instruments import contract_month
from counterseal.market.sessions import (
    AFTER_HOURS,
    EXPIRY_CLOSE,
    REGULAR,
    TAIPEI,
    expiry_date,
    session_end,
    taipei,
)
from counterseal.market.trading_days import TradingCalendar
from counterseal.oms.model import Order
from counterseal.signals.intent import TimeInForce

_ENTRY_TIMES: Final = (REGULAR.entry_from, AFTER_HOURS.entry_from)
_KEPT: Final = frozenset({TimeInForce.GTC, TimeInForce.GTD})
_DAYS_AHEAD: Final = 31
"""The longest closure that is looked past."""


def deadline_of(order: Order, calendar: TradingCalendar) -> datetime | None:
    """The first instant (aware) at which the order does not work any more.

    DAY, IOC and FOK end with the session that they entered; entered outside every session, with
    the next one. GTD ends at its instant, GTC never, but both no later than their contract.

    Returns:
        The instant, or None for an order without any end (GTC of an unknown contract).

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar.
    """
    month = contract_month(order.symbol)
    over = None if month is None else contract_end(month, calendar)
    if order.time_in_force in _KEPT:
        ends = [end for end in (order.good_till, over) if end is not None]
        return min(ends, default=None)
    entered = order.submitted_at or order.created_at
    return _session_close(entered, calendar, month) or over


def contract_end(month: str, calendar: TradingCalendar) -> datetime:
    """The close of a contract's last day: 13:30 Taipei.

    Raises:
        InputError: `MONTH_INVALID` or `CALENDAR_RANGE`.
    """
    return datetime.combine(expiry_date(month, calendar), EXPIRY_CLOSE, TAIPEI)


def _session_close(
    entered: datetime, calendar: TradingCalendar, month: str | None
) -> datetime | None:
    day = taipei(entered).date()
    later = (
        datetime.combine(day + timedelta(days=ahead), moment, TAIPEI)
        for ahead in range(_DAYS_AHEAD)
        for moment in _ENTRY_TIMES
    )
    for instant in chain((entered,), (opens for opens in later if opens > entered)):
        close = session_end(instant, calendar, month)
        if close is not None:
            return close
    return None
