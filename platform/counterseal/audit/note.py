"""Signed notes and verifier keys.

Job: write, parse and verify signed text, and the one-line form of the keys that verify it.

Invariants
  I1  Parsing is strict: each accepted note prints back to the same bytes.
  I2  A line counts only under a known pair of name and key id; a bad signature under a known pair
      refuses the whole note; a note without one good line is refused.
  I3  Sizes are bounded before anything is verified.

Not here: what the text says (audit.checkpoint).
Source: C2SP signed-note, tlog-cosignature (2026-07-22).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from counterseal.kernel.errors import InputError, IntegrityError

ED25519: Final = 0x01
"""Key type of a log: signs the note text."""

COSIGNATURE: Final = 0x04
"""Key type of a witness: signs a time and the note text."""

NOTE_BYTES_MAX: Final = 262_144
LINES_MAX: Final = 64
PUBLIC_KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
TIME_SIZE: Final = 8
TIME_MAX: Final = 2**63 - 1
"""Largest time of a cosignature, UTC seconds."""


_DASH: Final = "\u2014"
_KEY_ID_SIZE: Final = 4
_KEY_ID_TEXT: Final = re.compile(r"[0-9a-f]{8}", re.ASCII)


def decode_base64(text: str, field: str) -> bytes:
    """Standard, padded base64 in its one canonical spelling.

    Raises:
        InputError: `BASE64_INVALID` for any other spelling.
    """
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        value = b""
    if not text or encode_base64(value) != text:
        raise InputError("BASE64_INVALID", "standard padded base64", field=field, got=text)
    return value


def encode_base64(value: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(value).decode("ascii")


def is_key_name(name: str) -> bool:
    """Whether a name may stand in a key or signature line: no blank, plus or control."""
    return bool(name) and not any(c.isspace() or c == "+" or c < " " for c in name)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name.

    Attributes:
        name: Key name; of a log key, the log's origin.
        kind: `ED25519` or `COSIGNATURE`.
        public_key: 32 bytes.

    Raises:
        InputError: `KEY_INVALID` for a bad name, kind or length.
    """

    name: str
    kind: int
    public_key: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or not _is_text(self.name):
            raise InputError("KEY_INVALID", "a key name has no blank and no plus", got=self.name)
        if self.kind not in {ED25519, COSIGNATURE} or len(self.public_key) != PUBLIC_KEY_SIZE:
            raise InputError("KEY_INVALID", "expected a 32-byte key of type 1 or 4", got=self.kind)

    @property
    def key_id(self) -> bytes:
        """First four bytes of the hash over name, newline, type and key."""
        material = self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key
        return hashlib.sha256(material).digest()[:_KEY_ID_SIZE]

    @property
    def text(self) -> str:
        """The key on one line: `name+id+base64`."""
        encoded = encode_base64(bytes([self.kind]) + self.public_key)
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def parse_vkey(text: str) -> VerifierKey:
    """Read a key line.

    Raises:
        InputError: `KEY_INVALID` or `BASE64_INVALID`; also when the id does not belong to the key.
    """
    parts = text.split("+", 2)
    if len(parts) != 3 or _KEY_ID_TEXT.fullmatch(parts[1]) is None:  # noqa: PLR2004 - name, id, key
        raise InputError("KEY_INVALID", "expected name+id+key", field="vkey", got=text)
    encoded = decode_base64(parts[2], "vkey")
    key = VerifierKey(parts[0], encoded[0], encoded[1:])
    if key.key_id.hex() != parts[1]:
        raise InputError("KEY_INVALID", "key id differs from the key", field="vkey", got=text)
    return key


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature line, verified or not.

    Attributes:
        key_id: Four bytes.
        payload: What follows the key id: a signature, of a witness with its time in front.
    """

    name: str
    key_id: bytes
    payload: bytes

    @property
    def text(self) -> str:
        """The line with its newline."""
        return f"{_DASH} {self.name} {encode_base64(self.key_id + self.payload)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note; nothing in it is trusted yet.

    Attributes:
        body: The signed text including its final newline.
        lines: Signature lines in order, at least one.
    """

    body: str
    lines: tuple[SignatureLine, ...]

    @property
    def text(self) -> str:
        """The whole note."""
        return f"{self.body}\n{''.join(line.text for line in self.lines)}"


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return not any(c < " " and c != "\n" for c in text)


def _malformed(message: str, got: object = None) -> NoReturn:
    raise InputError("NOTE_MALFORMED", message, field="note", got=got)


