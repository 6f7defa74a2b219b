"""Quotes, prints and bars, each with its stated origin.

Job: hold a quote with its basis, method and parameters, tell its age, fold prints to bars.

Invariants
  I1  A quote always says its basis; nothing turns a derived quote into a book quote.
  I2  The age is exact and negative for a stamp in the future.
  I3  A bar holds only prints of its own minute.

Not here: making quotes from prints (market.derived), staleness limits (risk).
Source: trading part 2, rules 1 and 5.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Protocol

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime, seconds_between
from counterseal.kernel.model import Detail, DomainModel, Name
from counterseal.kernel.money import EXACT, Exact, NonNegative, Price, Quantity
from counterseal.market.instruments import InstrumentSymbol


class QuoteBasis(StrEnum):
    """Where bid and ask come from."""

    BOOK = "book"
    CALLER = "caller"
    SYNTHETIC = "synthetic"
    TRADE_DERIVED = "trade_derived"


class Quote(DomainModel):
    """Best bid and ask at an instant, with origin.

    Attributes:
        bid, ask, last: Quote units; a crossed quote is kept. `last` may be None.
        bid_size, ask_size: Contracts or shares.
        liquidity_score: 0..1.
        event_time: When it held in the world; `receive_time`: when it reached the platform.
        method, method_version, parameters: How it was made.
    """

    quote_id: Name
    symbol: InstrumentSymbol
    bid: Price
    ask: Price
    bid_size: NonNegative
    ask_size: NonNegative
    last: Price | None
    liquidity_score: Exact = Field(ge=0, le=1)
    source: Name
    basis: QuoteBasis
    event_time: UtcDatetime
    receive_time: UtcDatetime
    method: Name
    method_version: Name
    parameters: tuple[Detail, ...] = Field(default=(), max_length=40)

    @property
    def spread(self) -> Decimal:
        """Ask less bid in quote units; negative when crossed."""
        return EXACT.subtract(self.ask, self.bid)


class Deal(Protocol):
    """One print of the market, as a bar needs it."""

    @property
    def at(self) -> datetime:
        """Its stamp, aware."""

    @property
    def price(self) -> Decimal:
        """Quote units."""

    @property
    def contracts(self) -> int:
        """Contracts printed."""


class Bar(DomainModel):
    """Open, high, low, close and volume of the minute that begins at `start`."""

    symbol: InstrumentSymbol
    start: UtcDatetime
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity


def age_seconds(quote: Quote, now: datetime) -> Decimal:
    """Seconds from the event time to `now`, exact to the microsecond; negative for a future stamp.

    Raises:
        ValueError: when `now` is naive.
    """
    return seconds_between(quote.event_time, now)


def bars_of(symbol: str, deals: Iterable[Deal]) -> Iterator[Bar]:
    """One-minute bars of one instrument, made one by one; a minute without prints has no bar.

    Args:
        symbol: Whose prints they are.
        deals: In time order, which is not checked.
    """
    for start, group in groupby(deals, key=_minute):
        yield _bar(symbol, start, tuple(group))


def _minute(deal: Deal) -> datetime:
    return deal.at.replace(second=0, microsecond=0)


def _bar(symbol: str, start: datetime, deals: Sequence[Deal]) -> Bar:
    prices = [deal.price for deal in deals]
    return Bar(
        symbol=symbol,
        start=start,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=Decimal(sum(deal.contracts for deal in deals)),
    )
