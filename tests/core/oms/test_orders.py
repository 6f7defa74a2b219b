from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.kernel.errors import InputError, TransitionError
from counterseal.kernel.model import Refusal
from counterseal.oms.apply import apply_event, apply_fill
from counterseal.oms.decide import OrderRequest, create_order
from counterseal.oms.model import Execution, Order, OrderChange
from counterseal.oms.outside import apply_cancel_refused
from counterseal.oms.replace import apply_replaced
from counterseal.oms.states import LIFECYCLE_EVENTS, ORDER_TABLE, OrderState
from counterseal.oms.states import OrderEventType as E
from counterseal.oms.timeouts import mark_timeout, preview_timeout, timeout_candidates
from counterseal.signals.intent import OrderType, Side

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
REQUEST = OrderRequest(
    order_id="ord_1",
    idempotency_key="key-1",
    approval_request_id="apr_1",
    account_id="acc_1",
    strategy_id="s",
    strategy_version="1",
    source_signal_id="sig_1",
    symbol="TMF",
    side=Side.BUY,
    order_type=OrderType.MARKET,
    quantity=Decimal(5),
    approved_quantity=Decimal(20_000),
)
TO_WORK = (E.RISK_APPROVE, E.SUBMIT, E.ACKNOWLEDGE)


def ok(outcome: OrderChange | Refusal) -> Order:
    assert isinstance(outcome, OrderChange)
    return outcome.order


def order(*events: E, quantity: int = 5) -> Order:
    made = create_order(REQUEST.amended(quantity=quantity), NOW).order
    for event in events:
        made = ok(apply_event(made, event, NOW, risk_evaluation_id="rev_1"))
    return made


def row(*values: object) -> tuple[object, ...]:
    """Values to compare with plain numbers."""
    return values


def fill(exec_id: str, quantity: int, price: object = 20000) -> Execution:
    return Execution(
        exec_id=exec_id,
        last_quantity=Decimal(quantity),
        last_price=Decimal(str(price)),
        occurred_at=NOW,
    )


ALLOWED = {
    "PENDING": "CREATE RISK_REJECT",
    "NEW": "RISK_APPROVE RISK_REJECT CANCEL_REQUEST REJECT EXPIRE",
    "RISK_CHECKED": "SUBMIT CANCEL_REQUEST REJECT EXPIRE",
    "SUBMITTED": "ACKNOWLEDGE CANCEL_REQUEST REJECT EXPIRE",
    "ACCEPTED": "PARTIAL_FILL FILL CANCEL_REQUEST REJECT EXPIRE",
    "PARTIALLY_FILLED": "PARTIAL_FILL FILL CANCEL_REQUEST EXPIRE",
    "CANCEL_REQUESTED": "CANCEL REJECT FILL PARTIAL_FILL",
}


@pytest.mark.parametrize(("state", "event"), list(product(OrderState, LIFECYCLE_EVENTS)))
def test_all_144_pairs_of_the_table(state: OrderState, event: E) -> None:
    """TX-I1, TX-I2, TX-I3, TX-Z13: what is not named is refused."""
    named = state in ALLOWED and event in {*ALLOWED[state].split(), "MARK_UNKNOWN"}

    assert ORDER_TABLE.allows(state, event) is named
    if not named:
        with pytest.raises(TransitionError):
            ORDER_TABLE.next(state, event)


@pytest.mark.parametrize("key", ["", "  "])
def test_an_empty_key_is_an_error(key: str) -> None:
    """TX-I4."""
    with pytest.raises(InputError) as caught:
        create_order(REQUEST.amended(idempotency_key=key), NOW)

    assert caught.value.code == "IDEMPOTENCY_KEY_EMPTY"


def test_three_of_five_is_reported_as_three_of_five() -> None:
    """TX-I5, TX-Z6, TX-J13."""
    change = apply_fill(order(*TO_WORK), fill("f1", 3), NOW)
    assert isinstance(change, OrderChange)
    report = change.reports[0]

    assert report.last_quantity == 3
    assert report.cumulative_filled_quantity == 3
    assert report.leaves_quantity == 2
    assert report.average_fill_price == 20000
    assert (report.exec_type, report.ord_status) == ("TRADE", "PARTIALLY_FILLED")


def test_mark_unknown_after_filled_is_refused() -> None:
    """TX-Z13."""
    done = ok(apply_fill(order(*TO_WORK), fill("f1", 5), NOW))

    assert isinstance(apply_event(done, E.MARK_UNKNOWN, NOW), Refusal)


def test_i3_a_seen_execution_changes_nothing_and_other_content_is_refused() -> None:
    """TX-I5: exec ids."""
    partly = ok(apply_fill(order(*TO_WORK), fill("f1", 3), NOW))

    assert apply_fill(partly, fill("f1", 3), NOW) == OrderChange(order=partly)
    outcome = apply_fill(partly, fill("f1", 2), NOW)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "EXECUTION_ID_REUSED"


