"""What an account is worth, and which price says so."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.broker.model import Fill
from counterseal.kernel.clock import utc_text
from tests.world import START, SYMBOL, World
from ui.cli.app import run


def shown(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert run(["portfolio", "show", "--home", str(world.home), *words]) == 0
    return capsys.readouterr().out


@pytest.fixture
def traded(tmp_path: Path) -> World:
    """An account that bought twice, a minute apart."""
    world = World(tmp_path / "home")
    assert world.submitted(world.approved(quantity=1), quantity=1).accepted
    world.clock.move_to(START + timedelta(minutes=1))
    world.quote()
    assert world.submitted(world.approved(quantity=1), quantity=1).accepted
    return world


def test_each_mark_tells_its_time_and_source(
    traded: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """TX-C12: by default the last fill marks, and both windows say so."""
    with traded.store.reader() as reader:
        last = max(reader.find(Fill), key=lambda fill: fill.occurred_at)
    assert last.occurred_at > START

    value = json.loads(shown(traded, capsys, "--json"))
    text = shown(traded, capsys)

    [mark] = value["marks"]
    at = utc_text(last.occurred_at)
    assert mark == {
        "symbol": SYMBOL,
        "price": str(last.last_price),
        "seen_at": at,
        "source": "last-fill",
    }
    [row] = [line.split() for line in text.splitlines() if line.startswith(SYMBOL)]
    assert row[3:6] == [str(last.last_price), at, "last-fill"]


def test_a_told_mark_names_the_caller(traded: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A price that the caller told is never shown as one that was traded."""
    words = ("--mark", f"{SYMBOL}=20010")

    [mark] = json.loads(shown(traded, capsys, *words, "--json"))["marks"]

    assert (mark["price"], mark["source"]) == ("20010", "caller")
    assert "caller" in shown(traded, capsys, *words)
    assert "last-fill" not in shown(traded, capsys, *words)


def test_what_is_not_held_has_no_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An account without positions needs no price, whatever the caller tells."""
    world = World(tmp_path / "home")

    assert json.loads(shown(world, capsys, "--mark", "X=1", "--json"))["marks"] == []
