"""A replayed tick file that dies at random durable steps, and what it becomes.

Each run is a process of its own, forked from this one, which kills itself with SIGKILL right behind
a step: nothing is flushed, closed or said goodbye to.
"""

import os
import random
import shutil
import signal
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

from counterseal.identity import sealing
from flows.day.run import run_day
from storage.journal import AfterStep
from storage.settings import Settings
from tests.day.replays import log_of, records_of, results_of
from tests.day.tick_days import tick_day

derived_once = patch.object(sealing, "_derive", cache(sealing._derive))
"""Derives each key once in a process: these days share their passphrase and salts."""


def replay(settings: Settings, file: Path, out: Path, after_step: AfterStep) -> None:
    """One day of a tick file, begun or gone on with."""
    plan, market = tick_day(settings, file)
    run_day(out, settings, plan, market, after_step=after_step)


def counted(settings: Settings, file: Path, out: Path) -> int:
    """How many durable steps an undisturbed day has."""
    steps = 0

    def count(step: str) -> None:
        nonlocal steps
        del step
        steps += 1

    replay(settings, file, out, count)
    return steps


def ended(settings: Settings, file: Path, out: Path, last: int | None) -> int:
    """How a process ended that replays the day and dies behind its n-th step from now, if told."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = -1 if last is None else last

    def die(step: str) -> None:
        nonlocal left
        del step
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    status = 1
    try:
        replay(settings, file, out, die)
        status = 0
    except BaseException:  # noqa: BLE001 - a forked copy of a test run must end here
        traceback.print_exc()
    finally:
        os._exit(status)


def campaign(
    settings: Settings, file: Path, whole: Path, steps: int, kills: int, seed: int
) -> Iterator[str]:
    """Kill a day at each of some random steps, resume it, and compare; yields each fault.

    Args:
        settings: Of the environment.
        file: The tick file.
        whole: The undisturbed day; the others lie beside it.
        steps: How many durable steps it has.
        kills: How many days die; every second one dies twice.
        seed: Of the choice.
    """
    dice = random.Random(seed)  # noqa: S311 - a seeded choice, no secret
    expected, log = results_of(whole), log_of(whole)
    for number in range(kills):
        out = whole.with_name(f"killed-{number}")
        points = [dice.randint(1, steps) for _ in range(1 + number % 2)]
        label = f"day {number}, killed behind step {'+'.join(map(str, points))}"
        acknowledged: list[tuple[object, ...]] = []
        for point in points:
            died = ended(settings, file, out, point)
            if died not in {0, -signal.SIGKILL}:
                yield f"{label}: it failed with {died}"
            if records_of(out)[: len(acknowledged)] != acknowledged:
                yield f"{label}: a kill lost what was acknowledged"
            acknowledged = records_of(out)
        if ended(settings, file, out, None):
            yield f"{label}: the resumed day failed"
        elif (results_of(out), log_of(out)) != (expected, log):
            yield f"{label}: the resumed day has another result"
        for folder in whole.parent.glob(f"{out.name}*"):
            shutil.rmtree(folder)
