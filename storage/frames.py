"""The books of a home as frames and files.

Job: turn stored documents into data frames with stated types, and write them as CSV or Parquet.

Invariants
  I1  Money, prices and quantities are decimals of `EXACT_TYPE`, in CSV exact text; no float.
  I2  A number that the type cannot hold exactly is refused, never rounded.
  I3  Each file says that it is simulated: in its name, in a column, and in Parquet's metadata.
  I4  A file that is there already is never overwritten.

This module loads pandas: who only looks does not import it.

Not here: what the numbers mean (portfolio), ratios over them (metrics).
Source: architecture part 6; trading reference part 2, the label in every export.
"""

import types
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Union, get_args, get_origin

import pandas as pd  # type: ignore[import-untyped]  # pandas ships no marker
import pyarrow as pa  # type: ignore[import-untyped]  # neither does pyarrow
from pyarrow import parquet

from counterseal.broker.model import Fill
from counterseal.desk.ports import Reader
from counterseal.desk.views.marks import PAPER_LABEL
from counterseal.desk.views.portfolio import curve_view, portfolio_view
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import AdapterError, InputError
from counterseal.kernel.model import DomainModel
from counterseal.kernel.money import exact_text, normalized
from counterseal.portfolio.curve import CurvePoint
from counterseal.portfolio.ledger import TrialRow, trial_balance
from counterseal.portfolio.lots import Lot, LotClosing
from counterseal.portfolio.model import Account, DailyPnl, LedgerEntry, Position
from counterseal.portfolio.reversal import FillReversal
from counterseal.portfolio.settlement import Settlement
from counterseal.portfolio.valuation import PositionValue

