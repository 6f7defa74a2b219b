"""Rebuild the tables from the log, and name every row that differs.

Job: compare what the database holds with what the log says it must hold.

Invariants
  I1  Cells are compared exactly as stored, type included; nothing is normalized first.
  I2  The log plus the drafts on their way into it is the truth: a crash is never called tampering.
  I3  An unregistered table, column, index or trigger is a difference, and so is a missing one.

Not here: whether the log itself is intact (audit.verify).
Source: architecture part 2; features TX-Z10.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import Connection, text

from counterseal.audit.irregular import IrregularCode
from counterseal.audit.merkle import ZERO_HASH, Frontier, leaf_hash
from counterseal.audit.privacy import PiiAccount
from counterseal.audit.retention import Purge, PurgeStatus
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.model import DomainModel
from storage.data_keys import DataKeys
from storage.databases import Database, database_at
from storage.openings import committed, read_openings
from storage.rows import Cell
from storage.schema import check_schema
from storage.shapes import expected_shape, shape_of
from storage.tables import DOCUMENT_TABLES, REGISTER
from storage.tiles import expected_tiles
from storage.unit_of_work import translated_errors

Cells = Mapping[str, Cell | bytes]
_SHOWN_MAX: Final = 80
_IN_FLIGHT: Final = (
    "SELECT draft FROM audit_outbox WHERE event_id NOT IN (SELECT event_id FROM audit_records)"
    " ORDER BY position"
)
_PLACED: Final = text(
    "SELECT COUNT(*) FROM audit_outbox o JOIN audit_records r ON r.event_id = o.event_id"
    " WHERE r.seq >= :signed"
)


class Difference(DomainModel):
    """One place where the database differs from the log.

    Attributes:
        table: Table, or the object's name for a schema difference.
        key: Key of the row; empty for a schema difference.
        column: Column; empty when the whole row or object is meant. A column that was added has no
            `expected`, one that was removed no `got`.
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


def reconcile(place: Path | Database, keys: DataKeys | None = None) -> ReconcileReport:
    """Compare a database with its own log.

    Args:
        place: The database: a SQLite file, or one that is named otherwise.
        keys: Of its personal data; without them openings are counted, and not opened.

    Raises:
        AdapterError: when the database cannot be read; `SCHEMA_OLDER` or `SCHEMA_NEWER` when it
            means something else by its tables.
    """
    engine = database_at(place).reading()
    try:
        with translated_errors(), engine.connect() as connection:
            check_schema(connection)
            return _compared(connection, keys)
    finally:
        engine.dispose()


def _compared(connection: Connection, keys: DataKeys | None) -> ReconcileReport:
    schema = tuple(_schema_differences(connection))
    lost = {d.table for d in schema if d.problem == "missing"}
    if lost & {"audit_records", "audit_outbox", "audit_head"}:
        return ReconcileReport(records=0, in_flight=0, rows=0, tables=0, differences=schema)
    rows_of_log = connection.exec_driver_sql(
        "SELECT seq, stream, leaf_hash, body FROM audit_records ORDER BY seq"
    )
    logged = rows_of_log.all()
    bodies = [row[3] for row in logged]
    drafts = [row[0] for row in connection.exec_driver_sql(_IN_FLIGHT)]
    gone = _purged([*bodies, *drafts])
    kept = [b"" if (stream, seq) in gone else body for seq, stream, _, body in logged]
    expected, unknown = _folded([*kept, *drafts])
    leaves = [leaf_hash(body) if body else bytes.fromhex(leaf) for _, _, leaf, body in logged]
    found = [*schema, *unknown, *_head_differences(connection, bodies, leaves)]
    if "audit_checkpoints" not in lost:
        found += _checkpoint_differences(connection, len(bodies))
        if "audit_tiles" not in lost:
            found += _tile_differences(connection, leaves)
    if "audit_openings" not in lost:
        found += _opening_differences(connection, keys, [*kept, *drafts])
    rows = 0
    for kind, mapped in DOCUMENT_TABLES.items():
        if kind in lost:
            continue
        stored = _stored(connection, kind, mapped.kind.KEY)
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
        for kind, documents in (_documents(body) if body else {}).items():
            mapped = DOCUMENT_TABLES.get(kind)
            for document in documents:
                if mapped is None or document.keys() != mapped.kind.model_fields.keys():
                    unknown.append(Difference(table=kind, key=f"record {place}", problem="schema"))
                    continue
                key = str(document[mapped.kind.KEY])
                expected.setdefault(kind, {})[key] = mapped.cells(document)
    return expected, unknown


def _purged(bodies: list[bytes]) -> set[tuple[str, int]]:
    """Stream and place of every record that a recorded purge let go, emptied yet or not."""
    told = (body for body in bodies if b'"retention.purged"' in body)
    purges = (
        Purge.model_validate_json(canonical_bytes(purge))
        for body in told
        for purge in _documents(body).get(Purge.KIND, [])
    )
    return {
        (part.stream, seq)
        for purge in purges
        if purge.status is PurgeStatus.PURGED
        for part in purge.ranges
        for seq in range(part.first, part.last + 1)
    }


