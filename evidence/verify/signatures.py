"""Signatures of keys and people."""
# ruff: noqa: PLR2004, DOC501 - lengths of public formats; the errors are told once, in base

from __future__ import annotations

import base64
import hashlib
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from evidence.verify.base import Json, UnusableError, canonical, found, parsed, sha
from evidence.verify.trees import included


def signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a key signed: Ed25519 (32 bytes) or ECDSA with SHA-256 over P-256 (65 bytes)."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - may be absent
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519  # noqa: PLC0415 - same
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - same
    except ImportError:
        return by_openssl(public, signature, message)
    try:
        if len(public) == 32:
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
            point.verify(signature, message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def by_openssl(public: bytes, signature: bytes, message: bytes) -> bool:
    """The same by the command `openssl`, version 3, which is tried on a good signature first."""
    if not openssl_works():
        raise UnusableError("CRYPTOGRAPHY_MISSING", "install that package, or openssl 3", 4)
    return openssl(public, signature, message)


@lru_cache(maxsize=1)
def openssl_works() -> bool:
    """Whether openssl verifies the second test of RFC 8032: else every signature would look bad."""
    key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    good = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    return openssl(key, good, b"\x72")


def openssl(public: bytes, signature: bytes, message: bytes) -> bool:
    """Run `openssl pkeyutl -verify` over files of our own."""
    words = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile sig"
    der, more = "302a300506032b6570032100", list[str]()
    if len(public) != 32:
        der, more = "3059301306072a8648ce3d020106082a8648ce3d030107034200", ["-digest", "sha256"]
    files = {"key": bytes.fromhex(der) + public, "sig": signature, "text": message}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        try:
            done = subprocess.run(  # noqa: S603 - fixed words over files that were just written
                [*words.split(), *more], cwd=folder, capture_output=True, check=False
            )
        except OSError:
            return False
    return done.returncode == 0


def decoded(text: object) -> bytes:
    """Standard base64 in its one spelling; ValueError for any other."""
    value = base64.b64decode(str(text), validate=True)
    if base64.b64encode(value).decode() != text:
        raise ValueError("not base64 as it is spelt")
    return value


def pae(kind: str, payload: bytes) -> bytes:
    """DSSE's encoding of type and payload: what is signed."""
    return b"DSSEv1 %d %b %d %b" % (len(kind.encode()), kind.encode(), len(payload), payload)


def envelope_of(envelope: Json, kind: str, place: str) -> tuple[bytes, Json]:
    """What a person signed, and the statement in it, of one kind."""
    payload = decoded(envelope["payload"])
    if envelope["payload_type"] != f"application/vnd.counterseal.{kind}.v1+json":
        found("APPROVER_SIG_INVALID", place, f"what was signed is no {kind}")
    return pae(envelope["payload_type"], payload), parsed(payload, place, "APPROVER_SIG_INVALID")


def in_batch(told: Json, whole: Json, leaf: bytes, request: str) -> bool:
    """Whether a decision's leaf is at its place in the batch that was signed instead."""
    names, path = whole["request_ids"], [bytes.fromhex(one) for one in told["path"]]
    here = len(names) == told["size"] == whole["count"] and names[told["index"]] == request
    root = bytes.fromhex(whole["root"][7:])
    return here and included(told["index"], told["size"], leaf, path, root)


def by_person(key: Json, raw: bytes, message: bytes) -> bool:
    """Whether a person's key signed a message, by the scheme of the key's own record."""
    public, scheme = decoded(key["public_key"]), key["scheme"]
    if scheme == "ed25519":
        return len(public) == 32 and signed(public, raw, message)
    if scheme == "sshsig":
        start, parts = (b"counterseal-decision", b"", b"sha512"), (b"ssh-ed25519", public)
        hashed = b"SSHSIG" + wired(*start, hashlib.sha512(message).digest())
        blob = b"SSHSIG\0\0\0\1" + wired(wired(*parts), *start, wired(b"ssh-ed25519", raw[-64:]))
        return len(public) == 32 and raw == blob and signed(public, raw[-64:], hashed)
    return scheme == "webauthn" and len(public) == 65 and by_passkey(key, public, raw, message)


def wired(*parts: bytes) -> bytes:
    """Strings as SSH writes them."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def from_base64url(text: str) -> bytes:
    """Base64url without padding in its one spelling; ValueError for any other."""
    value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(value).decode().rstrip("=") != text:
        raise ValueError("not base64url as it is spelt")
    return value


def by_passkey(key: Json, public: bytes, raw: bytes, message: bytes) -> bool:
    """WebAuthn level 2, 7.2: challenge, origin, relying party, user verified, signature."""
    told = canonical(raw, "an assertion", "APPROVER_SIG_INVALID")
    names = ("client_data_json", "authenticator_data", "signature")
    client, device, signature = (from_base64url(told[name]) for name in names)
    facts = parsed(client, "client data", "APPROVER_SIG_INVALID")
    challenge = base64.urlsafe_b64encode(sha(message)).decode().rstrip("=")
    asked = {"type": "webauthn.get", "challenge": challenge, "origin": key["web_origin"]}
    fits = {name: facts.get(name) for name in asked} == asked and len(device) >= 37
    own_page = facts.get("crossOrigin", False) is False and "topOrigin" not in facts
    own_page = own_page and len(told) == 3 and (len(device) == 37 or device[32] & 0xC0 > 0)
    here = device[:32] == sha(str(key["rp_id"]).encode()) and fits and device[32] & 5 == 5
    return here and own_page and signed(public, signature, device + sha(client))
