"""Decisions that an amended version takes over from the one before.

Job: repeat a signed decision in the chain of the new version, and check such a repetition.

Invariants
  I1  A carried decision keeps its signature, its words, its times and its seat's stage; only its
      place in a chain is new, and the chain hash covers where it came from.
  I2  The check verifies the signed decision in the chain of its own version, then compares both
      payloads again: nothing that the carrying recorded is believed.
  I3  Without the earlier version, or without its rows, a carried decision does not hold.

Not here: which decisions carry (approvals.matrix), the chain itself (approvals.history).
Source: governance rule 2.3; N6.
"""

from collections.abc import Sequence
from typing import Final

from counterseal.approvals.matrix import changed_fields, named_rows, voided_stages
from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    CarriedFrom,
    decision_chain_hash,
)
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import DomainModel
from counterseal.policy.params import VoidRow

VERSIONS_MAX: Final = 50
"""A case is amended at most this often; then a new one is asked for."""
_PLACE: Final = frozenset(
    {
        "approval_decision_id",
        "approval_request_id",
        "request_version",
        "sequence",
        "seat",
        "previous_chain_hash",
        "decision_hash",
        "carried",
    }
)


class CaseVersion(DomainModel):
    """An earlier version of a case with its decisions in sequence."""

    request: ApprovalRequest
    decisions: tuple[ApprovalDecision, ...]


def carry_over(
    old: ApprovalRequest,
    new: ApprovalRequest,
    decisions: Sequence[ApprovalDecision],
    ids: Sequence[str],
    matrix: Sequence[VoidRow],
) -> tuple[ApprovalDecision, ...]:
    """The given decisions of the old version as the first of the new one, chained in order.

    Raises:
        InvariantError: when there are fewer ids than decisions.
    """
    if len(ids) < len(decisions):
        raise InvariantError("a carried decision has no id")
    changed = changed_fields(old.payload, new.payload)
    rows = named_rows(matrix, old.payload, new.payload)
    head, made = new.latest_chain_hash, list[ApprovalDecision]()
    for place, decision in enumerate(decisions):
        origin = CarriedFrom(
            approval_request_id=old.approval_request_id,
            approval_decision_id=decision.approval_decision_id,
            decision_hash=decision.decision_hash,
            changed=changed,
            rows=rows,
        )
        copy = decision.amended(
            approval_decision_id=ids[place],
            approval_request_id=new.approval_request_id,
            request_version=new.version,
            sequence=place + 1,
            seat=sum(d.stage == decision.stage for d in made) + 1,
            previous_chain_hash=head,
            carried=origin,
        )
        made.append(copy.amended(decision_hash=decision_chain_hash(copy)))
        head = made[-1].decision_hash
    return tuple(made)


def carry_problem(
    decision: ApprovalDecision,
    request: ApprovalRequest,
    earlier: CaseVersion | None,
    matrix: Sequence[VoidRow] | None,
) -> str:
    """Why a carried decision does not repeat one of the earlier version; empty when it does.

    The earlier version's own chain is verified by the caller.

    Args:
        decision: With `carried` set.
        request: The version that carries it.
        earlier: The version that it amended, or None when that is not there.
        matrix: Of the bundle that both versions are pinned to; None when that is not at hand, then
            the rows that the record names are used.
    """
    origin = decision.carried
    if origin is None or earlier is None:
        return "the version that it was carried from is not there"
    before, bound = earlier.request, request.payload
    signed = next((d for d in earlier.decisions if d.decision_hash == origin.decision_hash), None)
    linked = (request.supersedes, request.version) == (
        before.approval_request_id,
        before.version + 1,
    )
    if signed is None or not linked or origin.approval_request_id != before.approval_request_id:
        return "the version that it was carried from has no such decision"
    own, theirs = dict(decision), dict(signed)
    if any(own[name] != theirs[name] for name in own if name not in _PLACE):
        return "it is not what was signed for the earlier version"
    same_law = bound.policy_bundle_hash == before.payload.policy_bundle_hash
    same_people = (bound.tenant, bound.requester_id) == (
        before.payload.tenant,
        before.payload.requester_id,
    )
    rows = origin.rows if matrix is None else tuple(matrix)
    recorded = named_rows(rows, before.payload, bound)
    told = (changed_fields(before.payload, bound), recorded) == (origin.changed, origin.rows)
    voided = decision.stage in voided_stages(rows, before.payload, bound)
    if not (same_law and same_people and told and decision.approves) or voided:
        return "the amendment does not let it carry"
    return ""
