"""Quotes as texts: exact numbers, the reader's word on their origin."""

from decimal import Decimal

import pytest

from counterseal.kernel.errors import InputError
from counterseal.market.quote_text import parse_quote
from counterseal.market.quotes import Quote, QuoteBasis

TEXT = (
    '{"bid": 20000.5, "ask": "20001", "bid_size": 3, "ask_size": 4,'
    ' "event_time": "2026-01-05T01:00:00Z", "basis": "book", "source": "somebody"%s}'
)
STATED = {"source": "a-reader"}
USUAL = {"symbol": "TMF202601", "basis": "caller"}


def parsed(text: str | bytes) -> Quote:
    return parse_quote(text, stated=STATED, usual=USUAL, field="--quote")


def test_numbers_are_read_as_they_are_written() -> None:
    """Trading part 2, rule 1: nothing passes through a float; what is not told is the usual."""
    quote = parsed(TEXT % ', "last": 20000.10')

    assert (quote.bid, quote.ask, quote.last) == (
        Decimal("20000.5"),
        Decimal(20001),
        Decimal("20000.10"),
    )
    assert (quote.symbol, quote.receive_time) == ("TMF202601", quote.event_time)
    assert parsed(TEXT % "").quote_id != quote.quote_id


def test_i2_the_reader_says_where_a_quote_comes_from() -> None:
    """Trading part 2, rule 1: a stated origin stands, a usual one gives way."""
    quote = parsed(TEXT % "")

    assert (quote.source, quote.basis) == ("a-reader", QuoteBasis.BOOK)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[]", "--quote"),
        ("no json", "--quote"),
        (b"\xff", "--quote"),
        ("[" * 100_000, "--quote"),
        (TEXT % ', "bid_size": -1', "bid_size"),
        (TEXT % ', "bid": "NaN"', "bid"),
        (TEXT % ', "volume": 3', "volume"),
        ('{"bid": 1}', "ask"),
    ],
)
def test_what_is_no_quote_is_refused(text: str | bytes, place: str) -> None:
    """Trading part 2: nothing is guessed."""
    with pytest.raises(InputError) as caught:
        parsed(text)

    assert caught.value.code == "QUOTE_INVALID"
    assert caught.value.field == place
