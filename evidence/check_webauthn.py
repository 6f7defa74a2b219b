"""Check a passkey's signature without Counterseal: needs Python and `cryptography`, nothing else.

    python3 check_webauthn.py MESSAGE ASSERTION.json KEY.pem RP_ID ORIGIN

MESSAGE holds the exact bytes that the person agreed to, KEY.pem the public key that is registered
for them; RP_ID and ORIGIN are the web site on which they sign. Exit status 0: the signature holds.
Written apart from the product's own check, from WebAuthn level 2, parts 5.8.1, 6.1 and 7.2.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

USER_PRESENT, USER_VERIFIED = 0x01, 0x04
ARGUMENTS = 5


def from_base64url(text: str) -> bytes:
    """Bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def problems(
    message: bytes, parts: dict[str, str], pem: bytes, rp_id: str, origin: str
) -> list[str]:
    """Every check that fails, in words; empty when the signature holds."""
    client_bytes = from_base64url(parts["client_data_json"])
    device = from_base64url(parts["authenticator_data"])
    client = json.loads(client_bytes)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(message).digest()).decode().rstrip("=")
    flags = device[32] if len(device) > 32 + 4 else 0
    checks = {
        "type is webauthn.get": client.get("type") == "webauthn.get",
        "challenge is SHA-256 of the message": client.get("challenge") == challenge,
        "origin": client.get("origin") == origin,
        "not in a page of another origin": client.get("crossOrigin") in (None, False),
        "relying party": device[:32] == hashlib.sha256(rp_id.encode()).digest(),
        "user present": bool(flags & USER_PRESENT),
        "user verified": bool(flags & USER_VERIFIED),
        "ES256 signature": signed(device + hashlib.sha256(client_bytes).digest(), parts, pem),
    }
    return [name for name, holds in checks.items() if not holds]


def signed(content: bytes, parts: dict[str, str], pem: bytes) -> bool:
    """Whether the public key verifies the signature over the content."""
    key = load_pem_public_key(pem)
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        return False
    try:
        key.verify(from_base64url(parts["signature"]), content, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def main(arguments: Sequence[str]) -> int:
    """Exit status 0 when it holds, 1 when it does not, 2 when something cannot be read."""
    if len(arguments) != ARGUMENTS:
        sys.stderr.write("usage: check_webauthn.py MESSAGE ASSERTION.json KEY.pem RP_ID ORIGIN\n")
        return 2
    message, assertion, pem = (Path(name).read_bytes() for name in arguments[:3])
    try:
        failed = problems(message, json.loads(assertion), pem, arguments[3], arguments[4])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        sys.stderr.write(f"cannot be read: {error!r}\n")
        return 2
    sys.stdout.write("verified\n" if not failed else f"NOT verified: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
