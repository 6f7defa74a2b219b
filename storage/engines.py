"""Connections to SQLite that keep what they promise.

Job: one writing and one read-only engine with the settings that durability needs.

Invariants
  I1  A write is durable when its commit returns: WAL with synchronous=FULL.
  I2  A transaction takes the writer's lock at its first statement (BEGIN IMMEDIATE).
  I3  Reading never creates a database and never changes one; beside it lies only what SQLite's
      readers and writers share (`-shm`, an empty `-wal`), and nothing where it may not be written.
  I4  Foreign keys and recursive triggers are on for every connection.

Not here: tables, triggers.
Source: style part 4; SQLite documentation on WAL, pragma synchronous, recursive_triggers.
"""

import os
import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool, StaticPool

from counterseal.kernel.errors import AdapterError

BUSY_TIMEOUT_MS: Final = 10_000
READERS_KEPT: Final = 2
"""Reading connections that stay open: a new one reads the whole schema before its first row."""
_PRAGMAS: Final = (
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
)
_ROOM: Final = ("PRAGMA cache_size=-32768", "PRAGMA wal_autocheckpoint=8000")
"""32 MiB each, in KiB and in pages: a group commit touches pages all over the log's indexes; with
SQLite's 2 and 4 MiB they are read and written several times."""


def _on_connect(engine: Engine, *pragmas: str) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma)


def _begin(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def _start(connection: Connection) -> None:
        connection.exec_driver_sql(statement)


def _forget_read_only(engine: Engine) -> None:
    """Open anew behind a refused write.

    SQLite falls back to reading when the file cannot be opened for writing, such as on a full disk;
    the one connection that is kept would then refuse every write until the process ends.
    """

    @event.listens_for(engine, "handle_error")
    def _refused(context: ExceptionContext) -> None:
        if "readonly" in str(context.original_exception):
            context.is_disconnect = True


def writing_engine(path: Path) -> Engine:
    """The engine that writes; creates the file when absent."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
    )
    _on_connect(engine, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *_PRAGMAS, *_ROOM)
    _begin(engine, "BEGIN IMMEDIATE")
    _forget_read_only(engine)
    return engine


def reading_engine(path: Path, *, keeps: bool = False) -> Engine:
    """The engine that only reads.

    Args:
        path: The file.
        keeps: Whether connections stay open until the engine is disposed of; else each is closed
            when its reader is done, and nothing is held that SQLite would clear away.

    Raises:
        AdapterError: `DATABASE_MISSING` when there is no such file.
    """
    check_there(path)
    uri = f"{path.absolute().as_uri()}?mode=ro"

    def connect() -> sqlite3.Connection:
        told = f"{uri}&immutable=1" if _is_frozen(path) else uri
        return sqlite3.connect(told, uri=True, check_same_thread=False)

    if keeps:
        engine = create_engine(
            "sqlite://", creator=connect, poolclass=QueuePool, pool_size=READERS_KEPT
        )
    else:
        engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    _on_connect(engine, *_PRAGMAS)
    _begin(engine, "BEGIN")
    return engine


@lru_cache(maxsize=8)
def looking_engine(path: Path) -> Engine:
    """The engine that only reads, the same for everybody who looks at a file.

    A look opens and closes a connection of its own; what stays is the wording of the statements,
    which costs more than most of their answers. Whoever asks checks that the file is there.
    """
    return reading_engine(path)


def check_there(path: Path) -> None:
    """Refuse to look where no file is.

    Raises:
        AdapterError: `DATABASE_MISSING`.
    """
    if not path.is_file():
        raise AdapterError("DATABASE_MISSING", "no database here; run `counterseal init`", got=path)


def _is_frozen(path: Path) -> bool:
    """Whether the file is whole and lies where this process cannot keep SQLite's shared files.

    Such as a home on a read-only medium; SQLite would refuse to read it at all.
    """
    journal = path.with_name(f"{path.name}-wal")
    return not os.access(path.parent, os.W_OK) and not journal.exists()


def fold(path: Path) -> None:
    """Carry the write-ahead log over into the file, durably, so that the file alone is whole.

    Raises:
        AdapterError: `DATABASE_BUSY` when somebody else has it open, `DATABASE_FAILED`.
    """
    try:
        with closing(sqlite3.connect(path)) as connection:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise AdapterError("DATABASE_FAILED", str(error), got=path) from error
    if busy:
        raise AdapterError("DATABASE_BUSY", "the database is open elsewhere", got=path)
