"""`counterseal readiness`: every boundary flag with its probe, and whether the house is at work."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from counterseal.kernel.clock import utc_text
from counterseal.readiness.model import Boundary, Flag
from counterseal.readiness.report import Readiness, readiness_of
from counterseal.readiness.running import LoopSeen, RoundSeen, Running
from storage.running import running_now
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, leave, table
from ui.cli.session import CLOCK, settings_for

INCONCLUSIVE = 3
UNREADABLE = 4
_MARKS = {True: "yes", False: "no"}
_WORDS = {True: "true", False: "false", None: "could_not_check"}

app = typer.Typer()


@app.callback(invoke_without_command=True)
def readiness(
    home: Home = None,
    running: Annotated[
        bool, typer.Option("--running", help="Only whether the house is at work now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Every boundary flag with the probe that set it. Simulated trading; nothing is certified.

    Exit status 0 when every flag could be computed, 3 when one could not or there is no home,
    4 when there is a home that cannot be read. With --running 0 when the house is ready for work,
    else 4.
    """
    settings, now = settings_for(home), CLOCK.now()
    at_work = running_now(settings, now)
    if running:
        answer(at_work.json_value(), _running_lines(at_work), as_json=as_json)
        if not at_work.ready:
            leave(UNREADABLE)
        return
    from storage.probes import observe  # noqa: PLC0415 - rehearses a case: much is loaded for it

    told = readiness_of(observe(settings, now), at_work)
    lines = [*_lines(told.boundaries, told.flags), "", *_running_lines(at_work)]
    answer(told.json_value(), lines, as_json=as_json)
    status = _status(told)
    if status:
        leave(status)


def _status(told: Readiness) -> int:
    if told.home_problem not in {"", "DATABASE_MISSING"}:
        return UNREADABLE
    return INCONCLUSIVE if told.could_not_check else 0


def _lines(boundaries: Sequence[Boundary], flags: Sequence[Flag]) -> list[str]:
    states = [(b.row, b.service, b.readiness_state, len(b.missing)) for b in boundaries]
    rows = [(f.row, f.name, _WORDS[f.value], f.probe, f.evidence) for f in flags]
    return [
        "simulated paper trading; a flag tells what its probe saw, and certifies nothing",
        "",
        *table(states, "ROW", "BOUNDARY", "STATE", "MISSING"),
        "",
        *table(rows, "ROW", "FLAG", "VALUE", "PROBE", "EVIDENCE"),
    ]


def _running_lines(told: Running) -> list[str]:
    word = "ready for work" if told.ready else "not ready for work"
    rows = [(one.need.value, _MARKS[one.ok], one.code, one.told) for one in told.checks]
    return [
        f"the house is {word}, at {utc_text(told.at)}",
        "",
        *table(rows, "NEED", "MET", "CODE", "SEEN"),
        "",
        *_loop_lines(told.loop, told.at),
    ]


def _loop_lines(loop: LoopSeen | None, now: datetime) -> list[str]:
    if loop is None:
        return ["no resident loop told of itself in this home"]
    rows = [_round(loop, one, now) for one in loop.rounds]
    head = ("ROUND", "STANDING", "LAST", "OUTCOME", "NEXT BY", "MADE", "FAILED")
    return [f"rounds of the loop that began {utc_text(loop.since)}", "", *table(rows, *head)]


def _round(loop: LoopSeen, one: RoundSeen, now: datetime) -> tuple[str | int, ...]:
    return (
        one.name,
        loop.standing(one, now).value,
        _time(one.ended_at),
        one.outcome or "-",
        _time(one.due_at),
        one.made,
        one.failed,
    )


def _time(at: datetime | None) -> str:
    return "-" if at is None else utc_text(at)
