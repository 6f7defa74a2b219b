"""Which house does the rounds: of one home by its file, of many machines by the database."""

import threading
import time
from pathlib import Path

import pytest

from counterseal.kernel.errors import AdapterError
from storage import leading
from storage.databases import Database, PostgresDatabase, SqliteFile
from storage.leading import HOUSE, lock_key
from tests.storage.log_room import LogRoom, plainly

HOLDERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "HOUSE_SECONDS", 0.02)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "postgresql":
        made: PostgresDatabase = request.getfixturevalue("empty")
        return made
    return SqliteFile(tmp_path / "log.sqlite")


class _Other:
    """A house in a thread, with a home of its own where machines share the database."""

    def __init__(self, database: Database, file: Path) -> None:
        self.leads, self.stopped = threading.Event(), threading.Event()
        self.failed: AdapterError | None = None
        self._gate = database.house(file)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._gate.alone():
            self.leads.set()
            try:
                self._gate.hold(self.stopped)
            except AdapterError as error:
                self.failed = error

    def end(self) -> None:
        self.stopped.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


def test_a_second_house_waits_until_the_first_one_ends(database: Database, tmp_path: Path) -> None:
    """Attend I1: patiently, however long it takes."""
    files = [tmp_path / "one.lock", tmp_path / "one.lock"]
    if isinstance(database, PostgresDatabase):
        files[1] = tmp_path / "on-another-machine.lock"
    gate = database.house(files[0])
    with gate.alone():
        other = _Other(database, files[1])
        assert not other.leads.wait(0.3)
    assert other.leads.wait(10)
    other.end()
    assert other.failed is None
    with database.house(files[0]).alone():
        pass


def test_a_house_that_lost_its_connection_takes_the_lead_back_while_nobody_else_has_it(
    postgres_room: LogRoom, tmp_path: Path
) -> None:
    """Leading I1: a restarted server forgets who led."""
    house = _Other(postgres_room.database, tmp_path / "one.lock")
    assert house.leads.wait(10)
    with plainly(postgres_room) as superuser:
        for _ in range(2):
            assert superuser.execute(HOLDERS).rowcount >= 1
            until = time.monotonic() + 10
            while not superuser.execute(HOLDERS.replace("pg_terminate_backend", "")).rowcount:
                assert time.monotonic() < until
    house.end()
    assert house.failed is None


def test_a_house_whose_lead_another_one_took_is_told(
    postgres_room: LogRoom, tmp_path: Path
) -> None:
    """Leading I1: it ends, and waits when it is started again."""
    house = _Other(postgres_room.database, tmp_path / "one.lock")
    assert house.leads.wait(10)
    with plainly(postgres_room) as superuser, plainly(postgres_room) as rival:
        taking = threading.Thread(
            target=lambda: rival.execute("SELECT pg_advisory_lock(%s)", (lock_key(HOUSE),))
        )
        taking.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while superuser.execute(waiting).fetchone() != (1,):
            time.sleep(0.01)
        superuser.execute(f"{HOLDERS} AND granted")
        taking.join(10)
        until = time.monotonic() + 10
        while house.failed is None and time.monotonic() < until:
            time.sleep(0.01)
    house.end()
    assert house.failed is not None
    assert (house.failed.code, house.failed.retriable) == ("LEASE_LOST", True)