def _opening_differences(
    connection: Connection, keys: DataKeys | None, bodies: list[bytes]
) -> Iterator[Difference]:
    """Openings that no record holds, and commitments that nothing opens and nothing erased."""
    account = PiiAccount()
    for place, body in enumerate(bodies):
        if body and (b'"pii":[]' not in body or b'"pii.erased"' in body):
            record = orjson.loads(body)
            account.read(place, str(record.get("type")), record)
    stored = committed(connection)
    strangers = [one for one in stored if not account.keeps(one)]
    for one in strangers:
        yield Difference(table="audit_openings", key=one[:_SHOWN_MAX], problem="extra")
    opened = keys is not None and keys.at_hand
    openings = read_openings(connection, keys) if keys is not None and opened else ()
    known = [one for one in openings if one.commitment not in strangers]
    for found in account.report(known, () if opened else stored).irregularities:
        missing = found.code is IrregularCode.PII_MISSING
        yield Difference(
            table="audit_openings",
            key=f"record {found.seq}",
            problem="missing" if missing else "extra",
            got=found.message,
        )


def _documents(body: bytes) -> Mapping[str, list[dict[str, Json]]]:
    try:
        after = orjson.loads(body).get("after") or {}
    except (orjson.JSONDecodeError, AttributeError):
        return {"unreadable": [{}]}
    grouped: Mapping[str, list[dict[str, Json]]] = after.get("documents", {})
    return grouped


def _stored(connection: Connection, kind: str, key: str) -> dict[str, Cells]:
    cursor = connection.exec_driver_sql(f'SELECT * FROM "{kind}"')  # noqa: S608 - a registered name
    names = list(cursor.keys())
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
                    expected=_shown(want),
                    got=_shown(got),
                )


def _shown(cell: Cell | bytes) -> str:
    told = cell.hex() if isinstance(cell, bytes) else str(cell)
    return told[:_SHOWN_MAX]


def _checkpoint_differences(connection: Connection, records: int) -> Iterator[Difference]:
    """Checkpoints are numbered without a gap, and what the newest leaves out is still in flight."""
    asked = "SELECT size, number FROM audit_checkpoints ORDER BY size"
    rows = connection.exec_driver_sql(asked).all()
    for place, (size, number) in enumerate(rows, 1):
        if number != place:
            yield Difference(
                table="audit_checkpoints",
                key=str(size),
                column="number",
                problem="missing",
                expected=str(place),
                got=str(number),
            )
            break
    signed = rows[-1][0] if rows else 0
    placed = connection.execute(_PLACED, {"signed": signed}).scalar_one()
    if records - signed > placed:
        yield Difference(table="audit_checkpoints", key=str(records), problem="missing")


def _tile_differences(connection: Connection, leaves: list[bytes]) -> Iterator[Difference]:
    """Tiles hold what the leaf hashes under the newest checkpoint give, and there are no others."""
    newest = "SELECT COALESCE(MAX(size), 0) FROM audit_checkpoints"
    signed = connection.exec_driver_sql(newest).scalar_one()
    stored = {
        f"{level}/{number}": {"root": root, "hashes": hashes}
        for level, number, root, hashes in connection.exec_driver_sql(
            "SELECT level, number, root, hashes FROM audit_tiles"
        )
    }
    expected = {
        f"{tile.level}/{tile.number}": {"root": tile.root, "hashes": tile.hashes}
        for tile in expected_tiles(leaves[:signed])
    }
    return _row_differences("audit_tiles", expected, stored)


def _head_differences(
    connection: Connection, bodies: list[bytes], leaves: list[bytes]
) -> Iterator[Difference]:
    frontier, last = Frontier(), ZERO_HASH
    for last in leaves:
        frontier.append(last)
    want: dict[str, Cell] = {
        "size": frontier.size,
        "last_leaf": last.hex(),
        "peaks": orjson.dumps([peak.hex() for peak in frontier.peaks]).decode(),
        "root": frontier.root().hex(),
    }
    asked = "SELECT origin, size, last_leaf, peaks, root FROM audit_head"
    heads = connection.exec_driver_sql(asked).all()
    if len(heads) != 1:
        yield Difference(table="audit_head", problem="missing" if not heads else "extra")
        return
    got = dict(zip(("origin", *want), heads[0], strict=True))
    newest = next((body for body in reversed(bodies) if body), None)
    origin = got["origin"] if newest is None else orjson.loads(newest).get("origin")
    for column, value in {"origin": origin, **want}.items():
        if got[column] != value:
            yield Difference(
                table="audit_head",
                key=str(got["origin"]),
                column=column,
                problem="changed",
                expected=_shown(value),
                got=_shown(got[column]),
            )


def _schema_differences(connection: Connection) -> Iterator[Difference]:
    expected, found = expected_shape(connection), shape_of(connection)
    want, got = expected.objects, found.objects
    for name in sorted(want.keys() - got.keys()):
        yield Difference(table=name, problem="missing")
    for name in sorted(got.keys() - want.keys()):
        if name not in REGISTER:
            yield Difference(table=name, problem="extra")
    for name in sorted(got.keys() & want.keys()):
        if got[name] == want[name]:
            continue
        columns = list(_column_differences(name, expected.columns[name], found.columns[name]))
        yield from columns or [
            Difference(table=name, problem="schema", expected=want[name], got=got[name])
        ]


def _column_differences(
    name: str, want: Mapping[str, str], got: Mapping[str, str]
) -> Iterator[Difference]:
    """Each column that was added, removed or declared anew; none when only a constraint differs."""
    for column in sorted(want.keys() | got.keys()):
        expected, found = want.get(column, ""), got.get(column, "")
        if (column in want) != (column in got) or expected != found:
            yield Difference(
                table=name, column=column, problem="schema", expected=expected, got=found
            )
