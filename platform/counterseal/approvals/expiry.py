"""The clocks of a case.

Job: compute when reviews, decisions and approvals end.

Invariants
  I1  Every end is half-open: valid if and only if `now < end`.
  I2  Execution validity is the earliest of all its bounds; extending one never outlives another.
  I3  Silence expires: no clock ever approves.

Not here: sweeping (flows).
Source: governance rule 2.4; features TX-F18, TX-Z16.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestStatus
from counterseal.approvals.states import REQUEST_STATES, RequestEvent


def execution_end(
    request: ApprovalRequest,
    decisions: Sequence[ApprovalDecision],
    *,
    bundle_expires_at: datetime | None,
    session_ends_at: datetime | None,
) -> datetime | None:
    """When an approval stops being executable; None when nothing is approved."""
    approvals = [d for d in decisions if d.approves]
    if not approvals:
        return None
    last = max(d.decided_at for d in approvals)
    validity = timedelta(seconds=request.payload.execution_validity_seconds)
    bounds = [last + validity, request.payload.signal_expires_at]
    bounds += [d.expires_at for d in approvals]
    bounds += [end for end in (bundle_expires_at, session_ends_at) if end is not None]
    return min(bounds)


def is_expired(
    request: ApprovalRequest, decisions: Sequence[ApprovalDecision], now: datetime
) -> bool:
    """Whether an open case has outlived a clock that it needs."""
    if REQUEST_STATES.is_terminal(request.status):
        return False
    if any(d.approves and now >= d.expires_at for d in decisions):
        return True
    if request.status == RequestStatus.APPROVED_FOR_PAPER:
        return request.execution_valid_until is None or now >= request.execution_valid_until
    return now >= request.review_expires_at


def decide_expiry(
    request: ApprovalRequest, decisions: Sequence[ApprovalDecision], now: datetime
) -> ApprovalRequest | None:
    """The expired request, or None when it is not due."""
    if now < request.updated_at or not is_expired(request, decisions, now):
        return None
    status = REQUEST_STATES.next(request.status, RequestEvent.EXPIRE)
    return request.amended(status=status, updated_at=now)
