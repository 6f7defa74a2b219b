"""Signatures of passkeys (WebAuthn assertions).

Job: verify, offline, that an authenticator signed a statement after it had verified its user.

Invariants
  I1  The challenge is the SHA-256 of the statement's bytes: an assertion fits one statement.
  I2  Origin and relying party are those of the key record, exactly, and never of a frame within
      another page.
  I3  The authenticator saw and verified its user: flags UP and UV are set.
  I4  Only ES256 under the registered point verifies; nothing in the assertion names a key.

Not here: making an assertion (the browser), whose key it is (identity.keys). The sign counter is
covered by the signature and not compared: a synced passkey reports zero for ever.
Source: WebAuthn level 2, parts 5.8.1, 6.1 and 7.2; governance rules, part 3.
"""

import base64
import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import Field, ValidationError

from counterseal.identity.dsse import statement_in
from counterseal.kernel.canonical import canonical_bytes, parse_json
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import DomainModel

_PRESENT_AND_VERIFIED: Final = 0x05
_HAS_MORE: Final = 0xC0
_FLAGS_AT: Final = 32
_SHORTEST: Final = 37


class Assertion(DomainModel):
    """What `navigator.credentials.get` answered; each part base64url without padding."""

    authenticator_data: str = Field(max_length=4_000)
    client_data_json: str = Field(max_length=4_000)
    signature: str = Field(max_length=400)

    def as_bytes(self) -> bytes:
        """Canonical JSON: the scheme's own form of a signature."""
        return canonical_bytes(self.json_value())


def challenge_of(message: bytes) -> bytes:
    """The challenge to give to the authenticator for a message: 32 bytes."""
    return hashlib.sha256(message).digest()


def read_assertion(content: bytes) -> Assertion:
    """An assertion from its canonical JSON.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` for any other bytes.
    """
    value = statement_in(content)
    try:
        return Assertion.model_validate(value)
    except ValidationError:
        raise IntegrityError("SIGNATURE_INVALID", "this is no assertion of a passkey") from None


def verify_assertion(
    content: bytes, message: bytes, public_key: bytes, *, rp_id: str, web_origin: str
) -> None:
    """Check an assertion over a message.

    Args:
        content: Canonical JSON of an `Assertion`.
        message: The exact bytes that were to be signed.
        public_key: Uncompressed P-256 point, 65 bytes.
        rp_id: Relying party of the key record.
        web_origin: Origin of the key record, such as `https://desk.example`.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` with the check that failed.
    """
    assertion = read_assertion(content)
    client = _unpadded(assertion.client_data_json, "client data")
    device = _unpadded(assertion.authenticator_data, "authenticator data")
    _check_client(client, message, web_origin)
    _check_device(device, rp_id)
    raw = _unpadded(assertion.signature, "signature")
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        point.verify(raw, device + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature):
        raise IntegrityError("SIGNATURE_INVALID", "the passkey did not sign these bytes") from None


def _check_client(client: bytes, message: bytes, web_origin: str) -> None:
    told = _client_facts(client)
    if told.get("type") != "webauthn.get":
        raise IntegrityError(
            "SIGNATURE_INVALID", "the passkey was not asked to sign", got=told.get("type")
        )
    if told.get("challenge") != unpadded(challenge_of(message)):
        raise IntegrityError("SIGNATURE_INVALID", "the passkey signed another statement")
    if told.get("origin") != web_origin:
        raise IntegrityError(
            "SIGNATURE_INVALID", "the passkey signed for another origin", got=told.get("origin")
        )
    if told.get("crossOrigin", False) is not False or "topOrigin" in told:
        raise IntegrityError(
            "SIGNATURE_INVALID", "the passkey signed within a page of another origin"
        )


def _client_facts(client: bytes) -> dict[str, object]:
    try:
        value = parse_json(client)
    except InputError:
        value = None
    if not isinstance(value, dict):
        raise IntegrityError("SIGNATURE_INVALID", "the client data is not a JSON object")
    return value


def _check_device(device: bytes, rp_id: str) -> None:
    if len(device) < _SHORTEST:
        raise IntegrityError("SIGNATURE_INVALID", "the authenticator data is cut off")
    if device[:_FLAGS_AT] != hashlib.sha256(rp_id.encode()).digest():
        raise IntegrityError("SIGNATURE_INVALID", "the passkey signed for another relying party")
    flags = device[_FLAGS_AT]
    if flags & _PRESENT_AND_VERIFIED != _PRESENT_AND_VERIFIED:
        raise IntegrityError(
            "SIGNATURE_INVALID", "the authenticator did not verify its user", got=f"{flags:#04x}"
        )
    if len(device) > _SHORTEST and not flags & _HAS_MORE:
        raise IntegrityError("SIGNATURE_INVALID", "the authenticator data has bytes left over")


def unpadded(content: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unpadded(text: str, part: str) -> bytes:
    try:
        content = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        content = b""
    if not content or unpadded(content) != text:
        raise IntegrityError("SIGNATURE_INVALID", f"the {part} is not base64url without padding")
    return content
