"""The file that keeps the secrets of accounts.

Job: say where the file lies and what its tables are, and give one transaction on it.

Invariants
  I1  A file has one pepper, drawn when it is made.

Not here: making the file (storage.own_database), what the rows mean, hashing, codes
(storage.credentials).
Source: governance part 5.
"""

import os
import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from storage.own_database import own_transaction

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


def changing(path: Path) -> AbstractContextManager[sqlite3.Connection]:
    """One transaction on the file, as `own_transaction` gives it; makes a missing file.

    Raises:
        AdapterError: `CREDENTIALS_FAILED`, retriable.
    """
    return own_transaction(path, _fill, failed="CREDENTIALS_FAILED")


def _fill(work: sqlite3.Connection) -> None:
    work.executescript(_SCHEMA)
    work.execute("INSERT INTO peppers VALUES (1, ?, NULL)", (os.urandom(32),))
