"""The calendar against real trading days, and the prints of the real day."""

import csv
import warnings
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random

import exchange_calendars
import orjson
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from counterseal.kernel.money import Currency
from counterseal.market.contracts import Closure, ContractTable
from counterseal.market.instruments import (
    Equity,
    FxPair,
    Instrument,
    Option,
    OptionRight,
    taifex_future,
)
from counterseal.market.quotes import bars_of
from counterseal.market.regimes import CYCLE, LEGEND, Regime
from counterseal.market.sessions import TAIPEI, expiry_date
from counterseal.market.settlement import daily_settlement
from counterseal.market.ticks import Print, TickFile, in_time_order
from counterseal.market.trading_days import TradingCalendar, calendar_from

ROOT = Path(__file__).parents[3]
FALSE_SESSIONS = (date(2022, 2, 4), date(2023, 1, 18))
ROLLED = {
    "202301": date(2023, 1, 30),
    "202602": date(2026, 2, 23),
    "202709": date(2027, 9, 16),
}


@cache
def closures() -> tuple[Closure, ...]:
    text = (ROOT / "policies/contracts/2026.11.1/taifex.yaml").read_text("utf-8")
    return ContractTable.model_validate_json(orjson.dumps(yaml.safe_load(text))).closures


@cache
def base_days() -> tuple[date, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns about its own use of pandas
        calendar = exchange_calendars.get_calendar("XTAI", start="2018-12-03", end="2028-02-29")
    return tuple(stamp.date() for stamp in calendar.sessions)


@cache
def real_calendar() -> TradingCalendar:
    return calendar_from(base_days(), closures())


def real_days(folder: Path) -> list[date]:
    with (folder / "txf_daily" / "txf_tse_daily_2019_2023.csv").open(newline="") as stream:
        rows = [row["date"].split("/") for row in csv.DictReader(stream)]
    return [date(int(year), int(month), int(day)) for year, month, day in rows]


def test_the_overlay_makes_the_base_calendar_equal_to_the_real_days(market_files: Path) -> None:
    """TRADING 1.6: 1,216 days 2019-2023; XTAI alone has two sessions that never were."""
    days = real_days(market_files)
    base = {day for day in base_days() if days[0] <= day <= days[-1]}
    overlaid = {day for day in real_calendar().sessions if days[0] <= day <= days[-1]}

    assert len(days) == 1216
    assert all(real_calendar().is_session(day) for day in days)
    assert set(FALSE_SESSIONS) <= base - set(days)
    assert overlaid == set(days)


def test_i3_a_closure_removes_its_day_and_no_other() -> None:
    """TRADING 1.6: also when the base is closed on that day anyway."""
    removed = set(base_days()) - set(real_calendar().sessions)
    assert removed == {closure.day for closure in closures()} & set(base_days())
    assert set(FALSE_SESSIONS) <= removed
    sunday = Closure(day=date(2022, 2, 6), reason="closed anyway", source="a test")
    assert calendar_from(base_days(), (sunday,)).sessions == base_days()


@pytest.mark.parametrize("year", range(2019, 2028))
def test_an_expiry_is_the_third_wednesday_or_the_next_session(year: int) -> None:
    """TRADING 1.4: nine years, three months rolled; XTAI alone misses the first of them."""
    for month in range(1, 13):
        name = f"{year}{month:02d}"
        wednesdays = [d for d in range(15, 22) if date(year, month, d).weekday() == 2]
        expected = ROLLED.get(name, date(year, month, wednesdays[0]))
        assert expiry_date(name, real_calendar()) == expected, name


def deal(second: int, price: str, contracts: int = 1) -> Print:
    at = datetime(2021, 7, 26, 9, 0, tzinfo=TAIPEI) + timedelta(seconds=second)
    return Print("TXF", "202108", at, Decimal(price), contracts, auction=False, row=second + 2)


def test_i3_a_bar_holds_the_prints_of_its_own_minute() -> None:
    """TRADING 2: the minute is half-open; an empty minute has no bar."""
    first, second = bars_of(
        "TXF202108", (deal(0, "100", 2), deal(30, "104"), deal(59, "99"), deal(180, "101", 7))
    )

    prices = [first.open, first.high, first.low, first.close]
    assert prices == [Decimal(price) for price in (100, 104, 99, 99)]
    assert [first.volume, second.volume] == [Decimal(4), Decimal(7)]
    assert second.start - first.start == timedelta(minutes=3)
    assert (first.symbol, first.start) == ("TXF202108", datetime(2021, 7, 26, 1, 0, tzinfo=UTC))
    assert list(bars_of("TXF202108", ())) == []


INSTRUMENTS: tuple[Instrument, ...] = (
    taifex_future("TXF202108", multiplier=Decimal(200), tick=Decimal(1), tx_equivalent=Decimal(1)),
    Equity(symbol="SPY", venue="ARCX", tick=Decimal("0.01"), currency=Currency.USD),
    Option(
        symbol="GOOG-C700",
        underlying="GOOG",
        expiry=date(2016, 1, 15),
        right=OptionRight.CALL,
        strike=Decimal(700),
        multiplier=Decimal(100),
        tick=Decimal("0.01"),
        currency=Currency.USD,
    ),
    FxPair(symbol="USDTWD", base=Currency.USD, currency=Currency.TWD, tick=Decimal("0.001")),
)


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda i: i.kind)
def test_i1_an_instrument_reads_back_as_its_own_kind(instrument: Instrument) -> None:
    """TX-A6: JSON keeps the kind and every field; another kind is refused."""
    union: TypeAdapter[Instrument] = TypeAdapter(Instrument)
    text = union.dump_json(instrument)
    told = orjson.loads(text)

    assert union.validate_json(text) == instrument
    for wrong in ({**told, "kind": "swap"}, {**told, "color": "red"}):
        with pytest.raises(ValidationError):
            union.validate_json(orjson.dumps(wrong))


