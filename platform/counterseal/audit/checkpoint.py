"""Checkpoints: the log's signed size and root.

Job: write and read the three lines of a checkpoint, signed by the log and cosigned by witnesses.

Invariants
  I1  A checkpoint has one spelling; extension lines are refused, since nobody would audit them.
  I2  The name of the log's key is the origin: a key of another log never vouches for this one.

Not here: whether the tree has that root (audit.verify), whether it may be signed (audit.signer).
Source: C2SP tlog-checkpoint, tlog-cosignature.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from counterseal.audit.merkle import HASH_SIZE
from counterseal.audit.note import (
    ED25519,
    GoodLine,
    Note,
    NoteSigner,
    VerifierKey,
    decode_base64,
    encode_base64,
    is_key_name,
    open_note,
    parse_note,
)
from counterseal.kernel.errors import InputError, IntegrityError

SIZE_MAX: Final = 2**63 - 1
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LINES: Final = 4


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of a log.

    Attributes:
        origin: The log's name.
        size: Number of records.
        root: 32-byte root hash.

    Raises:
        InputError: `CHECKPOINT_MALFORMED`.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.origin):
            _malformed("origin has no blank and no plus", self.origin)
        if not 0 <= self.size <= SIZE_MAX or len(self.root) != HASH_SIZE:
            _malformed("expected a size of at most 63 bits and a root of 32 bytes", self.size)

    @property
    def text(self) -> str:
        """The three lines, each with its newline."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class OpenedCheckpoint:
    """A checkpoint whose log signature was verified.

    Attributes:
        lines: All verified lines: the log's, and those of known witnesses.
    """

    checkpoint: Checkpoint
    lines: tuple[GoodLine, ...]


def _malformed(message: str, got: object) -> NoReturn:
    raise InputError("CHECKPOINT_MALFORMED", message, field="checkpoint", got=got)


def parse_checkpoint(body: str) -> Checkpoint:
    """Read the text of a checkpoint note.

    Raises:
        InputError: `CHECKPOINT_MALFORMED` or `BASE64_INVALID`.
    """
    lines = body.split("\n")
    if len(lines) != _LINES or lines[-1]:
        _malformed("expected origin, size and root, one a line", body)
    if _SIZE.fullmatch(lines[1]) is None:
        _malformed("size is decimal without leading zeros", lines[1])
    return Checkpoint(lines[0], int(lines[1]), decode_base64(lines[2], "checkpoint"))


def sign_checkpoint(
    checkpoint: Checkpoint, signer: NoteSigner, successor: NoteSigner | None = None
) -> str:
    """The signed note of a checkpoint. Ask `signer.decide_signing` first.

    Args:
        checkpoint: What is signed.
        signer: The log's key.
        successor: The key that is to follow it; both sign while one takes over.

    Raises:
        InputError: `KEY_INVALID` when a key's name is not the origin.
    """
    signers = (signer,) if successor is None else (signer, successor)
    for one in signers:
        if one.key.name != checkpoint.origin or one.key.kind != ED25519:
            raise InputError(
                "KEY_INVALID", "the log's key is named as its origin", got=one.key.name
            )
    return Note(checkpoint.text, tuple(one.line(checkpoint.text) for one in signers)).text


def cosign_checkpoint(note_text: str, witness: NoteSigner, unix_seconds: int) -> str:
    """The note with one more line: a witness's signature over its time (UTC seconds) and the text.

    Raises:
        InputError: when the note is malformed or the key is not a witness key.
    """
    note = parse_note(note_text)
    parse_checkpoint(note.body)
    return Note(note.body, (*note.lines, witness.line(note.body, unix_seconds))).text


def read_checkpoint(note_text: str | bytes) -> Checkpoint:
    """Read a checkpoint without verifying any signature: a claim, not evidence.

    Raises:
        InputError: when the note or the checkpoint is malformed.
    """
    return parse_checkpoint(parse_note(note_text).body)


def open_checkpoint(
    note_text: str | bytes, log_key: VerifierKey, witnesses: Iterable[VerifierKey] = ()
) -> OpenedCheckpoint:
    """Verify a checkpoint under the log's key, and the lines of known witnesses.

    Raises:
        InputError: when the note or the checkpoint is malformed.
        IntegrityError: `SIG_INVALID`, or `KEY_UNKNOWN` when the log's key did not sign or is that
            of another log.
    """
    note = parse_note(note_text)
    checkpoint = parse_checkpoint(note.body)
    lines = open_note(note, (log_key, *witnesses))
    if checkpoint.origin != log_key.name or all(line.key != log_key for line in lines):
        raise IntegrityError(
            "KEY_UNKNOWN", "the log's key did not sign", field="note", expected=log_key.name
        )
    return OpenedCheckpoint(checkpoint, lines)
