"""The contract of the store: what every implementation of the desk's port must keep."""

import hashlib
import json
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy.exc import IntegrityError as ConstraintError
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import Integer, Text

from counterseal.audit.drafts import draft_bytes
from counterseal.audit.record import Draft
from counterseal.desk.documents import DOCUMENTS
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError, InvariantError
from counterseal.kernel.ids import SeededIdSource
from counterseal.kernel.model import Document, after
from counterseal.risk.model import RiskState
from storage.engines import reading_engine, writing_engine
from storage.signers import EmbeddedSigner, create_state
from storage.store import SqlStore, create_database
from storage.system import ReplayClock
from storage.tables import DOCUMENT_TABLES, REGISTER, TableClass
from storage.unit_of_work import bound_draft
from tests.desk.whole_room import everything_of
from tests.world import ACCOUNT, ORIGIN, START, World

UNPLACED = "SELECT * FROM audit_outbox WHERE event_id NOT IN (SELECT event_id FROM audit_records)"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def draft_like_the_last(world: World, name: str) -> Draft:
    whole = json.loads(world.log()[-1].body)
    event_id = SeededIdSource("test").new("evt", name, START)
    fields = {field: whole[field] for field in Draft.__annotations__}
    return cast("Draft", fields | {"event_id": event_id})


def open_store(world: World) -> SqlStore:
    signer = EmbeddedSigner(world.log_key, world.settings.counterseal_signer_state)
    return SqlStore(world.settings.database_file, signer, ReplayClock(START))


def state_of(world: World) -> RiskState:
    with world.store.reader() as reader:
        found = reader.get(RiskState, ACCOUNT)
    assert found is not None
    return found


def recorded(world: World, *names: str, document: RiskState | None = None) -> None:
    """Record a draft per name in one transaction."""
    documents = () if document is None else (document,)
    with world.store.transaction() as work:
        for name in names:
            work.record(draft_with(world, name, *documents), documents)


def draft_with(world: World, name: str, *documents: Document) -> Draft:
    """Like the last, of other documents."""
    draft = draft_like_the_last(world, name)
    draft["after"] = after(documents, ())
    return draft


def recorded_and_broken(world: World, document: RiskState) -> None:
    with world.store.transaction() as work:
        work.record(draft_with(world, "never", document), (document,))
        assert work.get(RiskState, ACCOUNT) == document
        pytest.fail("in the middle")


def test_a_failing_transaction_leaves_neither_draft_nor_document(world: World) -> None:
    """Port I1: together or not at all."""
    before = state_of(world)
    changed = before.amended(kill_switch_active=True, reason="never")
    with pytest.raises(pytest.fail.Exception):
        recorded_and_broken(world, changed)
    assert state_of(world) == before
    assert world.rows("SELECT * FROM audit_outbox") == []
    recorded(world, "now", document=changed)
    assert state_of(world) == changed
    assert len(world.rows("SELECT * FROM audit_outbox")) == 1


def test_a_document_of_another_shape_stops_the_whole_transaction(world: World) -> None:
    """Port I1: an unregistered class under a registered table name."""

    class Impostor(RiskState):
        pass

    fake = Impostor.model_validate(dict(state_of(world)))
    with pytest.raises(InvariantError, match="no registered document"):
        recorded(world, "fake", document=fake)
    assert world.rows("SELECT * FROM audit_outbox") == []


def test_documents_that_the_draft_does_not_carry_stop_the_whole_transaction(world: World) -> None:
    """Port I1: a table never says what the log does not."""
    other = state_of(world).amended(account_id="another")
    with pytest.raises(InvariantError, match="carries no risk_states another"):
        with_another(world, other)
    assert world.rows("SELECT * FROM audit_outbox") == []


def with_another(world: World, other: RiskState) -> None:
    with world.store.transaction() as work:
        work.record(draft_with(world, "other", state_of(world)), (other,))


def test_one_event_id_enters_the_outbox_once(world: World) -> None:
    """Audit port: the same draft is not appended twice."""
    with pytest.raises(ConstraintError):
        recorded(world, "once", "once")
    assert world.rows("SELECT * FROM audit_outbox") == []


