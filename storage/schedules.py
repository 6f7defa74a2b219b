"""How often the hall does a piece of work: as its deployments say, or in rounds of the loop.

Job: read the schedule of a deployment and tell the longest time between two of its runs; hold the
periods of what a resident loop does without a run.

Invariants
  I1  A deployment without a schedule that can be read has no period: nobody may rely on it.
  I2  A piece of work has one period: what the loop does is not scheduled, too.

Not here: running flows and rounds (flows), what a missed one means (readiness).
Source: workflow part 5; TX-L4:full_timeout_worker_enabled,
TX-L4:formal_reconciliation_loop_enabled.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from counterseal.kernel.canonical import Json

DEPLOYMENTS: Final = Path(__file__).parents[1] / "prefect.yaml"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

ROUND_SECONDS: Final[Mapping[str, int]] = {
    "dispatch": 15,
    "deliver": 10,
    "sweep": _MINUTE,
    "heartbeat": _MINUTE,
    "notify": _MINUTE,
    "time_stamp": 10 * _MINUTE,
}
"""Rounds of the resident loop, and after how many seconds each comes again at the latest."""


def period_seconds(cron: str) -> int | None:
    """The longest time in seconds between two runs of a cron line; None for a form unknown here.

    Known are each minute, each N minutes of an hour, each hour and each day at a stated time.
    """
    fields = cron.split()
    if len(fields) != len(("minute", "hour", "day", "month", "weekday")):
        return None
    minute, hour = fields[:2]
    if fields[2:] != ["*", "*", "*"]:
        return None
    if hour == "*":
        return _within_hour(minute)
    return _DAY if minute.isdecimal() and hour.isdecimal() else None


def _within_hour(minute: str) -> int | None:
    if minute == "*":
        return _MINUTE
    if minute.isdecimal():
        return _HOUR
    first, _, step = minute.partition("/")
    return int(step) * _MINUTE if first == "*" and step.isdecimal() and int(step) else None


@cache
def deployed_seconds(file: Path = DEPLOYMENTS) -> dict[str, int]:
    """Period of every deployment that has a schedule, by the flow's name; seconds.

    Of several schedules the most frequent counts. A file that is not there has none.
    """
    try:
        told: Json = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError):
        return {}
    rows = told.get("deployments") if isinstance(told, dict) else None
    found = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and (periods := _periods(row.get("schedules"))):
            found[str(row.get("name"))] = min(periods)
    return found


def period_of(work: str) -> int | None:
    """Seconds between two times that a piece of work is done; None for what nobody does unasked."""
    return ROUND_SECONDS.get(work) or deployed_seconds().get(work)


def _periods(schedules: Json) -> list[int]:
    rows = (
        [row for row in schedules if isinstance(row, dict)] if isinstance(schedules, list) else []
    )
    told = [period_seconds(str(row.get("cron"))) for row in rows if row.get("active") is not False]
    return [period for period in told if period is not None]