def parse_note(text: str | bytes) -> Note:
    """Split a note at its last empty line and read the signature lines.

    Raises:
        InputError: `NOTE_TOO_LONG`, `NOTE_MALFORMED` or `BASE64_INVALID`.
    """
    if len(text) > NOTE_BYTES_MAX:
        raise InputError("NOTE_TOO_LONG", "note too long", expected=f"{NOTE_BYTES_MAX} bytes")
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            _malformed("a note is UTF-8")
    if not _is_text(text):
        _malformed("a note has no control characters but newline")
    front, gap, tail = text.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        _malformed("expected text, an empty line and signature lines ending in newline")
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > LINES_MAX:
        raise InputError("NOTE_TOO_LONG", "too many signature lines", expected=f"{LINES_MAX}")
    return Note(f"{front}\n", tuple(_parse_line(line) for line in lines))


def _parse_line(line: str) -> SignatureLine:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _DASH or not is_key_name(parts[1]):  # noqa: PLR2004 - dash, name, base64
        _malformed("expected a signature line", line)
    payload = decode_base64(parts[2], "note")
    if len(payload) <= _KEY_ID_SIZE:
        _malformed("signature too short", line)
    return SignatureLine(parts[1], payload[:_KEY_ID_SIZE], payload[_KEY_ID_SIZE:])


@dataclass(frozen=True, slots=True)
class GoodLine:
    """A line whose signature was verified.

    Attributes:
        unix_seconds: Time that a witness states; None for a log's line.
    """

    key: VerifierKey
    unix_seconds: int | None


def cosigned_message(body: str, unix_seconds: int) -> bytes:
    """What a witness signs: a header, its time and the whole note text."""
    return f"cosignature/v1\ntime {unix_seconds}\n{body}".encode()


def _signed(key: VerifierKey, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _verified(key: VerifierKey, line: SignatureLine, body: str) -> GoodLine:
    timed = key.kind == COSIGNATURE
    time_size = TIME_SIZE if timed else 0
    seconds = int.from_bytes(line.payload[:time_size], "big") if timed else None
    message = body.encode() if seconds is None else cosigned_message(body, seconds)
    signature = line.payload[time_size:]
    if (seconds or 0) > TIME_MAX or not _signed(key, signature, message):
        raise IntegrityError(
            "SIG_INVALID", "bad signature under a known key", field="note", got=key.name
        )
    return GoodLine(key, seconds)


def open_note(note: Note, keys: Iterable[VerifierKey]) -> tuple[GoodLine, ...]:
    """Verify every line of a known key; unknown pairs of name and id are passed over.

    Returns:
        The verified lines in order, at least one, of each key the first.

    Raises:
        IntegrityError: `SIG_INVALID` for a bad signature under a known pair, `KEY_UNKNOWN` when no
            known key signed.
    """
    known = {(key.name, key.key_id): key for key in keys}
    good: dict[tuple[str, bytes], GoodLine] = {}
    for line in note.lines:
        pair = (line.name, line.key_id)
        if pair in known:
            verified = _verified(known[pair], line, note.body)
            good.setdefault(pair, verified)
    if not good:
        names = ", ".join(line.name for line in note.lines)
        raise IntegrityError("KEY_UNKNOWN", "no known key signed", field="note", got=names)
    return tuple(good.values())


class NoteSigner:
    """A private key that signs notes.

    Args:
        name: Key name.
        seed: 32 secret bytes.
        kind: `ED25519` for a log, `COSIGNATURE` for a witness.

    Raises:
        InputError: `KEY_INVALID`.
    """

    __slots__ = ("_private", "key")

    def __init__(self, name: str, seed: bytes, kind: int = ED25519) -> None:
        if len(seed) != PUBLIC_KEY_SIZE:
            raise InputError("KEY_INVALID", "a seed has 32 bytes")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = VerifierKey(name, kind, self._private.public_key().public_bytes_raw())

    def derived(self, purpose: str) -> bytes:
        """A 32-byte secret of this key for one purpose; it tells nothing about the key."""
        seed = self._private.private_bytes_raw()
        return hmac.digest(seed, f"counterseal {purpose}".encode(), "sha256")

    def line(self, body: str, unix_seconds: int | None = None) -> SignatureLine:
        """Sign a note text.

        Args:
            body: Text ending in newline.
            unix_seconds: Time that a witness vouches for; None exactly for a log key.

        Raises:
            InputError: `NOTE_MALFORMED` for text that no note can hold, `KEY_INVALID` when the time
                does not fit the key's type.
        """
        if not body.endswith("\n") or not _is_text(body):
            _malformed("a note text ends in newline and has no control characters")
        if (unix_seconds is not None) != (self.key.kind == COSIGNATURE):
            raise InputError("KEY_INVALID", "a witness key signs a time, a log key does not")
        if unix_seconds is not None and not 0 <= unix_seconds <= TIME_MAX:
            _malformed("a time has 63 bits", unix_seconds)
        if unix_seconds is None:
            payload = self._private.sign(body.encode())
        else:
            message = cosigned_message(body, unix_seconds)
            payload = unix_seconds.to_bytes(TIME_SIZE, "big") + self._private.sign(message)
        return SignatureLine(self.key.name, self.key.key_id, payload)
