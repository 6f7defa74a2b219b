"""A request changed before it is used: a new version takes the place of the old one.

Job: close one version and open the next, with the decisions that may carry.

Invariants
  I1  The old version ends where the new one begins: never both, never neither.
  I2  Only what the void matrix leaves standing carries; under another bundle nothing does.
  I3  Tenant, requester and the time of the first asking stay; what was used or expired is never
      amended.

Not here: the matrix (approvals.matrix), the carried decisions themselves (approvals.carrying).
Source: governance rules 2.1 to 2.3, part 4 (gate, step 6).
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.approvals.carrying import VERSIONS_MAX, carry_over
from counterseal.approvals.decide import barred_from, check_request, opened_request, required_by
from counterseal.approvals.expiry import execution_end, is_expired
from counterseal.approvals.independence import Candidate, PersonLink
from counterseal.approvals.lifecycle import decide_supersede
from counterseal.approvals.matrix import carried_decisions
from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    RequestPayload,
    RequestStatus,
)
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.approvals.routing import route_seats, wishes_of
from counterseal.approvals.states import REQUEST_STATES, RequestEvent
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.kernel.model import DomainModel, Refusal
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.params import StageRule
from counterseal.signals.model import SignalRecord

_R: Final = ReasonCode


class AmendmentCase(DomainModel):
    """The facts about one amendment.

    Attributes:
        decisions: All of the old version, in sequence.
        requester: Of the old version, as registered.
        actor: Who amends: the requester; who reopens: anybody of the tenant.
        answered: The request that the new payload cites, or None.
        person_keys: Of everybody who decided.
    """

    old: ApprovalRequest
    decisions: tuple[ApprovalDecision, ...]
    payload: RequestPayload
    signal: SignalRecord
    requester: Person
    actor: Person
    bundle: PolicyBundle
    candidates: tuple[Candidate, ...]
    links: tuple[PersonLink, ...]
    person_keys: tuple[PersonKey, ...]
    ratio: Decimal
    answered: ApprovalRequest | None = None


class Amendment(DomainModel):
    """What an amendment changes."""

    old: ApprovalRequest
    new: ApprovalRequest
    carried: tuple[ApprovalDecision, ...]


def decide_amendment(
    case: AmendmentCase, request_id: str, decision_ids: Sequence[str], now: datetime
) -> Amendment | Refusal:
    """Replace a request by a changed version of it, asked for by its requester.

    Args:
        case: The facts.
        request_id: Of the new version.
        decision_ids: One for each decision of the old version, for those that carry.
        now: The command's one instant.

    Returns:
        The old version superseded, the new one and its carried decisions; or, all collected, `ROLE`
        (not the requester), `NOTHING_AMENDED`, `PAYLOAD_CHANGED` (the first asking's time),
        `ALREADY_CONSUMED` (used), `REVIEW_EXPIRED`, `EXECUTION_EXPIRED`, `VERSIONS_USED_UP`, those
        of `approvals.lifecycle.decide_supersede` and of `approvals.decide.check_request`.
    """
    codes = [] if case.actor.person_id == case.old.requester_id else [_R.ROLE]
    if case.payload == case.old.payload:
        codes.append(_R.NOTHING_AMENDED)
    return _amended(case, request_id, decision_ids, now, codes)


def decide_reopening(case: AmendmentCase, request_id: str, now: datetime) -> Amendment | Refusal:
    """Replace a request that is pinned to an older bundle by itself under the one in force.

    Nothing carries. The payload of the case is the old one; only its bundle changes.

    Returns:
        As `decide_amendment`; `NOTHING_AMENDED` when the pinned bundle is the one in force.
    """
    payload = case.old.payload.amended(policy_bundle_hash=case.bundle.bundle_hash)
    codes = [_R.NOTHING_AMENDED] if payload == case.old.payload else []
    return _amended(case.amended(payload=payload), request_id, (), now, codes)


def _amended(
    case: AmendmentCase,
    request_id: str,
    decision_ids: Sequence[str],
    now: datetime,
    found: Sequence[ReasonCode],
) -> Amendment | Refusal:
    rules = required_by(case.payload, case.bundle)
    old = decide_supersede(case.old, case.actor, request_id, now)
    codes = [*found, *_case_codes(case, now)]
    codes += [_R(code) for code in old.codes] if isinstance(old, Refusal) else []
    codes += check_request(
        case.payload,
        case.signal,
        case.requester,
        bundle=case.bundle,
        candidates=case.candidates,
        links=case.links,
        ratio=case.ratio,
        answered=case.answered,
        now=now,
    )
    refusal = refuse_all(codes, "the request stays as it is", request=case.old.approval_request_id)
    if refusal is not None:
        return refusal
    if isinstance(old, Refusal):
        return old
    new = opened_request(request_id, case.payload, rules, now).amended(
        version=case.old.version + 1, supersedes=case.old.approval_request_id
    )
    return _carried(case, old, new, rules, decision_ids, now)


def _case_codes(case: AmendmentCase, now: datetime) -> list[ReasonCode]:
    old, payload = case.old, case.payload
    approved = old.status is RequestStatus.APPROVED_FOR_PAPER
    over = _R.EXECUTION_EXPIRED if approved else _R.REVIEW_EXPIRED
    checks = (
        (_R.ALREADY_CONSUMED, bool(old.orders)),
        (over, is_expired(old, case.decisions, now)),
        (_R.PAYLOAD_CHANGED, payload.created_at != old.payload.created_at),
        (_R.PAYLOAD_CHANGED, payload.requester_id != old.requester_id),
        (_R.VERSIONS_USED_UP, old.version >= VERSIONS_MAX),
    )
    return [code for code, failed in checks if failed]


def _carried(
    case: AmendmentCase,
    old: ApprovalRequest,
    new: ApprovalRequest,
    rules: Sequence[StageRule],
    decision_ids: Sequence[str],
    now: datetime,
) -> Amendment:
    kept = carried_decisions(
        case.decisions,
        old.payload,
        new.payload,
        matrix=case.bundle.approval.void_matrix,
        rules=rules,
        keys=case.person_keys,
        now=now,
    )
    carried = carry_over(old, new, kept, decision_ids, case.bundle.approval.void_matrix)
    standing = _standing(new, carried, rules, case.bundle)
    return Amendment(old=old, new=_routed(case, standing, carried, rules), carried=carried)


def _routed(
    case: AmendmentCase,
    new: ApprovalRequest,
    carried: Sequence[ApprovalDecision],
    rules: Sequence[StageRule],
) -> ApprovalRequest:
    """The wishes of the old version, met anew for the stages that have to review again."""
    barred = barred_from(new.payload, case.bundle, case.links)
    routing = route_seats(
        wishes_of(case.old.routing),
        [rule for rule in rules if rule.id not in new.stages_done],
        case.candidates,
        barred.union(decision.reviewer_id for decision in carried),
        case.links,
    )
    return new.amended(routing=routing)


def _standing(
    new: ApprovalRequest,
    carried: Sequence[ApprovalDecision],
    rules: Sequence[StageRule],
    bundle: PolicyBundle,
) -> ApprovalRequest:
    """The new version where the carried decisions leave it."""
    if not carried:
        return new
    request = new.amended(
        latest_chain_hash=carried[-1].decision_hash,
        last_approval_at=max(d.decided_at for d in carried),
    )
    for rule in rules:
        if sum(d.stage == rule.id for d in carried) < rule.quorum:
            return request
        request = request.amended(stages_done=(*request.stages_done, rule.id))
        last = request.next_stage is None
        event = RequestEvent.APPROVE_LAST if last else RequestEvent.APPROVE_MORE
        request = request.amended(status=REQUEST_STATES.next(request.status, event))
    end = execution_end(request, carried, bundle_expires_at=bundle.expires_at, session_ends_at=None)
    return request.amended(execution_valid_until=end)
