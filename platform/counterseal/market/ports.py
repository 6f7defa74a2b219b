"""The port to market quotes.

Job: say what an adapter that feeds quotes may and may not do.

Not here: adapters (storage), staleness (risk).
"""

from datetime import datetime
from typing import Protocol

from counterseal.kernel.model import Refusal
from counterseal.market.quotes import Quote


class MarketFeed(Protocol):
    """Gives the latest quote of an instrument.

    MUST return only quotes whose event time is not after `now`, with their true basis and times.
    MUST return a refusal, never an old quote with a new stamp, when it has none.
    MUST NOT read a clock, place orders, or change a quote that it has once given under an id.
    """

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """The latest quote at `now` (aware time), or the refusal `NO_QUOTE`."""
