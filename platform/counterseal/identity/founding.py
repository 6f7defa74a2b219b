"""The first two officers.

Job: decide the one record by which a home gets its first two people.

Invariants
  I1  A founding is one record of exactly two people, signed by the new keys of both.
  I2  It is possible only while nobody is registered, holds a role or has a key; then never again.
  I3  It gives the officers' roles and no other, so that nobody reviews by it.

Not here: everything that two officers put into force afterwards (identity.proposals).
Source: governance rules, part 3 (bootstrap).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from counterseal.identity.acts import ATTEST, ActTerms, key_terms
from counterseal.identity.keys import PersonKey, decide_enrolment
from counterseal.identity.people import SIGNERS, Person, Role, RoleGrant
from counterseal.identity.proposals import Register, signature_problem, terms_refusal
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.model import Document, DomainModel, Refusal, Signature, refuse
from counterseal.policy.words import Meaning

OFFICER_ROLES: Final = (Role.ADMINISTRATOR, Role.ENROLMENT_OFFICER)


class Founder(DomainModel):
    """A person who is to be one of the first two, with the key to sign with."""

    person: Person
    key: PersonKey


class Founding(DomainModel):
    """What founds a home; `signatures` in the order of the founders."""

    terms: ActTerms
    founders: tuple[Founder, ...]
    signatures: tuple[Signature, ...] = ()


def founding_statement(terms: ActTerms, keys: Sequence[PersonKey]) -> dict[str, Json]:
    """What the owners of both keys sign."""
    roles: list[Json] = [role.value for role in OFFICER_ROLES]
    officers: list[Json] = [{"roles": roles, **key_terms(key)} for key in keys]
    return {
        "schema_version": 1,
        "kind": ATTEST,
        "act": "found",
        "meaning": Meaning.ENROLLED_KEY.value,
        **terms.json_value(),
        "officers": officers,
    }


def founding_problem(
    terms: ActTerms, keys: Sequence[PersonKey], signatures: Sequence[Signature]
) -> str:
    """Why these are not two signatures by these two keys over their founding; empty when so."""
    if len(keys) != SIGNERS or len(signatures) != SIGNERS:
        return "a founding has two keys and their two signatures"
    statement = canonical_bytes(founding_statement(terms, keys)).decode()
    for key, signature in zip(keys, signatures, strict=True):
        problem = signature_problem(signature, key, ATTEST, statement)
        if signature.key_id != key.key_id or problem:
            return problem or "another key signed"
    return ""


def decide_founding(
    founding: Founding, register: Register, now: datetime
) -> tuple[Document, ...] | Refusal:
    """People, grants and keys of the first two officers.

    Returns:
        Or a refusal: `BOOTSTRAP_CLOSED`, `OTHER_LOG`, `PROPOSAL_EXPIRED`, `TWO_OFFICERS_NEEDED`,
        `OTHER_TENANT`, `SIGNATURE_INVALID`, and those of `keys.decide_enrolment`.
    """
    if register.people or register.person_keys or register.grants:
        return refuse("BOOTSTRAP_CLOSED", "the first two officers are in place")
    refusal = _founders_refusal(founding, register, now)
    if refusal is not None:
        return refusal
    names = tuple(one.person.person_id for one in founding.founders)
    documents: list[Document] = []
    keys: list[PersonKey] = []
    for founder in founding.founders:
        person = founder.person.amended(roles=OFFICER_ROLES, created_at=now)
        key = founder.key.amended(
            enrolled_by=names, effective_at=now, bootstrap=True, signatures=founding.signatures
        )
        enrolled = decide_enrolment(key, person, keys)
        if isinstance(enrolled, Refusal):
            return enrolled
        keys.append(enrolled)
        documents += [person, *_grants(founding, person.person_id, names, now), enrolled]
    return tuple(documents)


def _founders_refusal(founding: Founding, register: Register, now: datetime) -> Refusal | None:
    people = [one.person for one in founding.founders]
    ids = {person.person_id for person in people}
    if len(people) != SIGNERS or len(ids) != SIGNERS or len(founding.signatures) != SIGNERS:
        return refuse("TWO_OFFICERS_NEEDED", "two officers found a home, and both sign")
    if any(person.tenant != founding.terms.tenant for person in people):
        return refuse("OTHER_TENANT", "the founders belong to different tenants")
    outside = terms_refusal(founding.terms, register.origin, founding.terms.tenant, now)
    if outside is not None:
        return outside
    problem = founding_problem(
        founding.terms, [one.key for one in founding.founders], founding.signatures
    )
    return refuse("SIGNATURE_INVALID", problem) if problem else None


def _grants(
    founding: Founding, person_id: str, names: tuple[str, ...], now: datetime
) -> Sequence[RoleGrant]:
    return [
        RoleGrant(
            grant_id=f"{founding.terms.nonce}.{names.index(person_id) + 1}.{role.value}",
            person_id=person_id,
            role=role,
            granted_by=names,
            bootstrap=True,
            granted_at=now,
            reason="founding",
            signatures=founding.signatures,
        )
        for role in OFFICER_ROLES
    ]
