"""Ports of the log.

Job: what the room asks of a signer and of a journal.

Not here: the sequencer and its tables (storage.journal), the signer process (storage.signers).
"""

from collections.abc import Sequence
from typing import Protocol

from counterseal.audit.note import VerifierKey
from counterseal.audit.receipt import Receipt
from counterseal.audit.record import Draft


class Signer(Protocol):
    """Signs checkpoints, and remembers what it signed.

    MUST decide by `signer.decide_signing` and make the new state durable outside the database
    before it signs. MUST refuse to start when its state is missing or unreadable. MUST NOT sign
    anything but checkpoints of its own origin, nor hand out its key.
    """

    @property
    def key(self) -> VerifierKey:
        """The public key; its name is the origin."""

    def sign_checkpoint(self, origin: str, size: int, root: bytes, proof: Sequence[bytes]) -> str:
        """The signed note of a checkpoint.

        Args:
            origin: The log's name.
            size: Number of records, read back from the store.
            root: Root recomputed from the bytes read back.
            proof: Consistency proof from the signer's remembered size.

        Raises:
            IntegrityError: with the code of the refusal: `UNKNOWN_ORIGIN`, `ROLLBACK`,
                `FORK_AT_SIZE`, `PROOF_INVALID`.
        """


class Journal(Protocol):
    """Appends drafts to the log.

    MUST NOT return before the records are durable, read back, checkpointed and remembered by the
    signer. MUST append one `event_id` once: the same draft again gets the first receipt. MUST keep
    the order of the drafts. MUST refuse instead of waiting without bound. Callers MUST NOT act on a
    draft whose receipt they do not hold.
    """

    def append(self, drafts: Sequence[Draft]) -> tuple[Receipt, ...]:
        """Append, and return one receipt for each draft in order.

        Raises:
            InputError: for a draft outside the format; nothing is appended.
            IntegrityError: when the signer refuses or the bytes read back differ.
            AdapterError: when the store or the signer cannot be reached; retriable unless stated.
        """
