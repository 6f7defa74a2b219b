"""End a request before it is used.

Job: decide withdrawal by the requester, revocation by a signer or compliance, and supersession.

Invariants
  I1  Only the requester withdraws; only a signer or a compliance reviewer revokes.
  I2  A terminal case never moves again.

Not here: expiry (approvals.expiry), consumption (approvals.execution).
Source: governance rule 2.1.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.approvals.states import REQUEST_STATES, RequestEvent
from counterseal.identity.people import Person
from counterseal.kernel.model import Refusal
from counterseal.policy.words import Role

_R: Final = ReasonCode


def decide_withdraw(
    request: ApprovalRequest, actor: Person, now: datetime
) -> ApprovalRequest | Refusal:
    """Withdraw an open request; refusals `OTHER_TENANT`, `TERMINAL`, `ROLE` (not the requester)."""
    own = actor.active and actor.person_id == request.requester_id
    return _ended(request, actor, RequestEvent.WITHDRAW, now, [] if own else [_R.ROLE])


def decide_revoke(
    request: ApprovalRequest,
    decisions: Sequence[ApprovalDecision],
    actor: Person,
    *,
    reason: str,
    reason_length_min: int,
    now: datetime,
) -> ApprovalRequest | Refusal:
    """Revoke an approval; refusals `TERMINAL`, `NOT_PENDING`, `ROLE`, `REASON_TOO_SHORT`.

    The desk records the actor's signature of kind `revoke` with the event.
    """
    signers = {d.reviewer_id for d in decisions if d.approves}
    may = actor.active and (
        actor.person_id in signers or Role.COMPLIANCE_REVIEWER in actor.held_roles()
    )
    codes = [] if may else [_R.ROLE]
    if len(reason.strip()) < reason_length_min:
        codes.append(_R.REASON_TOO_SHORT)
    return _ended(request, actor, RequestEvent.REVOKE, now, codes)


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
