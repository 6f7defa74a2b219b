"""A database carried over to another place: of another kind, or on another machine.

Job: copy every row of one moment into an empty database, and let it stand only when it is the same.

Invariants
  I1  Everything is one transaction of the target: until it commits there is nothing, and a crash
      leaves nothing.
  I2  It commits only when every table, read back, has the bytes that were read, in their order, and
      the head is the one that the records lead to.
  I3  A target that holds anything is refused, and so is a source whose schema or guards differ.
  I4  Memory does not grow with the log.

Not here: files beside the database (backup), going on behind what was lost (recovery).
Source: decision 0028; audit-log, signer as guard.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import orjson
from sqlalchemy import Connection, insert, select

from counterseal.audit.merkle import Frontier
from counterseal.audit.record import StoredRow
from counterseal.kernel.errors import InputError, IntegrityError
from storage.databases import Database
from storage.dialects import insert_records
from storage.guards import check_guards
from storage.schema import check_schema, has_tables
from storage.tables import DOCUMENT_TABLES, table
from storage.tiles import stored_leaf
from storage.unit_of_work import translated_errors

_PART: Final = 500
"""Rows that are held at once."""
_LOG: Final = ("audit_records", "audit_checkpoints", "audit_tiles", "audit_head")
_NAMES: Final = (*_LOG, *DOCUMENT_TABLES, "audit_openings", "audit_outbox")
"""Every table but the one that migrations fill."""

Row = tuple[object, ...]


class Transferred(NamedTuple):
    """What a database holds now.

    Attributes:
        origin: Name of its log.
        records: Of the log.
        root: Over them, 64 hexadecimal digits.
        rows: Of all tables, the log's among them.
    """

    origin: str
    records: int
    root: str
    rows: int


class _Seen(NamedTuple):
    """One table as it was read: its rows in order, counted and digested."""

    rows: int
    sha256: str


def transfer(source: Database, target: Database) -> Transferred:
    """Copy a log and its tables, as of one moment, into an empty database.

    Args:
        source: Others may write to it meanwhile; what they write then is not copied.
        target: Nothing may be in it; a file may be missing.

    Raises:
        InputError: `DATABASE_EXISTS` when the target holds anything.
        IntegrityError: `GUARD_MISSING`; `TRANSFER_DIFFERS` when what was read back is not what
            was read, or the head is not that of the records.
        AdapterError: `DATABASE_MISSING`, `SCHEMA_OLDER`, `SCHEMA_NEWER`, or the failure of one of
            the two; the target is empty as before.
    """
    from storage.migrations import create_schema  # noqa: PLC0415 - who looks at a home migrates none

    reading, writing = source.reading(), target.writing()
    try:
        with translated_errors(), reading.connect() as old, writing.begin() as new:
            if has_tables(new):
                raise InputError("DATABASE_EXISTS", "a database is here already", got=target.name)
            for connection in (old, new):
                _unhurried(connection)
            check_schema(old)
            check_guards(old)
            create_schema(new)
            return _copied(old, new)
    finally:
        reading.dispose()
        writing.dispose()


def began_alike(one: Database, other: Database) -> bool:
    """Whether both are there with the same first record: one was copied from the other.

    Raises:
        AdapterError: when one of them cannot be read.
    """
    return one.present() and other.present() and _first(one) == _first(other) is not None


def _first(database: Database) -> bytes | None:
    cells = table("audit_records").c
    engine = database.reading()
    try:
        with translated_errors(), engine.connect() as connection:
            return connection.execute(select(cells.body).where(cells.seq == 0)).scalar()
    finally:
        engine.dispose()


def _copied(old: Connection, new: Connection) -> Transferred:
    read = {name: _table_copied(old, new, name) for name in _NAMES}
    _count_on(new)
    root = Frontier()
    for name in _NAMES:
        again = _Digest()
        for part in _parts(new, name):
            again.take(part)
            if name == "audit_records":
                for row in part:
                    record = StoredRow._make(row)
                    root.append(stored_leaf(record.body, record.leaf_hash))
        if again.seen() != read[name]:
            raise IntegrityError(
                "TRANSFER_DIFFERS",
                f"{name} was not stored as it was read",
                expected=read[name].rows,
                got=again.seen().rows,
            )
    return Transferred(
        origin=_checked_head(new, root),
        records=root.size,
        root=root.root().hex(),
        rows=sum(seen.rows for seen in read.values()),
    )


def _table_copied(old: Connection, new: Connection, name: str) -> _Seen:
    cells, read = table(name), _Digest()
    names = [column.name for column in cells.c]
    for part in _parts(old, name):
        read.take(part)
        if name == "audit_records":
            insert_records(new, [StoredRow._make(row) for row in part])
        else:
            new.execute(insert(cells), [dict(zip(names, row, strict=True)) for row in part])
    return read.seen()


def _parts(connection: Connection, name: str) -> Iterator[Sequence[Row]]:
    """Rows of a table by its key, a part at a time; text is in the order of its bytes."""
    cells = table(name)
    asked = select(cells).order_by(*cells.primary_key.columns)
    found = connection.execute(asked, execution_options={"yield_per": _PART})
    for part in found.partitions():
        yield [tuple(row) for row in part]


class _Digest:
    """Takes rows in their order."""

    def __init__(self) -> None:
        self._rows = 0
        self._sha256 = hashlib.sha256()

    def take(self, rows: Sequence[Row]) -> None:
        """A part; a cell's kind counts as well as what it holds."""
        self._rows += len(rows)
        for row in rows:
            self._sha256.update(orjson.dumps(row, default=_bytes_told) + b"\n")

    def seen(self) -> _Seen:
        return _Seen(self._rows, self._sha256.hexdigest())


def _bytes_told(cell: object) -> dict[str, str]:
    if not isinstance(cell, bytes):
        raise TypeError(type(cell))
    return {"bytes": cell.hex()}


def _checked_head(connection: Connection, root: Frontier) -> str:
    """The log's name, when its head is the end of its records.

    Raises:
        IntegrityError: `TRANSFER_DIFFERS`.
    """
    cells = table("audit_head").c
    heads = connection.execute(select(cells.origin, cells.size, cells.root)).all()
    if [(head.size, head.root) for head in heads] != [(root.size, root.root().hex())]:
        raise IntegrityError(
            "TRANSFER_DIFFERS",
            "the head is not the one that the records lead to",
            expected=root.size,
            got=", ".join(str(head.size) for head in heads) or "none",
        )
    return str(heads[0].origin)


def _unhurried(connection: Connection) -> None:
    """Let a statement of this transaction take its time: a long log is one COPY."""
    if connection.dialect.name == "postgresql":
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {name} = 0")


def _count_on(connection: Connection) -> None:
    """Have a server number new drafts behind the copied ones; SQLite does by itself."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "SELECT setval(pg_get_serial_sequence('public.audit_outbox', 'position'),"
            " max(position)) FROM public.audit_outbox HAVING max(position) IS NOT NULL"
        )
