"""A reviewer's words, beside the statement that commits to them.

Job: find what was prepared for signing together with its words.

Invariants
  I1  Words are shown again only to who gives the same words: the command's digest holds none.

Not here: the commitment (approvals.statement), its erasure (desk.records).
Source: TX-G9; design part "privacy, retention, legal hold".
"""

from typing import NamedTuple

from counterseal.approvals.model import ReviewNonce
from counterseal.approvals.statement import DecisionStatement
from counterseal.desk.ports import Reader
from counterseal.kernel.model import DomainModel, Refusal, refuse


class PreparedReview(DomainModel):
    """What a reviewer is shown and signs.

    Attributes:
        statement: To be signed with the reviewer's own key.
        comment_salt: Opens the commitment to the reason.
    """

    statement: DecisionStatement
    reason: str
    comment_salt: str


class Prepared(NamedTuple):
    """What was prepared under a nonce.

    Attributes:
        statement: Canonical text of the statement.
        reason: The words that it commits to.
        comment_salt: Opens the commitment, 32 hex digits.
    """

    statement: str
    reason: str
    comment_salt: str


def prepared_under(reader: Reader, nonce_id: str, reason: str, key: str) -> Prepared | Refusal:
    """What was prepared under a nonce, for who gives the same words.

    Refusals: `IDEMPOTENCY_KEY_CONFLICT` when the words are others, or are erased.
    """
    nonce = reader.get(ReviewNonce, nonce_id)
    opening = None if nonce is None else reader.opened(nonce.reason)
    if nonce is None or opening is None or opening.word("text") != reason.strip():
        return refuse(
            "IDEMPOTENCY_KEY_CONFLICT", "the idempotency key was used with other words", key=key
        )
    return Prepared(nonce.statement, opening.word("text"), opening.salt)


def prepared_review(
    reader: Reader, nonce_id: str, reason: str, key: str
) -> PreparedReview | Refusal:
    """The review prepared under a nonce, to be signed; the refusal of `prepared_under`."""
    found = prepared_under(reader, nonce_id, reason, key)
    if isinstance(found, Refusal):
        return found
    told = DecisionStatement.model_validate_json(found.statement)
    return PreparedReview(statement=told, reason=found.reason, comment_salt=found.comment_salt)