def test_i4_a_shuffled_file_comes_back_in_order(real_day: TickFile) -> None:
    """TRADING 2, trap 8: by time, then by row, whatever the order it came in."""
    ordered = in_time_order(real_day.prints[:20_000])
    shuffled = list(ordered)
    Random(7).shuffle(shuffled)  # noqa: S311 - a fixed shuffle, no secret

    assert in_time_order(shuffled) == ordered
    assert all((a.at, a.row) < (b.at, b.row) for a, b in pairwise(ordered))


def test_the_legend_explains_every_regime_once() -> None:
    """TX-C4: the words beside the demo market."""
    assert set(LEGEND) == set(Regime) == set(CYCLE)
    assert all(text.endswith(".") for text in LEGEND.values())
    assert len(set(LEGEND.values())) == len(LEGEND)


def test_the_last_minute_of_the_real_day_settles_it(real_day: TickFile) -> None:
    """TRADING 1.4, 2: 17203.08 for TX 202108 on 2021-07-26."""
    own = [d for d in real_day.prints if (d.product, d.month) == ("TX", "202108")]
    assert daily_settlement(own) == Decimal("17203.08")


def test_i1_only_the_last_minute_settles() -> None:
    """TRADING 1.4: both edges, weighted by contracts; none without a print."""

    def deal(at: str, price: int, contracts: int) -> Print:
        when = datetime.fromisoformat(f"2021-07-26T{at}").replace(tzinfo=TAIPEI)
        return Print("TX", "202108", when, Decimal(price), contracts, False, 2)

    outside = [deal("13:43:59", 1, 9), deal("13:45:00", 1, 9)]
    inside = [deal("13:44:00", 100, 1), deal("13:44:59", 103, 2)]
    assert daily_settlement(outside) is None
    assert daily_settlement(outside + inside) == 102
