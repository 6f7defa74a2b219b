"""Statements that each database is told in its own words.

Job: the few that have no common form, or whose common form is too slow.

Invariants
  I1  Either form does the same; the log's tests run on both.

Not here: guards (guards, postgres_guards), connections (engines, postgres).
Source: documentation of SQLite (json_each) and of PostgreSQL (COPY, LATERAL).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, cast

import orjson
from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DBAPIError

from counterseal.audit.chain import StreamHead
from counterseal.audit.record import StoredRow

_COLUMNS: Final = ", ".join(StoredRow._fields)
_OUTBOX: Final = {
    mark: f"INSERT INTO audit_outbox (event_id, draft, digest) VALUES ({mark}, {mark}, {mark})"  # noqa: S608 - own marks
    for mark in ("?", "%s")
}
_MARKS: Final = ", ".join("?" * len(StoredRow._fields))
_SQLITE_INSERT: Final = f"INSERT INTO audit_records ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608 - own names
_POSTGRESQL_COPY: Final = f"COPY audit_records ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_WIRE_TYPES: Final[Mapping[str, str]] = {"seq": "int8", "stream_seq": "int8", "body": "bytea"}
_SQLITE_ENDS: Final = text(
    "SELECT s.value, r.stream_seq, r.leaf_hash FROM json_each(:told) s JOIN audit_records r"
    " ON r.stream = s.value AND r.stream_seq ="
    " (SELECT MAX(stream_seq) FROM audit_records WHERE stream = s.value)"
)
_POSTGRESQL_ENDS: Final = text(
    "SELECT s.value, r.stream_seq, r.leaf_hash FROM json_array_elements_text(CAST(:told AS json))"
    " AS s(value) CROSS JOIN LATERAL (SELECT stream_seq, leaf_hash FROM audit_records"
    " WHERE stream = s.value ORDER BY stream_seq DESC LIMIT 1) AS r"
)


def replacement(table: Table, key: str, dialect: str) -> str:
    """A statement that puts a row in the place of the one with its key.

    Text, because SQLAlchemy 2.0 keeps no compiled `ON CONFLICT`: it would build it every time.

    Args:
        table: Of a kind of document.
        key: Its column.
        dialect: Name of the database's words.
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql as words  # noqa: PLC0415 - when it is used

        paramstyle: Literal["pyformat", "named"] = "pyformat"
    else:
        from sqlalchemy.dialects import sqlite as words  # type: ignore[no-redef]  # noqa: PLC0415 - as above

        paramstyle = "named"
    statement = words.insert(table)
    fresh = {column.name: statement.excluded[column.name] for column in table.c}
    del fresh[key]
    whole = statement.on_conflict_do_update(index_elements=[key], set_=fresh)
    told = words.dialect(paramstyle=paramstyle)  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    return str(whole.compile(dialect=told))


def insert_drafts(connection: Connection, rows: Sequence[tuple[str, bytes, str]]) -> None:
    """Let drafts wait: event id, lines and what binds them."""
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    connection.exec_driver_sql(_OUTBOX[mark], list(rows))


def insert_records(connection: Connection, rows: Sequence[StoredRow]) -> None:
    """Put rows behind the head, in their order."""
    if connection.dialect.name == "postgresql":
        _copy(connection, rows)
    else:
        connection.exec_driver_sql(_SQLITE_INSERT, list(rows))


def _copy(connection: Connection, rows: Sequence[StoredRow]) -> None:
    """Rows by COPY, which fires triggers as INSERT does and costs half.

    Raises:
        told: the server's error as SQLAlchemy tells it, which knows nothing of COPY.
    """
    import psycopg  # noqa: PLC0415 - who uses SQLite loads no driver

    raw = cast("psycopg.Connection", connection.connection.driver_connection)
    try:
        with raw.cursor() as cursor, cursor.copy(_POSTGRESQL_COPY) as copy:
            copy.set_types([_WIRE_TYPES.get(name, "text") for name in StoredRow._fields])
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        told = DBAPIError.instance(
            _POSTGRESQL_COPY, None, error, psycopg.Error, dialect=connection.dialect
        )
        raise told from error


def stream_heads(connection: Connection, streams: Iterable[str]) -> dict[str, StreamHead]:
    """The ends of these streams, of those that have any record."""
    ends = _POSTGRESQL_ENDS if connection.dialect.name == "postgresql" else _SQLITE_ENDS
    rows = connection.execute(ends, {"told": orjson.dumps(sorted(streams)).decode()})
    return {stream: StreamHead(seq, bytes.fromhex(leaf)) for stream, seq, leaf in rows}
