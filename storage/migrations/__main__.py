"""Bring a home's database up, or draft the SQL of a next step.

    python -m storage.migrations upgrade    migrate the database that the settings name
    python -m storage.migrations draft      what the models ask for, in the form of versions/*.sql
    python -m storage.migrations draft postgresql                the same in the words of PostgreSQL
    python -m storage.migrations roles      what an administrator of PostgreSQL grants, as SQL

Job: the commands that a developer or operator needs around a change of schema.

Not here: running steps (the package), settings (storage.settings).
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import SQLModel

from counterseal.kernel.errors import CountersealError, InputError
from storage.guards import GUARDS
from storage.migrations import migrate
from storage.postgres_guards import guard_statements
from storage.roles import role_statements
from storage.schema import is_outdated
from storage.settings import load_settings
from storage.tables import REGISTER, table
from storage.unit_of_work import translated_errors

USAGE: Final = "upgrade, draft, draft postgresql or roles"
_STATEMENTS: Final = (
    "SELECT tbl_name, sql FROM sqlite_master WHERE sql NOT NULL ORDER BY type DESC, name"
)


def upgrade() -> str:
    """Migrate the database of the settings; the revision it has now. Stop every writer before.

    Raises:
        AdapterError: `DATABASE_MISSING`, `SCHEMA_OLDER`, `SCHEMA_NEWER`, or a failure.
    """
    database = load_settings().database
    reader, writer = database.reading(), database.writing()
    try:
        with translated_errors(), reader.connect() as connection:
            is_outdated(connection)  # a writer's first act would change what is not ours
        return migrate(writer)
    finally:
        reader.dispose()
        writer.dispose()


def draft() -> str:
    """The schema of the models and guards: statements between blank lines."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with translated_errors(), engine.begin() as connection:
            SQLModel.metadata.create_all(connection)
            rows = connection.exec_driver_sql(_STATEMENTS).all()
    finally:
        engine.dispose()
    made: dict[str, list[str]] = {name: [] for name in REGISTER}
    for name, sql in rows:
        made[str(name)].append(_tidy(str(sql)))
    return "\n\n".join([*(s for statements in made.values() for s in statements), *GUARDS.values()])


def draft_postgresql() -> str:
    """The same for PostgreSQL; no server is needed to say it."""
    words = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    tables = [table(name) for name in REGISTER if name in SQLModel.metadata.tables]
    made: list[str] = []
    for each in tables:
        made.append(str(CreateTable(each).compile(dialect=words)))
        indexes = sorted(each.indexes, key=lambda index: str(index.name))
        made += [str(CreateIndex(index).compile(dialect=words)) for index in indexes]
    return "\n\n".join([*map(_tidy, made), *guard_statements()])


def roles() -> str:
    """Owner, rights and roles of a founded database on a server, as SQL."""
    return "\n".join(f"{statement};" for statement in role_statements())


def _tidy(sql: str) -> str:
    """One line per column, and nothing behind it."""

    def lines() -> Iterator[str]:
        for line in sql.replace("\n)\n STRICT", "\n) STRICT").strip().splitlines():
            yield f"  {line.strip()}" if line.startswith("\t") else line.strip()

    return "\n".join(lines())


COMMANDS: Final = {
    "upgrade": upgrade,
    "draft": draft,
    "draft postgresql": draft_postgresql,
    "roles": roles,
}


def main(arguments: Sequence[str]) -> int:
    """Run one of them; gives the exit status."""
    command = COMMANDS.get(" ".join(arguments))
    if command is None:
        sys.stderr.write(f"one command is needed: {USAGE}\n")
        return InputError.exit_status
    try:
        answer = command()
    except CountersealError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    sys.stdout.write(f"{answer}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
