"""The schema: frozen in migrations, equal to the models, and refused when it is another one."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from counterseal.kernel.errors import AdapterError
from storage import migrations, schema
from storage.engines import writing_engine
from storage.guards import GUARDS, install_guards, missing_guards
from storage.home_reader import read_home
from storage.migrations import __main__ as commands
from storage.reconcile import reconcile
from storage.tables import REGISTER
from tests.world import World

FIRST = migrations.VERSIONS / "0001_first.sql"
SECOND = """
from alembic import op
import sqlalchemy as sa

revision = "0002"
down_revision = "0001"

def upgrade():
    with op.batch_alter_table("audit_records", recreate="always") as batch:
        batch.add_column(sa.Column("note", sa.Text, nullable=True))
    {after}
"""
Objects = dict[tuple[str, str], str]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def objects(fill: Callable[[Connection], None]) -> Objects:
    """Every object of a schema with its text, blanks apart."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        fill(connection)
        rows = connection.exec_driver_sql("SELECT type, name, COALESCE(sql, '') FROM sqlite_master")
        found = {(str(kind), str(name)): " ".join(str(sql).split()) for kind, name, sql in rows}
    engine.dispose()
    return {key: re.sub(r" ?([(),]) ?", r"\1", sql) for key, sql in found.items()}


def as_modelled(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection)
    install_guards(connection)


def as_frozen(connection: Connection) -> None:
    for statement in FIRST.read_text("utf-8").split("\n\n"):
        connection.exec_driver_sql(statement.strip())


def of_alembic(found: Objects) -> set[tuple[str, str]]:
    return {key for key in found if "alembic_version" in key[1]}


def test_the_migrations_make_what_the_models_ask_for_and_no_more() -> None:
    """STYLE 4: every table, column, type, index and guard. What is missing is the next step's SQL;
    `python -m storage.migrations draft` writes it.
    """
    wanted, made = objects(as_modelled), objects(migrations.create_schema)
    version = of_alembic(made)

    assert {key: sql for key, sql in wanted.items() if made.get(key) != sql} == {}
    assert made.keys() - wanted.keys() == version
    assert len(version) == 2


def test_the_frozen_statements_alone_make_every_object() -> None:
    """Migrations I1: guards included; nothing is completed from live code."""
    frozen = objects(as_frozen)

    assert frozen == objects(as_modelled)
    assert {name for kind, name in frozen if kind == "table"} == REGISTER.keys() - {
        "alembic_version"
    }
    assert {name for kind, name in frozen if kind == "trigger"} == GUARDS.keys()
    assert [k for k, sql in frozen.items() if k[0] == "table" and not sql.endswith("STRICT")] == []


def test_a_draft_of_the_schema_is_what_the_first_step_holds() -> None:
    """Migrations: as long as there is one step, it is the draft of the models."""
    assert commands.draft() == FIRST.read_text("utf-8").rstrip("\n")


def test_no_step_reads_the_models() -> None:
    """Migrations I1: a later change of a document needs a later step."""
    steps = [p for p in migrations.VERSIONS.glob("*.py") if p.name != "__init__.py"]
    imports = [
        line
        for path in steps
        for line in path.read_text("utf-8").splitlines()
        if re.match(r"\s*(from|import) (storage|counterseal|sqlmodel)", line)
    ]
    assert steps
    assert imports == []


def test_the_known_revisions_are_those_of_the_steps_in_order() -> None:
    """Schema: one line of steps, no branch, and the code knows all of them."""
    scripts = ScriptDirectory.from_config(migrations.config())
    walked = [step.revision for step in scripts.walk_revisions()]
    assert tuple(reversed(walked)) == schema.REVISIONS


def revision_of(world: World) -> list[tuple[object, ...]]:
    return world.rows("SELECT version_num FROM alembic_version")


def test_a_new_database_names_its_revision(world: World) -> None:
    """Schema: the newest one, once."""
    assert revision_of(world) == [(schema.REVISIONS[-1],)]


def stamped(world: World, *revisions: str) -> None:
    world.store.close()
    with closing(sqlite3.connect(world.settings.database_file)) as connection, connection:
        connection.execute("DELETE FROM alembic_version")
        connection.executemany("INSERT INTO alembic_version VALUES (?)", [(r,) for r in revisions])
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def read(world: World) -> None:
    with read_home(world.settings):
        pytest.fail("opened")


def migrated(world: World) -> None:
    engine = writing_engine(world.settings.database_file)
    try:
        migrations.migrate(engine)
    finally:
        engine.dispose()


OPENINGS: list[Callable[[World], object]] = [
    read,
    World.reopen,
    lambda world: reconcile(world.settings.database_file),
]


def refused(world: World, opening: Callable[[World], object], code: str) -> AdapterError:
    """The refusal; the database keeps every byte."""
    before = world.settings.database_file.read_bytes()
    with pytest.raises(AdapterError, match=code) as caught:
        opening(world)
    assert caught.value.exit_status == 4
    assert not caught.value.retriable
    assert world.settings.database_file.read_bytes() == before
    journal = Path(f"{world.settings.database_file}-wal")
    assert not journal.exists() or journal.read_bytes() == b""
    return caught.value


