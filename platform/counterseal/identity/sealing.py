"""Private keys sealed by a passphrase.

Job: turn an Ed25519 seed into a sealed, versioned JSON envelope, and open it for one signature.

Invariants
  I1  The passphrase goes through scrypt with N >= 2^17 and never reaches the PKCS#8 writer itself.
  I2  An envelope that names weaker or absurd parameters is refused before any work.
  I3  No error, representation or envelope holds the passphrase or the private key.

Not here: files and their modes (storage), asking for a passphrase (ui).
Source: governance rules, part 3 (sealing); RFC 7914; the library's own PKCS#8 encryption uses 2,048
rounds of PBKDF2, which is why it only ever sees 32 derived bytes.
"""

import base64
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import Field, ValidationError

from counterseal.identity.dsse import public_key_text
from counterseal.kernel.canonical import canonical_bytes, parse_json
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name

SCRYPT_N: Final = 2**17
SALT_BYTES: Final = 16
SEED_BYTES: Final = 32
PASSPHRASE_LENGTH_MIN: Final = 15


class SealedKey(DomainModel):
    """The envelope; `salt` and `public_key` are base64, `pem` is encrypted PKCS#8."""

    version: Literal[1] = 1
    kdf: Literal["scrypt"] = "scrypt"
    n: int = Field(ge=SCRYPT_N, le=2**20)
    r: int = Field(ge=8, le=8)
    p: int = Field(ge=1, le=1)
    salt: str = Field(min_length=24, max_length=24)
    key_id: Name
    public_key: str = Field(min_length=44, max_length=44)
    pem: str = Field(max_length=2000)


def private_key_from_seed(seed: bytes) -> Ed25519PrivateKey:
    """The Ed25519 key of a 32-byte seed.

    Raises:
        InputError: `BAD_SEED` for another length.
    """
    if len(seed) != SEED_BYTES:
        raise InputError("BAD_SEED", "a seed has 32 bytes", field="seed", got=len(seed))
    return Ed25519PrivateKey.from_private_bytes(seed)


def seal_key(seed: bytes, key_id: str, passphrase: str, salt: bytes) -> str:
    """Seal a key; gives the envelope as JSON text.

    Args:
        seed: 32 unpredictable bytes.
        key_id: Id of the public key's record.
        passphrase: At least 15 characters.
        salt: 16 unpredictable bytes, new for each envelope.

    Raises:
        InputError: `PASSPHRASE_MISSING`, `PASSPHRASE_SHORT`, `BAD_SALT` or `BAD_SEED`.
    """
    if not passphrase:
        raise InputError("PASSPHRASE_MISSING", "a passphrase is needed", field="passphrase")
    if len(passphrase) < PASSPHRASE_LENGTH_MIN:
        raise InputError(
            "PASSPHRASE_SHORT", "the passphrase is too short", expected="15 characters or more"
        )
    if len(salt) != SALT_BYTES:
        raise InputError("BAD_SALT", "a salt has 16 bytes", field="salt", got=len(salt))
    key = private_key_from_seed(seed)
    wrapping = BestAvailableEncryption(_derive(passphrase, salt, SCRYPT_N))
    sealed = SealedKey(
        n=SCRYPT_N,
        r=8,
        p=1,
        salt=base64.b64encode(salt).decode(),
        key_id=key_id,
        public_key=public_key_text(key),
        pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, wrapping).decode(),
    )
    return canonical_bytes(sealed.json_value()).decode()


def read_envelope(text: str | bytes) -> SealedKey:
    """Parse an envelope without opening it.

    Raises:
        InputError: `KEY_FILE_INVALID` for broken text or key derivation weaker than N = 2^17.
    """
    try:
        return SealedKey.model_validate_json(canonical_bytes(_json_object(text)))
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InputError(
            "KEY_FILE_INVALID", "the key file is damaged or too weakly sealed", field=place
        ) from None


def open_key(text: str | bytes, passphrase: str) -> Ed25519PrivateKey:
    """Open a sealed key; drop it after one signature.

    Raises:
        InputError: `PASSPHRASE_MISSING`, `PASSPHRASE_WRONG` or `KEY_FILE_INVALID`.
    """
    if not passphrase:
        raise InputError("PASSPHRASE_MISSING", "a passphrase is needed", field="passphrase")
    sealed = read_envelope(text)
    try:
        secret = _derive(passphrase, base64.b64decode(sealed.salt, validate=True), sealed.n)
        key = load_pem_private_key(sealed.pem.encode(), secret)
    except (ValueError, TypeError):
        raise InputError(
            "PASSPHRASE_WRONG", "the passphrase does not open this key", field="passphrase"
        ) from None
    if not isinstance(key, Ed25519PrivateKey) or public_key_text(key) != sealed.public_key:
        raise InputError("KEY_FILE_INVALID", "the sealed key is not the one that the file names")
    return key


def _json_object(text: str | bytes) -> dict[str, str | int]:
    try:
        value = parse_json(text)
    except InputError:
        value = None
    if not isinstance(value, dict):
        raise InputError("KEY_FILE_INVALID", "the key file is not a JSON object")
    return value


def _derive(passphrase: str, salt: bytes, n: int) -> bytes:
    derived = Scrypt(salt=salt, length=32, n=n, r=8, p=1).derive(passphrase.encode())
    return base64.urlsafe_b64encode(derived)
