"""Sealed keys of people.

Job: keep each person's private key in a sealed file of its own, and open it for one signature.

Invariants
  I1  A private key is never written unsealed, and never into the database.
  I2  A key file has mode 0600 and is never overwritten.
  I3  An opened key signs once and is then forgotten; only the demo keyring keeps keys open.

Not here: the envelope (identity.sealing), which key belongs to whom (identity.keys).
Source: governance part 3.
"""

import os
import re
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterseal.identity.dsse import enveloped, public_key_text, sign_statement, signed_bytes
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.sealing import (
    SealedKey,
    open_key,
    private_key_from_seed,
    read_envelope,
    seal_key,
)
from counterseal.identity.sshsig import blob_of, bytes_to_sign
from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from counterseal.kernel.model import Signature

DEMO_PASSPHRASE: Final = "unsafe-demo-throw-away-passphrase"  # noqa: S105 - a label, it guards nothing
"""Seals every key of a demo home. It is public: such a home proves nothing about who signed."""

KEY_FILE_MODE: Final = 0o600
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)


def write_secret(path: Path, text: str) -> None:
    """Write a new file that only its owner reads.

    Raises:
        InputError: `KEY_FILE_EXISTS`.
        AdapterError: `KEY_FILE_WRITE`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, KEY_FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise InputError("KEY_FILE_EXISTS", "a key file is never overwritten", got=path) from None
    except OSError as error:
        raise AdapterError("KEY_FILE_WRITE", str(error), got=path) from error


def read_secret(path: Path) -> str:
    """The text of a key file.

    Raises:
        InputError: `KEY_FILE_MISSING`.
        IntegrityError: `KEY_FILE_OPEN` when others than its owner may read it.
        AdapterError: `KEY_FILE_READ`.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            content = file.read()
    except FileNotFoundError:
        raise InputError("KEY_FILE_MISSING", "there is no such key file", got=path) from None
    except OSError as error:
        raise AdapterError("KEY_FILE_READ", str(error), got=path) from error
    if mode & 0o077:
        raise IntegrityError("KEY_FILE_OPEN", "others may read this key file", got=oct(mode))
    return content.decode("utf-8", errors="replace")


class OpenedKey:
    """A private key in memory, for one signature.

    Attributes:
        person_id: Its owner.
        key_id: Id of the public key's record.
        public_key: Raw public key, base64.
    """

    __slots__ = ("_private", "key_id", "person_id", "public_key")

    def __init__(self, person_id: str, key_id: str, private: Ed25519PrivateKey) -> None:
        self.person_id = person_id
        self.key_id = key_id
        self.public_key = public_key_text(private)
        self._private: Ed25519PrivateKey | None = private

    def sign(self, kind: str, statement: dict[str, Json]) -> Signature:
        """Sign one statement and forget the key.

        Raises:
            InputError: `KEY_SPENT` for a second one.
        """
        private, self._private = self._private, None
        if private is None:
            raise InputError("KEY_SPENT", "an opened key signs once", field="key", got=self.key_id)
        return sign_statement(private, kind, statement, self.key_id)


class Keyring:
    """The key files of one home.

    Args:
        folder: `keys/` of the home.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, person_id: str) -> Path:
        """Where a person's key lies.

        Raises:
            InputError: `PERSON_ID_UNSAFE` for an id that is no plain file name.
        """
        if _SAFE_NAME.fullmatch(person_id) is None:
            raise InputError(
                "PERSON_ID_UNSAFE",
                "this id cannot name a key file",
                field="person",
                expected="letters, digits, dot, dash, underscore",
                got=person_id,
            )
        return self._folder / f"{person_id}.key.json"

    def create(
        self, person_id: str, key_id: str, passphrase: str, *, seed: bytes, salt: bytes
    ) -> SealedKey:
        """Seal a new key into its file.

        Raises:
            InputError: `KEY_FILE_EXISTS`, `PERSON_ID_UNSAFE`, `PASSPHRASE_SHORT`, ...
            AdapterError: `KEY_FILE_WRITE`.
        """
        path = self.path(person_id)
        if path.exists():
            raise InputError("KEY_FILE_EXISTS", "a key file is never overwritten", got=path)
        text = seal_key(seed, key_id, passphrase, salt)
        write_secret(path, text)
        return read_envelope(text)

    def open(self, person_id: str, passphrase: str) -> OpenedKey:
        """Open a person's key for one signature.

        Raises:
            InputError: `KEY_FILE_MISSING`, `PASSPHRASE_WRONG`, `KEY_FILE_INVALID`, ...
            IntegrityError: `KEY_FILE_OPEN`.
        """
        text = read_secret(self.path(person_id))
        private = open_key(text, passphrase)
        return OpenedKey(person_id, read_envelope(text).key_id, private)


class UnsafeDemoKeyring:
    """Signs for everybody in a demo home: one passphrase that everyone knows.

    A key is unsealed once per run, a new one not at all, and then kept. What it signs says nothing
    about people.

    Args:
        folder: `keys/` of the home.
        mode: The installation's mode.

    Raises:
        InputError: `NOT_A_DEMO_HOME` for any mode but `demo`.
    """

    label = "unsafe-demo"

    def __init__(self, folder: Path, mode: str) -> None:
        if mode != "demo":
            raise InputError("NOT_A_DEMO_HOME", "people sign for themselves here", got=mode)
        self._ring = Keyring(folder)
        self._open: dict[str, tuple[str, Ed25519PrivateKey]] = {}
        self._elsewhere: dict[str, tuple[str, Ed25519PrivateKey]] = {}

    def own_machine(self, person_id: str, key_id: str, *, seed: bytes) -> str:
        """The public key (base64) of a person who signs as OpenSSH does; no file is written."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        self._elsewhere[person_id] = (key_id, private)
        return public_key_text(private)

    def public_key(self, person_id: str, key_id: str, *, seed: bytes, salt: bytes) -> str:
        """The public key of a person (base64), whose private key is sealed first if there is none.

        Raises:
            InputError: errors of `Keyring.create` and `Keyring.open`.
        """
        if not self._ring.path(person_id).exists():
            self._ring.create(person_id, key_id, DEMO_PASSPHRASE, seed=seed, salt=salt)
            self._open[person_id] = (key_id, private_key_from_seed(seed))
        return public_key_text(self._opened(person_id)[1])

    def sign(self, person_id: str, kind: str, statement: dict[str, Json]) -> Signature:
        """Sign for a person; errors of `Keyring.open`."""
        if person_id in self._elsewhere:
            return _ssh_signed(*self._elsewhere[person_id], kind, statement)
        key_id, private = self._opened(person_id)
        return sign_statement(private, kind, statement, key_id)

    def _opened(self, person_id: str) -> tuple[str, Ed25519PrivateKey]:
        if person_id not in self._open:
            text = read_secret(self._ring.path(person_id))
            key_id = read_envelope(text).key_id
            self._open[person_id] = (key_id, open_key(text, DEMO_PASSPHRASE))
        return self._open[person_id]


def _ssh_signed(
    key_id: str, private: Ed25519PrivateKey, kind: str, statement: dict[str, Json]
) -> Signature:
    """What `ssh-keygen -Y sign` makes of a statement."""
    raw = private.sign(bytes_to_sign(signed_bytes(kind, statement)))
    blob = blob_of(private.public_key().public_bytes_raw(), raw)
    return enveloped(kind, statement, key_id, SignatureScheme.SSHSIG, blob)
