"""When the market next reaches a price.

Job: find the first second, after an instant, in which an instrument traded at or beyond a price, so
that a resting order is put to the market only where the market came to it.

Invariants
  I1  No instant is left out at which a print lies at the price or beyond it: asking a fill model at
      the given instants only gives what asking it at every print would.
  I2  Each instant is one at which the prints of its second were known already.

Not here: whether anything fills there (broker), the moments of a day (market.replay).
Source: trading part 5 (a limit fills at its price or better, a stop triggers at or through).
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from counterseal.market.replay import SEEN_AFTER
from counterseal.market.ticks import Print


class PriceReach:
    """Lowest and highest price of each second of one instrument.

    Args:
        tape: Its prints in time order.
    """

    def __init__(self, tape: Sequence[Print]) -> None:
        self._known_at: list[datetime] = []
        self._low: list[Decimal] = []
        self._high: list[Decimal] = []
        for stamp, deals in groupby(tape, key=attrgetter("at")):
            prices = [deal.price for deal in deals]
            self._known_at.append(stamp.astimezone(UTC) + SEEN_AFTER)
            self._low.append(min(prices))
            self._high.append(max(prices))

    def next_move(self, after: datetime) -> datetime | None:
        """When the next print was known (UTC), strictly later; None when there is none."""
        place = bisect_right(self._known_at, after)
        return self._known_at[place] if place < len(self._known_at) else None

    def next_at_or_below(self, price: Decimal, after: datetime) -> datetime | None:
        """When a print at the price (points) or below was known, strictly later; None for never."""
        start, low = bisect_right(self._known_at, after), self._low
        places = (i for i in range(start, len(low)) if low[i] <= price)
        return self._instant(next(places, None))

    def next_at_or_above(self, price: Decimal, after: datetime) -> datetime | None:
        """When a print at the price (points) or above was known, strictly later; None for never."""
        start, high = bisect_right(self._known_at, after), self._high
        places = (i for i in range(start, len(high)) if high[i] >= price)
        return self._instant(next(places, None))

    def _instant(self, place: int | None) -> datetime | None:
        return None if place is None else self._known_at[place]