def test_a_reader_cannot_write(world: World) -> None:
    """TX-G12: the reading connection is read-only in the database's eyes."""
    engine = reading_engine(world.settings.database_file)
    with engine.connect() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.exec_driver_sql("DELETE FROM audit_outbox")
    engine.dispose()


def test_a_read_of_a_deleted_database_does_not_create_one(world: World) -> None:
    """TX-G12: delete the file, read, the file is still absent."""
    store, database = world.store, world.settings.database_file
    store.close()
    for path in database.parent.iterdir():
        path.unlink()
    with pytest.raises(AdapterError), store.reader() as reader:
        reader.find(RiskState)
    assert not database.exists()
    with pytest.raises(AdapterError, match="DATABASE_MISSING"):
        open_store(world)
    assert list(database.parent.iterdir()) == []


def test_connections_are_durable_and_strict(world: World) -> None:
    """STYLE 4: WAL, synchronous=FULL, foreign keys, recursive triggers, on both sides."""
    wanted = {"journal_mode": "wal", "foreign_keys": 1, "recursive_triggers": 1}
    for made in (writing_engine, reading_engine):
        engine = made(world.settings.database_file)
        with engine.connect() as connection:
            for pragma, value in wanted.items():
                assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value
            if made is writing_engine:
                assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        engine.dispose()


@pytest.mark.parametrize("name", ["with blank", "per%20cent", "hash#mark", "question?mark"])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    """TX-G12: the path is a path, never part of an address."""
    world = World(tmp_path / name / "home")
    assert world.settings.database_file.is_file()
    world.signal()
    assert world.verdict().outcome == "ok"


def test_a_database_is_created_once(world: World) -> None:
    """Store I1: a second creation is refused and changes nothing."""
    size = len(world.log())
    with pytest.raises(InputError, match="DATABASE_EXISTS"):
        create_database(world.settings.database_file, ORIGIN)
    assert len(world.log()) == size
    with pytest.raises(IntegrityError, match="SIGNER_STATE_EXISTS"):
        create_state(world.settings.counterseal_signer_state, ORIGIN)


def writing_connection(world: World) -> sqlite3.Connection:
    connection = world.store._writer.raw_connection().driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection


def test_every_table_of_a_fresh_database_is_registered(world: World) -> None:
    """Tables I2: no table without a class."""
    found = {
        str(name) for (name,) in world.rows("SELECT name FROM sqlite_master WHERE type='table'")
    }
    assert found == set(REGISTER)


@pytest.mark.parametrize("kind", DOCUMENTS, ids=lambda kind: kind.KIND)
def test_a_table_has_the_fields_of_its_document(world: World, kind: type) -> None:
    """Rows I2, I3: a column per field, INTEGER or TEXT, strict, keyed by the document's key."""
    mapped = next(table for table in DOCUMENT_TABLES.values() if table.kind is kind)
    columns = mapped.table.columns
    assert [c.name for c in columns] == list(mapped.kind.model_fields)
    assert all(isinstance(c.type, Integer | Text) for c in columns)
    assert [c.name for c in columns if c.primary_key] == [mapped.kind.KEY]
    live = world.rows(f"SELECT name, type, pk FROM pragma_table_info('{mapped.kind.KIND}')")
    assert [name for name, _, _ in live] == list(mapped.kind.model_fields)
    assert {kind for _, kind, _ in live} <= {"INTEGER", "TEXT"}
    [(sql,)] = world.rows("SELECT sql FROM sqlite_master WHERE name = ?", mapped.kind.KIND)
    assert str(sql).rstrip().endswith("STRICT")


def test_every_projection_is_the_last_version_that_the_log_carries(world: World) -> None:
    """Kernel I2, rows I1: each kind goes through its table and comes back byte for byte."""
    everything_of(world)
    last: dict[str, dict[str, object]] = {kind.KIND: {} for kind in DOCUMENTS}
    keys = {kind.KIND: kind.KEY for kind in DOCUMENTS}
    for row in world.log():
        for kind, values in json.loads(row.body)["after"]["documents"].items():
            last[kind] |= {value[keys[kind]]: value for value in values}
    assert [kind for kind, values in last.items() if not values] == []
    with world.store.reader() as reader:
        for kind in DOCUMENTS:
            stored = {d.key: d.json_value() for d in reader.find(kind)}
            assert stored == last[kind.KIND]
    projections = {n for n, c in REGISTER.items() if c is TableClass.PROJECTION}
    assert projections == set(keys)


