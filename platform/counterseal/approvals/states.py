"""The states of a request as a table.

Job: say which event moves which state where.

Invariants
  I1  Only the three open states move; the seven others are terminal.
  I2  `consumed` is reached from `approved_for_paper_simulation` only.

Not here: who may cause an event (approvals.decide).
Source: governance rule 2.1.
"""

from enum import StrEnum
from typing import Final

from counterseal.approvals.model import RequestStatus as S
from counterseal.kernel.machine import StateTable


class RequestEvent(StrEnum):
    """What can happen to a request; the approve events mean that a stage became complete."""

    APPROVE_MORE = "approve_stages_remain"
    APPROVE_LAST = "approve_last"
    REJECT = "reject"
    NEEDS_DATA = "needs_data"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    REVOKE = "revoke"
    SUPERSEDE = "supersede"
    CONSUME = "consume"


_E = RequestEvent

REQUEST_STATES: Final = StateTable[S, RequestEvent](
    "approval request",
    {
        (S.PENDING_REVIEW, _E.APPROVE_MORE): S.RESEARCH_APPROVED,
        (S.PENDING_REVIEW, _E.REJECT): S.REJECTED,
        (S.PENDING_REVIEW, _E.NEEDS_DATA): S.NEEDS_DATA,
        (S.PENDING_REVIEW, _E.EXPIRE): S.EXPIRED,
        (S.PENDING_REVIEW, _E.WITHDRAW): S.WITHDRAWN,
        (S.PENDING_REVIEW, _E.SUPERSEDE): S.SUPERSEDED,
        (S.RESEARCH_APPROVED, _E.APPROVE_MORE): S.RESEARCH_APPROVED,
        (S.RESEARCH_APPROVED, _E.APPROVE_LAST): S.APPROVED_FOR_PAPER,
        (S.RESEARCH_APPROVED, _E.REJECT): S.REJECTED,
        (S.RESEARCH_APPROVED, _E.NEEDS_DATA): S.NEEDS_DATA,
        (S.RESEARCH_APPROVED, _E.EXPIRE): S.EXPIRED,
        (S.RESEARCH_APPROVED, _E.WITHDRAW): S.WITHDRAWN,
        (S.RESEARCH_APPROVED, _E.REVOKE): S.REVOKED,
        (S.RESEARCH_APPROVED, _E.SUPERSEDE): S.SUPERSEDED,
        (S.APPROVED_FOR_PAPER, _E.EXPIRE): S.EXPIRED,
        (S.APPROVED_FOR_PAPER, _E.WITHDRAW): S.WITHDRAWN,
        (S.APPROVED_FOR_PAPER, _E.REVOKE): S.REVOKED,
        (S.APPROVED_FOR_PAPER, _E.SUPERSEDE): S.SUPERSEDED,
        (S.APPROVED_FOR_PAPER, _E.CONSUME): S.CONSUMED,
    },
)
