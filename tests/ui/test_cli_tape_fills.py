"""What `orders show` tells of a fill that came from the tape."""

from pathlib import Path

import pytest

from tests.desk.tape_world import TapeWorld
from ui.cli.app import run


def test_an_order_shows_the_ticks_that_filled_it(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trading 5.2: rows, stamps, prices and contracts taken, for each of the two prints."""
    world = TapeWorld(workplace / "home")
    world.show((3, 20_001, 3), (5, 20_003, 9))
    order = world.sent()
    world.after(10)
    world.passed()

    assert run(["orders", "show", order.order_id, "--home", str(world.home)]) == 0
    told = capsys.readouterr().out
    ticks = [line.strip() for line in told.splitlines() if line.startswith("  tick ")]
    assert ticks == [
        "tick     row 3, 2026-01-05T00:45:03.000000Z: 3 printed at 20001, 3 taken",
        "tick     row 4, 2026-01-05T00:45:05.000000Z: 9 printed at 20003, 1 taken",
    ]
    assert told.count("run again on its inputs: the same") == 2
