"""From an observation to flags and boundaries.

Job: evaluate every flag by its probe, and let states and lists follow. Pure.

Invariants
  I1  Each flag of each boundary is the outcome of its probe, with the evidence; none is a constant.
  I2  An entry stays until its flag is true; a flag that could not be checked keeps it.
  I3  A boundary with an unchecked flag is `could_not_check`; with a sign of live, `not_paper_only`.
  I4  Two boundaries that show one flag show one value.

Not here: the probes, the tables, gathering (storage.probes).
Source: TX-L8; TX-G13, TX-H17, TX-K6 for flags of panels.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from counterseal.readiness.boundaries import (
    APPROVAL,
    BROKER,
    ORDERS,
    RISK,
    STORAGE,
    AreaPlan,
    BoundaryPlan,
    Entry,
)
from counterseal.readiness.flags import CRITERION_FLAGS, NEVER, PROBE_OF, VIOLATIONS
from counterseal.readiness.hosted import HOSTED
from counterseal.readiness.model import Area, Boundary, Flag, Observation, SettingsSeen
from counterseal.readiness.trail import TRAIL

PLANS: Final = (APPROVAL, RISK, BROKER, ORDERS, STORAGE, TRAIL, *HOSTED)
"""Every boundary, in the order of the rows."""

COULD_NOT_CHECK: Final = "could_not_check"
NOT_PAPER_ONLY: Final = "not_paper_only"
_DOCS: Final = ("policies/reason-codes.md",)
_SIMULATED: Final = "simulated paper trading only; this tells what probes saw and certifies nothing"

ON_PANELS: Final[Mapping[str, str]] = {
    "local_only": "TX-G13",
    "kill_switch_active": "TX-H17",
    "broker_heartbeat_healthy": "TX-H17",
    "local_sqlite_only": "TX-K6",
    **dict.fromkeys(CRITERION_FLAGS, "TX-I11"),
}
"""Flags that panels show and no boundary does, with the row of the panel."""


def _waits_for(plan: BoundaryPlan) -> frozenset[str]:
    entries = {entry.flag for entry in (*plan.missing, *plan.required)}
    return frozenset(entries.union(*(area.flags for area in plan.areas)))


def _rows() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for plan in PLANS:
        for name in (*plan.flags, *plan.safety, *sorted(_waits_for(plan))):
            found.setdefault(name, plan.row)
    for name, row in ON_PANELS.items():
        found.setdefault(name, row)
    for name in sorted(NEVER):
        found.setdefault(name, "TX-L8")
    return found


ROW_OF: Final[Mapping[str, str]] = _rows()
"""Every flag, and the first row that shows it."""


def evaluate(seen: Observation) -> Mapping[str, Flag]:
    """Every flag by its name. `row` is the first row that shows it."""
    return {name: _flag(name, row, seen) for name, row in ROW_OF.items()}


def decide_boundaries(seen: Observation) -> tuple[Boundary, ...]:
    """Every boundary, in the order of `PLANS`."""
    flags = evaluate(seen)
    return tuple(_boundary(plan, flags, seen.settings) for plan in PLANS)


def unchecked(flags: Iterable[Flag]) -> tuple[str, ...]:
    """Names of the flags that could not be checked, in order."""
    return tuple(flag.name for flag in flags if flag.value is None)


def _flag(name: str, row: str, seen: Observation) -> Flag:
    probe = PROBE_OF[name]
    found = probe.look(seen)
    return Flag(
        name=name,
        row=row,
        value=found.value,
        probe=probe.name,
        looks_at=probe.looks_at,
        evidence=found.evidence,
        checked_at=seen.at,
        log_size=None if seen.home is None else seen.home.log.size,
    )


def _boundary(plan: BoundaryPlan, flags: Mapping[str, Flag], settings: SettingsSeen) -> Boundary:
    own = tuple(flags[name] for name in plan.flags)
    safety = tuple(flags[name] for name in plan.safety)
    areas = tuple(_area(area, flags) for area in plan.areas)
    missing = _waiting(plan.missing, flags)
    required = _waiting(plan.required, flags)
    blind = unchecked((*own, *safety))
    gaps = tuple(f"{a.title}: {a.gap}" for a in areas if a.gap)
    return Boundary(
        row=plan.row,
        service=plan.service,
        readiness_state=readiness_state(plan, flags),
        summary=plan.summary,
        flags=own,
        safety_defaults=settings,
        safety_flags=safety,
        current_scope=tuple(flag.name for flag in own if flag.value),
        missing=(*_told(missing), *gaps),
        required_before=_told(required),
        page_missing=(*_told(e for e in missing if e.on_page), *gaps),
        page_required=_told(e for e in required if e.on_page),
        areas=areas,
        supported=plan.supported,
        docs=_DOCS,
        warnings=(_SIMULATED, *(f"could not be checked: {name}" for name in blind)),
    )


def readiness_state(plan: BoundaryPlan, flags: Mapping[str, Flag]) -> str:
    """The name of what a boundary's flags come to; `flags` holds every flag by its name."""
    shown = [flags[name] for name in (*plan.flags, *plan.safety)]
    waiting = [flags[name] for name in sorted(_waits_for(plan))]
    if flags["paper_only"].value is False or any(f.value for f in shown if f.name in VIOLATIONS):
        return NOT_PAPER_ONLY
    if unchecked((*shown, *waiting)):
        return COULD_NOT_CHECK
    unmet = (flag.name for flag in waiting if not flag.value)
    return plan.unready if any(not _is_outside(name) for name in unmet) else plan.shown


def _is_outside(name: str) -> bool:
    return PROBE_OF[name].certification or name in VIOLATIONS


def _waiting(entries: Iterable[Entry], flags: Mapping[str, Flag]) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if flags[entry.flag].value is not True)


def _told(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(entry.words for entry in entries)


def _area(plan: AreaPlan, flags: Mapping[str, Flag]) -> Area:
    own = [flags[name] for name in plan.flags]
    shown = [flag.name for flag in own if flag.value]
    status = "enabled" if len(shown) == len(own) else "not_enabled"
    if unchecked(own):
        status = COULD_NOT_CHECK
    return Area(
        area_id=plan.area_id,
        title=plan.title,
        status=status,
        current_state=f"{len(shown)} of {len(own)} shown: {', '.join(shown) or 'none'}",
        gap="" if status == "enabled" else plan.gap,
        required_controls=plan.controls,
        acceptance_criteria=plan.acceptance,
    )
