"""The shape of a database: its objects with their text, and the columns of its tables.

Job: tell the shape that a database has, and the one that it must have, in comparable words.

Invariants
  I1  Every object that anybody could have added is in the shape: a name that is not expected shows.
  I2  Words are the database's own for what is there; the models' where no database is asked.

Not here: comparing (reconcile), what guards are for (guards, postgres_guards).
Source: SQLite documentation, the schema table; PostgreSQL documentation, system catalogs.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import Connection, Index, PrimaryKeyConstraint, Table, UniqueConstraint, text
from sqlalchemy import create_engine as engine_at
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from storage.migrations import create_schema
from storage.postgres_guards import GUARDS, live_guards
from storage.tables import REGISTER, table


class Shape(NamedTuple):
    """Schema objects with their text, and the columns of each table."""

    objects: Mapping[str, str]
    columns: Mapping[str, Mapping[str, str]]


def shape_of(connection: Connection) -> Shape:
    """What is there."""
    return _on_server(connection) if _is_server(connection) else _in_file(connection)


def expected_shape(connection: Connection) -> Shape:
    """What must be there, on a database of this kind."""
    return _expected_on_server() if _is_server(connection) else _expected_in_file()


def _is_server(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _in_file(connection: Connection) -> Shape:
    """Every object of SQLite but its own statistics."""
    rows = connection.exec_driver_sql("SELECT name, COALESCE(sql, '') FROM sqlite_master").all()
    objects = {str(n): str(sql) for n, sql in rows if not str(n).startswith("sqlite_stat")}
    return Shape(objects, {name: _columns(connection, name) for name in objects})


def _columns(connection: Connection, name: str) -> dict[str, str]:
    """Every column of a table and what was declared of it; empty for what is no table."""
    rows = connection.exec_driver_sql(
        'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)'
        " WHERE EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)",
        (name, name),
    )
    return {str(column): _declared(*facts) for column, *facts in rows}


def _declared(kind: str, not_null: int, default: str | None, key: int, hidden: int) -> str:
    """One column's declaration in the words of SQL, as far as SQLite tells it."""
    told = (
        kind,
        "NOT NULL" if not_null else "",
        "" if default is None else f"DEFAULT {default}",
        f"PRIMARY KEY {key}" if key else "",
        "GENERATED" if hidden else "",
    )
    return " ".join(word for word in told if word)


@cache
def _expected_in_file() -> Shape:
    engine = engine_at("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            create_schema(connection)
            return _in_file(connection)
    finally:
        engine.dispose()


_RELATIONS: Final = text(
    "SELECT relname, CASE relkind WHEN 'i' THEN replace(pg_get_indexdef(oid), '\"', '')"
    " ELSE relkind::text || relpersistence::text END FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace"
)
_ATTRIBUTES: Final = text(
    "SELECT c.relname, a.attname, upper(format_type(a.atttypid, a.atttypmod))"
    " || CASE WHEN k.collname IS NULL OR k.collname = 'default' THEN ''"
    " ELSE ' COLLATE ' || quote_ident(k.collname) END"
    " || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END"
    " || CASE WHEN a.attidentity = '' THEN '' ELSE ' IDENTITY ' || a.attidentity::text END"
    " || CASE WHEN a.attgenerated = '' THEN '' ELSE ' GENERATED' END"
    " || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " LEFT JOIN pg_collation k ON k.oid = a.attcollation"
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
    " AND a.attnum > 0 AND NOT a.attisdropped"
)
_TABLE: Final = "rp"
"""A table that is neither temporary nor unlogged."""
_VERSIONS: Final = {"alembic_version": {"version_num": "CHARACTER VARYING(32) NOT NULL"}}
_VERSION_KEY: Final = (
    "CREATE UNIQUE INDEX alembic_version_pkc ON public.alembic_version USING btree (version_num)"
)
"""What Alembic makes for itself."""


def _on_server(connection: Connection) -> Shape:
    """Every relation of our schema, and whatever guards, or could unguard, the log."""
    columns: dict[str, dict[str, str]] = {}
    for name, column, told in connection.execute(_ATTRIBUTES):
        columns.setdefault(str(name), {})[str(column)] = str(told)
    relations = {str(name): str(told) for name, told in connection.execute(_RELATIONS)}
    return Shape(
        {**relations, **dict(_listed(columns, relations)), **live_guards(connection)}, columns
    )


@cache
def _expected_on_server() -> Shape:
    tables = [table(name) for name in REGISTER if name in SQLModel.metadata.tables]
    columns = {one.name: dict(_modelled(one)) for one in tables} | _VERSIONS
    objects = {_VERSION_KEY.split()[3]: _VERSION_KEY, **GUARDS}
    objects |= dict(_listed(columns, dict.fromkeys(columns, _TABLE)))
    for one in tables:
        objects |= dict(_indexes(one))
        identities = (column.name for column in one.c if column.identity is not None)
        objects |= {f"{one.name}_{name}_seq": "Sp" for name in identities}
    return Shape(objects, columns)


def _listed(
    columns: Mapping[str, Mapping[str, str]], kinds: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The text of each table: its kind, and its columns by their names."""
    for name, told in columns.items():
        yield name, f"{kinds[name]}: {', '.join(f'{n} {told[n]}' for n in sorted(told))}"


def _indexes(one: Table) -> Iterator[tuple[str, str]]:
    """Each index with its text; unnamed constraints have the names that the server gives them."""
    keys = [k for k in one.constraints if isinstance(k, PrimaryKeyConstraint | UniqueConstraint)]
    for index in (*keys, *one.indexes):
        names = [column.name for column in index.columns]
        if isinstance(index, Index):
            name, kind = str(index.name), "INDEX"
        elif isinstance(index, PrimaryKeyConstraint):
            name, kind = f"{one.name}_pkey", "UNIQUE INDEX"
        else:
            name, kind = f"{'_'.join((one.name, *names))}_key", "UNIQUE INDEX"
        yield name, f"CREATE {kind} {name} ON public.{one.name} USING btree ({', '.join(names)})"


def _modelled(one: Table) -> Iterator[tuple[str, str]]:
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - homes on a server only

    words = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    for column in one.c:
        told = column.type.compile(dialect=words)
        told += "" if column.nullable else " NOT NULL"
        yield column.name, told + (" IDENTITY d" if column.identity is not None else "")
