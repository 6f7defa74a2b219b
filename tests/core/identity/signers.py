"""One person with a key of each scheme, and what they sign."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from counterseal.approvals.statement import AuthFacts, DecisionStatement
from counterseal.identity.dsse import enveloped, public_key_text, signed_bytes
from counterseal.identity.keys import PersonKey
from counterseal.identity.passkeys import Assertion, unpadded
from counterseal.identity.schemes import KEY_CLASS, SignatureScheme
from counterseal.identity.sealing import private_key_from_seed
from counterseal.identity.sshsig import blob_of, bytes_to_sign
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.model import Signature
from counterseal.policy.words import DecisionWord, EvidenceSection, Meaning, Role, Stage

NOW: Final = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
PRIVATE: Final = private_key_from_seed(b"s" * 32)
POINT: Final = ec.derive_private_key(7**80, ec.SECP256R1())
RP_ID: Final = "desk.example"
ORIGIN: Final = "https://approvals.desk.example"
ED25519, SSHSIG, WEBAUTHN = SignatureScheme


def statement(scheme: SignatureScheme = ED25519) -> DecisionStatement:
    """A decision, every field of it told."""
    some = digest("some")
    return DecisionStatement(
        log_origin="counterseal.example/test",
        tenant="acme",
        request_id="apr_1",
        request_version=1,
        approval_decision_id="dec_1",
        sequence=1,
        payload_hash=some,
        evidence_pack_hash=some,
        evidence_shown_hash=some,
        sections_opened=(EvidenceSection.REQUEST,),
        seconds_open=42,
        policy_bundle_hash=some,
        stage=Stage("research"),
        decision=DecisionWord.RESEARCH_APPROVED,
        meaning=Meaning.REVIEWED_RESEARCH,
        comment_hash=some,
        person="olga",
        role=Role.RESEARCH_REVIEWER,
        auth=AuthFacts(iss="counterseal:local", auth_time=NOW, acr="mfa", amr=("key",)),
        key_id="key_1",
        key_class=KEY_CLASS[scheme],
        scheme=scheme,
        prev_decision_hashes=(some,),
        issued_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        nonce="non_1",
    )


@dataclass
class Authenticator:
    """A passkey in software; what it says about itself can be changed."""

    private: ec.EllipticCurvePrivateKey = POINT
    rp_id: str = RP_ID
    origin: str = ORIGIN
    kind: str = "webauthn.get"
    flags: int = 0x05
    cross_origin: object = False
    more: bytes = b""

    def __call__(self, message: bytes) -> bytes:
        """The canonical JSON of an assertion over a message."""
        challenge = unpadded(hashlib.sha256(message).digest())
        told = {"type": self.kind, "challenge": challenge, "origin": self.origin}
        client = json.dumps(told | {"crossOrigin": self.cross_origin}).encode()
        head = hashlib.sha256(self.rp_id.encode()).digest()
        device = head + bytes([self.flags]) + (3).to_bytes(4, "big") + self.more
        raw = self.private.sign(device + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        parts = [unpadded(part) for part in (device, client, raw)]
        return Assertion(
            authenticator_data=parts[0], client_data_json=parts[1], signature=parts[2]
        ).as_bytes()


def public_point(private: ec.EllipticCurvePrivateKey = POINT) -> bytes:
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def key(scheme: SignatureScheme = ED25519, **changes: object) -> PersonKey:
    """Olga's key of a scheme."""
    passkey = scheme is WEBAUTHN
    public = base64.b64encode(public_point()).decode() if passkey else public_key_text(PRIVATE)
    told: dict[str, object] = {
        "key_id": "key_1",
        "person_id": "olga",
        "public_key": public,
        "key_class": KEY_CLASS[scheme],
        "scheme": scheme,
        "enrolled_by": (),
        "effective_at": NOW,
    }
    if passkey:
        told |= {"rp_id": RP_ID, "web_origin": ORIGIN}
    return PersonKey.model_validate(told | changes)


def sign_bytes(scheme: SignatureScheme, message: bytes) -> bytes:
    """Olga's signature over a message, in the scheme's own bytes."""
    if scheme is ED25519:
        return PRIVATE.sign(message)
    if scheme is SSHSIG:
        public = PRIVATE.public_key().public_bytes_raw()
        return blob_of(public, PRIVATE.sign(bytes_to_sign(message)))
    return Authenticator()(message)


def sign(scheme: SignatureScheme, kind: str, said: Mapping[str, Json]) -> Signature:
    """Olga's signature on a statement by a scheme."""
    return enveloped(kind, said, "key_1", scheme, sign_bytes(scheme, signed_bytes(kind, said)))
