"""End a request before it is used.

Job: decide withdrawal by the requester, revocation by a signer or compliance, and supersession.

Invariants
  I1  The rules say who withdraws (the requester) and who revokes (a signer or compliance).
  I2  A terminal case never moves again, whatever the rules say.
  I3  Every answer of the rules is handed back, also with a refusal, so that it is recorded.

Not here: expiry (approvals.expiry), consumption (approvals.execution).
Source: governance rule 2.1.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from counterseal.approvals.authorization import (
    GovernedCase,
    closing_question,
    judged,
    reason_codes,
)
from counterseal.approvals.model import ApprovalRequest
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.approvals.states import REQUEST_STATES, RequestEvent
from counterseal.identity.people import Person
from counterseal.kernel.model import DomainModel, Refusal
from counterseal.policy.evaluation import JudgedRefusal, PolicyEvaluation, with_evaluation
from counterseal.policy.question import RuleAction

_R: Final = ReasonCode


class EndedCase(DomainModel):
    """A request that somebody ended, and what the rules said about it."""

    request: ApprovalRequest
    evaluation: PolicyEvaluation


def decide_withdraw(case: GovernedCase, actor: Person, now: datetime) -> EndedCase | JudgedRefusal:
    """Withdraw an open request.

    Refusals: `OTHER_TENANT`, `PERSON_DISABLED`, `CLOCK_BACKWARDS`, `TERMINAL`, `POLICY_CHANGED`,
    `ROLE` (not the requester).

    Raises:
        PolicyError: `POLICY_ERROR` when the facts do not fit a question to the rules.
    """
    return _judged_end(case, actor, RuleAction.WITHDRAW, RequestEvent.WITHDRAW, now, [])


def decide_revoke(
    case: GovernedCase, actor: Person, *, reason: str, now: datetime
) -> EndedCase | JudgedRefusal:
    """Revoke an approval; the desk records the actor's signature of kind `revoke` with the event.

    Refusals: those of `decide_withdraw` (`ROLE`: neither signer nor compliance), `NOT_PENDING`,
    `REASON_TOO_SHORT`.

    Raises:
        PolicyError: `POLICY_ERROR` when the facts do not fit a question to the rules.
    """
    short = len(reason.strip()) < case.bundle.approval.reason_length_min
    found = [_R.REASON_TOO_SHORT] if short else []
    return _judged_end(case, actor, RuleAction.REVOKE, RequestEvent.REVOKE, now, found)


def _judged_end(
    case: GovernedCase,
    actor: Person,
    action: RuleAction,
    event: RequestEvent,
    now: datetime,
    found: Sequence[ReasonCode],
) -> EndedCase | JudgedRefusal:
    evaluation = judged(case, closing_question(case, actor, action, now), now)
    codes = [*found, *reason_codes(evaluation)]
    ended = _ended(case.request, actor, event, now, codes)
    if isinstance(ended, Refusal):
        return with_evaluation(ended, evaluation)
    return EndedCase(request=ended, evaluation=evaluation)


def decide_supersede(
    request: ApprovalRequest, actor: Person, by_request_id: str, now: datetime
) -> ApprovalRequest | Refusal:
    """Close a version that a newer one, or a newer bundle, replaces."""
    ended = _ended(request, actor, RequestEvent.SUPERSEDE, now, [])
    return ended if isinstance(ended, Refusal) else ended.amended(superseded_by=by_request_id)


def _ended(
    request: ApprovalRequest,
    actor: Person,
    event: RequestEvent,
    now: datetime,
    found: Sequence[ReasonCode],
) -> ApprovalRequest | Refusal:
    codes = list(found)
    if actor.tenant != request.tenant:
        codes.append(_R.OTHER_TENANT)
    if now < request.updated_at:
        codes.append(_R.CLOCK_BACKWARDS)
    if REQUEST_STATES.is_terminal(request.status):
        codes.append(_R.TERMINAL)
    elif not REQUEST_STATES.allows(request.status, event):
        codes.append(_R.NOT_PENDING)
    refusal = refuse_all(
        codes, f"{event.value} is refused", actor=actor.person_id, status=request.status
    )
    if refusal is not None:
        return refusal
    return request.amended(status=REQUEST_STATES.next(request.status, event), updated_at=now)
