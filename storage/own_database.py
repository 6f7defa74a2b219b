"""A small SQLite file beside the log, for its owner alone.

Job: make such a file whole, and give one transaction on it.

Invariants
  I1  The file is its owner's alone (0600 in a folder 0700), whole from its first moment: nobody
      ever opens one without its tables.
  I2  A transaction holds the writer's lock from its first read; a block that raises changes
      nothing, and what was kept survives a loss of power (WAL and FULL).
  I3  What is deleted is overwritten.

Not here: tables and rows (whoever keeps such a file), the log's database (storage.store).
Source: governance part 5; SQLite (link is atomic, rename would replace what another made).
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from counterseal.kernel.errors import AdapterError
from storage.durable import make_folder, sync_folder

_BUSY_SECONDS: Final = 30


@contextmanager
def own_transaction(
    path: Path, fill: Callable[[sqlite3.Connection], object], *, failed: str
) -> Iterator[sqlite3.Connection]:
    """One transaction on the file, which is made when it is missing.

    Args:
        path: Its folder becomes its owner's alone when the file is made.
        fill: Makes tables and first rows of a new file.
        failed: Code of the failure.

    Raises:
        AdapterError: `failed`, retriable; closing rolls back what was not committed.
    """
    try:
        _make(path, fill)
        with closing(_opened(path)) as work:
            work.execute("PRAGMA synchronous=FULL")
            work.execute("PRAGMA secure_delete=ON")
            work.execute("BEGIN IMMEDIATE")
            yield work
            work.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise AdapterError(failed, str(error), retriable=True, got=path) from error


def _make(path: Path, fill: Callable[[sqlite3.Connection], object]) -> None:
    """Make the file beside its place and link it there: the first to link it wins."""
    if path.exists():
        return
    make_folder(path.parent)
    path.parent.chmod(0o700)
    fresh = path.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}")
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(_opened(fresh)) as work:
            work.execute("PRAGMA journal_mode=WAL")
            fill(work)
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()
    sync_folder(path.parent)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
