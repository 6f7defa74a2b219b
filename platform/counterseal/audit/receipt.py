"""Receipts: proof that a record is in the log, kept by whoever received it.

Job: make, write, read and check `.tlog-proof` files; prove to who kept an older size that it is a
prefix.

Invariants
  I1  A receipt is checked against the record's bytes, never against a stated hash.
  I2  The `extra` line is carried, never trusted: no signature covers it.
  I3  No proof is made that does not lead to the signed root, whatever the tree was stored in.

Not here: who gets a receipt (storage.journal).
Source: C2SP tlog-proof, tlog-witness (the form of a proof of growth).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from counterseal.audit.checkpoint import (
    SIZE_MAX,
    Checkpoint,
    OpenedCheckpoint,
    open_checkpoint,
    read_checkpoint,
)
from counterseal.audit.merkle import (
    HASH_SIZE,
    PROOF_LENGTH_MAX,
    ProofTree,
    check_consistency,
    check_inclusion,
    leaf_hash,
)
from counterseal.audit.note import NOTE_BYTES_MAX, VerifierKey, decode_base64, encode_base64
from counterseal.audit.witness import AddCheckpoint
from counterseal.kernel.errors import InputError, IntegrityError

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of inclusion under one checkpoint.

    Attributes:
        index: The record's `seq`.
        path: Sibling hashes, leaf upward.
        checkpoint: The signed note, verbatim with all its lines.
        extra: Unauthenticated bytes, or None.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    @property
    def text(self) -> str:
        """The `.tlog-proof` file."""
        extra = [] if self.extra is None else [f"extra {encode_base64(self.extra)}"]
        hashes = [encode_base64(value) for value in self.path]
        head = "\n".join((FIRST_LINE, *extra, f"index {self.index}", *hashes))
        return f"{head}\n\n{self.checkpoint}"


def _malformed(message: str, got: object = None) -> NoReturn:
    raise InputError("RECEIPT_MALFORMED", message, field="receipt", got=got)


def make_receipt(tree: ProofTree, index: int, leaf: bytes, note: str) -> Receipt:
    """The receipt of one record under a checkpoint.

    Args:
        tree: Of the log, at least up to the checkpoint; its hashes are not trusted.
        index: The record's `seq`.
        leaf: Its leaf hash, recomputed from the stored bytes.
        note: The signed checkpoint; its signature is for the receiver to verify.

    Raises:
        InputError: `PROOF_RANGE` when the tree is shorter than the checkpoint, or the record lies
            behind it; those of a malformed note.
        IntegrityError: `TILE_DIFFERS` when leaf and tree do not lead to the signed root.
    """
    signed = read_checkpoint(note)
    path = tree.inclusion_path(index, signed.size)
    if not check_inclusion(index, signed.size, leaf, path, signed.root):
        _differs(signed)
    return Receipt(index, path, note)


def prove_growth(tree: ProofTree, old: int, note: str) -> AddCheckpoint:
    """Proof that the log as it was when it had `old` records is a prefix of a checkpoint.

    Args:
        tree: As for a receipt.
        old: Size of a checkpoint that somebody kept.
        note: The signed checkpoint.

    Raises:
        InputError: `PROOF_RANGE` unless 0 < old <= the checkpoint's size, or when the tree is
            shorter; those of a malformed note.
        IntegrityError: `TILE_DIFFERS` when the tree does not lead to the signed root.
    """
    signed = read_checkpoint(note)
    path = tree.consistency_path(old, signed.size)
    if not check_consistency(old, signed.size, tree.root(old), signed.root, path):
        _differs(signed)
    return AddCheckpoint(old, path, note)


def _differs(signed: Checkpoint) -> NoReturn:
    raise IntegrityError(
        "TILE_DIFFERS",
        "what is stored does not lead to the signed root, no proof was made; run `audit verify`"
        " next",
        expected=signed.root.hex(),
    )


def parse_receipt(text: str) -> Receipt:
    """Read a `.tlog-proof` file; the checkpoint must parse, its signatures are not verified yet.

    Raises:
        InputError: `RECEIPT_MALFORMED`, `BASE64_INVALID`, `NOTE_MALFORMED`, `NOTE_TOO_LONG` or
            `CHECKPOINT_MALFORMED`.
    """
    if len(text) > NOTE_BYTES_MAX:
        _malformed("receipt too long")
    head, gap, note = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines.pop(0) != FIRST_LINE:
        _malformed("expected the first line and an empty line", text[:60])
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "), "receipt")
    index = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if index is None or int(index[1]) > SIZE_MAX or len(lines) > PROOF_LENGTH_MAX:
        _malformed("expected an index and at most 63 hashes")
    path = tuple(decode_base64(line, "receipt") for line in lines)
    if any(len(value) != HASH_SIZE for value in path):
        _malformed("a hash has 32 bytes")
    read_checkpoint(note)
    return Receipt(int(index[1]), path, note, extra)


def check_receipt(
    receipt: Receipt, body: bytes, log_key: VerifierKey, witnesses: Iterable[VerifierKey] = ()
) -> OpenedCheckpoint:
    """Verify that a record's bytes are in the log that the receipt's checkpoint signs.

    Raises:
        InputError: when the checkpoint is malformed.
        IntegrityError: `SIG_INVALID`, `KEY_UNKNOWN`, or `PROOF_INVALID` when the path does not lead
            from these bytes to the signed root.
    """
    opened = open_checkpoint(receipt.checkpoint, log_key, witnesses)
    signed = opened.checkpoint
    if not check_inclusion(receipt.index, signed.size, leaf_hash(body), receipt.path, signed.root):
        raise IntegrityError("PROOF_INVALID", "the record is not in that tree", got=receipt.index)
    return opened
