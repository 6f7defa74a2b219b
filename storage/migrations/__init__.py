"""Migrations: how the schema of a database comes to be and how it changes.

Job: run the frozen steps of `versions/` in order, inside one transaction of ours.

Invariants
  I1  A step never reads the models: what a revision means does not change when they do.
  I2  A migration is all or nothing; guards are installed anew and compared before it commits.
  I3  Only a database of a known, older revision is migrated.

Not here: the check at every open (schema), the models (tables), a way back (restore a backup).
Source: Alembic documentation; SQLite documentation on transactional DDL; style part 4 (a table
that batch mode recreates loses its triggers).
"""

from pathlib import Path
from typing import Final

from alembic.command import upgrade
from alembic.config import Config
from sqlalchemy import Connection, Engine

from storage import schema
from storage.guards import check_guards, install_guards
from storage.unit_of_work import translated_errors

SCRIPTS: Final = Path(__file__).parent
"""The folder of `env.py`."""
VERSIONS: Final = SCRIPTS / "versions"
"""The folder of the steps."""


def create_schema(connection: Connection) -> None:
    """Run every step on an empty database, within the connection's transaction."""
    _run(connection)


def migrate(engine: Engine) -> str:
    """Bring a database up to the newest revision.

    Args:
        engine: The writing engine; nobody else may write meanwhile.

    Returns:
        The revision that the database has now.

    Raises:
        AdapterError: `SCHEMA_OLDER` when the database names no revision, `SCHEMA_NEWER`, or the
            database's failure; nothing was changed.
        IntegrityError: `GUARD_MISSING`.
    """
    with translated_errors(), engine.begin() as connection:
        if schema.is_outdated(connection):
            _run(connection)
    return schema.REVISIONS[-1]


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration without a file; `env.py` finds the connection in it."""
    made = Config(attributes={"connection": connection})
    for name, folder in (("script_location", SCRIPTS), ("version_locations", VERSIONS)):
        made.set_main_option(name, str(folder).replace("%", "%%"))
    made.set_main_option("path_separator", "newline")
    return made


def _run(connection: Connection) -> None:
    upgrade(config(connection), "head")
    install_guards(connection)
    check_guards(connection)
