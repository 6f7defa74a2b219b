"""A signer that is another process.

Job: ask a signer on a unix socket, behind the same port as the embedded one.

Invariants
  I1  A note is handed on only when the pinned key signed exactly the checkpoint that was asked for.
  I2  A signer that is gone, hangs or talks nonsense costs a retriable failure, never a hang.

Not here: the other end (signer_process), frames (signer_wire).
Source: audit-log, signer as guard.
"""

import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from counterseal.audit.checkpoint import Checkpoint, open_checkpoint
from counterseal.audit.note import VerifierKey, parse_vkey
from counterseal.audit.signer import SignerState
from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from storage.signer_wire import (
    Ask,
    AskSignature,
    Failed,
    Memory,
    Signed,
    read_answer,
    receive,
    send,
)

UNREACHABLE: Final = "SIGNER_UNREACHABLE"
_ODD: Final = "the signer answered something else"
ANSWER_SECONDS: Final = 10.0
"""How long an answer may take: longer than its peers may keep a signer."""


class RemoteSigner:
    """Asks a signer process.

    Args:
        path: Its socket.
        pinned: The log's key when it is known from elsewhere; else the signer's word is taken.
        seconds: How long to wait for it.

    Raises:
        AdapterError: `SIGNER_UNREACHABLE` (retriable).
        IntegrityError: `SIGNER_KEY_DIFFERS` when it holds another key than the pinned one, or its
            memory's failure.
    """

    def __init__(
        self, path: Path, pinned: VerifierKey | None = None, seconds: float = ANSWER_SECONDS
    ) -> None:
        self._path = path
        self._seconds = seconds
        told = parse_vkey(self._memory().vkey)
        if pinned is not None and told != pinned:
            raise IntegrityError(
                "SIGNER_KEY_DIFFERS", "the signer holds another key", expected=pinned.text, got=told
            )
        self._key = told

    @property
    def key(self) -> VerifierKey:
        """The public key; its name is the origin."""
        return self._key

    def remembered(self) -> SignerState:
        """What was signed last; errors of `sign_checkpoint`."""
        return self._memory().state

    def draft_key(self) -> bytes:
        """The secret that binds waiting drafts; errors of `sign_checkpoint`."""
        return bytes.fromhex(self._memory().draft_key)

    def sign_checkpoint(
        self, origin: str, size: int, root: bytes, proof: Sequence[bytes], lease: int = 0
    ) -> str:
        """The signed note of a checkpoint.

        Raises:
            IntegrityError: with the guard's code when it refuses; `SIG_INVALID` or `KEY_UNKNOWN`
                when the note is not the pinned key's; `SIGNER_NOTE_DIFFERS`.
            AdapterError: `LEASE_STALE`, `SIGNER_STATE_WRITE`, `SIGNER_UNREACHABLE` (retriable).
        """
        asked = AskSignature(
            origin=origin,
            size=size,
            root=root.hex(),
            proof=tuple(value.hex() for value in proof),
            lease=lease,
        )
        answer = self._asked(asked)
        if not isinstance(answer, Signed):
            raise AdapterError(UNREACHABLE, _ODD, retriable=True, got=self._path)
        if open_checkpoint(answer.note, self._key).checkpoint != Checkpoint(origin, size, root):
            raise IntegrityError("SIGNER_NOTE_DIFFERS", "another checkpoint was signed", got=size)
        return answer.note

    def _memory(self) -> Memory:
        answer = self._asked(Ask())
        if not isinstance(answer, Memory):
            raise AdapterError(UNREACHABLE, _ODD, retriable=True, got=self._path)
        return answer

    def _asked(self, question: Ask | AskSignature) -> Memory | Signed | Failed:
        try:
            with socket.socket(socket.AF_UNIX) as end:
                end.settimeout(self._seconds)
                end.connect(str(self._path))
                with suppress(ConnectionError):  # who refuses early still leaves its answer
                    send(end, question)
                answer = read_answer(receive(end))
        except (OSError, InputError) as error:
            why = str(error) or "no answer"
            raise AdapterError(UNREACHABLE, why, retriable=True, got=self._path) from error
        if isinstance(answer, Failed):
            raise _raised(answer)
        return answer


def _raised(failed: Failed) -> CountersealError:
    """The signer's failure as if it had happened here."""
    if failed.fault == "log":
        return IntegrityError(failed.code, failed.message)
    if failed.fault == "world":
        return AdapterError(failed.code, failed.message, retriable=failed.retriable)
    return InputError(failed.code, failed.message)
