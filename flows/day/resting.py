"""When to look at a resting order again.

Job: tell from an order's terms the next instant at which the market might fill or trigger it.

Invariants
  I1  Too often is allowed, too late is not: a model fills a limit at its price or better only, and
      triggers a stop at a print at or through it, so that a second without such a print is passed.

Not here: whether it fills (broker), which second has such a print (market.replay_reach).
Source: trading part 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from counterseal.market.replay_reach import PriceReach
from counterseal.oms.model import Order
from counterseal.signals.intent import Side


class MovingFeed(Protocol):
    """A market feed that knows when its quotes move.

    MUST give moves in time order, strictly later than asked; MUST NOT look further than the next.
    """

    def next_move(self, symbol: str, after: datetime) -> datetime | None:
        """When the quote of a symbol moves next; None when it does not any more."""


@dataclass(frozen=True, slots=True)
class FeedReach:
    """Looks at an order whenever the quote of its symbol moves."""

    feed: MovingFeed

    def next_reach(self, order: Order, after: datetime) -> datetime | None:
        """The next move of the order's symbol, strictly later (UTC)."""
        return self.feed.next_move(order.symbol, after)


@dataclass(frozen=True, slots=True)
class TapeReach:
    """Looks at an order when a print comes to its price; at every print when it has none."""

    levels: Mapping[str, PriceReach]

    def next_reach(self, order: Order, after: datetime) -> datetime | None:
        """The next second, strictly later (UTC), with a print that may fill or trigger it."""
        levels, buys = self.levels.get(order.symbol), order.side is Side.BUY
        if levels is None:
            return None
        waits = order.stop_price is not None and order.triggered_at is None
        price = order.stop_price if waits else order.limit_price
        if price is None:
            return levels.next_move(after)
        below = buys is not waits
        return (levels.next_at_or_below if below else levels.next_at_or_above)(price, after)
