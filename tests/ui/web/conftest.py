"""Tabs for every test of a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.identity import sealing
from storage.system import ReplayClock
from tests.ground import DERIVED
from tests.household import START
from tests.ui.sealed_keys import seal_keys
from tests.ui.web import web_room
from tests.ui.web.web_room import WebHouse
from tests.ui.web.window import Window
from ui.web import house as pages


@contextmanager
def _window(home: Path, patch: pytest.MonkeyPatch) -> Iterator[Window]:
    """A house of now, and the pages in its place and at its time."""
    house = WebHouse(home)
    patch.setattr(sealing, "_derive", DERIVED)
    seal_keys(house, "researcher", "risk")
    for name, value in house.environment().items():
        patch.setenv(name, value)
    patch.setattr(pages, "CLOCK", house.clock)
    pages._opened.clear()
    yield Window(house)
    pages._opened.clear()


@pytest.fixture
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    """A house for one test."""
    with _window(tmp_path / "home", monkeypatch) as told:
        yield told


@pytest.fixture(scope="module")
def shared_window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """One house for tests that change nothing in it."""
    with (
        pytest.MonkeyPatch.context() as patch,
        _window(tmp_path_factory.mktemp("shared") / "home", patch) as told,
    ):
        yield told


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour at which the exchange is open, for houses that are founded behind it."""
    monkeypatch.setattr(web_room, "MachineClock", lambda: ReplayClock(START + timedelta(hours=1)))
