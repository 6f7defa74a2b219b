"""Trading days from the exchange calendar library, minus our dated closures.

Job: hand the core its dates; loading pandas waits until somebody asks.

Not here: sessions and expiries (market.sessions), closures (policies/contracts).
Source: exchange_calendars, XTAI.
"""

import warnings
from functools import cache

from counterseal.market.contracts import Closure
from counterseal.market.trading_days import TradingCalendar, calendar_from


@cache
def taifex_calendar(closures: tuple[Closure, ...]) -> TradingCalendar:
    """XTAI sessions without the closures that the library misses."""
    import exchange_calendars  # noqa: PLC0415 - brings pandas, which a read command must not load

    with warnings.catch_warnings():  # the library uses what pandas is about to retire
        warnings.simplefilter("ignore")
        sessions = exchange_calendars.get_calendar("XTAI").sessions
    return calendar_from([stamp.date() for stamp in sessions], closures)
