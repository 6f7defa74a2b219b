"""The whole state table of a request, word for word."""

import pytest

from counterseal.approvals.model import RequestStatus
from counterseal.approvals.states import REQUEST_STATES, RequestEvent
from counterseal.kernel.errors import TransitionError

EVENTS = (
    "approve_stages_remain",
    "approve_last",
    "reject",
    "needs_data",
    "expire",
    "withdraw",
    "revoke",
    "supersede",
    "consume",
)
NONE = ("-",) * 9
TABLE = {
    "pending_review": (
        "research_approved",
        "-",
        "rejected",
        "needs_data_review",
        "expired",
        "withdrawn",
        "-",
        "superseded",
        "-",
    ),
    "research_approved": (
        "research_approved",
        "approved_for_paper_simulation",
        "rejected",
        "needs_data_review",
        "expired",
        "withdrawn",
        "revoked",
        "superseded",
        "-",
    ),
    "approved_for_paper_simulation": (
        "-",
        "-",
        "-",
        "-",
        "expired",
        "withdrawn",
        "revoked",
        "superseded",
        "consumed",
    ),
    "rejected": NONE,
    "needs_data_review": NONE,
    "expired": NONE,
    "withdrawn": NONE,
    "revoked": NONE,
    "superseded": NONE,
    "consumed": NONE,
}
PAIRS = [
    (state, event, target)
    for state, row in TABLE.items()
    for event, target in zip(EVENTS, row, strict=True)
]


def test_the_table_names_every_state_and_event() -> None:
    """TX-F9: ten states, nine events, no more."""
    assert [state.value for state in RequestStatus] == list(TABLE)
    assert tuple(event.value for event in RequestEvent) == EVENTS
    assert len(PAIRS) == 90


@pytest.mark.parametrize(("state", "event", "target"), PAIRS)
def test_i1_i2_each_of_the_ninety_pairs_is_as_written(state: str, event: str, target: str) -> None:
    """TX-F9: a move where the table names one, a refusal everywhere else."""
    pair = RequestStatus(state), RequestEvent(event)
    if target == "-":
        assert not REQUEST_STATES.allows(*pair)
        with pytest.raises(TransitionError, match="TRANSITION_NOT_ALLOWED"):
            REQUEST_STATES.next(*pair)
    else:
        assert REQUEST_STATES.next(*pair) == target
