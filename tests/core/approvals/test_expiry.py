"""The clocks of a case."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.approvals.expiry import decide_expiry, execution_end, is_expired
from counterseal.approvals.model import RequestStatus
from tests.core.approvals.world import NOW, Desk

SPANS = st.integers(1, 100_000)
STEP = timedelta(microseconds=1)


def end_of(desk: Desk, bundle: datetime | None = None, session: datetime | None = None) -> datetime:
    end = execution_end(
        desk.request, desk.decisions, bundle_expires_at=bundle, session_ends_at=session
    )
    assert end is not None
    return end


APPROVED = Desk().approved()


@pytest.mark.parametrize("status", list(RequestStatus))
def test_i1_every_clock_is_half_open(status: RequestStatus) -> None:
    """TX-Z16: valid one microsecond before the end, over at the end; terminal cases never end."""
    request = APPROVED.request.amended(status=status)
    approved = status == RequestStatus.APPROVED_FOR_PAPER
    end = request.execution_valid_until if approved else request.review_expires_at
    assert end is not None
    is_open = approved or status in {RequestStatus.PENDING_REVIEW, RequestStatus.RESEARCH_APPROVED}

    assert not is_expired(request, (), end - STEP)
    assert is_expired(request, (), end) is is_open
    assert (decide_expiry(request, (), end) is not None) is is_open


def test_i1_a_needed_decision_lapses_at_its_own_end() -> None:
    """TX-F18: then the case ends, whatever the review clock says."""
    desk = Desk()
    desk.decisions = tuple(
        d.amended(expires_at=NOW + timedelta(minutes=1)) for d in APPROVED.decisions
    )
    assert not is_expired(desk.request, desk.decisions, NOW + timedelta(minutes=1) - STEP)
    assert is_expired(desk.request, desk.decisions, NOW + timedelta(minutes=1))


@given(SPANS, SPANS, SPANS, SPANS, st.integers(1, 30 * 24 * 3600))
def test_i2_validity_is_the_earliest_of_all_bounds(
    signal: int, decision: int, bundle: int, session: int, validity: int
) -> None:
    """TX-F18: and it runs from the last approval."""
    desk = Desk()
    payload = APPROVED.request.payload.amended(
        signal_expires_at=NOW + timedelta(seconds=signal), execution_validity_seconds=validity
    )
    desk.request = APPROVED.request.amended(payload=payload)
    first, second = APPROVED.decisions
    desk.decisions = (first.amended(expires_at=NOW + timedelta(seconds=decision)), second)
    bounds = [
        NOW + timedelta(seconds=signal),
        NOW + timedelta(seconds=decision),
        second.expires_at,
        NOW + timedelta(seconds=bundle),
        NOW + timedelta(seconds=session),
        second.decided_at + timedelta(seconds=validity),
    ]

    found = end_of(desk, NOW + timedelta(seconds=bundle), NOW + timedelta(seconds=session))
    later = end_of(desk, NOW + timedelta(seconds=bundle, days=9), None)

    assert found == min(bounds)
    assert later == min(*bounds[:3], bounds[3] + timedelta(days=9), bounds[5])


@given(st.integers(0, 10**9), st.sampled_from(list(RequestStatus)))
def test_i3_no_clock_approves(seconds: int, status: RequestStatus) -> None:
    """TX-F18: time moves an open case to expired, or nowhere."""
    request = APPROVED.request.amended(status=status)
    moved = decide_expiry(request, APPROVED.decisions, NOW + timedelta(seconds=seconds))
    assert moved is None or moved.status == RequestStatus.EXPIRED


def test_i3_nothing_approved_has_no_end_and_time_going_back_expires_nothing() -> None:
    """TX-F18: `CLOCK_BACKWARDS` belongs to the command, not to the sweeper."""
    request = Desk().request
    assert execution_end(request, (), bundle_expires_at=None, session_ends_at=None) is None
    late = request.amended(updated_at=NOW + timedelta(days=9))
    assert decide_expiry(late, (), NOW + timedelta(days=8)) is None
