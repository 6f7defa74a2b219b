"""Signed statements in DSSE form.

Job: turn a canonical statement into the bytes that every scheme signs, and sign them with Ed25519.

Invariants
  I1  The signature covers type and payload: it never fits another kind of statement.
  I2  A payload that is not the canonical form of its value is refused: nobody signs hidden bytes.

Not here: verification under a person's key (identity.signatures), which key belongs to whom
(identity.keys), what a decision states (approvals.statement).
Source: DSSE protocol 1.0.2 (pre-authentication encoding); RFC 8032.
"""

from collections.abc import Mapping
from typing import Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from counterseal.audit.note import decode_base64, encode_base64
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.canonical import Json, canonical_bytes, sha256_hex
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
        "login",
        "override",
        "resolution",
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
    return f"sha256:{sha256_hex(signed_bytes(kind, statement))}"


def signed_bytes(kind: str, statement: Mapping[str, Json]) -> bytes:
    """The exact bytes that every scheme signs: to be signed as they are, without a newline."""
    return pae(payload_type(kind), canonical_bytes(statement))


def public_key_text(private_key: Ed25519PrivateKey) -> str:
    """The raw public key, base64."""
    return encode_base64(private_key.public_key().public_bytes_raw())


def sign_statement(
    private_key: Ed25519PrivateKey, kind: str, statement: Mapping[str, Json], key_id: str
) -> Signature:
    """Sign the canonical bytes of a statement."""
    raw = private_key.sign(signed_bytes(kind, statement))
    return enveloped(kind, statement, key_id, SignatureScheme.ED25519, raw)


def enveloped(
    kind: str, statement: Mapping[str, Json], key_id: str, scheme: SignatureScheme, raw: bytes
) -> Signature:
    """The envelope around a signature in the scheme's own bytes; nothing is verified here."""
    return Signature(
        payload_type=payload_type(kind),
        payload=encode_base64(canonical_bytes(statement)),
        key_id=key_id,
        scheme=scheme.value,
        signature=encode_base64(raw),
    )


def signed_payload(signature: Signature, kind: str) -> bytes:
    """The payload of an envelope of the kind; nothing is verified yet.

    Raises:
        IntegrityError: `SIGNATURE_INVALID`: another kind, or broken text.
    """
    if signature.payload_type != payload_type(kind):
        raise IntegrityError(
            "SIGNATURE_INVALID", "the envelope is of another kind", got=signature.payload_type
        )
    return decoded(signature.payload, "payload")


def decoded(text: str, part: str) -> bytes:
    """Base64 in its one canonical spelling.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` for any other spelling.
    """
    try:
        return decode_base64(text, part)
    except InputError:
        raise IntegrityError("SIGNATURE_INVALID", f"the {part} is not base64") from None


def verify_ed25519(public_key: bytes, raw: bytes, message: bytes) -> None:
    """Check a raw Ed25519 signature.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` when the key did not make it over these bytes.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(raw, message)
    except (ValueError, InvalidSignature):
        raise IntegrityError("SIGNATURE_INVALID", "the key did not sign these bytes") from None


def statement_in(payload: bytes) -> dict[str, object]:
    """The statement of a verified payload.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` when it is not the canonical form of an object.
    """
    try:
        value = orjson.loads(payload)
        if isinstance(value, dict) and canonical_bytes(value) == payload:
            return value
    except (InputError, ValueError):
        pass
    raise IntegrityError("SIGNATURE_INVALID", "the payload is not the canonical form of an object")
