"""Forms that no Ed25519 signature may have: the classes in which Wycheproof groups bad ones."""

import base64
from collections.abc import Mapping
from contextlib import suppress

import pytest

from counterseal.identity.signatures import verify_message
from counterseal.kernel.errors import IntegrityError
from tests.core.identity.signers import ED25519, PRIVATE, key

L = 2**252 + 27742317777372353535851937790883648493
"""Order of the group."""
POINTS = {
    "zero": bytes(32),
    "neutral": b"\x01" + bytes(31),
    "p - 1": b"\xec" + b"\xff" * 30 + b"\x7f",
    "p": b"\xed" + b"\xff" * 30 + b"\x7f",
    "p + 1": b"\xee" + b"\xff" * 30 + b"\x7f",
    "all ones": b"\xff" * 32,
}
SCALARS = {"zero": 0, "one": 1, "L - 1": L - 1, "L": L, "L + 1": L + 1, "largest": 2**256 - 1}


def halves(raw: bytes) -> dict[str, bytes]:
    """Other points, other scalars, and both."""
    r, s = raw[:32], int.from_bytes(raw[32:], "little")
    points = {**POINTS, "itself": r, "other sign": r[:31] + bytes([r[31] ^ 0x80])}
    scalars = {**SCALARS, "itself": s, "-s": L - s, "a high bit": s | 1 << 255}
    scalars |= {f"s + {times} L": s + times * L for times in (1, 2, 4, 8)}
    return {
        f"R {point}, S {scalar}": told + number.to_bytes(32, "little")
        for point, told in points.items()
        for scalar, number in scalars.items()
        if (point, scalar) != ("itself", "itself")
    }


def lengths(raw: bytes) -> dict[str, bytes]:
    """Too short, too long, in another order or encoding."""
    return {
        **{f"{size} bytes": raw[:size] for size in (0, 1, 31, 32, 33, 63)},
        "zero behind": raw + b"\0",
        "zero before": b"\0" + raw,
        "zero between": raw[:32] + b"\0" + raw[32:],
        "twice": raw + raw,
        "as text": raw.hex().encode(),
        "in base64": base64.b64encode(raw),
        "halves swapped": raw[32:] + raw[:32],
    }


def flips(raw: bytes) -> dict[str, bytes]:
    """Each bit turned around."""
    whole = int.from_bytes(raw)
    return {f"bit {bit}": (whole ^ 1 << bit).to_bytes(len(raw)) for bit in range(8 * len(raw))}


def verified(forms: Mapping[str, bytes], message: bytes) -> list[str]:
    found = []
    for name, form in forms.items():
        with suppress(IntegrityError):
            verify_message(form, message, key(ED25519))
            found.append(name)
    return found


@pytest.mark.parametrize("message", [b"", b"m", bytes(1_000)])
def test_no_form_of_a_bad_signature_verifies(message: bytes) -> None:
    """Governance 8, test 10; RFC 8032, 5.1.7."""
    raw = PRIVATE.sign(message)
    assert verified({"good": raw}, message) == ["good"]
    forms = halves(raw) | lengths(raw) | flips(raw)
    assert verified(forms, message) == []
    assert verified({"another message": raw}, message + b"\0") == []
