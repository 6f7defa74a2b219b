"""The database against its own log: every class of change is named by table, key and column."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.guards import GUARDS
from storage.reconcile import Difference, reconcile
from storage.tables import (
    DOCUMENT_TABLES,
    REGISTER,
    VOLATILE_BECAUSE,
    VOLATILE_COLUMNS,
    TableClass,
)
from tests.desk.whole_room import everything_of
from tests.world import World


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which every kind of document was made."""
    world = World(tmp_path_factory.mktemp("reconcile") / "home")
    everything_of(world)
    return world.settings.database_file


@pytest.fixture
def database(traded: Path, tmp_path: Path) -> Path:
    """A copy, made through SQLite's own backup so that the write-ahead log is in it."""
    copy = tmp_path / "copy.sqlite"
    with sqlite3.connect(traded) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    return copy


def edited(database: Path, *statements: str) -> tuple[Difference, ...]:
    """Run statements behind the guards, restore the guards, reconcile."""
    connection = sqlite3.connect(database)
    for guard in GUARDS:
        connection.execute(f"DROP TRIGGER {guard}")
    for statement in statements:
        connection.execute(statement)
    for guard in GUARDS.values():
        connection.execute(guard)
    connection.commit()
    connection.close()
    return reconcile(database).differences


def filled_tables(database: Path) -> Iterator[tuple[str, str]]:
    connection = sqlite3.connect(database)
    for kind, mapped in DOCUMENT_TABLES.items():
        if connection.execute(f'SELECT count(*) FROM "{kind}"').fetchone()[0]:
            yield kind, mapped.kind.KEY


def test_every_kind_of_document_is_there_to_be_attacked(database: Path) -> None:
    """The walks below are whole only if no table is empty."""
    assert {kind for kind, _ in filled_tables(database)} == set(DOCUMENT_TABLES)


def test_an_untouched_database_differs_nowhere(database: Path) -> None:
    report = reconcile(database)

    assert report.clean
    assert report.rows > 0
    assert report.records > 0


def test_i1_every_changed_cell_is_named_by_table_key_and_column(database: Path) -> None:
    """TX-Z10, TX-F19: a forged reviewer, reason, quantity or price does not stay unseen."""
    statements, expected = [], set()
    for kind, key in filled_tables(database):
        for column in DOCUMENT_TABLES[kind].kind.model_fields:
            if column == key:
                continue
            first = f'(SELECT min("{key}") FROM "{kind}")'
            integer = DOCUMENT_TABLES[kind].table.c[column].type.python_type is int
            value = (
                f'COALESCE("{column}", 0) + 1' if integer else f"COALESCE(\"{column}\", '') || ' '"
            )
            statements.append(f'UPDATE "{kind}" SET "{column}" = {value} WHERE "{key}" = {first}')
            expected.add((kind, column))

    found = edited(database, *statements)

    assert {(d.table, d.column) for d in found if d.problem == "changed"} == expected
    assert all(d.key for d in found)


def test_i1_a_deleted_row_is_named(database: Path) -> None:
    tables = list(filled_tables(database))

    found = edited(
        database,
        *(f'DELETE FROM "{t}" WHERE "{k}" = (SELECT min("{k}") FROM "{t}")' for t, k in tables),
    )

    assert {d.table for d in found if d.problem == "missing"} == {t for t, _ in tables}


def test_i1_an_added_row_is_named(database: Path) -> None:
    statements = []
    for kind, key in filled_tables(database):
        columns = [c for c in DOCUMENT_TABLES[kind].kind.model_fields if c != key]
        names = ", ".join(f'"{c}"' for c in columns)
        statements.append(
            f'INSERT INTO "{kind}" ("{key}", {names}) '
            f"""SELECT 'forged', {names} FROM "{kind}" LIMIT 1"""
        )

    found = edited(database, *statements)

    extra = {(d.table, d.key) for d in found if d.problem == "extra"}
    assert extra == {(t, "forged") for t, _ in filled_tables(database)}


HEAD_COLUMNS = ("size", "last_leaf", "peaks", "root", "origin")


@pytest.mark.parametrize("column", HEAD_COLUMNS)
def test_i1_a_changed_head_is_named(database: Path, column: str) -> None:
    found = edited(database, f"UPDATE audit_head SET {column} = 7")

    assert [(d.table, d.column) for d in found] == [("audit_head", column)]


