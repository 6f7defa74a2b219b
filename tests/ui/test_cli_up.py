"""`counterseal up`: which home it serves."""

from pathlib import Path

import pytest

from ui.cli import up
from ui.cli.app import run

DATABASE = "data/paper_execution_audit.sqlite"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What `python -m flows` would have been told, from a folder with a demo in it."""
    told: list[tuple[str, ...]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COUNTERSEAL_HOME", raising=False)
    monkeypatch.setattr(up, "become", lambda *words: told.append(words))
    _with_database(Path("var/demo"))
    return told


def test_without_a_home_of_ones_own_the_demo_is_served(served: list[tuple[str, ...]]) -> None:
    assert run(["up"]) == 0
    assert served == [("up", "--home", "var/demo")]


def test_an_own_home_is_served_although_there_is_a_demo(
    served: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_database(Path("var"))
    assert run(["up"]) == 0
    monkeypatch.setenv("COUNTERSEAL_HOME", "own")
    _with_database(Path("own"))
    assert run(["up"]) == 0
    assert run(["up", "--home", "told"]) == 0
    assert served == [("up",), ("up",), ("up", "--home", "told")]


def test_a_home_that_was_named_and_is_not_there_is_not_replaced_by_the_demo(
    served: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERSEAL_HOME", "away")
    assert run(["up"]) == 0
    assert served == [("up",)]


def _with_database(home: Path) -> None:
    file = home / DATABASE
    file.parent.mkdir(parents=True)
    file.touch()
