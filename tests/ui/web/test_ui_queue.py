"""The queue, two at once, numbers, empty pages and the log's state, in a real browser.

The home begins empty: what a test shows beside that it makes itself.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ground import SECRET
from tests.ui.web.seat import Seat, seated
from tests.ui.web.showroom import Showroom
from tests.ui.web.test_ui_request import (
    PROOF_COUNTS_SECONDS,
    REASON,
    at,
    button,
    decision_on,
    passphrase,
    typed,
)
from tests.ui.web.web_room import HERE, SETTLES_WITHIN_MS, WebHouse, choose, opened, settled

SIGNED = "Signed: approve"
EMPTY = {
    "": ("Nothing waits for you.", "All requests are under Approvals."),
    "approvals": ("Nobody has asked for anything yet.", "as soon as a requester asks"),
    "approvals?show=open": ("Nobody has asked for anything yet.", "as soon as a requester asks"),
    "bulk": ("No request waits for you.", "The queue shows what others review."),
    "orders": ("There is no order yet.", "An approved request becomes an order"),
    "portfolio": ("This account holds nothing and never did.", "first simulated fill"),
    "research": ("No strategy has sent a signal yet.", "A strategy appears here with its first"),
    "evidence": ("No case is among the newest records.", "A request for approval begins one"),
    "risk?view=judged": ("No order was judged yet.", ""),
    "market": ("No simulated fill has met a quote yet.", "Price path shows a stated market"),
}
NUMBERS = """() => [...document.querySelectorAll('table.rows td.number')].map(
  cell => [cell.innerText, getComputedStyle(cell).textAlign,
           getComputedStyle(cell).fontVariantNumeric])"""


@pytest.fixture(scope="module")
def seat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seat | None]:
    if not HERE:
        yield None
        return
    house = WebHouse(tmp_path_factory.mktemp("queue") / "home", proof_counts=PROOF_COUNTS_SECONDS)
    people = ("researcher", "compliance")
    with seated(Showroom(house.furnished(*people), {}), *people) as told:
        yield told


def main(page: Page) -> Locator:
    return page.get_by_test_id("stMain")


def rows(page: Page) -> Locator:
    return page.locator("[class*='st-key-row-']")


def ready(page: Page, seat: Seat, request_id: str) -> Page:
    """Everything but the last click."""
    at(page, seat, request_id)
    choose(page, "Approve")
    typed(page, REASON)
    passphrase(page).fill(SECRET)
    passphrase(page).press("Enter")
    settled(page)
    return page


def one_decision(seat: Seat, request_id: str, *pages: Page) -> None:
    """Of all these pages one has signed, and each other says who did, and when."""
    for page in pages:
        said = re.compile(rf"{SIGNED}|Refused")
        expect(page.get_by_text(said).first).to_be_visible(timeout=SETTLES_WITHIN_MS)
    [made] = decision_on(seat, request_id)
    when = made.decided_at.strftime("%H:%M:%SZ")
    lost = [page for page in pages if page.get_by_text(SIGNED).count() == 0]
    assert len(lost) == len(pages) - 1
    for page in lost:
        told = page.locator("ol.steps li").first
        expect(told).to_contain_text(made.reviewer_id)
        expect(told).to_contain_text(when)


def test_ui_19_every_empty_page_says_why_and_what_to_do(seat: Seat | None) -> None:
    """UI-19: no list and no chart is just blank; nothing is called verified that has no case."""
    if seat is None:
        return
    with seat.context() as context:
        page = context.new_page()
        for path, (why, then) in EMPTY.items():
            opened(page, f"{seat.origin}/{path}")
            expect(main(page).get_by_text(why).first).to_be_visible()
            expect(main(page)).to_contain_text(then)


def test_ui_15_two_clicks_two_tabs_and_two_browsers_make_one_decision(seat: Seat | None) -> None:
    """UI-15: a double click; then two tabs of one person and another's browser, all at once."""
    if seat is None:
        return
    house = seat.room.house
    with seat.context() as mine, seat.context("compliance") as theirs:
        first, tab, other = mine.new_page(), mine.new_page(), theirs.new_page()
        request_id = house.asked()
        button(ready(first, seat, request_id), "Sign: approve").dblclick()
        one_decision(seat, request_id, first)
        expect(first.get_by_text("Refused")).to_have_count(0)
        request_id = house.asked()
        pages = [ready(page, seat, request_id) for page in (first, tab, other)]
        for page in pages:
            button(page, "Sign: approve").click(no_wait_after=True)
        one_decision(seat, request_id, *pages)


