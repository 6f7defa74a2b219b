"""Everything that readiness says of one instant, in one value.

Job: put flags, boundaries and stored runs together, as a command prints and a page shows them.

Invariants
  I1  Every flag of a boundary is one of the flags, with the same value.

Not here: gathering (storage.probes), values (readiness.decide), areas of a page (readiness.areas).
Source: TX-L8, UI-25.
"""

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.readiness.decide import decide_boundaries, evaluate, unchecked
from counterseal.readiness.model import Boundary, Flag, Observation, RunSeen, SettingsSeen
from counterseal.readiness.running import Running


class Readiness(DomainModel):
    """What was found.

    Attributes:
        checked_at: When (UTC).
        home_problem: Code of the reason why no home was read; empty when one was.
        log_size: Records of the home's log then; None when no home was read.
        safety_defaults: The settings in force, as told.
        could_not_check: Names of the flags without a value.
        runs: The newest stored runs of the home: results of checks that the log holds.
        running: Whether the house is at work now; None when nobody looked.
    """

    checked_at: UtcDatetime
    home_problem: str
    log_size: int | None = Field(ge=0)
    safety_defaults: SettingsSeen
    boundaries: tuple[Boundary, ...]
    flags: tuple[Flag, ...]
    could_not_check: tuple[Name, ...]
    runs: tuple[RunSeen, ...] = ()
    running: Running | None = None

    def flag(self, name: str) -> Flag | None:
        """The flag of this name; None when there is none."""
        return next((flag for flag in self.flags if flag.name == name), None)


def readiness_of(seen: Observation, running: Running | None = None) -> Readiness:
    """What follows from an observation; `running` is handed on as it is."""
    flags = tuple(evaluate(seen).values())
    return Readiness(
        checked_at=seen.at,
        home_problem=seen.home_problem,
        log_size=None if seen.home is None else seen.home.log.size,
        safety_defaults=seen.settings,
        boundaries=decide_boundaries(seen),
        flags=flags,
        could_not_check=unchecked(flags),
        runs=() if seen.home is None else seen.home.runs,
        running=running,
    )
