"""The queue without a browser: what stands first, how long it waits, and how many there are."""

from counterseal.signals.model import Direction
from tests.ui.web.window import Window, at_page, spoken, words


def test_what_waited_too_long_stands_first_and_says_so_in_words(window: Window) -> None:
    """UI-11: by the injected clock; before one that ends sooner but is in time."""
    window.house.asked_for_a_day()
    window.house.after(12 * 3600 - 100)
    at = at_page(window.entered(), "approvals")
    assert "waited 11 h 5" in words(at)
    assert "of 12 h 0 min" in words(at)
    assert "over the limit" not in words(at)
    window.house.after(1860)
    window.house.requested(direction=Direction.SHORT, quantity=2)
    said = words(at_page(window.entered(), "approvals"))
    assert said.index("Buy up to 4") < said.index("Sell up to 2")
    assert "orange-badge[30 min over the limit]" in said
    assert "waited 0 min of 1 h 0 min" in said
    said = words(at_page(window.entered(), "home"))
    assert said.index("Over the limit") < said.index("Sell up to 2")
    assert said.index("Buy up to 4") < said.index("Sell up to 2")


def test_every_count_of_what_waits_for_somebody_is_the_same(window: Window) -> None:
    """UI-12: on Home, above the rows and by the rows; others' open requests are told apart."""
    for _ in range(2):
        window.house.asked()
    window.house.approved(quantity=2, target="0.10")
    at = window.entered()
    assert "<dt>Reviews waiting for you</dt><dd>2</dd>" in words(at)
    at = at_page(at, "approvals")
    assert "Waiting for you: 2" in words(at)
    assert words(at).count("Your turn") == 2
    at = at_page(at, "approvals", show="all")
    assert "All requests: 3" in words(at)
    assert "approved for paper simulation" in words(at)
    assert "\u5168\u90e8\u7533\u8acb\uff1a3 \u4ef6" in words(spoken(at))
    at = at_page(window.entered("quant"), "approvals")
    assert "No request waits for you." in words(at)
    assert "Open: 2" in words(at_page(at, "approvals", show="open"))
