"""A signing key that somebody else may have used.

Job: say which approvals end with a compromised key.

Invariants
  I1  Every approval that rests on a decision by the key and is not used yet is revoked.
  I2  What is used, and what has ended, stays as it was.

Not here: who may call a key compromised (identity.proposals, desk.leaving).
Source: governance rules, part 3 (rotation, revocation).
"""

from collections.abc import Sequence
from datetime import datetime

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.approvals.states import REQUEST_STATES, RequestEvent


def decide_compromised(
    requests: Sequence[ApprovalRequest],
    decisions: Sequence[ApprovalDecision],
    key_id: str,
    now: datetime,
) -> tuple[ApprovalRequest, ...]:
    """The requests that a compromised key revokes, in the order given, as revoked."""
    carried = {d.approval_request_id for d in decisions if d.key_id == key_id and d.approves}
    return tuple(
        request.amended(
            status=REQUEST_STATES.next(request.status, RequestEvent.REVOKE), updated_at=now
        )
        for request in requests
        if request.approval_request_id in carried
        and REQUEST_STATES.allows(request.status, RequestEvent.REVOKE)
    )
