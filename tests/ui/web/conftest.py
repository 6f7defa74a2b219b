"""Tabs for every test of a page.

What costs the same each time and gives the same is done once a process: a password is hashed and
verified once, also the one that nobody has, and the installed packages are searched for Streamlit's
components once.
"""

import os
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest
from argon2 import PasswordHasher
from streamlit import config
from streamlit.components.v2 import manifest_scanner

from storage import credentials
from storage.system import ReplayClock
from tests.household import START
from tests.ui.web import web_room
from tests.ui.web.window import Window, window_at


class _HashedOnce(PasswordHasher):
    hash = cache(PasswordHasher.hash)
    verify = cache(PasswordHasher.verify)


NOBODY = credentials._nobody


@cache
def _hash_of_nobody() -> str:
    return PasswordHasher().hash(os.urandom(32))


def _nobody(work: sqlite3.Connection) -> str:
    work.execute("UPDATE peppers SET nobody = ? WHERE nobody IS NULL", (_hash_of_nobody(),))
    return NOBODY(work)


@pytest.fixture(scope="session", autouse=True)
def _web_done_once() -> Iterator[None]:
    config.set_option("runner.magicEnabled", False)
    hasher, scan = _HashedOnce(), cache(manifest_scanner.scan_component_manifests)
    with (
        patch.object(credentials, "_hasher", lambda: hasher),
        patch.object(credentials, "_nobody", _nobody),
        patch.object(manifest_scanner, "scan_component_manifests", scan),
    ):
        yield


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
