"""Dates for decisions come from the library; a copy of them lets a view be fast."""

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from counterseal.kernel.canonical import digest
from counterseal.market.contracts import Closure
from counterseal.market.trading_days import TradingCalendar
from storage import trading_calendar
from storage.system import MachineClock
from storage.trading_calendar import COPY, MARGIN, desk_calendar, taifex_calendar, view_calendar

CLOSURES = (Closure(day=date(2021, 7, 1), reason="stated", source="test"),)
NOW = MachineClock().now()
Change = Callable[[dict[str, dict[str, object]]], None]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose desk has asked for the dates."""
    desk_calendar(tmp_path, CLOSURES)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Closure, ...]]:
    """Every question to the library from now on."""
    questions: list[tuple[Closure, ...]] = []

    def ask(closures: tuple[Closure, ...]) -> TradingCalendar:
        questions.append(closures)
        return taifex_calendar(closures)

    monkeypatch.setattr(trading_calendar, "taifex_calendar", ask)
    return questions


def rewritten(home: Path, change: Change, *, digested: bool = True) -> None:
    """Change the copy; with its digest made anew, as a forger would."""
    copy = json.loads((home / COPY).read_bytes())
    change(copy)
    if digested:
        copy["dates_digest"] = digest(copy["dates"])
    (home / COPY).write_text(json.dumps(copy), "utf-8")


def test_a_view_shows_the_dates_of_the_library_without_asking_it(
    home: Path, asked: list[object]
) -> None:
    """STYLE 5: looking loads no pandas; the copy is the whole calendar."""
    assert view_calendar(home, CLOSURES, NOW) == taifex_calendar(CLOSURES)
    assert asked == []


def test_i1_a_forged_copy_changes_no_decision_and_is_replaced(home: Path) -> None:
    """A desk asks the library, and leaves the right copy behind."""
    right = (home / COPY).read_bytes()
    rewritten(home, lambda copy: copy["dates"].update(calendar={"sessions": ["2021-07-01"]}))
    desk_calendar.cache_clear()

    assert desk_calendar(home, CLOSURES) == taifex_calendar(CLOSURES)
    assert (home / COPY).read_bytes() == right
    assert os.listdir(home) == [COPY]  # noqa: PTH208 - names, nothing else


@pytest.mark.parametrize(
    "change",
    [
        lambda copy: copy["dates"].update(library="exchange_calendars==0"),
        lambda copy: copy["dates"].update(closures="sha256:" + "0" * 64),
        lambda copy: copy["dates"].update(calendar={"sessions": ["2021-07-02", "2021-07-01"]}),
        lambda copy: copy["dates"].update(more="1"),
        lambda copy: copy["dates"].pop("library"),
    ],
    ids=["library", "closures", "order", "more", "less"],
)
def test_i2_a_view_takes_no_copy_of_something_else(
    home: Path, asked: list[object], change: Change
) -> None:
    """Another library, other closures, or what is no calendar: the library is asked."""
    rewritten(home, change)

    assert view_calendar(home, CLOSURES, NOW) == taifex_calendar(CLOSURES)
    assert asked == [CLOSURES]


def test_i2_a_damaged_copy_is_not_believed(home: Path, asked: list[object]) -> None:
    """Dates that ascend, but not those that the digest covers."""

    def drop(copy: dict[str, dict[str, object]]) -> None:
        calendar = copy["dates"]["calendar"]
        assert isinstance(calendar, dict)
        del calendar["sessions"][100]

    rewritten(home, drop, digested=False)

    assert view_calendar(home, CLOSURES, NOW) == taifex_calendar(CLOSURES)
    assert asked == [CLOSURES]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b" " * 1_000_001])
def test_i3_what_is_no_copy_at_all_stops_nobody(
    home: Path, asked: list[object], content: bytes
) -> None:
    """Looking answers, and leaves the file as it was."""
    (home / COPY).write_bytes(content)

    assert view_calendar(home, CLOSURES, NOW) == taifex_calendar(CLOSURES)
    assert asked == [CLOSURES]
    assert (home / COPY).read_bytes() == content


def test_i2_a_copy_counts_until_it_ends_soon(home: Path, asked: list[object]) -> None:
    """The last instant that a copy answers, and the first that it does not."""
    last = taifex_calendar(CLOSURES).sessions[-1] - MARGIN
    at = datetime(last.year, last.month, last.day, 12, tzinfo=UTC)

    view_calendar(home, CLOSURES, at)
    assert asked == []
    view_calendar(home, CLOSURES, at + timedelta(days=1))
    assert asked == [CLOSURES]


def test_i3_a_home_that_cannot_be_written_gets_no_copy(tmp_path: Path) -> None:
    """The decision goes on; nothing is made where no home is."""
    nowhere = tmp_path / "nowhere"

    assert desk_calendar(nowhere, CLOSURES) == taifex_calendar(CLOSURES)
    view_calendar(tmp_path, CLOSURES, NOW)
    assert list(tmp_path.iterdir()) == []