EXACT_TYPE: Final = pa.decimal128(38, 16)
"""22 digits before the point and 16 behind it. Arrow multiplies no two such columns: whoever
calculates takes Python's decimals by `astype(object)`."""
INSTANT: Final = pa.timestamp("us", tz="UTC")
SIMULATED: Final = "simulated"
FILL_FIELDS: Final = (
    *("fill_id", "order_id", "account_id", "symbol", "side", "last_quantity", "last_price"),
    *("multiplier", "tx_equivalent", "currency", "model_name", "model_version", "fees", "late"),
    *("slippage_ticks", "not_modelled", "trading_day", "session", "occurred_at", "recorded_at"),
)
"""What a statement tells of a fill; the model's whole input stands in the log."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class FrameFormat(StrEnum):
    """How a frame is written."""

    CSV = "csv"
    PARQUET = "parquet"


def frame_of(
    model: type[DomainModel], rows: Iterable[DomainModel], fields: Sequence[str] | None = None
) -> pd.DataFrame:
    """A frame with a column for each field, each of one Arrow type, and `simulated` before them.

    Decimals are `EXACT_TYPE`, times UTC microseconds, nested values canonical JSON text.

    Raises:
        InputError: `NUMBER_TOO_LONG` when a number needs more digits than the type has.
    """
    told = [*rows]
    names = model.model_fields if fields is None else fields
    columns = {SIMULATED: pa.array([True] * len(told), pa.bool_())}
    for name in names:
        kind = _arrow_type(model.model_fields[name].annotation)
        values = [_value(getattr(row, name), kind) for row in told]
        try:
            columns[name] = pa.array(values, kind)
        except pa.ArrowInvalid as error:
            raise InputError("NUMBER_TOO_LONG", "too many digits", field=name, got=error) from error
    return _frame(columns)


def _frame(columns: Mapping[str, pa.Array]) -> pd.DataFrame:
    return pd.DataFrame({n: pd.arrays.ArrowExtensionArray(a) for n, a in columns.items()})


def _arrow_type(annotation: object) -> pa.DataType:
    if get_origin(annotation) is Annotated:
        return _arrow_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        [bare] = [a for a in get_args(annotation) if a is not type(None)]
        return _arrow_type(bare)
    if isinstance(annotation, type):
        for python, arrow in _TYPES:
            if issubclass(annotation, python):
                return arrow
    return pa.string()


_TYPES: Final = (
    (Decimal, EXACT_TYPE),
    (datetime, INSTANT),
    (bool, pa.bool_()),
    (int, pa.int64()),
)


def _value(value: object, kind: pa.DataType) -> object:
    """A field as its column holds it."""
    if value is None or kind != pa.string():
        return value
    if isinstance(value, DomainModel):
        return canonical_bytes(value.json_value()).decode()
    if isinstance(value, tuple):
        told = [v.json_value() if isinstance(v, DomainModel) else str(v) for v in value]
        return canonical_bytes([*told]).decode()
    return str(value)


def statement_frames(reader: Reader, now: datetime) -> dict[str, pd.DataFrame]:
    """Every frame of a home's books by name, valued at `now` (UTC) by the last fills.

    Raises:
        InputError: `NUMBER_TOO_LONG`.
    """
    view = portfolio_view(reader, (), now)
    ledger = reader.find(LedgerEntry)
    points = [p for account in reader.find(Account) for p in curve_view(reader, account)]
    return {
        "accounts": frame_of(Account, reader.find(Account)),
        "positions": frame_of(Position, reader.find(Position)),
        "valuation": _valued(
            [(a.valuation.account_id, a.valuation.positions) for a in view.accounts]
        ),
        "lots": frame_of(Lot, reader.find(Lot)),
        "lot_closings": frame_of(LotClosing, reader.find(LotClosing)),
        "ledger": frame_of(LedgerEntry, ledger),
        "trial_balance": frame_of(TrialRow, trial_balance(ledger)),
        "daily_pnl": frame_of(DailyPnl, reader.find(DailyPnl)),
        "fills": _fills(reader),
        "settlements": frame_of(Settlement, reader.find(Settlement)),
        "reversals": frame_of(FillReversal, reader.find(FillReversal)),
        "equity_curve": frame_of(CurvePoint, points),
    }


def _valued(rows: Sequence[tuple[str, Sequence[PositionValue]]]) -> pd.DataFrame:
    frame = frame_of(PositionValue, [row for _, held in rows for row in held])
    owners = [account for account, held in rows for _ in held]
    frame.insert(1, "account_id", pd.arrays.ArrowExtensionArray(pa.array(owners, pa.string())))
    return frame


def _fills(reader: Reader) -> pd.DataFrame:
    """Fills, and beside each price what kind of quote it came from."""
    fills = reader.find(Fill)
    frame = frame_of(Fill, fills, FILL_FIELDS)
    bases = pa.array([str(fill.quote.basis) for fill in fills], pa.string())
    frame.insert(8, "quote_basis", pd.arrays.ArrowExtensionArray(bases))
    return frame


def file_name(name: str, form: FrameFormat) -> str:
    """`simulated-<name>.<format>`."""
    return f"{SIMULATED}-{name}.{form}"


def write_frames(
    frames: Mapping[str, pd.DataFrame], folder: Path, form: FrameFormat
) -> tuple[Path, ...]:
    """Write each frame to a file of its own; the paths, in the order of the frames.

    Raises:
        InputError: `EXPORT_EXISTS` when one of the files is there; nothing is written then.
        AdapterError: `EXPORT_WRITE` when the folder cannot be written.
    """
    paths = {name: folder / file_name(name, form) for name in frames}
    for path in paths.values():
        if path.exists():
            raise InputError("EXPORT_EXISTS", "a file is there already", field="--out", got=path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in frames.items():
            with paths[name].open("xb") as file:
                file.write(_csv(frame) if form is FrameFormat.CSV else _parquet(name, frame))
    except OSError as error:
        raise AdapterError("EXPORT_WRITE", "the folder cannot be written", got=error) from error
    return tuple(paths.values())


def _parquet(name: str, frame: pd.DataFrame) -> bytes:
    told = pa.Table.from_pandas(frame, preserve_index=False)
    label = {b"counterseal.label": PAPER_LABEL.encode(), b"counterseal.frame": name.encode()}
    sink = pa.BufferOutputStream()
    parquet.write_table(
        told.replace_schema_metadata({**(told.schema.metadata or {}), **label}), sink
    )
    return bytes(sink.getvalue())


def _csv(frame: pd.DataFrame) -> bytes:
    """Comma-separated text: exact numbers, UTC times with six digits, `true` and `false`."""
    told = pd.DataFrame({name: [_text(v) for v in frame[name]] for name in frame}, dtype="object")
    return bytes(told.to_csv(index=False, lineterminator="\n").encode())


def _text(value: object) -> str | None:
    """A cell; text that a spreadsheet would run as a formula is quoted by an apostrophe."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, Decimal):
        return exact_text(normalized(value))
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
