"""What a compromised key takes with it."""

from datetime import timedelta

import pytest

from counterseal.approvals.compromise import decide_compromised
from counterseal.approvals.model import RequestStatus
from counterseal.policy.words import DecisionWord
from tests.core.approvals.world import NOW, Desk

LATER = NOW + timedelta(hours=1)
S = RequestStatus


@pytest.mark.parametrize("status", list(RequestStatus))
def test_i1_i2_only_unused_open_approvals_end_with_the_key(status: RequestStatus) -> None:
    """Governance 3: used and ended cases stay as they were; nothing rests on a pending one."""
    desk = Desk().approved()
    request = desk.request.amended(status=status)
    revoked = decide_compromised([request], desk.decisions, "key_kai", LATER)
    if status in {S.RESEARCH_APPROVED, S.APPROVED_FOR_PAPER}:
        assert revoked == (request.amended(status=S.REVOKED, updated_at=LATER),)
    else:
        assert revoked == ()


def test_i1_only_approvals_that_rest_on_the_key_end_with_it() -> None:
    """Governance 3: another key's case stays; a half approved one goes."""
    desk = Desk().approved()
    assert decide_compromised([desk.request], desk.decisions, "key_cora", LATER) == ()
    other = desk.request.amended(approval_request_id="apr_2")
    (revoked,) = decide_compromised([other, desk.request], desk.decisions, "key_rex", LATER)
    assert revoked.approval_request_id == "apr_1"

    open_ = Desk()
    open_.review("rex", DecisionWord.RESEARCH_APPROVED)
    (stopped,) = decide_compromised([open_.request], open_.decisions, "key_rex", LATER)
    assert stopped.status is S.REVOKED
