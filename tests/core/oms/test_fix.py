"""FIX words, the pending overlays and the oracles of appendix D."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise, permutations, product

import pytest

from counterseal.kernel.model import Refusal
from counterseal.oms.apply import apply_event, apply_fill
from counterseal.oms.family import family_state
from counterseal.oms.fix import FOLLOWS, PRECEDENCE, fix_status
from counterseal.oms.model import Order, OrderChange
from counterseal.oms.outside import apply_cancel_refused, apply_triggered
from counterseal.oms.replace import (
    apply_replace_refused,
    grant_replace,
    replaced_terms,
    request_replace,
)
from counterseal.oms.states import FIX_STATUS, OrderState
from counterseal.oms.states import OrderEventType as E
from counterseal.oms.states import OrderState as S
from counterseal.signals.intent import Leg, OrderType, Side, TimeInForce, missing_terms
from tests.core.oms.test_orders import NOW, TO_WORK, fill, ok, order, row

LATER = NOW + timedelta(seconds=5)


def asked(target: Order, quantity: int, cl_ord_id: str = "c2", price: int | None = None) -> Order:
    limit = None if price is None else Decimal(price)
    terms = replaced_terms(
        target, cl_ord_id=cl_ord_id, at=LATER, quantity=Decimal(quantity), limit_price=limit
    )
    return ok(request_replace(target, terms, LATER))


def code(outcome: OrderChange | Refusal) -> str:
    return outcome.code if isinstance(outcome, Refusal) else ""


def filled(target: Order, exec_id: str, quantity: int) -> Order:
    return ok(apply_fill(target, fill(exec_id, quantity), LATER))


def limited(quantity: int = 10) -> Order:
    made = order(*TO_WORK, quantity=quantity)
    return made.amended(order_type=OrderType.LIMIT, limit_price=Decimal(20_000))


WALKS = {
    S.NEW: order(),
    S.RISK_CHECKED: order(E.RISK_APPROVE),
    S.SUBMITTED: order(E.RISK_APPROVE, E.SUBMIT),
    S.ACCEPTED: order(*TO_WORK),
    S.PARTIALLY_FILLED: filled(order(*TO_WORK), "f1", 2),
    S.FILLED: filled(order(*TO_WORK), "f1", 5),
    S.CANCEL_REQUESTED: order(*TO_WORK, E.CANCEL_REQUEST),
    S.CANCELLED: order(*TO_WORK, E.CANCEL_REQUEST, E.CANCEL),
    S.REJECTED: order(*TO_WORK, E.REJECT),
    S.EXPIRED: order(*TO_WORK, E.EXPIRE),
    S.UNKNOWN_NEEDS_RECONCILIATION: order(*TO_WORK, E.MARK_UNKNOWN),
}
"""An order in each state that a recorded one may have."""


def sums(target: Order) -> tuple[object, ...]:
    return target.quantity, target.cum_quantity, target.leaves_quantity


def test_d8_a_filled_order_is_replaced_to_more_and_reopens() -> None:
    """FIX D8: the replace is pending over FILLED until it is granted."""
    done = filled(order(*TO_WORK, quantity=10_000), "f1", 10_000)
    pending = asked(done, 12_000)
    open_again = ok(grant_replace(pending, LATER))

    assert (pending.state, fix_status(pending)) == (S.FILLED, "PENDING_REPLACE")
    assert sums(open_again) == (12_000, 10_000, 2_000)
    assert fix_status(open_again) == "PARTIALLY_FILLED"
    assert fix_status(filled(open_again, "f2", 2_000)) == "FILLED"


def test_d11_a_replace_crosses_the_fill_of_its_quantity() -> None:
    """FIX D11: (10000, 0, 10000), (10000, 7000, 3000), then Replaced is Filled (7000, 7000, 0).

    The fill during the pending replace keeps the original ClOrdID, quantity and price.
    """
    working = order(*TO_WORK, quantity=10_000)
    pending = asked(working, 7_000)
    change = apply_fill(pending, fill("f1", 7_000), LATER)
    assert isinstance(change, OrderChange)
    report = change.reports[0]
    granted = grant_replace(change.order, LATER)
    assert isinstance(granted, OrderChange)

    assert sums(working) == (10_000, 0, 10_000)
    assert sums(change.order) == (10_000, 7_000, 3_000)
    assert row(report.cl_ord_id, report.order_quantity) == ("ord_1", 10_000)
    assert (report.exec_type, report.ord_status) == ("TRADE", "PENDING_REPLACE")
    last = granted.reports[0]
    assert sums(granted.order) == (7_000, 7_000, 0)
    assert (last.exec_type, last.ord_status) == ("REPLACED", "FILLED")
    assert (last.cl_ord_id, last.orig_cl_ord_id) == ("c2", "ord_1")


def test_d12_a_replace_below_the_filled_quantity_is_granted_as_the_filled() -> None:
    """FIX D12: amended to cum."""
    partly = filled(order(*TO_WORK, quantity=10_000), "f1", 1_000)
    pending = asked(partly, 500)
    crossed = filled(pending, "f2", 2_000)

    assert sums(ok(grant_replace(crossed, LATER))) == (3_000, 3_000, 0)


def test_i5_a_refused_replace_returns_to_what_was_beneath() -> None:
    """FIX: a fill meanwhile is kept, the terms are the order's own; the next one may be asked."""
    pending = asked(order(*TO_WORK, quantity=10), 8)
    crossed = filled(pending, "f1", 4)
    back = ok(apply_replace_refused(crossed, LATER, "too late"))

    assert sums(back) == (10, 4, 6)
    assert (back.state, back.pending_replace) == (S.PARTIALLY_FILLED, None)
    assert asked(back, 8, "c3").pending_replace is not None


