"""The full campaigns of which the test run holds a sample: `make torture`.

    python -m tests.torture                     all of them
    python -m tests.torture faults mutants      some
    python -m tests.torture simulate --seed 7   one seed of the simulator, with what happened

Prints each fault and a score; exit status 1 when there is one. Several campaigns share the
processors, each in a process of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from storage.settings import Settings
from tests.core.audit.attack_corpus import corpus
from tests.day import tick_kills
from tests.day.replays import REAL_DAY_WORDS, ROOT, ByCommand, campaign, replayed, results_of
from tests.day.tick_days import cut_file, filled_by_prints
from tests.ground import derived_once
from tests.in_memory import memory
from tests.torture import faults, mutants, packs, policies, rounds, seals, simulator, strace

KILLS, KILLS_WITH_ENGINE, KILLS_OF_REAL_DAY, KILLS_OF_TICKS = 50, 3, 5, 100
MUTATIONS = 2000
PACKS = 2000
SEAL_ROUNDS = 200
FAULT_ROUNDS = 300
SIMULATIONS = 500
SEED = 20260105
a_folder = partial(tempfile.TemporaryDirectory, prefix="counterseal-torture-")


def attacked() -> list[str]:
    """Attack logs in every known way, verify at every level of evidence, and print the score."""
    cases = list(corpus(MUTATIONS))
    right = sum(case.right for case in cases)
    told(f"attacks on the log: {right} of {len(cases)} verdicts as expected")
    return [str(case) for case in cases if not case.right]


def sealed() -> list[str]:
    """Kill and starve sequencers in the middle of groups."""
    with a_folder() as folder:
        return list(seals.campaign(Path(folder), SEAL_ROUNDS, SEED, told))


def failed() -> list[str]:
    """Fail, or die at, every single call that makes something durable."""
    if not strace.usable():
        told(f"NOT DONE: {strace.ABSENT}")
        return [strace.ABSENT]
    with a_folder(dir=memory()) as folder:
        return list(faults.campaign(Path(folder), None, SEED, told))


def simulated(seed: int | None = None) -> list[str]:
    """Run many seeds of the simulator, or tell the story of one."""
    with a_folder(dir=memory()) as folder:
        if seed is not None:
            return list(simulator.replayed(Path(folder), seed, told))
        found = list(simulator.campaign(Path(folder), range(SIMULATIONS)))
        told(f"simulations: {SIMULATIONS} seeds, {len(found)} break an invariant")
        return found


def mutated() -> list[str]:
    """Switch off each check of the verifier in turn, and print the score."""
    return list(mutants.campaign(None, SEED, told))


def bent() -> list[str]:
    """Bend each rule of the policy in turn, and print how many are noticed; sweep all of it."""
    return list(policies.campaign(None, SEED, told))


def exported() -> list[str]:
    """Change evidence packs in every known way, and print how many both verifiers reject."""
    return list(packs.campaign(PACKS, SEED, told))


def struck() -> list[str]:
    """Strike dispatchers, their server, and what lies between them, in rounds."""
    absent = [] if strace.usable() else [strace.ABSENT]
    with a_folder(dir=memory()) as folder, derived_once:
        return [*absent, *rounds.campaign(Path(folder), FAULT_ROUNDS, SEED, told)]


def killed() -> list[str]:
    """Kill replayed days, without and with the workflow engine, and compare what they become."""
    found: list[str] = []
    with a_folder(dir=memory()) as folder:
        for name, kills, words in (
            ("the day without the engine", KILLS, ["--no-engine"]),
            ("the day with the engine", KILLS_WITH_ENGINE, []),
            ("the real day", KILLS_OF_REAL_DAY, [*REAL_DAY_WORDS]),
        ):
            place = Path(folder) / name.replace(" ", "-")
            place.mkdir()
            start = time.monotonic()
            replayed(place / "undisturbed", *words)
            seconds = time.monotonic() - start
            told(f"{name}: {seconds:.1f} s undisturbed; killing it {kills} times")
            expected = results_of(place / "undisturbed")
            fresh = list(campaign(place, expected, kills, SEED, seconds, ByCommand(words)))
            told(f"{name}: {kills} kills, {len(fresh)} faults")
            found += fresh
    return found


def killed_ticks() -> list[str]:
    """Kill replayed tick days at random durable steps, and compare what they become."""
    with a_folder(dir=memory()) as folder, derived_once:
        file, whole = cut_file(Path(folder)), Path(folder) / "whole"
        shipped = Settings(counterseal_policies=ROOT / "policies")
        settings = filled_by_prints(shipped, Path(folder))
        steps = tick_kills.counted(settings, file, whole)
        told(f"the tick day: {steps} durable steps; killing it at {KILLS_OF_TICKS} of them")
        kills = (settings, file, whole, steps, KILLS_OF_TICKS, SEED, told)
        return list(tick_kills.campaign(*kills))


CAMPAIGNS: Mapping[str, Callable[[], list[str]]] = {
    "kills": killed,
    "rounds": struck,
    "ticks": killed_ticks,
    "mutants": mutated,
    "seals": sealed,
    "simulate": simulated,
    "faults": failed,
    "attacks": attacked,
    "policies": bent,
    "packs": exported,
}
"""The longest first, so that no processor waits for it in the end."""


def main(words: list[str]) -> int:
    """The campaigns that were asked for."""
    parser = argparse.ArgumentParser(prog="torture", description="The full campaigns.")
    parser.add_argument("names", nargs="*", metavar="campaign", help=", ".join(CAMPAIGNS))
    parser.add_argument("--seed", type=int, help="of the simulator: replay this one alone")
    asked = parser.parse_args(words)
    if unknown := sorted(set(asked.names) - CAMPAIGNS.keys()):
        parser.error(f"no such campaign: {', '.join(unknown)}")
    if asked.seed is not None:
        return told_of("simulate", partial(simulated, asked.seed))
    if len(asked.names) == 1:
        return told_of(asked.names[0], CAMPAIGNS[asked.names[0]])
    with ThreadPoolExecutor(os.cpu_count()) as processors:
        return int(any(list(processors.map(alone, asked.names or CAMPAIGNS))))


def alone(name: str) -> int:
    """Run one campaign in a process of its own; gives its exit status."""
    command = [sys.executable, "-m", "tests.torture", name]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - our own words


def told_of(name: str, work: Callable[[], list[str]]) -> int:
    """Run one campaign, tell its faults and its time; gives the exit status."""
    start = time.monotonic()
    found = work()
    for fault in found:
        told(fault)
    told(f"{name}: {len(found)} faults in {time.monotonic() - start:.0f} s")
    return 1 if found else 0


def told(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
