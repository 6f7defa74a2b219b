"""Asking for approval without a browser: defaults, a new signal, a taken one, refusals, roles."""

from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.approvals.model import ApprovalRequest
from counterseal.signals.model import Direction, SignalRecord
from tests.ui.web.window import Window, at_page, labels, links, pressed, spoken, words

pytestmark = pytest.mark.usefixtures("exchange")
ASK = "Ask for approval"


def tab(window: Window, name: str = "quant", **params: str) -> AppTest:
    return at_page(window.entered(name), "propose", **params)


def filled_in(at: AppTest) -> AppTest:
    at.number_input(key="propose-price").set_value(20_000.0)
    at.text_area(key="propose-reason").set_value("momentum after the open")
    at.multiselect(key="propose-authors").set_value(["author"])
    return at.run()


def requests(window: Window) -> tuple[ApprovalRequest, ...]:
    with window.house.store.reader() as reader:
        return reader.find(ApprovalRequest)


def signals(window: Window) -> tuple[SignalRecord, ...]:
    with window.house.store.reader() as reader:
        return reader.find(SignalRecord)


def test_the_form_begins_with_its_defaults_and_says_what_is_missing(window: Window) -> None:
    """TX-F14, TX-F20, UI-08: defaults, four badges, four notes; no field for the requester."""
    at = tab(window)
    said = words(at)
    texts = {one.key: one.value for one in at.text_input}
    assert texts["propose-strategy"] == "customer-demo-strategy"
    assert texts["propose-version"] == "0.1.0"
    assert str(texts["propose-signal"]).startswith("ui-paper-signal-")
    assert at.selectbox(key="propose-direction").value is Direction.LONG
    assert at.selectbox(key="propose-target").options == [
        *("0.00", "0.05", "0.10", "0.15", "0.20", "0.25")
    ]
    assert at.selectbox(key="propose-target").value == Decimal("0.05")
    assert at.number_input(key="propose-confidence").value == 0.72
    assert at.number_input(key="propose-stop").value == 20
    assert "<dt>Requester</dt><dd>quant</dd>" in said
    for badge in ("PAPER_ONLY=true", "DUAL_REVIEW_REQUIRED=true", "APPROVAL_FOR_LIVE=false"):
        assert badge.replace("_", "\\_") in said
    assert said.count("\n- ") == 4
    assert not labels(at)[ASK]
    assert "State the price at which the notional is told." in said


def test_a_new_signal_is_taken_in_and_asked_for_once(window: Window) -> None:
    """TX-F14, TX-E1, TX-E5: one signal, one request of who is signed in, and its own page."""
    at = filled_in(tab(window))
    at = pressed(at, ASK)
    [request] = requests(window)
    bound = request.payload
    assert (request.requester_id, bound.strategy_id) == ("quant", "customer-demo-strategy")
    assert (bound.side.value, int(bound.max_quantity), int(bound.notional)) == ("BUY", 1, 200_000)
    assert bound.author_ids == ("author",)
    [signal] = signals(window)
    assert (signal.source, signal.stop_distance_points) == ("web-form", Decimal(20))
    assert f"Buy up to 1 {bound.symbol}" in words(at)


def test_a_taken_signal_is_asked_for_as_it_stays(window: Window) -> None:
    """TX-E5, TX-E7: the signal's facts are no fields; SHORT sells; FLAT asks for nothing."""
    short = window.house.signal(direction=Direction.SHORT, target="0.05").signal_id
    flat = window.house.signal(direction=Direction.FLAT).signal_id
    at = tab(window, signal=short)
    assert [one.key for one in at.text_input] == []
    assert "short 0.05 TX-eq" in words(at)
    at = pressed(filled_in(at), ASK)
    [request] = requests(window)
    assert (request.payload.signal_id, request.payload.side.value) == (short, "SELL")
    assert "Flat asks for nothing." in words(tab(window, signal=flat))
    assert "Signal not found" in words(tab(window, signal="none"))


def test_a_refusal_keeps_what_was_typed_and_the_next_try_is_another(window: Window) -> None:
    """TX-F3, UI-13: above the target and refused with its sentence; corrected, it goes through."""
    at = filled_in(tab(window))
    at = at.number_input(key="propose-quantity").set_value(9).run()
    at = pressed(at, ASK)
    assert "EXPOSURE_ABOVE_TARGET" in words(at)
    assert requests(window) == ()
    assert at.text_area(key="propose-reason").value == "momentum after the open"
    at = at.number_input(key="propose-quantity").set_value(1).run()
    pressed(at, ASK)
    assert len(requests(window)) == len(signals(window)) == 1


def test_a_field_that_does_not_hold_is_named(window: Window) -> None:
    """TX-E1: nothing is taken in."""
    at = filled_in(tab(window))
    at = pressed(at.text_input(key="propose-strategy").set_value("two words").run(), ASK)
    assert "FIELD_INVALID" in words(at)
    assert signals(window) == ()


def test_who_may_not_ask_is_told_who_can(window: Window) -> None:
    """UI part 1: not shown, and opened directly it names the role and the people."""
    at = tab(window, "researcher")
    assert "Not for your role" in words(at)
    assert "quant" in words(at)
    assert ASK not in links(at_page(at, "approvals"))
    assert ASK in links(at_page(window.entered("quant"), "approvals"))


def test_the_page_speaks_chinese(window: Window) -> None:
    """TX-B7."""
    said = words(spoken(tab(window)))
    for expected in ("提出申請", "您的申請", "請填寫計算金額的價格", "申請人"):
        assert expected in said, expected
