"""Homes that may be looked at and not written, as the operating system enforces it."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from counterseal.kernel.errors import CountersealError
from storage.home_reader import read_home
from storage.reconcile import reconcile
from storage.store import create_database
from tests.household import ORIGIN
from tests.world import World

NOBODY = 65_534


@pytest.fixture
def world() -> Iterator[World]:
    """A closed home in a folder that every user reaches."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        world = World(Path(folder) / "home")
        world.store.close()
        yield world
        allowed(world.home, folders=0o755, files=0o644)


def allowed(top: Path, *, folders: int, files: int) -> None:
    for path in (top, *top.rglob("*")):
        path.chmod(folders if path.is_dir() else files)


def as_nobody(act: Callable[[], object]) -> str:
    """Run without any right of an administrator; `done`, or the failure's code."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        try:
            act()
            os.write(writer, b"done")
        except CountersealError as error:
            os.write(writer, f"{error.code} {error.exit_status}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as told:
        return told.read()


def looking(world: World) -> Callable[[], None]:
    """An act that finds every record of the log as it is now."""
    size = len(world.log())

    def look() -> None:
        with read_home(world.settings) as reader:
            assert len(list(reader.records())) == size

    return look


def signed(world: World) -> None:
    """What can be read of the signer's memory by nobody, so that only the home refuses."""
    folder = world.settings.counterseal_signer_state
    allowed(folder, folders=0o777, files=0o666)


def names(world: World) -> set[str]:
    return {path.name for path in world.settings.database_file.parent.iterdir()}


def test_a_home_on_a_read_only_medium_can_be_read_and_compared(world: World) -> None:
    """TX-G12: an auditor needs no right to write, and leaves no file."""
    look = looking(world)
    allowed(world.home, folders=0o555, files=0o444)
    before = names(world)
    assert as_nobody(look) == "done"
    assert as_nobody(lambda: reconcile(world.settings.database_file)) == "done"
    assert names(world) == before


def test_a_home_on_a_read_only_medium_refuses_to_be_written(world: World) -> None:
    """Architecture 7: status 4 with a code, and not a byte changed."""
    signed(world)
    allowed(world.home, folders=0o555, files=0o444)
    before = world.settings.database_file.read_bytes()
    assert as_nobody(world.reopen) in {"LOCK_UNAVAILABLE 4", "DATABASE_READ_ONLY 4"}
    assert world.settings.database_file.read_bytes() == before


def test_what_a_writer_left_in_the_journal_is_never_skipped(world: World) -> None:
    """TX-G12: with a journal beside it the file alone is not the home: both are read."""
    world.reopen()
    world.signal()
    look = looking(world)
    journal = world.settings.database_file.with_name("paper_execution_audit.sqlite-wal")
    assert journal.stat().st_size
    allowed(world.home, folders=0o555, files=0o444)
    assert as_nobody(look) == "done"
    world.store.close()


def test_a_database_that_only_others_may_write_is_told_at_the_first_act(world: World) -> None:
    """Architecture 7: the lock can be had, the file cannot be written."""
    signed(world)
    allowed(world.home, folders=0o777, files=0o666)
    world.settings.database_file.chmod(0o444)

    def act() -> None:
        world.reopen()
        world.signal()

    assert as_nobody(act) == "DATABASE_READ_ONLY 4"


def test_no_database_is_made_where_nobody_may_write(world: World) -> None:
    """Store I1: the folder stays as it was."""
    allowed(world.home, folders=0o555, files=0o444)
    before = names(world)
    path = world.settings.database_file.with_name("other.sqlite")
    told = as_nobody(lambda: create_database(path, ORIGIN))
    assert told in {"DATABASE_WRITE 4", "DATABASE_FAILED 4"}
    assert names(world) == before
