"""Rebuild the tables from the log, and name every row that differs.

Job: compare what the database holds with what the log says it must hold.

Invariants
  I1  Cells are compared exactly as stored, type included; nothing is normalized first.
  I2  The log plus the drafts on their way into it is the truth: a crash is never called tampering.
  I3  An unregistered table, column, index or trigger is a difference, and so is a missing one.

Not here: whether the log itself is intact (audit.verify).
Source: architecture part 2; features TX-Z10.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, cast

import orjson
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from counterseal.audit.merkle import ZERO_HASH, Frontier, leaf_hash
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import DomainModel
from storage.engines import reading_engine
from storage.migrations import create_schema
from storage.rows import Cell
from storage.schema import check_schema
from storage.tables import DOCUMENT_TABLES, REGISTER
from storage.unit_of_work import translated_errors

Cells = Mapping[str, Cell]
_SHOWN_MAX: Final = 80


class Difference(DomainModel):
    """One place where the database differs from the log.

    Attributes:
        table: Table, or the object's name for a schema difference.
        key: Key of the row; empty for a schema difference.
        column: Column; empty when the whole row or object is meant.
        problem: `changed`, `missing`, `extra` or `schema`.
        expected, got: As stored, shortened.
    """

    table: str
    key: str = ""
    column: str = ""
    problem: str
    expected: str = ""
    got: str = ""


class ReconcileReport(DomainModel):
    """What was compared and what differs."""

    records: int
    in_flight: int
    rows: int
    tables: int
    differences: tuple[Difference, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def reconcile(path: Path) -> ReconcileReport:
    """Compare a database with its own log.

    Raises:
        AdapterError: when the database cannot be read; `SCHEMA_OLDER` or `SCHEMA_NEWER` when it
            means something else by its tables.
    """
    engine = reading_engine(path)
    try:
        with translated_errors(), engine.connect() as connection:
            check_schema(connection)
            raw = cast("sqlite3.Connection", connection.connection.driver_connection)
            return _compared(raw)
    finally:
        engine.dispose()


def _compared(raw: sqlite3.Connection) -> ReconcileReport:
    schema = tuple(_schema_differences(raw))
    lost = {d.table for d in schema if d.problem == "missing"}
    if lost & {"audit_records", "audit_outbox", "audit_head"}:
        return ReconcileReport(records=0, in_flight=0, rows=0, tables=0, differences=schema)
    bodies = [row[0] for row in raw.execute("SELECT body FROM audit_records ORDER BY seq")]
    drafts = [
        row[0]
        for row in raw.execute("SELECT draft FROM audit_outbox WHERE seq IS NULL ORDER BY position")
    ]
    expected, unknown = _folded([*bodies, *drafts])
    found = [*schema, *unknown, *_head_differences(raw, bodies)]
    rows = 0
    for kind, mapped in DOCUMENT_TABLES.items():
        if kind in lost:
            continue
        stored = _stored(raw, kind, mapped.kind.KEY)
        rows += len(stored)
        found += _row_differences(kind, expected.get(kind, {}), stored)
    return ReconcileReport(
        records=len(bodies),
        in_flight=len(drafts),
        rows=rows,
        tables=len(DOCUMENT_TABLES),
        differences=tuple(found),
    )


def _folded(bodies: list[bytes]) -> tuple[dict[str, dict[str, Cells]], list[Difference]]:
    """The last version of each document that the log carries."""
    expected: dict[str, dict[str, Cells]] = {}
    unknown: list[Difference] = []
    for place, body in enumerate(bodies):
        for kind, documents in _documents(body).items():
            mapped = DOCUMENT_TABLES.get(kind)
            for document in documents:
                if mapped is None or document.keys() != mapped.kind.model_fields.keys():
                    unknown.append(Difference(table=kind, key=f"record {place}", problem="schema"))
                    continue
                key = str(document[mapped.kind.KEY])
                expected.setdefault(kind, {})[key] = mapped.cells(document)
    return expected, unknown


def _documents(body: bytes) -> Mapping[str, list[dict[str, Json]]]:
    try:
        after = orjson.loads(body).get("after") or {}
    except (orjson.JSONDecodeError, AttributeError):
        return {"unreadable": [{}]}
    grouped: Mapping[str, list[dict[str, Json]]] = after.get("documents", {})
    return grouped


def _stored(raw: sqlite3.Connection, kind: str, key: str) -> dict[str, Cells]:
    cursor = raw.execute(f'SELECT * FROM "{kind}"')  # noqa: S608 - a registered name
    names = [column[0] for column in cursor.description]
    place = names.index(key) if key in names else 0
    return {str(row[place]): dict(zip(names, row, strict=True)) for row in cursor}


def _row_differences(
    kind: str, expected: Mapping[str, Cells], stored: Mapping[str, Cells]
) -> Iterator[Difference]:
    for key in sorted(expected.keys() - stored.keys()):
        yield Difference(table=kind, key=key, problem="missing")
    for key in sorted(stored.keys() - expected.keys()):
        yield Difference(table=kind, key=key, problem="extra")
    for key in sorted(stored.keys() & expected.keys()):
        for column, want in expected[key].items():
            got = stored[key].get(column)
            if type(got) is not type(want) or got != want:
                yield Difference(
                    table=kind,
                    key=key,
                    column=column,
                    problem="changed",
                    expected=str(want)[:_SHOWN_MAX],
                    got=str(got)[:_SHOWN_MAX],
                )


def _head_differences(raw: sqlite3.Connection, bodies: list[bytes]) -> Iterator[Difference]:
    frontier, last = Frontier(), ZERO_HASH
    for body in bodies:
        last = leaf_hash(body)
        frontier.append(last)
    want: dict[str, Cell] = {
        "size": frontier.size,
        "last_leaf": last.hex(),
        "peaks": orjson.dumps([peak.hex() for peak in frontier.peaks]).decode(),
        "root": frontier.root().hex(),
    }
    heads = raw.execute("SELECT origin, size, last_leaf, peaks, root FROM audit_head").fetchall()
    if len(heads) != 1:
        yield Difference(table="audit_head", problem="missing" if not heads else "extra")
        return
    got = dict(zip(("origin", *want), heads[0], strict=True))
    origin = orjson.loads(bodies[0]).get("origin") if bodies else got["origin"]
    for column, value in {"origin": origin, **want}.items():
        if got[column] != value:
            yield Difference(
                table="audit_head",
                key=str(got["origin"]),
                column=column,
                problem="changed",
                expected=str(value)[:_SHOWN_MAX],
                got=str(got[column])[:_SHOWN_MAX],
            )


def _objects(raw: sqlite3.Connection) -> dict[str, str]:
    """Every schema object and its text; SQLite's own statistics are left out."""
    rows = raw.execute("SELECT name, COALESCE(sql, '') FROM sqlite_master")
    return {str(n): str(sql) for n, sql in rows if not str(n).startswith("sqlite_stat")}


@cache
def _expected_objects() -> Mapping[str, str]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            create_schema(connection)
            raw = cast("sqlite3.Connection", connection.connection.driver_connection)
            return _objects(raw)
    finally:
        engine.dispose()


def _schema_differences(raw: sqlite3.Connection) -> Iterator[Difference]:
    want, got = _expected_objects(), _objects(raw)
    for name in sorted(want.keys() - got.keys()):
        yield Difference(table=name, problem="missing")
    for name in sorted(got.keys() - want.keys()):
        if name not in REGISTER:
            yield Difference(table=name, problem="extra")
    for name in sorted(got.keys() & want.keys()):
        if got[name] != want[name]:
            yield Difference(table=name, problem="schema", expected=want[name], got=got[name])
