"""A small witness.

Job: answer `add-checkpoint` over HTTP on this machine, and remember what was cosigned.

Invariants
  I1  What was cosigned is on disk before the answer leaves; one request at a time decides.
  I2  A damaged memory answers nothing and is never taken for an empty one.
  I3  One process holds the memory.
  I4  A checkpoint is cosigned at the witness's own time, under its own key, never the log's.

Not here: the decision (audit.witness), the asking side (witnesses).
Source: C2SP tlog-witness; run as `python -m storage.witness_server`.
"""

import argparse
import contextlib
import fcntl
import os
import re
import signal
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, NamedTuple

from counterseal.audit.checkpoint import Checkpoint, cosign_checkpoint, parse_checkpoint
from counterseal.audit.note import (
    COSIGNATURE,
    Note,
    NoteSigner,
    VerifierKey,
    open_note,
    parse_note,
    parse_vkey,
)
from counterseal.audit.witness import (
    REQUEST_BYTES_MAX,
    AddCheckpoint,
    decide_cosigning,
    origin_name,
    parse_add_checkpoint,
)
from counterseal.identity.sealing import open_key, read_envelope, seal_key
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import CountersealError, InputError, IntegrityError
from counterseal.kernel.model import Refusal
from storage.durable import sync_folder, write_durably
from storage.home_keys import read_passphrase
from storage.keyring import read_secret, write_secret
from storage.system import MachineClock

SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"
REQUEST_SECONDS_MAX: Final = 10
STATUS: Final = {
    "UNKNOWN_ORIGIN": HTTPStatus.NOT_FOUND,
    "LOG_SIGNATURE_INVALID": HTTPStatus.FORBIDDEN,
    "OLD_SIZE_ABOVE_NEW": HTTPStatus.BAD_REQUEST,
    "OLD_SIZE_STALE": HTTPStatus.CONFLICT,
    "FORK_AT_SIZE": HTTPStatus.UNPROCESSABLE_ENTITY,
    "PROOF_INVALID": HTTPStatus.UNPROCESSABLE_ENTITY,
}
_LATEST: Final = re.compile(r"/([0-9a-f]{64})/checkpoint", re.ASCII)


class Reply(NamedTuple):
    """An HTTP answer."""

    status: HTTPStatus
    body: bytes
    kind: str = TEXT_TYPE


def create_memory(folder: Path) -> None:
    """An empty memory: the witness has cosigned nothing yet.

    Raises:
        InputError: `WITNESS_MEMORY_EXISTS`.
    """
    try:
        folder.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        raise InputError(
            "WITNESS_MEMORY_EXISTS", "a memory is never begun twice", got=folder
        ) from None
    sync_folder(folder.parent)


class WitnessMemory:
    """The latest cosigned checkpoint of each log, a file for each.

    Args:
        folder: As `create_memory` made it.
        key: The witness's key; what it did not cosign is no memory of it.

    Raises:
        IntegrityError: `WITNESS_MEMORY_MISSING` without the folder, `WITNESS_MEMORY_HELD` while
            another process holds it.
    """

    def __init__(self, folder: Path, key: VerifierKey) -> None:
        self._folder = folder
        self._key = key
        if not folder.is_dir():
            raise IntegrityError("WITNESS_MEMORY_MISSING", "the witness has no memory", got=folder)
        self._lock = (folder / "lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise IntegrityError(
                "WITNESS_MEMORY_HELD", "another process holds this memory", got=folder
            ) from None

    def close(self) -> None:
        """Let another process hold it."""
        self._lock.close()

    def read(self, name: str) -> str | None:
        """The note held under a hashed origin, None for none.

        Raises:
            IntegrityError: `WITNESS_MEMORY_DAMAGED`.
        """
        path = self._path(name)
        try:
            text = path.read_bytes().decode()
            open_note(parse_note(text), (self._key,))
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, CountersealError):
            raise IntegrityError(
                "WITNESS_MEMORY_DAMAGED", "the witness's memory is damaged", got=path
            ) from None
        return text

    def write(self, name: str, note: str) -> None:
        """Replace the note held, durably."""
        write_durably(self._path(name), note.encode())

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.checkpoint"


class Witness:
    """One witness, without its HTTP.

    Args:
        signer: Its key, of the cosignature type.
        log_keys: Logs that it knows.
        memory: What it cosigned.
        clock: Tells the time of a cosignature.
    """

    def __init__(
        self,
        signer: NoteSigner,
        log_keys: Collection[VerifierKey],
        memory: WitnessMemory,
        clock: Clock,
    ) -> None:
        self._signer = signer
        self._log_keys = tuple(log_keys)
        self._memory = memory
        self._clock = clock
        self._deciding = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Reply:
        """Cosign a checkpoint, or say why not."""
        try:
            asked = parse_add_checkpoint(body)
        except InputError as error:
            return Reply(HTTPStatus.BAD_REQUEST, f"{error.code}\n".encode())
        with self._deciding:
            return self._decided(asked)

    def latest(self, name: str) -> Reply:
        """The largest checkpoint that was cosigned for a hashed origin."""
        try:
            with self._deciding:
                note = self._memory.read(name)
        except IntegrityError as error:
            return _broken(error)
        if note is None:
            return Reply(HTTPStatus.NOT_FOUND, b"no such log\n")
        return Reply(HTTPStatus.OK, note.encode())

    def _decided(self, asked: AddCheckpoint) -> Reply:
        note = parse_note(asked.note)
        name = origin_name(parse_checkpoint(note.body).origin)
        try:
            held = self._memory.read(name)
            decided = decide_cosigning(_checkpoint(held), asked, self._log_keys)
            if isinstance(decided, Refusal):
                return _refused(decided, _checkpoint(held))
            seconds = int(self._clock.now().timestamp())
            alone = Note(note.body, tuple(x for x in note.lines if self._logs_own(x.name)))
            cosigned = cosign_checkpoint(alone.text, self._signer, seconds)
            self._memory.write(name, cosigned)
        except (IntegrityError, OSError) as error:
            return _broken(error)
        return Reply(HTTPStatus.OK, parse_note(cosigned).lines[-1].text.encode())

    def _logs_own(self, name: str) -> bool:
        """Lines of strangers are not kept: nobody here checked them."""
        return any(key.name == name for key in self._log_keys)


