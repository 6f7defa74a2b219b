"""The embedded signer and its memory.

Job: keep (origin, size, root) in an fsynced file outside the database; sign what the guard allows.

Invariants
  I1  The new state is durable before the signature exists.
  I2  Without a readable state nothing is signed; only the genesis ceremony writes a first one.
  I3  The state folder lies outside the home, so that a restored backup cannot carry it.
  I4  One file per log: the logs of several homes neither share nor overwrite a memory.
  I5  One decision at a time for a folder: processes that hold the same key take turns.

Not here: the decision (audit.signer), a signer of its own (signer_process), sealing of key files
(identity.sealing).
Source: audit-log, signer as guard.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.note import NoteSigner, VerifierKey
from counterseal.audit.signer import SignerState, decide_signing, genesis_state
from counterseal.kernel.errors import AdapterError, IntegrityError
from counterseal.kernel.model import Refusal
from storage.durable import sync_folder, write_durably, written_beside

LEASE_STALE: Final = "LEASE_STALE"
_SAFE_LENGTH: Final = 60
_DIGEST_LENGTH: Final = 16


def state_file(folder: Path, origin: str) -> Path:
    """Where a log's memory lies: the origin's safe letters, and a digest that tells logs apart."""
    safe = re.sub(r"[^A-Za-z0-9.]+", "-", origin).strip("-.")[:_SAFE_LENGTH]
    digest = hashlib.sha256(origin.encode()).hexdigest()[:_DIGEST_LENGTH]
    return folder / f"{safe}-{digest}.json"


def create_state(folder: Path, origin: str) -> None:
    """The genesis ceremony: the only way to a first state.

    Raises:
        IntegrityError: `SIGNER_STATE_EXISTS` when this log is remembered already.
        AdapterError: `SIGNER_STATE_WRITE`.
    """
    remember(folder, genesis_state(origin))


def settle_state(founded: Path, folder: Path, origin: str) -> None:
    """Remember in `folder` what the founding of a home signed in its own folder.

    Raises:
        IntegrityError: `SIGNER_STATE_EXISTS`, `SIGNER_STATE_MISSING`, `SIGNER_STATE_UNREADABLE`.
        AdapterError: `SIGNER_STATE_WRITE`.
    """
    remember(folder, read_state(founded, origin))


def forget_founding(founded: Path, folder: Path) -> None:
    """Undo `settle_state` for a home that never came to be: only what is equal is removed."""
    for leftover in founded.glob("*.json"):
        settled = folder / leftover.name
        if settled.is_file() and settled.read_bytes() == leftover.read_bytes():
            settled.unlink()


def remember(folder: Path, state: SignerState) -> None:
    """A first file for a log: linked into place, so that it is whole and replaces none.

    Raises:
        AdapterError: `SIGNER_STATE_WRITE`.
        IntegrityError: `SIGNER_STATE_EXISTS`.
    """
    path = state_file(folder, state.origin)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = written_beside(path, state.model_dump_json().encode())
        try:
            os.link(fresh, path)
        except FileExistsError:
            raise IntegrityError(
                "SIGNER_STATE_EXISTS", "this signer remembers a log of this name", got=path
            ) from None
        finally:
            fresh.unlink()
        sync_folder(folder)
    except OSError as error:
        raise AdapterError("SIGNER_STATE_WRITE", str(error), got=path) from error


def read_state(folder: Path, origin: str) -> SignerState:
    """The remembered head of a log.

    Raises:
        IntegrityError: `SIGNER_STATE_MISSING` or `SIGNER_STATE_UNREADABLE`.
    """
    path = state_file(folder, origin)
    try:
        return SignerState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise IntegrityError("SIGNER_STATE_MISSING", "the signer has no memory", got=path) from None
    except (OSError, ValidationError):
        raise IntegrityError(
            "SIGNER_STATE_UNREADABLE", "the signer's memory is damaged", got=path
        ) from None


def replace_state(folder: Path, state: SignerState) -> None:
    """Make a later state of a remembered log durable.

    Raises:
        AdapterError: `SIGNER_STATE_WRITE` (retriable): the earlier or the later state is there.
    """
    path = state_file(folder, state.origin)
    try:
        write_durably(path, state.model_dump_json().encode())
    except OSError as error:
        raise AdapterError("SIGNER_STATE_WRITE", str(error), retriable=True, got=path) from error


@contextmanager
def deciding(folder: Path) -> Iterator[None]:
    """Hold a folder of memories, so that nobody decides on a state that somebody else replaces.

    Raises:
        IntegrityError: `SIGNER_STATE_MISSING` when there is no such folder.
        AdapterError: `SIGNER_STATE_WRITE`.
    """
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        raise IntegrityError(
            "SIGNER_STATE_MISSING", "the signer has no memory", got=folder
        ) from None
    except OSError as error:
        raise AdapterError("SIGNER_STATE_WRITE", str(error), retriable=True, got=folder) from error
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def check_refusal(decided: SignerState | Refusal, size: int) -> SignerState:
    """The state that may be signed.

    Raises:
        IntegrityError: with the guard's code when it refuses.
        AdapterError: `LEASE_STALE` (retriable): that is a lost race, not a broken log.
    """
    if not isinstance(decided, Refusal):
        return decided
    if decided.code == LEASE_STALE:
        raise AdapterError(decided.code, decided.message, retriable=True, got=size)
    raise IntegrityError(decided.code, decided.message, got=size)


class EmbeddedSigner:
    """Signs in this process, with the same rules as a signer of its own.

    Args:
        signer: The log key; its name is the origin.
        folder: Where the memories of logs lie.
        successor: The key that takes over; both sign then, one line each.

    Raises:
        IntegrityError: when the memory is missing or unreadable.
    """

    def __init__(
        self, signer: NoteSigner, folder: Path, successor: NoteSigner | None = None
    ) -> None:
        self._signer = signer
        self._successor = successor
        self._folder = folder
        self.remembered()

    @property
    def key(self) -> VerifierKey:
        """The public key; its name is the origin."""
        return self._signer.key

    def remembered(self) -> SignerState:
        """What was signed last; errors of `read_state`."""
        return read_state(self._folder, self._signer.key.name)

    def draft_key(self) -> bytes:
        """Derived from the log's key; it cannot sign."""
        return self._signer.derived("audit outbox")

    def sign_checkpoint(
        self, origin: str, size: int, root: bytes, proof: Sequence[bytes], lease: int = 0
    ) -> str:
        """The signed note of a checkpoint.

        Raises:
            IntegrityError: with the guard's code when it refuses; those of `read_state`.
            AdapterError: `LEASE_STALE`; `SIGNER_STATE_WRITE` when the memory cannot be made
                durable.
        """
        with deciding(self._folder):
            state = self.remembered()
            decided = check_refusal(decide_signing(state, origin, size, root, proof, lease), size)
            if decided != state:
                replace_state(self._folder, decided)
        return sign_checkpoint(Checkpoint(origin, size, root), self._signer, self._successor)
