"""Who may lead now: the log, or the rounds of a house.

Job: let one in at a time: of one machine by a file, of many by the database.

Invariants
  I1  Who is let in is alone until it leaves or its process or connection ends.
  I2  Where the database decides, nothing is written on a connection that lost the lock.

Not here: the fence that holds even when both fail (lease, placing).
Source: audit-log, leader and fence; PostgreSQL documentation, advisory locks.
"""

import fcntl
import hashlib
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Final, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError

from counterseal.kernel.errors import AdapterError

WAIT_SECONDS: Final = 30.0
"""How long a sequencer waits for the one that leads."""
_PAUSE_SECONDS: Final = 0.005
HOUSE: Final = "house\n"
"""What a house that leads is called; no log has this name: a log's is one line."""

HOUSE_SECONDS: Final = 0.5
"""How often a house asks whether it leads."""


class Gate(Protocol):
    """Lets one sequencer in.

    MUST hold everybody else back while `alone` is entered. `check` MUST refuse a transaction that
    is not under the same protection.
    """

    def alone(self) -> AbstractContextManager[None]:
        """Be the only sequencer for a while.

        Raises:
            AdapterError: `LOCK_UNAVAILABLE`, or `LEASE_HELD` (retriable) when another one leads for
                too long.
        """

    def check(self, connection: Connection) -> None:
        """Refuse a transaction of who is no longer alone.

        Raises:
            AdapterError: `LEASE_LOST` (retriable).
        """


class Standing(Protocol):
    """Lets one house in, for as long as it runs. `alone` MUST be as that of `Gate`, and patient."""

    def alone(self) -> AbstractContextManager[None]:
        """Wait for the one before, and be the only one.

        Raises:
            AdapterError: `LOCK_UNAVAILABLE`.
        """

    def hold(self, stopped: Event) -> None:
        """Stay the only one until told to stop.

        Raises:
            AdapterError: `LEASE_LOST` (retriable) when another one leads meanwhile.
        """


class FileGate:
    """For a database of one machine: a file that one process holds.

    Args:
        path: Beside the database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the file.

        Raises:
            AdapterError: `LOCK_UNAVAILABLE`.
        """
        try:
            file = self._path.open("a")
        except OSError as error:
            raise AdapterError("LOCK_UNAVAILABLE", str(error), got=self._path) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def check(self, connection: Connection) -> None:
        """A file is lost with the process only."""

    def hold(self, stopped: Event) -> None:
        """Wait to be told."""
        stopped.wait()


class AdvisoryGate:
    """For a database that many machines share: a lock that its connection carries.

    Args:
        engine: Of one connection; the lock goes with it.
        origin: The log's name, or `HOUSE`, which waits for ever and asks seldom.
    """

    def __init__(self, engine: Engine, origin: str) -> None:
        self._engine = engine
        self._key = lock_key(origin)
        self._of_house = origin == HOUSE

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock on the engine's connection.

        Raises:
            AdapterError: `LEASE_HELD` (retriable).
        """
        until = math.inf if self._of_house else time.monotonic() + WAIT_SECONDS
        while not self._asked("SELECT pg_try_advisory_lock(%s)"):
            if time.monotonic() > until:
                raise AdapterError("LEASE_HELD", "another journal leads", retriable=True)
            time.sleep(HOUSE_SECONDS if self._of_house else _PAUSE_SECONDS)
        try:
            yield
        finally:
            with suppress(DatabaseError):  # a connection that was lost took the lock with it
                self._asked("SELECT pg_advisory_unlock(%s)")
            if self._of_house:
                self._engine.dispose()  # its connection is nobody else's; every lock goes with it

    def check(self, connection: Connection) -> None:
        """Refuse when somebody else holds the lock: this connection is a new one then.

        Raises:
            AdapterError: `LEASE_LOST` (retriable).
        """
        asked = "SELECT pg_try_advisory_xact_lock(%s)"
        if not connection.exec_driver_sql(asked, (self._key,)).scalar_one():
            raise AdapterError("LEASE_LOST", "another journal took over", retriable=True)

    def hold(self, stopped: Event) -> None:
        """Ask again and again: a lock that went with its connection is taken back, or lost.

        A server that does not answer lets nobody lead; it is asked again.

        Raises:
            AdapterError: `LEASE_LOST` (retriable).
        """
        while not stopped.wait(HOUSE_SECONDS):
            with suppress(DatabaseError):
                if not self._asked("SELECT pg_try_advisory_lock(%s)"):
                    raise AdapterError("LEASE_LOST", "another house took over", retriable=True)

    def _asked(self, statement: str) -> bool:
        with self._engine.begin() as connection:
            return bool(connection.exec_driver_sql(statement, (self._key,)).scalar_one())


def lock_key(origin: str) -> int:
    """The number, of 64 bits with a sign, under which a log's sequencers lock each other out."""
    digest = hashlib.sha256(b"counterseal sequencer\n" + origin.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
