"""Tabs for every test of a page."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage.system import ReplayClock
from tests.household import START
from tests.ui.web import web_room
from tests.ui.web.window import Window, window_at


@pytest.fixture
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    """A house for one test."""
    with window_at(tmp_path / "home", monkeypatch) as told:
        yield told


@pytest.fixture(scope="module")
def shared_window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """One house for tests that change nothing in it."""
    with (
        pytest.MonkeyPatch.context() as patch,
        window_at(tmp_path_factory.mktemp("shared") / "home", patch) as told,
    ):
        yield told


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour at which the exchange is open, for houses that are founded behind it."""
    monkeypatch.setattr(web_room, "MachineClock", lambda: ReplayClock(START + timedelta(hours=1)))
