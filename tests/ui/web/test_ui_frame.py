"""The frame in a real browser: languages, sizes, times, hosts; a store or server that is gone.

Then an operator at the form of an order: what is confirmed is sent, and it is sent once.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Locator, Page, expect

from counterseal.oms.model import Order
from flows.engine import free_port
from tests.ui.web.axe import violations, wrong_colours
from tests.ui.web.forked import served
from tests.ui.web.seat import Looks, Seat, seated
from tests.ui.web.showroom import showroom
from tests.ui.web.web_room import (
    HERE,
    SETTLES_WITHIN_MS,
    opened,
    settled,
    watched,
)
from ui.web.exporting import log_text
from ui.web.pages import MAP

DETAILS = {
    "request": "?id={pending}",
    "order": "?id={filled_order}",
    "record": "?seq=30",
}
SEND = "Submit the paper order"


@pytest.fixture(scope="module")
def seat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seat | None]:
    if not HERE:
        yield None
        return
    with seated(showroom(tmp_path_factory.mktemp("frame")), "researcher", "operator") as told:
        yield told


def addresses(seat: Seat) -> list[str]:
    paths = ["/" if place is MAP[0] else f"/{place.name}" for place in MAP]
    told = [path + DETAILS.get(path[1:], "") for path in paths]
    return [seat.origin + path.format(**seat.room.ids) for path in told]


def test_ui_24_no_page_scrolls_sideways_asks_another_host_or_breaks_a_rule(
    seat: Seat | None,
) -> None:
    """UI-24: at 390 px, in Chinese; every request stays on this machine; axe finds nothing in the
    dark, nor after the system has changed to light under the open page.
    """
    if seat is None:
        return
    with seat.context(width=390, height=844, locale="zh-TW", scheme="dark") as context:
        foreign, page = watched(context), context.new_page()
        for address in addresses(seat):
            opened(page, address)
            main = page.get_by_test_id("stMain")
            wider = main.evaluate("(one) => one.scrollWidth - one.clientWidth")
            assert wider <= 0, address
            assert page.evaluate("document.documentElement.lang") == "zh-Hant"
            assert violations(page) == [], address
            page.emulate_media(color_scheme="light")
            expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "light")
            settled(page)
            assert wrong_colours(page) == [], address
            page.emulate_media(color_scheme="dark")
        assert foreign == []


def test_ui_02_a_decision_needs_no_scrolling(seat: Seat | None) -> None:
    """UI-02: at 1440x900 what is asked for, the verdicts and the button lie in the window."""
    if seat is None:
        return
    with seat.context() as context:
        page = context.new_page()
        opened(page, f"{seat.origin}/request?id={seat.room.ids['pending']}")
        for shown in (
            page.get_by_role("heading", name="Buy up to 4 TMF202601"),
            page.get_by_text("mean reversion after a sharp move"),
            page.get_by_role("radio", name="Approve"),
            page.get_by_role("button", name="Choose a verdict"),
        ):
            box = shown.bounding_box()
            assert box is not None
            assert 0 <= box["y"] <= box["y"] + box["height"] <= 900


def test_ui_11_who_waited_too_long_stands_first_and_says_so_in_words(seat: Seat | None) -> None:
    """UI-11: before requests that end sooner and are in time."""
    if seat is None:
        return
    with seat.context() as context:
        page = context.new_page()
        opened(page, f"{seat.origin}/approvals")
        rows = page.locator("[class*='st-key-row-']")
        assert rows.count() > 1
        expect(rows.first).to_have_class(re.compile(seat.room.ids["late"]))
        expect(rows.first).to_contain_text(re.compile(r"1 h \d+ min over the limit"))
        expect(rows.nth(1)).not_to_contain_text("over the limit")


def test_ui_17_an_instant_reads_the_same_in_every_zone(seat: Seat | None) -> None:
    """UI-17: Taipei first, then UTC, whatever the browser's own zone is."""
    if seat is None:
        return
    told = set()
    for looks in (Looks(), Looks(zone="America/New_York")):
        with seat.context(**looks) as context:
            page = context.new_page()
            opened(page, f"{seat.origin}/request?id={seat.room.ids['pending']}")
            until = page.get_by_text("Decide until").locator("xpath=following-sibling::dd[1]")
            told.add(until.inner_text())
    assert len(told) == 1
    assert " Taipei (" in told.pop()


def test_ui_22_a_filter_stands_in_the_address(seat: Seat | None) -> None:
    """UI-22, UI-01: a view and a search survive a reload and another tab."""
    if seat is None:
        return
    with seat.context() as context:
        page = context.new_page()
        opened(page, f"{seat.origin}/audit")
        page.get_by_label("Search").fill("researcher")
        page.keyboard.press("Enter")
        expect(page.get_by_text("records for researcher")).to_be_visible(timeout=SETTLES_WITHIN_MS)
        assert "q=researcher" in page.url
        opened(page, page.url)
        expect(page.get_by_text("records for researcher")).to_be_visible()
        page.get_by_text("Keys", exact=True).click()
        expect(page.get_by_text("Key of the log")).to_be_visible(timeout=SETTLES_WITHIN_MS)
        assert "view=keys" in page.url


