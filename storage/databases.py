"""A database by its name.

Job: give engines, and the gate of the sequencer, for a SQLite file or a PostgreSQL URL.

Not here: what the engines promise (engines, postgres), which database is meant (settings).
"""

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from counterseal.kernel.errors import InputError
from storage import engines
from storage.leading import AdvisoryGate, FileGate, Gate

POSTGRESQL = "postgresql+psycopg"
"""How a URL names PostgreSQL and its driver."""


@dataclass(frozen=True)
class Opened:
    """The engines of one store.

    Attributes:
        business: For business transactions.
        sequencing: For the sequencer; the same engine where the database has one writer only.
        reading: For readers.
        turn: Held around each transaction of threads that share a writing connection.
    """

    business: Engine
    sequencing: Engine
    reading: Engine
    turn: AbstractContextManager[object]

    def dispose(self) -> None:
        """Close every connection, the writer's last: it folds SQLite's journal into the file."""
        for engine in (self.reading, self.business, self.sequencing):
            engine.dispose()


class Database(Protocol):
    """Where one log and its documents are."""

    def reading(self) -> Engine:
        """An engine that only reads.

        Raises:
            AdapterError: `DATABASE_MISSING`.
        """

    def writing(self) -> Engine:
        """An engine for one transaction at a time: business, purge or migration."""

    def opened(self) -> Opened:
        """Every engine of a store; errors of `reading`."""

    def gate(self, sequencing: Engine, origin: str) -> Gate:
        """What lets one sequencer of this log in."""


@dataclass(frozen=True)
class SqliteFile:
    """A file on this machine.

    Attributes:
        path: Absolute, or from the working folder.
    """

    path: Path

    def reading(self) -> Engine:
        """An engine that only reads, and creates nothing."""
        return engines.reading_engine(self.path)

    def writing(self) -> Engine:
        """The engine that writes; creates the file when absent."""
        return engines.writing_engine(self.path)

    def opened(self) -> Opened:
        """One engine writes: SQLite has one writer; readers stay open as long as the store."""
        reading = engines.reading_engine(self.path, keeps=True)
        writing = self.writing()
        return Opened(writing, writing, reading, threading.RLock())

    def gate(self, sequencing: Engine, origin: str) -> Gate:  # noqa: ARG002 - one file, one log
        """A file beside the database."""
        return FileGate(self.path.with_suffix(".lock"))


@dataclass(frozen=True)
class PostgresDatabase:
    """A database of its own on a PostgreSQL server.

    Attributes:
        url: With driver, host or socket folder, and name.
    """

    url: URL

    def reading(self) -> Engine:
        """An engine that only reads; the server is asked first when it is used."""
        from storage import postgres  # noqa: PLC0415 - who uses SQLite loads no driver

        return postgres.reading_engine(self.url)

    def writing(self) -> Engine:
        """The engine of business transactions."""
        from storage import postgres  # noqa: PLC0415 - as above

        return postgres.business_engine(self.url)

    def opened(self) -> Opened:
        """Business transactions and the sequencer have connections of their own."""
        from storage import postgres  # noqa: PLC0415 - as above

        sequencing = postgres.sequencing_engine(self.url)
        return Opened(self.writing(), sequencing, self.reading(), nullcontext())

    def gate(self, sequencing: Engine, origin: str) -> Gate:
        """A lock in the database."""
        return AdvisoryGate(sequencing, origin)


def database_at(place: Path | str | Database) -> Database:
    """The database of a path, of a PostgreSQL URL, or itself.

    Raises:
        InputError: `DATABASE_UNSUPPORTED`; the URL is never shown, it may hold a password.
    """
    if isinstance(place, Path):
        return SqliteFile(place)
    if not isinstance(place, str):
        return place
    try:
        url = make_url(place)
    except ArgumentError:
        url = None
    if url is None or url.drivername != POSTGRESQL or not url.database:
        raise InputError(
            "DATABASE_UNSUPPORTED",
            "neither a SQLite file nor a PostgreSQL database",
            expected=f"{POSTGRESQL}://USER@HOST/NAME",
        )
    return PostgresDatabase(url)
