"""Signed statements in DSSE form.

Job: sign a canonical statement with a person's key, and verify it.

Invariants
  I1  The signature covers type and payload: it never fits another kind of statement.
  I2  A payload that is not the canonical form of its value is refused: nobody signs hidden bytes.
  I3  Verification trusts the given public key only, never the key id inside the envelope.

Not here: which key belongs to whom (identity.keys), what a decision states (approvals.statement).
Source: DSSE protocol 1.0.2 (pre-authentication encoding); RFC 8032.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from counterseal.identity.keys import SCHEME
from counterseal.kernel.canonical import Json, canonical_bytes, parse_json, sha256_hex
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import Signature

KINDS: Final = frozenset(
    {
        "decision",
        "batch",
        "grant",
        "revoke",
        "enrol",
        "policy",
        "attest",
        "mandate",
        "purge",
        "rollback",
        "withdraw",
    }
)
"""Statement kinds; each has its own payload type."""


def payload_type(kind: str) -> str:
    """`application/vnd.counterseal.KIND.v1+json`.

    Raises:
        InputError: `UNKNOWN_STATEMENT_KIND`.
    """
    if kind not in KINDS:
        raise InputError("UNKNOWN_STATEMENT_KIND", "no such statement", field="kind", got=kind)
    return f"application/vnd.counterseal.{kind}.v1+json"


def pae(type_name: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: the exact bytes that are signed."""
    name = type_name.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def statement_digest(kind: str, statement: Mapping[str, Json]) -> str:
    """`sha256:<hex>` over the signed bytes of a statement."""
    return f"sha256:{sha256_hex(pae(payload_type(kind), canonical_bytes(statement)))}"


def public_key_text(private_key: Ed25519PrivateKey) -> str:
    """The raw public key, base64."""
    return base64.b64encode(private_key.public_key().public_bytes_raw()).decode()


def sign_statement(
    private_key: Ed25519PrivateKey, kind: str, statement: Mapping[str, Json], key_id: str
) -> Signature:
    """Sign the canonical bytes of a statement."""
    payload = canonical_bytes(statement)
    type_name = payload_type(kind)
    return Signature(
        payload_type=type_name,
        payload=base64.b64encode(payload).decode(),
        key_id=key_id,
        scheme=SCHEME,
        signature=base64.b64encode(private_key.sign(pae(type_name, payload))).decode(),
    )


def verify_signature(signature: Signature, public_key: str, kind: str) -> dict[str, object]:
    """The statement, when the signature holds under the key and is of the kind.

    Raises:
        IntegrityError: `SIGNATURE_INVALID`: another kind or scheme, broken text, bad signature.
    """
    if signature.payload_type != payload_type(kind) or signature.scheme != SCHEME:
        raise IntegrityError(
            "SIGNATURE_INVALID",
            "the envelope is of another kind or scheme",
            field="payload_type",
            expected=payload_type(kind),
            got=signature.payload_type,
        )
    try:
        payload = base64.b64decode(signature.payload, validate=True)
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        raw = base64.b64decode(signature.signature, validate=True)
        key.verify(raw, pae(signature.payload_type, payload))
        return _statement(payload)
    except (binascii.Error, ValueError, InvalidSignature, InputError) as error:
        raise IntegrityError(
            "SIGNATURE_INVALID", f"the signature does not hold: {type(error).__name__}"
        ) from None


def _statement(payload: bytes) -> dict[str, object]:
    value = parse_json(payload)
    if not isinstance(value, dict) or canonical_bytes(value) != payload:
        raise InputError("NOT_CANONICAL", "the payload is not the canonical form of an object")
    return value
