"""The market feed of a home: a file of quotes that grows while the house runs.

Job: follow a file to which somebody appends quotes, and answer with the newest of a symbol.

A line is one quote, a JSON object as `--quote FILE` takes it, with its `symbol`; it is `synthetic`
unless it names its `basis`, and a caller's word is none of a feed's. Each question reads what was
appended since the last one, at most `READ_MAX` bytes from the end; a line without its newline is
still being written.

Invariants
  I1  A quote that is older than the setting says is refused, and one of the future is not seen.
  I2  A quote id stands for one line: the same line is the same quote in every process.
  I3  A line that is no quote is counted and is no quote; nothing is guessed.

Not here: the text of a quote (market.quote_text), recording marks (desk.market_watch).
Source: TX-L2:real_time_equity_pnl_tracking_enabled; trading part 2, rules 1, 2 and 5.
"""

import os
from bisect import bisect_right, insort
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from threading import Lock
from typing import Final

from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal, refuse
from counterseal.market.ports import MarketFeed
from counterseal.market.quote_text import parse_quote
from counterseal.market.quotes import Quote, QuoteBasis, age_seconds
from storage.settings import Settings

SOURCE: Final = "quote-file"
READ_MAX: Final = 1_048_576
"""Most bytes that one question reads; what lies before them is older."""

KEPT_MAX: Final = 1_000
"""Quotes of a symbol that stay at hand."""

SYMBOLS_MAX: Final = 200
_TIME: Final = attrgetter("event_time")
_USUAL: Final = {"basis": QuoteBasis.SYNTHETIC.value}


class NoQuotes:
    """A market feed of a home that has none."""

    def quote(self, symbol: str, now: datetime) -> Refusal:
        """Always `NO_QUOTE`."""
        del now
        return refuse("NO_QUOTE", "this home has no market feed", symbol=symbol)


class QuoteFile:
    """Quotes of a growing file; threads may share one.

    Args:
        path: May not be there yet; one that was replaced or cut is read anew.
        stale_seconds: A quote older than this is none.
    """

    source: Final = SOURCE

    def __init__(self, path: Path, stale_seconds: int) -> None:
        self._path = path
        self._stale_seconds = stale_seconds
        self._lock = Lock()
        self._file = 0
        self._place: int | None = None
        self._known: dict[str, list[Quote]] = {}
        self.unreadable = 0

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """The newest quote of a symbol at `now`; `NO_QUOTE` without one that is young enough."""
        with self._lock:
            self._follow()
            known = self._known.get(symbol, [])
            place = bisect_right(known, now, key=_TIME)
            newest = known[place - 1] if place else None
        if newest is None:
            return refuse("NO_QUOTE", "the file has no quote of this symbol", symbol=symbol)
        age = age_seconds(newest, now)
        if age > self._stale_seconds:
            return refuse("NO_QUOTE", "the newest quote is too old", symbol=symbol, age=age)
        return newest

    def symbols(self) -> tuple[str, ...]:
        """Symbols that it ever had a quote of, sorted."""
        with self._lock:
            self._follow()
            return tuple(sorted(self._known))

    def _follow(self) -> None:
        """Take in what was appended; a file that cannot be read has nothing new."""
        try:
            with self._path.open("rb") as lines:
                told = os.fstat(lines.fileno())
                if told.st_ino != self._file or told.st_size < (self._place or 0):
                    self._file, self._place, self._known = told.st_ino, None, {}
                first = max(self._place or 0, told.st_size - READ_MAX)
                lines.seek(first)
                content = lines.read(told.st_size - first)
        except OSError:
            return
        whole = content.rpartition(b"\n")[0]
        if first != (self._place or 0):
            whole = whole.partition(b"\n")[2]
        if b"\n" in content:
            self._place = first + content.rindex(b"\n") + 1
        for line in whole.splitlines():
            self._take(line)

    def _take(self, line: bytes) -> None:
        stated = {"source": SOURCE, "quote_id": f"file-{digest(line.hex())[7:39]}"}
        try:
            quote = parse_quote(line, stated=stated, usual=_USUAL, field="COUNTERSEAL_QUOTES")
        except InputError:
            self.unreadable += 1
            return
        if quote.basis is QuoteBasis.CALLER:
            self.unreadable += 1
        elif quote.symbol in self._known or len(self._known) < SYMBOLS_MAX:
            known = self._known.setdefault(quote.symbol, [])
            insort(known, quote, key=_TIME)
            del known[:-KEPT_MAX]


def home_feed(settings: Settings) -> MarketFeed:
    """The feed that the settings name; a simulated one for visits to a demo home, else none."""
    if settings.counterseal_quotes is not None:
        return QuoteFile(settings.counterseal_quotes, settings.counterseal_quotes_stale_seconds)
    if not settings.counterseal_demo_ahead_seconds:
        return NoQuotes()
    from storage.market_feeds import WaveFeed  # noqa: PLC0415 - visits to a demo home only

    return WaveFeed()
