"""Tables of a pack: exact, safe to open, and as long as the log without growing in memory."""

import csv
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # ships no marker
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import InputError
from counterseal.kernel.money import exact_text
from counterseal.oms.model import Order
from counterseal.portfolio.model import LedgerEntry
from counterseal.risk.model import RiskEvaluation
from evidence import tables
from evidence.table_columns import TABLES
from evidence.tables import BEYOND, EXACT_TYPE, LABEL, SIMULATED, table_files
from tests.evidence.report_room import bodies_of, changed, worked
from tests.world import World

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")')
EXACT_MAX = 39


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world of its own."""
    return World(tmp_path)


def files_of(bodies: list[bytes]) -> dict[str, bytes]:
    return {name: b"".join(pieces) for name, pieces in table_files(lambda: iter(bodies))}


def read_csv(content: bytes) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(content.decode(), newline=""))]


def read_parquet(content: bytes) -> pa.Table:
    return parquet.read_table(io.BytesIO(content))


def entry(amount: str, seq: int = 1) -> bytes:
    """A record with one ledger entry of an amount."""
    told = {"entry_id": "e", "amount": amount, "kind": "tax", "at": "2026-01-05T00:00:00Z"}
    return canonical_bytes({"seq": seq, "after": {"documents": {"ledger_entries": [told]}}})


def test_a_pack_has_every_table_in_both_formats(world: World) -> None:
    """Seven tables; each row says that it is simulated, and so does the file."""
    worked(world)

    found = files_of(bodies_of(world))

    assert set(found) == {f"{t.name}.{form}" for t in TABLES for form in ("csv", "parquet")}
    for table in TABLES:
        told = read_parquet(found[f"{table.name}.parquet"])
        rows = read_csv(found[f"{table.name}.csv"])
        assert told.num_rows == len(rows) > 0
        assert {row[SIMULATED] for row in rows} == {"true"}
        assert set(told.column(SIMULATED).to_pylist()) == {True}
        assert told.schema.metadata[b"counterseal.label"] == LABEL.encode()
        assert told.column_names[1:-1] == [column.name for column in table.columns]


def test_every_record_has_a_row_with_its_leaf(world: World) -> None:
    """Who compares a row with the log finds the same hash, time and place."""
    worked(world)
    log = world.log()

    rows = read_csv(files_of([row.body for row in log])["records.csv"])

    assert [(row["seq"], row["recorded_at"], row["leaf"], row["type"]) for row in rows] == [
        (str(row.seq), row.recorded_at, row.leaf_hash, row.type) for row in log
    ]


def test_fills_and_entries_are_those_of_the_books_to_the_last_digit(world: World) -> None:
    """Tables of records agree with the tables of the desk."""
    worked(world)
    with world.store.reader() as reader:
        entries, judged = reader.find(LedgerEntry), reader.find(RiskEvaluation)
        [order] = reader.find(Order)

    found = files_of(bodies_of(world))

    fills = read_parquet(found["fills.parquet"]).to_pylist()
    assert [(one["fill_id"], one["last_price"], one["occurred_at"]) for one in fills] == [
        (fill.fill_id, fill.last_price, fill.occurred_at) for fill in world.fills()
    ]
    told = {row["entry_id"]: row["amount"] for row in read_csv(found["ledger_entries.csv"])}
    assert told == {one.entry_id: exact_text(one.amount) for one in entries}
    checks = read_csv(found["risk_checks.csv"])
    assert [row["name"] for row in checks] == [c.name for one in judged for c in one.all_checks]
    steps = read_csv(found["orders.csv"])
    assert steps[-1]["state"] == order.state
    assert steps[-1]["updated_at"] == utc_text(order.updated_at)


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_is_a_formula(world: World, formula: str) -> None:
    """I2: an apostrophe stands before it in CSV; Parquet, which runs nothing, has it as it is."""
    body = changed(world.log()[0].body, action=formula)

    found = files_of([body])

    assert read_csv(found["records.csv"])[0]["action"] == f"'{formula}"
    assert read_parquet(found["records.parquet"]).column("action").to_pylist() == [formula]


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=16, min_value=-(10**20)),
)
def test_a_number_is_the_same_in_both_formats(number: Decimal) -> None:
    """I1: text and decimal, signs and zeros included; a sign is no formula."""
    text = exact_text(number)
    if len(text) > EXACT_MAX:
        return

    found = files_of([entry(text)])

    [row] = read_csv(found["ledger_entries.csv"])
    assert row["amount"] == exact_text(Decimal(text))
    told = read_parquet(found["ledger_entries.parquet"])
    [value] = told.column("amount").to_pylist()
    beyond = told.column(BEYOND).to_pylist()
    assert value == number if value is not None else beyond == [f'{{"amount":"{text}"}}']
    assert told.schema.field("amount").type == EXACT_TYPE


@pytest.mark.parametrize("text", ["0.12345678901234567", "12345678901234567890123", "1e3", "x"])
def test_a_number_that_the_type_cannot_hold_is_told_as_text(text: str) -> None:
    """I1: never rounded, and no table fails by it."""
    told = read_parquet(files_of([entry(text)])["ledger_entries.parquet"])

    assert told.column("amount").to_pylist() == [None]
    assert told.column(BEYOND).to_pylist() == [f'{{"amount":"{text}"}}']
    assert read_csv(files_of([entry(text)])["ledger_entries.csv"])[0]["amount"] == text


def test_text_with_lines_quotes_and_commas_comes_back_whole(world: World) -> None:
    """CSV is quoted where it must be."""
    words = 'a "b", c\nd\re\r\nf'
    body = changed(world.log()[0].body, action=words)

    assert read_csv(files_of([body])["records.csv"])[0]["action"] == words


def test_batches_change_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """I4: rows go out a few at a time; what is in the files is the same."""
    worked(world)
    bodies = bodies_of(world)
    whole = files_of(bodies)

    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 3)
    parts = files_of(bodies)

    for name, content in whole.items():
        if name.endswith(".csv"):
            assert parts[name] == content
        else:
            assert read_parquet(parts[name]).equals(read_parquet(content))
    groups = parquet.ParquetFile(io.BytesIO(parts["records.parquet"])).num_row_groups
    assert groups == -(-len(bodies) // 3)


def test_the_records_are_asked_for_once_and_never_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4: no writer ever holds more rows than one batch and one record have."""
    worked(world)
    bodies = bodies_of(world)
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 50)
    held: list[int] = []
    flush = tables._Writer._flush

    def watched(writer: tables._Writer) -> None:
        held.append(len(writer._rows))
        flush(writer)

    monkeypatch.setattr(tables._Writer, "_flush", watched)
    asked: list[Callable[[], Iterator[bytes]]] = []

    def records() -> Iterator[bytes]:
        asked.append(records)
        for _ in range(20):
            yield from bodies

    assert sum(len(b"".join(pieces)) for _, pieces in table_files(records)) > 0
    assert len(asked) == 1
    assert max(held) < 2 * 50


def test_the_same_records_give_the_same_files(world: World) -> None:
    """I5: two exports of the same records have equal tables."""
    worked(world)
    bodies = bodies_of(world)

    assert files_of(bodies) == files_of(bodies)


def test_nothing_is_left_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables wait in a folder that is gone afterwards, also when nobody takes all of them."""
    place = world.home.parent / "waiting"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))

    files = table_files(lambda: iter(bodies_of(world)))
    assert next(files)[0] == "records.csv"
    assert [*place.iterdir()]
    files.close()  # type: ignore[attr-defined]  # a generator

    assert not [*place.iterdir()]


def test_bytes_that_are_no_record_end_it(world: World) -> None:
    """No table of half a log is handed over."""
    with pytest.raises(InputError) as caught:
        files_of([*bodies_of(world), b"[]"])
    assert caught.value.code == "NOT_A_RECORD"


def test_no_records_give_tables_without_rows() -> None:
    """A control that chose nothing has tables all the same."""
    found = files_of([])

    assert {read_parquet(c).num_rows for n, c in found.items() if n.endswith("parquet")} == {0}
    assert {len(read_csv(c)) for n, c in found.items() if n.endswith("csv")} == {0}
