"""A day of the hall's schedules over a real home: what `prefect.yaml` says, at the times it says.

Each due flow is called through its plain function, in the order of time; nothing here waits.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from prefect.server.schemas.schedules import CronSchedule
from pydantic import BaseModel

from counterseal.audit.retention import Purge
from counterseal.portfolio.day_statement import DayStatement
from flows.daily_work import end_days, plan_purges
from flows.gateway_work import reconcile_accounts
from flows.work import judge_log
from flows.workplace import Workplace
from storage.schedules import DEPLOYMENTS, ROUND_SECONDS, deployed_seconds
from tests.desk.keeping import YEAR
from tests.world import ACCOUNT, World

WORK: dict[str, Callable[[Workplace], object]] = {
    "verify_log": judge_log,
    "reconcile": lambda place: reconcile_accounts(place, "run"),
    "end_of_day": lambda place: end_days(place, "run"),
    "retention": lambda place: plan_purges(place, "run"),
}
DAILY = ("end_of_day", "retention")
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)


class _Schedule(BaseModel):
    cron: str
    timezone: str


class _Deployment(BaseModel):
    name: str
    concurrency_limit: int | dict[str, int | str] | None = None
    schedules: tuple[_Schedule, ...] = ()


class _Deployments(BaseModel):
    deployments: tuple[_Deployment, ...]


class Due(NamedTuple):
    at: datetime
    work: str


def deployed() -> dict[str, _Deployment]:
    told = _Deployments.model_validate(yaml.safe_load(DEPLOYMENTS.read_bytes()))
    return {one.name: one for one in told.deployments}


def times(schedule: _Schedule, since: datetime, until: datetime) -> list[datetime]:
    """Every time of a schedule from `since` up to, not including, `until`, in order.

    The server expands it just so.
    """
    cron = CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
    found = asyncio.run(cron.get_dates(start=since, end=until - timedelta(microseconds=1)))
    return [datetime.fromtimestamp(at.timestamp(), UTC) for at in found]


def due(since: datetime, until: datetime, names: Iterable[str] = WORK) -> list[Due]:
    """What the schedules start between two instants, in the order of time."""
    rows = [
        [Due(at, name) for at in times(schedule, since, until)]
        for name in names
        for schedule in deployed()[name].schedules
    ]
    return list(merge(*rows, key=itemgetter(0)))


def ran(world: World, plan: Iterable[Due]) -> Counter[str]:
    """Each run at its time, or now when that has passed; how many of each did not end well."""
    place = Workplace(world.settings, clock=world.clock, desk=world.desk)
    bad = Counter[str]()
    for one in plan:
        if one.at > world.clock.now():
            world.clock.move_to(one.at)
        report = WORK[one.work](place)
        bad[one.work] += getattr(report, "exit_status", 0) != 0
    return bad


def stated(world: World) -> list[str]:
    with world.store.reader() as reader:
        return [one.trading_day for one in reader.find(DayStatement, account_id=ACCOUNT)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield made
    made.store.close()


def test_whatever_is_scheduled_is_tried_here() -> None:
    """Workflow 5: a deployment that comes by itself has its plain function in this table."""
    assert WORK.keys() == deployed_seconds().keys()
    assert {name for name, one in deployed().items() if one.schedules} == WORK.keys()
    assert WORK.keys().isdisjoint(ROUND_SECONDS)


def test_daily_work_waits_and_is_never_cancelled() -> None:
    """Workflow 5, collision: ENQUEUE, the default, for what must not be lost; one run at a time."""
    assert {deployed()[name].concurrency_limit for name in DAILY} == {1}
    assert {name: deployed_seconds()[name] for name in DAILY} == dict.fromkeys(DAILY, 86_400)


def test_the_schedules_of_one_day_are_as_many_and_when_they_should_be() -> None:
    """Workflow 5: hourly, each quarter of an hour, after the close in Taipei, at 02:00 UTC."""
    plan = due(MONDAY, MONDAY + DAY)
    assert Counter(one.work for one in plan) == {
        "verify_log": 24,
        "reconcile": 96,
        "end_of_day": 1,
        "retention": 1,
    }
    assert [one.at.time().isoformat() for one in plan if one.work in DAILY] == [
        *("02:00:00", "06:00:00")
    ]
    assert [one.at for one in plan] == sorted(one.at for one in plan)


def test_a_day_of_schedules_does_each_thing_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trading day from before the open to the next morning; every run ends well."""
    monkeypatch.setenv("COUNTERSEAL_LOG_VKEY", world.log_key.key.text)
    world.done(world.submitted(world.approved(quantity=2), quantity=2))
    begin = world.clock.now()
    plan = [one for one in due(begin, begin + DAY) if one.at.minute == 0]
    bad = ran(world, plan)

    assert bad.keys() == WORK.keys()
    assert set(bad.values()) == {0}
    assert stated(world) == ["2026-01-05"]
    ended = [row for row in world.log() if row.type == "account.day_ended"]
    assert [row.recorded_at[:19] for row in ended] == ["2026-01-05T06:00:00"]
    assert world.verdict().exit_status == 0


