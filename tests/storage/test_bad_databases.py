"""Files that are no database of ours: a clear word, status 4, and not a byte changed."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from counterseal.kernel.errors import AdapterError, InputError
from storage.home_reader import read_home
from storage.reconcile import reconcile
from storage.signers import read_state
from storage.store import create_database
from tests.world import ORIGIN, ROOT, World
from ui.cli.app import run


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "home")
    world.store.close()
    return world


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
        connection.commit()


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "SCHEMA_OLDER"),
    "text": (lambda path: path.write_text("no database\n" * 999, "utf-8"), "DATABASE_UNREADABLE"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:6000]), "DATABASE_UNREADABLE"),
    "zeros": (lambda path: path.write_bytes(bytes(8192)), "DATABASE_UNREADABLE"),
    "foreign": (foreign, "SCHEMA_OLDER"),
    "newer": (newer, "SCHEMA_NEWER"),
    "folder": (replaced_by_a_folder, "DATABASE_MISSING"),
    "gone": (Path.unlink, "DATABASE_MISSING"),
}


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def looked_at(world: World) -> None:
    with read_home(world.settings) as reader:
        list(reader.records())


@pytest.mark.parametrize(
    "opening", [looked_at, World.reopen, lambda world: reconcile(world.settings.database_file)]
)
@pytest.mark.parametrize(("spoil", "code"), SPOILED.values(), ids=SPOILED.keys())
def test_what_is_no_database_of_ours_is_neither_opened_nor_changed(
    world: World, opening: Callable[[World], None], spoil: Callable[[Path], None], code: str
) -> None:
    """Architecture 7: reading, writing and comparing say the same."""
    path = world.settings.database_file
    spoil(path)
    before = content(path)
    remembered = read_state(world.settings.counterseal_signer_state, ORIGIN)
    with pytest.raises(AdapterError) as caught:
        opening(world)
    assert (caught.value.code, caught.value.exit_status) == (code, 4)
    assert not caught.value.retriable
    assert content(path) == before
    assert read_state(world.settings.counterseal_signer_state, ORIGIN) == remembered


@pytest.mark.parametrize(
    "words",
    [("people", "list"), ("audit", "verify"), ("audit", "reconcile"), ("portfolio", "show")],
)
@pytest.mark.parametrize(("spoil", "code"), SPOILED.values(), ids=SPOILED.keys())
def test_the_command_line_gives_status_four_and_the_code(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    spoil: Callable[[Path], None],
    code: str,
) -> None:
    """Architecture 7: one JSON document, never a traceback."""
    monkeypatch.chdir(ROOT)
    spoil(world.settings.database_file)
    assert run([*words, "--home", str(world.settings.counterseal_home), "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_a_leftover_of_an_unfinished_creation_is_in_nobodys_way(tmp_path: Path) -> None:
    """Store I1: it lies beside the place, and is built anew."""
    path = tmp_path / "deep" / "log.sqlite"
    path.parent.mkdir()
    for suffix in ("", "-wal", "-shm", "-journal"):
        (path.parent / f"log.sqlite.new{suffix}").write_text("half", "utf-8")
    create_database(path, ORIGIN)
    assert list(path.parent.iterdir()) == [path]
    assert reconcile(path).clean


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_the_journal_of_a_lost_database_is_never_replayed_into_a_new_one(
    tmp_path: Path, suffix: str
) -> None:
    """Store I1: who deleted the file alone is told; an empty journal holds nothing."""
    path = tmp_path / "log.sqlite"
    journal = tmp_path / f"log.sqlite{suffix}"
    journal.write_text("frames", "utf-8")
    with pytest.raises(InputError, match="DATABASE_EXISTS") as caught:
        create_database(path, ORIGIN)
    assert caught.value.got == str(journal)
    assert list(tmp_path.iterdir()) == [journal]
    journal.write_bytes(b"")
    create_database(path, ORIGIN)
    assert reconcile(path).clean


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Store I1: nothing is left."""
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(AdapterError, match="DATABASE_WRITE"):
        create_database(tmp_path / "file" / "log.sqlite", ORIGIN)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
