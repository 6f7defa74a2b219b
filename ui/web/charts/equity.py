"""An account's equity and its drawdown over one time axis, in Taipei's time."""

from collections.abc import Sequence
from typing import Final

import altair as alt

from counterseal.portfolio.curve import CurvePoint
from ui.web.parts.words import TAIPEI
from ui.web.wording import say

EQUITY_HEIGHT: Final = 240
DRAWDOWN_HEIGHT: Final = 200
AXIS_WIDTH: Final = 72
LINE: Final = "#5B6FD8"
FALL: Final = "#C2620C"


def equity_chart(points: Sequence[CurvePoint], currency: str) -> alt.LayerChart:
    """Equity as a step after each booking, with a mark at each of them."""
    base = _base(points).encode(
        y=alt.Y(
            "equity:Q",
            title=say("portfolio.axis_equity", currency=currency),
            scale=alt.Scale(zero=False, nice=True),
            axis=alt.Axis(format=",.0f", tickCount=5, minExtent=AXIS_WIDTH),
        )
    )
    line = base.mark_line(interpolate="step-after", color=LINE)
    marks = base.mark_point(color=LINE, filled=True, size=28)
    return alt.LayerChart(layer=[line, marks], height=EQUITY_HEIGHT)


def drawdown_chart(points: Sequence[CurvePoint], currency: str) -> alt.LayerChart:
    """How far equity stands below its highest so far, downwards from zero."""
    base = _base(points).encode(
        y=alt.Y(
            "below:Q",
            title=say("portfolio.axis_drawdown", currency=currency),
            axis=alt.Axis(format=",.0f", tickCount=4, minExtent=AXIS_WIDTH),
        )
    )
    area = base.mark_area(interpolate="step-after", color=FALL, opacity=0.28)
    line = base.mark_line(interpolate="step-after", color=FALL, strokeWidth=1.5)
    return alt.LayerChart(layer=[area, line], height=DRAWDOWN_HEIGHT)


def _base(points: Sequence[CurvePoint]) -> alt.Chart:
    """The points as rows; instants as Taipei's clock shows them, whatever the browser's zone."""
    rows = [
        {
            "at": f"{point.at.astimezone(TAIPEI):%Y-%m-%dT%H:%M:%S}Z",
            "equity": float(point.equity),
            "below": -float(point.drawdown),
        }
        for point in points
    ]
    first, last = (point.at.astimezone(TAIPEI).date() for point in (points[0], points[-1]))
    axis = alt.Axis(format="%H:%M" if first == last else "%m-%d %H:%M", tickCount=8)
    return alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("at:T", title=say("portfolio.axis_time"), scale=alt.Scale(type="utc"), axis=axis)
    )
