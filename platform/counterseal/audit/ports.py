"""Ports of the log.

Job: what the room asks of a signer and of a journal.

Not here: the sequencer and its tables (storage.journal); a signer in this process
(storage.signers) and one of its own (storage.signer_process).
"""

from collections.abc import Sequence
from typing import Protocol

from counterseal.audit.note import VerifierKey
from counterseal.audit.signer import SignerState


class Signer(Protocol):
    """Signs checkpoints, and remembers what it signed.

    MUST decide by `signer.decide_signing` and make the new state durable outside the database
    before it signs. MUST refuse to start when its state is missing or unreadable. MUST NOT sign
    anything but checkpoints of its own origin, nor hand out its key.
    """

    @property
    def key(self) -> VerifierKey:
        """The public key; its name is the origin."""

    def remembered(self) -> SignerState:
        """What was signed last, read anew: another process may have signed since.

        Raises:
            IntegrityError: `SIGNER_STATE_MISSING` or `SIGNER_STATE_UNREADABLE`.
            AdapterError: `SIGNER_UNREACHABLE` (retriable).
        """

    def draft_key(self) -> bytes:
        """The secret under which waiting drafts are bound, so that nobody else can add one.

        Raises:
            AdapterError: `SIGNER_UNREACHABLE` (retriable).
        """

    def sign_checkpoint(
        self, origin: str, size: int, root: bytes, proof: Sequence[bytes], lease: int = 0
    ) -> str:
        """The signed note of a checkpoint.

        Args:
            origin: The log's name.
            size: Number of records, read back from the store.
            root: Root recomputed from the bytes read back.
            proof: Consistency proof from the signer's remembered size.
            lease: Lease under which the caller leads.

        Raises:
            IntegrityError: with the code of the refusal: `UNKNOWN_ORIGIN`, `ORIGIN_CLOSED`,
                `ROLLBACK`, `FORK_AT_SIZE`, `PROOF_INVALID`.
            AdapterError: `LEASE_STALE` when another leader took over, `SIGNER_STATE_WRITE` and
                `SIGNER_UNREACHABLE`, all retriable: nothing was signed, or the same can be asked
                again.
        """


class Journal(Protocol):
    """Moves drafts from the outbox into the log.

    MUST NOT return before the records are durable, read back, checkpointed and remembered by the
    signer. MUST append one `event_id` once and keep the order of the outbox. MUST sign what an
    earlier crash left unsigned before anything else. Callers MUST NOT act on a draft beyond the
    size returned.
    """

    def seal(self) -> int:
        """Append everything that waits, and sign a checkpoint over it.

        Returns:
            The size of the log that the newest signed checkpoint covers.

        Raises:
            IntegrityError: when the signer refuses or the bytes read back differ.
            AdapterError: when the store or the signer cannot be reached; retriable unless stated.
        """
