"""Decisions and drills that were signed on the reviewer's own machine.

Job: find the prepared statement that a detached SSH signature covers, and who is logged in by it.

Invariants
  I1  Nobody is logged in before their signature holds over a statement that the desk prepared for
      them: until then their name is a claim.
  I2  The statement names the instant it was asked for as the time of authentication. The signature
      was made later, so that its age is never understated.
  I3  What was prepared decides word, reason and request; the signature file adds nothing.

Not here: the checks of the decision (approvals), the bytes to sign (identity.dsse).
Source: governance part 3 (class 2, own machine) and 2.9; TX-F20.
"""

from datetime import datetime
from typing import Final, NamedTuple

from pydantic import ValidationError

from counterseal.approvals.model import ReviewNonce
from counterseal.approvals.review_checks import SignedReview
from counterseal.approvals.statement import KIND, DecisionStatement
from counterseal.desk.people import key_of
from counterseal.desk.ports import Reader
from counterseal.identity.acts import ATTEST, ActTerms
from counterseal.identity.drills import drill_statement, terms_in
from counterseal.identity.dsse import enveloped, signed_bytes
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.signatures import verify_message
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import Actor, Signature

ISSUER: Final = "counterseal:ssh"
"""Vouches for nobody by itself: the signature over the statement that names it does."""


class SignedElsewhere(NamedTuple):
    """A person, logged in by a signature, and the review that they signed."""

    actor: Actor
    signed: SignedReview


class DrilledElsewhere(NamedTuple):
    """A person, logged in by a signature, and the drill that they signed."""

    actor: Actor
    terms: ActTerms
    signature: Signature


def claimed_actor(person_id: str, session: str, now: datetime) -> Actor:
    """Who asks for a statement to be signed elsewhere.

    A claim: a statement that is prepared for it binds nobody until the person's key signs it. `now`
    (UTC) becomes the time of authentication that the statement names.
    """
    return Actor(id=person_id, issuer=ISSUER, amr=("ssh",), auth_time=now, session=session)


def ssh_key_of(reader: Reader, person_id: str) -> PersonKey:
    """The key that the person signs with on their own machine.

    Raises:
        InputError: `KEY_NOT_ENROLLED`.
    """
    key = key_of(reader, person_id, SignatureScheme.SSHSIG)
    if key is None:
        raise InputError("KEY_NOT_ENROLLED", "no SSH key of this person is enrolled", got=person_id)
    return key


def recognise(
    reader: Reader, request_id: str, person_id: str, blob: bytes, session: str
) -> SignedElsewhere:
    """Who signed what, from an SSHSIG blob alone; used statements are found as well.

    Raises:
        InputError: `KEY_NOT_ENROLLED`; `NOT_FOUND` when nothing was prepared for the person, or the
            reason was erased since.
        IntegrityError: `SIGNATURE_INVALID` when it covers none of the prepared statements; says
            what is wrong with it over the newest.
    """
    key = ssh_key_of(reader, person_id)
    nonce, statement = _covered(_prepared(reader, request_id, person_id), key, blob)
    opening = reader.opened(nonce.reason)
    if opening is None:
        raise InputError("NOT_FOUND", "the reason of this statement was erased", got=nonce.nonce)
    signed = SignedReview(
        decision=statement.decision,
        reason=opening.word("text"),
        comment_salt=opening.salt,
        signature=enveloped(KIND, statement.json_value(), key.key_id, key.scheme, blob),
    )
    return SignedElsewhere(claimed_actor(person_id, session, statement.auth.auth_time), signed)


def recognise_drill(
    reader: Reader, person_id: str, message: bytes, blob: bytes, session: str
) -> DrilledElsewhere:
    """Who signed which drill, from its exact bytes and the SSHSIG blob over them.

    Raises:
        InputError: `KEY_NOT_ENROLLED`.
        IntegrityError: `SIGNATURE_INVALID` when the bytes are no drill of the person's SSH key, or
            that key did not sign them.
    """
    key = ssh_key_of(reader, person_id)
    verify_message(blob, message, key)
    terms = terms_in(message, person_id, key.key_id)
    stated = drill_statement(terms, person_id, key.key_id)
    signature = enveloped(ATTEST, stated, key.key_id, key.scheme, blob)
    return DrilledElsewhere(claimed_actor(person_id, session, terms.issued_at), terms, signature)


def _prepared(
    reader: Reader, request_id: str, person_id: str
) -> list[tuple[ReviewNonce, DecisionStatement]]:
    """The statements that were prepared for a person to sign elsewhere, newest first.

    Raises:
        InputError: `NOT_FOUND` when there is none.
    """
    nonces = reader.find(ReviewNonce, approval_request_id=request_id, person_id=person_id)
    read = ((nonce, _statement_of(nonce)) for nonce in nonces)
    found = [(n, s) for n, s in read if s is not None and s.scheme is SignatureScheme.SSHSIG]
    if not found:
        raise InputError(
            "NOT_FOUND", "no statement was prepared for this person to sign", got=person_id
        )
    return sorted(found, key=lambda pair: pair[0].issued_at, reverse=True)


def _statement_of(nonce: ReviewNonce) -> DecisionStatement | None:
    """What was prepared under the nonce; None when that was no decision."""
    try:
        return DecisionStatement.model_validate_json(nonce.statement)
    except ValidationError:
        return None


def _covered(
    prepared: list[tuple[ReviewNonce, DecisionStatement]], key: PersonKey, blob: bytes
) -> tuple[ReviewNonce, DecisionStatement]:
    problems: list[IntegrityError] = []
    for nonce, statement in prepared:
        try:
            verify_message(blob, signed_bytes(KIND, statement.json_value()), key)
        except IntegrityError as problem:
            problems.append(problem)
        else:
            return nonce, statement
    raise problems[0]
