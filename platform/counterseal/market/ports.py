"""The ports to the market: quotes, and where a feed has them, prints and bars.

Job: say what an adapter that feeds quotes, prints or bars may and may not do.

Not here: adapters (storage), staleness (risk).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from counterseal.kernel.model import Refusal
from counterseal.market.quotes import Bar, Quote
from counterseal.market.tape import TapeDeal


class MarketFeed(Protocol):
    """Gives the latest quote of an instrument.

    MUST return only quotes whose event time is not after `now`, with their true basis and times.
    MUST return a refusal, never an old quote with a new stamp, when it has none.
    MUST NOT read a clock, place orders, or change a quote that it has once given under an id.
    """

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """The latest quote at `now` (aware time), or the refusal `NO_QUOTE`."""


@runtime_checkable
class FollowedFeed(Protocol):
    """A feed that follows a source while time passes, such as a file that grows.

    MUST refuse a quote that is too old to tell what the market is now.
    """

    @property
    def source(self) -> str:
        """What it follows, as its quotes name it."""

    def symbols(self) -> tuple[str, ...]:
        """Symbols that it ever had a quote of, sorted."""

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """As `MarketFeed.quote`."""


@runtime_checkable
class PrintFeed(Protocol):
    """A feed that also has the prints behind its quotes; a feed of quotes alone is none.

    MUST give the same prints for the same question, and none whose second is not over.
    """

    def prints(self, symbol: str, after: datetime, until: datetime) -> Sequence[TapeDeal]:
        """Prints stamped later than `after` whose second is over at `until` (aware), in order."""


@runtime_checkable
class BarFeed(Protocol):
    """A feed that also has bars.

    MUST give the same bars for the same question, and none that is not over.
    """

    def bars(self, symbol: str, after: datetime, until: datetime) -> Sequence[Bar]:
        """One-minute bars that begin at `after` or later and are over at `until`, in order."""
