"""Signatures in the forms that other people's programs verify.

Job: write one signed statement as files, with the command that verifies them without Counterseal.

Invariants
  I1  The message is written as it was signed, byte for byte; nothing is computed anew.
  I2  Nothing is verified here: a bad signature is written too, for others to refuse.

Not here: folders (ui), the script that checks passkeys (ui), receipts (audit.receipt).
Source: governance rules, part 3; openssl-pkeyutl(1); ssh-keygen(1).
"""

import shlex
from collections.abc import Mapping
from typing import Final, NamedTuple, assert_never

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from counterseal.identity.dsse import decoded, pae
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.sshsig import NAMESPACE, allowed_signer, armored
from counterseal.kernel.model import Signature

PASSKEY_SCRIPT: Final = "check_webauthn.py"
"""Lies beside the files: it needs Python and its package `cryptography`, nothing of ours."""


class Exported(NamedTuple):
    """One signature for others.

    Attributes:
        files: Contents by file name.
        command: A shell line that exits with 0 when the signature holds; run beside the files.
    """

    files: Mapping[str, bytes]
    command: str


def exported(name: str, signature: Signature, key: PersonKey) -> Exported:
    """The files of one signature, all beginning with a name that a shell needs not quote.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` when the envelope's text is no base64.
        InputError: `PERSON_ID_UNSAFE` when no allowed_signers file can name the person.
    """
    message = pae(signature.payload_type, decoded(signature.payload, "payload"))
    raw = decoded(signature.signature, "signature")
    match key.scheme:
        case SignatureScheme.ED25519:
            proof = _by_openssl(name, raw, key)
        case SignatureScheme.SSHSIG:
            proof = _by_ssh_keygen(name, raw, key)
        case SignatureScheme.WEBAUTHN:
            proof = _by_script(name, raw, key)
        case _ as unknown:
            assert_never(unknown)
    return Exported({f"{name}.message": message, **proof.files}, proof.command)


def public_key_pem(key: PersonKey) -> bytes:
    """The public key as PEM, SubjectPublicKeyInfo."""
    if key.scheme is SignatureScheme.WEBAUTHN:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.raw_public_key)
        return point.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public = Ed25519PublicKey.from_public_bytes(key.raw_public_key)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _by_openssl(name: str, raw: bytes, key: PersonKey) -> Exported:
    command = (
        f"openssl pkeyutl -verify -pubin -inkey {name}.pem"
        f" -rawin -in {name}.message -sigfile {name}.sig"
    )
    return Exported({f"{name}.sig": raw, f"{name}.pem": public_key_pem(key)}, command)


def _by_ssh_keygen(name: str, raw: bytes, key: PersonKey) -> Exported:
    files = {
        f"{name}.sshsig": armored(raw).encode(),
        f"{name}.allowed_signers": allowed_signer(key).encode(),
    }
    command = (
        f"ssh-keygen -Y verify -f {name}.allowed_signers -I {shlex.quote(key.person_id)}"
        f" -n {NAMESPACE} -s {name}.sshsig < {name}.message"
    )
    return Exported(files, command)


def _by_script(name: str, raw: bytes, key: PersonKey) -> Exported:
    place = shlex.join([key.rp_id or "", key.web_origin or ""])
    command = f"python3 {PASSKEY_SCRIPT} {name}.message {name}.assertion.json {name}.pem {place}"
    return Exported({f"{name}.assertion.json": raw, f"{name}.pem": public_key_pem(key)}, command)
