"""The append-only guards: what the database itself refuses, and who notices when one is gone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from counterseal.kernel.errors import IntegrityError
from storage.engines import writing_engine
from storage.guards import GUARDS
from storage.signers import EmbeddedSigner
from storage.store import SqlStore
from storage.system import ReplayClock
from tests.world import START, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def open_store(world: World) -> SqlStore:
    signer = EmbeddedSigner(world.log_key, world.settings.counterseal_signer_state)
    return SqlStore(world.settings.database_file, signer, ReplayClock(START))


COLUMNS = (
    "seq, prev, stream, stream_seq, stream_prev, event_id, type, occurred_at, recorded_at, "
    "leaf_hash, body"
)


@pytest.fixture
def raw(world: World) -> Iterator[sqlite3.Connection]:
    engine = writing_engine(world.settings.database_file)
    held = engine.raw_connection()
    connection = held.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    yield connection
    held.close()
    engine.dispose()


def appended(**cells: str) -> str:
    """An INSERT of what would be the next record, but for the cells given."""
    told = {
        "seq": "seq + 1",
        "prev": "leaf_hash",
        "stream": "stream",
        "stream_seq": "stream_seq + 1",
        "stream_prev": "leaf_hash",
        "event_id": "'evt_new'",
    } | cells
    values = ", ".join(told.get(name, name) for name in COLUMNS.split(", "))
    return f"audit_records SELECT {values} FROM audit_records ORDER BY seq DESC LIMIT 1"


ATTEMPTS = {
    "update": "UPDATE audit_records SET body = x'00' WHERE seq = 3",
    "update or replace": "UPDATE OR REPLACE audit_records SET seq = 1 WHERE seq = 3",
    "delete all": "DELETE FROM audit_records",
    "delete last": "DELETE FROM audit_records WHERE seq = (SELECT MAX(seq) FROM audit_records)",
    "replace": f"REPLACE INTO audit_records SELECT {COLUMNS} FROM audit_records WHERE seq = 3",
    "replace by event": "REPLACE INTO "
    + appended(event_id="(SELECT event_id FROM audit_records WHERE seq = 3)"),
    "gap": "INSERT INTO " + appended(seq="seq + 2"),
    "other predecessor": "INSERT INTO " + appended(prev="prev || 'x'"),
    "no number": "INSERT INTO " + appended(seq="NULL"),
    "update a note": "UPDATE audit_checkpoints SET note = 'x'",
    "delete notes": "DELETE FROM audit_checkpoints",
    "replace a note": "REPLACE INTO audit_checkpoints "
    "SELECT MAX(size), MAX(number), 'x' FROM audit_checkpoints",
    "a smaller note": "INSERT INTO audit_checkpoints "
    "SELECT MAX(size) - 1, MAX(number) + 1, 'x' FROM audit_checkpoints",
    "delete the head": "DELETE FROM audit_head",
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_the_database_refuses_to_rewrite_the_log(
    world: World, raw: sqlite3.Connection, attempt: str
) -> None:
    """Guards I1, I2: with the settings that every connection of ours has."""
    before = (world.log(), world.notes())
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(attempt)
    assert (world.log(), world.notes()) == before


def test_the_same_append_without_a_fault_is_accepted(world: World, raw: sqlite3.Connection) -> None:
    """Guards I2: what the attempts above differ from."""
    raw.execute("INSERT INTO " + appended())
    assert world.log()[-1].event_id == "evt_new"


@pytest.mark.parametrize("guard", sorted(GUARDS))
def test_a_missing_guard_refuses_to_open(world: World, guard: str) -> None:
    """Guards I3: each one is looked for."""
    with closing(sqlite3.connect(world.settings.database_file)) as connection:
        connection.execute(f"DROP TRIGGER {guard}")
    with pytest.raises(IntegrityError, match=guard) as caught:
        world.reopen()
    assert caught.value.code == "GUARD_MISSING"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER guard_audit_head_delete BEFORE DELETE ON audit_head BEGIN SELECT 1; END",
        "CREATE TRIGGER foreign_one AFTER INSERT ON orders BEGIN DELETE FROM fills; END",
    ],
    ids=["altered", "foreign"],
)
def test_an_altered_or_foreign_trigger_refuses_to_open(world: World, statement: str) -> None:
    """Guards I3: the text counts, and nothing else may be there."""
    with closing(sqlite3.connect(world.settings.database_file)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS " + statement.split()[2])
        connection.execute(statement)
    with pytest.raises(IntegrityError, match="GUARD_MISSING"):
        world.reopen()
