"""What a window has to remember while its browser is elsewhere.

Job: keep which login a browser has, what a person was writing, and how they like to read, across a
redirect or a reload.

Invariants
  I1  The file is its owner's alone (0600 in a folder 0700); it holds digests of handles.
  I2  A note is taken once, by who asks for its exact subject, and not behind its time.
  I3  Everything here is bounded: by its time, or by how many there may be.
  I4  Nothing here lets anybody in: the registry decides about the login that a browser has.

Not here: the log (what nobody decided yet is no record), secrets (storage.credentials).
Source: governance part 5 (after a redirect the drafts are gone: store them on the server first).
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import AdapterError
from storage.durable import make_folder

NOTE_LIFE: Final = timedelta(minutes=10)
NOTE_LENGTH_MAX: Final = 20_000
CHOICE_LENGTH_MAX: Final = 40
CHOICES_MAX: Final = 10_000
"""Choices that are kept; whose was made longest ago is guessed anew."""
_KEPT: Final = timedelta(days=31)
"""Longer than any session lives."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS browsers (browser BLOB PRIMARY KEY, session_id TEXT NOT NULL,
  bound_at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS notes (subject BLOB PRIMARY KEY, note TEXT NOT NULL,
  until TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS choices (subject BLOB PRIMARY KEY, choice TEXT NOT NULL) STRICT;
"""


def window_notes_file(home: Path) -> Path:
    """Where a home keeps the notes of its windows."""
    return home / "credentials" / "windows.sqlite3"


class WindowNotes:
    """Notes in a file; opened for each call, so that threads and processes share nothing else.

    Args:
        path: Made with the first note.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def bind(self, browser: str, session_id: str, now: datetime) -> None:
        """Remember the login that a browser has now.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with self._changing() as work:
            work.execute("DELETE FROM browsers WHERE bound_at < ?", (utc_text(now - _KEPT),))
            work.execute(
                "INSERT INTO browsers VALUES (?, ?, ?) ON CONFLICT (browser) DO UPDATE SET"
                " session_id = excluded.session_id, bound_at = excluded.bound_at",
                (_digest("browser", browser), session_id, utc_text(now)),
            )

    def bound(self, browser: str) -> str | None:
        """The login that a browser had last; whether it counts is the registry's business.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with self._changing() as work:
            found = work.execute(
                "SELECT session_id FROM browsers WHERE browser = ?", (_digest("browser", browser),)
            ).fetchone()
        return None if found is None else str(found[0])

    def unbind(self, browser: str) -> None:
        """Forget a browser.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with self._changing() as work:
            work.execute("DELETE FROM browsers WHERE browser = ?", (_digest("browser", browser),))

    def keep(self, note: str, now: datetime, *subject: str) -> None:
        """Keep a note of at most 20,000 characters for ten minutes, in the place of an earlier one.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with self._changing() as work:
            work.execute("DELETE FROM notes WHERE until <= ?", (utc_text(now),))
            work.execute(
                "INSERT OR REPLACE INTO notes VALUES (?, ?, ?)",
                (_digest(*subject), note[:NOTE_LENGTH_MAX], utc_text(now + NOTE_LIFE)),
            )

    def take(self, now: datetime, *subject: str) -> str | None:
        """The note of a subject, which is gone then; None without one in its time.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with self._changing() as work:
            found = work.execute(
                "DELETE FROM notes WHERE subject = ? RETURNING note, until", (_digest(*subject),)
            ).fetchone()
        return str(found[0]) if found is not None and utc_text(now) < found[1] else None

    def choose(self, choice: str, *subject: str) -> None:
        """Remember how somebody likes to read, until they say otherwise or many others did.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with self._changing() as work:
            work.execute(
                "INSERT OR REPLACE INTO choices VALUES (?, ?)",
                (_digest(*subject), choice[:CHOICE_LENGTH_MAX]),
            )
            work.execute(
                "DELETE FROM choices WHERE rowid <= (SELECT MAX(rowid) FROM choices) - ?",
                (CHOICES_MAX,),
            )

    def choice(self, *subject: str) -> str | None:
        """What was chosen last; None when nobody chose.

        Raises:
            AdapterError: `CREDENTIALS_FAILED`.
        """
        with self._changing() as work:
            found = work.execute(
                "SELECT choice FROM choices WHERE subject = ?", (_digest(*subject),)
            ).fetchone()
        return None if found is None else str(found[0])

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        try:
            make_folder(self._path.parent)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(sqlite3.connect(self._path, timeout=10)) as work:
                work.executescript(_SCHEMA)
                with work:
                    work.execute("BEGIN IMMEDIATE")
                    yield work
        except (OSError, sqlite3.Error) as error:
            raise AdapterError("CREDENTIALS_FAILED", str(error), got=self._path) from None


def _digest(*subject: str) -> bytes:
    """A digest of the words of a subject, each with its length."""
    told = "".join(f"{len(word)}:{word}" for word in subject)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()