def test_i1_a_pending_cancel_hides_a_pending_replace() -> None:
    """FIX precedence: PendingCancel, PendingReplace, the state; each is taken off by its answer."""
    pending = asked(order(*TO_WORK, quantity=10), 8)
    both = ok(apply_event(pending, E.CANCEL_REQUEST, LATER, cl_ord_id="c3"))
    crossed = filled(both, "f1", 4)
    granted = ok(grant_replace(crossed, LATER))
    uncancelled = ok(apply_cancel_refused(crossed, LATER, "too late"))
    gone = ok(apply_event(crossed, E.CANCEL, LATER))

    words = [fix_status(o) for o in (pending, both, crossed, granted, uncancelled, gone)]
    assert words == [
        "PENDING_REPLACE",
        "PENDING_CANCEL",
        "PENDING_CANCEL",
        "PENDING_CANCEL",
        "PENDING_REPLACE",
        "CANCELED",
    ]
    assert sums(granted) == (8, 4, 4)
    assert sums(ok(grant_replace(gone, LATER))) == (8, 4, 0)


@pytest.mark.parametrize("state", list(OrderState))
def test_i2_the_status_is_the_word_of_the_state(state: S) -> None:
    """TX-I1: local states and the unknown one have no FIX word."""
    own = FIX_STATUS.get(state, "")
    bare = WALKS.get(state)

    assert bare is None or (bare.state is state and fix_status(bare) == own)
    assert not own or own in PRECEDENCE


