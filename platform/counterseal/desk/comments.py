"""A reviewer's words, beside the statement that commits to them.

Job: record what was prepared for signing, and find it again together with its words.

Invariants
  I1  Words are shown again only to who gives the same words: the command's digest holds none.

Not here: the commitment (approvals.statement), its erasure (desk.records).
Source: TX-G9; design part "privacy, retention, legal hold".
"""

from datetime import datetime
from typing import NamedTuple

from counterseal.approvals.model import ReviewNonce
from counterseal.approvals.review_checks import SignedReview
from counterseal.approvals.statement import KIND, DecisionStatement, comment_opening
from counterseal.desk.commands import Done
from counterseal.desk.ports import Reader
from counterseal.identity.dsse import signed_bytes
from counterseal.kernel.canonical import canonical_bytes, sha256_hex
from counterseal.kernel.model import (
    DomainModel,
    Event,
    Refusal,
    Signature,
    Subject,
    details,
    refuse,
)


class PreparedReview(DomainModel):
    """What a reviewer is shown and signs.

    Attributes:
        statement: To be signed with the reviewer's own key.
        comment_salt: Opens the commitment to the reason.
    """

    statement: DecisionStatement
    reason: str
    comment_salt: str

    @property
    def text(self) -> str:
        """The statement in the exact bytes of its signed payload."""
        return canonical_bytes(self.statement.json_value()).decode()

    @property
    def message(self) -> bytes:
        """The exact bytes that are signed."""
        return signed_bytes(KIND, self.statement.json_value())

    @property
    def signed_digest(self) -> str:
        """`sha256:<hex>` over the bytes that are signed; the decision keeps it."""
        return f"sha256:{sha256_hex(self.message)}"

    def signed(self, signature: Signature) -> SignedReview:
        """What is sent to the desk: these words, and a signature over the statement."""
        return SignedReview(
            decision=self.statement.decision,
            reason=self.reason,
            comment_salt=self.comment_salt,
            signature=signature,
        )


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


def offered(prepared: PreparedReview, stream: str, now: datetime, ends: datetime) -> Done:
    """What is recorded when a statement is offered to its reviewer, to be signed before `ends`."""
    statement = prepared.statement
    nonce = ReviewNonce(
        nonce=statement.nonce,
        person_id=statement.person,
        approval_request_id=statement.request_id,
        request_version=statement.request_version,
        issued_at=now,
        expires_at=ends,
        statement=prepared.text,
        reason=statement.comment_hash,
    )
    event = Event(
        type="review.prepared",
        stream=stream,
        subject=Subject(type="approval_request", id=statement.request_id),
        action="approvals.prepare",
        documents=(nonce,),
        facts=details(statement=statement.digest, shown=statement.evidence_shown_hash),
    )
    opening = comment_opening(statement.person, prepared.comment_salt, prepared.reason)
    return Done(subject_id=nonce.nonce, events=(event,), openings=(opening,))


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