def test_a_changed_cell_that_no_longer_fits_its_model_is_not_read(world: World) -> None:
    """Rows: a stored value is validated again when it is read."""
    world.forge("UPDATE risk_states SET heartbeat_at = 'yesterday'")
    with pytest.raises(ValueError, match="heartbeat_at"):
        state_of(world)


def test_a_read_only_database_refuses_with_its_code(world: World) -> None:
    """Architecture 7: nothing is half-written; the next command opens it anew, and can write."""
    size = len(world.log())
    connection = writing_connection(world)
    connection.execute("PRAGMA query_only=ON")
    with pytest.raises(AdapterError, match="DATABASE_READ_ONLY") as caught:
        world.signal()
    assert not caught.value.retriable
    world.signal()
    assert len(world.log()) == size + 1


def signals(world: World, count: int) -> None:
    for _ in range(count):
        world.signal()


def test_a_full_disk_refuses_with_its_code_and_nothing_is_half_written(world: World) -> None:
    """Architecture 7: until there is room again; then what was recorded is sealed."""
    with world.store._writer.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(AdapterError, match="DATABASE_FULL"):
        signals(world, 60)
    documents = len(world.rows("SELECT * FROM signals"))
    drafts = len(world.rows(UNPLACED))
    in_log = [row for row in world.log() if row.type == "signal.admitted"]
    assert documents == len(in_log) + drafts
    with world.store._writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    world.signal()
    assert world.rows("SELECT * FROM audit_outbox") == []
    assert len(world.rows("SELECT * FROM signals")) == documents + 1
    verdict = world.verdict()
    assert (verdict.outcome, verdict.totals.unsealed) == ("ok", 0)


def test_a_busy_database_says_that_a_retry_may_help(world: World) -> None:
    """Architecture 7: another writer holds the lock for too long."""
    with world.store._writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=20")
    with closing(sqlite3.connect(world.settings.database_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AdapterError, match="DATABASE_BUSY") as caught:
            world.signal()
        assert caught.value.retriable
        other.execute("ROLLBACK")
    world.signal()


def test_threads_that_share_one_store_take_turns(world: World) -> None:
    """Port: a transaction holds the writer's lock, also among threads of one process."""
    failures: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for turn in range(8):
                key = f"thread-{thread}-{turn}"
                actor = world.actor("operator")
                world.done(
                    world.desk.setup.heartbeat(ACCOUNT, actor, healthy=bool(turn % 2), key=key)
                )
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    size = len(world.log())
    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(world.log()) == size + 32
    assert world.verdict().outcome == "ok"


def test_a_copied_database_opens_with_the_signers_memory_and_verifies(
    world: World, tmp_path: Path
) -> None:
    """Store: the file alone is the log; the memory lies outside."""
    world.store.close()
    copied = tmp_path / "elsewhere" / "counterseal.sqlite"
    copied.parent.mkdir()
    shutil.copy(world.settings.database_file, copied)
    signer = EmbeddedSigner(world.log_key, world.settings.counterseal_signer_state)
    store = SqlStore(copied, signer, ReplayClock(START))
    assert store.seal() == len(world.log())
    store.close()


@pytest.mark.parametrize("key", [b"", b"guessed"])
def test_a_planted_draft_is_never_sealed(world: World, key: bytes) -> None:
    """TX-Z10, TX-F20: who owns the database cannot have the log's key sign a forged record."""
    planted = draft_bytes(draft_like_the_last(world, "evt_planted"))
    digest = hashlib.sha256(planted).hexdigest() if not key else bound_draft(key, planted)
    event_id = json.loads(planted)["event_id"]
    world.forge(
        "INSERT INTO audit_outbox (event_id, draft, digest) VALUES (?, ?, ?)",
        event_id,
        planted,
        digest,
    )
    size = len(world.log())
    with pytest.raises(IntegrityError, match="OUTBOX_DIFFERS"):
        world.approved()
    with pytest.raises(IntegrityError, match="OUTBOX_DIFFERS"):
        world.reopen()
    assert len(world.log()) == size