def test_i4_a_fill_before_the_acknowledgement_records_both() -> None:
    """TX-G8: the sequence stays whole."""
    change = apply_fill(order(E.RISK_APPROVE, E.SUBMIT), fill("f1", 5), NOW)
    assert isinstance(change, OrderChange)

    assert [e.event for e in change.events] == [E.ACKNOWLEDGE, E.FILL]


@pytest.mark.parametrize("end", [E.EXPIRE, E.MARK_UNKNOWN])
def test_i5_a_late_fill_is_applied_once_and_marked(end: E) -> None:
    """TX-I9: timeout, then the fill."""
    ended = ok(apply_event(order(*TO_WORK), end, NOW))
    late = ok(apply_fill(ended, fill("f1", 3), NOW))

    assert (late.late_fill_count, late.state) == (1, ended.state)
    assert late.cum_quantity == 3
    assert ok(apply_fill(late, fill("f1", 3), NOW)) == late


def test_an_overfill_is_refused() -> None:
    """TX-I5."""
    outcome = apply_fill(order(*TO_WORK), fill("f1", 6), NOW)

    assert isinstance(outcome, Refusal)
    assert outcome.code == "OVERFILL"


def test_d11_a_replace_that_crosses_a_fill_is_filled() -> None:
    """TX-I11 amend: FIX D11, then D8 and D12."""
    partly = ok(apply_fill(order(*TO_WORK, quantity=10000), fill("f1", 7000), NOW))

    def replaced(base: Order, quantity: int, cl: str) -> Order:
        change = apply_replaced(
            base, quantity=Decimal(quantity), limit_price=None, cl_ord_id=cl, at=NOW
        )
        return ok(change)

    done = replaced(partly, 7000, "c2")
    assert done.state is OrderState.FILLED
    assert done.quantity == 7000
    assert replaced(done, 9000, "c3").leaves_quantity == 2000
    assert replaced(partly, 100, "c2").quantity == 7000


def test_a_cancel_raced_by_a_partial_fill_still_cancels_the_rest() -> None:
    """TX-I3 [D], TX-G8."""
    pending = order(*TO_WORK, E.CANCEL_REQUEST)
    raced = ok(apply_fill(pending, fill("f1", 3), NOW))
    done = ok(apply_event(raced, E.CANCEL, NOW))

    assert done.state is OrderState.CANCELLED
    assert done.cum_quantity == 3
    assert done.rest_quantity == 2
    assert ok(apply_cancel_refused(pending, NOW, "too late")).state is OrderState.ACCEPTED


def test_timeouts_start_at_exactly_the_timeout() -> None:
    """TX-I8: 29.9 and 30 seconds."""
    working = order(*TO_WORK)

    assert timeout_candidates([working], NOW + timedelta(seconds=29.9)) == ()
    assert timeout_candidates([working], NOW + timedelta(seconds=30)) == (working,)


def test_timeout_errors_and_the_second_mark() -> None:
    """TX-I9: too young, mismatch, terminal; a sent order becomes unknown."""
    working, later = order(*TO_WORK), NOW + timedelta(seconds=30)
    run = working.workflow_run_id

    def code(target: Order, run_id: str, at: datetime) -> str:
        outcome = preview_timeout(target, workflow_run_id=run_id, now=at)
        return outcome.code if isinstance(outcome, Refusal) else outcome.event

    assert code(working, run, NOW) == "TIMEOUT_TOO_YOUNG"
    assert code(working, "other", later) == "RUN_ORDER_MISMATCH"
    marked = ok(mark_timeout(working, workflow_run_id=run, now=later, reason="r"))
    assert marked.state is OrderState.EXPIRED
    assert code(marked, run, later + timedelta(days=1)) == "ORDER_TERMINAL"
    assert code(order(E.RISK_APPROVE, E.SUBMIT), run, later) == "MARK_UNKNOWN"


STEPS = st.one_of(
    st.sampled_from(LIFECYCLE_EVENTS),
    st.tuples(st.sampled_from("abcdef"), st.integers(1, 4), st.integers(19990, 20010)),
)


@settings(max_examples=100)
@given(st.lists(STEPS, max_size=12))
def test_i2_any_interleaving_keeps_the_quantities(steps: list[object]) -> None:
    """TX-I5 [D]: cum is the sum of last, average = notional / cum, no gap in the events."""
    current, reported = order(*TO_WORK), Decimal(0)
    for step in steps:
        if isinstance(step, tuple):
            outcome = apply_fill(current, fill(*step), NOW)
        else:
            outcome = apply_event(current, E(str(step)), NOW)
        if isinstance(outcome, OrderChange):
            numbers = [e.sequence for e in outcome.events]
            first = current.event_sequence + 1
            assert numbers == list(range(first, first + len(numbers)))
            current = outcome.order
            reported += sum((r.last_quantity for r in outcome.reports), Decimal(0))

    parts = current.cum_quantity + current.leaves_quantity + current.rest_quantity
    assert current.cum_quantity == reported <= current.quantity == parts
