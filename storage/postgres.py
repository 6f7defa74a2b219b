"""Connections to PostgreSQL that keep what they promise.

Job: engines for business transactions, for the sequencer and for readers of one database.

Invariants
  I1  A write is durable when its commit returns: `synchronous_commit` is on, and checked, for every
      connection.
  I2  Business transactions take turns, so that what one reads stays true until it commits; none of
      them waits for the sequencer, nor it for them.
  I3  A reader sees one snapshot, and writes nothing.
  I4  Nothing waits for ever: every statement and every lock has its time.

Not here: SQLite (engines), who leads (leading), guards (postgres_guards).
Source: PostgreSQL documentation: advisory locks, client connection defaults; ADR 0009.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool, StaticPool

from counterseal.kernel.errors import AdapterError

if TYPE_CHECKING:
    import psycopg

LEAST_VERSION: Final = 150_000
BUSINESS_LOCK: Final = (0x43_53_45_41, 1)
"""Key of the lock that business transactions take, two whole numbers of 32 bits."""
CONNECTIONS_MAX: Final = 8
"""Connections for business transactions, and as many for readers; who comes beyond waits."""

CONNECT_SECONDS: Final = 10

_SETTINGS: Final = {
    "synchronous_commit": "on",
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "120s",
    "search_path": "public",
    "timezone": "UTC",
    "application_name": "counterseal",
}
_SHARED: Final[Mapping[str, object]] = {
    "poolclass": QueuePool,
    "pool_size": CONNECTIONS_MAX,
    "max_overflow": 0,
    "pool_pre_ping": True,
}
"""Who takes a connection that the server has ended meanwhile is given a new one."""
_DURABLE: Final = {"synchronous_commit": ("on", "remote_apply"), "fsync": ("on",)}


def business_engine(url: URL) -> Engine:
    """The engine of business transactions: one at a time, in all processes and on all machines."""
    engine = _engine(url, **_SHARED)

    @event.listens_for(engine, "begin")
    def _take_turn(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, %s)", BUSINESS_LOCK)

    return engine


def sequencing_engine(url: URL) -> Engine:
    """The engine of a sequencer: one connection, which carries its lock, and no other."""
    return _engine(url, poolclass=StaticPool)


def reading_engine(url: URL, *, keeps: bool = False) -> Engine:
    """The engine that only reads, each transaction from one snapshot.

    Args:
        url: Of the database.
        keeps: Whether connections stay open until the engine is disposed of; else each is closed
            when its reader is done.
    """
    engine = _engine(url, **_SHARED) if keeps else _engine(url, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _only_read(connection: "psycopg.Connection", _: ConnectionPoolEntry) -> None:
        connection.read_only = True

    return engine.execution_options(isolation_level="REPEATABLE READ")


@lru_cache(maxsize=8)
def looking_engine(url: URL) -> Engine:
    """The engine that only reads, the same for everybody who looks at a database.

    A look has a connection of its own: none is left that a restarted server has forgotten.
    """
    return reading_engine(url)


def _engine(url: URL, **pool: object) -> Engine:
    options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    engine = create_engine(
        url,
        connect_args={"options": options, "connect_timeout": CONNECT_SECONDS},
        use_native_hstore=False,
        **pool,
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: "psycopg.Connection", _: ConnectionPoolEntry) -> None:
        try:
            _check(connection)
        except AdapterError:
            connection.close()
            raise
        connection.rollback()

    return engine


def _check(made: "psycopg.Connection") -> None:
    """Refuse a server that is too old or may lose what it acknowledged.

    Raises:
        AdapterError: `DATABASE_UNSUPPORTED`, `DATABASE_NOT_DURABLE`.
    """
    version = made.info.server_version
    if version < LEAST_VERSION:
        raise AdapterError("DATABASE_UNSUPPORTED", "PostgreSQL 15 or newer is needed", got=version)
    for name, allowed in _DURABLE.items():
        row = made.execute("SELECT current_setting(%s)", (name,)).fetchone()
        if row is None or row[0] not in allowed:
            raise AdapterError("DATABASE_NOT_DURABLE", f"{name} must be on", got=row)
