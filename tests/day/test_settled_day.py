"""A day of ticks ends as a day of the exchange does: orders expire, positions are settled."""

import csv
import io
import re
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zipfile import ZipFile

import pytest

from counterseal.oms.model import Order
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.settlement import Settlement, SettlementKind
from flows.day.home import demo_settings
from flows.day.markets import DayMarket
from flows.day.run import run_day
from storage.homes import read_home
from storage.settings import Settings
from tests.day.tick_days import cut_file, tick_day

MORNING_AND_CLOSE = re.compile(rb"20210726,MTX *,202108 *,0*(84[5-9]|85\d|90\d|1344)\d\d,.*")
"""The month that expires next, from 08:45 to 09:10 Taipei, and the session's last minute."""
SYMBOL, DAY = "MTX202108", "2021-07-26"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return cut_file(tmp_path, MORNING_AND_CLOSE)


def mean_of_the_last_minute(file: Path) -> Fraction:
    """Volume-weighted, from the file's own rows, by nobody's code but this."""
    with ZipFile(file) as whole:
        [name] = whole.namelist()
        rows = [*csv.reader(io.StringIO(whole.read(name).decode("cp950")))][1:]
    last = [(Fraction(row[4]), int(row[5]) // 2) for row in rows if row[3].strip() >= "134400"]
    assert last
    return sum((price * size for price, size in last), Fraction(0)) / sum(n for _, n in last)


def settled(market: DayMarket, file: Path) -> Decimal:
    [told] = market.settlements
    assert (told.symbol, told.trading_day) == (SYMBOL, DAY)
    assert abs(Fraction(told.price) - mean_of_the_last_minute(file)) <= Fraction(1, 200)
    return told.price


def test_a_day_of_ticks_ends_with_its_orders_and_is_settled(
    file: Path, settings: Settings, tmp_path: Path
) -> None:
    """Trading 1.4: by the last minute's mean, once, at the close, by the desk's own use case."""
    plan, market = tick_day(settings, file)
    price = settled(market, file)
    summary = run_day(tmp_path / "demo", settings, plan, market)
    assert (summary.settlements, summary.verified, summary.reconciled) == (1, "ok", True)
    with read_home(demo_settings(tmp_path / "demo", settings)) as reader:
        [position], [account] = reader.find(Position), reader.find(Account)
        found, orders = reader.find(Settlement), reader.find(Order)
        [row] = [r for r in reader.records() if r.type == "position.settled"]
    assert position.quantity != 0
    [told] = found
    assert (told.kind, told.trading_day, told.price) == (SettlementKind.DAILY, DAY, price)
    assert (told.source, told.at) == ("last-minute-mean", market.closes[-1])
    assert told.quantity == position.quantity
    gained = told.quantity * told.multiplier * (price - (position.average_price or 0))
    assert (told.variation, told.to_cash) == (gained, False)
    assert account.realized_pnl == position.realized_pnl
    assert orders
    assert all(order.is_terminal for order in orders)
    assert row.stream == f"account:{account.account_id}"


def test_without_prints_in_the_last_minute_nothing_is_settled(
    file: Path, settings: Settings, tmp_path: Path
) -> None:
    """Trading 1.4: the exchange falls back on quotes, which a tape does not have."""
    _, market = tick_day(settings, cut_file(tmp_path / "morning"))
    assert market.settlements == ()
    _, whole = tick_day(settings, file)
    assert replace(whole, settlements=()).closes == market.closes
