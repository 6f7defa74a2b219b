"""A person's signed word about one control.

Job: say what is signed about a control, and decide whether it counts.

Invariants
  I1  It is signed with the person's own key, for this log, over the text of the control as it
      stood: a word about another text is none.
  I2  It names its end, at most 400 days away, and its reason.
  I3  Where records of the platform evidence a control, nobody's word does.

Not here: the catalogue (policy.controls), recording (desk.attestations), what a word changes in a
status (desk.views.controls).
Source: governance rules, part 7 (not applicable with a signed reason; attestations).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from counterseal.identity.acts import ATTEST, ActTerms
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.proposals import own_signature_refusal, terms_refusal
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, DomainModel, Name, Refusal, Sha256, Signature, refuse
from counterseal.policy.authorize import Action, authorize
from counterseal.policy.controls import Control
from counterseal.policy.words import Meaning

ACT: Final = "attest_control"
VALID_DAYS_MAX: Final = 400
"""Longest time for which a word counts: a yearly one may be renewed a month late."""
REASON_MIN: Final = 10
"""Fewest characters of a reason."""


class Stating(StrEnum):
    """What is said of a control: that it was carried out, or that it does not apply here."""

    EVIDENCE = "evidence"
    NOT_APPLICABLE = "not_applicable"


class ControlClaim(DomainModel):
    """What a person says about a control.

    Attributes:
        control_digest: Of the control as it was shown.
        reason: Words for the log; no personal data, for the log keeps them.
        file_digest: Of a report that it speaks of; the file itself is not kept here.
        valid_until: The end of it (UTC, half-open).
    """

    terms: ActTerms
    control_id: Name
    control_digest: Sha256
    states: Stating
    reason: str = Field(max_length=2000)
    file_digest: Sha256 | None = None
    valid_until: UtcDatetime


class ControlAttestation(Document):
    """A recorded word about a control; the newest of a control counts."""

    KIND: ClassVar[str] = "control_attestations"
    KEY: ClassVar[str] = "attestation_id"

    attestation_id: Name
    tenant: Name
    control_id: Name
    control_digest: Sha256
    states: Stating
    reason: str
    file_digest: Sha256 | None
    valid_until: UtcDatetime
    attested_by: Name
    attested_at: UtcDatetime
    signature: Signature


def attestation_statement(claim: ControlClaim) -> dict[str, Json]:
    """What the person signs."""
    told = claim.json_value()
    return {
        "schema_version": 1,
        "kind": ATTEST,
        "act": ACT,
        "meaning": Meaning.ATTESTED_REVIEW.value,
        **claim.terms.json_value(),
        **{name: told[name] for name in ControlClaim.model_fields if name != "terms"},
    }


def decide_attestation(
    claim: ControlClaim,
    signature: Signature,
    attester: Person,
    key: PersonKey | None,
    *,
    origin: str,
    control: Control | None,
    now: datetime,
) -> ControlAttestation | Refusal:
    """Take down what a person says about a control.

    Returns:
        Or a refusal: `PERSON_DISABLED`, `ROLE`, `OTHER_LOG`, `OTHER_TENANT`, `PROPOSAL_EXPIRED`,
        `KEY_NOT_ENROLLED`, `SIGNATURE_INVALID`, `CONTROL_UNKNOWN`, `SNAPSHOT_CHANGED` when the
        control reads otherwise by now, `REASON_TOO_SHORT`, `ATTESTATION_PERIOD`,
        `EVIDENCED_BY_RECORDS`.
    """
    refusal = (
        authorize(Action.ATTEST_CONTROL, attester.held_roles(), active=attester.active)
        or terms_refusal(claim.terms, origin, attester.tenant, now)
        or own_signature_refusal(
            signature, key, attester, ATTEST, attestation_statement(claim), now
        )
        or _content_refusal(claim, control, now)
    )
    if refusal is not None:
        return refusal
    return ControlAttestation(
        attestation_id=claim.terms.nonce,
        tenant=claim.terms.tenant,
        attested_by=attester.person_id,
        attested_at=now,
        signature=signature,
        **{name: value for name, value in claim if name != "terms"},
    )


def _content_refusal(claim: ControlClaim, control: Control | None, now: datetime) -> Refusal | None:
    if control is None or control.id != claim.control_id:
        return refuse("CONTROL_UNKNOWN", "no such control", control=claim.control_id)
    if claim.control_digest != control.digest:
        return refuse("SNAPSHOT_CHANGED", "the control reads otherwise by now; look again")
    if len(claim.reason.strip()) < REASON_MIN:
        return refuse("REASON_TOO_SHORT", "a reason is needed", characters=REASON_MIN)
    if not now < claim.valid_until <= now + timedelta(days=VALID_DAYS_MAX):
        return refuse("ATTESTATION_PERIOD", "it is over, or too long", until=claim.valid_until)
    if claim.states is Stating.EVIDENCE and not control.takes_word:
        return refuse("EVIDENCED_BY_RECORDS", "records evidence this control", control=control.id)
    return None
