"""What a witness is asked, and what it answers.

Job: write and read `add-checkpoint` requests, decide whether to cosign, take cosignatures in.

Invariants
  I1  A witness never cosigns two roots for one size, nor a smaller size, whoever signed them.
  I2  A larger size is cosigned only with a proof that the tree held is its prefix.
  I3  Only checkpoints under a known key of their own origin are looked at any further.
  I4  A cosignature is taken in only when it verifies over exactly the note that was sent.

Not here: HTTP and the witness's memory (storage.witness_server), asking (storage.witnesses).
Source: C2SP tlog-witness, tlog-cosignature.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from counterseal.audit.checkpoint import (
    SIZE_MAX,
    Checkpoint,
    open_checkpoint,
    read_checkpoint,
)
from counterseal.audit.merkle import EMPTY_ROOT, HASH_SIZE, PROOF_LENGTH_MAX, check_consistency
from counterseal.audit.note import (
    NOTE_BYTES_MAX,
    Note,
    SignatureLine,
    VerifierKey,
    decode_base64,
    encode_base64,
    open_note,
    parse_note,
)
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import Refusal, refuse

REQUEST_BYTES_MAX: Final = NOTE_BYTES_MAX + 4096
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign.

    Attributes:
        old: Size that the sender believes the witness to hold; 0 for nothing.
        proof: Consistency proof from `old` to the checkpoint's size.
        note: The signed checkpoint.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str

    @property
    def text(self) -> str:
        """The request's body."""
        return "\n".join((f"old {self.old}", *map(encode_base64, self.proof), "", self.note))


def origin_name(origin: str) -> str:
    """The name of a log in a witness's paths: SHA-256 of its origin, hex."""
    return hashlib.sha256(origin.encode()).hexdigest()


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Read a request's body; the checkpoint must parse, nothing is verified yet.

    Raises:
        InputError: `REQUEST_MALFORMED`, `BASE64_INVALID`, `NOTE_MALFORMED`, `NOTE_TOO_LONG` or
            `CHECKPOINT_MALFORMED`.
    """
    if len(body) > REQUEST_BYTES_MAX:
        _malformed("request too long")
    try:
        head, gap, note = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        _malformed("a request is UTF-8")
    first, *hashes = head.split("\n")
    old = _OLD.fullmatch(first)
    if not gap or old is None or int(old[1]) > SIZE_MAX or len(hashes) > PROOF_LENGTH_MAX:
        _malformed("expected an old size, at most 63 hashes and an empty line", head[:60])
    proof = tuple(decode_base64(line, "proof") for line in hashes)
    if any(len(value) != HASH_SIZE for value in proof):
        _malformed("a hash has 32 bytes")
    read_checkpoint(note)
    return AddCheckpoint(int(old[1]), proof, note)


def decide_cosigning(
    held: Checkpoint | None, asked: AddCheckpoint, log_keys: Collection[VerifierKey]
) -> Checkpoint | Refusal:
    """The checkpoint to remember and then cosign, or why not.

    Args:
        held: Latest checkpoint cosigned for that origin, None for none.
        asked: The request.
        log_keys: Keys of the logs that this witness knows.

    Returns:
        A checkpoint at least as large as `held`, or a refusal in check order: `UNKNOWN_ORIGIN`,
        `LOG_SIGNATURE_INVALID`, `OLD_SIZE_ABOVE_NEW`, `OLD_SIZE_STALE` (facts: the size held),
        `FORK_AT_SIZE`, `PROOF_INVALID`.
    """
    claimed = read_checkpoint(asked.note)
    keys = [key for key in log_keys if key.name == claimed.origin]
    if not keys:
        return refuse("UNKNOWN_ORIGIN", "This witness knows no such log.", origin=claimed.origin)
    if not any(_signed_by(asked.note, key) for key in keys):
        return refuse(
            "LOG_SIGNATURE_INVALID", "No known key of the log signed.", origin=claimed.origin
        )
    return _check_growth(held, asked, claimed) or claimed


def _check_growth(
    held: Checkpoint | None, asked: AddCheckpoint, claimed: Checkpoint
) -> Refusal | None:
    """Why a checkpoint does not follow the one held, or None."""
    size, root = (0, EMPTY_ROOT) if held is None else (held.size, held.root)
    if asked.old > claimed.size:
        return refuse(
            "OLD_SIZE_ABOVE_NEW", "The old size is above the new.", old=asked.old, new=claimed.size
        )
    if asked.old != size:
        return refuse("OLD_SIZE_STALE", "The witness holds another size.", held=size, old=asked.old)
    if claimed.size == size and claimed.root != root:
        return refuse("FORK_AT_SIZE", "Another root was cosigned for this size.", size=size)
    if not _extends(size, root, claimed, asked.proof):
        return refuse(
            "PROOF_INVALID", "The tree held is not a prefix.", held=size, asked=claimed.size
        )
    return None


def cosigned_lines(
    note_text: str, answer: bytes, witnesses: Iterable[VerifierKey]
) -> tuple[SignatureLine, ...]:
    """The good lines of known witnesses in an answer; lines of strangers are passed over.

    Raises:
        InputError: `NOTE_MALFORMED`, `NOTE_TOO_LONG` or `BASE64_INVALID`.
        IntegrityError: `SIG_INVALID` for a bad line under a known key, `KEY_UNKNOWN` for none.
    """
    body = parse_note(note_text).body
    try:
        answered = parse_note(f"{body}\n{answer.decode()}")
    except UnicodeDecodeError:
        raise InputError("NOTE_MALFORMED", "an answer is UTF-8", field="answer") from None
    if answered.body != body:
        raise InputError("NOTE_MALFORMED", "an answer has signature lines only", field="answer")
    good = {(line.key.name, line.key.key_id) for line in open_note(answered, witnesses)}
    first: dict[tuple[str, bytes], SignatureLine] = {}
    for line in answered.lines:
        if (line.name, line.key_id) in good:
            first.setdefault((line.name, line.key_id), line)
    return tuple(first.values())


def with_lines(note_text: str, lines: Iterable[SignatureLine]) -> str:
    """The note with these lines; a line takes the place of an older one of the same key.

    Raises:
        InputError: when the note is malformed.
    """
    note = parse_note(note_text)
    merged = {(line.name, line.key_id): line for line in (*note.lines, *lines)}
    return Note(note.body, tuple(merged.values())).text


def _signed_by(note: str, key: VerifierKey) -> bool:
    try:
        open_checkpoint(note, key)
    except IntegrityError:
        return False
    return True


def _extends(size: int, root: bytes, claimed: Checkpoint, proof: Sequence[bytes]) -> bool:
    if size in {0, claimed.size}:
        return not proof
    return check_consistency(size, claimed.size, root, claimed.root, proof)


def _malformed(message: str, got: object = None) -> NoReturn:
    raise InputError("REQUEST_MALFORMED", message, field="add-checkpoint", got=got)
