"""One home for the tests of the flows, and a hall at work as long as a file needs it."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from flows.engine import free_port
from flows.processes import descendants
from flows.serve import POOL
from tests.flows.hall import House
from tests.flows.test_processes import alive, until

UP_WITHIN_SECONDS = 150


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A founded home; no server."""
    return House(tmp_path_factory.mktemp("hall") / "house", free_port(), free_port()).found()


@pytest.fixture(scope="module")
def served(house: House) -> Iterator[House]:
    """The same home with `python -m flows up`; told to stop, it leaves nothing behind."""
    told = house.folder / "serve.txt"
    with told.open("wb") as stream, house.start("up", told=stream) as process:
        assert until(
            lambda: "worker " in told.read_text("utf-8") or process.poll() is not None,
            UP_WITHIN_SECONDS,
        )
        assert process.poll() is None, told.read_text("utf-8")
        yield house
        below = descendants(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(UP_WITHIN_SECONDS) == 0, told.read_text("utf-8")
    assert not alive(below)
    with closing(sqlite3.connect(house.engine.folder / "prefect.db")) as database:
        pools = database.execute("SELECT name, is_paused FROM work_pool").fetchall()
    assert pools == [(POOL, 1)], "a stop lets the pool give out nothing more"
