"""`counterseal readiness`: every boundary flag with the probe that set it."""

from collections.abc import Sequence

import typer

from counterseal.kernel.canonical import Json
from counterseal.readiness.decide import decide_boundaries, evaluate, unchecked
from counterseal.readiness.model import Boundary, Flag, Observation
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
    seen = observe(settings_for(home), CLOCK.now())
    boundaries, flags = decide_boundaries(seen), evaluate(seen)
    value: dict[str, Json] = {
        "checked_at": seen.json_value()["at"],
        "home_problem": seen.home_problem,
        "log_size": None if seen.home is None else seen.home.log.size,
        "safety_defaults": {**seen.settings.json_value()},
        "boundaries": [boundary.json_value() for boundary in boundaries],
        "flags": [flag.json_value() for flag in flags.values()],
        "could_not_check": [*unchecked(flags.values())],
    }
    answer(value, _lines(boundaries, [*flags.values()]), as_json=as_json)
    status = _status(seen, [*flags.values()])
    if status:
        leave(status)


def _status(seen: Observation, flags: list[Flag]) -> int:
    if seen.home_problem not in {"", "DATABASE_MISSING"}:
        return UNREADABLE
    return INCONCLUSIVE if unchecked(flags) else 0


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
