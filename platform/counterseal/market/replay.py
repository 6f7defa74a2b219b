"""A day's prints as moments, each at the instant at which it became known.

Job: fold the prints of some instruments into ticks and one-minute bars, in one order of time.

Invariants
  I1  A print is known a second after its stamp, a bar when its minute is over; nothing sooner.
  I2  What became known up to an instant depends on no print stamped at it or later.
  I3  Moments ascend strictly. Inside one, ticks come before bars; both by symbol, and the ticks of
      a symbol in the order of the tape.

Not here: who listens (signals.hearing), a bar of a minute (market.quotes), quotes from prints
(market.derived).
Source: trading part 2, rules 1, 3 and 5.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from counterseal.market.quotes import Bar, bars_of
from counterseal.market.ticks import Print

SEEN_AFTER: Final = timedelta(seconds=1)
"""A stamp names its second; only when that is over is every print of it known."""
MINUTE: Final = timedelta(minutes=1)

_stamp = attrgetter("at")


class Tick(NamedTuple):
    """One deal of an instrument; `at` is its stamp (UTC), price in points.

    Attributes:
        contracts: 0 for a price that was quoted and not dealt at.
    """

    symbol: str
    at: datetime
    price: Decimal
    contracts: int


class Moment(NamedTuple):
    """What became known at one instant (UTC)."""

    at: datetime
    ticks: tuple[Tick, ...] = ()
    bars: tuple[Bar, ...] = ()


def moments(tapes: Mapping[str, Sequence[Print]], *, ticks: bool = True) -> Iterator[Moment]:
    """The moments of a day, made one by one as they are asked for.

    Args:
        tapes: Prints of each symbol in time order; auction prints are passed over.
        ticks: False leaves the ticks away, which is faster when nobody listens to them.
    """
    listed = sorted(tapes.items())
    sources = [_ticks(symbol, tape) for symbol, tape in listed] if ticks else []
    sources += [_bars(symbol, tape) for symbol, tape in listed]
    for at, parts in groupby(merge(*sources, key=_stamp), key=_stamp):
        together = tuple(parts)
        yield Moment(
            at=at,
            ticks=tuple(tick for part in together for tick in part.ticks),
            bars=tuple(bar for part in together for bar in part.bars),
        )


def _ticks(symbol: str, tape: Sequence[Print]) -> Iterator[Moment]:
    for stamp, deals in groupby(_continuous(tape), key=_stamp):
        at = stamp.astimezone(UTC)
        seen = tuple(Tick(symbol, at, deal.price, deal.contracts) for deal in deals)
        yield Moment(at + SEEN_AFTER, ticks=seen)


def _bars(symbol: str, tape: Sequence[Print]) -> Iterator[Moment]:
    for bar in bars_of(symbol, _continuous(tape)):
        yield Moment(bar.start + MINUTE, bars=(bar,))


def _continuous(tape: Sequence[Print]) -> Iterator[Print]:
    return (deal for deal in tape if not deal.auction)
