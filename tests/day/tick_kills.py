"""A replayed tick file that dies at random durable steps, and what it becomes.

Each run is a process of its own, forked from this one, which kills itself with SIGKILL right behind
a step: nothing is flushed, closed or said goodbye to.
"""

import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from counterseal.oms.states import OPEN_STATES
from flows.day.home import DATABASE
from flows.day.run import run_day
from storage.journal import AfterStep
from storage.settings import Settings
from tests.day.replays import log_of, records_of, results_of
from tests.day.tick_days import tick_day
from tests.forked import forked

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
OF_ONE_RUN = frozenset({"audit_head", "audit_openings"})
"""Tables that differ between equal days: who held the log last, and blinding drawn at random."""


MANY = 20
"""Kills of which some must fall between two fills, and some while an order works."""


class Standing(NamedTuple):
    """Fills that were booked, and orders that worked."""

    fills: int = 0
    working: int = 0


@dataclass
class Score:
    """What the kills of a campaign met."""

    kills: int = 0
    days: int = 0
    between_fills: int = 0
    over_working_orders: int = 0

    def met(self, standing: Standing, fills: int) -> None:
        """One more kill, of a day that has so many fills in the end."""
        self.kills += 1
        self.between_fills += 0 < standing.fills < fills
        self.over_working_orders += standing.working > 0

    def __str__(self) -> str:
        return (
            f"{self.kills} kills in {self.days} days, {self.between_fills} of them between fills, "
            f"{self.over_working_orders} while an order worked; each day's end was compared"
        )


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
    left = -1 if last is None else last

    def die(step: str) -> None:
        nonlocal left
        del step
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    child = forked(lambda: replay(settings, file, out, die))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def tables_of(out: Path) -> dict[str, list[str]]:
    """Every table of a home that equal days share, its rows as text; empty when there is none."""
    path = out / DATABASE
    if not path.is_file():
        return {}
    with closing(sqlite3.connect(path)) as connection:
        names = [str(name) for (name,) in connection.execute(TABLES)]
        return {
            name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"')))
            for name in names
            if name not in OF_ONE_RUN
        }


def standing_of(tables: dict[str, list[str]]) -> Standing:
    """What had been filled and what worked when a day was left."""
    states = [f"'{state}'" for state in OPEN_STATES]
    working = (row for row in tables.get("orders", ()) if any(state in row for state in states))
    return Standing(len(tables.get("fills", ())), sum(1 for _ in working))


def end_of(out: Path) -> dict[str, object]:
    """All that a finished day is compared by: results, evidence outside, log and every table."""
    return {**results_of(out), "the log": log_of(out), **tables_of(out)}


def differences(expected: dict[str, object], found: dict[str, object]) -> str:
    """Names of what differs between two ends."""
    names = sorted(expected.keys() | found.keys())
    return ", ".join(name for name in names if expected.get(name) != found.get(name))


def campaign(
    settings: Settings,
    file: Path,
    whole: Path,
    steps: int,
    kills: int,
    seed: int,
    told: Callable[[str], None],
) -> Iterator[str]:
    """Kill days at random steps, resume each to its end, and compare it; yields each fault.

    Args:
        settings: Of the environment.
        file: The tick file.
        whole: The undisturbed day; the others lie beside it.
        steps: How many durable steps it has.
        kills: How often a day dies before its end; every second day dies up to twice.
        seed: Of the choice.
        told: Is told the score in the end.
    """
    dice = random.Random(seed)  # noqa: S311 - a seeded choice, no secret
    expected, score = end_of(whole), Score()
    fills = standing_of(tables_of(whole)).fills
    while score.kills < kills:
        out = whole.with_name(f"killed-{score.days}")
        points = [
            dice.randint(1, steps) for _ in range(min(1 + score.days % 2, kills - score.kills))
        ]
        label = f"day {score.days}, killed behind step {'+'.join(map(str, points))}"
        acknowledged: list[tuple[object, ...]] = []
        for point in points:
            died = ended(settings, file, out, point)
            if died == -signal.SIGKILL:
                score.met(standing_of(tables_of(out)), fills)
            elif died:
                yield f"{label}: it failed with {died}"
            if records_of(out)[: len(acknowledged)] != acknowledged:
                yield f"{label}: a kill lost what was acknowledged"
            acknowledged = records_of(out)
        if ended(settings, file, out, None):
            yield f"{label}: the resumed day failed"
        elif differing := differences(expected, end_of(out)):
            yield f"{label}: the resumed day differs in {differing}"
        score.days += 1
        for folder in whole.parent.glob(f"{out.name}*"):
            shutil.rmtree(folder)
    told(f"the tick day: {score}")
    if kills >= MANY and not (score.between_fills and score.over_working_orders):
        yield "no kill fell between two fills, or none while an order worked"
