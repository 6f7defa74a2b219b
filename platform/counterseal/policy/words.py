"""The closed word lists that policy documents and records share.

Job: name roles, stages, decision words and meanings once, so that a misspelt word cannot load.

Invariants
  I1  A word outside these lists is refused wherever a document or record is read.

Not here: who holds a role (identity.people), what a stage requires (policy.params).
Source: governance rules 2.1, 3 (meaning of a signature) and 5 (roles).
"""

from enum import StrEnum


class Role(StrEnum):
    """What a person may be allowed to do; granted by two people."""

    REQUESTER = "requester"
    RESEARCH_REVIEWER = "research_reviewer"
    RISK_REVIEWER = "risk_reviewer"
    COMPLIANCE_REVIEWER = "compliance_reviewer"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ENROLMENT_OFFICER = "enrolment_officer"
    POLICY_AUTHOR = "policy_author"
    POLICY_APPROVER = "policy_approver"
    ADMINISTRATOR = "administrator"


class Stage(StrEnum):
    """Review stages, in their order."""

    RESEARCH = "research"
    RISK = "risk"
    COMPLIANCE = "compliance"


class DecisionWord(StrEnum):
    """The four decisions of a reviewer."""

    RESEARCH_APPROVED = "research_approved"
    APPROVED_FOR_PAPER = "approved_for_paper_simulation"
    REJECTED = "rejected"
    NEEDS_DATA = "needs_data_review"


class EvidenceSection(StrEnum):
    """The sections of a case that a reviewer can open before signing, in the order of a page."""

    REQUEST = "request"
    CHANGES = "changes"
    DECISIONS = "decisions"
    COMMENTS = "comments"
    EXACT_BYTES = "exact_bytes"


class Meaning(StrEnum):
    """What a signature means; shown before signing and inside the signed statement."""

    REVIEWED_RESEARCH = "reviewed_research"
    AUTHORISED_PAPER = "authorised_paper"
    CLEARED_COMPLIANCE = "cleared_compliance"
    REJECTED = "rejected"
    DATA_INSUFFICIENT = "data_insufficient"
    REVOKED = "revoked"
    DELEGATED = "delegated"
    ENROLLED_KEY = "enrolled_key"
    GRANTED_ROLE = "granted_role"
    APPROVED_POLICY = "approved_policy"
    ATTESTED_REVIEW = "attested_review"
    OVERRODE_RISK = "overrode_risk"
    RESOLVED_DIFFERENCES = "resolved_differences"
