"""The log and what stands beside it, for who keeps records.

Job: show rows and openings, and empty the bodies that a recorded purge names.

Invariants
  I1  A body goes only where the database's own guard finds the purge in the log, under a signed
      checkpoint; leaf hash, place and columns stay.
  I2  What goes is overwritten in the file, and the journal beside it is emptied.

Not here: what may go (audit.retention), the guard (guards).
Source: design parts "append" and "privacy, retention, legal hold".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError as Refused

from counterseal.audit.privacy import Opening
from counterseal.audit.record import StoredRow
from counterseal.audit.retention import Purge
from counterseal.kernel.errors import IntegrityError
from storage.engines import reading_engine, writing_engine
from storage.openings import read_openings, scrub
from storage.unit_of_work import translated_errors

_ROWS = f"SELECT {', '.join(StoredRow._fields)} FROM audit_records ORDER BY seq"  # noqa: S608 - own names
_EMPTY = (
    "UPDATE audit_records SET body = x''"
    " WHERE stream = ? AND seq BETWEEN ? AND ? AND length(body) > 0"
)


class SqlArchive:
    """Rows and openings of one database.

    Args:
        path: The database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self) -> Iterator[StoredRow]:
        """Every row in order of `seq`, as stored."""
        with self._reading() as connection:
            for row in connection.exec_driver_sql(_ROWS):
                yield StoredRow(*row)

    def openings(self, person_id: str | None = None) -> tuple[Opening, ...]:
        """What is kept about a person, or about all.

        Raises:
            IntegrityError: `OPENING_INVALID`.
        """
        with self._reading() as connection:
            return tuple(read_openings(connection, person_id))

    def carry_out(self, purge: Purge) -> int:
        """Empty the bodies that a recorded purge names; how many went now.

        Raises:
            IntegrityError: `PURGE_REFUSED` when the log does not hold such a purge.
            AdapterError: the database's failure.
        """
        engine = writing_engine(self._path)
        try:
            with translated_errors(), engine.begin() as connection:
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
                return sum(
                    connection.exec_driver_sql(_EMPTY, (r.stream, r.first, r.last)).rowcount
                    for r in purge.ranges
                )
        except Refused as error:
            raise IntegrityError("PURGE_REFUSED", str(error.orig), got=purge.purge_id) from None
        finally:
            engine.dispose()

    def scrub(self) -> None:
        """Empty the journal, where destroyed bytes would live on.

        Raises:
            AdapterError: `DATABASE_BUSY`, retriable, while a reader needs it.
        """
        engine = writing_engine(self._path)
        try:
            with translated_errors():
                scrub(engine)
        finally:
            engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        engine = reading_engine(self._path)
        try:
            with translated_errors(), engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()
