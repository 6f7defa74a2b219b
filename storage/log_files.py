"""Log files that do not grow for ever.

Job: append a line to a file that several processes share, and bound what lies in a folder of logs.

Invariants
  I1  A line is whole: two processes never mix theirs, and none is written to a file that was moved.
  I2  A file and those that it became take at most `KEPT + 1` times their bound, and one line.
  I3  Only their owner reads them.

Nothing here is evidence: what cannot be written is lost, and nothing waits for it.

Not here: what a line says (telling), what foreign programs print (flows.supervisor).
Source: issue "Always on", point 4.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

LOG_BYTES_MAX: Final = 4 * 1024 * 1024
KEPT: Final = 3
"""How many earlier files stay beside the one that is written: `.1` is the newest of them."""

_TRIES: Final = 10
_PIECE: Final = 1024 * 1024


def log_folder(home: Path) -> Path:
    """Where the parts of a home write; made, for its owner alone, when it is missing.

    Raises:
        OSError: it cannot be made.
    """
    folder = home / "log"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


class LogFile:
    """A file of lines; processes and threads may share it.

    Args:
        path: In a folder that is there.
        bytes_max: Before a line would make it longer, the file becomes `.1` and a new one begins.
    """

    def __init__(self, path: Path, bytes_max: int = LOG_BYTES_MAX) -> None:
        self._path = path
        self._bytes_max = bytes_max

    def msg(self, line: str) -> None:
        """Append one line; one that cannot be written is lost."""
        with suppress(OSError):
            self._append(f"{line}\n".encode())

    debug = info = warning = error = critical = msg

    def _append(self, content: bytes) -> None:
        for _ in range(_TRIES):
            end = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(end, fcntl.LOCK_EX)
                if not _is_at(end, self._path):
                    continue
                size = os.fstat(end).st_size
                if size and size + len(content) > self._bytes_max:
                    _move_on(self._path)
                    continue
                os.write(end, content)
                return
            finally:
                os.close(end)


def shorten(path: Path, bytes_max: int = LOG_BYTES_MAX) -> bool:
    """Empty a file that another program holds open to append; its newest part becomes `.1`.

    What is printed between the copy and the cut is lost.

    Args:
        path: May be missing.
        bytes_max: A shorter file is left alone.

    Returns:
        Whether it was cut.
    """
    try:
        size = path.stat().st_size
        if size <= bytes_max:
            return False
        with path.open("r+b") as file, _beside(path, 1).open("wb") as kept:
            file.seek(size - bytes_max)
            while piece := file.read(_PIECE):
                kept.write(piece)
            file.truncate(0)
    except OSError:
        return False
    return True


def _is_at(end: int, path: Path) -> bool:
    """Whether an open file is the one that lies there now."""
    try:
        return os.path.samestat(os.fstat(end), path.stat())
    except FileNotFoundError:
        return False


def _move_on(path: Path) -> None:
    """`log` becomes `log.1`, that `log.2`; the last one goes. Who holds the file's lock calls."""
    for number in range(KEPT, 0, -1):
        source = path if number == 1 else _beside(path, number - 1)
        with suppress(FileNotFoundError):
            source.replace(_beside(path, number))


def _beside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
