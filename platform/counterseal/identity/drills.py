"""The signing drill: a reviewer shows from time to time that they can still sign.

Job: say what a drill signs, check it, and say when the next one is due.

Invariants
  I1  A drill is signed with the person's own key that counts at that moment, for this log, and says
      that it is a drill: it decides, grants and attests nothing.
  I2  A drill that nobody does stays due; its times follow each other without a gap.

Not here: recording a drill (desk.drills), whose drill is due (desk.views.drills).
Source: governance part 1 (policy versions, liveness: a scheduled signing drill per reviewer).
"""

from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from counterseal.identity.acts import ATTEST, ActTerms
from counterseal.identity.dsse import signed_bytes, statement_in
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.proposals import own_signature_refusal, terms_refusal
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import DomainModel, Refusal, Signature, refuse

DRILL: Final = "drill_signing"


class DrillDue(DomainModel):
    """When a drill is due (UTC, half-open)."""

    since: UtcDatetime
    until: UtcDatetime


def drill_statement(terms: ActTerms, person_id: str, key_id: str) -> dict[str, Json]:
    """What is signed in a drill."""
    return {
        "schema_version": 1,
        "kind": ATTEST,
        "act": DRILL,
        **terms.json_value(),
        "person_id": person_id,
        "key_id": key_id,
    }


def terms_in(message: bytes, person_id: str, key_id: str) -> ActTerms:
    """The terms of a drill, from the exact bytes that a person signed; the proof is another matter.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` for any other bytes, and another person's or key's.
    """
    payload = message[message.find(b"{") :]
    value = statement_in(payload)
    try:
        terms = ActTerms.model_validate({name: value.get(name) for name in ActTerms.model_fields})
    except ValidationError:
        raise IntegrityError("SIGNATURE_INVALID", "these bytes are no drill") from None
    if message != signed_bytes(ATTEST, drill_statement(terms, person_id, key_id)):
        raise IntegrityError("SIGNATURE_INVALID", "these bytes are no drill of this person's key")
    return terms


def check_drill(
    terms: ActTerms,
    signature: Signature,
    person: Person,
    key: PersonKey | None,
    *,
    origin: str,
    now: datetime,
) -> Refusal | None:
    """Why a drill does not count; None when it does.

    Returns:
        `PERSON_DISABLED`, `OTHER_LOG`, `OTHER_TENANT`, `PROPOSAL_EXPIRED`, `KEY_NOT_ENROLLED`,
        `SIGNATURE_INVALID`.
    """
    if not person.active:
        return refuse("PERSON_DISABLED", "the person may not act", person=person.person_id)
    statement = drill_statement(terms, person.person_id, signature.key_id)
    return terms_refusal(terms, origin, person.tenant, now) or own_signature_refusal(
        signature, key, person, ATTEST, statement, now
    )


def drill_due(last: datetime, every: timedelta, now: datetime) -> DrillDue | None:
    """The drill that is due `now`, after a signature at `last`; None while that one is young."""
    passed = (now - last) // every
    if passed < 1:
        return None
    since = last + passed * every
    return DrillDue(since=since, until=since + every)
