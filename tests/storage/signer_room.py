"""A signer in this process, or in another one behind a socket, for the same questions."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from counterseal.audit.note import NoteSigner
from storage.signer_client import RemoteSigner
from storage.signer_process import listening, serve
from storage.signers import EmbeddedSigner, create_state
from tests.world import ORIGIN, ROOT

KEY = NoteSigner(ORIGIN, bytes(range(32)))
CHILD = """
import os, sys
from pathlib import Path
from counterseal.audit.note import NoteSigner
from storage.signer_process import listening, serve
from storage.signers import EmbeddedSigner
signer = EmbeddedSigner(NoteSigner(sys.argv[1], bytes(range(32))), Path(sys.argv[2]))
with listening(Path(sys.argv[3])) as server:
    print("ready", flush=True)
    serve(server, signer, os.geteuid())
"""


@contextmanager
def socket_path() -> Iterator[Path]:
    """A short path: the kernel takes 107 bytes."""
    with TemporaryDirectory(prefix="sgn-") as folder:
        yield Path(folder) / "room" / "s"


def started(folder: Path, path: Path) -> "subprocess.Popen[str]":
    """A signer process that listens already."""
    words = [sys.executable, "-c", CHILD, ORIGIN, str(folder), str(path)]
    known = os.pathsep.join(str(ROOT / part) for part in (".", "platform"))
    told = os.pathsep.join([known, os.environ.get("PYTHONPATH", "")])
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and a fixed text
        words, env={**os.environ, "PYTHONPATH": told}, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def ended(child: "subprocess.Popen[str]") -> None:
    """Kill it without notice."""
    child.kill()
    child.communicate(timeout=10)


@contextmanager
def served(folder: Path, peer: int | None = None) -> Iterator[Path]:
    """A server of the same code in a thread of this process."""
    signer = EmbeddedSigner(KEY, folder)
    user = os.geteuid() if peer is None else peer
    with socket_path() as path, listening(path) as server:

        def run() -> None:
            try:
                serve(server, signer, user)
            except OSError:
                return  # the socket was shut down

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield path
        finally:
            server.shutdown(2)
            thread.join()


@contextmanager
def signer_of(kind: str, folder: Path) -> Iterator[EmbeddedSigner | RemoteSigner]:
    """A signer that has seen the genesis ceremony."""
    create_state(folder, ORIGIN)
    if kind == "embedded":
        yield EmbeddedSigner(KEY, folder)
        return
    with served(folder) as path:
        yield RemoteSigner(path, KEY.key)
