"""A price path: last price, the band from bid to ask, and the state of the market below."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import altair as alt

from ui.web.wording import say

HEIGHT: Final = 270
_PLAIN: Final = alt.Config(view=alt.ViewConfig(strokeWidth=0))
_STRIP: Final = 0.12
_FINE: Final = 5.0
"""Points under which the axis needs decimals."""
_HUES: Final = ("#8A93A6", "#3F8CC9", "#B7791F", "#8B6FD0", "#C05C7E")
_LINE: Final = "#6478E6"


class PathPoint(NamedTuple):
    """One quote of a path, in points; `place` counts along it.

    Attributes:
        last: None where no price was dealt at.
        state: What the strip says of it; empty for a path without one.
    """

    place: int
    bid: Decimal
    ask: Decimal
    last: Decimal | None
    state: str = ""


def price_path(
    points: Sequence[PathPoint], *, places: str, states: Sequence[str]
) -> alt.LayerChart:
    """Last, bid and ask over their places, and below them the state of each.

    Args:
        points: At least one, in order.
        places: What a place is called.
        states: Every state that there is, so that each keeps its hue from path to path.
    """
    lowest = float(min(min(one.bid, one.ask) for one in points))
    highest = float(max(max(one.bid, one.ask) for one in points))
    reach, middle = max(highest - lowest, 1.0), (lowest + highest) / 2
    lowest, highest = middle - reach / 2, middle + reach / 2
    floor = lowest - reach * 2 * _STRIP
    rows = [_row(one, floor, reach * _STRIP) for one in points]
    y = alt.Scale(domain=[floor - reach * 0.02, highest + reach * 0.1], nice=False, zero=False)
    ticks = [one.place for one in points]
    x = alt.Scale(domain=[ticks[0] - 0.5, ticks[-1] + 0.5], nice=False)
    axis = alt.Axis(values=ticks, format="d", grid=False)
    base = alt.Chart(alt.InlineData(values=rows))
    at = alt.X("place:Q", title=places, scale=x, axis=axis)
    digits = alt.Axis(format=",.2f" if reach < _FINE else ",.0f", tickCount=5)
    title = say("demo.points")
    band = base.mark_area(opacity=0.25, color=_LINE).encode(
        x=at, y=alt.Y("bid:Q", title=title, scale=y, axis=digits), y2="ask:Q"
    )
    line = base.mark_line(color=_LINE, point={"filled": True, "size": 28, "color": _LINE}).encode(
        x=at,
        y=alt.Y("last:Q", title=title, scale=y, axis=digits),
        tooltip=[
            alt.Tooltip("place:Q", title=places),
            alt.Tooltip("bid:Q", title=say("demo.bid"), format=",.2f"),
            alt.Tooltip("ask:Q", title=say("demo.ask"), format=",.2f"),
            alt.Tooltip("last:Q", title=say("demo.last"), format=",.2f"),
        ],
    )
    layers = [band, line]
    if points[0].state:
        layers.insert(0, _strip(base, points, states, x, y))
    return alt.LayerChart(layer=layers, height=HEIGHT, config=_PLAIN)


def _row(one: PathPoint, floor: float, height: float) -> dict[str, object]:
    return {
        "place": one.place,
        "from": one.place - 0.5,
        "to": one.place + 0.5,
        "bid": float(one.bid),
        "ask": float(one.ask),
        "last": None if one.last is None else float(one.last),
        "state": one.state,
        "low": floor,
        "high": floor + height,
    }


def _strip(
    base: alt.Chart,
    points: Sequence[PathPoint],
    states: Sequence[str],
    x: alt.Scale,
    y: alt.Scale,
) -> alt.Chart:
    shown = list(dict.fromkeys(one.state for one in points))
    hue = alt.Scale(domain=list(states), range=list(_HUES))
    legend = alt.Legend(
        orient="bottom",
        title=None,
        symbolType="square",
        values=shown,
        columns=3,
        padding=0,
        offset=6,
    )
    strip: alt.Chart = base.mark_rect().encode(
        x=alt.X("from:Q", scale=x),
        x2="to:Q",
        y=alt.Y("low:Q", scale=y),
        y2="high:Q",
        color=alt.Color("state:N", scale=hue, legend=legend),
    )
    return strip
