"""What only a server has: other sessions, lost connections, superusers, settings that lose data."""

import threading
import time
from collections.abc import Callable, Sequence

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, InternalError

from counterseal.audit.record import StoredRow
from counterseal.kernel.errors import AdapterError, InputError
from storage import dialects, migrations, placing, postgres
from storage.databases import PostgresDatabase, database_at
from storage.failures import failure_of
from storage.journal import AfterStep
from storage.leading import lock_key
from storage.migrations.__main__ import draft_postgresql
from storage.store import SqlStore, create_database
from storage.system import MachineClock
from tests.bench.bench_seal import ORIGIN
from tests.storage.log_room import LogRoom, event_id, heard, plainly, recorded
from tests.storage.postgres_server import Server

FIRST = migrations.VERSIONS / "0001_first.postgresql.sql"
SEQUENCERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.fixture
def room(postgres_room: LogRoom) -> LogRoom:
    return postgres_room


def at(wanted: str, act: Callable[[], None]) -> AfterStep:
    def observe(step: str) -> None:
        if step == wanted:
            act()

    return observe


def test_the_frozen_schema_is_what_the_models_ask_for() -> None:
    """Migrations I1: drafted, then frozen."""
    assert f"{draft_postgresql()}\n" == FIRST.read_text("utf-8")


def test_a_writer_neither_waits_for_the_sequencer_nor_stops_it(room: LogRoom) -> None:
    """F02: two connections, each in the middle of its transaction; no deadlock, no wait."""
    with room.store() as store, room.store() as other:
        recorded(store, "one")
        with other.transaction() as work:
            assert work.last_time() is None
            assert store.seal() == 1
            assert work.last_time() is not None
        done = threading.Event()

        def write() -> None:
            recorded(other, "two")
            done.set()

        def meanwhile() -> None:
            thread = threading.Thread(target=write)
            thread.start()
            assert done.wait(10)
            thread.join()

        with room.store(at("placed", meanwhile)) as third:
            recorded(third, "three")
            assert third.seal() == 2
        assert store.seal() == 3
    room.is_whole()


