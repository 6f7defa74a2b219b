"""Reminders and escalation of a case that waits.

Job: say when a waiting case is reminded of and escalated, and who may take a seat then.

Invariants
  I1  `remind_at < escalate_at`, both half-open; an instant alone decides, not what was recorded.
  I2  Escalation adds roles; it never removes one, and leaves quorum, order and key class alone.
  I3  It never answers: no clock approves.

Not here: expiry (approvals.expiry), notices to people.
Source: governance rule 2.6.
"""

from datetime import datetime, timedelta

from counterseal.approvals.model import UNDER_REVIEW, ApprovalRequest
from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.params import ApprovalParameters, StageRule
from counterseal.policy.words import Role


def remind_at(request: ApprovalRequest, params: ApprovalParameters) -> datetime:
    """When reviewers are reminded."""
    return request.created_at + timedelta(seconds=params.remind_after_seconds)


def escalate_at(request: ApprovalRequest, params: ApprovalParameters) -> datetime:
    """When the fallback roles may take a seat as well."""
    return waiting_limit(request.created_at, params)


def waiting_limit(created_at: datetime, params: ApprovalParameters) -> datetime:
    """Until when a request of that moment (UTC) waits no longer than it should."""
    return created_at + timedelta(seconds=params.escalate_after_seconds)


def roles_at(
    rule: StageRule, request: ApprovalRequest, params: ApprovalParameters, instant: datetime
) -> tuple[Role, ...]:
    """Roles that may take a seat of the stage at an instant; the stage's own come first."""
    escalated = instant >= escalate_at(request, params)
    return (*rule.roles, *rule.fallback_roles) if escalated else rule.roles


def decide_reminder(
    request: ApprovalRequest, params: ApprovalParameters, now: datetime
) -> ApprovalRequest | Refusal:
    """Record that reviewers were reminded; refusal `NOT_DUE`."""
    if request.reminded_at is not None or not _due(request, now, remind_at(request, params)):
        return _not_due(request)
    return request.amended(reminded_at=now, updated_at=now)


def decide_escalation(
    request: ApprovalRequest, params: ApprovalParameters, now: datetime
) -> ApprovalRequest | Refusal:
    """Record that the fallback roles may act; refusal `NOT_DUE`."""
    if request.escalated_at is not None or not _due(request, now, escalate_at(request, params)):
        return _not_due(request)
    return request.amended(escalated_at=now, updated_at=now)


def _due(request: ApprovalRequest, now: datetime, at: datetime) -> bool:
    return request.status in UNDER_REVIEW and at <= now < request.review_expires_at


def _not_due(request: ApprovalRequest) -> Refusal:
    return refuse("NOT_DUE", "nothing is due", request=request.approval_request_id)