def test_the_matrix_holds_for_every_step_of_a_long_walk() -> None:
    """FIX appendix D matrix: each status follows from the one before."""
    working = order(E.RISK_APPROVE, E.SUBMIT, quantity=10)
    walk = [working, ok(apply_event(working, E.ACKNOWLEDGE, NOW))]
    walk.append(asked(walk[-1], 12))
    walk.append(filled(walk[-1], "f1", 4))
    walk.append(ok(grant_replace(walk[-1], LATER)))
    walk.append(ok(apply_event(walk[-1], E.CANCEL_REQUEST, LATER, cl_ord_id="c3")))
    walk.append(ok(apply_cancel_refused(walk[-1], LATER, "too late")))
    walk.append(filled(walk[-1], "f2", 8))
    walk.append(asked(walk[-1], 13, "c4"))
    walk.append(ok(grant_replace(walk[-1], LATER)))
    walk.append(ok(apply_event(walk[-1], E.CANCEL_REQUEST, LATER, cl_ord_id="c5")))
    walk.append(ok(apply_event(walk[-1], E.CANCEL, LATER)))

    words = [fix_status(step) for step in walk]
    for before, after in pairwise(words):
        assert after in FOLLOWS[before], (before, after)
    assert words[-1] == "CANCELED"
    assert {FOLLOWS[w] for w in ("CANCELED", "REJECTED", "EXPIRED")} == {frozenset()}


def test_i4_a_decrease_keeps_the_place_and_any_other_change_loses_it() -> None:
    """Trading reference 1.5: priority_at, for the gateway."""
    working = limited()

    def place(quantity: int, price: int | None = None) -> object:
        return ok(grant_replace(asked(working, quantity, price=price), LATER)).priority_at

    assert working.priority_at == NOW == place(9)
    assert place(11) == place(10, 20_001) == place(9, 19_999) == LATER


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"quantity": Decimal(20_001)}, "REPLACE_BEYOND_APPROVAL"),
        ({"stop_price": Decimal(1)}, "REPLACE_CHANGES_TYPE"),
        ({"cl_ord_id": "ord_1"}, "CLIENT_ORDER_ID_REUSED"),
        ({}, "REPLACE_CHANGES_NOTHING"),
    ],
)
def test_i3_a_replace_stays_inside_the_approval(terms: dict[str, object], expected: str) -> None:
    """Trading reference 3.3 rules 5 and 6."""
    wanted = replaced_terms(limited(), cl_ord_id="c2", at=LATER).amended(**terms)

    assert code(request_replace(limited(), wanted, LATER)) == expected


def test_i3_no_two_messages_of_an_order_share_an_id() -> None:
    """Trading reference 3.3 rule 5: also those of refused requests."""
    pending = asked(limited(), 8)
    again = replaced_terms(pending, cl_ord_id="c3", at=LATER, quantity=Decimal(7))
    back = ok(apply_replace_refused(pending, LATER, "no"))
    reused = replaced_terms(back, cl_ord_id="c2", at=LATER, quantity=Decimal(7))

    assert code(request_replace(pending, again, LATER)) == "REPLACE_PENDING"
    assert code(request_replace(back, reused, LATER)) == "CLIENT_ORDER_ID_REUSED"
    cancel = apply_event(back, E.CANCEL_REQUEST, LATER, cl_ord_id="c2")
    assert code(cancel) == "CLIENT_ORDER_ID_REUSED"
    assert back.cl_ord_ids == ("ord_1", "c2")


@pytest.mark.parametrize("state", [*OrderState])
def test_a_replace_is_asked_of_working_and_filled_orders_alone(state: S) -> None:
    """TX-I3 with the overlay: every state."""
    if state is S.PENDING:
        return
    terms = replaced_terms(WALKS[state], cl_ord_id="c2", at=LATER, quantity=Decimal(7))
    allowed = state in (S.ACCEPTED, S.PARTIALLY_FILLED, S.FILLED)

    assert WALKS[state].state is state
    assert (code(request_replace(WALKS[state], terms, LATER)) == "") is allowed


def test_i1_a_refused_cancel_tells_which_request_it_answers() -> None:
    """FIX: Canceled has the cancel's ClOrdID and the order's as the original."""
    pending = ok(apply_event(limited(), E.CANCEL_REQUEST, NOW, cl_ord_id="c2"))
    refused = apply_cancel_refused(pending, NOW, "too late")
    done = apply_event(pending, E.CANCEL, NOW)
    assert isinstance(refused, OrderChange)
    assert isinstance(done, OrderChange)

    assert refused.events[0].cl_ord_id == "c2"
    assert (done.reports[0].cl_ord_id, done.reports[0].orig_cl_ord_id) == ("c2", "ord_1")
    assert (done.order.cl_ord_id, done.order.cancel_id) == ("ord_1", None)


