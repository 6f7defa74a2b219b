"""Spans of an order's steps."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.desk.views.lifecycle import OWNERS, StepOwner, order_spans
from counterseal.oms.model import OrderEvent
from counterseal.oms.states import OrderEventType, OrderState
from tests.core.oms.test_orders import NOW

STEPS = (
    OrderEventType.CREATE,
    OrderEventType.RISK_APPROVE,
    OrderEventType.SUBMIT,
    OrderEventType.ACKNOWLEDGE,
    OrderEventType.FILL,
)


def events(*microseconds: int) -> list[OrderEvent]:
    return [
        OrderEvent(
            order_event_id=f"ord_1:{place}",
            order_id="ord_1",
            workflow_run_id="paper-workflow-0123456789abcdef",
            sequence=place,
            event=step,
            from_state=OrderState.PENDING,
            to_state=OrderState.NEW,
            at=NOW + timedelta(microseconds=at),
        )
        for place, (step, at) in enumerate(zip(STEPS, microseconds, strict=False), 1)
    ]


def test_each_step_lasts_from_the_one_before_it() -> None:
    """TX-I2: milliseconds since the intent, rounded down; steps are put in their order."""
    told = order_spans(reversed(events(0, 40_999, 310_000, 310_000, 1_480_000)))

    assert [(one.from_ms, one.to_ms, one.took_ms) for one in told] == [
        (0, 0, 0),
        (0, 40, 40),
        (40, 310, 270),
        (310, 310, 0),
        (310, 1480, 1170),
    ]
    assert [one.owner for one in told] == [
        *(StepOwner.DESK, StepOwner.RISK, StepOwner.OMS),
        *(StepOwner.BROKER, StepOwner.BROKER),
    ]
    assert order_spans(()) == ()


def test_every_event_has_an_owner() -> None:
    """TX-I2: the list of events is whole."""
    assert set(OWNERS) == set(OrderEventType)


@settings(max_examples=50)
@given(st.lists(st.integers(-10_000_000, 10_000_000), min_size=1, max_size=5))
def test_i1_i2_spans_follow_each_other_and_never_run_backwards(at: list[int]) -> None:
    """I1, I2: whatever the stamps are."""
    told = order_spans(events(*at))

    assert told[0].from_ms == told[0].to_ms == 0
    assert all(one.took_ms >= 0 for one in told)
    assert all(a.to_ms == b.from_ms for a, b in pairwise(told))
