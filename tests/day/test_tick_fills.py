"""Fills of a real day, each explained by prints that stand in the exchange's own file."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import pytest

from counterseal.broker.model import Fill
from counterseal.market.sessions import TAIPEI
from counterseal.oms.model import Order
from flows.day.home import demo_settings
from flows.day.run import run_day
from storage.homes import read_home
from storage.settings import Settings
from tests.day.tick_days import cut_file, filled_by_prints, tick_day
from ui.cli.app import run

TICK = re.compile(r"row (\d+), (\S+): (\d+) printed at (\S+), (\d+) (taken|through)")
SOON, LATE = 2, 60
"""Seconds."""
AGAIN = "run again on its inputs: the same"


@pytest.fixture(scope="module")
def taped_day(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> tuple[Path, Path]:
    """A part of the real day under `tape-fill-v1`: its tick file and its home."""
    place = tmp_path_factory.mktemp("taped")
    file, out = cut_file(place), place / "demo"
    told = filled_by_prints(settings, place)
    run_day(out, told, *tick_day(told, file))
    return file, out


def lines_of(file: Path) -> list[str]:
    """The tick file as the exchange wrote it, one line a row, the header first."""
    with ZipFile(file) as archive:
        [name] = archive.namelist()
        return archive.read(name).decode("cp950").split("\r\n")


def stated(line: str) -> tuple[str, str, datetime, Decimal, int]:
    """Product, month, time (aware), price and contracts (one side) of a row."""
    day, product, month, clock, price, sides, *_ = (word.strip() for word in line.split(","))
    at = datetime.strptime(f"{day}{clock.zfill(6)}", "%Y%m%d%H%M%S").replace(tzinfo=TAIPEI)
    return product, month, at, Decimal(price), int(sides) // 2


def test_every_fill_of_a_real_day_is_explained_by_rows_of_its_file(
    taped_day: tuple[Path, Path], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issue 5: `orders show ID` prints the ticks that filled it; trading 5.2.

    Each tick is a row of the file, later than the order, at its limit or better, and what was taken
    of all of them is what was filled.
    """
    file, out = taped_day
    lines = lines_of(file)
    with read_home(demo_settings(out, settings)) as reader:
        fills, orders = reader.find(Fill), {one.order_id: one for one in reader.find(Order)}
    assert {fill.model_version for fill in fills} == {"tape-fill-v1"}
    filled = {fill.order_id for fill in fills}
    assert len(filled) > 1
    for order in (orders[one] for one in sorted(filled)):
        capsys.readouterr()
        assert run(["orders", "show", order.order_id, "--home", str(out)]) == 0
        text = capsys.readouterr().out
        assert text.count(AGAIN) == sum(fill.order_id == order.order_id for fill in fills)
        ticks = TICK.findall(text)
        assert sum(int(met) for *_, met, _ in ticks) == order.cum_quantity
        for row, at, contracts, price, met, how in ticks:
            product, month, printed_at, printed, size = stated(lines[int(row) - 1])
            assert (product + month, printed) == (order.symbol, Decimal(price))
            assert (printed_at, size) == (datetime.fromisoformat(at), int(contracts))
            assert order.created_at < printed_at
            assert 0 < int(met) <= size
            assert order.limit_price is not None
            better = order.side.sign * (order.limit_price - printed)
            assert better > 0 if how == "through" else better >= 0


def test_an_order_that_rested_was_filled_by_a_print_that_came_to_it(
    taped_day: tuple[Path, Path], settings: Settings
) -> None:
    """Resting orders live through the day: some wait longer than the print behind their arrival."""
    _, out = taped_day
    with read_home(demo_settings(out, settings)) as reader:
        fills, orders = reader.find(Fill), {one.order_id: one for one in reader.find(Order)}
    waited = [(f.occurred_at - orders[f.order_id].created_at).total_seconds() for f in fills]
    assert min(waited) <= SOON
    assert max(waited) > LATE
