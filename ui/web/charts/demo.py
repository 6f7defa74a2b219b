"""The price path of the demo, with its band and the state of the market at each tick."""

from collections.abc import Sequence
from typing import Final

import altair as alt

from counterseal.desk.demo.model import DemoQuote
from counterseal.market.regimes import Regime
from ui.web.wording import say, term

HEIGHT: Final = 240
_PLAIN: Final = alt.Config(view=alt.ViewConfig(strokeWidth=0))
_STRIP: Final = 0.12
_FINE: Final = 5.0
"""Points under which the axis needs decimals."""
_HUES: Final = ("#8A93A6", "#3F8CC9", "#B7791F", "#8B6FD0", "#C05C7E")
_LINE: Final = "#6478E6"


def price_path(quotes: Sequence[tuple[int, DemoQuote]]) -> alt.LayerChart:
    """Last, bid and ask over ticks, and below them the state of each tick."""
    lowest = float(min(quote.bid for _, quote in quotes))
    highest = float(max(quote.ask for _, quote in quotes))
    reach = max(highest - lowest, 1.0)
    floor = lowest - reach * 2 * _STRIP
    rows = [_row(tick, quote, floor, reach * _STRIP) for tick, quote in quotes]
    y = alt.Scale(domain=[floor - reach * 0.02, highest + reach * 0.1], nice=False, zero=False)
    ticks = [tick for tick, _ in quotes]
    x = alt.Scale(domain=[ticks[0] - 0.5, ticks[-1] + 0.5], nice=False)
    axis = alt.Axis(values=ticks, format="d", grid=False)
    base = alt.Chart(alt.InlineData(values=rows))
    at = alt.X("tick:Q", title=say("demo.tick"), scale=x, axis=axis)
    points = alt.Axis(format=",.2f" if reach < _FINE else ",.0f", tickCount=5)
    title = say("demo.points")
    band = base.mark_area(opacity=0.25, color=_LINE).encode(
        x=at, y=alt.Y("bid:Q", title=title, scale=y, axis=points), y2="ask:Q"
    )
    line = base.mark_line(color=_LINE, point={"filled": True, "size": 28, "color": _LINE}).encode(
        x=at,
        y=alt.Y("last:Q", title=title, scale=y, axis=points),
        tooltip=[
            alt.Tooltip("tick:Q", title=say("demo.tick")),
            alt.Tooltip("bid:Q", title=say("demo.bid"), format=",.2f"),
            alt.Tooltip("ask:Q", title=say("demo.ask"), format=",.2f"),
            alt.Tooltip("last:Q", title=say("demo.last"), format=",.2f"),
        ],
    )
    layers = [band, line]
    if quotes[0][1].regime is not None:
        layers.insert(0, _strip(base, rows, y))
    return alt.LayerChart(layer=layers, height=HEIGHT, config=_PLAIN)


def _row(tick: int, quote: DemoQuote, floor: float, height: float) -> dict[str, object]:
    return {
        "tick": tick,
        "from": tick - 0.5,
        "to": tick + 0.5,
        "bid": float(quote.bid),
        "ask": float(quote.ask),
        "last": float(quote.last),
        "state": "" if quote.regime is None else term(quote.regime),
        "low": floor,
        "high": floor + height,
    }


def _strip(base: alt.Chart, rows: Sequence[dict[str, object]], y: alt.Scale) -> alt.Chart:
    states = list(dict.fromkeys(str(row["state"]) for row in rows))
    hue = alt.Scale(domain=[term(one) for one in Regime], range=list(_HUES))
    legend = alt.Legend(orient="bottom", title=None, symbolType="square", values=states, columns=3)
    strip: alt.Chart = base.mark_rect().encode(
        x="from:Q",
        x2="to:Q",
        y=alt.Y("low:Q", scale=y),
        y2="high:Q",
        color=alt.Color("state:N", scale=hue, legend=legend),
    )
    return strip
