"""Orders without a browser: the list, one order's story, and its cancel."""

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.broker.model import SimulationOutcome
from counterseal.oms.states import OrderState
from tests.ui.web.window import Window, at_page, labels, pressed, spoken, words

pytestmark = pytest.mark.usefixtures("exchange")
FILL, ACKNOWLEDGE = SimulationOutcome.FILL, SimulationOutcome.ACKNOWLEDGE


def order_of(window: Window, outcome: SimulationOutcome) -> str:
    house = window.house
    house.quote()
    request_id = house.approved(quantity=1, target="0.05")
    return house.done(house.submitted(request_id, quantity=1, selected=outcome))


def tab(window: Window, order_id: str, name: str = "operator") -> AppTest:
    return at_page(window.entered(name), "order", id=order_id)


def test_an_empty_list_says_where_orders_come_from(window: Window) -> None:
    """UI-19: why there is nothing, and the next act."""
    at = at_page(window.entered(), "orders")
    assert "There is no order yet." in words(at)
    assert "Simulated" in words(at)
    assert not at.exception


def test_orders_are_listed_in_words_by_where_they_stand(window: Window) -> None:
    """TX-I1, UI-18: what works and what ended, simulated in its title, quantities in words."""
    order_of(window, FILL)
    at = at_page(window.entered(), "orders")
    assert "No order works now." in words(at)
    at = at_page(at, "orders", view="done")
    assert "Buy 1 TMF202601, market" in words(at)
    assert "1 of 1 filled" in words(at)
    at = spoken(at_page(at, "orders", view="done"))
    assert "買進 1 口 TMF202601" in words(at)
    assert not at.exception


def test_an_order_tells_its_steps_its_reports_and_how_it_filled(window: Window) -> None:
    """TX-G10, TX-I9: each step with its time; filled, leaves and never add up in each report."""
    at = tab(window, order_of(window, FILL), "researcher")
    said = words(at)
    assert "sent to the paper broker" in said
    assert "Filled, leaves and never add up to the quantity in every report." in said
    assert "20,000" in said
    assert "None" not in said
    assert "This order has ended; there is nothing left to cancel." in said
    assert labels(at)["Cancel this order"] is False
    assert not at.exception


def test_run_order_and_approval_ids_are_there_to_copy(window: Window) -> None:
    """TX-B12: as they are on record, each with its own button."""
    order_id = order_of(window, FILL)
    order = window.house.order(order_id)
    shown = [one.value for one in tab(window, order_id, "researcher").code][-3:]
    assert shown == [order.workflow_run_id, order_id, order.approval_request_id]


def test_the_steps_of_an_order_stand_as_bars_over_the_time_since_its_intent(
    window: Window,
) -> None:
    """TX-I2, UI part 3: whose step and how long, in words; the table is one click away."""
    house, order_id = window.house, order_of(window, ACKNOWLEDGE)
    assert "All 4 steps fell within one millisecond." in words(tab(window, order_id))
    house.after(2.4)
    actor = house.actor("operator")
    house.done(house.desk.lifecycle.cancel(order_id, actor, reason="late", key=house.key()))
    at = tab(window, order_id)
    [chart] = at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart")
    drawn = str(chart.proto)
    for expected in ("cancel asked for", "62.4 s", "paper broker", "Seconds since the intent"):
        assert expected in drawn, expected
    assert "Show as table" in [one.label for one in at.expander]
    assert "顯示" in next(one.label for one in spoken(at).expander)
    assert not at.exception


def test_an_unknown_order_is_not_found(window: Window) -> None:
    """UI-01: what is asked for stays text."""
    assert "Order not found" in words(tab(window, "<img src=x onerror=alert(1)>"))


def test_who_is_no_operator_reads_whose_act_a_cancel_is(window: Window) -> None:
    """UI-08: one sentence for a button that cannot be used."""
    at = tab(window, order_of(window, ACKNOWLEDGE), "researcher")
    assert labels(at)["Cancel this order"] is False
    assert "Cancelling is for the role operator." in words(at)


def test_an_operator_cancels_once_and_a_second_tab_is_told(window: Window) -> None:
    """UI-15, TX-G9: two tabs that both show the button come to one cancel; the other is refused."""
    order_id = order_of(window, ACKNOWLEDGE)
    first, second = tab(window, order_id), tab(window, order_id)
    first.text_input(key="cancel-why").set_value("the market moved away")
    first = pressed(first, "Cancel this order")
    assert "The cancel is recorded." in words(first)
    assert window.house.order(order_id).state is OrderState.CANCELLED
    second.text_input(key="cancel-why").set_value("the market moved away")
    second = pressed(second, "Cancel this order")
    assert "Refused" in words(second)
    asked = "SELECT count(*) FROM order_events WHERE order_id = ? AND event = 'CANCEL_REQUEST'"
    assert window.house.rows(asked, order_id) == [(1,)]
    assert not second.exception