def test_ui_25_the_badges_lead_to_flags_with_state_reason_and_evidence(seat: Seat | None) -> None:
    """UI-25, TX-A1: from any page; no cell is empty, and nothing is on that was not checked."""
    if seat is None:
        return
    with seat.context() as context:
        page = context.new_page()
        opened(page, f"{seat.origin}/approvals")
        page.get_by_role("link", name="Paper mode Live off Broker: paper").click()
        expect(page.get_by_text("Nothing was probed yet.")).to_be_visible(timeout=SETTLES_WITHIN_MS)
        settled(page)
        rows = page.get_by_role("region", name="Safety").get_by_role("row")
        cells: list[list[str]] = rows.evaluate_all(
            "rows => rows.slice(1).map(row => [...row.cells].map(cell => cell.innerText.trim()))"
        )
        assert cells
        assert all(len(row) == 5 and all(row) for row in cells)
        assert all(row[1] == "not checked" for row in cells if "not looked at" in row[3])


def test_ui_21_what_a_page_hands_out_is_what_its_command_writes(seat: Seat | None) -> None:
    """UI-21, TX-M4: made when it is asked for, and saved by the browser byte for byte."""
    if seat is None:
        return
    with seat.context() as context:
        page = context.new_page()
        opened(page, f"{seat.origin}/evidence")
        with page.expect_download() as coming:
            page.get_by_role("button", name="Download").first.click()
        got = coming.value
        assert got.suggested_filename == "audit-integrity.json"
        assert got.path().read_text() == log_text(seat.room.house.settings)


def test_ui_23_a_store_that_is_gone_shows_itself_and_comes_back(seat: Seat | None) -> None:
    """UI-23, TX-B8: within two refreshes nothing green is left, and what was not fetched is named;
    without a click the page is back.
    """
    if seat is None:
        return
    database = seat.room.house.settings.database_file
    with seat.context() as context:
        page = context.new_page()
        opened(page, seat.origin)
        expect(page.get_by_text("Verified")).to_be_visible()
        database.rename(database.with_suffix(".gone"))
        try:
            gone = page.get_by_role("heading", name="Can't reach the store")
            expect(gone).to_be_visible(timeout=20_000)
            expect(page.get_by_text("Verified")).to_have_count(0)
            expect(page.get_by_text(": not fetched")).to_have_count(4)
            expect(page.get_by_role("link", name="Guided demo")).to_have_attribute("href", "demo")
        finally:
            database.with_suffix(".gone").rename(database)
        expect(page.get_by_text("Verified")).to_be_visible(timeout=20_000)


def test_ui_23_a_server_that_is_gone_covers_what_it_had_shown(seat: Seat | None) -> None:
    """UI-23: a stale page is hidden under one sentence until its server answers again."""
    if seat is None:
        return
    port = free_port()
    with seat.context() as context, ExitStack() as server:
        origin = server.enter_context(served(seat.room.house, port=port))
        page: Page = context.new_page()
        opened(page, origin)
        server.close()
        expect(page.get_by_test_id("stMain")).to_be_hidden(timeout=20_000)
        with served(seat.room.house, port=port):
            expect(page.get_by_test_id("stMain")).to_be_visible(timeout=30_000)
            settled(page)


def at_form(page: Page, seat: Seat) -> Locator:
    """At the approved request; the button that sends."""
    opened(page, f"{seat.origin}/submit?request={seat.room.ids['approved']}")
    return page.get_by_role("button", name=SEND)


def test_ui_02_submit_needs_no_scrolling(seat: Seat | None) -> None:
    """UI-02, UI-24: at 1440x900 the form and its button are in view; nothing goes abroad."""
    if seat is None:
        return
    with seat.context("operator") as context:
        foreign = watched(context)
        button = at_form(context.new_page(), seat)
        expect(button).to_be_disabled()
        box = button.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900
        assert foreign == []


def test_ui_15_a_double_click_sends_one_order(seat: Seat | None) -> None:
    """UI-15, TX-G9: two clicks on the button are one order, and its fill is told."""
    if seat is None:
        return
    request_id = seat.room.ids["approved"]
    with seat.context("operator") as context:
        page = context.new_page()
        button = at_form(page, seat)
        page.get_by_text("Send exactly this to the paper broker").click()
        settled(page)
        expect(button).to_be_enabled()
        button.dblclick()
        done = page.get_by_role("button", name="Next approval")
        expect(done).to_be_visible(timeout=SETTLES_WITHIN_MS)
        settled(page)
        expect(page.get_by_text("Simulated fill: 2 at 20,000")).to_be_visible()
    with seat.room.house.store.reader() as reader:
        assert len(reader.find(Order, approval_request_id=request_id)) == 1


def test_tx_b12_what_is_copied_is_what_is_shown(seat: Seat | None) -> None:
    """TX-B12: run, order and approval of one order, each by its own button."""
    if seat is None:
        return
    order_id = seat.room.ids["cancelled_order"]
    with seat.context() as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=seat.origin)
        page = context.new_page()
        opened(page, f"{seat.origin}/order?id={order_id}")
        page.get_by_text("Ids to copy").click()
        order = seat.room.house.order(order_id)
        for told in (order.workflow_run_id, order_id, order.approval_request_id):
            block = page.get_by_test_id("stCode").filter(has_text=told)
            expect(block).to_be_visible()
            block.hover()
            block.get_by_role("button").click()
            assert page.evaluate("navigator.clipboard.readText()") == told
