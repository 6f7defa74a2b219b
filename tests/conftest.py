"""The whole run, with every process that it starts, reaches this machine only.

A busy machine fails no test: properties have no deadline, speed is measured in tests/bench. Files
lie in memory where there is room for them: a test that waits for a disk proves nothing more.
"""

import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from unittest.mock import patch

import pytest
from hypothesis import settings
from sqlalchemy import create_engine
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from xdist.remote import Producer  # type: ignore[import-untyped]  # xdist has no types
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # the same

from storage import engines
from tests.ground import derived_once
from tests.guard import sitecustomize
from tests.in_memory import memory

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

PLACE_OF_FILES = "PYTEST_DEBUG_TEMPROOT"
GUARD = str(Path(__file__).parent / "guard")
REFUSED = pytest.StashKey[Path]()
TOGETHER = frozenset({"day", "flows"})


def pytest_configure(config: pytest.Config) -> None:
    """Guard the processes to come; importing the guard has guarded this one.

    A worker of a run that is shared out tells the process that began the run.
    """
    if hasattr(config, "workerinput"):
        config.stash[REFUSED] = Path(os.environ[sitecustomize.REFUSED_FILE])
        return
    if place := memory():
        os.environ.setdefault(PLACE_OF_FILES, str(place))
    told = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([GUARD, *([told] if told else [])])
    handle, name = tempfile.mkstemp(prefix="refused-")
    os.close(handle)
    os.environ[sitecustomize.REFUSED_FILE] = name
    config.stash[REFUSED] = Path(name)


@pytest.fixture(scope="session", autouse=True)
def _done_once() -> Iterator[None]:
    """What costs the same each time and gives the same, for all the homes of a run.

    Keys are derived once, and statements worded once: an engine keeps its own wordings, although
    those of one kind of database are alike.
    """
    kept: dict[str, object] = {"compiled_cache": {}}
    with (
        derived_once,
        patch.object(engines, "create_engine", partial(create_engine, execution_options=kept)),
        patch.object(SQLiteDialect_pysqlite, "__eq__", _alike),
        patch.object(SQLiteDialect_pysqlite, "__hash__", lambda dialect: hash(type(dialect))),
    ):
        yield


def _alike(one: object, other: object) -> bool:
    return type(one) is type(other)


class ByRoom(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Shares out whole files, and whole folders whose tests stand on one day or one server."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.partition("::")[0])
        return str(path.parent if path.parent.name in TOGETHER else path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long goes first, so that no processor is left alone with it."""
    items.sort(key=lambda item: not _takes_long(item.path))


def _takes_long(path: Path) -> bool:
    return path.parent.name in TOGETHER or path.name.startswith("test_ui_")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByRoom:
    """How a run is shared out to several processors."""
    return ByRoom(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A refused attempt fails the run, also when a library swallowed the error."""
    refused = session.config.stash[REFUSED]
    if refused.stat().st_size:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name the refused attempts."""
    refused = config.stash[REFUSED]
    for line in refused.read_text("utf-8").splitlines():
        terminalreporter.write_line(f"REFUSED beyond loopback: {line}", red=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    if not hasattr(config, "workerinput"):
        config.stash[REFUSED].unlink(missing_ok=True)
