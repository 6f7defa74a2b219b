"""Reports of a gateway, in whatever order they come."""

from decimal import Decimal
from itertools import permutations

import pytest

from counterseal.kernel.model import Refusal
from counterseal.oms.apply import apply_event
from counterseal.oms.ingest import Disposition, order_terms
from counterseal.oms.ingest import FixExecType as T
from counterseal.oms.ingest import FixOrdStatus as W
from counterseal.oms.model import OrderChange
from counterseal.oms.reports import reconcile, unsettled
from counterseal.oms.states import OrderEventType as E
from counterseal.oms.states import OrderState as S
from counterseal.signals.intent import Side
from tests.core.oms.exchange import Exchange, after, asked, cancelling, sent, take, told
from tests.core.oms.test_orders import NOW, ok, order, row


def test_i2_three_fills_in_every_order_give_one_sum() -> None:
    """TX-I5: the acknowledgement last or first; the average is the same."""
    exchange = Exchange()
    reports = (exchange.report(T.NEW), *(exchange.fill(n) for n in (1, 2, 3)))

    ends = {told(after(sent(), *way)) for way in permutations(reports)}

    assert len(ends) == 1
    assert ends.pop()[3:5] == (6, 4)


def test_i2_a_cancel_read_before_its_last_fill_ends_the_same() -> None:
    """Trading reference 3.3 rule 8: the fill is late, and counted."""
    exchange = Exchange()
    new, part = exchange.report(T.NEW), exchange.fill(4)
    pending = cancelling(after(sent(), new))
    gone = exchange.end(T.CANCELED, W.CANCELED, "c9")

    straight, crossed = after(pending, part, gone), after(pending, gone, part)

    assert told(straight) == told(crossed)
    assert straight.state is S.CANCELLED
    assert (straight.late_fill_count, crossed.late_fill_count) == (0, 1)


def test_i4_a_fill_under_the_new_id_proves_the_grant() -> None:
    """FIX D: the Replaced comes last; all sums are those of the other order."""
    exchange = Exchange()
    new = exchange.report(T.NEW)
    pending = asked(after(sent(), new), "c2", 12)
    first = exchange.fill(10)
    granted, second = exchange.replaced("c2", 12), exchange.fill(2)

    ends = {told(after(pending, *way)) for way in permutations((first, granted, second))}

    assert len(ends) == 1
    assert ends.pop()[:4] == (S.FILLED, "c2", 12, 12)


def test_i1_the_same_report_is_nothing_and_its_id_with_other_content_an_incident() -> None:
    """TX-I5: no overwrite."""
    exchange = Exchange()
    report = exchange.report(T.NEW)
    first = take(sent(), report)
    assert first.change is not None
    target = first.change.order

    again = take(target, report, first.kept)
    other = take(target, report.amended(text="other"), first.kept)

    assert (again.change, again.kept, again.refusal) == (OrderChange(order=target), None, None)
    assert other.refusal is not None
    assert other.refusal.code == "EXECUTION_ID_REUSED"
    assert (other.change, other.kept) == (OrderChange(order=target), None)


