"""Take signals in from text.

Job: parse JSON, JSON Lines or CSV into signals and per-line errors; decide a signal's admission.

Invariants
  I1  A number is read as its decimal text, never as a float, and only where one is wanted; a key
      named twice is refused.
  I2  The same id with the same content is a duplicate; with other content a conflict.
  I3  A signal from the future or too old is refused (age limit inclusive).

Not here: files (storage), FLAT, which is refused when a request is made (approvals.decide).
Source: features TX-E1, TX-E2, TX-E7.
"""

import csv
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import ValidationError

from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse
from counterseal.signals.model import Provenance, SignalRecord, StrategySignal, signal_of

TEXT_LENGTH_MAX: Final = 10_000_000
SIGNAL_COUNT_MAX: Final = 10_000
_GUARD: Final = frozenset(
    {"signals_only", "order_created", "broker_api_called", "risk_engine_called", "oms_called"}
)

_NUMBERS: Final = frozenset({"target_tx_equivalent", "confidence", "stop_distance_points"})
"""Fields that a JSON number may fill; all others are text."""


class TextFormat(StrEnum):
    """How the text is laid out."""

    JSON = "json"
    JSON_LINES = "jsonl"
    CSV = "csv"


class LineError(DomainModel):
    """What is wrong with one line; `line` counts from 1, `field` is empty for the whole line."""

    line: int
    field: str
    code: Name
    message: str


class Parsed(DomainModel):
    """Signals in the order of the text, and the errors."""

    signals: tuple[StrategySignal, ...]
    errors: tuple[LineError, ...]


def parse_signals(text: str, layout: TextFormat, *, keep_good: bool = False) -> Parsed:
    """Parse a text; with any error no signal is given unless `keep_good`.

    Raises:
        InputError: `TEXT_TOO_LONG` beyond 10 million characters or 10,000 signals.
    """
    rows = _rows(text, layout) if len(text) <= TEXT_LENGTH_MAX else []
    if len(text) > TEXT_LENGTH_MAX or len(rows) > SIGNAL_COUNT_MAX:
        raise InputError("TEXT_TOO_LONG", "too much text at once", field="text", got=len(text))
    signals: list[StrategySignal] = []
    errors: list[LineError] = []
    for line, row in rows:
        outcome = row if isinstance(row, InputError) else _signal(row)
        if isinstance(outcome, StrategySignal):
            signals.append(outcome)
        else:
            errors.append(_line_error(line, outcome))
    kept = tuple(signals) if keep_good or not errors else ()
    return Parsed(signals=kept, errors=tuple(errors))


def decide_intake(
    signal: StrategySignal,
    known: SignalRecord | None,
    provenance: Provenance,
    *,
    age_max_seconds: int,
    now: datetime,
    future_max_seconds: int = 0,
) -> SignalRecord | Refusal:
    """Admit a signal; `known` is the stored record of the same id, or None.

    Returns:
        A record, or `SIGNAL_CONFLICT`, `SIGNAL_DUPLICATE`, `SIGNAL_FROM_FUTURE` or `SIGNAL_STALE`.
    """
    content = signal.digest
    if known is not None and known.payload_digest != content:
        return refuse("SIGNAL_CONFLICT", "this id has other content", signal_id=signal.signal_id)
    if known is not None:
        return refuse("SIGNAL_DUPLICATE", "taken in already", signal_id=signal.signal_id)
    if signal.timestamp > now + timedelta(seconds=future_max_seconds):
        return refuse("SIGNAL_FROM_FUTURE", "the signal is from the future", at=signal.timestamp)
    if now - signal.timestamp > timedelta(seconds=age_max_seconds):
        return refuse("SIGNAL_STALE", "the signal is too old", at=signal.timestamp)
    return SignalRecord(**dict(signal), **dict(provenance), received_at=now, payload_digest=content)


def content_changed(record: SignalRecord) -> bool:
    """Whether a stored record no longer has the content that its digest covers."""
    return signal_of(record).digest != record.payload_digest


def _rows(text: str, layout: TextFormat) -> list[tuple[int, object]]:
    if layout == TextFormat.CSV:
        return _csv_rows(text)
    if layout == TextFormat.JSON_LINES:
        lines = enumerate(text.split("\n"), start=1)
        return [(number, _json(line)) for number, line in lines if line.strip()]
    value = _json(text)
    return list(enumerate(value, start=1)) if isinstance(value, list) else [(1, value)]


def _csv_rows(text: str) -> list[tuple[int, object]]:
    lines = text.replace("\r\n", "\n").split("\n")
    reader = csv.DictReader((f"{line}\n" for line in lines), strict=True)
    rows: list[tuple[int, object]] = []
    try:
        names = reader.fieldnames or ()
        if len(names) != len(set(names)):
            return [(1, InputError("DUPLICATE_KEY", "the header names a column twice"))]
        rows.extend((reader.line_num, _csv_row(row)) for row in reader)
    except csv.Error as error:
        rows.append((reader.line_num, InputError("NOT_CSV", str(error))))
    return rows


def _csv_row(row: Mapping[str | None, object]) -> object:
    if None in row or None in row.values():
        return InputError("NOT_CSV", "the line has another number of columns than the header")
    value: dict[str, object] = {}
    reason: dict[str, object] = {}
    for name, cell in row.items():
        if cell == "" or name is None:
            continue
        target, key = (
            (reason, name.removeprefix("reason.")) if name[:7] == "reason." else (value, name)
        )
        target[key] = {"true": True, "false": False}.get(str(cell).lower(), cell)
    return {**value, "reason": reason} if reason else value


class _Number(str):
    """A JSON number as its decimal text; a name is never made of one."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise InputError("DUPLICATE_KEY", "an object names a key twice")
    return out


def _json(text: str) -> object:
    try:
        parsed: object = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_Number,
        )
    except (json.JSONDecodeError, RecursionError) as error:
        return InputError("NOT_JSON", f"not JSON: {error}")
    except InputError as error:
        return error
    return parsed


def _signal(row: object) -> StrategySignal | InputError | ValidationError:
    if not isinstance(row, dict):
        return InputError("NOT_AN_OBJECT", "a signal is an object", got=type(row).__name__)
    for name, value in row.items():
        if isinstance(value, _Number) and name not in _NUMBERS:
            return InputError("SIGNAL_INVALID", "a number is no text", field=name, got=value)
    try:
        return StrategySignal.model_validate_json(canonical_bytes(_with_notes(row)))
    except (InputError, ValidationError) as error:
        return error


def _with_notes(row: dict[str, Json]) -> dict[str, Json]:
    reason = row.get("reason")
    if not isinstance(reason, Mapping) or "notes" in reason:
        return row
    guard = {k: v for k, v in reason.items() if k in _GUARD}
    notes: list[Json] = [
        {"name": k, "value": v if isinstance(v, str) else canonical_bytes(v).decode()}
        for k, v in reason.items()
        if k not in _GUARD
    ]
    return {**row, "reason": {**guard, "notes": notes}}


def _line_error(line: int, error: InputError | ValidationError) -> LineError:
    if isinstance(error, InputError):
        return LineError(line=line, field=error.field or "", code=error.code, message=error.message)
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return LineError(line=line, field=place, code="SIGNAL_INVALID", message=first["msg"])
