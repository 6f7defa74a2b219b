from itertools import product

import pytest

from counterseal.kernel.errors import TransitionError
from counterseal.kernel.model import Refusal
from counterseal.oms.apply import apply_event
from counterseal.oms.states import LIFECYCLE_EVENTS, ORDER_TABLE, TERMINAL_STATES
from counterseal.oms.states import OrderEventType as E
from counterseal.oms.states import OrderState as S
from tests.core.oms.test_orders import NOW, TO_WORK, ok, order

TABLE_I3 = """
| PENDING | CREATE, RISK_REJECT |
| NEW | RISK_APPROVE, RISK_REJECT, CANCEL_REQUEST, REJECT, EXPIRE |
| RISK_CHECKED | SUBMIT, CANCEL_REQUEST, REJECT, EXPIRE |
| SUBMITTED | ACKNOWLEDGE, CANCEL_REQUEST, REJECT, EXPIRE |
| ACCEPTED | PARTIAL_FILL, FILL, CANCEL_REQUEST, REJECT, EXPIRE |
| PARTIALLY_FILLED | PARTIAL_FILL, FILL, CANCEL_REQUEST, EXPIRE |
| CANCEL_REQUESTED | CANCEL, REJECT, FILL, PARTIAL_FILL |
| FILLED |  |
| CANCELLED |  |
| REJECTED |  |
| EXPIRED |  |
| UNKNOWN_NEEDS_RECONCILIATION |  |
"""
TARGETS = """
CREATE -> NEW, RISK_APPROVE -> RISK_CHECKED, RISK_REJECT -> REJECTED, SUBMIT -> SUBMITTED,
ACKNOWLEDGE -> ACCEPTED, PARTIAL_FILL -> PARTIALLY_FILLED, FILL -> FILLED,
CANCEL_REQUEST -> CANCEL_REQUESTED, CANCEL -> CANCELLED, REJECT -> REJECTED, EXPIRE -> EXPIRED,
MARK_UNKNOWN -> UNKNOWN_NEEDS_RECONCILIATION
"""
NO_MARK = {"FILLED", "CANCELLED", "REJECTED", "EXPIRED", "UNKNOWN_NEEDS_RECONCILIATION"}


def rows() -> dict[str, set[str]]:
    cells = [line.strip("| ").split("|") for line in TABLE_I3.strip().splitlines()]
    table = {c[0].strip(): set("".join(c[1:]).replace(",", " ").split()) for c in cells}
    return {
        s: events | (set() if s in NO_MARK else {"MARK_UNKNOWN"}) for s, events in table.items()
    }


def targets() -> dict[str, str]:
    pairs = [pair.split("->") for pair in TARGETS.replace("\n", " ").split(",")]
    return {event.strip(): state.strip() for event, state in pairs}


def test_the_typed_table_names_every_state_and_event() -> None:
    """TX-I1, TX-I2: twelve of each, in the asked words."""
    assert set(rows()) == {s.value for s in S}
    assert list(targets()) == [e.value for e in LIFECYCLE_EVENTS]
    assert len(S) == len(LIFECYCLE_EVENTS) == 12


@pytest.mark.parametrize(("state", "event"), list(product(S, LIFECYCLE_EVENTS)))
def test_i1_each_of_the_144_pairs_is_as_table_i3_says(state: S, event: E) -> None:
    """TX-I3: target of each named pair, refusal of each other pair."""
    if event.value in rows()[state.value]:
        assert ORDER_TABLE.next(state, event).value == targets()[event.value]
        return
    assert not ORDER_TABLE.allows(state, event)
    with pytest.raises(TransitionError):
        ORDER_TABLE.next(state, event)


@pytest.mark.parametrize("state", [*sorted(TERMINAL_STATES), S.UNKNOWN_NEEDS_RECONCILIATION])
def test_i2_no_event_of_the_table_leaves_an_end(state: S) -> None:
    """TX-I3: terminal rows are empty, unknown is left by a reconciliation only."""
    assert not any(ORDER_TABLE.allows(state, event) for event in LIFECYCLE_EVENTS)


PATHS: dict[S, tuple[E, ...]] = {
    S.NEW: (),
    S.RISK_CHECKED: TO_WORK[:1],
    S.SUBMITTED: TO_WORK[:2],
    S.ACCEPTED: TO_WORK,
    S.CANCEL_REQUESTED: (*TO_WORK, E.CANCEL_REQUEST),
    S.CANCELLED: (*TO_WORK, E.CANCEL_REQUEST, E.CANCEL),
    S.REJECTED: (*TO_WORK, E.REJECT),
    S.EXPIRED: (*TO_WORK, E.EXPIRE),
    S.UNKNOWN_NEEDS_RECONCILIATION: (*TO_WORK, E.MARK_UNKNOWN),
}


@pytest.mark.parametrize(
    ("state", "event"),
    [(s, e) for s in PATHS for e in LIFECYCLE_EVENTS if e not in (E.PARTIAL_FILL, E.FILL)],
)
def test_i1_an_order_moves_by_the_table_or_is_refused_unchanged(state: S, event: E) -> None:
    """TX-I3, TX-Z13: on real orders, not only on the table."""
    start = order(*PATHS[state])
    outcome = apply_event(start, event, NOW, risk_evaluation_id="rev_1")

    assert start.state is state
    if event.value in rows()[state.value]:
        assert ok(outcome).state.value == targets()[event.value]
    else:
        assert isinstance(outcome, Refusal)
        assert outcome.code == "TRANSITION_NOT_ALLOWED"
