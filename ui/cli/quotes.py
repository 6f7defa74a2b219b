"""Quotes that the caller hands in, always marked as such."""

import json
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from counterseal.kernel.canonical import canonical_bytes, digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal, refuse
from counterseal.market.quotes import Quote, QuoteBasis


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
        InputError: `QUOTE_INVALID`.
    """
    try:
        told = json.loads(path.read_text("utf-8"), parse_float=str, parse_int=str)
        if not isinstance(told, dict):
            raise InputError("QUOTE_INVALID", "a quote is an object", field="--quote")
        value = {
            "last": None,
            "liquidity_score": "1",
            **told,
            "symbol": told.get("symbol", symbol),
            "source": "command-line",
            "basis": QuoteBasis.CALLER.value,
            "receive_time": now.isoformat(),
            "method": "none",
            "method_version": "1",
        }
        value.setdefault("quote_id", f"quote-{digest(told)[7:23]}")
        return Quote.model_validate_json(canonical_bytes(value))
    except OSError as error:
        raise InputError("FILE_MISSING", str(error), field="--quote", got=path) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError("QUOTE_INVALID", first["msg"], field=place) from None
    except ValueError as error:
        raise InputError("QUOTE_INVALID", f"not JSON: {error}", field="--quote") from None


def feed_from(path: Path | None, symbol: str, now: datetime) -> GivenQuotes:
    """A feed with the file's quote, or an empty one."""
    return GivenQuotes() if path is None else GivenQuotes(quote_from(path, symbol, now))
