"""The keys of personal data, apart from the data.

Job: draw, show and destroy one key for each opening, in files that no copy of the database carries.

Invariants
  I1  A key is durable before anything is stored under it, and replaces none.
  I2  A key is let go before its opening is deleted, and destroyed after that is committed: a crash
      in between leaves it where the next seal finds it.
  I3  What is destroyed is overwritten before it is unlinked, durably.

Not here: what is stored under a key (openings), what may be erased (audit.privacy).
Source: design part "privacy, retention, legal hold"; ADR 0010.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from counterseal.kernel.errors import AdapterError
from storage.durable import make_folder, sync_folder, write_durably
from storage.settings import Settings

KEY_SIZE: Final = 32
"""Bytes of a key: AES-256."""

_COMMITMENT: Final = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)
_GOING: Final = "going"


class DataKeys:
    """One file for each key, named by the commitment whose opening it seals.

    Args:
        folder: Outside the home and outside its backups; made with the first key.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._going = folder / _GOING

    @property
    def at_hand(self) -> bool:
        """Whether keys can be read here: not beside a copy, and not by who may not look."""
        return os.access(self._folder, os.R_OK | os.X_OK)

    def drawn(self, commitment: str) -> bytes:
        """The key of a commitment, drawn and made durable when there is none.

        Raises:
            AdapterError: `DATA_KEYS_FAILED`, retriable.
        """
        with _told(self._folder):
            known = self.key_of(commitment)
            if known is not None:
                self._take_back(commitment)
                return known
            make_folder(self._folder)
            fresh = os.urandom(KEY_SIZE)
            write_durably(self._folder / _name(commitment), fresh)
            return fresh

    def _take_back(self, commitment: str) -> None:
        """A key that is wanted again is not destroyed by who finds it let go."""
        let_go = self._going / _name(commitment)
        if let_go.is_file():
            let_go.replace(self._folder / _name(commitment))
            sync_folder(self._folder)

    def key_of(self, commitment: str) -> bytes | None:
        """The key of a commitment, let go or not; None when it is not here, or not for this user.

        Raises:
            AdapterError: `DATA_KEYS_FAILED` when the file is there and cannot be read.
        """
        if _COMMITMENT.fullmatch(commitment) is None:
            return None
        with _told(self._folder):
            for folder in (self._folder, self._going):
                try:
                    return (folder / _name(commitment)).read_bytes()
                except (FileNotFoundError, NotADirectoryError, PermissionError):
                    continue
        return None

    def let_go(self, commitments: Sequence[str]) -> None:
        """Mark keys whose openings are being deleted.

        Raises:
            AdapterError: `DATA_KEYS_FAILED`, retriable.
        """
        names = [_name(one) for one in dict.fromkeys(commitments) if _COMMITMENT.fullmatch(one)]
        here = [name for name in names if (self._folder / name).is_file()]
        if not here:
            return
        with _told(self._folder):
            make_folder(self._going)
            for name in here:
                (self._folder / name).replace(self._going / name)
            sync_folder(self._going)
            sync_folder(self._folder)

    def going(self) -> tuple[str, ...]:
        """Commitments whose keys were let go and are not destroyed."""
        try:
            names = sorted(path.name for path in self._going.iterdir())
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return ()
        return tuple(f"sha256:{name}" for name in names if _COMMITMENT.fullmatch(f"sha256:{name}"))

    def destroy(self, commitments: Sequence[str]) -> None:
        """Overwrite and remove keys that were let go; again has no effect.

        Raises:
            AdapterError: `DATA_KEYS_FAILED`, retriable.
        """
        with _told(self._folder):
            for commitment in commitments:
                _destroyed(self._going / _name(commitment))
            if commitments and self._going.is_dir():
                sync_folder(self._going)


def data_keys(settings: Settings) -> DataKeys:
    """The keys of a home's personal data: beside the signer's memory, where no backup of it is."""
    return DataKeys(settings.counterseal_signer_state / "openings")


def _name(commitment: str) -> str:
    return commitment.removeprefix("sha256:")


def _destroyed(path: Path) -> None:
    try:
        with path.open("r+b") as file:
            file.write(bytes(KEY_SIZE))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AdapterError("DATA_KEYS_FAILED", str(error), retriable=True, got=folder) from error