def test_a_business_transaction_waits_for_the_one_before_but_not_for_ever(
    room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ADR 0009: they take turns; who waits too long is told that a retry may help."""
    monkeypatch.setitem(postgres._SETTINGS, "lock_timeout", "100ms")
    with room.store() as first, room.store() as second:
        with first.transaction():
            with pytest.raises(AdapterError, match="DATABASE_BUSY") as busy:
                recorded(second, "one")
            assert busy.value.retriable
        recorded(second, "one")
        assert second.seal() == 1


def test_a_reader_sees_one_snapshot_and_writes_nothing(room: LogRoom) -> None:
    """Postgres I3: as a reader of the file does."""
    with room.store() as store:
        recorded(store, "one")
        store.seal()
        with room.reader() as reader:
            before = len(list(reader.records()))
            recorded(store, "two")
            store.seal()
            assert len(list(reader.records())) == before == 1
        with store.reader() as reader, pytest.raises(InternalError, match="read-only"):
            reader._connection.exec_driver_sql("DELETE FROM audit_outbox")


@pytest.mark.parametrize("step", ["placed", "signed"])
def test_a_leader_that_lost_its_connection_writes_nothing_more(room: LogRoom, step: str) -> None:
    """F06: its lock went with the connection; what it placed is signed by the next."""

    def cut() -> None:
        with plainly(room) as superuser:
            assert superuser.execute(SEQUENCERS).rowcount == 1

    with room.store(at(step, cut)) as store:
        recorded(store, "one", "two")
        with pytest.raises(AdapterError, match="DATABASE_UNREACHABLE") as lost:
            store.seal()
        assert lost.value.retriable
    with room.store() as store:
        recorded(store, "three")
        assert store.seal() == 3
    room.is_whole([event_id(name) for name in ("one", "two", "three")])


def test_a_connection_that_is_lost_while_records_go_in_places_nothing(
    room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dialects: COPY tells its failures as every other statement does."""
    whole = dialects.insert_records

    def cut(connection: Connection, rows: Sequence[StoredRow]) -> None:
        with plainly(room) as superuser:
            superuser.execute(SEQUENCERS)
        whole(connection, rows)

    with room.store() as store:
        recorded(store, "one")
        with monkeypatch.context() as patch:
            patch.setattr(placing, "insert_records", cut)
            with pytest.raises(AdapterError, match="DATABASE_UNREACHABLE") as lost:
                store.seal()
            assert lost.value.retriable
        assert room.rows() == []
        assert store.seal() == 1
    room.is_whole()


def test_a_server_that_crashes_loses_nothing_that_was_acknowledged(
    room: LogRoom, server: Server
) -> None:
    """Journal I2: stopped without a checkpoint, in the middle of group commits."""
    with room.process("crash", 30) as writer:
        first = writer.stdout.readline()
        time.sleep(0.3)
        server.stop()
        told = heard(writer, failing=True)
    server.start()
    with room.store() as store:
        recorded(store, "after")
        store.seal()
    room.is_whole([*told, first.split()[1], event_id("after")])


def test_a_leader_on_a_new_connection_is_held_off_while_another_leads(room: LogRoom) -> None:
    """Leading I2: the lock is asked for again in every transaction."""

    def overtaken() -> None:
        with plainly(room) as superuser:
            superuser.execute(SEQUENCERS)
        another.execute("SELECT pg_advisory_lock(%s)", (lock_key(ORIGIN),))
        for _ in range(2):  # the pool finds out with the first
            with pytest.raises((AdapterError, DatabaseError)), store._journal._writing():
                pass

    with plainly(room) as another:
        with room.store(at("placed", overtaken)) as store:
            recorded(store, "one")
            with pytest.raises(AdapterError, match="LEASE_LOST"):
                store.seal()
        assert another.execute("SELECT count(*) FROM audit_checkpoints").fetchone() == (0,)
    with room.store() as store:
        assert store.seal() == 1
    room.is_whole()


def test_sequencers_of_two_stores_wait_for_each_other(
    room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leading I1: and not for ever."""
    monkeypatch.setattr("storage.leading.WAIT_SECONDS", 0.1)
    with room.store() as store, plainly(room) as another:
        recorded(store, "one")
        another.execute("SELECT pg_advisory_lock(%s)", (lock_key(ORIGIN),))
        with pytest.raises(AdapterError, match="LEASE_HELD") as held:
            store.seal()
        assert held.value.retriable
        another.execute("SELECT pg_advisory_unlock_all()")
        assert store.seal() == 1


def test_rows_are_read_through_a_cursor_of_the_server(room: LogRoom) -> None:
    """Verify: memory does not grow with the log."""
    with room.store() as store:
        recorded(store, *(f"n{n}" for n in range(600)))
        store.seal()
    with room.reader() as reader:
        rows = reader.records()
        assert next(rows).seq == 0
        asked = "SELECT count(*) FROM pg_cursors WHERE name <> ''"
        assert reader._connection.exec_driver_sql(asked).scalar_one() == 1
        assert [row.seq for row in rows] == list(range(1, 600))


@pytest.mark.parametrize("setting", ["synchronous_commit", "fsync"])
def test_a_server_that_may_lose_what_it_acknowledged_is_refused(
    room: LogRoom, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """Postgres I1: looked at on every connection."""
    if setting == "fsync":
        monkeypatch.setitem(postgres._DURABLE, "fsync", ("never",))
    else:
        monkeypatch.setitem(postgres._SETTINGS, setting, "off")
    with pytest.raises(AdapterError, match="DATABASE_NOT_DURABLE"), room.store():
        pass


def test_failures_of_a_server_have_codes_of_ours(room: LogRoom, server: Server) -> None:
    """Architecture 7: which, and whether a retry may help."""
    told: dict[str, tuple[str, bool]] = {}
    missing = PostgresDatabase(server.url("absent"))
    nobody = PostgresDatabase(server.url("absent").update_query_dict({"host": "/nowhere"}))
    acts: dict[str, Callable[[], object]] = {
        "missing": lambda: SqlStore(missing, room.signer, MachineClock()),
        "unreachable": lambda: SqlStore(nobody, room.signer, MachineClock()),
    }
    for name, act in acts.items():
        with pytest.raises(AdapterError) as failed:
            act()
        told[name] = (failed.value.code, failed.value.retriable)
    for sqlstate in ("40001", "40P01", "55P03", "57014", "53100", "25006", "42P01", "57P01"):
        error = psycopg.errors.lookup(sqlstate)("told")
        found = failure_of(DatabaseError("", {}, error))
        told[sqlstate] = (found.code, found.retriable)
    busy = ("DATABASE_BUSY", True)
    assert told == {
        "missing": ("DATABASE_MISSING", False),
        "unreachable": ("DATABASE_UNREACHABLE", True),
        **dict.fromkeys(("40001", "40P01", "55P03", "57014"), busy),
        "53100": ("DATABASE_FULL", False),
        "25006": ("DATABASE_READ_ONLY", False),
        "42P01": ("DATABASE_SCHEMA", False),
        "57P01": ("DATABASE_UNREACHABLE", True),
    }


def test_an_empty_database_is_no_log(empty: PostgresDatabase, room: LogRoom) -> None:
    """Schema I1: and one that holds anything is not built over."""
    with pytest.raises(AdapterError, match="SCHEMA_OLDER"):
        SqlStore(empty, room.signer, MachineClock())
    engine = empty.writing()
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (one text)")
    engine.dispose()
    with pytest.raises(InputError, match="DATABASE_EXISTS"):
        create_database(empty, ORIGIN)


@pytest.mark.parametrize(
    "url", ["postgresql://h/n", "sqlite:///x", "postgresql+psycopg://h", "nothing"]
)
def test_only_a_whole_name_names_a_database(url: str) -> None:
    """Databases: and a URL, which may hold a password, is never shown."""
    with pytest.raises(InputError, match="DATABASE_UNSUPPORTED") as refused:
        database_at(url)
    assert url not in str(refused.value)
