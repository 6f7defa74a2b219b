"""A database by its name.

Job: give engines, and the gate of the sequencer, for a SQLite file or a PostgreSQL URL.

Invariants
  I1  What is shown of a server names neither its user nor a password.
  I2  A server that does not answer is never taken for one without a home.

Not here: what the engines promise (engines, postgres), which database is meant (settings).
"""

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from counterseal.kernel.errors import AdapterError, InputError
from storage import engines
from storage.leading import HOUSE, AdvisoryGate, FileGate, Gate, Standing

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

    @property
    def name(self) -> str:
        """For people: a path, or host and database; never a user or a password."""

    @property
    def file(self) -> Path | None:
        """The file on this machine that it is; None on a server."""

    def present(self) -> bool:
        """Whether a home's database is here.

        Raises:
            AdapterError: those of a server that does not answer or refuses.
        """

    def reading(self, *, keeps: bool = False) -> Engine:
        """An engine that only reads.

        Args:
            keeps: Whether connections stay open until the engine is disposed of; else each is
                closed when its reader is done.

        Raises:
            AdapterError: `DATABASE_MISSING`, when there is no such file.
        """

    def looking(self) -> Engine:
        """The engine that only reads, the same for everybody who looks; errors of `reading`."""

    def writing(self) -> Engine:
        """An engine for one transaction at a time: business, purge or migration."""

    def opened(self) -> Opened:
        """Every engine of a store; errors of `reading`."""

    def gate(self, sequencing: Engine, origin: str) -> Gate:
        """What lets one sequencer of this log in."""

    def house(self, file: Path) -> Standing:
        """What lets one house do the rounds: by a file of the home, or for all machines."""


@dataclass(frozen=True)
class SqliteFile:
    """A file on this machine.

    Attributes:
        path: Absolute, or from the working folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def file(self) -> Path:
        """The file, whether or not it is there."""
        return self.path

    def present(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()

    def reading(self, *, keeps: bool = False) -> Engine:
        """An engine that only reads, and creates nothing."""
        return engines.reading_engine(self.path, keeps=keeps)

    def looking(self) -> Engine:
        """The engine of everybody who looks at this file."""
        engines.check_there(self.path)
        return engines.looking_engine(self.path.absolute())

    def writing(self) -> Engine:
        """The engine that writes; creates the file when absent."""
        return engines.writing_engine(self.path)

    def opened(self) -> Opened:
        """One engine writes: SQLite has one writer; readers stay open as long as the store."""
        reading = self.reading(keeps=True)
        writing = self.writing()
        return Opened(writing, writing, reading, threading.RLock())

    def gate(self, sequencing: Engine, origin: str) -> Gate:  # noqa: ARG002 - one file, one log
        """A file beside the database."""
        return FileGate(self.path.with_suffix(".lock"))

    def house(self, file: Path) -> Standing:
        """The file of the home."""
        return FileGate(file)


@dataclass(frozen=True)
class PostgresDatabase:
    """A database of its own on a PostgreSQL server.

    Attributes:
        url: With driver, host or socket folder, and name.
    """

    url: URL = field(repr=False)

    @property
    def name(self) -> str:
        """Host, or socket folder, and name."""
        told, host = self.url, self.url.query.get("host")
        socket = {} if host is None else {"host": host}
        shown = URL.create(
            "postgresql", host=told.host, port=told.port, database=told.database, query=socket
        )
        return shown.render_as_string()

    @property
    def file(self) -> None:
        """None: it lies on a server."""

    def present(self) -> bool:
        """Whether the server's database has our schema; it is asked each time."""
        from storage.schema import stored_revision  # noqa: PLC0415 - homes on a server only
        from storage.unit_of_work import translated_errors  # noqa: PLC0415 - as above

        with translated_errors(), self.looking().connect() as connection:
            return stored_revision(connection) is not None

    def reading(self, *, keeps: bool = False) -> Engine:
        """An engine that only reads; the server is asked first when it is used."""
        from storage import postgres  # noqa: PLC0415 - who uses SQLite loads no driver

        return postgres.reading_engine(self.url, keeps=keeps)

    def looking(self) -> Engine:
        """The engine of everybody who looks at this database."""
        from storage import postgres  # noqa: PLC0415 - as above

        return postgres.looking_engine(self.url)

    def writing(self) -> Engine:
        """The engine of business transactions."""
        from storage import postgres  # noqa: PLC0415 - as above

        return postgres.business_engine(self.url)

    def opened(self) -> Opened:
        """Business transactions and the sequencer have connections of their own."""
        from storage import postgres  # noqa: PLC0415 - as above

        sequencing = postgres.sequencing_engine(self.url)
        return Opened(self.writing(), sequencing, self.reading(keeps=True), nullcontext())

    def gate(self, sequencing: Engine, origin: str) -> Gate:
        """A lock in the database."""
        return AdvisoryGate(sequencing, origin)

    def house(self, file: Path) -> Standing:  # noqa: ARG002 - homes on two machines share none
        """A lock in the database, on a connection of its own."""
        from storage import postgres  # noqa: PLC0415 - as above

        return AdvisoryGate(postgres.sequencing_engine(self.url), HOUSE)


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
            field="COUNTERSEAL_DATABASE_URL",
            expected=f"{POSTGRESQL}://USER@HOST/NAME",
        )
    return PostgresDatabase(url)


def check_present(database: Database) -> None:
    """Refuse to go on where no home's database is.

    Raises:
        AdapterError: `DATABASE_MISSING`; those of `present`.
    """
    if not database.present():
        raise AdapterError(
            "DATABASE_MISSING", "no database here; run `counterseal init`", got=database.name
        )
