"""Curves as drawings that stand in a page: SVG without script, legible on paper and on a phone.

Job: place points in a box of `WIDTH` by `HEIGHT` and say in words what is drawn.

Invariants
  I1  A drawing has a title and a description, and its numbers stand beside it as text: the box
      may be stretched without stretching a letter.
  I2  A value holds until the next booking: lines are steps, nothing is smoothed.

Not here: which values (evidence.report_curves), the page around them (evidence/templates).
Source: WAI guidance on SVG in pages (role, title, desc).
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from counterseal.kernel.clock import seconds_between
from counterseal.kernel.money import normal_text, quantized
from evidence.report_curves import Curve, Point
from evidence.report_words import number

WIDTH: Final = 1000
HEIGHT: Final = 240
POINTS_NEEDED: Final = 2
"""A single booking is no curve."""
_TICKS: Final = 4
_STEPS: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_PLACES: Final = 1


class Tick(NamedTuple):
    """A number beside the drawing.

    Attributes:
        from_top: Percent of the height, and y: the same in the box.
    """

    label: str
    from_top: str
    y: str
    zero: bool


class Chart(NamedTuple):
    """A drawing in parts; the page writes them out.

    Attributes:
        line, area: SVG path data in the box; no area where zero is not in the box.
        starts, ends: UTC text of the first and last point.
    """

    title: str
    description: str
    unit: str
    line: str
    area: str
    ticks: tuple[Tick, ...]
    starts: str
    ends: str
    last: str


def charts_of(curves: Sequence[Curve]) -> tuple[Chart, ...]:
    """Equity of each account, and what it held of each symbol; single bookings are left out."""
    found: list[Chart] = []
    for curve in curves:
        name = f"Equity of {curve.account_id}, simulated"
        found += _chart(name, curve.currency, curve.equity, from_zero=False)
        for symbol, points in curve.positions:
            name = f"Position of {curve.account_id} in {symbol}, simulated"
            found += _chart(name, "contracts", points, from_zero=True)
    return tuple(found)


def _chart(title: str, unit: str, points: Sequence[Point], *, from_zero: bool) -> list[Chart]:
    if len(points) < POINTS_NEEDED:
        return []
    values = [point.value for point in points] + ([Decimal(0)] if from_zero else [])
    ticks = _levels(min(values), max(values), whole=from_zero)
    low, high = ticks[0], ticks[-1]
    line = _steps(points, low, high)
    floor = _y(min(max(Decimal(0), low), high), low, high)
    first, last = points[0], points[-1]
    told = [point.value for point in points]
    return [
        Chart(
            title=title,
            description=(
                f"{len(points)} points from {first.at:%Y-%m-%d %H:%M} to {last.at:%Y-%m-%d %H:%M} "
                f"UTC: first {number(first.value)}, lowest {number(min(told))}, highest "
                f"{number(max(told))}, last {number(last.value)} {unit}."
            ),
            unit=unit,
            line=line,
            area=f"{line} L{WIDTH} {floor} L0 {floor} Z" if from_zero else "",
            ticks=tuple(
                Tick(
                    label=number(level),
                    from_top=_short((high - level) * 100 / (high - low)),
                    y=_y(level, low, high),
                    zero=not level,
                )
                for level in ticks
            ),
            starts=f"{first.at:%Y-%m-%d %H:%M}",
            ends=f"{last.at:%Y-%m-%d %H:%M}",
            last=number(last.value),
        )
    ]


def _steps(points: Sequence[Point], low: Decimal, high: Decimal) -> str:
    """Path data: across at the old value, then up or down to the new one."""
    start, end = points[0].at, points[-1].at
    whole = seconds_between(start, end)
    parts = [f"M0 {_y(points[0].value, low, high)}"]
    for place, (_, point) in enumerate(pairwise(points), 1):
        across = seconds_between(start, point.at) / whole if whole else Decimal(place) / len(points)
        parts.append(f"H{_short(across * WIDTH)} V{_y(point.value, low, high)}")
    return " ".join([*parts, f"H{WIDTH}"])


def _levels(low: Decimal, high: Decimal, *, whole: bool) -> list[Decimal]:
    """Round numbers, lowest first, that hold everything from `low` to `high` between them.

    Args:
        low: Lowest value.
        high: Highest value.
        whole: Whether the steps are whole numbers, as contracts are.
    """
    span = high - low or max(abs(high), Decimal(1)) / 10
    power = Decimal(1).scaleb((span / _TICKS).adjusted())
    step = next(s * power for s in _STEPS if s * power * _TICKS >= span)
    step = max(step, Decimal(1)).to_integral_value(ROUND_CEILING) if whole else step
    first = (low / step).to_integral_value(ROUND_FLOOR) * step
    levels = [first]
    while levels[-1] < high or len(levels) < POINTS_NEEDED:
        levels.append(levels[-1] + step)
    return levels


def _y(value: Decimal, low: Decimal, high: Decimal) -> str:
    return _short((high - value) * HEIGHT / (high - low))


def _short(value: Decimal) -> str:
    return normal_text(quantized(value, _PLACES))
