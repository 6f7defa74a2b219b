"""A stranger at the demo in a real browser: no sign-in, no foreign host, nothing in the store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui.web.seat import Room, roomy
from tests.ui.web.web_room import HERE, WebHouse, opened, settled


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room | None]:
    if not HERE:
        yield None
        return
    folder: Path = tmp_path_factory.mktemp("demo")
    with roomy(WebHouse(folder / "home").furnished("researcher")) as told:
        yield told


def press(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()
    settled(page)


def wide(page: Page) -> int:
    inside = "document.querySelector('[data-testid=stMain]')"
    return int(page.evaluate(f"{inside}.scrollWidth - {inside}.clientWidth"))


def test_ui_24_a_stranger_walks_the_demo_and_nothing_is_stored_or_fetched(
    room: Room | None,
) -> None:
    """TX-C2, TX-C17, UI-24: from the way in to a fill, with no request to another host."""
    if room is None:
        return
    house, origin, browsers = room
    before = house.rows("SELECT count(*) FROM audit_records")
    with browsers.fresh() as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        opened(page, origin)
        page.get_by_role("link", name="Look at the demo without signing in").click()
        expect(page.get_by_text("Step 1/6")).to_be_visible()
        expect(page.get_by_role("button", name="Simulate order")).to_be_disabled()
        box = page.get_by_role("button", name="Next tick").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900
        for label in ("Next tick", "Run strategy", "Simulate order"):
            press(page, label)
        expect(page.get_by_text("20,002.82 points").first).to_be_visible()
        page.get_by_text("What this demo touched").click()
        expect(page.get_by_text("12 of 13 flags")).to_be_visible()
        with page.expect_download() as kept:
            page.get_by_text("Evidence and summary").click()
            page.get_by_role("button", name="Download evidence JSON").click()
        assert kept.value.suggested_filename == "browser-only-evidence-1.json"
        assert {url for url in asked if not url.startswith((origin, "data:", "blob:"))} == set()
    assert house.rows("SELECT count(*) FROM audit_records") == before


def test_ui_24_the_demo_does_not_scroll_sideways_on_a_telephone(room: Room | None) -> None:
    """UI-24: 390 px, every view."""
    if room is None:
        return
    _, origin, browsers = room
    with browsers.fresh() as context:
        page = context.new_page()
        page.set_viewport_size({"width": 390, "height": 844})
        for view in ("walk", "tour", "how"):
            opened(page, f"{origin}/demo?view={view}")
            assert wide(page) == 0, view


def test_ui_23_the_demo_works_while_the_store_does_not_answer(room: Room | None) -> None:
    """TX-B1, UI-23: it says that the store is away and needs it for nothing."""
    if room is None:
        return
    house, origin, browsers = room
    database = house.settings.database_file
    away = database.with_suffix(".gone")
    database.rename(away)
    try:
        with browsers.fresh() as context:
            page = context.new_page()
            opened(page, f"{origin}/demo")
            expect(page.get_by_text("The store does not answer at present.")).to_be_visible()
            press(page, "Next tick")
            expect(page.get_by_text("Step 2/6")).to_be_visible()
    finally:
        away.rename(database)
