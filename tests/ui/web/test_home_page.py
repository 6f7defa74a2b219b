"""Home: what a newcomer is offered, the day as one line of counts, and whether the ground holds."""

from datetime import timedelta

import pytest

from counterseal.broker.model import SimulationOutcome
from counterseal.desk.views.path import path_since
from counterseal.kernel.errors import InputError
from storage.home_reader import read_home
from tests.ui.web.web_room import WebHouse
from tests.ui.web.window import Window, links, spoken, words
from ui.web.own import OwnReader
from ui.web.views import home


def counts(house: WebHouse, ago: timedelta, tenant: str | None = None) -> tuple[int, ...]:
    """Signals, requests, approvals, orders and filled orders of a tenant until now."""
    with read_home(house.settings) as reader:
        own = None if tenant is None else OwnReader(reader, tenant).owns
        told = path_since(reader, house.clock.now() - ago, own or (lambda _: True))
    return (told.signals, told.requests, told.approved, told.orders, told.filled)


def test_an_empty_home_leads_with_the_demo_and_the_badges_with_readiness(window: Window) -> None:
    """TX-B7, UI-19, TX-A1: before anything happened a stranger is shown the way in."""
    at = window.entered()
    assert "Nothing has happened here yet." in words(at)
    assert links(at).count("Open the demo") == 1
    [badges] = [label for label in links(at) if "Paper mode" in label]
    assert ("Live off" in badges, "Broker: paper" in badges) == (True, True)
    assert "**Today** signals 0 \u2192 requests 0" in words(at)
    assert not at.exception
    window.house.asked()
    at = at.run()
    assert "Nothing has happened here yet." not in words(at)
    assert links(at).count("Open the demo") == 1
    assert "signals 1 \u2192 requests 1 \u2192 approved 0" in words(at)


@pytest.mark.usefixtures("exchange")
def test_the_day_is_counted_from_signal_to_fill(window: Window) -> None:
    """UI page map, Home; TX-B1: own documents of the day in Taipei, marked as simulated."""
    house = window.house
    house.quote()
    request_id = house.approved(quantity=1, target="0.05")
    house.quote()
    house.done(house.submitted(request_id, quantity=1, selected=SimulationOutcome.FILL))
    house.after(60)
    house.requested()
    assert counts(house, timedelta(seconds=30)) == (1, 1, 0, 0, 0)
    assert counts(house, timedelta(days=1)) == (2, 2, 1, 1, 1)
    assert counts(house, timedelta(days=1), "elsewhere") == (2, 0, 0, 0, 0)
    at = window.entered()
    said = words(at)
    line = "signals 2 \u2192 requests 2 \u2192 approved 1 \u2192 orders 1 \u2192 filled 1"
    assert line in said
    assert ":violet-badge[Simulated]" in said
    assert "<dt>Exchange</dt><dd>Open</dd><dd class=note>day session, until 13:45:00" in said
    assert "核准 1" in words(spoken(at))
    house.after(86_400)
    assert counts(house, timedelta(hours=12)) == (0, 0, 0, 0, 0)


def test_a_calendar_that_does_not_reach_so_far_is_unknown_and_no_incident(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI W2: the exchange is never called closed because nobody could tell."""

    def beyond(*_: object) -> None:
        raise InputError("CALENDAR_RANGE", "no calendar for this day")

    monkeypatch.setattr(home, "entry_phase", beyond)
    said = words(window.entered())
    assert "<dt>Exchange</dt><dd>Unknown</dd><dd class=note>CALENDAR_RANGE</dd>" in said
    assert "Can't reach the store" not in said
