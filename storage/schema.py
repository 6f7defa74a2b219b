"""Which schema this code speaks, and whether a database speaks it too.

Job: name the revisions that this code knows, and refuse a database of any other one.

Invariants
  I1  Nothing is written to a database whose revision is not the newest that this code knows.
  I2  An unknown revision counts as newer: this code cannot know what it means.

Not here: the steps between revisions (migrations), changed schema objects (reconcile).
Source: Alembic documentation, the version table; audit-log, change of schema.
"""

from typing import Final

from sqlalchemy import Connection, inspect

from counterseal.kernel.errors import AdapterError

REVISIONS: Final = ("0001",)
"""Every revision, oldest first; the last one is what this code reads and writes."""


def has_tables(connection: Connection) -> bool:
    """Whether anything was put into this database, by whomever."""
    return bool(inspect(connection).get_table_names())


def stored_revision(connection: Connection) -> str | None:
    """The revision that a database names, or None when it names none.

    Raises:
        AdapterError: `SCHEMA_NEWER` when it names several: no migration of ours branches.
    """
    if not _names_revisions(connection):
        return None
    rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    if len(rows) > 1:
        raise AdapterError("SCHEMA_NEWER", "this database names several revisions", got=rows)
    return str(rows[0][0]) if rows else None


def _names_revisions(connection: Connection) -> bool:
    """Whether the table is there, and no view or index of its name."""
    if connection.dialect.name == "sqlite":  # every look asks: all names would be most of its time
        asked = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
        return connection.exec_driver_sql(asked).first() is not None
    return "alembic_version" in inspect(connection).get_table_names()


def is_outdated(connection: Connection) -> bool:
    """Whether a database of ours waits for a migration.

    Raises:
        AdapterError: `SCHEMA_OLDER` without any revision, `SCHEMA_NEWER` for an unknown one.
    """
    revision = stored_revision(connection)
    if revision is None:
        raise AdapterError(
            "SCHEMA_OLDER",
            "this database names no schema revision: `counterseal init` did not make it;"
            " restore a backup, or found a new home",
        )
    if revision not in REVISIONS:
        raise AdapterError(
            "SCHEMA_NEWER",
            f"a newer Counterseal made this database, this one knows revision {REVISIONS[-1]};"
            " use the newer one",
            got=revision,
        )
    return revision != REVISIONS[-1]


def check_schema(connection: Connection) -> None:
    """Refuse to go on with another schema than ours.

    Raises:
        AdapterError: `SCHEMA_OLDER` or `SCHEMA_NEWER`.
    """
    if is_outdated(connection):
        raise AdapterError(
            "SCHEMA_OLDER",
            f"this database waits for revision {REVISIONS[-1]}: stop everything that uses it,"
            " back it up, then run `python -m storage.migrations upgrade`",
            got=stored_revision(connection),
        )
