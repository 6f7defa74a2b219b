"""An operator at the real page: what is confirmed is sent, and it is sent once."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from counterseal.oms.model import Order
from tests.ui.web.showroom import Showroom, showroom
from tests.ui.web.web_room import (
    HERE,
    SETTLES_WITHIN_MS,
    chromium,
    opened,
    serving,
    settled,
    signed_in,
    watched,
)

SEND = "Submit the paper order"


class Room(NamedTuple):
    """A showroom whose pages are open."""

    shown: Showroom
    origin: str
    browser: Browser


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room | None]:
    if not HERE:
        yield None
        return
    shown = showroom(tmp_path_factory.mktemp("submit"))
    with serving(shown.house) as origin, chromium(HERE[0]) as browser:
        yield Room(shown, origin, browser)


def orders_of(shown: Showroom, request_id: str) -> int:
    with shown.house.store.reader() as reader:
        return len(reader.find(Order, approval_request_id=request_id))


def prepared(page: Page, room: Room) -> None:
    """Signed in, and at the approved request."""
    opened(page, room.origin)
    signed_in(page, room.shown.house, "operator")
    opened(page, f"{room.origin}/submit?request={room.shown.ids['approved']}")


def test_ui_02_submit_needs_no_scrolling(room: Room | None) -> None:
    """UI-02, UI-24: at 1440x900 the form and its button are in view; nothing goes abroad."""
    if room is None:
        return
    with room.browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        foreign = watched(context)
        page = context.new_page()
        prepared(page, room)
        button = page.get_by_role("button", name=SEND)
        expect(button).to_be_disabled()
        box = button.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900
        assert foreign == []


def test_ui_15_a_double_click_sends_one_order(room: Room | None) -> None:
    """UI-15, TX-G9: two clicks on the button are one order, and its fill is told."""
    if room is None:
        return
    request_id = room.shown.ids["approved"]
    with room.browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        opened(page, room.origin)
        signed_in(page, room.shown.house, "operator", 1)
        opened(page, f"{room.origin}/submit?request={request_id}")
        page.get_by_text("Send exactly this to the paper broker").click()
        settled(page)
        button = page.get_by_role("button", name=SEND)
        expect(button).to_be_enabled()
        button.dblclick()
        done = page.get_by_role("button", name="Next approval")
        expect(done).to_be_visible(timeout=SETTLES_WITHIN_MS)
        settled(page)
        expect(page.get_by_text("Simulated fill: 2 at 20,000")).to_be_visible()
    assert orders_of(room.shown, request_id) == 1


def test_tx_b12_what_is_copied_is_what_is_shown(room: Room | None) -> None:
    """TX-B12: run, order and approval of one order, each by its own button."""
    if room is None:
        return
    order_id = room.shown.ids["cancelled_order"]
    with room.browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=room.origin)
        page = context.new_page()
        opened(page, room.origin)
        signed_in(page, room.shown.house, "researcher")
        opened(page, f"{room.origin}/order?id={order_id}")
        page.get_by_text("Ids to copy").click()
        order = room.shown.house.order(order_id)
        for told in (order.workflow_run_id, order_id, order.approval_request_id):
            block = page.get_by_test_id("stCode").filter(has_text=told)
            expect(block).to_be_visible()
            block.hover()
            block.get_by_role("button").click()
            assert page.evaluate("navigator.clipboard.readText()") == told
