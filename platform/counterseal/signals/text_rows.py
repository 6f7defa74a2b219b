"""Rows of a text that somebody hands in.

Job: read JSON, JSON Lines or CSV into rows with their lines, and each row into what it means.

Invariants
  I1  A number is read as its decimal text, never as a float; a key named twice is refused.
  I2  One broken line is told with its field, and hides no other.

Not here: files (storage), what a row means (whoever asks).
Source: features TX-E1, TX-E2.
"""

import csv
import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from pydantic import ValidationError

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name

M = TypeVar("M", bound=DomainModel)
TEXT_LENGTH_MAX: Final = 10_000_000
ROW_COUNT_MAX: Final = 10_000


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


def read_rows(
    text: str,
    layout: TextFormat,
    read: Callable[[object], M | InputError | ValidationError],
    *,
    invalid: str,
) -> tuple[list[M], list[LineError]]:
    """What `read` makes of each row, in the order of the text, and what is wrong with the others.

    A row whose values do not fit is told under the code `invalid`.

    Raises:
        InputError: `TEXT_TOO_LONG` beyond 10 million characters or 10,000 rows.
    """
    rows = _rows(text, layout) if len(text) <= TEXT_LENGTH_MAX else []
    if len(text) > TEXT_LENGTH_MAX or len(rows) > ROW_COUNT_MAX:
        raise InputError("TEXT_TOO_LONG", "too much text at once", field="text", got=len(text))
    good: list[M] = []
    bad: list[LineError] = []
    for line, row in rows:
        outcome = row if isinstance(row, InputError) else read(row)
        if isinstance(outcome, InputError | ValidationError):
            bad.append(_line_error(line, outcome, invalid))
        else:
            good.append(outcome)
    return good, bad


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


class NumberText(str):
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
            parse_float=NumberText,
            parse_int=NumberText,
            parse_constant=NumberText,
        )
    except (json.JSONDecodeError, RecursionError) as error:
        return InputError("NOT_JSON", f"not JSON: {error}")
    except InputError as error:
        return error
    return parsed


def _line_error(line: int, error: InputError | ValidationError, invalid: str) -> LineError:
    if isinstance(error, InputError):
        return LineError(line=line, field=error.field or "", code=error.code, message=error.message)
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return LineError(line=line, field=place, code=invalid, message=first["msg"])
