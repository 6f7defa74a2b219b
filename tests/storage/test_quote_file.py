"""A market feed from a file that grows while the house runs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import Refusal
from counterseal.market.ports import FollowedFeed
from counterseal.market.quotes import Quote, QuoteBasis
from storage import quote_file
from storage.quote_file import NoQuotes, QuoteFile, home_feed
from storage.settings import Settings

AT = datetime(2026, 1, 5, 1, tzinfo=UTC)
SYMBOL = "TMF202601"
STALE = 60


def line(seconds: float = 0, bid: int = 20_000, symbol: str = SYMBOL) -> str:
    told = {"symbol": symbol, "bid": bid, "ask": bid + 1, "bid_size": 5, "ask_size": 5}
    return json.dumps({**told, "event_time": utc_text(AT + timedelta(seconds=seconds))}) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "quotes.jsonl"


@pytest.fixture
def feed(path: Path) -> QuoteFile:
    return QuoteFile(path, STALE)


def append(path: Path, *lines: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)


def bid(feed: QuoteFile, seconds: float = 0, symbol: str = SYMBOL) -> int | None:
    found = feed.quote(symbol, AT + timedelta(seconds=seconds))
    if isinstance(found, Refusal):
        assert found.code == "NO_QUOTE"
        return None
    return int(found.bid)


def test_it_answers_with_what_was_appended_last(path: Path, feed: QuoteFile) -> None:
    """TX-L2:real_time_equity_pnl_tracking_enabled: a question follows the file."""
    assert bid(feed) is None
    append(path, line(0, 20_000))
    assert bid(feed) == 20_000
    append(path, line(1, 20_005), line(1, 17_000, "MXF202601"))
    assert (bid(feed, 1), bid(feed, 1, "MXF202601")) == (20_005, 17_000)
    assert feed.symbols() == ("MXF202601", SYMBOL)
    assert isinstance(feed, FollowedFeed)


def test_i1_a_quote_counts_from_its_time_until_it_is_stale(path: Path, feed: QuoteFile) -> None:
    """Trading part 2, rules 2 and 5: no look-ahead, no old quote with a new stamp; both edges."""
    append(path, line(10, 20_010), line(0, 20_000))

    assert [bid(feed, s) for s in (-1, 0, 9, 10)] == [None, 20_000, 20_000, 20_010]
    assert (bid(feed, 10 + STALE), bid(feed, 10.000001 + STALE)) == (20_010, None)


def test_i2_the_same_line_is_the_same_quote_in_every_process(path: Path) -> None:
    """The port: an id stands for one quote, whoever reads it and when."""
    append(path, line(0), line(1))
    first, again = (QuoteFile(path, STALE).quote(SYMBOL, AT) for _ in range(2))

    assert isinstance(first, Quote)
    assert first == again
    assert (first.source, first.basis) == ("quote-file", QuoteBasis.SYNTHETIC)


def test_a_quote_keeps_its_basis_and_a_feed_has_none_of_a_caller(
    path: Path, feed: QuoteFile
) -> None:
    """TX-L3:caller_provided_quote_only: what a feed tells is never a caller's word."""
    for seconds, basis in enumerate(("book", "caller")):
        append(path, line(seconds)[:-2] + f', "basis": "{basis}"}}\n')
    found = feed.quote(SYMBOL, AT + timedelta(seconds=1))

    assert isinstance(found, Quote)
    assert (found.basis, feed.unreadable) == (QuoteBasis.BOOK, 1)


def test_a_line_counts_once_it_is_whole(path: Path, feed: QuoteFile) -> None:
    """A writer may be seen in the middle of a line."""
    whole = line(1, 20_001)
    append(path, line(0), whole[:30])
    assert bid(feed, 1) == 20_000
    append(path, whole[30:-1])
    assert bid(feed, 1) == 20_000
    append(path, "\n")
    assert (bid(feed, 1), feed.unreadable) == (20_001, 0)


def test_i3_a_line_that_is_no_quote_is_counted_and_left_out(path: Path, feed: QuoteFile) -> None:
    """Trading part 2: nothing is guessed, and the next line counts again."""
    append(path, line(0), "nonsense\n", "{}\n", line(1, 20_001))

    assert (bid(feed, 1), feed.unreadable) == (20_001, 2)


def test_a_file_that_was_cut_or_replaced_is_read_anew(path: Path, feed: QuoteFile) -> None:
    """What the old file said is not known of the new one."""
    append(path, line(0, 20_000), line(1, 20_001))
    assert bid(feed, 1) == 20_001
    path.write_text(line(0, 19_000), "utf-8")
    assert bid(feed, 1) == 19_000
    other = path.with_suffix(".new")
    other.write_text(line(0, 18_000) * 3, "utf-8")
    other.replace(path)
    assert bid(feed, 1) == 18_000
    path.unlink()
    assert bid(feed, 1) == 18_000


def test_a_question_reads_a_bounded_part_from_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounds: a long file costs what a short one costs, and what stays at hand is bounded."""
    monkeypatch.setattr(quote_file, "READ_MAX", 10 * len(line(0)))
    monkeypatch.setattr(quote_file, "KEPT_MAX", 3)
    append(path, *(line(n / 1000, 20_000 + n) for n in range(50)))
    feed = QuoteFile(path, STALE)

    assert bid(feed, 1) == 20_049
    assert [bid(feed, n / 1000) for n in (46, 47)] == [None, 20_047]
    append(path, *(line(1 + n / 1000, 21_000 + n) for n in range(50)))
    assert (bid(feed, 2), feed.unreadable) == (21_049, 0)


def test_symbols_are_bounded(path: Path, feed: QuoteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds: a file cannot fill the memory with names."""
    monkeypatch.setattr(quote_file, "SYMBOLS_MAX", 2)
    append(path, *(line(0, symbol=f"TMF20260{n}") for n in (1, 2, 3)), line(1, 20_001))

    assert (feed.symbols(), bid(feed, 1)) == (("TMF202601", "TMF202602"), 20_001)


def test_the_settings_name_the_feed_of_a_home(path: Path) -> None:
    """Settings: without a file a home has no quotes; another place has not this one's feed."""
    told = Settings(counterseal_quotes=path, counterseal_quotes_stale_seconds=5)
    append(path, line(0))
    here, there = (
        home_feed(told),
        home_feed(
            told.placed(home=path.parent, database=path.parent / "d", signer_state=path.parent)
        ),
    )

    assert isinstance(here.quote(SYMBOL, AT + timedelta(seconds=5)), Quote)
    assert isinstance(here.quote(SYMBOL, AT + timedelta(seconds=6)), Refusal)
    assert isinstance(there, NoQuotes)
    assert isinstance(there.quote(SYMBOL, AT), Refusal)
