"""`python -m ui.checklist NAME...`: the checklist's aliases, as Make runs them.

Exit status, as the original had it: 0 done, 1 missing or not passed, 2 unsafe settings or path,
3 unsafe flags; 4 when something failed. Each failure says its stable code.

`COUNTERSEAL_HOME` names the home that documents are made of, else it is the seeded one; `OUT`
names the folder that they are written to.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Refusal
from storage.seeded_home import seeded_settings
from storage.settings import Settings, load_settings
from ui.checklist import boundaries, demos, exports, paper, rehearsals
from ui.checklist.checked import Checked
from ui.cli.render import notice, table
from ui.cli.session import CLOCK

MISSING, UNSAFE, UNSAFE_FLAGS, FAILED = 1, 2, 3, 4
STATUS: Final = {
    "EVIDENCE_MISSING": MISSING,
    "DATABASE_MISSING": MISSING,
    "UNSAFE_SETTINGS": UNSAFE,
    "SETTING_INVALID": UNSAFE,
    "EVIDENCE_PATH_UNSAFE": UNSAFE,
    "EVIDENCE_FLAGS_UNSAFE": UNSAFE_FLAGS,
}
"""The original's exit statuses, by our stable codes."""
_WALKS: Final[dict[str, Callable[[Settings], list[Checked]]]] = {
    "seed-paper-execution-demo": exports.seeded,
    "paper-simulation-submit-check": paper.submitted,
    "paper-execution-workflow-check": paper.executed,
    "paper-execution-persistence-check": paper.persisted,
    "browser-only-mock-demo-check": lambda _: demos.browser_only(),
    "mock-backend-demo-check": lambda _: demos.mock_backend(),
    **{name: partial(rehearsals.rehearsed, name) for name in rehearsals.CHECKS},
}
_OF_THE_SEEDED_HOME: Final[dict[str, Callable[[Settings], list[Checked]]]] = {
    "paper-oms-productionization-blueprint-check": boundaries.plan,
    **{name: partial(boundaries.boundary, row) for name, row in boundaries.ROWS.items()},
}
NAMES: Final = tuple(sorted({*_WALKS, *_OF_THE_SEEDED_HOME, *exports.EXPORTS}))


def main(names: Sequence[str]) -> int:
    """Run each by its name; the first status that is not 0 ends it."""
    for name in names:
        status = _run(name)
        if status:
            return status
    return 0 if names else UNSAFE


def _run(name: str) -> int:
    if name not in NAMES:
        notice(f"no such check: {name}; there are {', '.join(NAMES)}")
        return UNSAFE
    try:
        told = _carried_out(name)
    except CountersealError as error:
        notice(f"{name}: {error}")
        return STATUS.get(error.code, FAILED)
    if isinstance(told, Refusal):
        facts = "; ".join(f"{detail.name} {detail.value}" for detail in told.details)
        notice(f"{name}: {told.code}: {told.message} ({facts})")
        return STATUS.get(told.code, MISSING)
    rows = [(one.what, "ok" if one.passed else "NO", one.told) for one in told]
    sys.stdout.writelines(f"{line}\n" for line in [name, *table(rows, "LOOKED AT", "", "FOUND")])
    return 0 if all(one.passed for one in told) else MISSING


def _carried_out(name: str) -> Refusal | list[Checked]:
    settings = load_settings()
    if name in _WALKS:
        return _WALKS[name](settings)
    own = "counterseal_home" in settings.model_fields_set and name in exports.EXPORTS
    if not own:
        exports.seeded(settings)
        settings = seeded_settings(settings, exports.SEEDED)
    if name in _OF_THE_SEEDED_HOME:
        return _OF_THE_SEEDED_HOME[name](settings)
    out = Path(os.environ.get("OUT") or exports.PLACE)
    told = exports.EXPORTS[name](exports.Place(settings, out, CLOCK.now()))
    if name != "paper-audit-integrity-check" or isinstance(told, Refusal):
        return told
    return [*told, *paper.verified(settings)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