WRONG: dict[str, dict[str, object]] = {
    "a ClOrdID of no message": {"cl_ord_id": "c7"},
    "another instrument": {"symbol": "MTX"},
    "another side": {"side": Side.SELL},
    "more than was approved": {"leaves_quantity": Decimal(18)},
    "cum and leaves miss the order": {"leaves_quantity": Decimal(6)},
    "no last": {"last_quantity": None},
    "no price": {"last_price": None},
    "a last larger than the sum": {"last_quantity": Decimal(4)},
    "a status that denies a fill": {"ord_status": W.NEW},
    "an ended order with a fill": {"ord_status": W.CANCELED},
    "filled with a rest": {"ord_status": W.FILLED},
    "an acknowledgement with a last": {"exec_type": T.NEW},
    "cancelled by status only": {"exec_type": T.CANCELED, "last_quantity": None},
    "rejected with a fill": {"exec_type": T.REJECTED, "ord_status": W.REJECTED},
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_i3_a_contradiction_changes_no_quantity_and_makes_the_order_unknown(name: str) -> None:
    """Trading reference 3.3: recorded, never applied."""
    exchange = Exchange()
    target = after(sent(), exchange.report(T.NEW))
    right = exchange.fill(3)
    assert take(target, right).refusal is None

    done = take(target, right.amended(**WRONG[name]))

    assert done.disposition is Disposition.CONTRADICTION
    assert done.refusal is not None
    assert done.kept is not None
    assert done.kept.problem
    assert done.change is not None
    assert done.change.order.state is S.UNKNOWN_NEEDS_RECONCILIATION
    assert done.change.order.cum_quantity == 0


def test_i3_an_order_that_has_ended_stays_as_it_ended() -> None:
    """TX-Z13: the contradiction is kept, the state is not left."""
    exchange = Exchange()
    target = after(sent(), exchange.report(T.NEW), exchange.fill(10))
    done = take(target, exchange.report(T.REJECTED).amended(ord_status=W.REJECTED))

    assert done.refusal is not None
    assert done.change == OrderChange(order=target)
    assert take(None, exchange.report(T.NEW)).disposition is Disposition.UNKNOWN_ORDER


def test_a_report_of_an_order_that_was_never_sent_is_a_contradiction() -> None:
    """TX-G6: no broker can know it."""
    local = order(E.RISK_APPROVE, quantity=10)

    assert take(local, Exchange().report(T.NEW)).disposition is Disposition.CONTRADICTION


def test_a_late_acknowledgement_beneath_a_pending_cancel_is_what_a_refusal_returns_to() -> None:
    """FIX D: cancel of a new order, refused after the acknowledgement."""
    exchange = Exchange()
    new = exchange.report(T.NEW)
    no = exchange.report(T.CANCEL_REJECTED).amended(cl_ord_id="c9", orig_cl_ord_id="ord_1")
    pending = cancelling(sent())

    assert after(pending, new, no).state is S.ACCEPTED
    assert after(pending, no, new).state is S.ACCEPTED


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (W.NEW, S.ACCEPTED),
        (W.CANCELED, S.CANCELLED),
        (W.REJECTED, S.REJECTED),
        (W.EXPIRED, S.EXPIRED),
        (W.PENDING_NEW, None),
        (W.PENDING_CANCEL, None),
        (W.FILLED, None),
        (W.PARTIALLY_FILLED, None),
    ],
)
def test_only_a_clear_answer_ends_the_doubt(status: W, expected: S | None) -> None:
    """Trading reference 3.3 rule 9: reconcile by order id; a person takes the rest."""
    exchange = Exchange()
    lost = ok(apply_event(sent(), E.MARK_UNKNOWN, NOW))
    ended = status in (W.CANCELED, W.REJECTED, W.EXPIRED)
    answer = exchange.report(T.STATUS).amended(
        ord_status=status, leaves_quantity=Decimal(0 if ended else 10)
    )

    outcome = reconcile(lost, answer, NOW)

    if expected is None:
        assert isinstance(outcome, Refusal)
        assert outcome.code == "RECONCILIATION_AMBIGUOUS"
    else:
        assert ok(outcome).state is expected


def test_an_answer_with_fills_that_were_not_read_is_ambiguous() -> None:
    """Trading reference 3.3 rule 9: the missing fills first, then the state."""
    exchange = Exchange()
    lost = ok(apply_event(sent(), E.MARK_UNKNOWN, NOW))
    part = exchange.fill(4)
    answer = exchange.report(T.STATUS)

    early = reconcile(lost, answer, NOW)
    known = after(lost, part)

    assert isinstance(early, Refusal)
    assert isinstance(reconcile(lost, None, NOW), Refusal)
    assert ok(reconcile(known, answer, NOW)).state is S.PARTIALLY_FILLED
    assert unsettled(lost, [part]) != ""
    assert unsettled(known, [part]) == unsettled(known, []) == ""


def test_an_answer_under_the_new_id_grants_the_pending_replace_first() -> None:
    """Trading reference 3.3 rule 9: what is in force at the gateway is in force here."""
    exchange = Exchange()
    pending = asked(after(sent(), exchange.report(T.NEW)), "c2", 7)
    lost = ok(apply_event(pending, E.MARK_UNKNOWN, NOW))
    exchange.replaced("c2", 7)

    back = ok(reconcile(lost, exchange.report(T.STATUS), NOW))

    assert row(back.state, back.quantity, back.cl_ord_id) == (S.ACCEPTED, 7, "c2")


def test_order_terms_are_the_order_under_its_client_id() -> None:
    """TX-G6: what a gateway is told."""
    terms = order_terms(sent())

    assert row(terms.cl_ord_id, terms.quantity, terms.triggered) == ("ord_1", 10, False)
