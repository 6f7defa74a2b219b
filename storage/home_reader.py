"""A home that is only looked at.

Job: give documents, records and checkpoints of a home to who may not change it.

Invariants
  I1  Reading needs no key, starts no signer and creates no file.

Not here: creating and opening a home (homes).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import Connection

from counterseal.audit.record import StoredRow
from counterseal.kernel.errors import IntegrityError
from storage.engines import reading_engine
from storage.schema import check_schema
from storage.settings import Settings
from storage.unit_of_work import SqlReader, translated_errors

if TYPE_CHECKING:
    from counterseal.audit.verify import StoredCheckpoint

_ROWS = (
    "SELECT seq, prev, stream, stream_seq, stream_prev, event_id, type, occurred_at, recorded_at,"
    " leaf_hash, body FROM audit_records ORDER BY seq"
)


class HomeReader(SqlReader):
    """Documents and log of a home, read only."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._raw = connection

    def records(self) -> Iterator[StoredRow]:
        """Every stored record in order of `seq`, exactly as the file holds it."""
        for row in self._raw.exec_driver_sql(_ROWS):
            yield StoredRow(*row)

    def checkpoints(self) -> Sequence["StoredCheckpoint"]:
        """Every stored checkpoint, by size."""
        from counterseal.audit.verify import StoredCheckpoint  # noqa: PLC0415 - documents need none

        rows = self._raw.exec_driver_sql("SELECT size, note FROM audit_checkpoints ORDER BY size")
        return tuple(StoredCheckpoint(*row) for row in rows)

    def missing_guards(self) -> tuple[str, ...]:
        """Names of the append-only guards that are absent, altered or foreign."""
        from storage.guards import missing_guards  # noqa: PLC0415 - documents need none

        return missing_guards(self._raw)


@contextmanager
def read_home(settings: Settings) -> Iterator[HomeReader]:
    """A read-only view: no signer, no key, no file created.

    Raises:
        InputError: `UNSAFE_SETTINGS`.
        AdapterError: `DATABASE_MISSING`, `SCHEMA_OLDER`, `SCHEMA_NEWER`, `DATABASE_UNREADABLE` or
            `DATABASE_FAILED`.
        IntegrityError: `DOCUMENT_INVALID` when a stored row is no document any more.
    """
    engine = reading_engine(settings.check().database)
    try:
        with translated_errors(), engine.connect() as connection:
            check_schema(connection)
            yield HomeReader(connection)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise IntegrityError(
            "DOCUMENT_INVALID", f"a stored {error.title} does not hold", field=place
        ) from None
    finally:
        engine.dispose()
