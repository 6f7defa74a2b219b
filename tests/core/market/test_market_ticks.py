"""The daily tick file, sessions and derived quotes."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal
from counterseal.market.derived import DerivedRule, derive_quote
from counterseal.market.instruments import Future, taifex_future
from counterseal.market.quotes import Quote, QuoteBasis, age_seconds
from counterseal.market.sessions import (
    TAIPEI,
    EntryPhase,
    entry_phase,
    expiry_date,
    is_open,
    session_end,
    trading_day,
)
from counterseal.market.ticks import (
    HEADER,
    Print,
    TickFile,
    in_time_order,
    read_daily_zip,
    read_ticks,
    read_volume_report,
    volume_differences,
)
from counterseal.market.trading_days import TradingCalendar

GOOD = "20210726,TX     ,202108     ,84500,17473,4,-,-, "
WEEKDAYS = TradingCalendar(
    sessions=tuple(
        day
        for day in (date(2021, 7, 1) + timedelta(days=n) for n in range(120))
        if day.weekday() < 5
    )
)
TX: Future = taifex_future(
    "TXF202108", multiplier=Decimal(200), tick=Decimal(1), tx_equivalent=Decimal(1)
)


def csv(*rows: str, header: str = HEADER) -> bytes:
    return "".join(f"{row}\r\n" for row in (header, *rows)).encode("cp950")


def taipei_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TAIPEI)


def test_a_row_is_read_with_padding_halved_quantity_and_filled_time() -> None:
    """TRADING 2, traps 1, 2, 7: equal rows are both kept."""
    file = read_ticks(csv(GOOD, GOOD))
    first = file.prints[0]
    assert (first.product, first.month, first.contracts) == ("TX", "202108", 2)
    assert first.at == taipei_time("2021-07-26T08:45:00")
    assert [deal.row for deal in file.prints] == [2, 3]


def test_spread_weekly_and_auction_rows_stay_apart() -> None:
    """TRADING 2, traps 3, 4, 5."""
    file = read_ticks(
        csv(
            "20210726,TX     ,202108/202109,090000,-.01,4,17400,17300, ",
            "20210726,TX     ,202107W4     ,084500,17593,2,-,-,*",
        )
    )
    assert (file.spreads[0].price, file.spreads[0].contracts) == (Decimal("-0.01"), 1)
    assert (file.prints[0].month, file.prints[0].auction) == ("202107W4", True)
    assert file.both_sides == {"TX": 6}


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        (csv(GOOD) + b"\xff\xff\r\n", "TICK_FILE_ENCODING", "line 3"),
        (csv(GOOD)[:-5], "TICK_FILE_TRUNCATED", "line 2"),
        (csv(GOOD, header=HEADER.strip()), "TICK_FILE_HEADER", "line 1"),
        (csv(GOOD).replace(b"\r\n", b"\n"), "TICK_FILE_TRUNCATED", "line 3"),
        (csv(GOOD, GOOD.replace(",4,", ",3,")), "TICK_FILE_ROW", "line 3"),
        (csv(GOOD.replace(",4,", ",0,")), "TICK_FILE_ROW", "line 2"),
        (csv(GOOD.replace("84500", "246000")), "TICK_FILE_ROW", "line 2"),
        (csv(GOOD.replace("17473", "1e4")), "TICK_FILE_ROW", "line 2"),
        (csv(GOOD + ","), "TICK_FILE_ROW", "line 2"),
        (csv("-" * 40), "TICK_FILE_ROW", "line 2"),
        (csv("20210726,TX,202108/202109,090000,-1,6,1,2, "), "TICK_FILE_ROW", "line 2"),
    ],
)
def test_i1_a_spoiled_file_is_refused_with_its_line(data: bytes, code: str, field: str) -> None:
    """TRADING 2, traps 1, 2, 3, 7, 10."""
    with pytest.raises(InputError) as caught:
        read_ticks(data, {"TX"})
    assert (caught.value.code, caught.value.field) == (code, field)


def test_a_damaged_zip_is_refused() -> None:
    """TRADING 2: not a zip."""
    with pytest.raises(InputError, match="TICK_FILE_ZIP"):
        read_daily_zip(b"PK")


def test_the_real_day_gives_every_stated_figure(market_files: Path, real_day: TickFile) -> None:
    """TRADING 2: print counts, OHLC, volume, and the checksum of 232 products and the total."""
    file, folder = real_day, market_files / "taifex_ticks_20210726"
    report = read_volume_report(read_daily_zip((folder / "Daily_2021_07_26_B.zip").read_bytes()))

    assert volume_differences(file, report) == ()
    assert (len(report), report["TX"], report["MTX"]) == (232, 286672, 533892)
    assert sum(file.both_sides.values()) == 1480268  # the report's total row, its 233rd figure
    deals = in_time_order(file.prints)
    opening = taipei_time("2021-07-26T08:45:00")
    figures: list[tuple[object, ...]] = []
    for product in ("TX", "MTX"):
        own = [d for d in deals if d.product == product and d.month == "202108"]
        for part in ([d for d in own if d.at >= opening], [d for d in own if d.at < opening]):
            prices = [d.price for d in part]
            volume = sum(d.contracts for d in part)
            figures.append((len(part), prices[0], max(prices), min(prices), prices[-1], volume))
    assert figures == [
        (72940, 17473, 17479, 17197, 17202, 108582),
        (22474, 17409, 17487, 17373, 17480, 33544),
        (149710, 17473, 17480, 17200, 17201, 193378),
        (49857, 17411, 17487, 17373, 17480, 68354),
    ]


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2021-07-23T15:00:00", 26),
        ("2021-07-24T04:59:58", 26),
        ("2021-07-26T08:45:00", 26),
        ("2021-07-26T14:59:59", 26),
        ("2021-07-26T15:00:00", 27),
    ],
)
def test_an_instant_has_its_trading_day(at: str, day: int) -> None:
    """TRADING 1.3: the stated cases."""
    assert trading_day(taipei_time(at), WEEKDAYS) == date(2021, 7, day)


@pytest.mark.parametrize(
    ("at", "phase", "trades"),
    [
        ("2021-07-26T08:29:59", EntryPhase.CLOSED, False),
        ("2021-07-26T08:30:00", EntryPhase.OPEN, False),
        ("2021-07-26T08:43:00", EntryPhase.ADD_ONLY, False),
        ("2021-07-26T08:45:00", EntryPhase.OPEN, True),
        ("2021-07-26T13:44:59", EntryPhase.OPEN, True),
        ("2021-07-26T13:45:00", EntryPhase.CLOSED, False),
        ("2021-07-26T14:58:00", EntryPhase.ADD_ONLY, False),
        ("2021-07-24T04:59:59", EntryPhase.OPEN, True),
        ("2021-07-24T05:00:00", EntryPhase.CLOSED, False),
        ("2021-07-24T15:00:00", EntryPhase.CLOSED, False),
    ],
)
def test_i1_sessions_change_to_the_second(at: str, phase: EntryPhase, trades: bool) -> None:
    """TRADING 1.3: both sides of each edge."""
    assert entry_phase(taipei_time(at), WEEKDAYS) == phase
    assert is_open(taipei_time(at), WEEKDAYS) is trades


def test_i3_an_expiring_month_ends_early_and_has_no_night() -> None:
    """TRADING 1.3, 1.4: 202108 expires on the third Wednesday, 2021-08-18."""
    noon = taipei_time("2021-08-18T12:00:00")
    assert expiry_date("202108", WEEKDAYS) == date(2021, 8, 18)
    assert expiry_date("202107W4", WEEKDAYS) == date(2021, 7, 28)
    assert session_end(noon, WEEKDAYS, "202108") == taipei_time("2021-08-18T13:30:00")
    assert session_end(noon, WEEKDAYS, "202109") == taipei_time("2021-08-18T13:45:00")
    assert not is_open(taipei_time("2021-08-18T15:00:00"), WEEKDAYS, "202108")
    assert is_open(taipei_time("2021-08-18T15:00:00"), WEEKDAYS, "202109")


def test_a_closed_third_wednesday_rolls_on() -> None:
    """TRADING 1.4: 2026-02-18 rolls to 2026-02-23."""
    days = (date(2026, 2, 11), date(2026, 2, 23), date(2026, 2, 24))
    calendar = TradingCalendar(sessions=days)
    assert expiry_date("202602", calendar) == date(2026, 2, 23)
    with pytest.raises(InputError, match="CALENDAR_RANGE"):
        expiry_date("202603", calendar)


def deal(second: int, price: int, *, auction: bool = False, month: str = "202108") -> Print:
    at = taipei_time("2021-07-26T09:00:00") + timedelta(seconds=second)
    return Print("TX", month, at, Decimal(price), 10, auction, second + 2)


def quote_at(prints: tuple[Print, ...], second: int) -> Quote | Refusal:
    now = taipei_time("2021-07-26T09:00:00") + timedelta(seconds=second, milliseconds=500)
    return derive_quote(prints, TX, now, DerivedRule(), quote_id="q1", source="replay")


def test_i2_a_derived_quote_is_labelled() -> None:
    """TRADING 2, rules 1, 3, 4, 5: one tick either side, size and age stated."""
    quote = quote_at((deal(0, 17400), deal(1, 17402)), 3)
    assert isinstance(quote, Quote)
    assert [quote.bid, quote.ask] == [Decimal(17401), Decimal(17403)]
    assert quote.last == Decimal(17402)
    assert (quote.bid_size, quote.liquidity_score) == (Decimal(2), Decimal("0.2"))
    assert quote.basis is QuoteBasis.TRADE_DERIVED
    assert age_seconds(quote, quote.receive_time) == Decimal("2.5")
    assert age_seconds(quote, datetime(2021, 7, 26, tzinfo=UTC)) < 0


def test_auction_and_foreign_prints_make_no_quote() -> None:
    """TRADING 2, rule 2 and trap 5."""
    prints = (deal(0, 17400, auction=True), deal(1, 17402, month="202109"))
    found = quote_at(prints, 3)
    assert isinstance(found, Refusal)
    assert found.code == "NO_QUOTE"


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(17000, 17100)), max_size=30),
    st.integers(0, 90),
)
def test_i1_cutting_the_prints_after_t_leaves_the_quote_at_t(
    rows: list[tuple[int, int]], second: int
) -> None:
    """TRADING 2, rule 2: no look-ahead."""
    prints = in_time_order(deal(at, price) for at, price in rows)
    limit = taipei_time("2021-07-26T09:00:00") + timedelta(seconds=second)
    seen = tuple(p for p in prints if p.at < limit)
    assert quote_at(prints, second) == quote_at(seen, second)