@pytest.mark.parametrize("which", ["MIN(size)", "MAX(size)", "(MIN(size) + MAX(size)) / 2"])
def test_i1_a_deleted_checkpoint_is_named(database: Path, which: str) -> None:
    """The first, the last, or one between: its number is missing, or nothing covers the tail."""
    chosen = f"(SELECT size FROM audit_checkpoints WHERE size >= (SELECT {which} FROM"
    found = edited(
        database,
        f"DELETE FROM audit_checkpoints WHERE size = {chosen} audit_checkpoints) LIMIT 1)",
    )
    assert {(d.table, d.problem) for d in found} == {("audit_checkpoints", "missing")}


def test_i1_no_checkpoint_left_is_named(database: Path) -> None:
    """All of them."""
    found = edited(database, "DELETE FROM audit_checkpoints")
    assert {(d.table, d.problem) for d in found} == {("audit_checkpoints", "missing")}


def test_i2_drafts_on_their_way_are_no_difference(tmp_path: Path) -> None:
    """A crash between commit and seal leaves documents ahead of the log, which is honest."""
    world = World(tmp_path / "home")
    store = world.desk.bench.store
    sealed = store.seal
    store.seal = lambda: 0  # type: ignore[method-assign]  # the process dies before it seals
    world.requested()
    store.seal = sealed  # type: ignore[method-assign]  # as above

    report = reconcile(world.settings.database_file)

    assert report.in_flight > 0
    assert report.clean


@pytest.mark.parametrize(
    ("statement", "name", "problem"),
    [
        ("CREATE TABLE shadow (id INTEGER)", "shadow", "extra"),
        ("ALTER TABLE orders ADD COLUMN shadow TEXT", "orders", "schema"),
        ("DROP TABLE ledger_entries", "ledger_entries", "missing"),
        ("CREATE TRIGGER shadow AFTER INSERT ON orders BEGIN SELECT 1; END", "shadow", "extra"),
        ("DROP INDEX ix_orders_state", "ix_orders_state", "missing"),
    ],
)
def test_i3_an_unregistered_or_missing_object_is_named(
    database: Path, statement: str, name: str, problem: str
) -> None:
    assert (name, problem) in {(d.table, d.problem) for d in edited(database, statement)}


@pytest.mark.parametrize(
    ("statements", "columns"),
    [
        (
            ["ALTER TABLE fills ADD COLUMN shadow TEXT", "ALTER TABLE fills ADD COLUMN note INT"],
            [("note", "", "INT"), ("shadow", "", "TEXT")],
        ),
        (
            ["ALTER TABLE fills ADD COLUMN twice TEXT AS (symbol || symbol) VIRTUAL"],
            [("twice", "", "TEXT GENERATED")],
        ),
        (
            ["ALTER TABLE fills RENAME COLUMN last_price TO price"],
            [("last_price", "TEXT NOT NULL", ""), ("price", "", "TEXT NOT NULL")],
        ),
    ],
    ids=["added", "computed", "renamed"],
)
def test_i3_a_changed_column_is_named(
    database: Path, statements: list[str], columns: list[tuple[str, str, str]]
) -> None:
    """TX-Z10: which column, and what was declared of it."""
    found = [d for d in edited(database, *statements) if d.problem == "schema"]

    assert [(d.column, d.expected, d.got) for d in found] == columns
    assert {(d.table, d.key) for d in found} == {("fills", "")}


def test_i3_a_constraint_that_is_no_column_is_shown_as_text(database: Path) -> None:
    """The table is named with both texts when its columns are as they must be."""
    [found] = edited(
        database,
        "PRAGMA writable_schema=ON",
        "UPDATE sqlite_master SET sql = replace(sql, ' STRICT', '') WHERE name = 'fills'",
    )

    assert (found.table, found.column, found.problem) == ("fills", "", "schema")
    assert found.expected.startswith("CREATE TABLE fills")


@pytest.mark.parametrize("guard", GUARDS)
def test_i3_a_missing_guard_is_named(database: Path, guard: str) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute(f"DROP TRIGGER {guard}")

    assert [(d.table, d.problem) for d in reconcile(database).differences] == [(guard, "missing")]


def test_every_table_has_one_class_and_every_volatile_one_a_reason(database: Path) -> None:
    live = {
        name
        for (name,) in sqlite3.connect(database).execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
    }

    assert live <= REGISTER.keys()
    volatile = {name for name, kind in REGISTER.items() if kind is TableClass.VOLATILE}
    assert {*volatile, *VOLATILE_COLUMNS} == VOLATILE_BECAUSE.keys()


def test_every_column_of_the_head_is_compared_or_volatile(database: Path) -> None:
    """A new column cannot slip between the classes."""
    live = {
        str(row[1]) for row in sqlite3.connect(database).execute("PRAGMA table_info(audit_head)")
    }
    assert live == {*HEAD_COLUMNS, *VOLATILE_COLUMNS["audit_head"]}
