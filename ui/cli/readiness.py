"""`counterseal readiness`: every boundary flag with the probe that set it."""

from collections.abc import Sequence

import typer

from counterseal.readiness.model import Boundary, Flag
from counterseal.readiness.report import Readiness, readiness_of
from storage.probes import observe
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, leave, table
from ui.cli.session import CLOCK, settings_for

INCONCLUSIVE = 3
UNREADABLE = 4
_WORDS = {True: "true", False: "false", None: "could_not_check"}

app = typer.Typer()


@app.callback(invoke_without_command=True)
def readiness(home: Home = None, as_json: AsJson = False) -> None:
    """Every boundary flag with the probe that set it. Simulated trading; nothing is certified.

    Exit status 0 when every flag could be computed, 3 when one could not or there is no home,
    4 when there is a home that cannot be read.
    """
    told = readiness_of(observe(settings_for(home), CLOCK.now()))
    answer(told.json_value(), _lines(told.boundaries, told.flags), as_json=as_json)
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
