"""Quotes that the caller hands in, always marked as such."""

from datetime import datetime
from pathlib import Path

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal, refuse
from counterseal.market.ports import MarketFeed
from counterseal.market.quote_text import parse_quote
from counterseal.market.quotes import Quote, QuoteBasis
from storage.quote_file import home_feed
from storage.settings import Settings


class GivenQuotes:
    """A market feed with the caller's quotes, none by default."""

    def __init__(self, *quotes: Quote) -> None:
        self._quotes = {quote.symbol: quote for quote in quotes}

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """The quote of the symbol, or `NO_QUOTE`."""
        found = self._quotes.get(symbol)
        if found is None or found.event_time > now:
            return refuse("NO_QUOTE", "no quote was given for this symbol", symbol=symbol)
        return found


def quote_from(path: Path, symbol: str, now: datetime) -> Quote:
    """Read a quote: `bid`, `ask`, `bid_size`, `ask_size`, `event_time`; more when known.

    Raises:
        InputError: `QUOTE_INVALID`, `FILE_MISSING`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError("FILE_MISSING", str(error), field="--quote", got=path) from None
    stated = {
        "source": "command-line",
        "basis": QuoteBasis.CALLER.value,
        "receive_time": now.isoformat(),
        "method": "none",
        "method_version": "1",
    }
    return parse_quote(content, stated=stated, usual={"symbol": symbol}, field="--quote")


def feed_from(path: Path | None, symbol: str, now: datetime, settings: Settings) -> MarketFeed:
    """A feed with the file's quote; without a file, the feed of the home."""
    return home_feed(settings) if path is None else GivenQuotes(quote_from(path, symbol, now))
