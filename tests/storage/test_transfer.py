"""A database carried over to another place: decision 0028; every invariant of storage.transfer."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from counterseal.audit.record import StoredRow
from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from storage import transfer as transferring
from storage.databases import Database, PostgresDatabase, SqliteFile
from storage.dialects import insert_records
from storage.reconcile import reconcile
from storage.tables import DOCUMENT_TABLES, REGISTER, table
from storage.transfer import began_alike, transfer
from tests.desk.whole_room import everything_of
from tests.storage.home_ground import another
from tests.storage.log_room import LogRoom, event_id, founded, recorded
from tests.storage.test_home_on_postgres import tables_of
from tests.world import World

__all__ = ["another"]
Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SqliteFile:
    """A home in which every kind of document was made; the tests leave it as it is."""
    world = World(tmp_path_factory.mktemp("transfer") / "home")
    everything_of(world)
    world.store.close()
    return SqliteFile(world.settings.database_file)


def rows_of(database: Database) -> Rows:
    """Every row of every table, in the order of keys."""
    engine = database.reading()
    with engine.connect() as connection:
        found: Rows = {}
        for name in REGISTER.keys() - {"alembic_version"}:
            cells = table(name)
            asked = select(cells).order_by(*cells.primary_key.columns)
            found[name] = [tuple(row) for row in connection.execute(asked)]
    engine.dispose()
    return found


def test_every_row_comes_back_from_a_server_as_it_was(
    whole: SqliteFile, empty: PostgresDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transfer I2, I4: there and back, in small parts; both copies equal their own log."""
    monkeypatch.setattr(transferring, "_PART", 7)
    back = SqliteFile(tmp_path / "back.sqlite")

    there = transfer(whole, empty)
    again = transfer(empty, back)

    before = rows_of(whole)
    assert rows_of(empty) == rows_of(back) == before
    assert there == again
    assert there.records == len(before["audit_records"])
    assert there.rows == sum(map(len, before.values()))
    assert [row[4] for row in before["audit_head"]] == [there.root]
    assert {kind for kind in DOCUMENT_TABLES if not before[kind]} == set()
    expected = reconcile(whole.path)
    assert expected.clean
    assert reconcile(empty) == reconcile(back) == expected
    assert began_alike(whole, empty)


@pytest.mark.parametrize("way", ["to a server", "from a server"])
def test_drafts_go_along_and_what_is_recorded_next_stands_behind_them(
    request: pytest.FixtureRequest, tmp_path: Path, way: str
) -> None:
    """Transfer: what was committed is on its way into the log wherever the database is."""
    if way == "to a server":
        room = founded(tmp_path, SqliteFile(tmp_path / "home" / "log.sqlite"))
        target: Database = request.getfixturevalue("empty")
    else:
        room = request.getfixturevalue("postgres_room")
        target = SqliteFile(tmp_path / "copy.sqlite")
    with room.store() as store:
        recorded(store, "one", "two")
        store.seal()
        recorded(store, "three", "four")

    made = transfer(room.database, target)

    assert made.records == 2
    moved = LogRoom(room.folder, target)
    assert moved.waiting() == 2
    with moved.store() as store:
        recorded(store, "five")
        assert store.seal() == 5
    moved.is_whole([event_id(name) for name in ("one", "two", "three", "four", "five")])
    assert [row.event_id for row in moved.rows()][2:] == [
        event_id(name) for name in ("three", "four", "five")
    ]


@pytest.fixture
def source(tmp_path: Path) -> LogRoom:
    """A log of three records."""
    folder = tmp_path / "file"
    return of_three(founded(folder, SqliteFile(folder / "log.sqlite")))


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> LogRoom:
    """The same on either database."""
    if request.param == "sqlite":
        made: LogRoom = request.getfixturevalue("source")
        return made
    return of_three(request.getfixturevalue("postgres_room"))


def of_three(made: LogRoom) -> LogRoom:
    with made.store() as store:
        recorded(store, "one", "two", "three")
        store.seal()
    return made


