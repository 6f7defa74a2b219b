"""Where a verification ended, for the next one to go on from.

Job: hold what a verifier must remember to read only new records.

Invariants
  I1  The peaks lead to the root: nothing else can be put behind them.
  I2  The root is signed: the state carries the checkpoint under the pinned key.

Not here: the verification (audit.verify), where the state is kept (the caller).
Source: design part "verify", incremental.
"""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from counterseal.audit.checkpoint import SIZE_MAX, read_checkpoint
from counterseal.audit.keys import KeyRing, SealStanding, seal_standing
from counterseal.audit.merkle import Frontier
from counterseal.audit.note import NOTE_BYTES_MAX
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import DomainModel, Name

HashHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A hash as 64 lower-case hex digits."""


StreamEnd = tuple[Annotated[str, Field(max_length=1_000)], int, HashHex]
"""The last record of one stream: its name, its place in the stream, from 1, and its leaf hash.

No model: a log may have a million streams, and all their ends are read before the first new record.
"""


class ToldRecord(DomainModel):
    """A record that tells of keys, holds, purges, policies or erasures: its place, type, bytes."""

    seq: int
    type: Name
    body: str


class VerifiedPrefix(DomainModel):
    """A log up to a verified checkpoint.

    Keep it where the owner of the log cannot write. It is an outside head as well: whoever
    verifies from it excludes cut tails and rewritten logs up to its size. What it cannot show is a
    record before its size whose bytes were changed in the database afterwards: the signed tree
    still commits to the bytes that were verified, but they are not read again. Verify in full now
    and then; event ids are compared among the new records only.

    Attributes:
        origin: The log's name.
        size: Records verified.
        root: Root of these records.
        peaks: Roots of the perfect subtrees, largest first; `root` follows from them.
        last_leaf: Leaf hash of the last of these records.
        last_time: Its recorded time; empty when columns were not compared.
        streams: Ends of all streams, by name.
        checkpoint: The signed note of `size` and `root`.
        told: What these records say about keys, holds, purges, policies and erasures.
    """

    origin: Name
    size: int = Field(ge=1, le=SIZE_MAX)
    root: HashHex
    peaks: tuple[HashHex, ...]
    last_leaf: HashHex
    last_time: str = Field(max_length=60)
    streams: tuple[StreamEnd, ...]
    checkpoint: str = Field(max_length=NOTE_BYTES_MAX)
    told: tuple[ToldRecord, ...] = ()

    @model_validator(mode="after")
    def _leads_to_its_root(self) -> Self:
        if len(self.peaks) != self.size.bit_count():
            raise ValueError("one peak per one-bit of the size")
        if Frontier(self.size, map(bytes.fromhex, self.peaks)).root().hex() != self.root:
            raise ValueError("the peaks do not lead to the root")
        return self


def check_prefix(prefix: VerifiedPrefix, ring: KeyRing) -> None:
    """Verify that a key of the log signed the size and root of a state.

    Args:
        prefix: The state.
        ring: The keys from the pinned one to those of the state.

    Raises:
        InputError: `STATE_DIFFERS` when its checkpoint is about another size, root or log; those
            of a malformed note.
        IntegrityError: `SIG_INVALID`, `KEY_UNKNOWN` or `KEY_REVOKED`.
    """
    signed = read_checkpoint(prefix.checkpoint)
    told = (signed.origin, signed.size, signed.root.hex())
    if told != (prefix.origin, prefix.size, prefix.root):
        raise InputError(
            "STATE_DIFFERS",
            "the checkpoint is not that of the state",
            expected=f"{signed.origin} {signed.size}",
            got=f"{prefix.origin} {prefix.size}",
        )
    standing = seal_standing(ring, prefix.checkpoint, prefix.size)
    if standing is not SealStanding.COUNTS:
        raise IntegrityError(standing.value, "no key in force signed the state", got=prefix.size)
