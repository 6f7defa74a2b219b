"""Two small, stated strategies.

Job: turn closes that are already known into a direction, so that the governed path has something
to govern.

Invariants
  I1  Only what has closed is read: no look-ahead.
  I2  The same closes and the same rule give the same direction.

Not here: whether anybody should follow them; they carry no claim of performance.
Source: features TX-C8 (momentum); the reversion is a choice of this module.
"""

from collections.abc import Sequence
from decimal import Decimal

from pydantic import Field

from counterseal.kernel.model import DomainModel
from counterseal.kernel.money import EXACT, Exact, quantized
from counterseal.signals.model import Direction

PLACES = 4
"""Means are rounded half up to this many places of a point."""


class MomentumRule(DomainModel):
    """Follow a change: LONG above `threshold_points`, SHORT below its negative, else FLAT."""

    threshold_points: Exact = Field(default=Decimal(2), gt=0)


class ReversionRule(DomainModel):
    """Stand against a stretched close.

    Attributes:
        lookback: Closes, the newest included, whose mean the newest is compared with.
        stretch: How many mean absolute deviations the newest must lie away.
        distance_points_min: The least distance in points.
    """

    lookback: int = Field(default=12, ge=2, le=1000)
    stretch: Exact = Field(default=Decimal("1.5"), gt=0)
    distance_points_min: Exact = Field(default=Decimal(5), ge=0)


def momentum(change: Decimal, rule: MomentumRule) -> Direction:
    """Direction of the last change, in points."""
    if change > rule.threshold_points:
        return Direction.LONG
    return Direction.SHORT if change < -rule.threshold_points else Direction.FLAT


def reversion(closes: Sequence[Decimal], rule: ReversionRule) -> Direction:
    """Direction against the newest close, in points; FLAT before `lookback` closes are known."""
    if len(closes) < rule.lookback:
        return Direction.FLAT
    window = closes[-rule.lookback :]
    mean = _mean(window)
    distances = [abs(EXACT.subtract(close, mean)) for close in window]
    stretched = distances[-1] >= max(
        EXACT.multiply(rule.stretch, _mean(distances)), rule.distance_points_min
    )
    if not stretched:
        return Direction.FLAT
    return Direction.SHORT if window[-1] > mean else Direction.LONG


def _mean(values: Sequence[Decimal]) -> Decimal:
    return quantized(sum(values, Decimal(0)) / len(values), PLACES)
