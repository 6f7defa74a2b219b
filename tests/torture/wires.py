"""What lies between a process and its database server: a socket that can go silent or be cut."""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

SOCKET = ".s.PGSQL.5432"
_PIECE = 65_536


class Wire:
    """Hands bytes on between a socket of its own and that of the server.

    Args:
        folder: Of its own socket; a client is told it as the host.
        server: Folder of the server's socket.
    """

    def __init__(self, folder: Path, server: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._server = str(server / SOCKET)
        self._open = threading.Event()
        self._open.set()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._serving: list[threading.Thread] = []
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(folder / SOCKET))
        self._listening.listen(64)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def silence(self) -> None:
        """Hand nothing on: neither side learns why the other does not answer."""
        self._open.clear()

    def mend(self) -> None:
        """Hand on again, what waits first."""
        self._open.set()

    def cut(self) -> None:
        """End every connection that stands; new ones are made as before."""
        for pair in tuple(self._pairs):
            _end(*pair)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._listening)
        self._accepting.join()
        self._listening.close()
        self.mend()
        self.cut()
        for one in self._serving:
            one.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                serving = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._serving.append(serving)
                serving.start()

    def _serve(self, client: socket.socket) -> None:
        """One connection, until either side ends it."""
        with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            try:
                server.connect(self._server)
            except OSError:
                return
            pair = (client, server)
            self._pairs.add(pair)
            back = threading.Thread(target=self._hand_on, args=(server, client), daemon=True)
            back.start()
            self._hand_on(client, server)
            back.join()
            self._pairs.discard(pair)

    def _hand_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                self._open.wait()
                target.sendall(piece)
        _end(source, target)


def _end(*ends: socket.socket) -> None:
    """Let whoever waits there go on, and find an end."""
    for one in ends:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