def _checkpoint(note: str | None) -> Checkpoint | None:
    return None if note is None else parse_checkpoint(parse_note(note).body)


def _refused(refusal: Refusal, held: Checkpoint | None) -> Reply:
    status = STATUS[refusal.code]
    if refusal.code == "OLD_SIZE_STALE":
        return Reply(status, f"{0 if held is None else held.size}\n".encode(), SIZE_TYPE)
    return Reply(status, f"{refusal.code}\n".encode())


def _broken(error: CountersealError | OSError) -> Reply:
    code = error.code if isinstance(error, CountersealError) else "WITNESS_MEMORY_WRITE"
    return Reply(HTTPStatus.INTERNAL_SERVER_ERROR, f"{code}\n".encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = REQUEST_SECONDS_MAX
    witness: Witness

    def do_POST(self) -> None:
        """Only `add-checkpoint`."""
        told = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,9}", told, re.ASCII) or int(told) > REQUEST_BYTES_MAX:
            self.close_connection = True
            self._send(Reply(HTTPStatus.BAD_REQUEST, b"REQUEST_MALFORMED\n"))
            return
        body = self.rfile.read(int(told))
        if self.path != "/add-checkpoint":
            self._send(Reply(HTTPStatus.NOT_FOUND, b"no such page\n"))
        elif len(body) < int(told):
            self.close_connection = True
        else:
            self._send(self.witness.add_checkpoint(body))

    def do_GET(self) -> None:
        """Only the latest checkpoint of a log."""
        asked = _LATEST.fullmatch(self.path)
        unknown = Reply(HTTPStatus.NOT_FOUND, b"no such page\n")
        self._send(unknown if asked is None else self.witness.latest(asked[1]))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base names it
        """Say nothing: the memory is the record."""

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - as the base names it
        """A peer that went away is no event; anything else is told by its type alone."""
        error = sys.exc_info()[0]
        if error is not None and not issubclass(error, OSError):
            sys.stderr.write(f"witness: {error.__name__} while answering {client_address}\n")


@contextlib.contextmanager
def serving(witness: Witness, port: int = 0) -> Iterator[str]:
    """Serve on loopback until the block ends; gives the prefix of requests.

    Args:
        witness: Answers.
        port: 0 lets the machine choose.
    """
    handler = type("Handler", (_Handler,), {"witness": witness})
    with _Server(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def create_key(path: Path, name: str, passphrase: str) -> VerifierKey:
    """A new sealed witness key.

    Raises:
        InputError: `KEY_INVALID`, `KEY_FILE_EXISTS`, `PASSPHRASE_SHORT`.
    """
    seed = os.urandom(32)
    key = NoteSigner(name, seed, COSIGNATURE).key
    write_secret(path, seal_key(seed, name, passphrase, os.urandom(16)))
    return key


def begin(folder: Path, name: str, passphrase_file: Path) -> None:
    """Make `key.json` and an empty `memory` in a folder, unless its key is there already.

    Raises:
        InputError: `WITNESS_NAME_UNSET`; `WITNESS_MEMORY_EXISTS` for a memory without its key;
            those of `read_passphrase` and `create_key`.
    """
    key, memory = folder / "key.json", folder / "memory"
    if key.exists():
        return
    if not name:
        raise InputError("WITNESS_NAME_UNSET", "a new witness needs a name", field="--name")
    passphrase = read_passphrase(passphrase_file)
    if not memory.is_dir() or any(memory.iterdir()):
        create_memory(memory)
    create_key(key, name, passphrase)


def open_witness_key(path: Path, passphrase: str) -> NoteSigner:
    """The witness's key.

    Raises:
        InputError: `KEY_FILE_MISSING`, `KEY_FILE_INVALID`, `PASSPHRASE_WRONG`.
    """
    text = read_secret(path)
    private = open_key(text, passphrase)
    return NoteSigner(read_envelope(text).key_id, private.private_bytes_raw(), COSIGNATURE)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="witness_server", description="A small witness.")
    parser.add_argument("--state", type=Path, required=True, help="folder of its memory")
    parser.add_argument("--key", type=Path, required=True, help="sealed key file")
    parser.add_argument("--passphrase-file", type=Path, required=True)
    parser.add_argument("--create", metavar="NAME", help="make key and memory, print the key line")
    parser.add_argument("--log", action="append", default=[], help="key line of a log it knows")
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0 chooses one")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; prints the key line and the prefix."""
    told = _arguments(words)
    try:
        passphrase = read_passphrase(told.passphrase_file)
        if told.create is not None:
            create_memory(told.state)
            sys.stdout.write(create_key(told.key, told.create, passphrase).text + "\n")
            return 0
        signer = open_witness_key(told.key, passphrase)
        memory = WitnessMemory(told.state, signer.key)
        witness = Witness(signer, [parse_vkey(line) for line in told.log], memory, MachineClock())
    except CountersealError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with serving(witness, told.port) as prefix:
        sys.stdout.write(f"{signer.key.text} {prefix}\n")
        sys.stdout.flush()
        stopped.wait()
    memory.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