def test_what_is_written_meanwhile_is_not_copied(
    either: LogRoom, another: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transfer: the either of one moment, whatever goes on there."""
    whole_table, before = transferring._table_copied, rows_of(either.database)

    def meanwhile(old: Connection, new: Connection, name: str) -> object:
        copied = whole_table(old, new, name)
        with either.store() as store:
            recorded(store, f"after {name}")
            store.seal()
        return copied

    monkeypatch.setattr(transferring, "_NAMES", transferring._LOG)
    monkeypatch.setattr(transferring, "_table_copied", meanwhile)
    assert transfer(either.database, another).records == 3
    after = rows_of(another)
    assert {name: after[name] for name in transferring._LOG} == {
        name: before[name] for name in transferring._LOG
    }
    assert len(either.rows()) == 3 + len(transferring._LOG)


def _one_less(connection: Connection, rows: Sequence[StoredRow]) -> None:
    insert_records(connection, rows[:-1])


def _another_time(connection: Connection, rows: Sequence[StoredRow]) -> None:
    insert_records(connection, [row._replace(recorded_at="2026-01-05T00:00:00Z") for row in rows])


def _another_body(connection: Connection, rows: Sequence[StoredRow]) -> None:
    insert_records(connection, [row._replace(body=row.body + b" ") for row in rows])


@pytest.mark.parametrize("stored", [_one_less, _another_time, _another_body])
def test_what_is_stored_otherwise_than_it_was_read_is_not_kept(
    source: LogRoom,
    another: PostgresDatabase,
    monkeypatch: pytest.MonkeyPatch,
    stored: Callable[[Connection, Sequence[StoredRow]], None],
) -> None:
    """Transfer I1, I2: whatever lost or changed a cell on its way."""
    monkeypatch.setattr(transferring, "insert_records", stored)
    with pytest.raises(IntegrityError, match="TRANSFER_DIFFERS"):
        transfer(source.database, another)
    assert tables_of(another) == []


@pytest.mark.parametrize("change", ["size = size + 1", f"root = '{'0' * 64}'"])
def test_a_head_that_the_records_do_not_lead_to_is_not_carried_over(
    source: LogRoom, another: PostgresDatabase, change: str
) -> None:
    """Transfer I2: a damaged log stays where it is."""
    assert source.changed(f"UPDATE audit_head SET {change}") == 1
    with pytest.raises(IntegrityError, match="TRANSFER_DIFFERS"):
        transfer(source.database, another)
    assert tables_of(another) == []


def _unguarded(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER guard_audit_records_delete")


def _foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE theirs (one TEXT)")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_unguarded, "GUARD_MISSING"),
        (_foreign, "SCHEMA_OLDER"),
        (_newer, "SCHEMA_NEWER"),
        (Path.unlink, "DATABASE_MISSING"),
    ],
)
def test_what_is_no_log_of_ours_is_not_carried_over(
    tmp_path: Path, another: PostgresDatabase, spoil: Callable[[Path], None], code: str
) -> None:
    """Transfer I3: and the target stays empty."""
    file = SqliteFile(tmp_path / "home" / "log.sqlite")
    founded(tmp_path, file)
    spoil(file.path)
    with pytest.raises(CountersealError, match=code):
        transfer(file, another)
    assert tables_of(another) == []
    assert not began_alike(SqliteFile(tmp_path / "nothing"), another)


def test_a_target_that_holds_anything_is_refused(either: LogRoom, postgres_room: LogRoom) -> None:
    """Transfer I3: also when it is the same log."""
    before = rows_of(postgres_room.database)
    with pytest.raises(InputError, match="DATABASE_EXISTS"):
        transfer(either.database, postgres_room.database)
    assert rows_of(postgres_room.database) == before


def test_a_full_disk_under_the_target_is_told_and_leaves_nothing(
    source: LogRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transfer I1: by the code that any full disk has."""

    target, made = SqliteFile(tmp_path / "small.sqlite"), SqliteFile.writing

    def small(self: SqliteFile) -> Engine:
        engine = made(self)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=20")
        return engine

    with monkeypatch.context() as patched:
        patched.setattr(SqliteFile, "writing", small)
        with pytest.raises(AdapterError, match="DATABASE_FULL"):
            transfer(source.database, target)
    engine = target.reading()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0
    engine.dispose()


CELLS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
)
TABLES = st.lists(st.tuples(CELLS, CELLS), max_size=6)


@given(one=TABLES, other=TABLES, cut=st.integers(0, 6))
def test_tables_have_one_digest_when_their_rows_are_the_same_and_only_then(
    one: list[tuple[object, ...]], other: list[tuple[object, ...]], cut: int
) -> None:
    """Transfer I2: kind and content of every cell count, and how rows come in parts does not."""

    def seen(*parts: Sequence[tuple[object, ...]]) -> object:
        digest = transferring._Digest()
        for part in parts:
            digest.take(part)
        return digest.seen()

    assert seen(one) == seen(one[:cut], one[cut:])
    same = [[(type(c), c) for c in row] for row in one] == [
        [(type(c), c) for c in row] for row in other
    ]
    assert (seen(one) == seen(other)) is same
