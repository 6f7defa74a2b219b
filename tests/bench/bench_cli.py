"""Seconds until the command line answers."""

import sys
from pathlib import Path

from tests.bench.measure import Measurement, console, median_seconds
from tests.world import World

HELP_SECONDS_MAX = 0.4
READ_RATIO_MAX = 1.6


def measure(folder: Path) -> list[Measurement]:
    """Help beside a bare interpreter; a read command beside the imports that it cannot avoid."""
    world = World(folder / "home")
    world.done(world.submitted(world.approved()))
    world.store.close()
    python, counterseal = sys.executable, console("counterseal")
    bare, helped, imports, listed = median_seconds(
        [python, "-c", "pass"],
        [counterseal, "--help"],
        [python, "-c", "import sqlmodel, counterseal"],
        [counterseal, "orders", "list", "--home", str(world.home)],
    )
    return [
        Measurement(
            "counterseal --help",
            helped,
            floor_name="python -c pass",
            floor=bare,
            bar=HELP_SECONDS_MAX,
        ),
        Measurement(
            "counterseal orders list",
            listed,
            floor_name="import sqlmodel, counterseal",
            floor=imports,
            bar=READ_RATIO_MAX,
            of_ratio=True,
        ),
    ]
