from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InputError, TransitionError
from counterseal.kernel.model import Refusal
from counterseal.oms.apply import apply_event, apply_fill
from counterseal.oms.decide import (
    OUTBOX_TABLE,
    OutboxEvent,
    apply_outbox,
    check_not_blocked,
    create_order,
    decide_key,
    open_outbox,
    workflow_run_id,
    working_contracts,
)
from counterseal.oms.model import Order, OrderChange, OrderKey, OutboxEntry, OutboxStatus
from counterseal.oms.outside import apply_cancel_refused, apply_reconciled
from counterseal.oms.replace import (
    apply_replace_refused,
    apply_replaced,
    replaced_terms,
    request_replace,
)
from counterseal.oms.states import OrderEventType as E
from counterseal.oms.states import OrderState as S
from counterseal.oms.timeouts import (
    check_timeout_seconds,
    mark_timeout,
    preview_timeout,
    timeout_candidates,
)
from counterseal.signals.intent import OrderType, Side
from tests.core.oms.test_orders import NOW, REQUEST, TO_WORK, fill, ok, order

names = st.text("abc123-_", min_size=1, max_size=12)
LATER = NOW + timedelta(seconds=30)


def code(outcome: object) -> str:
    return outcome.code if isinstance(outcome, Refusal) else ""


def partly(quantity: int = 3) -> Order:
    return ok(apply_fill(order(*TO_WORK), fill("f1", quantity), NOW))


def unknown(start: Order) -> Order:
    return ok(apply_event(start, E.MARK_UNKNOWN, NOW))


@settings(max_examples=50)
@given(names, names, names)
def test_i1_the_run_id_depends_on_the_approval_and_the_key_only(
    approval: str, key: str, other: str
) -> None:
    """TX-G7: `paper-workflow-` and 16 hex digits, the same for the same submit."""
    run = workflow_run_id(approval, key)
    request = REQUEST.amended(approval_request_id=approval, idempotency_key=key)

    assert run.startswith("paper-workflow-")
    assert len(run) == len("paper-workflow-") + 16
    assert create_order(request.amended(order_id=f"o{other}"), NOW).order.workflow_run_id == run
    assert (workflow_run_id(approval, key + other) == run) is False


def test_i1_the_order_reference_is_16_hex_and_differs_per_order() -> None:
    """TX-G7: `paper-order-` and 16 hex digits."""
    first, again = create_order(REQUEST, NOW).order, create_order(REQUEST, LATER).order
    other = create_order(REQUEST.amended(order_id="ord_2"), NOW).order

    assert first.order_reference == again.order_reference != other.order_reference
    assert len(first.order_reference) == len("paper-order-") + 16


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"order_type": OrderType.LIMIT}, "LIMIT_PRICE_MISSING"),
        ({"limit_price": 20000}, "LIMIT_PRICE_UNEXPECTED"),
        ({"approved_quantity": 4}, "QUANTITY_BEYOND_APPROVAL"),
    ],
)
def test_a_request_that_contradicts_itself_is_an_error(
    changes: dict[str, object], expected: str
) -> None:
    """TX-I4, TX-G4: price and quantity."""
    with pytest.raises(InputError) as caught:
        create_order(REQUEST.amended(**changes), NOW)

    assert caught.value.code == expected
    assert create_order(REQUEST.amended(approved_quantity=5), NOW).order.quantity == 5


def key(payload: str = "a", order_id: str = "ord_1") -> OrderKey:
    return OrderKey(
        idempotency_key="key-1",
        workflow_run_id=workflow_run_id("apr_1", "key-1"),
        order_id=order_id,
        source_signal_id="sig_1",
        payload_digest=digest({"payload": payload}),
        created_at=NOW,
    )


def test_i2_one_key_carries_one_payload() -> None:
    """TX-G9: a re-post returns the first row itself, another payload is refused."""
    first, repost = key(), key(order_id="ord_2").amended(created_at=LATER)

    assert decide_key(None, first) == first
    assert decide_key(first, repost) == first
    assert code(decide_key(first, key("b"))) == "IDEMPOTENCY_KEY_CONFLICT"


