"""The signer as a process of its own.

    python -m storage.signer_process SOCKET     for the home that the settings name

Job: answer one journal after the other on a unix socket, with the embedded signer's rules.

Whoever takes over the process that writes the database gets nothing here but what the guard would
sign anyway: the key and the memory lie in this process and its folder. Run it as a user of its own
where the machine allows, and name the journal's user as the one peer.

Invariants
  I1  The socket lies in a folder of mode 700 and has mode 600; only the one peer is answered.
  I2  One question per connection, one connection at a time, each within seconds.
  I3  What cannot be understood is answered by a refusal, and stops nothing.
  I4  One process per socket; a socket that a dead one left is taken over.

Not here: the rules (audit.signer), the memory (signers), frames (signer_wire).
Source: audit-log, signer as guard; unix(7), SO_PEERCRED.
"""

import fcntl
import os
import signal
import socket
import stat
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from storage.home_keys import open_log_key
from storage.settings import load_settings
from storage.signer_wire import (
    Ask,
    Failed,
    Memory,
    Signed,
    read_question,
    receive,
    send,
)
from storage.signers import EmbeddedSigner

PEER_SECONDS: Final = 2
"""How long a peer may keep everybody else waiting."""

_CREDENTIALS: Final = struct.Struct("3i")
_PRIVATE: Final = 0o077


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A bound socket in a private folder, gone afterwards.

    Raises:
        InputError: `SOCKET_FOLDER_OPEN` when others may enter its folder.
        AdapterError: `SIGNER_BUSY` when another process listens here, `SOCKET_UNAVAILABLE`.
    """
    _check_folder(path.parent)
    lock = path.with_name(f"{path.name}.lock")
    try:
        with lock.open("a") as held, socket.socket(socket.AF_UNIX) as server:
            _hold(held.fileno(), path)
            path.unlink(missing_ok=True)
            server.bind(str(path))
            path.chmod(0o600)
            server.listen()
            try:
                yield server
            finally:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise AdapterError("SOCKET_UNAVAILABLE", str(error), got=path) from error


def _check_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.stat()
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & _PRIVATE:
        raise InputError(
            "SOCKET_FOLDER_OPEN",
            "the socket's folder belongs to its signer alone",
            expected="mode 700, own",
            got=f"{stat.S_IMODE(found.st_mode):o}, user {found.st_uid}",
        )


def _hold(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AdapterError("SIGNER_BUSY", "a signer listens here already", got=path) from None


def serve(server: socket.socket, signer: EmbeddedSigner, peer: int) -> None:
    """Answer until the socket is closed or the process is told to end.

    Args:
        server: A listening socket.
        signer: The key and its memory.
        peer: User id that is answered.
    """
    while True:
        end, _ = server.accept()
        with end:
            end.settimeout(PEER_SECONDS)
            try:
                answer_one(end, signer, peer)
            except OSError:
                continue  # a peer that went away loses its own answer only


def answer_one(end: socket.socket, signer: EmbeddedSigner, peer: int) -> None:
    """Answer the one question of a connection.

    Raises:
        OSError: when the peer is gone or stalls.
    """
    try:
        _check_peer(end, peer)
        send(end, _answered(signer, receive(end)))
    except CountersealError as error:
        send(end, _failed(error))


def _check_peer(end: socket.socket, peer: int) -> None:
    told = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(told)
    if user != peer:
        raise InputError("PEER_UNKNOWN", "this user is not answered", got=user)


def _answered(signer: EmbeddedSigner, content: bytes) -> Memory | Signed:
    asked = read_question(content)
    if isinstance(asked, Ask):
        return Memory(
            vkey=signer.key.text, state=signer.remembered(), draft_key=signer.draft_key().hex()
        )
    proof = [bytes.fromhex(one) for one in asked.proof]
    root = bytes.fromhex(asked.root)
    note = signer.sign_checkpoint(asked.origin, asked.size, root, proof, asked.lease)
    return Signed(note=note)


def _failed(error: CountersealError) -> Failed:
    retriable = isinstance(error, AdapterError) and error.retriable
    log = isinstance(error, IntegrityError)
    return Failed(
        fault="log" if log else "world" if isinstance(error, AdapterError) else "asker",
        code=error.code,
        message=error.message,
        retriable=retriable,
    )


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main(arguments: Sequence[str]) -> int:
    """Serve the signer of a home until told to end; gives the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("one argument is needed: the path of the socket\n")
        return InputError.exit_status
    signal.signal(signal.SIGTERM, _end)
    try:
        settings = load_settings()
        signer = EmbeddedSigner(open_log_key(settings), settings.counterseal_signer_state)
        with listening(Path(arguments[0])) as server:
            sys.stdout.write(f"signing {signer.key.text}\n")
            sys.stdout.flush()
            serve(server, signer, os.geteuid())
    except CountersealError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
