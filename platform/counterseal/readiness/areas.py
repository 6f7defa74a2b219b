"""The areas in which people look at flags, and what a flag's value means there.

Job: give each flag its areas and its state, and recompute a boundary's state from its flags.

Invariants
  I1  Every flag stands in at least one area, and never twice in one.
  I2  Only a value that speaks against paper trading is unsafe; what is absent is off.

Not here: values (readiness.decide), how they look (ui).
Source: ui page note on Readiness; TX-L1 to TX-L8, TX-B4, TX-G13, TX-H17, TX-I11, TX-K6.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from counterseal.readiness.decide import PLANS, readiness_state
from counterseal.readiness.flags import VIOLATIONS
from counterseal.readiness.model import Boundary, Flag
from counterseal.readiness.report import Readiness


class ReadinessArea(StrEnum):
    """What flags are looked at together."""

    SAFETY = "safety"
    APPROVALS = "approvals"
    RISK = "risk"
    BROKER = "broker"
    ORDERS = "orders"
    LOG = "log"
    HOSTING = "hosting"


class FlagState(StrEnum):
    """What a flag's value means to somebody who looks."""

    ON = "on"
    OFF = "off"
    UNSAFE = "unsafe"
    UNKNOWN = "not_checked"


NOT_DONE_HERE: Final = (
    "broker_api_called",
    "real_order_created",
    "credentials_collected",
    "investment_advice",
    "performance_claim",
    "production_trading_ready",
)
"""What this product does not do (TX-B4), each by the flag that would say otherwise."""

_AREA_OF: Final[Mapping[str, ReadinessArea]] = {
    "TX-L1": ReadinessArea.APPROVALS,
    "TX-L2": ReadinessArea.RISK,
    "TX-L3": ReadinessArea.BROKER,
    "TX-L4": ReadinessArea.ORDERS,
    "TX-L5": ReadinessArea.LOG,
    "TX-L6": ReadinessArea.LOG,
    "TX-L7": ReadinessArea.HOSTING,
    "TX-L8": ReadinessArea.SAFETY,
    "TX-G13": ReadinessArea.ORDERS,
    "TX-H17": ReadinessArea.RISK,
    "TX-I11": ReadinessArea.ORDERS,
    "TX-K6": ReadinessArea.LOG,
}
_PAPER: Final = frozenset({"paper_only", "paper_only_boundary_visible", "broker_provider"})
_PLAN_OF: Final = {plan.service: plan for plan in PLANS}


def state_of(flag: Flag) -> FlagState:
    """What the value of a flag means."""
    if flag.value is None:
        return FlagState.UNKNOWN
    if flag.name in (VIOLATIONS if flag.value else _PAPER):
        return FlagState.UNSAFE
    return FlagState.ON if flag.value else FlagState.OFF


def boundaries_of(area: ReadinessArea, told: Readiness) -> tuple[Boundary, ...]:
    """The boundaries of an area, in the order of their rows; safety has none of its own."""
    return tuple(one for one in told.boundaries if _AREA_OF[one.row] is area)


def flags_of(area: ReadinessArea, told: Readiness) -> tuple[Flag, ...]:
    """The flags of an area: those of its boundaries, then those that only panels show."""
    safety = {flag.name: flag for one in told.boundaries for flag in one.safety_flags}
    if area is ReadinessArea.SAFETY:
        found = dict(safety)
    else:
        found = {flag.name: flag for one in boundaries_of(area, told) for flag in one.flags}
    for flag in told.flags:
        if _AREA_OF[flag.row] is area and flag.name not in safety:
            found.setdefault(flag.name, flag)
    return tuple(found.values())


def unsafe(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """Those with an unsafe value."""
    return tuple(flag for flag in flags if state_of(flag) is FlagState.UNSAFE)


def follows(boundary: Boundary, told: Readiness) -> bool:
    """Whether a boundary's state is the one that follows from the flags that were told."""
    flags = {flag.name: flag for flag in told.flags}
    return boundary.readiness_state == readiness_state(_PLAN_OF[boundary.service], flags)