def test_an_idempotency_row_holds_the_asked_fields_and_is_unique_by_key() -> None:
    """TX-I7: key, run, order, signal, time, flags; the key is the identity of the row."""
    row = key().json_value()

    assert OrderKey.KEY == "idempotency_key"
    asked = {"idempotency_key", "workflow_run_id", "order_id", "source_signal_id", "created_at"}
    assert asked <= set(row)
    flags = (row["paper_only"], row["live_trading_enabled"], row["broker_api_called"])
    assert flags == (True, False, False)
    with pytest.raises(ValueError, match="paper only"):
        key().amended(paper_only=False)


def test_i3_an_unknown_order_blocks_its_account_and_instrument_alone() -> None:
    """TX-I3 [D]: until it is reconciled."""
    lost = unknown(order(*TO_WORK))

    assert code(check_not_blocked([lost], account_id="acc_1", symbol="TMF")) == (
        "UNKNOWN_ORDER_BLOCKS"
    )
    assert check_not_blocked([lost], account_id="acc_2", symbol="TMF") is None
    assert check_not_blocked([lost], account_id="acc_1", symbol="MTX") is None
    assert check_not_blocked([order(*TO_WORK)], account_id="acc_1", symbol="TMF") is None
    solved = ok(apply_reconciled(lost, S.CANCELLED, NOW, "seen at the broker"))
    assert check_not_blocked([solved], account_id="acc_1", symbol="TMF") is None


def test_a_pending_replace_counts_by_the_larger_of_its_two_quantities() -> None:
    """TX-H12, trading reference 3.3: the worse case until the broker answers."""
    resting = order(*TO_WORK).amended(approved_quantity=9)

    def pending(quantity: int) -> Order:
        terms = replaced_terms(resting, cl_ord_id="c2", at=NOW, quantity=Decimal(quantity))
        return ok(request_replace(resting, terms, NOW))

    assert working_contracts([resting, pending(9), pending(3)], Side.BUY) == 5 + 9 + 5


def test_working_contracts_count_unknown_orders_and_one_side() -> None:
    """TX-H12: what may still fill."""
    orders = [partly(), unknown(order(*TO_WORK)), ok(apply_event(order(), E.REJECT, NOW))]

    assert working_contracts(orders, Side.BUY) == 7
    assert working_contracts(orders, Side.SELL) == 0


OUTBOX_PATHS = {
    "pending": (),
    "processing": ("CLAIM",),
    "completed": ("CLAIM", "COMPLETE"),
    "failed": ("CLAIM", "FAIL"),
    "expired": ("EXPIRE",),
}


def outbox(events: tuple[str, ...]) -> OutboxEntry:
    entry = open_outbox(order(), NOW)
    for event in events:
        entry = apply_outbox(entry, OutboxEvent(event), LATER)
    return entry


@pytest.mark.parametrize("word", sorted(OUTBOX_PATHS))
def test_each_outbox_status_is_reachable_by_its_filter_word(word: str) -> None:
    """TX-I6: pending, processing, completed, failed, expired; one attempt per claim."""
    entry = outbox(OUTBOX_PATHS[word])

    assert entry.status is OutboxStatus(word)
    assert entry.attempts == ("CLAIM" in OUTBOX_PATHS[word])
    assert (entry.processed_at == LATER) is (word in {"completed", "failed", "expired"})
    assert entry.action == "paper_order_submit_recorded"


def test_other_filter_words_are_no_status() -> None:
    """TX-I6: five words, in lower case."""
    assert {s.value for s in OutboxStatus} == set(OUTBOX_PATHS)
    for word in ("", "PENDING", "done"):
        with pytest.raises(ValueError, match="is not a valid OutboxStatus"):
            OutboxStatus(word)


@pytest.mark.parametrize(("word", "event"), list(product(OUTBOX_PATHS, OutboxEvent)))
def test_an_outbox_entry_moves_by_its_table_only(word: str, event: OutboxEvent) -> None:
    """TX-I6: a completed message is never sent again; a failed one is retried or expires."""
    entry = outbox(OUTBOX_PATHS[word])
    if OUTBOX_TABLE.allows(entry.status, event):
        assert apply_outbox(entry, event, LATER).status is OUTBOX_TABLE.next(entry.status, event)
        assert word in {"pending", "processing", "failed"}
        return
    with pytest.raises(TransitionError):
        apply_outbox(entry, event, LATER)


