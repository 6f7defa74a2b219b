"""The demo: a walk through the whole path on invented prices, a tour of the pages, how it works."""

import streamlit as st

from counterseal.desk.demo.model import DemoMarket
from ui.web import demo_state
from ui.web.parts import panels
from ui.web.parts.pieces import choice, simulated
from ui.web.views import demo_how, demo_tour, demo_walk
from ui.web.wording import say

WALK, TOUR, HOW = "walk", "tour", "how"


def show() -> None:
    """The page; nothing of it asks who looks, or reads the home."""
    panels.title(say("demo.title"), say("demo.scope"), simulated())
    named = {WALK: say("demo.walk"), TOUR: say("demo.tour"), HOW: say("demo.how")}
    markets = {"regimes": say("demo.regimes"), "waves": say("demo.waves")}
    with st.container(horizontal=True):
        view = choice("view", say("demo.view"), named)
        market = choice("market", say("demo.market"), markets) if view == WALK else ""
    refused = demo_state.refusal()
    if refused is not None:
        path = [one.value for one in refused.details if one.name == "path"]
        panels.refused(refused, say("demo.refused_at", path=path[0]) if path else None)
    match view:
        case "tour":
            demo_tour.show()
        case "how":
            demo_how.show()
        case _:
            demo_walk.show(DemoMarket[market.upper()])
