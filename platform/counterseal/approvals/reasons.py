"""Why approvals say no.

Job: list the stable reason codes of this room in the order in which they are checked.

Invariants
  I1  Every refusal of this room carries codes from this list only.

Not here: their explanation for people (policies/reason-codes.md).
Source: governance rule 2.8.
"""

from collections.abc import Iterable
from enum import StrEnum

from counterseal.kernel.model import Refusal, details


class ReasonCode(StrEnum):
    """Reasons, in check order."""

    NOT_FOUND = "NOT_FOUND"
    OTHER_TENANT = "OTHER_TENANT"
    PERSON_DISABLED = "PERSON_DISABLED"
    CLOCK_BACKWARDS = "CLOCK_BACKWARDS"
    LOST_RACE = "LOST_RACE"
    ALREADY_CONSUMED = "ALREADY_CONSUMED"
    TERMINAL = "TERMINAL"
    NOT_PENDING = "NOT_PENDING"
    REVIEW_EXPIRED = "REVIEW_EXPIRED"
    EXECUTION_EXPIRED = "EXECUTION_EXPIRED"
    POLICY_CHANGED = "POLICY_CHANGED"
    POLICY_ERROR = "POLICY_ERROR"
    POLICY_UNAVAILABLE = "POLICY_UNAVAILABLE"
    PAYLOAD_CHANGED = "PAYLOAD_CHANGED"
    EVIDENCE_CHANGED = "EVIDENCE_CHANGED"
    EVIDENCE_UNOPENED = "EVIDENCE_UNOPENED"
    FLAT_SIGNAL = "FLAT_SIGNAL"
    SIGNAL_MISMATCH = "SIGNAL_MISMATCH"
    SIGNAL_EXPIRED = "SIGNAL_EXPIRED"
    EXPOSURE_ABOVE_TARGET = "EXPOSURE_ABOVE_TARGET"
    QUANTITY_NOT_WHOLE = "QUANTITY_NOT_WHOLE"
    USES_ABOVE_POLICY = "USES_ABOVE_POLICY"
    TIME_IN_FORCE_NOT_ALLOWED = "TIME_IN_FORCE_NOT_ALLOWED"
    ANSWER_INVALID = "ANSWER_INVALID"
    NOTHING_AMENDED = "NOTHING_AMENDED"
    VERSIONS_USED_UP = "VERSIONS_USED_UP"
    COMMENTS_FULL = "COMMENTS_FULL"
    REQUESTER_IS_REVIEWER = "REQUESTER_IS_REVIEWER"
    AUTHOR_CONFLICT = "AUTHOR_CONFLICT"
    ALREADY_REVIEWED = "ALREADY_REVIEWED"
    DELEGATION_CONFLICT = "DELEGATION_CONFLICT"
    GRANT_INVALID = "GRANT_INVALID"
    ROLE = "ROLE"
    STRATEGY_SCOPE = "STRATEGY_SCOPE"
    ABOVE_AUTHORITY = "ABOVE_AUTHORITY"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    STAGE_NOT_REQUIRED = "STAGE_NOT_REQUIRED"
    STAGE_FULL = "STAGE_FULL"
    STAGES_MISSING = "STAGES_MISSING"
    COMPLIANCE_MISSING = "COMPLIANCE_MISSING"
    REAUTH_REQUIRED = "REAUTH_REQUIRED"
    KEY_NOT_ENROLLED = "KEY_NOT_ENROLLED"
    KEY_REVOKED = "KEY_REVOKED"
    KEY_CLASS_TOO_LOW = "KEY_CLASS_TOO_LOW"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    SNAPSHOT_CHANGED = "SNAPSHOT_CHANGED"
    NONCE_USED = "NONCE_USED"
    BULK_LIMIT = "BULK_LIMIT"
    CHAIN_BROKEN = "CHAIN_BROKEN"
    REASON_TOO_SHORT = "REASON_TOO_SHORT"
    NOT_PAPER_ONLY = "NOT_PAPER_ONLY"
    UNSTAFFABLE = "UNSTAFFABLE"


_ORDER = {code: place for place, code in enumerate(ReasonCode)}


def refuse_all(codes: Iterable[ReasonCode], message: str, **facts: object) -> Refusal | None:
    """One refusal with all codes in check order, each once; None when there is no code."""
    unique = sorted(set(codes), key=_ORDER.__getitem__)
    if not unique:
        return None
    return Refusal(code=unique[0], codes=tuple(unique), message=message, details=details(**facts))