def test_a_retry_is_available_at_once_and_counts_its_own_attempt() -> None:
    """TX-I6: attempts."""
    again = outbox(("CLAIM", "FAIL", "RETRY"))

    assert (again.available_at, again.processed_at) == (LATER, None)
    assert apply_outbox(again, OutboxEvent.CLAIM, LATER).attempts == 2


@pytest.mark.parametrize(
    ("filled", "target", "allowed"),
    [
        (0, S.SUBMITTED, True),
        (0, S.ACCEPTED, True),
        (0, S.PARTIALLY_FILLED, False),
        (0, S.FILLED, False),
        (0, S.CANCELLED, True),
        (0, S.REJECTED, True),
        (0, S.EXPIRED, True),
        (0, S.NEW, False),
        (0, S.PENDING, False),
        (0, S.RISK_CHECKED, False),
        (0, S.CANCEL_REQUESTED, False),
        (0, S.UNKNOWN_NEEDS_RECONCILIATION, False),
        (3, S.SUBMITTED, False),
        (3, S.ACCEPTED, False),
        (3, S.PARTIALLY_FILLED, True),
        (3, S.FILLED, False),
        (3, S.CANCELLED, True),
        (3, S.REJECTED, False),
        (3, S.EXPIRED, True),
    ],
)
def test_i3_a_reconciliation_must_fit_the_filled_contracts(
    filled: int, target: S, allowed: bool
) -> None:
    """TX-I3 [D]: unknown is left by a recorded reconciliation that agrees with the fills."""
    lost = unknown(partly(filled) if filled else order(*TO_WORK))
    outcome = apply_reconciled(lost, target, NOW, "asked the broker")

    if not allowed:
        assert code(outcome) == "RECONCILIATION_CONTRADICTS_FILLS"
        return
    assert isinstance(outcome, OrderChange)
    solved = outcome.order
    assert [e.event for e in outcome.events] == [E.RECONCILED]
    assert solved.state is target
    assert solved.cum_quantity == filled
    assert solved.leaves_quantity + solved.rest_quantity == 5 - filled


def test_i3_fills_that_complete_an_unknown_order_end_it() -> None:
    """TX-I3 [D]: the second way out of unknown."""
    assert ok(apply_fill(unknown(partly()), fill("f2", 2), NOW)).state is S.FILLED
    assert code(apply_reconciled(partly(), S.CANCELLED, NOW, "r")) == "TRANSITION_NOT_ALLOWED"


def test_i1_a_refused_cancel_returns_and_keeps_a_fill() -> None:
    """TX-I3 [D]: a fill races the cancel."""
    pending = order(*TO_WORK, E.CANCEL_REQUEST)
    raced = ok(apply_fill(pending, fill("f1", 2), NOW))

    assert ok(apply_cancel_refused(pending, NOW, "r")).state is S.ACCEPTED
    back = ok(apply_cancel_refused(raced, NOW, "r"))
    assert back.state is S.PARTIALLY_FILLED
    assert back.cum_quantity == 2
    assert code(apply_cancel_refused(back, NOW, "r")) == "TRANSITION_NOT_ALLOWED"
    kept = ok(apply_replace_refused(back, NOW, "r"))
    assert kept.amended(event_sequence=back.event_sequence) == back
    assert code(apply_replace_refused(order(), NOW, "r")) == "TRANSITION_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("quantity", "price", "cl_ord_id", "expected"),
    [
        (20_001, None, "c2", "REPLACE_BEYOND_APPROVAL"),
        (4, Decimal(20000), "c2", "REPLACE_CHANGES_TYPE"),
        (4, None, "ord_1", "CLIENT_ORDER_ID_REUSED"),
        (20_000, None, "c2", ""),
        (1, None, "c2", ""),
    ],
)
def test_i2_a_replace_stays_between_the_fills_and_the_approval(
    quantity: int, price: Decimal | None, cl_ord_id: str, expected: str
) -> None:
    """TX-I11: amend and replace."""
    outcome = apply_replaced(
        partly(), quantity=Decimal(quantity), limit_price=price, cl_ord_id=cl_ord_id, at=NOW
    )

    assert code(outcome) == expected
    if isinstance(outcome, OrderChange):
        assert 3 <= outcome.order.quantity <= 20_000
        assert outcome.reports[0].orig_cl_ord_id == "ord_1"


