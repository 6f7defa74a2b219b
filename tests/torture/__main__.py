"""The full campaigns of which the test run holds a sample: `make torture`.

Prints each fault and a score; exit status 1 when there is one.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.core.audit.attack_corpus import corpus
from tests.day.replays import campaign, replayed, results_of
from tests.torture.seals import campaign as campaign_of_seals

KILLS, KILLS_WITH_ENGINE = 50, 3
MUTATIONS = 2000
SEAL_ROUNDS = 200
SEED = 20260105


def main() -> int:
    """Every campaign, one after the other."""
    faults = [*attacks(), *seals(), *kills()]
    for fault in faults:
        told(fault)
    return 1 if faults else 0


def attacks() -> list[str]:
    """Attack logs in every known way, verify at every level of evidence, and print the score."""
    cases = list(corpus(MUTATIONS))
    right = sum(case.right for case in cases)
    told(f"attacks on the log: {right} of {len(cases)} verdicts as expected")
    return [str(case) for case in cases if not case.right]


def seals() -> list[str]:
    """Kill and starve sequencers in the middle of groups."""
    with tempfile.TemporaryDirectory(prefix="counterseal-torture-") as folder:
        return list(campaign_of_seals(Path(folder), SEAL_ROUNDS, SEED, told))


def kills() -> list[str]:
    """Kill replayed days, without and with the workflow engine, and compare what they become."""
    faults: list[str] = []
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
    return faults


def told(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
