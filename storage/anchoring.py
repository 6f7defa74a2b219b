"""Heads in an append-only file outside the home.

Job: append signed checkpoints to a file on another volume, and compare it with what was written.

Invariants
  I1  A line is on disk before it is remembered: a file may be longer than its memory, not shorter.
  I2  Neither the file nor its memory lies inside the home, whose backups would carry both.
  I3  Nothing is ever taken out of the file; a line torn by a crash is ended, and stays.

Not here: the lines (audit.anchors), what heads prove (audit.outside).
Source: design row "anchors".
"""

import fcntl
import os
from pathlib import Path

from pydantic import ValidationError

from counterseal.audit.anchors import (
    AnchorFile,
    AnchorMemory,
    anchor_line,
    check_memory,
    read_anchors,
    remember,
)
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from storage.durable import sync_folder, write_durably


class AnchorBook:
    """One file of heads and its memory.

    Args:
        path: The file; its folder exists.
        memory: Where its length and digest are remembered, such as beside the signer's state.
        home: The folder that neither may lie in.

    Raises:
        InputError: `ANCHOR_INSIDE_HOME`.
    """

    def __init__(self, path: Path, memory: Path, home: Path) -> None:
        for place in (path, memory):
            if place.resolve().is_relative_to(home.resolve()):
                raise InputError("ANCHOR_INSIDE_HOME", "an anchor lies outside the home", got=place)
        self._path = path
        self._memory = memory

    def append(self, note: str) -> AnchorFile:
        """Append a checkpoint; the same one as last is not repeated.

        Raises:
            IntegrityError: `ANCHOR_SHORTER`, `ANCHOR_REWRITTEN`, `ANCHOR_MEMORY_DAMAGED`: nothing
                is appended to a file that is not what was written.
            AdapterError: `ANCHOR_WRITE` or `ANCHOR_READ`.
            InputError: when the note is malformed.
        """
        try:
            is_new = not self._path.exists()
            with self._path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if is_new:
                    sync_folder(self._path.parent)
                content = self._whole(file.fileno(), self._checked())
                anchors = read_anchors(content)
                if not anchors.notes or anchors.notes[-1] != note:
                    content += _write(file.fileno(), anchor_line(note, anchors.last))
                write_durably(self._memory, remember(content).model_dump_json().encode())
        except OSError as error:
            raise AdapterError("ANCHOR_WRITE", str(error), got=self._path) from error
        return read_anchors(content)

    def read(self) -> AnchorFile:
        """The file, compared with its memory where there is one.

        Raises:
            IntegrityError: `ANCHOR_SHORTER`, `ANCHOR_REWRITTEN`, `ANCHOR_MEMORY_DAMAGED`.
            AdapterError: `ANCHOR_READ`.
        """
        return read_anchors(self._checked())

    def _checked(self) -> bytes:
        try:
            content = self._path.read_bytes() if self._path.exists() else b""
            kept = self._memory.read_bytes() if self._memory.exists() else None
        except OSError as error:
            raise AdapterError("ANCHOR_READ", str(error), got=self._path) from error
        if kept is not None:
            try:
                memory = AnchorMemory.model_validate_json(kept)
            except ValidationError:
                raise IntegrityError(
                    "ANCHOR_MEMORY_DAMAGED", "the memory is damaged", got=self._memory
                ) from None
            check_memory(content, memory)
        return content

    @staticmethod
    def _whole(descriptor: int, content: bytes) -> bytes:
        """The content, its last line ended."""
        if not content or content.endswith(b"\n"):
            return content
        return content + _write(descriptor, b"\n")


def _write(descriptor: int, line: bytes) -> bytes:
    """Append all of a line, durably; gives it back."""
    rest = line
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)
    return line