@pytest.mark.parametrize(("seconds", "allowed"), [(0, 0), (1, 1), (86_400, 1), (86_401, 0)])
def test_the_timeout_is_1_to_86400_seconds(seconds: int, allowed: int) -> None:
    """TX-I8: each end from both sides."""
    if allowed:
        check_timeout_seconds(seconds)
        return
    for ask in (
        lambda: timeout_candidates([], NOW, seconds),
        lambda: preview_timeout(order(), workflow_run_id="r", now=NOW, timeout_seconds=seconds),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert caught.value.code == "TIMEOUT_OUT_OF_RANGE"


@settings(max_examples=60)
@given(st.sampled_from(sorted(S)), st.integers(0, 90))
def test_i1_candidates_may_expire_and_are_old_enough(state: str, age: int) -> None:
    """TX-I8: non-terminal and age >= 30."""
    starts = {
        S.NEW: order(),
        S.SUBMITTED: order(*TO_WORK[:2]),
        S.ACCEPTED: order(*TO_WORK),
        S.PARTIALLY_FILLED: partly(),
    }
    start = starts.get(S(state), unknown(order(*TO_WORK)))
    found = timeout_candidates([start], NOW + timedelta(seconds=age))

    assert bool(found) is (S(state) in starts and age >= 30)


def test_i2_a_sent_order_without_an_answer_becomes_unknown() -> None:
    """TX-I9: never expired, never rejected."""
    sent = order(*TO_WORK[:2])
    marked = mark_timeout(sent, workflow_run_id=sent.workflow_run_id, now=LATER, reason="r")

    assert ok(marked).state is S.UNKNOWN_NEEDS_RECONCILIATION


@pytest.mark.parametrize("start", [order(*TO_WORK), order(*TO_WORK[:2]), order(), partly(5)])
@pytest.mark.parametrize("at", [NOW, LATER])
def test_i4_preview_and_mark_say_the_same(start: Order, at: object) -> None:
    """TX-I9: the preview leaves no trace."""
    now = LATER if at == LATER else NOW
    run = start.workflow_run_id
    shown = preview_timeout(start, workflow_run_id=run, now=now)
    done = mark_timeout(start, workflow_run_id=run, now=now, reason="r")

    if isinstance(shown, Refusal):
        assert done == shown
    else:
        assert isinstance(done, OrderChange)
        assert done.events[0].event is shown.event
        assert ok(mark_timeout(start, workflow_run_id=run, now=now, reason="r")) == done.order


def test_a_fill_event_without_an_execution_and_an_approval_without_evaluation() -> None:
    """TX-I5, TX-G5: neither can be recorded."""
    assert code(apply_event(order(*TO_WORK), E.FILL, NOW)) == "FILL_WITHOUT_QUANTITY"
    assert code(apply_event(order(), E.RISK_APPROVE, NOW)) == "RISK_EVALUATION_MISSING"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (order(), E.MARK_UNKNOWN),
        (order(*TO_WORK[:2]), E.MARK_UNKNOWN),
        (order(*TO_WORK), "ORDER_AT_GATEWAY"),
        (partly(), "ORDER_AT_GATEWAY"),
    ],
)
def test_i3_an_order_at_a_gateway_is_doubtful_or_not_to_be_marked(
    start: Order, expected: str
) -> None:
    """Trading reference 3.3 rules 9 and 10: what was not acknowledged may still have been sent."""
    run = start.workflow_run_id
    shown = preview_timeout(start, workflow_run_id=run, now=LATER, at_gateway=True)
    done = mark_timeout(start, workflow_run_id=run, now=LATER, reason="r", at_gateway=True)

    assert (code(shown) or (not isinstance(shown, Refusal) and shown.event)) == expected
    assert isinstance(done, Refusal) is isinstance(shown, Refusal)
