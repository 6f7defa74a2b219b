"""Signatures of people, whatever they sign with.

Job: verify a signed statement under a person's key record, by the scheme of that record.

Invariants
  I1  The key record alone says scheme, public key and web origin; the envelope is never believed.
  I2  The signature covers type and payload: it never fits another kind of statement.
  I3  A payload that is not the canonical form of its value is refused: nobody signs hidden bytes.

Not here: whether the key counts at an instant (identity.keys), what a statement must say (who
asks).
Source: governance rules, part 3; DSSE protocol 1.0.2.
"""

from typing import assert_never

from counterseal.identity.dsse import (
    decoded,
    pae,
    signed_payload,
    statement_in,
    verify_ed25519,
)
from counterseal.identity.keys import PersonKey
from counterseal.identity.passkeys import verify_assertion
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.sshsig import verify_blob
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Signature


def verify_signed(signature: Signature, key: PersonKey, kind: str) -> dict[str, object]:
    """The statement, when the signature holds under the key record and is of the kind.

    Raises:
        IntegrityError: `SIGNATURE_INVALID`: another kind or scheme, broken text, or a check of the
            scheme that failed; the sentence says which.
        InputError: `UNKNOWN_STATEMENT_KIND` when the caller asks for no kind of statement.
    """
    payload = signed_payload(signature, kind)
    if signature.scheme != key.scheme:
        raise IntegrityError(
            "SIGNATURE_INVALID", f"the key signs by {key.scheme.value}", got=signature.scheme
        )
    raw = decoded(signature.signature, "signature")
    verify_message(raw, pae(signature.payload_type, payload), key)
    return statement_in(payload)


def verify_message(raw: bytes, message: bytes, key: PersonKey) -> None:
    """Check a signature, in its scheme's own bytes, over exact bytes.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` when they do not hold.
    """
    match key.scheme:
        case SignatureScheme.ED25519:
            verify_ed25519(key.raw_public_key, raw, message)
        case SignatureScheme.SSHSIG:
            verify_blob(raw, message, key.raw_public_key)
        case SignatureScheme.WEBAUTHN:
            verify_assertion(
                raw,
                message,
                key.raw_public_key,
                rp_id=key.rp_id or "",
                web_origin=key.web_origin or "",
            )
        case _ as unknown:
            assert_never(unknown)
