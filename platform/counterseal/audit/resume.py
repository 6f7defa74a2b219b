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

from counterseal.audit.checkpoint import SIZE_MAX, open_checkpoint
from counterseal.audit.merkle import Frontier
from counterseal.audit.note import NOTE_BYTES_MAX, VerifierKey
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name

HashHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A hash as 64 lower-case hex digits."""


class StreamEnd(DomainModel):
    """The last record of one stream: its place in it, from 1, and its leaf hash."""

    stream: str = Field(max_length=1_000)
    stream_seq: int
    last_leaf: HashHex


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
    """

    origin: Name
    size: int = Field(ge=1, le=SIZE_MAX)
    root: HashHex
    peaks: tuple[HashHex, ...]
    last_leaf: HashHex
    last_time: str = Field(max_length=60)
    streams: tuple[StreamEnd, ...]
    checkpoint: str = Field(max_length=NOTE_BYTES_MAX)

    @model_validator(mode="after")
    def _leads_to_its_root(self) -> Self:
        if len(self.peaks) != self.size.bit_count():
            raise ValueError("one peak per one-bit of the size")
        if Frontier(self.size, map(bytes.fromhex, self.peaks)).root().hex() != self.root:
            raise ValueError("the peaks do not lead to the root")
        return self


def check_prefix(prefix: VerifiedPrefix, log_key: VerifierKey) -> None:
    """Verify that the pinned key signed the size and root of a state.

    Raises:
        InputError: `STATE_DIFFERS` when its checkpoint is about another size, root or log; those
            of a malformed note.
        IntegrityError: `SIG_INVALID` or `KEY_UNKNOWN`.
    """
    signed = open_checkpoint(prefix.checkpoint, log_key).checkpoint
    told = (signed.origin, signed.size, signed.root.hex())
    if told != (prefix.origin, prefix.size, prefix.root):
        raise InputError(
            "STATE_DIFFERS",
            "the checkpoint is not that of the state",
            expected=f"{signed.origin} {signed.size}",
            got=f"{prefix.origin} {prefix.size}",
        )
