"""Append-only files of heads.

Job: write a head as a line, read a file back, and tell whether it is what was remembered of it.

Invariants
  I1  Each line names the hash of the line before: a line changed, moved or taken out is found.
  I2  A file that is shorter than remembered, or begins with other bytes, is found.
  I3  A line torn by a crash costs that line only, and hides no other.

Not here: the file and its memory (storage.anchoring), what the heads prove (audit.outside).
Source: design row "anchors".
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.kernel.canonical import canonical_bytes, parse_json
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import DomainModel

FIRST_PREV: Final = "0" * 64
"""Stands where the first line has no line before it."""

_FIELDS: Final = {"note", "prev"}


class AnchorMemory(DomainModel):
    """How much of a file was written, and what.

    Attributes:
        length: Bytes.
        sha256: Of those bytes, hex.
    """

    length: int = Field(ge=0)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class AnchorFile:
    """A file that was read.

    Attributes:
        notes: Signed checkpoints in order; their signatures are not verified yet.
        last: Hash of the last whole line, hex; `FIRST_PREV` for none.
        torn: Lines that a crash cut short.
    """

    notes: tuple[str, ...] = ()
    last: str = FIRST_PREV
    torn: int = 0


def anchor_line(note: str, prev: str) -> bytes:
    """A head as one line with its newline: canonical JSON of the note and the line before.

    Raises:
        InputError: when the note or its checkpoint is malformed.
    """
    read_checkpoint(note)
    return canonical_bytes({"note": note, "prev": prev}) + b"\n"


def line_hash(line: bytes) -> str:
    """SHA-256 of a line with its newline, hex."""
    return hashlib.sha256(line).hexdigest()


def remember(content: bytes) -> AnchorMemory:
    """What to remember of a file."""
    return AnchorMemory(length=len(content), sha256=hashlib.sha256(content).hexdigest())


def check_memory(content: bytes, memory: AnchorMemory) -> None:
    """Compare a file with what was remembered of it; a longer one may go on from there.

    Raises:
        IntegrityError: `ANCHOR_SHORTER` or `ANCHOR_REWRITTEN`.
    """
    if len(content) < memory.length:
        raise IntegrityError(
            "ANCHOR_SHORTER",
            "the anchor file is shorter than what was written",
            expected=f"{memory.length} bytes",
            got=len(content),
        )
    if remember(content[: memory.length]) != memory:
        raise IntegrityError("ANCHOR_REWRITTEN", "the anchor file begins with other bytes")


def read_anchors(content: bytes) -> AnchorFile:
    """Read a file and follow its links.

    Raises:
        IntegrityError: `ANCHOR_REWRITTEN` when a line does not follow the one before.
    """
    notes: list[str] = []
    last, torn = FIRST_PREV, 0
    for line in re.findall(rb"[^\n]*\n|[^\n]+$", content):
        note = _note(line, last)
        if note is None:
            torn += 1
            continue
        notes.append(note)
        last = line_hash(line)
    return AnchorFile(tuple(notes), last, torn)


def _note(line: bytes, last: str) -> str | None:
    """The note of a line, None for a line that a crash cut short.

    Raises:
        IntegrityError: `ANCHOR_REWRITTEN`.
    """
    try:
        value = parse_json(line) if line.endswith(b"\n") else None
    except InputError:
        value = None
    if not isinstance(value, dict):
        return None
    if value.keys() != _FIELDS or value["prev"] != last or canonical_bytes(value) + b"\n" != line:
        raise IntegrityError(
            "ANCHOR_REWRITTEN", "a line does not follow the one before it", got=line[:60]
        )
    note = value["note"]
    try:
        read_checkpoint(note if isinstance(note, str) else "")
    except InputError:
        raise IntegrityError("ANCHOR_REWRITTEN", "a line holds no checkpoint") from None
    return str(note)
