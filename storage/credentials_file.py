"""The file that keeps the secrets of accounts, and how it is changed.

Job: make the file whole, for its owner alone, and give one transaction on it.

Invariants
  I1  The file is its owner's alone (0600 in a folder 0700), whole from its first moment.
  I2  A change holds the writer's lock from its first read; a block that raises changes nothing.

Not here: what the rows mean, hashing, codes (storage.credentials).
Source: governance part 5.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from counterseal.kernel.errors import AdapterError
from storage.durable import make_folder, sync_folder

_SCHEMA: Final = """
CREATE TABLE peppers (id INTEGER PRIMARY KEY CHECK (id = 1), pepper BLOB NOT NULL,
  nobody TEXT) STRICT;
CREATE TABLE passwords (account_id TEXT PRIMARY KEY, hash TEXT NOT NULL) STRICT;
CREATE TABLE codes (account_id TEXT PRIMARY KEY, secret TEXT, last_counter INTEGER
  NOT NULL DEFAULT -1, offered TEXT, offered_until TEXT) STRICT;
CREATE TABLE attempts (subject BLOB PRIMARY KEY, attempts INTEGER NOT NULL,
  not_before TEXT, last_at TEXT NOT NULL) STRICT;
CREATE TABLE tokens (token BLOB NOT NULL, purpose TEXT NOT NULL,
  account_id TEXT NOT NULL, expires_at TEXT NOT NULL, PRIMARY KEY (token, purpose)) STRICT;
CREATE TABLE seen (session_id TEXT PRIMARY KEY, seen_at TEXT NOT NULL) STRICT;
"""


def credentials_file(home: Path) -> Path:
    """Where a home keeps the secrets of its accounts."""
    return home / "credentials" / "accounts.sqlite3"


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction that holds the writer's lock from its first read; makes a missing file.

    A block that raises changes nothing: closing rolls back what was not committed.

    Raises:
        AdapterError: `CREDENTIALS_FAILED`, retriable.
    """
    try:
        _make(path)
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as work:
            work.execute("PRAGMA synchronous=FULL")
            work.execute("PRAGMA secure_delete=ON")
            work.execute("BEGIN IMMEDIATE")
            yield work
            work.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise AdapterError("CREDENTIALS_FAILED", str(error), retriable=True, got=path) from error


def _make(path: Path) -> None:
    """The file, whole from its first moment, for its owner alone."""
    if path.exists():
        return
    make_folder(path.parent)
    path.parent.chmod(0o700)
    fresh = path.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}")
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as work:
            work.execute("PRAGMA journal_mode=WAL")
            work.executescript(_SCHEMA)
            work.execute("INSERT INTO peppers VALUES (1, ?, NULL)", (os.urandom(32),))
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()
    sync_folder(path.parent)
