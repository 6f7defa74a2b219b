"""Frames of the books: types, labels, files, and profit counted again by pandas."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]  # pandas ships no marker
import pyarrow as pa  # type: ignore[import-untyped]  # neither does pyarrow
import pytest
from hypothesis import given, settings
from pyarrow import parquet

from counterseal.desk.views.portfolio import curve_view
from counterseal.kernel.errors import AdapterError, InputError
from counterseal.portfolio.curve import equity_curve
from counterseal.portfolio.lots import LotClosing
from counterseal.portfolio.model import Account, LedgerEntry, Position
from counterseal.portfolio.valuation import Mark
from storage.frames import (
    EXACT_TYPE,
    INSTANT,
    FrameFormat,
    file_name,
    frame_of,
    statement_frames,
    write_frames,
)
from tests.core.portfolio.room import OPENING, SYMBOL, Room, Step, steps
from tests.desk.test_bookkeeping import traded
from tests.world import World

FRAMES = (
    *("accounts", "positions", "valuation", "lots", "lot_closings", "ledger"),
    *("trial_balance", "daily_pnl", "fills", "settlements", "reversals", "equity_curve"),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("frames") / "home")
    traded(made, (2, 20000), (-1, 20010), (-2, 20020))
    yield made
    made.store.close()


@pytest.fixture
def frames(world: World) -> dict[str, pd.DataFrame]:
    with world.store.reader() as reader:
        return statement_frames(reader, world.clock.now())


def test_i1_every_amount_is_an_exact_decimal_and_nothing_is_a_float(
    frames: dict[str, pd.DataFrame],
) -> None:
    """Issue 5, point 4: dtypes are stated: decimal, instant, whole number, truth, text."""
    told = {str(d) for frame in frames.values() for d in frame.dtypes}

    assert tuple(frames) == FRAMES
    assert told <= {f"{kind}[pyarrow]" for kind in (EXACT_TYPE, INSTANT, "int64", "bool", "string")}
    assert frames["positions"].dtypes["average_price"] == pd.ArrowDtype(EXACT_TYPE)
    assert frames["fills"].dtypes["occurred_at"] == pd.ArrowDtype(INSTANT)
    assert frames["lots"].dtypes["number"] == pd.ArrowDtype(pa.int64())


def test_the_frames_hold_what_the_books_hold(world: World, frames: dict[str, pd.DataFrame]) -> None:
    """AS-10: LONG 2, SELL 1, SELL 2 as a statement."""
    assert [*frames["fills"]["last_price"]] == [20000, 20010, 20020]
    assert [*frames["fills"]["quote_basis"]] == ["caller"] * 3
    assert [*frames["lot_closings"]["realized_pnl"]] == [100, 200]
    assert [*frames["positions"]["quantity"]] == [-1]
    with world.store.reader() as reader:
        [account] = reader.find(Account)
        points = curve_view(reader, account)
    assert [*frames["equity_curve"]["equity"]] == [point.equity for point in points]
    assert [*frames["valuation"]["account_id"]] == [account.account_id]


@pytest.mark.parametrize("form", list(FrameFormat))
def test_i3_each_file_says_that_it_is_simulated(
    form: FrameFormat, frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """Trading part 2: the label stands in every export."""
    paths = write_frames(frames, tmp_path / "out", form)

    assert [path.name for path in paths] == [file_name(name, form) for name in FRAMES]
    assert all(path.name.startswith("simulated-") for path in paths)
    for path, frame in zip(paths, frames.values(), strict=True):
        if form is FrameFormat.CSV:
            heads, *rows = csv.reader(path.read_text("utf-8").splitlines())
            assert heads == ["simulated", *list(frame)[1:]]
            assert [row[0] for row in rows] == ["true"] * len(frame)
        else:
            metadata = parquet.read_schema(path).metadata
            assert metadata[b"counterseal.label"] == b"paper simulation"
            again = pd.read_parquet(path, dtype_backend="pyarrow")
            pd.testing.assert_frame_equal(again, frame)


def test_i1_a_csv_holds_exact_text_and_utc_times(
    frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """Style part 4: no exponent, no trailing zeros, six digits and a Z."""
    write_frames(frames, tmp_path, FrameFormat.CSV)
    [first, *_] = csv.DictReader((tmp_path / "simulated-fills.csv").read_text().splitlines())

    assert (first["last_price"], first["last_quantity"], first["late"]) == ("20000", "2", "false")
    assert (first["tx_equivalent"], first["trading_day"]) == ("0.05", "2026-01-05")
    assert first["occurred_at"] == "2026-01-05T00:46:00.000000Z"


def test_i4_a_file_that_is_there_is_never_overwritten(
    frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """One file in the way, and nothing is written; nor into what is no folder."""
    (tmp_path / "simulated-lots.csv").write_text("mine")
    with pytest.raises(InputError) as caught:
        write_frames(frames, tmp_path, FrameFormat.CSV)

    assert caught.value.code == "EXPORT_EXISTS"
    assert [path.name for path in tmp_path.iterdir()] == ["simulated-lots.csv"]
    with pytest.raises(AdapterError) as failed:
        write_frames(frames, tmp_path / "simulated-lots.csv" / "below", FrameFormat.CSV)
    assert failed.value.code == "EXPORT_WRITE"


def test_i2_a_number_beyond_the_type_is_refused_and_one_within_is_exact() -> None:
    """Style part 4: never rounded in silence."""
    fits = Decimal("1234567890123456789012.0123456789012345")
    frame = frame_of(Account, [OPENING.amended(cash=fits)])
    assert frame["cash"][0] == fits

    for beyond in ("12345678901234567890123", "0.00000000000000001"):
        with pytest.raises(InputError) as caught:
            frame_of(Account, [OPENING.amended(cash=Decimal(beyond))])
        assert (caught.value.code, caught.value.field) == ("NUMBER_TOO_LONG", "cash")


def test_text_that_a_spreadsheet_would_run_is_only_text(tmp_path: Path) -> None:
    """An id is chosen by people: `=1+1` stays what it is, behind an apostrophe."""
    frame = frame_of(Account, [OPENING.amended(account_id="=1+1", cash=Decimal(-5))])
    write_frames({"accounts": frame}, tmp_path, FrameFormat.CSV)
    [row] = csv.DictReader((tmp_path / "simulated-accounts.csv").read_text().splitlines())

    assert (row["account_id"], row["cash"]) == ("'=1+1", "-5")


@settings(max_examples=25, deadline=None)
@given(steps)
def test_profit_cash_and_equity_agree_with_a_recomputation_by_pandas(rows: list[Step]) -> None:
    """Issue 5: profit by lots, cash and the curve, counted again from the frames alone."""
    room = Room().ran(*rows)
    trades = pd.DataFrame(
        {
            "quantity": [t.quantity for t in room.trades],
            "price": [t.price for t in room.trades],
            "costs": [t.cost for t in room.trades],
        },
        dtype="object",
    )
    last = Decimal(20005)
    held = trades["quantity"].cumsum()
    paid = (trades["quantity"] * trades["price"]).cumsum() * 50
    marked = (held * trades["price"] * 50) - paid - trades["costs"].cumsum() + 1_000_000
    points = [*equity_curve(room.account, room.trades, room.entries, _marks(room))]
    assert [*marked] == [point.equity for point in points]
    assert (marked.cummax().clip(lower=1_000_000) - marked).tolist() == [p.drawdown for p in points]

    closings = frame_of(LotClosing, room.closings)
    ledger = frame_of(LedgerEntry, room.entries)
    into = ledger.loc[ledger["debit_account"] == "cash", "amount"].sum()
    out = ledger.loc[ledger["credit_account"] == "cash", "amount"].sum()
    position = frame_of(Position, [room.position]).astype("object")
    assert Decimal(closings["realized_pnl"].sum()) == position["lot_realized_pnl"][0]
    assert 1_000_000 + Decimal(into) - Decimal(out) == room.account.cash
    total = position["realized_pnl"] + (position["quantity"] * last - position["cost_sum"]) * 50
    quantity = sum(trades["quantity"])
    assert Decimal(total[0]) == quantity * last * 50 - (paid.iloc[-1] if len(paid) else 0)


def _marks(room: Room) -> list[Mark]:
    return [Mark(symbol=SYMBOL, price=t.price, seen_at=t.at, source="test") for t in room.trades]
