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

from sqlalchemy import Connection, Update, func, select, update
from sqlalchemy.exc import IntegrityError as Refused

from counterseal.audit.privacy import Opening
from counterseal.audit.purges import PURGED_BODY
from counterseal.audit.record import StoredRow
from counterseal.audit.retention import Purge, PurgedRange
from counterseal.audit.stream_map import StreamEnd
from counterseal.kernel.errors import IntegrityError
from storage.data_keys import DataKeys
from storage.databases import Database, database_at
from storage.openings import committed, overwriting, read_openings, scrub
from storage.stream_ends import read_stream_ends
from storage.tables import table
from storage.unit_of_work import translated_errors


class SqlArchive:
    """Rows and openings of one database.

    Args:
        place: The database: a SQLite file, or one that is named otherwise.
        keys: Of personal data.
    """

    def __init__(self, place: Path | Database, keys: DataKeys) -> None:
        self._database = database_at(place)
        self._keys = keys

    def rows(self) -> Iterator[StoredRow]:
        """Every row in order of `seq`, as stored."""
        with self._reading() as connection:
            cells = table("audit_records").c
            asked = select(*(cells[name] for name in StoredRow._fields)).order_by(cells.seq)
            for row in connection.execute(asked):
                yield StoredRow(*row)

    def newest_in(self, stream: str) -> Iterator[StoredRow]:
        """Rows of one stream, as stored, the newest first."""
        with self._reading() as connection:
            cells = table("audit_records").c
            asked = select(*(cells[name] for name in StoredRow._fields))
            asked = asked.where(cells.stream == stream).order_by(cells.stream_seq.desc())
            for row in connection.execute(asked):
                yield StoredRow(*row)

    def stream_ends(self, covers: int) -> Iterator[StreamEnd]:
        """The end of every stream within the first `covers` records; see `read_stream_ends`."""
        with self._reading() as connection:
            yield from read_stream_ends(connection, covers)

    def openings(self, person_id: str | None = None) -> tuple[Opening, ...]:
        """What is kept about a person, or about all, and can be opened here."""
        with self._reading() as connection:
            return tuple(read_openings(connection, self._keys, person_id))

    def commitments(self, person_id: str) -> tuple[str, ...]:
        """What is kept about a person, opened or not."""
        with self._reading() as connection:
            return committed(connection, person_id)

    def carry_out(self, purge: Purge) -> int:
        """Empty the bodies that a recorded purge names; how many went now.

        Raises:
            IntegrityError: `PURGE_REFUSED` when the log does not hold such a purge.
            AdapterError: the database's failure.
        """
        engine = self._database.writing()
        try:
            with translated_errors(), engine.begin() as connection:
                overwriting(connection)
                return sum(connection.execute(_emptied(part)).rowcount for part in purge.ranges)
        except Refused as error:
            raise IntegrityError("PURGE_REFUSED", str(error.orig), got=purge.purge_id) from None
        finally:
            engine.dispose()

    def scrub(self) -> None:
        """Empty the journal, where destroyed bytes would live on.

        Raises:
            AdapterError: `DATABASE_BUSY`, retriable, while a reader needs it.
        """
        engine = self._database.writing()
        try:
            with translated_errors():
                scrub(engine)
        finally:
            engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        engine = self._database.reading()
        try:
            with translated_errors(), engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()


def _emptied(part: PurgedRange) -> Update:
    records = table("audit_records")
    return (
        update(records)
        .where(records.c.stream == part.stream)
        .where(records.c.seq.between(part.first, part.last))
        .where(func.length(records.c.body) > 0)
        .values(body=PURGED_BODY)
    )
