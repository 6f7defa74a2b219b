"""Proving a login again with the person's own key.

Job: say what a key signs for a step-up, and judge what was signed.

Invariants
  I1  The statement names the session and its last authentication: it renews one session, once.
  I2  The key is the person's own, enrolled and not revoked.

Not here: the session that it renews (desk.access), signatures (identity.signatures).
Source: governance part 5 (step-up by passkey, or a key on the command line).
"""

from datetime import datetime, timedelta
from typing import Final

from counterseal.desk.people import enrolled_key
from counterseal.desk.ports import Reader
from counterseal.identity.sessions import MULTIPLE, LoginSession
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import parse_utc, utc_text
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Actor, Refusal, Signature, refuse

KIND: Final = "login"
_PASSKEY: Final = 3


def key_statement(session: LoginSession, key_id: str, now: datetime) -> dict[str, Json]:
    """What a person signs to renew a session."""
    return {
        "schema_version": 1,
        "kind": KIND,
        "session": session.session_id,
        "person": session.person_id,
        "key_id": key_id,
        "after": utc_text(session.auth_time),
        "issued_at": utc_text(now),
    }


def key_proof(
    reader: Reader, session: LoginSession, signature: Signature, now: datetime, age_max: timedelta
) -> Actor | Refusal:
    """What a signature proves for a session.

    Returns:
        Issuer and session as before, `key` as the method and the statement's time; or
        `KEY_NOT_ENROLLED`, `SIGNATURE_INVALID`, `REAUTH_REQUIRED`.
    """
    key = enrolled_key(reader, signature.key_id)
    if key is None or key.person_id != session.person_id or not key.counts_at(now):
        return refuse("KEY_NOT_ENROLLED", "this is no key of the person", key=signature.key_id)
    try:
        signed = verify_signed(signature, key, KIND)
        issued_at = parse_utc(signed.get("issued_at"))
    except (IntegrityError, ValueError):
        return refuse("SIGNATURE_INVALID", "the key did not sign a step-up", key=key.key_id)
    if signed != key_statement(session, key.key_id, issued_at):
        return refuse("SIGNATURE_INVALID", "the statement is about another session or moment")
    if not timedelta(0) <= now - issued_at <= age_max:
        return refuse("REAUTH_REQUIRED", "authenticate again", auth_time=issued_at)
    return session.actor.amended(
        amr=("key",), acr=MULTIPLE if key.key_class == _PASSKEY else "none", auth_time=issued_at
    )
