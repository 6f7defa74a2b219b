"""The steps of an order as bars over the time since its intent."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import altair as alt

from counterseal.desk.views.lifecycle import StepOwner, StepSpan
from ui.web.parts.words import number, span
from ui.web.wording import say, term

ROW_HEIGHT: Final = 26
AROUND: Final = 122
"""Pixels of the axis, its title and the legend."""
ROOM: Final = 1.2
"""How far the axis reaches beyond the last bar, for the words beside it."""
LABEL_WIDTH: Final = 170
_HUES: Final = {
    StepOwner.DESK: "#8A93A6",
    StepOwner.RISK: "#8B6FD0",
    StepOwner.OMS: "#5B6FD8",
    StepOwner.BROKER: "#2A93B8",
}
"""None is red or green: a colour says whose step it is, never how it went."""
_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE


class Unit(NamedTuple):
    """What the axis counts in: its title and its milliseconds."""

    title: str
    milliseconds: int


def unit_of(total_ms: int) -> Unit:
    """The unit in which a whole order reads well."""
    if total_ms < 20 * _SECOND:
        return Unit(say("order.axis_ms"), 1)
    if total_ms < 20 * _MINUTE:
        return Unit(say("order.axis_s"), _SECOND)
    if total_ms < 20 * _HOUR:
        return Unit(say("order.axis_min"), _MINUTE)
    return Unit(say("order.axis_h"), _HOUR)


def took(milliseconds: int) -> str:
    """A duration with its unit."""
    if milliseconds < _SECOND:
        return say("order.took_ms", count=number(milliseconds))
    if milliseconds < 10 * _MINUTE:
        whole, rest = divmod(milliseconds // 100, 10)
        return say("order.took_s", count=f"{number(whole)}.{rest}")
    return span(milliseconds // _SECOND)


def lifecycle_chart(spans: Sequence[StepSpan]) -> alt.LayerChart:
    """One bar for each step, with how long it took beside it; there is at least one step."""
    unit = unit_of(spans[-1].to_ms)
    rows = [
        {
            "step": f"{one.sequence}  {term(one.event)}",
            "from": one.from_ms / unit.milliseconds,
            "to": one.to_ms / unit.milliseconds,
            "owner": term(one.owner),
            "took": took(one.took_ms),
        }
        for one in spans
    ]
    y = alt.Y(
        "step:N",
        title=None,
        sort=None,
        axis=alt.Axis(labelLimit=LABEL_WIDTH, ticks=False, domain=False, labelPadding=8),
    )
    most = spans[-1].to_ms / unit.milliseconds
    scale = alt.Scale(domain=[0, most * ROOM], nice=False)
    axis = alt.Axis(format=",.0f", tickCount=6)
    owners = [term(one) for one in _HUES if one in {span.owner for span in spans}]
    hues = [hue for one, hue in _HUES.items() if term(one) in owners]
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    bars = base.mark_bar(height=12, cornerRadius=2, strokeWidth=2).encode(
        x=alt.X("from:Q", title=unit.title, scale=scale, axis=axis),
        x2="to:Q",
        color=_hue("color", owners, hues),
        stroke=_hue("stroke", owners, hues),
    )
    told = base.mark_text(align="left", dx=8, color="#8A93A6").encode(
        x=alt.X("to:Q", scale=scale), text="took:N"
    )
    return alt.LayerChart(layer=[bars, told], height=AROUND + ROW_HEIGHT * len(spans))


def _hue(channel: str, owners: list[str], hues: list[str]) -> alt.Color | alt.Stroke:
    scale = alt.Scale(domain=owners, range=hues)
    if channel == "stroke":
        return alt.Stroke("owner:N", scale=scale, legend=None)
    legend = alt.Legend(orient="bottom", title=None, symbolType="square", columns=2)
    return alt.Color("owner:N", scale=scale, legend=legend)
