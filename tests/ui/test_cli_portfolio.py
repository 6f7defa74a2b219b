"""What an account is worth, and which price says so."""

import csv
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.broker.model import Fill
from counterseal.kernel.clock import utc_text
from tests.world import ACCOUNT, START, SYMBOL, World
from ui.cli.app import run


def shown(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert run(["portfolio", "show", "--home", str(world.home), *words]) == 0
    return capsys.readouterr().out


@pytest.fixture
def traded(tmp_path: Path) -> World:
    """An account that bought twice, a minute apart."""
    world = World(tmp_path / "home")
    assert world.submitted(world.approved(quantity=1), quantity=1).accepted
    world.clock.move_to(START + timedelta(minutes=1))
    world.quote()
    assert world.submitted(world.approved(quantity=1), quantity=1).accepted
    return world


def test_each_mark_tells_its_time_and_source(
    traded: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """TX-C12: by default the last fill marks, and both windows say so."""
    with traded.store.reader() as reader:
        last = max(reader.find(Fill), key=lambda fill: fill.occurred_at)
    assert last.occurred_at > START

    value = json.loads(shown(traded, capsys, "--json"))
    text = shown(traded, capsys)

    [mark] = value["marks"]
    at = utc_text(last.occurred_at)
    assert mark == {
        "symbol": SYMBOL,
        "price": str(last.last_price),
        "seen_at": at,
        "source": "last-fill",
    }
    [row] = [line.split() for line in text.splitlines() if line.startswith(SYMBOL)]
    assert row[3:6] == [str(last.last_price), at, "last-fill"]


def test_a_told_mark_names_the_caller(traded: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A price that the caller told is never shown as one that was traded."""
    words = ("--mark", f"{SYMBOL}=20010")

    [mark] = json.loads(shown(traded, capsys, *words, "--json"))["marks"]

    assert (mark["price"], mark["source"]) == ("20010", "caller")
    assert "caller" in shown(traded, capsys, *words)
    assert "last-fill" not in shown(traded, capsys, *words)


def test_what_is_not_held_has_no_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An account without positions needs no price, whatever the caller tells."""
    world = World(tmp_path / "home")

    assert json.loads(shown(world, capsys, "--mark", "X=1", "--json"))["marks"] == []


def answered(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert run(["portfolio", *words]) == status
    told = capsys.readouterr()
    return told.out, told.err


def test_show_tells_lots_open_profit_and_the_age_of_its_mark(
    traded: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """TX-C12, AS-20: two lots @20000, told 20010: 200 open; equity = cash + value."""
    words = ("--mark", f"{SYMBOL}=20010")
    [account] = json.loads(shown(traded, capsys, *words, "--json"))["accounts"]
    text = shown(traded, capsys, *words)

    assert [(lot["number"], lot["remaining_quantity"]) for lot in account["lots"]] == [
        *((1, "1"), (2, "1"))
    ]
    assert (account["unrealized_pnl"], account["mark_source"]) == ("200", "caller")
    assert Decimal(account["equity"]) == Decimal(account["cash"]) + Decimal(account["market_value"])
    assert account["positions"][0]["mark_age_seconds"] == "0"
    assert account["books"] == {
        "lot_method": "FIFO",
        "profit_by": "AVERAGE_COST",
        "daily_settlement": "UNREALIZED",
    }
    assert f"{SYMBOL}#2" in text
    assert "FIFO lots, profit by AVERAGE_COST" in text
    assert "simulated" in text


def test_an_old_mark_is_shown_with_its_age_and_a_warning(
    traded: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """PM-27: the last fill is old by now, and both windows say so."""
    [account] = json.loads(shown(traded, capsys, "--json"))["accounts"]

    assert account["warnings"] == [f"OLD_PRICE:{SYMBOL}"]
    assert Decimal(account["positions"][0]["mark_age_seconds"]) > 60
    assert "OLD_PRICE" in shown(traded, capsys)


def test_curve_tells_equity_drawdown_and_exposure(
    traded: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issue 5, point 4: a point for each fill; one account that is not there is refused."""
    home = ("--home", str(traded.home))
    out, _ = answered(capsys, "curve", *home, "--json")
    value = json.loads(out)
    told = value["curves"][ACCOUNT]

    assert value["label"] == "paper simulation"
    assert [point["exposure_tx_equivalent"] for point in told["points"]] == ["0.05", "0.1"]
    assert [day["trading_day"] for day in told["closing_equity"]] == ["2026-01-05"]
    assert told["ratios"] is None
    lines, _ = answered(capsys, "curve", *home, "--account", ACCOUNT)
    assert lines.startswith(f"account  {ACCOUNT} (simulated)\nAT ")
    _, error = answered(capsys, "curve", *home, "--account", "nobody", status=2)
    assert "NOT_FOUND" in error


def test_a_curve_whose_fills_are_gone_says_so(
    traded: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reconciliation: what does not make the position is named, on both ways out."""
    assert traded.forge("DELETE FROM fills WHERE fill_id = (SELECT MIN(fill_id) FROM fills)") == 1
    out, error = answered(capsys, "curve", "--home", str(traded.home), "--json")

    gaps = json.loads(out)["curves"][ACCOUNT]["gaps"]
    told = [(gap["key"], gap["expected"], gap["got"]) for gap in gaps]
    assert (f"{ACCOUNT}:{SYMBOL}", "1", "2") in told
    assert f"incomplete: {ACCOUNT}:{SYMBOL}: the fills make 1, held is 2" in error


def test_curve_tells_no_ratio_of_a_single_day(
    traded: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A ratio that is not defined is none, never zero."""
    out, _ = answered(capsys, "curve", "--home", str(traded.home), "--ratios", "--json")

    told = json.loads(out)["curves"][ACCOUNT]["ratios"]
    assert (told["days"], told["sharpe"], told["performance_claim"]) == (1, None, False)
    lines, _ = answered(capsys, "curve", "--home", str(traded.home), "--ratios")
    assert "performance claim  False" in lines


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_export_writes_files_that_are_labelled_and_never_overwrites(
    traded: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str
) -> None:
    """Issue 5, point 4: the statement as files."""
    words = ("export", "--out", str(tmp_path / "out"), "--format", form)
    home = ("--home", str(traded.home))
    out, error = answered(capsys, *words, *home, "--json")
    files = {row["frame"]: row for row in json.loads(out)["files"]}

    assert "simulated" in error
    assert (files["fills"]["rows"], files["lots"]["rows"], files["ledger"]["rows"]) == (2, 2, 6)
    for row in files.values():
        assert Path(row["file"]).is_file()
        assert Path(row["file"]).name == f"simulated-{row['frame']}.{form}"
    _, error = answered(capsys, *words, *home, status=2)
    assert "EXPORT_EXISTS" in error


def test_an_unknown_format_is_refused(traded: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written in a form that nobody named."""
    words = ("export", "--out", "nowhere", "--format", "xlsx", "--home", str(traded.home))

    assert "FORMAT_UNKNOWN" in answered(capsys, *words, status=2)[1]
    assert not Path("nowhere").exists()


def test_as20_equity_is_cash_and_market_value_in_every_view(
    traded: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """AS-20, US-C10, PM-27: the page, the curve, its closings and the files tell one equity."""
    traded.after(60)
    traded.quote(bid="20029", ask="20030")
    traded.done(traded.submitted(traded.approved(quantity=1), quantity=1))
    home = ("--home", str(traded.home))
    [shown] = json.loads(answered(capsys, "show", *home, "--json")[0])["accounts"]
    [curve] = json.loads(answered(capsys, "curve", *home, "--json")[0])["curves"].values()
    answered(capsys, "export", "--out", str(tmp_path), *home)
    frames = {
        name: [*csv.DictReader((tmp_path / f"simulated-{name}.csv").read_text().splitlines())]
        for name in ("accounts", "valuation", "equity_curve")
    }

    def whole(row: dict[str, str]) -> Decimal:
        assert Decimal(row["equity"]) == Decimal(row["cash"]) + Decimal(row["market_value"])
        return Decimal(row["equity"])

    equity = whole(shown)
    assert equity != Decimal(shown["cash"])
    for point in (*curve["points"], *frames["equity_curve"]):
        whole(point)
    assert whole(curve["points"][-1]) == whole(frames["equity_curve"][-1]) == equity
    assert Decimal(curve["closing_equity"][-1]["equity"]) == equity
    [account] = frames["accounts"]
    held = sum(Decimal(row["market_value"]) for row in frames["valuation"])
    assert Decimal(account["cash"]) + held == equity