def test_i2_a_stop_is_triggered_once() -> None:
    """Trading reference 1.5: from then on it works as a market order."""
    stop = order(*TO_WORK).amended(order_type=OrderType.STOP, stop_price=Decimal(20_000))
    first = ok(apply_triggered(stop, LATER))
    again = apply_triggered(first, LATER + timedelta(seconds=1))

    assert (first.triggered_at, first.priority_at, first.state) == (LATER, LATER, S.ACCEPTED)
    assert again == OrderChange(order=first)
    assert code(apply_triggered(limited(), LATER)) == "TRANSITION_NOT_ALLOWED"


TERMS = ("limit_price", "stop_price", "protection_points", "good_till")


@pytest.mark.parametrize(("kind", "tif"), list(product(OrderType, TimeInForce)))
def test_each_order_type_has_its_own_terms_and_no_other(kind: OrderType, tif: TimeInForce) -> None:
    """Trading reference 1.5: all sixteen ways to state terms, for each type and time in force."""
    own = {OrderType.LIMIT: "limit_price", OrderType.STOP: "stop_price"}
    needed = {own.get(kind, "protection_points" if kind is OrderType.MWP else "")} - {""}
    needed |= {"good_till"} if tif is TimeInForce.GTD else set()
    for stated in product((False, True), repeat=len(TERMS)):
        told = {
            name: Decimal(1) if given else None for name, given in zip(TERMS, stated, strict=True)
        }
        given = {name for name, value in told.items() if value is not None}
        assert set(missing_terms(kind, tif, told)) == given ^ needed
    assert missing_terms(OrderType.MWP, TimeInForce.IOC, {"protection_points": Decimal(0)})


def test_a_parent_is_computed_from_its_family() -> None:
    """TX-I: slices add up; of two legs the lesser counts; one unknown order makes it unknown."""
    parent = filled(order(*TO_WORK), "f1", 2)
    slices = [filled(order(*TO_WORK), "f2", 5), order(*TO_WORK, E.CANCEL_REQUEST, E.CANCEL)]
    whole = family_state(parent, slices)
    legs = (Leg(symbol="TMF", side=Side.BUY, ratio=1), Leg(symbol="MTX", side=Side.SELL, ratio=2))
    spread = family_state(
        parent.amended(legs=legs), [filled(order(*TO_WORK), "f3", 3).amended(symbol="MTX")]
    )
    lost = family_state(parent, [order(*TO_WORK, E.MARK_UNKNOWN)])

    assert row(whole.cum_units, whole.leaves_quantity, whole.rest_quantity) == (7, 3, 5)
    assert (whole.state, whole.uneven) == (S.PARTIALLY_FILLED, False)
    assert row(spread.cum_units, spread.uneven) == (1, True)
    assert lost.state is S.UNKNOWN_NEEDS_RECONCILIATION
    assert family_state(filled(parent, "f4", 3), []).state is S.FILLED
    assert family_state(slices[1], []).state is S.CANCELLED


@pytest.mark.parametrize("steps", list(permutations(("fill", "cancel", "grant"))))
def test_any_race_of_fill_cancel_and_replace_adds_up(steps: tuple[str, ...]) -> None:
    """FIX D: what happens while both are pending, in every order."""
    now = ok(apply_event(asked(limited(), 12), E.CANCEL_REQUEST, NOW, cl_ord_id="c3"))
    for step in steps:
        if step == "fill":
            now = filled(now, "f1", 4)
        elif step == "cancel":
            now = ok(apply_event(now, E.CANCEL, LATER))
        else:
            now = ok(grant_replace(now, LATER))

    assert now.state is S.CANCELLED
    assert sums(now) == (12, 4, 0)
    assert now.rest_quantity == 8
