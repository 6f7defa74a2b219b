"""The embedded signer and its memory.

Job: keep (origin, size, root) in an fsynced file outside the database; sign what the guard allows.

Invariants
  I1  The new state is durable before the signature exists.
  I2  Without a readable state nothing is signed; only `create` writes a first one.
  I3  The state file lies outside the database's folder, so that a restored backup cannot carry it.

Not here: the decision (audit.signer), sealing of key files (identity.sealing).
Source: audit-log, signer as guard.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.note import NoteSigner, VerifierKey
from counterseal.audit.signer import SignerState, decide_signing, genesis_state
from counterseal.kernel.errors import AdapterError, IntegrityError
from counterseal.kernel.model import Refusal


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file so that either the old or the new content survives a crash."""
    fresh = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def create_state(path: Path, origin: str) -> None:
    """The genesis ceremony: the only way to a first state.

    Raises:
        IntegrityError: `SIGNER_STATE_EXISTS` when this path already remembers a log.
    """
    if path.exists():
        raise IntegrityError("SIGNER_STATE_EXISTS", "this signer remembers a log", got=path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_durably(path, genesis_state(origin).model_dump_json().encode())


def read_state(path: Path) -> SignerState:
    """The remembered head.

    Raises:
        IntegrityError: `SIGNER_STATE_MISSING` or `SIGNER_STATE_UNREADABLE`.
    """
    try:
        return SignerState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise IntegrityError("SIGNER_STATE_MISSING", "the signer has no memory", got=path) from None
    except (OSError, ValidationError):
        raise IntegrityError(
            "SIGNER_STATE_UNREADABLE", "the signer's memory is damaged", got=path
        ) from None


class EmbeddedSigner:
    """Signs in this process, with the same rules as a signer of its own.

    Args:
        signer: The log key; its name is the origin.
        state_path: Where the memory lies.

    Raises:
        IntegrityError: when the memory is missing or unreadable.
    """

    def __init__(self, signer: NoteSigner, state_path: Path) -> None:
        self._signer = signer
        self._path = state_path
        self._state = read_state(state_path)

    @property
    def key(self) -> VerifierKey:
        """The public key; its name is the origin."""
        return self._signer.key

    def remembered_size(self) -> int:
        """Size signed last, read anew: another process may have signed since."""
        self._state = read_state(self._path)
        return self._state.size

    def sign_checkpoint(self, origin: str, size: int, root: bytes, proof: Sequence[bytes]) -> str:
        """The signed note of a checkpoint.

        Raises:
            IntegrityError: with the guard's code when it refuses.
            AdapterError: `SIGNER_STATE_WRITE` when the memory cannot be made durable.
        """
        decided = decide_signing(self._state, origin, size, root, proof)
        if isinstance(decided, Refusal):
            raise IntegrityError(decided.code, decided.message, got=size)
        if decided != self._state:
            try:
                write_durably(self._path, decided.model_dump_json().encode())
            except OSError as error:
                raise AdapterError("SIGNER_STATE_WRITE", str(error), got=self._path) from error
            self._state = decided
        return sign_checkpoint(Checkpoint(origin, size, root), self._signer)
