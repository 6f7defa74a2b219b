"""The access review: somebody looked at who may do what, and says so.

Job: give the list of people, roles and keys one digest, and decide a signed attestation of it.

Invariants
  I1  What is attested is the list as it stands in the transaction that records the attestation.
  I2  The attestation is signed with the attester's own key, over the digest of the list.

Not here: building the list (desk.views.people).
Source: governance rules, part 5 (access review recorded) and control IT-04.
"""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from counterseal.identity.acts import ATTEST, ActTerms
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.proposals import own_signature_refusal, terms_refusal
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, DomainModel, Name, Refusal, Sha256, Signature, refuse
from counterseal.policy.authorize import Action, authorize
from counterseal.policy.words import Meaning


class AccessClaim(DomainModel):
    """What a person says about the list.

    Attributes:
        list_digest: Of the list as it was shown.
        people_count: People on it, disabled ones too.
    """

    terms: ActTerms
    list_digest: Sha256
    people_count: int = Field(ge=1)


class AccessReview(Document):
    """A recorded access review."""

    KIND: ClassVar[str] = "access_reviews"
    KEY: ClassVar[str] = "review_id"

    review_id: Name
    tenant: Name
    list_digest: Sha256
    people_count: int
    attested_by: Name
    attested_at: UtcDatetime
    signature: Signature


def review_statement(claim: AccessClaim) -> dict[str, Json]:
    """What the attester signs."""
    return {
        "schema_version": 1,
        "kind": ATTEST,
        "act": "review_access",
        "meaning": Meaning.ATTESTED_REVIEW.value,
        **claim.terms.json_value(),
        "list_digest": claim.list_digest,
        "people_count": claim.people_count,
    }


def decide_review(
    claim: AccessClaim,
    signature: Signature,
    attester: Person,
    key: PersonKey | None,
    *,
    origin: str,
    list_digest: str,
    now: datetime,
) -> AccessReview | Refusal:
    """Record a review of the list that stands.

    Returns:
        Or a refusal: `PERSON_DISABLED`, `ROLE`, `OTHER_LOG`, `OTHER_TENANT`, `PROPOSAL_EXPIRED`,
        `SNAPSHOT_CHANGED` when the list is another one by now, `KEY_NOT_ENROLLED`,
        `SIGNATURE_INVALID`.
    """
    refusal = (
        authorize(Action.GRANT_ROLE, attester.held_roles(), active=attester.active)
        or terms_refusal(claim.terms, origin, attester.tenant, now)
        or own_signature_refusal(signature, key, attester, ATTEST, review_statement(claim), now)
    )
    if refusal is not None:
        return refusal
    if claim.list_digest != list_digest:
        return refuse("SNAPSHOT_CHANGED", "the list is another one by now; look again")
    return AccessReview(
        review_id=claim.terms.nonce,
        tenant=claim.terms.tenant,
        list_digest=claim.list_digest,
        people_count=claim.people_count,
        attested_by=attester.person_id,
        attested_at=now,
        signature=signature,
    )
