"""Reliability without a browser: counters, time-outs previewed and then marked, the outbox."""

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.desk.views.reliability import outbox_rows
from counterseal.oms.model import ExecutionReport, Order, OutboxEntry
from counterseal.oms.states import OrderState
from tests.ui.web.test_order_pages import ACKNOWLEDGE, FILL, order_of
from tests.ui.web.window import Window, at_page, labels, links, pressed, spoken, words
from ui.web.own import OwnReader

pytestmark = pytest.mark.usefixtures("exchange")
LOOK, MARK = "Preview the mark", "Mark timed out"


def tab(window: Window, name: str = "operator") -> AppTest:
    return at_page(window.entered(name), "orders", view="reliability")


def clicked(at: AppTest, key: str) -> AppTest:
    [button] = [one for one in at.button if one.key == key]
    return button.click().run()


def card(at: AppTest, name: str) -> str:
    """The number of a card."""
    [html] = [one.proto.body for one in at.get("html") if 'class="cards"' in one.proto.body]
    return str(html.partition(f"<dt>{name}</dt><dd>")[2].partition("<")[0])


def test_a_home_without_orders_has_nothing_to_mark(window: Window) -> None:
    """TX-I10, UI-19: four counters at zero, why there is nothing, and the next act."""
    at = tab(window)
    said = words(at)
    names = ("Waited too long", "Outbox", "Idempotency keys", "Execution reports")
    assert [card(at, name) for name in names] == ["0"] * 4
    assert "No working order waited 30 s or longer." in said
    assert "No message stands here." in said
    assert MARK not in labels(at)
    assert not at.exception


def test_a_mark_is_for_the_candidate_that_was_previewed_and_a_second_is_told_who_was_first(
    window: Window,
) -> None:
    """TX-I8, TX-I9, UI-15: disabled until that very one was previewed; nothing typed is lost; the
    second mark is refused and names who did it, when and why.
    """
    other, order_id = order_of(window, ACKNOWLEDGE), order_of(window, ACKNOWLEDGE)
    window.house.after(30)
    first = tab(window)
    assert card(first, "Waited too long") == "2"
    before = len(window.house.log())
    first = clicked(first, f"look:{order_id}")
    assert len(window.house.log()) == before
    enabled = {one.key: not one.disabled for one in first.button}
    assert enabled[f"mark:{order_id}"]
    assert not enabled[f"mark:{other}"]
    assert "A mark would record" in words(first)
    second = clicked(tab(window), f"look:{order_id}")
    assert "REASON_TOO_SHORT" in words(clicked(first, f"mark:{order_id}"))
    for at in (first, second):
        at.text_input(key=f"timeout-why:{order_id}").set_value("no answer came")
    first = clicked(first, f"mark:{order_id}")
    assert window.house.order(order_id).state is OrderState.EXPIRED
    assert "Marked by operator at" in words(first)
    assert card(first, "Waited too long") == "1"
    second = clicked(second, f"mark:{order_id}")
    said = words(second)
    assert "ORDER_TERMINAL" in said
    assert "Marked by operator at" in said
    assert ": no answer came" in said
    assert "Open the order" in links(second)
    asked = "SELECT count(*) FROM order_events WHERE order_id = ? AND event = 'EXPIRE'"
    assert window.house.rows(asked, order_id) == [(1,)]
    assert not second.exception


def test_who_is_no_operator_sees_the_candidates_and_whose_act_a_mark_is(window: Window) -> None:
    """TX-I8, UI-08: what is younger than the asked age is no candidate."""
    order_id = order_of(window, ACKNOWLEDGE)
    at = tab(window, "researcher")
    at.number_input(key="timeout-after").set_value(3600)
    assert "No working order waited 3,600 s or longer." in words(at.run())
    at.number_input(key="timeout-after").set_value(1)
    at = clicked(at.run(), f"look:{order_id}")
    assert labels(at)[MARK] is False
    assert "Marking is for the role operator." in words(at)


def test_an_order_that_changed_since_its_preview_is_previewed_again(window: Window) -> None:
    """TX-I9: another age to count from is another candidate."""
    order_id = order_of(window, ACKNOWLEDGE)
    window.house.after(60)
    at = clicked(tab(window), f"look:{order_id}")
    assert labels(at)[MARK] is True
    at.number_input(key="timeout-after").set_value(45)
    at = at.run()
    assert labels(at)[MARK] is False
    assert "The order changed since the preview" in words(at)
    assert labels(pressed(at, LOOK))[MARK] is True


def test_the_outbox_is_read_by_status_and_in_chinese(window: Window) -> None:
    """TX-I6, TX-B7: a submit leaves one message, in its own tenant; the filter stands in the
    address.
    """
    order_id = order_of(window, FILL)
    with window.house.store.reader() as reader:
        own, foreign = OwnReader(reader, "tenant-1"), OwnReader(reader, "tenant-2")
        assert [one.order_id for one in outbox_rows(own, limit=1)] == [order_id]
        assert outbox_rows(foreign) == ()
        for kind in (OutboxEntry, ExecutionReport, Order):
            assert own.count(kind) == len(own.find(kind)) > 0
            assert foreign.count(kind) == len(foreign.find(kind)) == 0
    at = tab(window)
    assert order_id in words(at)
    assert "completed" in words(at)
    at = at_page(at, "orders", view="reliability", status="failed")
    assert order_id not in words(at)
    assert "No message stands here." in words(at)
    said = words(spoken(tab(window)))
    assert "等候過久的委託單" in said
    assert "已完成" in said
    assert "None" not in said
