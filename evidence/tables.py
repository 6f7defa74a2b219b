"""The tables of a pack as CSV and Parquet, written while records go by.

Job: turn records into rows and rows into files, a stated number of rows at a time.

Invariants
  I1  Numbers are exact: in CSV their text, in Parquet decimals of `EXACT_TYPE`. One that the type
      cannot hold is told as text in the column `BEYOND` of its row, never rounded.
  I2  Times are UTC with six digits; a cell that a spreadsheet would run is quoted by an apostrophe.
  I3  Every row says that it is simulated, and so does Parquet's metadata.
  I4  Memory depends on `ROWS_AT_ONCE`, never on the number of records.
  I5  The same records give the same bytes.

Not here: which columns (evidence.table_columns), what the numbers mean (portfolio).
Source: evidence pack format 1, `data/tables`; the style of storage.frames.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa  # type: ignore[import-untyped]  # ships no marker
from pyarrow import parquet

from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import parse_utc, utc_text
from counterseal.kernel.money import exact_text, parse_exact
from evidence.report_fold import Records, parsed
from evidence.table_columns import TABLES, Column, Kind, Row, Table, json_text

ROWS_AT_ONCE: Final = 10_000
PIECE_BYTES: Final = 2**20
EXACT_TYPE: Final = pa.decimal128(38, 16)
"""22 digits before the point and 16 behind it."""
INSTANT_TYPE: Final = pa.timestamp("us", tz="UTC")
SIMULATED: Final = "simulated"
BEYOND: Final = "beyond_the_type"
"""Canonical JSON of values that their columns cannot hold, by column; empty nearly always."""
LABEL: Final = "paper simulation; a rendering, not evidence: the records count"
_WHOLE_DIGITS, _PLACES = 22, 16
_TYPES: Final = {
    Kind.TEXT: pa.string(),
    Kind.WHOLE: pa.int64(),
    Kind.EXACT: EXACT_TYPE,
    Kind.INSTANT: INSTANT_TYPE,
    Kind.FLAG: pa.bool_(),
}
_PLAIN: Final = {Kind.TEXT: str, Kind.WHOLE: int, Kind.FLAG: bool}
"""Kinds whose JSON values are held as they are; whole numbers of a record lie within 2^53."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class TableFormat(StrEnum):
    """How a table is written."""

    CSV = "csv"
    PARQUET = "parquet"


def table_files(records: Records) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Every table in every format: the file's name, and its bytes in pieces.

    The records are read once; tables wait in a folder of their own until they are taken, each
    before the next one is asked for.

    Raises:
        InputError: `NOT_A_RECORD`; `NOT_CANONICAL` for a nested value that has no such form.
    """
    with TemporaryDirectory(prefix="tables-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with ExitStack() as stack:
            writers = [stack.enter_context(_Writer(table, folder)) for table in TABLES]
            for body in records():
                record = parsed(body)
                for writer in writers:
                    if writer.table.mark in body:
                        writer.take(writer.table.rows(record, body))
        for table in TABLES:
            for form in TableFormat:
                file = f"{table.name}.{form}"
                yield file, _pieces(folder / file)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


class _Writer(AbstractContextManager["_Writer"]):
    """One table on its way into its two files.

    Args:
        table: Which.
        folder: Where the files are made.
    """

    def __init__(self, table: Table, folder: Path) -> None:
        self.table = table
        self._rows: list[Row] = []
        self._schema = _schema(table)
        self._csv = (folder / f"{table.name}.{TableFormat.CSV}").open("xb")
        self._csv.write(_csv_lines([[SIMULATED, *(column.name for column in table.columns)]]))
        path = folder / f"{table.name}.{TableFormat.PARQUET}"
        self._parquet = parquet.ParquetWriter(path, self._schema)

    def __exit__(self, *_: object) -> None:
        try:
            self._flush()
        finally:
            self._parquet.close()
            self._csv.close()

    def take(self, rows: Iterator[Row]) -> None:
        """Keep rows, and write them when there are enough."""
        self._rows += rows
        if len(self._rows) >= ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        rows = self._rows
        if not rows:
            return
        cells = [["true"] * len(rows)]
        arrays = [pa.array([True] * len(rows), pa.bool_())]
        beyond: list[dict[str, str]] = [{} for _ in rows]
        for column in self.table.columns:
            raw = [row.get(column.name) for row in rows]
            told = _told(raw, column.kind)
            cells.append(_csv_cells(told, raw, column.kind))
            fitting = _fitting(told, raw, column, beyond)
            arrays.append(pa.array(fitting, _TYPES[column.kind]))
        texts = [canonical_bytes({**one}).decode() if one else None for one in beyond]
        arrays.append(pa.array(texts, pa.string()))
        self._csv.write(_csv_lines(zip(*cells, strict=True)))
        self._parquet.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        rows.clear()


def _csv_lines(lines: Iterable[Sequence[str]]) -> bytes:
    """Lines of RFC 4180: with a lone line feed as its end, a carriage return would go unquoted."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()


def _told(values: Sequence[object], kind: Kind) -> list[object]:
    """JSON values as Python has their kind; None for those of another."""
    plain = _PLAIN.get(kind)
    return [v if v is None or type(v) is plain else _value(v, kind) for v in values]


def _csv_cells(told: Sequence[object], raw: Sequence[object], kind: Kind) -> list[str]:
    """Cells; what is not of its column's kind is text, and text is no formula."""
    if kind is Kind.TEXT:
        return ["" if value is None else _safe(str(value)) for value in told]
    return ["" if was is None else _csv_cell(v, was) for v, was in zip(told, raw, strict=True)]


def _csv_cell(value: object, raw: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return exact_text(value)
        case datetime():
            return utc_text(value)
        case int():
            return str(value)
        case _:
            return _safe(json_text(raw))


def _safe(text: str) -> str:
    """Text that no spreadsheet runs."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _schema(table: Table) -> pa.Schema:
    fields = [(column.name, _TYPES[column.kind]) for column in table.columns]
    label = {"counterseal.label": LABEL, "counterseal.table": table.name}
    return pa.schema([(SIMULATED, pa.bool_()), *fields, (BEYOND, pa.string())], metadata=label)


def _fitting(
    told: Sequence[object], raw: Sequence[object], column: Column, beyond: Sequence[dict[str, str]]
) -> Sequence[object]:
    """Values as their column holds them; of one that it cannot hold the text goes to `beyond`."""
    if column.kind is Kind.TEXT:
        return told
    found: list[object] = []
    for value, was, row in zip(told, raw, beyond, strict=True):
        fits = value is not None and (not isinstance(value, Decimal) or _fits(value))
        found.append(value if fits else None)
        if not fits and was is not None:
            row[column.name] = json_text(was)
    return found


def _fits(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    behind = -exponent if isinstance(exponent, int) else 0
    return behind <= _PLACES and value.adjusted() < _WHOLE_DIGITS


def _value(value: object, kind: Kind) -> object:
    """A JSON value as Python has its kind; None when it is of another."""
    match kind:
        case Kind.EXACT | Kind.INSTANT:
            try:
                return parse_exact(value) if kind is Kind.EXACT else parse_utc(value)
            except ValueError:
                return None
        case Kind.FLAG:
            return value if isinstance(value, bool) else None
        case Kind.WHOLE:
            return value if type(value) is int else None
        case _:
            return json_text(value)
