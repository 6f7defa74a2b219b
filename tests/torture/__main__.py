"""The full campaigns of which the test run holds a sample: `make torture`.

Prints each fault and a score; exit status 1 when there is one.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.day.replays import campaign, replayed, results_of

KILLS, KILLS_WITH_ENGINE = 50, 3
SEED = 20260105


def main() -> int:
    """Kill replayed days, without and with the workflow engine, and compare what they become."""
    faults = []
    with tempfile.TemporaryDirectory(prefix="counterseal-torture-") as folder:
        for name, kills, words in (
            ("the day without the engine", KILLS, ["--no-engine"]),
            ("the day with the engine", KILLS_WITH_ENGINE, []),
        ):
            place = Path(folder) / name.replace(" ", "-")
            place.mkdir()
            start = time.monotonic()
            replayed(place / "undisturbed", *words)
            seconds = time.monotonic() - start
            told(f"{name}: {seconds:.1f} s undisturbed; killing it {kills} times")
            expected = results_of(place / "undisturbed")
            found = list(campaign(place, expected, kills, SEED, seconds, words))
            told(f"{name}: {kills} kills, {len(found)} faults")
            faults += found
    for fault in faults:
        told(fault)
    return 1 if faults else 0


def told(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
