"""Controlled submit without a browser: what is sent, what it would meet, and what came of it."""

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.kernel.errors import AdapterError
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.policy.words import DecisionWord
from tests.ui.web.window import Window, at_page, labels, links, pressed, spoken, words
from ui.web import submitting
from ui.web.views import submit

pytestmark = pytest.mark.usefixtures("exchange")
SEND = "Submit the paper order"


def prepared(window: Window, quantity: int = 2, target: str = "0.10") -> AppTest:
    request_id = window.house.approved(quantity=quantity, target=target)
    return at_page(window.entered("operator"), "submit", request=request_id)


def orders(window: Window) -> tuple[Order, ...]:
    with window.house.store.reader() as reader:
        return reader.find(Order)


def typed(at: AppTest, label: str, value: int) -> AppTest:
    [field] = [one for one in at.number_input if one.label == label]
    return field.set_value(value).run()


def confirmed(at: AppTest) -> AppTest:
    [sure] = at.checkbox
    return sure.check().run()


def test_without_an_approval_the_page_says_what_to_wait_for(window: Window) -> None:
    """TX-G10, UI-19: nothing can be sent until a request is approved; the page says why."""
    at = at_page(window.entered("operator"), "submit")
    assert "No approval waits for your submit." in words(at)
    assert SEND not in labels(at)
    assert not at.exception


def test_an_operator_picks_the_approval_and_comes_to_its_order(window: Window) -> None:
    """TX-G10: pick the approval; the choice stands in the address."""
    request_id = window.house.approved(quantity=2, target="0.10")
    at = at_page(window.entered("operator"), "submit")
    at = pressed(at, "Prepare")
    assert at.query_params["request"] in (request_id, [request_id])
    assert "Buy up to 2 TMF202601, market" in words(at)


def test_home_and_the_request_lead_an_operator_to_the_submit(window: Window) -> None:
    """UI-19: what is approved is one click from being prepared; nobody else is led there."""
    request_id = window.house.approved(quantity=2, target="0.10")
    assert "Prepare" in links(at_page(window.entered("operator"), "home"))
    told = at_page(window.entered("operator"), "request", id=request_id)
    assert "Prepare its submit" in links(told)
    other = at_page(window.entered("researcher"), "request", id=request_id)
    assert "Prepare its submit" not in links(other)


def test_what_is_sent_is_shown_with_every_rule_before_it_is_confirmed(window: Window) -> None:
    """TX-G10, TX-J10, UI-07: side and target read-only, quantity 1 to 5 and never above the
    approved maximum, outcome fill by default, each fill rule in order.
    """
    at = prepared(window)
    said = words(at)
    for expected in ("long, 0.10 TX-equivalent", "14 of 14 checks pass", "0.10 of 0.10 TX-eq"):
        assert expected in said, expected
    assert "Simulated fill: 2 at 20,000" in said
    assert said.index("The order is a paper order") < said.index("The spread is within")
    [quantity] = [one for one in at.number_input if one.label == "Lots, 1 to 2"]
    assert (quantity.value, quantity.min, quantity.max) == (2, 1, 2)
    assert at.selectbox[0].value == "fill"
    assert labels(at)[SEND] is False
    assert "Confirm what is sent first." in said
    assert "None" not in said
    assert orders(window) == ()
    assert not at.exception


def test_a_confirmed_order_is_sent_once_and_its_fill_is_told(window: Window) -> None:
    """TX-G1, TX-G8, TX-G10: recorded, filled, and a receipt with its proof."""
    at = confirmed(prepared(window))
    assert labels(at)[SEND] is True
    at = pressed(at, SEND)
    [order] = orders(window)
    assert order.state is OrderState.FILLED
    said = words(at)
    assert "counterseal audit prove --event" in said
    assert "Simulated fill: 2 at 20,000" in said
    assert "Fees and tax" in said
    assert "None" not in said
    assert SEND not in labels(at)
    at = pressed(at, "Next approval")
    assert "No approval waits for your submit." in words(at)
    assert not at.exception


def test_another_quantity_takes_the_confirmation_back(window: Window) -> None:
    """W5: what was confirmed is what is sent."""
    at = confirmed(prepared(window))
    at = typed(at, "Lots, 1 to 2", 1)
    assert labels(at)[SEND] is False
    assert "Buy 1 TMF202601" in at.checkbox[0].label


