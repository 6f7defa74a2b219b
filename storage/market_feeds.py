"""Feeds: the deterministic market, and a day's prints.

Job: answer the market ports from a formula or from prints in memory, and say when quotes move.

Invariants
  I1  A quote id stands for one quote: the same id is never given twice with other content.
  I2  A deterministic quote is labelled synthetic, one from prints is labelled trade-derived.

Not here: formulas (market.regimes), the derivation (market.derived), reading files (market.ticks).
Source: features TX-C5 to TX-C8; trading part 2.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Final

from counterseal.kernel.model import Refusal, refuse
from counterseal.market.derived import DerivedRule, derive_quote
from counterseal.market.instruments import Future, contract_root
from counterseal.market.quotes import Bar, Quote, QuoteBasis, bars_of
from counterseal.market.regimes import RegimeQuote, regime_quote
from counterseal.market.tape import TapeDeal, tape_of
from counterseal.market.ticks import Print
from counterseal.market.waves import WaveQuote, wave_quote

REGIME_SOURCE: Final = "counterseal-regimes"
WAVE_SOURCE: Final = "counterseal-waves"
_WAVES_SINCE: Final = datetime(2026, 1, 1, tzinfo=UTC)
_WAVE_STEP: Final = timedelta(seconds=2)
_WAVES: Final = 600
"""Ticks after which the wave begins anew."""
ONE_SECOND: Final = timedelta(seconds=1)
ONE_MINUTE: Final = timedelta(minutes=1)
_AT: Final = attrgetter("at")
_START: Final = attrgetter("start")


@dataclass(frozen=True, slots=True)
class RegimeFeed:
    """Quotes of the deterministic market, one tick after the other.

    Attributes:
        opens_at: When tick 0 begins (aware).
        closes_at: From then on there is no quote.
        step: Length of a tick.
        roots: Contract root of each symbol.
    """

    opens_at: datetime
    closes_at: datetime
    step: timedelta
    roots: Mapping[str, str]

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """The quote of the tick that `now` falls into, as old as its regime says; `NO_QUOTE`."""
        root = self.roots.get(symbol)
        if root is None or not self.opens_at <= now < self.closes_at:
            return refuse("NO_QUOTE", "the deterministic market is closed or lacks this symbol")
        tick = self.tick_at(now)
        return self._quote(symbol, regime_quote(root, tick), tick)

    def tick_at(self, at: datetime) -> int:
        """Number of the tick that an instant falls into."""
        return (at - self.opens_at) // self.step

    def next_move(self, symbol: str, after: datetime) -> datetime | None:
        """When the quote moves next, strictly later; None when the market closes before."""
        move = self.opens_at + (self.tick_at(after) + 1) * self.step
        return move if symbol in self.roots and move < self.closes_at else None

    def _quote(self, symbol: str, shown: RegimeQuote, tick: int) -> Quote:
        at = self.opens_at + tick * self.step
        age = timedelta(seconds=shown.age_seconds)
        return _synthetic(shown, symbol, tick, (at - age, at), (REGIME_SOURCE, shown.regime.value))


class WaveFeed:
    """Simulated quotes of every index future at any hour, for visits to a demo home."""

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """The quote of the two seconds that `now` falls into; `NO_QUOTE` of anything else."""
        root = contract_root(symbol)
        if root is None:
            return refuse("NO_QUOTE", "the simulated market lacks this symbol", symbol=symbol)
        step = (now - _WAVES_SINCE) // _WAVE_STEP
        shown, at = wave_quote(root.value, step % _WAVES), _WAVES_SINCE + step * _WAVE_STEP
        return _synthetic(shown, symbol, step, (at, at), (WAVE_SOURCE, "wave"))


def _synthetic(
    shown: RegimeQuote | WaveQuote,
    symbol: str,
    tick: int,
    times: tuple[datetime, datetime],
    origin: tuple[str, str],
) -> Quote:
    """A formula's quote; `times` are of event and receipt, `origin` is its source and method."""
    event_time, receive_time = times
    source, method = origin
    return Quote(
        quote_id=f"{source.removeprefix('counterseal-')}-{symbol}-{tick}",
        symbol=symbol,
        bid=shown.bid,
        ask=shown.ask,
        bid_size=Decimal(shown.bid_size),
        ask_size=Decimal(shown.ask_size),
        last=shown.last,
        liquidity_score=shown.liquidity_score,
        source=source,
        basis=QuoteBasis.SYNTHETIC,
        event_time=event_time,
        receive_time=receive_time,
        method=method,
        method_version="1",
    )


class TapeFeed:
    """Quotes derived from prints that were already seen, and the prints and bars themselves.

    Args:
        tapes: Prints of each instrument, in time order.
        rule: Parameters of the derivation.
        source: Name of the file's data, such as `taifex-ticks`.
    """

    def __init__(
        self,
        tapes: Mapping[Future, Sequence[Print]],
        rule: DerivedRule,
        source: str,
    ) -> None:
        self._rule = rule
        self._source = source
        self._instruments = {instrument.symbol: instrument for instrument in tapes}
        self._tapes = {instrument.symbol: prints for instrument, prints in tapes.items()}
        self._deals: dict[str, tuple[TapeDeal, ...]] = {}
        self._bars: dict[str, tuple[Bar, ...]] = {}
        self._seconds = {
            symbol: sorted({deal.at for deal in prints}) for symbol, prints in self._tapes.items()
        }

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """A quote from the prints of earlier seconds; `NO_QUOTE` before the first."""
        if symbol not in self._tapes:
            return refuse("NO_QUOTE", "this symbol is not on the tape", symbol=symbol)
        return derive_quote(
            self._tapes[symbol],
            self._instruments[symbol],
            now,
            self._rule,
            quote_id=f"tape-{symbol}-{now:%Y%m%dT%H%M%S.%f}",
            source=self._source,
        )

    def prints(self, symbol: str, after: datetime, until: datetime) -> Sequence[TapeDeal]:
        """Outright prints stamped later than `after` whose second is over at `until`, in order."""
        tape = self._tape(symbol)
        first = bisect_right(tape, after, key=_AT)
        return tape[first : bisect_right(tape, until - ONE_SECOND, key=_AT)]

    def bars(self, symbol: str, after: datetime, until: datetime) -> Sequence[Bar]:
        """Minute bars that begin at `after` or later and are over at `until`, in order."""
        if symbol not in self._bars:
            self._bars[symbol] = tuple(bars_of(symbol, self._tape(symbol)))
        bars = self._bars[symbol]
        first = bisect_left(bars, after, key=_START)
        return bars[first : bisect_right(bars, until - ONE_MINUTE, key=_START)]

    def _tape(self, symbol: str) -> Sequence[TapeDeal]:
        instrument = self._instruments.get(symbol)
        if instrument is None:
            return ()
        if symbol not in self._deals:
            self._deals[symbol] = tape_of(self._tapes[symbol], instrument)
        return self._deals[symbol]

    def next_move(self, symbol: str, after: datetime) -> datetime | None:
        """When the next print has been seen: a second after its stamp, strictly later."""
        seconds = self._seconds.get(symbol, [])
        place = bisect_right(seconds, after - ONE_SECOND)
        return seconds[place] + ONE_SECOND if place < len(seconds) else None
