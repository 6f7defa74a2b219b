"""What the tests of the log run on: both databases, each log in a place of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.databases import PostgresDatabase, SqliteFile
from tests.storage.log_room import LogRoom, founded, recorded
from tests.storage.postgres_server import Server, running_server

BOTH = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server for the whole run; started by the first test that asks."""
    with running_server() as made:
        yield made


@pytest.fixture
def empty(server: Server) -> Iterator[PostgresDatabase]:
    """A database on it without anything in it."""
    made = server.empty()
    yield made
    server.drop(made)


@pytest.fixture
def postgres_room(server: Server, tmp_path: Path) -> Iterator[LogRoom]:
    """A log on PostgreSQL."""
    made = server.founded()
    yield founded(tmp_path, made)
    server.drop(made)


@pytest.fixture(scope="module")
def kept_postgres_room(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LogRoom]:
    """A log on PostgreSQL that the tests of a module leave as it is."""
    made = server.founded()
    yield from kept(founded(tmp_path_factory.mktemp("kept"), made))
    server.drop(made)


@pytest.fixture(scope="module", params=BOTH)
def kept_room(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LogRoom]:
    """The same on either database."""
    if request.param == "postgresql":
        yield request.getfixturevalue("kept_postgres_room")
        return
    folder = tmp_path_factory.mktemp("kept")
    yield from kept(founded(folder, SqliteFile(folder / "home" / "log.sqlite")))


def kept(made: LogRoom) -> Iterator[LogRoom]:
    """Three sealed records, the same before and after."""
    with made.store() as store:
        recorded(store, "one", "two", "three")
        store.seal()
    before = made.rows()
    yield made
    made.is_whole()
    assert made.rows() == before


@pytest.fixture(params=BOTH)
def room(request: pytest.FixtureRequest, tmp_path: Path) -> LogRoom:
    """A log on either database."""
    if request.param == "postgresql":
        made: LogRoom = request.getfixturevalue("postgres_room")
        return made
    return founded(tmp_path, SqliteFile(tmp_path / "home" / "log.sqlite"))
