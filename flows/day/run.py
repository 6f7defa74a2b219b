"""Running a day, with or without the workflow engine.

Job: open the demo home, let the four parties take their turns while outsiders look, have a case's
export recorded, judge the log, write the results.

Invariants
  I1  A finished day is not run again: its summary is the answer.
  I2  The engine adds nothing to the records: the same day without it has the same log.

Not here: the engine's two entry points (entries).
Source: the demo's *same result* rule; workflow part 5 (governed day).
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from counterseal.kernel.errors import CountersealError
from flows.day.agenda import Party, Phase, Step
from flows.day.home import check_place, demo_settings, open_demo, origin_of, outside_of
from flows.day.loop import GovernedDay
from flows.day.markets import DayMarket
from flows.day.outsiders import Outsiders, looking, looks, prepare
from flows.day.people import AutomaticPeople
from flows.day.plan import AUDITOR, DayPlan
from flows.day.results import DaySummary, finished, summarize, write_results
from flows.day.taken import ask
from flows.engine import open_engine
from flows.work import judge_log
from flows.workplace import Workplace
from storage.homes import keys_folder
from storage.journal import AfterStep, no_observer
from storage.policy_files import read_policy_files
from storage.settings import POLICY_VERSION, Settings

Notice = Callable[[GovernedDay, Step], None]
"""Told after each step, for progress."""


@dataclass(frozen=True, slots=True)
class Runs:
    """How the two flows of a day run: each takes its party's turns through the day of that name."""

    intake: Callable[[str], Coroutine[None, None, None]]
    execute: Callable[[str], Coroutine[None, None, None]]


OpenRuns = Callable[[Settings], AbstractContextManager[Runs]]
"""Opens what the flows run in, for a home that exists."""


@dataclass(frozen=True, slots=True)
class Running:
    """The day that this process replays."""

    day: GovernedDay
    notice: Notice


_RUNNING: Final[ContextVar[Running]] = ContextVar("running")


async def take_turns(party: Party) -> None:
    """Carry out a party's steps of the running day until the day is over."""
    running = _RUNNING.get()
    async for step in running.day.agenda.turns(party):
        running.day.carry_out(step)
        running.notice(running.day, step)


async def intake_turns(_: str) -> None:
    """The intake party."""
    await take_turns(Party.INTAKE)


async def execute_turns(_: str) -> None:
    """The execute party."""
    await take_turns(Party.EXECUTE)


@contextmanager
def without_engine(_: Settings) -> Iterator[Runs]:
    """Both flows as plain coroutines."""
    yield Runs(intake_turns, execute_turns)


@contextmanager
def with_engine(settings: Settings) -> Iterator[Runs]:
    """Both flows as runs of a temporary workflow server; errors of `engine.open_engine`."""
    with open_engine(settings, temporary=True):
        from flows.day.entries import execute, intake  # noqa: PLC0415 - Prefect is set up by now

        yield Runs(intake, execute)


def no_notice(_: GovernedDay, __: Step) -> None:
    """Says nothing."""


def run_day(
    out: Path,
    told: Settings,
    plan: DayPlan,
    market: DayMarket,
    *,
    runs: OpenRuns = without_engine,
    notice: Notice = no_notice,
    after_step: AfterStep = no_observer,
) -> DaySummary:
    """Run a day to its end in a demo home, or answer from the one that was finished there.

    Args:
        out: The demo home.
        told: Settings of the environment; home and signer are those of the demo.
        plan: What people do.
        market: What moves.
        runs: What the two flows run in.
        notice: Told after each step.
        after_step: Observer of durable steps; crash tests kill there.

    Raises:
        InputError: those of `home.open_demo`; `STRATEGY_FAILED`.
        IntegrityError: the log or the home does not hold.
        AdapterError: the database or a file fails.
    """
    settings = demo_settings(out, told).check()
    policies = read_policy_files(settings.counterseal_policies, POLICY_VERSION)
    origin = origin_of(plan, market, policies)
    if check_place(settings, origin):
        done = finished(out)
        if done is not None:
            return done
    else:
        prepare(outside_of(out), fresh=not out.exists())
    with (
        open_demo(settings, plan, market, origin, after_step=after_step) as home,
        looking(home, outside_of(out)) as outsiders,
    ):
        people = AutomaticPeople(home.desk, keys_folder(settings), "demo", home.clock, home.ids)
        day = GovernedDay(home, people, market, plan)
        day.begin()
        _seen(day, outsiders)
        try:
            with runs(settings) as opened:
                asyncio.run(_through(day, notice, opened))
        except* CountersealError as failed:
            raise failed.exceptions[0] from None
        day.end()
        ask(home, people.actor(AUDITOR))
        outsiders.look()
        outsiders.finish(market.ends_at)
    summary = summarize(home, market, plan, day.planned, judge_log(Workplace(settings)))
    write_results(home, summary)
    return summary


def _seen(day: GovernedDay, outsiders: Outsiders) -> None:
    """Let the witness look at the founded home, and plan its looks while the market is open."""
    outsiders.look()
    for at in looks(day.market):
        day.agenda.add(Step(at, Phase.LOOK, "witness", outsiders.look))


async def _through(day: GovernedDay, notice: Notice, runs: Runs) -> None:
    _RUNNING.set(Running(day, notice))
    name = day.market.day
    async with asyncio.TaskGroup() as parties:
        parties.create_task(runs.intake(name))
        parties.create_task(runs.execute(name))
        parties.create_task(take_turns(Party.PEOPLE))
        parties.create_task(take_turns(Party.RESIDENT))