def test_a_quote_that_is_too_old_is_barred_by_name_before_the_approval_is_spent(
    window: Window,
) -> None:
    """TX-G5, TX-H6, UI-08: the button says which check refuses; nothing is sent."""
    at = prepared(window)
    at = typed(at, "Age (s)", 4)
    said = words(at)
    assert "Risk would reject this and the approval would be used up: Age of the quote" in said
    assert "4 of 3 s" in said
    assert "Not asked: risk would reject the order before." in said
    assert labels(at)[SEND] is False
    assert not at.checkbox
    assert orders(window) == ()


def test_what_risk_rejects_after_all_is_told_as_rejected(window: Window) -> None:
    """TX-G5: the order is made and stays rejected; the page never shows it as a success."""
    at = confirmed(prepared(window))
    window.house.done(
        window.house.desk.setup.switch(
            "acct-paper-1",
            window.house.actor("operator"),
            active=True,
            reason="stop at once",
            key=window.house.key(),
        )
    )
    at = pressed(at, SEND)
    [order] = orders(window)
    assert order.state is OrderState.REJECTED
    said = words(at)
    assert "KILL_SWITCH" in said
    assert "this use of the approval is gone" in said
    assert not at.exception


def test_the_model_answers_by_the_quote_when_it_is_asked(window: Window) -> None:
    """TX-J4, TX-J8: a wide spread only acknowledges; a thin size fills in part."""
    at = prepared(window)
    at = at.selectbox[0].set_value("model").run()
    at = typed(at, "Ask (points)", 20_010)
    assert "Acknowledged: nothing fills now" in words(at)
    at = typed(typed(at, "Ask (points)", 20_000), "Ask size", 1)
    assert "Simulated partial fill: 1 at 20,000, 1 left" in words(at)


def test_an_approval_that_is_used_up_says_so(window: Window) -> None:
    """TX-G4: no form is offered for what cannot be sent."""
    house = window.house
    request_id = house.approved(quantity=1, target="0.05")
    house.quote()
    house.done(house.submitted(request_id, quantity=1))
    at = at_page(window.entered("operator"), "submit", request=request_id)
    assert "This cannot be submitted" in words(at)
    assert SEND not in labels(at)
    assert not at.exception


def test_a_request_that_is_not_approved_has_no_form(window: Window) -> None:
    """TX-G10: disabled until a request is approved."""
    house = window.house
    house.quote()
    request_id = house.requested(quantity=1, target="0.05")
    house.done(house.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    at = at_page(window.entered("operator"), "submit", request=request_id)
    assert "This cannot be submitted" in words(at)
    assert SEND not in labels(at)


def test_an_unknown_approval_is_not_found_and_its_name_stays_text(window: Window) -> None:
    """UI-01."""
    at = at_page(window.entered("operator"), "submit", request="<img onerror=x>")
    assert "Approval not found" in words(at)
    assert not at.exception


def test_others_are_told_who_can_submit(window: Window) -> None:
    """UI states, not permitted: the page names the role and who holds it."""
    at = at_page(window.entered("researcher"), "submit")
    assert "Not for your role" in words(at)
    assert "operator" in words(at)


def test_an_unsafe_flag_bars_the_button(monkeypatch: pytest.MonkeyPatch, window: Window) -> None:
    """TX-G10: shows no success unless every safety flag in the answer is safe."""
    monkeypatch.setattr(submit, "unsafe_flags", lambda _: ("intent.paper_only",))
    at = prepared(window)
    assert "these flags do not say paper: intent.paper_only" in words(at)
    assert labels(at)[SEND] is False


def test_an_error_of_the_desk_while_sending_is_a_refusal_and_nothing_is_lost(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI states, refused: the reason stands beside the button, and the form stays filled in."""
    at = confirmed(prepared(window))
    monkeypatch.setattr(submitting, "supposing", _failing)
    at = pressed(at, SEND)
    assert "STORE_BUSY" in words(at)
    assert SEND in labels(at)
    assert orders(window) == ()


def _failing(*_: object) -> None:
    raise AdapterError("STORE_BUSY", "the store is busy")


def test_the_page_speaks_chinese(window: Window) -> None:
    """TX-B7: rules, checks and the form in Traditional Chinese."""
    at = spoken(prepared(window))
    said = words(at)
    for expected in ("買進 TMF202601 至多 2 口", "14 項檢查中通過 14 項", "模擬成交"):
        assert expected in said, expected
    assert "送出模擬委託單" in labels(at)
    assert not at.exception
