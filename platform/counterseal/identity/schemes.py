"""The signature schemes and what a public key of each looks like.

Job: say which schemes there are, which class their keys have, and refuse keys that bind nobody.

Invariants
  I1  A scheme has one key class: where the key lives decides, not who enrols it.
  I2  An Ed25519 key of small order is refused: one signature under it fits any statement.
  I3  A passkey belongs to one web origin, whose host lies within its relying party.

Not here: verification (identity.signatures), enrolment (identity.keys).
Source: governance rules, part 3; RFC 8032; WebAuthn level 2, part 5.1.2.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

ED25519_SIZE: Final = 32
"""Bytes of a raw Ed25519 public key."""
POINT_SIZE: Final = 65
"""Bytes of an uncompressed P-256 point."""
_ORIGIN: Final = re.compile(
    r"(?:https://(?P<host>[a-z0-9]+(?:[.-][a-z0-9]+)*)|http://(?P<local>localhost))"
    r"(?::[1-9][0-9]{0,4})?",
    re.ASCII,
)
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        f"{0:064x}",
        f"01{0:062x}",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        f"ec{'ff' * 30}7f",
        f"ed{'ff' * 30}7f",
        f"ee{'ff' * 30}7f",
    )
)
"""Encodings of the points whose order divides 8, without the sign bit."""


class SignatureScheme(StrEnum):
    """How a person signs: a sealed key file, `ssh-keygen -Y sign`, or a passkey."""

    ED25519 = "ed25519"
    SSHSIG = "sshsig"
    WEBAUTHN = "webauthn"


KEY_CLASS: Final[Mapping[SignatureScheme, int]] = {
    SignatureScheme.ED25519: 1,
    SignatureScheme.SSHSIG: 2,
    SignatureScheme.WEBAUTHN: 3,
}
"""1 embedded file, opened in the desk's process; 2 the owner's own machine; 3 an authenticator."""


def check_public_key(scheme: SignatureScheme, raw: bytes) -> None:
    """Refuse a key that is none of the scheme, or that verifies what its owner never signed.

    Raises:
        ValueError: another length, a point off the curve, or a point of small order.
    """
    if scheme is SignatureScheme.WEBAUTHN:
        if len(raw) != POINT_SIZE:
            raise ValueError("a passkey is an uncompressed P-256 point of 65 bytes")
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
        return
    if len(raw) != ED25519_SIZE:
        raise ValueError("an Ed25519 key has 32 bytes")
    if bytes([*raw[:-1], raw[-1] & 0x7F]) in _SMALL_ORDER:
        raise ValueError("a key of small order verifies statements that nobody signed")


def check_web_origin(scheme: SignatureScheme, rp_id: str | None, web_origin: str | None) -> None:
    """Refuse a passkey without its place in the web, a wrong place, and a place without passkey.

    Raises:
        ValueError: `web_origin` is neither https nor http://localhost, or its host is neither
            `rp_id` nor below it.
    """
    if scheme is not SignatureScheme.WEBAUTHN:
        if rp_id is not None or web_origin is not None:
            raise ValueError("only a passkey has a relying party and a web origin")
        return
    origin = _ORIGIN.fullmatch(web_origin or "")
    host = None if origin is None else origin["host"] or origin["local"]
    if rp_id is None or host is None:
        raise ValueError("a passkey names its relying party and an https or localhost origin")
    if host != rp_id and not host.endswith(f".{rp_id}"):
        raise ValueError("the web origin lies outside the relying party")