def test_ui_11_each_row_says_how_long_it_waits_and_may_wait(seat: Seat | None) -> None:
    """UI-11: in words, what ends first on top; who waited too long: test_approvals_page."""
    if seat is None:
        return
    house = seat.room.house
    house.tick()
    older = house.requested(quantity=3)
    house.after(1)
    newer = house.requested(quantity=2)
    with seat.context() as context:
        page = context.new_page()
        opened(page, f"{seat.origin}/approvals")
        names = rows(page).evaluate_all("rows => rows.map(row => row.className)")
        places = [next(n for n, name in enumerate(names) if one in name) for one in (older, newer)]
        assert places == sorted(places)
        for row in rows(page).all():
            expect(row).to_contain_text(re.compile(r"waited \d+ min of 1 h 0 min"))


def test_ui_12_home_the_queue_and_its_rows_count_the_same(seat: Seat | None) -> None:
    """UI-12."""
    if seat is None:
        return
    for _ in range(2):
        seat.room.house.asked()
    with seat.context() as context:
        page = context.new_page()
        opened(page, f"{seat.origin}/approvals")
        count = rows(page).count()
        assert count >= 2
        expect(page.get_by_text(f"Waiting for you: {count}", exact=True)).to_be_visible()
        opened(page, seat.origin)
        card = page.locator("dl.cards > div", has_text="Reviews waiting for you")
        expect(card.locator("dd").first).to_have_text(str(count))


def test_ui_18_numbers_stand_right_and_nothing_is_none(seat: Seat | None) -> None:
    """UI-18: right aligned with even digits, thousands separated, a true minus; absent is N/A."""
    if seat is None:
        return
    pending = seat.room.house.asked()
    with seat.context() as context:
        page = context.new_page()
        told: list[list[str]] = []
        for path in ("market?view=contracts", "risk?view=limits", f"request?id={pending}"):
            opened(page, f"{seat.origin}/{path}")
            told += page.evaluate(NUMBERS)
            assert not re.search(r"\b(None|nan|NaN|undefined)\b", main(page).inner_text()), path
        assert len(told) > 10
        for text, align, digits in told:
            assert (align, digits) == ("right", "tabular-nums"), text
            assert not re.search(r"\d{4}|-\d", text.split(".")[0]), text


def test_ui_20_one_flipped_byte_is_broken_at_its_record_and_mends_with_it(
    seat: Seat | None,
) -> None:
    """UI-20: verified, broken at #n with both hashes and a red link, could not check; each with
    the time and the scope of its check. (Nothing to verify: test_audit_page.)
    """
    if seat is None:
        return
    house = seat.room.house
    house.asked()
    bad = house.log()[-3]
    write = "UPDATE audit_records SET body = ? WHERE seq = ?"
    flipped = bytes([*bad.body[:-2], bad.body[-2] ^ 1, bad.body[-1]])
    with seat.context() as context:
        page = context.new_page()
        opened(page, f"{seat.origin}/audit")
        _state(page, "Verified")
        house.forge(write, flipped, bad.seq)
        _state(page, f"Broken at #{bad.seq}")
        for fact in ("Stored hash", "Recomputed hash"):
            expect(page.get_by_text(fact, exact=True)).to_be_visible()
        red = page.locator("ol.chain li.bad, ol.chain li.differs").first
        expect(red).to_contain_text(f"#{bad.seq}")
        expect(page.get_by_text("Verified")).to_have_count(0)
        house.forge(write, bad.body, bad.seq)
        away = house.state_path.with_suffix(".away")
        house.state_path.rename(away)
        _state(page, "Could not check")
        away.rename(house.state_path)
        _state(page, "Verified")


def _state(page: Page, told: str) -> None:
    button(page, "Verify now").click()
    banner = page.locator("div.banner")
    expect(banner).to_contain_text(told, timeout=SETTLES_WITHIN_MS)
    expect(banner.locator("small")).to_contain_text(re.compile(r"Checked 20\d\d-.* up to #"))
    settled(page)
