"""What the accounts of keys, personal data and purges may hold against a log.

Job: give one form to everything that a log fails to account for.

Not here: finding it (audit.keys, audit.privacy, audit.retention), attackers (audit.verdict).
Source: design part "verify", stable codes.
"""

from enum import StrEnum

from pydantic import Field

from counterseal.kernel.model import DomainModel, Name, Text


class IrregularCode(StrEnum):
    """Stable codes of contradictions."""

    SIG_INVALID = "SIG_INVALID"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    KEY_REVOKED = "KEY_REVOKED"
    PII_MISSING = "PII_MISSING"
    PII_OPENING_MISMATCH = "PII_OPENING_MISMATCH"
    PII_NOT_ERASED = "PII_NOT_ERASED"
    PURGE_UNACCOUNTED = "PURGE_UNACCOUNTED"
    PURGED_WHILE_HELD = "PURGED_WHILE_HELD"


class Irregularity(DomainModel):
    """One contradiction.

    Attributes:
        seq: Record that it concerns.
        layer: Which account saw it, such as `keys`, `pii` or `retention`.
    """

    seq: int = Field(ge=0)
    code: IrregularCode
    layer: Name
    message: Text
