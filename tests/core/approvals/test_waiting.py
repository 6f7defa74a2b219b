"""Reminders, escalation and comments as values."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from counterseal.approvals.comments import COMMENTS_MAX, CaseComment, decide_comment
from counterseal.approvals.escalation import (
    decide_escalation,
    decide_reminder,
    escalate_at,
    remind_at,
    roles_at,
)
from counterseal.approvals.model import ApprovalRequest
from counterseal.kernel.model import Refusal
from counterseal.policy.params import StageRule
from counterseal.policy.words import Role, Stage
from tests.core.approvals.world import HASH, NOW, Desk, bundle, opened, person

POLICY = bundle()
PARAMS = POLICY.approval
REQUEST = opened(POLICY, review_ttl_seconds=86400, signal_expires_at=NOW + timedelta(days=2))
SECOND = timedelta(seconds=1)


def rule(stage: Stage) -> StageRule:
    found = PARAMS.stage(stage)
    assert found is not None
    return found


def test_i1_reminder_then_escalation_then_expiry_each_half_open() -> None:
    """Governance 2.6: the instant decides; both are recorded once."""
    remind, escalate = remind_at(REQUEST, PARAMS), escalate_at(REQUEST, PARAMS)
    assert NOW < remind < escalate < REQUEST.review_expires_at
    for decide, at in ((decide_reminder, remind), (decide_escalation, escalate)):
        assert isinstance(decide(REQUEST, PARAMS, at - SECOND), Refusal)
        done = decide(REQUEST, PARAMS, at)
        assert isinstance(done, ApprovalRequest)
        assert isinstance(decide(done, PARAMS, at + SECOND), Refusal)
        assert isinstance(decide(REQUEST, PARAMS, REQUEST.review_expires_at), Refusal)
        assert isinstance(decide(Desk().approved().request, PARAMS, at), Refusal)
    with pytest.raises(ValidationError):
        PARAMS.amended(remind_after_seconds=PARAMS.escalate_after_seconds)
    with pytest.raises(ValidationError):
        PARAMS.amended(escalate_after_seconds=PARAMS.review_ttl_seconds)


def test_i2_escalation_adds_roles_and_takes_none_away() -> None:
    """Governance 2.6: fallbacks named in the bundle, from the instant on."""
    research, at = rule(Stage.RESEARCH), escalate_at(REQUEST, PARAMS)
    assert roles_at(research, REQUEST, PARAMS, at - SECOND) == research.roles
    assert roles_at(research, REQUEST, PARAMS, at) == (*research.roles, Role.RISK_REVIEWER)
    assert roles_at(rule(Stage.RISK), REQUEST, PARAMS, at) == rule(Stage.RISK).roles
    with pytest.raises(ValidationError):
        research.amended(fallback_roles=(research.roles[0],))
    strange = research.amended(fallback_roles=(Role.OPERATOR,))
    with pytest.raises(ValidationError):
        PARAMS.amended(stages=(strange, *PARAMS.stages[1:]))


def test_i3_no_clock_answers() -> None:
    """Governance 2.6: status, chain and stages are as before."""
    done = decide_escalation(REQUEST, PARAMS, escalate_at(REQUEST, PARAMS))
    assert isinstance(done, ApprovalRequest)
    kept = ("status", "stages_done", "latest_chain_hash", "required_review_count")
    assert [getattr(done, name) for name in kept] == [getattr(REQUEST, name) for name in kept]


def comment(
    count: int = 0,
    reply_to: str | None = None,
    answered: CaseComment | None = None,
) -> CaseComment | Refusal:
    return decide_comment(
        "com_1",
        REQUEST,
        person("rex"),
        HASH,
        reply_to=reply_to,
        answered=answered,
        count=count,
        now=NOW,
    )


def test_i1_i2_a_comment_holds_a_commitment_and_nothing_of_the_case_changes() -> None:
    """Governance 2.3: the value names the case; no request comes back."""
    made = comment()
    assert isinstance(made, CaseComment)
    assert (made.words, made.approval_request_id, made.request_version) == (HASH, "apr_1", 1)


def test_i3_a_reply_answers_a_comment_of_the_same_case() -> None:
    """Governance 2.3: another case's comment, or none, is not found."""
    first = comment()
    assert isinstance(first, CaseComment)
    assert isinstance(comment(reply_to="com_1", answered=first), CaseComment)
    elsewhere = first.amended(approval_request_id="apr_2")
    for answered in (None, elsewhere):
        refused = comment(reply_to="com_1", answered=answered)
        assert isinstance(refused, Refusal)
        assert refused.codes == ("NOT_FOUND",)


def test_a_case_takes_so_many_comments_and_no_more() -> None:
    """Issue 4: bounded; the last place is taken, one beyond is refused."""
    assert isinstance(comment(count=COMMENTS_MAX - 1), CaseComment)
    full = comment(count=COMMENTS_MAX)
    assert isinstance(full, Refusal)
    assert full.codes == ("COMMENTS_FULL",)