def test_runs_that_were_missed_are_made_up_by_the_first_and_come_to_nothing_after(
    world: World,
) -> None:
    """After an outage of a week the server starts all late runs: each period once, in order."""
    missed = due(MONDAY + timedelta(hours=1), MONDAY + 7 * DAY, DAILY)
    assert Counter(one.work for one in missed) == {"end_of_day": 7, "retention": 7}
    world.clock.move_to(MONDAY + 7 * DAY)
    assert set(ran(world, missed).values()) == {0}
    days = [f"2026-01-0{day}" for day in (5, 6, 7, 8, 9)]
    assert stated(world) == days
    rows = [row for row in world.log() if row.type == "account.day_ended"]
    assert len(rows) == len(days)
    size = len(world.log())
    ran(world, missed)
    assert len(world.log()) == size


def test_runs_that_were_cancelled_lose_no_day(world: World) -> None:
    """The calendar, not the schedule, says what is due: one late run does the work of five."""
    world.clock.move_to(MONDAY + 5 * DAY)
    ran(world, due(MONDAY + 5 * DAY, MONDAY + 6 * DAY, ["end_of_day"]))
    assert len(stated(world)) == 5


def test_days_without_a_session_leave_no_record(world: World) -> None:
    """A weekend, and the closure of the lunar new year: the runs come, and nothing is due."""
    before = datetime(2026, 2, 11, 5, 59, tzinfo=UTC)
    world.clock.move_to(before)
    ran(world, due(before, before + DAY, DAILY))
    size, last = len(world.log()), stated(world)[-1]
    assert last == "2026-02-11"
    closed = due(before + DAY, before + 11 * DAY, DAILY)
    assert len(closed) == 20
    ran(world, closed)
    assert (len(world.log()), stated(world)[-1]) == (size, last)


def test_what_may_go_is_put_before_two_people_by_the_run_of_that_night(world: World) -> None:
    """Retention: one plan, however often the run comes; nothing is purged by it."""
    world.done(world.submitted(world.approved(quantity=2), quantity=2))
    world.after(6.1 * YEAR)
    later = world.clock.now()
    for _ in range(2):
        ran(world, due(later, later + 3 * DAY, ["retention"]))
    with world.store.reader() as reader:
        [plan] = reader.find(Purge)
    assert (plan.planned_by, plan.approvals) == ("flows", ())
    assert all(row.body for row in world.log())


def test_a_report_tells_what_was_recorded_and_what_was_refused(world: World) -> None:
    """Exit status and subject of the flows of each day; nothing due is a good end."""
    place = Workplace(world.settings, clock=world.clock, desk=world.desk)
    empty = end_days(place, "run-1")
    world.after(6 * 3600)
    told = end_days(place, "run-2")
    assert (empty.steps, empty.exit_status, empty.subject) == ((), 0, "0")
    assert (told.exit_status, told.subject) == (0, str(len(world.log())))
    refused = told.model_validate(
        {**dict(told), "steps": tuple(s.amended(codes=("SERVICE_ONLY",)) for s in told.steps)}
    )
    assert refused.exit_status == 1
    assert plan_purges(place, "run-3").steps == ()
