"""Rows from documents and back.

Job: derive a table from each stored document, a column per field, and translate values exactly.

Invariants
  I1  A document read back equals the document stored, byte for byte in its canonical form.
  I2  Columns hold INTEGER or TEXT only; decimals, times and nested values are text.
  I3  A table has the fields of its document and no other column.

Not here: the log's own tables (tables), queries (unit_of_work).
Source: style part 4 (SQLite turns decimals into REAL); ADR 0001.
"""

import types
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import Annotated, Final, Literal, TypeVar, Union, cast, get_args, get_origin

import orjson
from sqlalchemy import Column, Index, Table
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from counterseal.kernel.canonical import Json, Told
from counterseal.kernel.model import Document, parse_document
from storage.columns import Whole, Words

D = TypeVar("D", bound=Document)
Cell = str | int | None
_SCALARS: Final = ("Decimal", "datetime")
INDEXED: Final[Mapping[str, Sequence[str | tuple[str, ...]]]] = {
    "commands": ("subject_id", ("name", "decided_at"), ("actor_id", "decided_at")),
    "signals": ("received_at",),
    "approval_requests": (
        "status",
        "request_reference",
        "signal_id",
        ("created_at", "tenant"),
    ),
    "approval_decisions": ("approval_request_id", ("reviewer_id", "decided_at")),
    "intents": ("approval_id",),
    "orders": (
        "created_at",
        "state",
        "replace_pending",
        "approval_request_id",
        "account_id",
        "source_signal_id",
    ),
    "order_outbox": ("created_at", ("status", "created_at")),
    "broker_reports": ("order_id",),
    "order_events": ("order_id",),
    "execution_reports": ("order_id",),
    "fills": ("order_id", "occurred_at", "trading_day"),
    "ledger_entries": ("account_id", "trading_day"),
    "accounts": ("tenant",),
    "positions": ("account_id",),
    "risk_evaluations": ("evaluated_at",),
    "risk_overrides": ("account_id",),
    "strategy_exposures": ("strategy_id",),
    "settlements": ("trading_day",),
}
"""Columns that are looked up. Of several the first is looked up or ranks; the second ranks, or is
counted without its row."""


def beside_rank(kind: str, name: str, asked: Collection[str]) -> frozenset[str]:
    """Of the columns that are asked for, those that would lead away from an index by `name`."""
    indexes = [(one,) if isinstance(one, str) else one for one in INDEXED.get(kind, ())]
    led = {names[0] for names in indexes if len(names) > 1 and names[-1] == name}
    ranks = any(names[0] == name for names in indexes) or not led.isdisjoint(asked)
    return frozenset(asked) - led if ranks else frozenset()


def _bare(annotation: object) -> tuple[object, bool]:
    """The annotation without Annotated and None, and whether None is allowed."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [a for a in get_args(annotation) if a is not type(None)]
        optional = len(inner) < len(get_args(annotation))
        if len(inner) == 1:
            return _bare(inner[0])[0], optional
        return tuple, optional
    return annotation, False


def _storage_class(annotation: object) -> Literal["integer", "text", "json"]:
    bare, _ = _bare(annotation)
    if get_origin(bare) is Literal:
        bare = type(get_args(bare)[0])
    bare = getattr(bare, "__supertype__", bare)
    if isinstance(bare, type):
        if issubclass(bare, str | Enum) or bare.__name__ in _SCALARS:
            return "text"
        if issubclass(bare, int):
            return "integer"
    return "json"


class DocumentTable:
    """The table of one kind of document."""

    def __init__(self, kind: type[Document]) -> None:
        self.kind = kind
        self._classes = {
            name: _storage_class(field.annotation) for name, field in kind.model_fields.items()
        }
        self._nested = [name for name, one in self._classes.items() if one == "json"]
        self._whole = [name for name, one in self._classes.items() if one == "integer"]
        self._booleans = {
            name for name, field in kind.model_fields.items() if _is_boolean(field.annotation)
        }
        self.table = Table(
            kind.KIND,
            SQLModel.metadata,
            *(self._column(name) for name in kind.model_fields),
            *(
                Index(f"ix_{kind.KIND}_{'_'.join(names)}", *names)
                for names in INDEXED.get(kind.KIND, ())
                if isinstance(names, tuple)
            ),
            sqlite_strict=True,
        )

    def _column(self, name: str) -> Column[Cell]:
        stored: type[TypeEngine[Cell]] = Whole if self._classes[name] == "integer" else Words  # type: ignore[assignment]  # SQLAlchemy types are invariant
        _, optional = _bare(self.kind.model_fields[name].annotation)
        return Column(
            name,
            stored,
            primary_key=name == self.kind.KEY,
            nullable=optional,
            index=name in INDEXED.get(self.kind.KIND, ()),
        )

    def cells(self, value: Mapping[str, Json]) -> dict[str, Cell]:
        """Cells of a document's JSON value, which the model has checked: text is text there."""
        cells = {name: value[name] for name in self._classes}
        told = value if isinstance(value, Told) else Told(value)
        for name in self._nested:
            if cells[name] is not None:
                cells[name] = told.part(name).decode()
        for name in self._whole:
            if cells[name] is not None:
                cells[name] = int(cells[name])  # type: ignore[arg-type]  # a truth, or a whole number
        return cast("dict[str, Cell]", cells)

    def document(self, cells: Mapping[str, Cell]) -> Document:
        """The document of stored cells.

        Raises:
            ValidationError: when a cell does not fit the model.
        """
        return parse_document(self.kind, self.text(cells))

    def text(self, cells: Mapping[str, Cell]) -> bytes:
        """JSON of stored cells, whatever they hold."""
        return orjson.dumps({name: self._value(name, cells[name]) for name in self._classes})

    def _value(self, name: str, cell: Cell) -> Cell | orjson.Fragment:
        if cell is None or self._classes[name] == "text":
            return cell
        if name in self._booleans:
            return bool(cell)
        if self._classes[name] == "integer":
            return cell
        return orjson.Fragment(str(cell))


def _is_boolean(annotation: object) -> bool:
    bare, _ = _bare(annotation)
    if get_origin(bare) is Literal:
        bare = type(get_args(bare)[0])
    return bare is bool