@pytest.mark.parametrize("opening", [*OPENINGS, migrated])
@pytest.mark.parametrize("revisions", [("0002",), ("abcdef",), ("0001", "0002")])
def test_a_newer_schema_refuses_to_open_and_nothing_is_written(
    world: World, opening: Callable[[World], object], revisions: tuple[str, ...]
) -> None:
    """Schema I1, I2: an unknown revision is a newer one."""
    stamped(world, *revisions)
    refused(world, opening, "SCHEMA_NEWER")


@pytest.mark.parametrize("opening", [*OPENINGS, migrated])
@pytest.mark.parametrize("spoil", ["DELETE FROM alembic_version", "DROP TABLE alembic_version"])
def test_a_database_without_a_revision_refuses_to_open(
    world: World, opening: Callable[[World], object], spoil: str
) -> None:
    """Schema I1: made by something else, or by hand."""
    stamped(world)
    with closing(sqlite3.connect(world.settings.database_file)) as connection:
        connection.execute(spoil)
        connection.commit()
    assert "init" in refused(world, opening, "SCHEMA_OLDER").message


@pytest.mark.parametrize("opening", OPENINGS)
def test_an_older_schema_refuses_to_open_and_names_the_command(
    world: World, monkeypatch: pytest.MonkeyPatch, opening: Callable[[World], object]
) -> None:
    """Schema I1: nothing migrates by itself."""
    stamped(world, "0001")
    monkeypatch.setattr(schema, "REVISIONS", ("0001", "0002"))
    assert "storage.migrations upgrade" in refused(world, opening, "SCHEMA_OLDER").message


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Adds a second step, which recreates the records' table and so loses its triggers."""

    def add(after: str) -> None:
        versions = tmp_path / "versions"
        shutil.copytree(migrations.VERSIONS, versions)
        (versions / "0002_second.py").write_text(SECOND.format(after=after), "utf-8")
        monkeypatch.setattr(migrations, "VERSIONS", versions)
        monkeypatch.setattr(schema, "REVISIONS", ("0001", "0002"))

    return add


def test_a_migration_keeps_the_log_and_puts_the_guards_back(
    world: World, second: Callable[[str], None]
) -> None:
    """STYLE 4: batch mode drops triggers; they are installed anew and compared. Once is enough."""
    before = world.log()
    world.store.close()
    second("pass")
    for _ in range(2):
        migrated(world)
        assert revision_of(world) == [("0002",)]
        assert world.log() == before
    engine = writing_engine(world.settings.database_file)
    with engine.connect() as connection:
        assert missing_guards(connection) == ()
    engine.dispose()
    world.reopen()
    assert world.verdict().outcome == "ok"


def test_a_step_that_fails_changes_nothing(world: World, second: Callable[[str], None]) -> None:
    """Migrations I2: the whole migration is one transaction, version included."""
    before = world.rows("SELECT name, sql FROM sqlite_master ORDER BY name")
    world.store.close()
    second('op.execute("INSERT INTO nowhere VALUES (1)")')
    with pytest.raises(AdapterError, match="DATABASE_SCHEMA"):
        migrated(world)
    assert revision_of(world) == [("0001",)]
    assert world.rows("SELECT name, sql FROM sqlite_master ORDER BY name") == before


def test_a_strict_table_refuses_what_no_model_wrote(world: World) -> None:
    """STYLE 4: STRICT comes from the frozen statements."""
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT"):
        world.forge("UPDATE audit_records SET stream_seq = 'x' WHERE seq = 1")


@pytest.fixture
def told(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("COUNTERSEAL_HOME", str(world.settings.counterseal_home))
    return world


def test_the_command_migrates_and_says_the_revision(
    told: World, second: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Schema: what `SCHEMA_OLDER` tells to run."""
    told.store.close()
    second("pass")
    assert commands.main(["upgrade"]) == 0
    assert capsys.readouterr().out == "0002\n"
    assert revision_of(told) == [("0002",)]


def test_the_command_refuses_words_databases_and_revisions_that_are_not_ours(
    told: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Architecture 7: 2 for bad usage, 4 for what cannot be opened; the bytes stay."""
    assert commands.main(["down"]) == 2
    stamped(told, "0002")
    before = told.settings.database_file.read_bytes()
    assert commands.main(["upgrade"]) == 4
    assert "SCHEMA_NEWER" in capsys.readouterr().err
    assert told.settings.database_file.read_bytes() == before
    monkeypatch.setenv("COUNTERSEAL_HOME", str(told.home / "nowhere"))
    assert commands.main(["upgrade"]) == 4
    assert "DATABASE_MISSING" in capsys.readouterr().err
    assert not (told.home / "nowhere").exists()


def test_the_check_reads_the_table_and_nothing_that_is_named_like_it(world: World) -> None:
    """Schema: a view of that name is no version table."""
    stamped(world)
    with closing(sqlite3.connect(world.settings.database_file)) as connection:
        connection.execute("DROP TABLE alembic_version")
        connection.execute("CREATE VIEW alembic_version AS SELECT '0001' AS version_num")
    refused(world, World.reopen, "SCHEMA_OLDER")


def test_create_all_is_not_how_a_database_is_made(world: World) -> None:
    """Migrations I3: steps do not run over tables that are there already."""
    stamped(world)
    engine = writing_engine(world.settings.database_file)
    with pytest.raises(OperationalError, match="already exists"), engine.begin() as connection:
        migrations.create_schema(connection)
    engine.dispose()
    assert revision_of(world) == []
