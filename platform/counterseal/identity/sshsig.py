"""Signatures of OpenSSH (`ssh-keygen -Y sign`).

Job: verify an SSHSIG blob over exact bytes, and write the forms that `ssh-keygen` reads.

Invariants
  I1  Every byte of a blob has one meaning: version 1, one namespace, one hash, no reserved bytes,
      nothing left over.
  I2  The public key inside the blob must be the registered one; only that one verifies.
  I3  Ed25519 keys only: no RSA, no certificates, no security-key types.

Not here: which bytes are signed (identity.dsse), whose key it is (identity.keys).
Source: OpenSSH PROTOCOL.sshsig; ssh-keygen(1), part ALLOWED SIGNERS; RFC 8709.
"""

import hashlib
import re
import textwrap
from base64 import b64decode
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from counterseal.audit.note import encode_base64
from counterseal.identity.dsse import decoded, verify_ed25519
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme, check_public_key
from counterseal.kernel.errors import InputError, IntegrityError

NAMESPACE: Final = "counterseal-decision"
"""Bound into every signature: a signature for git or for a login fits no statement."""
_MAGIC: Final = b"SSHSIG"
_VERSION: Final = (1).to_bytes(4, "big")
_KEY_TYPE: Final = b"ssh-ed25519"
_HASH: Final = b"sha512"
_BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
_END: Final = "-----END SSH SIGNATURE-----"
_ARMOR_WIDTH: Final = 70
_TEXT_SIZE_MAX: Final = 8_000
_PRINCIPAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,119}", re.ASCII)


def verify_blob(blob: bytes, message: bytes, public_key: bytes) -> None:
    """Check an SSHSIG blob over the exact bytes of a message, under a raw Ed25519 key.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` with the check that failed.
    """
    if not blob.startswith(_MAGIC + _VERSION):
        raise IntegrityError("SIGNATURE_INVALID", "this is no SSHSIG blob of version 1")
    key, namespace, reserved, hash_name, signed = _strings(blob[10:], 5)
    if key != _key_blob(public_key):
        raise IntegrityError("SIGNATURE_INVALID", "the SSH signature was made with another key")
    if namespace != NAMESPACE.encode():
        raise IntegrityError(
            "SIGNATURE_INVALID",
            f"the SSH signature is not for the namespace {NAMESPACE}",
            got=namespace,
        )
    if reserved:
        raise IntegrityError("SIGNATURE_INVALID", "the SSH signature uses reserved bytes")
    if hash_name != _HASH:
        raise IntegrityError(
            "SIGNATURE_INVALID", "the SSH signature does not hash with sha512", got=hash_name
        )
    algorithm, raw = _strings(signed, 2)
    if algorithm != _KEY_TYPE:
        raise IntegrityError(
            "SIGNATURE_INVALID", "the SSH signature is not of Ed25519", got=algorithm
        )
    verify_ed25519(public_key, raw, bytes_to_sign(message))


def bytes_to_sign(message: bytes) -> bytes:
    """What the Ed25519 key signs inside an SSHSIG: never the message itself."""
    hashed = hashlib.sha512(message).digest()
    return _MAGIC + b"".join(_string(part) for part in (NAMESPACE.encode(), b"", _HASH, hashed))


def blob_of(public_key: bytes, raw: bytes) -> bytes:
    """The blob around a raw Ed25519 signature over `bytes_to_sign`."""
    signed = _string(_KEY_TYPE) + _string(raw)
    parts = (_key_blob(public_key), NAMESPACE.encode(), b"", _HASH, signed)
    return _MAGIC + _VERSION + b"".join(_string(part) for part in parts)


def armored(blob: bytes) -> str:
    """The text file that `ssh-keygen -Y sign` writes and `-Y verify` reads."""
    lines = textwrap.wrap(encode_base64(blob), _ARMOR_WIDTH)
    return "\n".join([_BEGIN, *lines, _END, ""])


def unarmored(text: str) -> bytes:
    """The blob in a signature file; line ends may be of any kind.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` for any other text, and for one beyond 8,000 characters.
    """
    lines = text.strip().splitlines() if len(text) <= _TEXT_SIZE_MAX else []
    if not lines or lines[0] != _BEGIN or lines[-1] != _END:
        raise IntegrityError("SIGNATURE_INVALID", "this is no file that ssh-keygen -Y sign wrote")
    return decoded("".join(lines[1:-1]), "SSH signature")


def read_public_key(line: str) -> bytes:
    """The raw key of a line such as `ssh-ed25519 AAAA... comment`.

    Raises:
        InputError: `SSH_KEY_INVALID` for any other line or kind of key.
    """
    try:
        return _key_in(line.split())
    except (ValueError, IntegrityError):
        raise InputError(
            "SSH_KEY_INVALID",
            "this is no public key that ssh-keygen -t ed25519 made",
            field="public_key",
            expected="ssh-ed25519 AAAA... comment",
            got=line,
        ) from None


def allowed_signer(key: PersonKey) -> str:
    """The line of an `allowed_signers` file that lets a person's key sign statements.

    Raises:
        InputError: `PERSON_ID_UNSAFE` for an id that the file would read as a pattern.
    """
    if _PRINCIPAL.fullmatch(key.person_id) is None:
        raise InputError(
            "PERSON_ID_UNSAFE",
            "this id would be a pattern in an allowed_signers file",
            field="person",
            expected="letters, digits, dot, dash, underscore, at",
            got=key.person_id,
        )
    encoded = encode_base64(_key_blob(key.raw_public_key))
    return f'{key.person_id} namespaces="{NAMESPACE}" {_KEY_TYPE.decode()} {encoded}\n'


def _key_in(words: Sequence[str]) -> bytes:
    kind, encoded = words[:2]
    algorithm, raw = _strings(b64decode(encoded, validate=True), 2)
    if kind.encode() != _KEY_TYPE or algorithm != _KEY_TYPE:
        raise ValueError("another kind of key")
    check_public_key(SignatureScheme.SSHSIG, raw)
    return raw


def _key_blob(public_key: bytes) -> bytes:
    return _string(_KEY_TYPE) + _string(public_key)


def _string(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def _strings(content: bytes, count: int) -> list[bytes]:
    """Exactly so many length-prefixed strings, with nothing after the last.

    Raises:
        IntegrityError: `SIGNATURE_INVALID` when there are fewer or more bytes.
    """
    ends = [0]
    for _ in range(count):
        size = int.from_bytes(content[ends[-1] : ends[-1] + 4], "big")
        ends.append(ends[-1] + 4 + size)
    if ends[-1] != len(content):
        raise IntegrityError(
            "SIGNATURE_INVALID", "the SSH signature is cut off, or has bytes left over"
        )
    return [content[start + 4 : end] for start, end in pairwise(ends)]
