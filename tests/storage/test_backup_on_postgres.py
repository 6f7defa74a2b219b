"""A home on a server copied, lost and put back: BK-03, L6; decision 0028."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from storage.backup import CARRIED, CHECKPOINT, HOME, back_up
from storage.databases import PostgresDatabase, SqliteFile
from storage.home_reader import read_home
from storage.reconcile import reconcile
from storage.transfer import transfer
from tests.ground import Ground
from tests.storage.home_ground import another, ground, ground_on, told, url_of
from tests.storage.recovery_room import approved, beat, planned, recovered

__all__ = ["another", "ground", "told"]


@pytest.fixture
def out(ground: Ground, tmp_path: Path) -> Path:
    ground.found()
    beat(ground, "one", "two")
    return tmp_path / "copy"


def put_back(ground: Ground, out: Path, database: PostgresDatabase) -> Ground:
    """The same home with the copied database on another server; its key files did not change."""
    restored = ground_on(ground.folder, url_of(database))
    transfer(SqliteFile(out / CARRIED), restored.settings.database)
    return restored


def test_the_copy_is_a_file_that_verifies_and_holds_no_url(ground: Ground, out: Path) -> None:
    """Backup I1: as of one moment, against the signer's memory; it needs no server to be read."""
    made = back_up(ground.settings, out)
    assert made.verdict.outcome == "ok"
    with read_home(ground.settings) as reader:
        newest = reader.newest_checkpoint()
    assert newest is not None
    assert (out / CHECKPOINT).read_text("utf-8") == newest.note
    assert reconcile(out / CARRIED) == reconcile(ground.settings.database)
    assert not list((out / HOME).rglob("*.sqlite"))
    url = ground.settings.counterseal_database_url
    assert url is not None
    assert not [p for p in out.rglob("*") if p.is_file() and url.encode() in p.read_bytes()]


def test_what_was_written_behind_the_copy_is_named_and_declared(
    ground: Ground, out: Path, another: PostgresDatabase
) -> None:
    """Recovery: the signer remembers more than the server holds; nothing is signed till then."""
    back_up(ground.settings, out)
    beat(ground, "lost")
    restored = put_back(ground, out, another)
    with pytest.raises(IntegrityError, match=r"ROLLBACK|FORK_AT_SIZE"):
        beat(restored, "refused")
    rollback = approved(restored, "ann", "bob")
    assert rollback.kept.size == rollback.signed.size - 1
    outcome = recovered(restored, rollback)
    assert isinstance(outcome, Outcome)
    assert outcome.accepted
    beat(restored, "after")
    assert reconcile(restored.settings.database).clean
    with pytest.raises(IntegrityError, match=r"ORIGIN_|SIGNER_|ROLLBACK"):
        beat(ground, "in-the-old-place")


def test_a_copy_that_lacks_nothing_goes_on_at_once(
    ground: Ground, out: Path, another: PostgresDatabase
) -> None:
    """Recovery: nothing was acknowledged behind it; drafts and numbers go on."""
    back_up(ground.settings, out)
    restored = put_back(ground, out, another)
    with pytest.raises(InputError, match="NOTHING_LOST"):
        planned(restored)
    beat(restored, "after")
    restored.is_whole()
    with pytest.raises(IntegrityError, match=r"ROLLBACK|FORK_AT_SIZE"):
        beat(ground, "in-the-old-place")


def test_the_command_carries_a_copy_to_the_empty_database_of_the_settings_alone(
    ground: Ground,
    out: Path,
    another: PostgresDatabase,
    told: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """IT-06: backed up, carried over and verified by the words of the operations page."""
    status, said = told("records", "backup", "--out", str(out))
    file = str(out / CARRIED)
    assert (status, f"with     COUNTERSEAL_DATABASE_URL=sqlite:///{file}" in said) == (0, True)
    with monkeypatch.context() as apart:
        apart.setenv("COUNTERSEAL_DATABASE_URL", f"sqlite:///{file}")
        words = ("--expect", str(out / CHECKPOINT), "--reconcile", "--home", str(out / HOME))
        assert told("audit", "verify", *words)[0] == 0
    status, said = told("records", "transfer", file)
    assert (status, "DATABASE_EXISTS" in said) == (2, True)

    monkeypatch.setenv("COUNTERSEAL_DATABASE_URL", url_of(another))
    status, said = told("records", "transfer", file, "--json")
    assert status == 0, said
    value = json.loads(said)
    with read_home(ground.settings) as reader:
        assert value["records"] == (reader.ends() or (0, 0))[1]
    assert value["database"] == another.name
    kept = str(out / CHECKPOINT)
    status, said = told("audit", "verify", "--expect", kept, "--reconcile")
    assert status == 0, said

    monkeypatch.delenv("COUNTERSEAL_DATABASE_URL")
    status, said = told("records", "transfer", file)
    assert (status, "TRANSFER_NEEDS_SERVER" in said) == (2, True)
    assert told("records", "transfer", str(out / "nothing"))[0] == 2


def test_a_server_that_goes_while_it_is_copied_leaves_no_copy(
    ground: Ground, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backup I3: told as a server that does not answer; the home goes on."""
    database = ground.settings.database
    assert isinstance(database, PostgresDatabase)

    def gone(*_: object) -> None:
        nowhere = database.url.update_query_dict({"host": "/nowhere"})
        PostgresDatabase(nowhere).present()

    with monkeypatch.context() as patched:
        patched.setattr("storage.backup.transfer", gone)
        with pytest.raises(AdapterError, match="DATABASE_UNREACHABLE") as failed:
            back_up(ground.settings, out)
    assert failed.value.retriable
    assert [path for path in out.parent.iterdir() if out.name in path.name] == []
    beat(ground, "after")
