"""The book of the paper gateway, message by message."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.broker.book import (
    Book,
    BookChange,
    WorkedOrder,
    cancel,
    expire,
    new_order,
    place,
    status,
)
from counterseal.broker.book import replace as replaced
from counterseal.kernel.model import refuse
from counterseal.oms.ingest import BrokerReport, CancelTerms, FixExecType, FixOrdStatus, OrderTerms
from counterseal.oms.model import ReplaceTerms
from counterseal.signals.intent import OrderType, Side, TimeInForce

AT = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
LATER = AT + timedelta(seconds=5)


def terms(quantity: int = 4) -> OrderTerms:
    return OrderTerms(
        order_id="o-1",
        cl_ord_id="o-1",
        workflow_run_id="paper-workflow-0123456789abcdef",
        account_id="a-1",
        symbol="TMF202601",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=Decimal(quantity),
        limit_price=Decimal(19_990),
    )


def working(filled: int = 0) -> WorkedOrder:
    return new_order(terms(), AT).amended(cum_quantity=Decimal(filled))


def asked(name: str, quantity: int, limit: int = 19_990) -> ReplaceTerms:
    return ReplaceTerms(
        order_id="o-1",
        cl_ord_id=name,
        orig_cl_ord_id="o-1",
        quantity=Decimal(quantity),
        limit_price=Decimal(limit),
        asked_at=LATER,
    )


def only(change: BookChange) -> BrokerReport:
    [report] = change.reports
    return report


def test_a_refused_market_turns_the_order_down_with_its_reason() -> None:
    """Trading reference 5.3: no quote, no fill; nothing works."""
    change = place(Book("paper"), terms(), AT, refuse("NO_QUOTE", "no quote"))
    told = only(change)

    assert (told.exec_type, told.text, told.sequence) == (FixExecType.REJECTED, "NO_QUOTE", 1)
    assert change.order is not None
    assert not change.order.leaves_quantity


def test_i1_an_answered_message_changes_nothing() -> None:
    """TX-I6: whatever kind it is, the first reports come again."""
    ended = cancel(Book("paper", 1, working()), CancelTerms(**IDS), LATER)
    book = Book("paper", 2, ended.order, ended.reports)
    again = (
        place(book, terms(), LATER, refuse("NO_QUOTE", "no quote")),
        cancel(book, CancelTerms(**IDS), LATER),
        replaced(book, asked("c-1", 9), LATER),
    )

    assert all(one.again and one.reports == ended.reports for one in again)
    assert all(one.order == ended.order for one in again)


IDS = {"order_id": "o-1", "cl_ord_id": "c-1", "orig_cl_ord_id": "o-1"}


def test_i4_only_a_smaller_quantity_keeps_the_place_in_the_queue() -> None:
    """Trading reference 1.5: larger, or another price, goes to the end."""
    places = []
    for quantity, limit in ((3, 19_990), (4, 19_990), (5, 19_990), (3, 19_991)):
        change = replaced(Book("paper", 1, working()), asked("r-1", quantity, limit), LATER)
        assert change.order is not None
        places.append(change.order.priority_at)

    assert places == [AT, AT, LATER, LATER]


def test_what_never_came_has_no_answer() -> None:
    """Trading reference 3.3 rule 9: not known is neither refused nor done."""
    nothing = Book("paper")

    assert cancel(nothing, CancelTerms(**IDS), AT).order is None
    assert replaced(nothing, asked("r-1", 2), AT).reports == ()
    assert status(nothing, AT) is None


def test_an_expiry_ends_what_works_and_nothing_else() -> None:
    """Trading reference 1.3: what is filled stays; a filled order does not expire."""
    over = expire(Book("paper", 1, working(3)), LATER, "SESSION_CLOSED")
    filled = expire(Book("paper", 1, working(4)), LATER, "SESSION_CLOSED")

    assert only(over).ord_status is FixOrdStatus.EXPIRED
    assert (only(over).cum_quantity, only(over).leaves_quantity) == (Decimal(3), Decimal(0))
    assert filled.reports == ()


MESSAGES = st.lists(st.one_of(st.just("cancel"), st.just("expire"), st.integers(1, 9)), max_size=8)


@settings(max_examples=150)
@given(messages=MESSAGES, filled=st.integers(0, 4))
def test_i2_i3_quantities_add_up_and_reports_are_numbered_on(
    messages: list[str | int], filled: int
) -> None:
    """Trading reference 3.3 rule 1: in whatever order messages come."""
    book = Book("paper", 1, working(filled))
    told: list[BrokerReport] = []
    for number, message in enumerate(messages):
        name = f"m-{number}"
        if message == "cancel":
            change = cancel(book, CancelTerms(**{**IDS, "cl_ord_id": name}), LATER)
        elif isinstance(message, int):
            change = replaced(book, asked(name, message), LATER)
        else:
            change = expire(book, LATER, "SESSION_CLOSED")
        told += change.reports
        assert change.order is not None
        book = Book("paper", change.book.sequence, change.order)
        whole = change.order.cum_quantity + change.order.leaves_quantity
        assert change.order.cum_quantity == filled
        assert whole in (change.order.quantity, filled)

    assert [report.sequence for report in told] == list(range(2, len(told) + 2))
    assert len({report.exec_id for report in told}) == len(told)
