"""A home that is only looked at.

Job: give documents, records and checkpoints of a home to who may not change it.

Invariants
  I1  Reading needs no key, starts no signer and creates no file.

Not here: creating and opening a home (homes).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import Connection, func, select

from counterseal.audit.privacy import Opening
from counterseal.audit.record import StoredRow
from counterseal.kernel.errors import InputError, IntegrityError
from storage.data_keys import DataKeys, data_keys
from storage.openings import committed, read_openings
from storage.record_ranges import read_records
from storage.schema import check_schema
from storage.settings import Settings
from storage.system import DEMO_AHEAD
from storage.tables import table
from storage.unit_of_work import SqlReader, translated_errors

if TYPE_CHECKING:
    from counterseal.audit.stream_map import StreamEnd
    from counterseal.audit.tiles import TiledTree
    from counterseal.audit.verify import StoredCheckpoint
    from storage.gauges import Gauge, LogEnd


class HomeReader(SqlReader):
    """Documents and log of a home, read only."""

    def __init__(self, connection: Connection, keys: DataKeys | None = None) -> None:
        super().__init__(connection, keys)
        self._raw = connection

    @property
    def backend(self) -> str:
        """What keeps this home, as its own connection says: `sqlite`, `postgresql`."""
        return self._raw.dialect.name

    def look_again(self) -> None:
        """Let the next question begin a newer moment than the one that was read until now."""
        self._raw.rollback()

    def records(self, start: int | None = None, end: int | None = None) -> Iterator[StoredRow]:
        """Stored records in order of `seq`, exactly as the file holds them.

        Args:
            start: First place that is wanted; None for whatever comes first.
            end: Place behind the last that is wanted; None for all that follow.
        """
        return read_records(self._raw, start, end)

    def in_streams(self, *streams: str) -> Iterator[StoredRow]:
        """Stored records of some streams in order of `seq`."""
        return read_records(self._raw, streams=streams)

    def of_type(self, kind: str) -> Iterator[StoredRow]:
        """Stored records of a type in order of `seq`, of whatever stream; all are looked at."""
        return read_records(self._raw, kind=kind)

    def stream_ends(self, covers: int) -> Iterator["StreamEnd"]:
        """The end of every stream within the first `covers` records; see `read_stream_ends`."""
        from storage.stream_ends import read_stream_ends  # noqa: PLC0415 - documents need none

        return read_stream_ends(self._raw, covers)

    def ends(self) -> tuple[int, int] | None:
        """Place of the first record and behind the last; None without whole numbers there.

        Both come from the order of `seq` itself, so that no record lies outside of them.
        """
        seq = table("audit_records").c.seq
        first, last = (
            self._raw.execute(select(seq).order_by(order).limit(1)).scalar_one_or_none()
            for order in (seq, seq.desc())
        )
        if type(first) is not int or type(last) is not int:
            return None
        return first, last + 1

    def record(self, seq: int) -> StoredRow | None:
        """One stored record, or None."""
        return next(iter([*read_records(self._raw, seq, seq + 1)]), None)

    def record_of(self, event_id: str) -> StoredRow | None:
        """The stored record of an event, or None."""
        return next(iter([*read_records(self._raw, event_id=event_id)]), None)

    def found(self, words: str) -> tuple[int, ...]:
        """Places of the newest records that somebody looks for; see `find_places`."""
        from storage.record_search import find_places  # noqa: PLC0415 - documents need none

        return find_places(self._raw, words)

    def tree(self, size: int) -> "TiledTree":
        """The tree of the first records, from its stored tiles: reading few rows for each proof."""
        from counterseal.audit.tiles import TiledTree  # noqa: PLC0415 - documents need none
        from storage.tiles import StoredTiles  # noqa: PLC0415 - documents need none

        return TiledTree(size, StoredTiles(self._raw))

    def newest_checkpoint(self) -> "StoredCheckpoint | None":
        """The stored checkpoint of the largest size, or None."""
        from counterseal.audit.verify import StoredCheckpoint  # noqa: PLC0415 - documents need none

        cells = table("audit_checkpoints").c
        asked = select(cells.size, cells.note).order_by(cells.size.desc()).limit(1)
        row = self._raw.execute(asked).first()
        return None if row is None else StoredCheckpoint(*row)

    def checkpoints(self, from_size: int | None = None) -> Sequence["StoredCheckpoint"]:
        """Stored checkpoints by size; all, or those of `from_size` records and more."""
        from counterseal.audit.verify import StoredCheckpoint  # noqa: PLC0415 - documents need none

        cells = table("audit_checkpoints").c
        asked = select(cells.size, cells.note).order_by(cells.size)
        asked = asked if from_size is None else asked.where(cells.size >= from_size)
        return tuple(StoredCheckpoint(*row) for row in self._raw.execute(asked))

    def openings(self) -> tuple[Opening, ...] | None:
        """What opens personal data here; None when there is data, and no place for its keys."""
        if self._keys is not None and self._keys.at_hand:
            return tuple(read_openings(self._raw, self._keys))
        return None if committed(self._raw) else ()

    def waiting(self) -> int:
        """How many drafts are not under a stored checkpoint yet."""
        query = select(func.count()).select_from(table("audit_outbox"))
        return int(self._raw.execute(query).scalar_one())

    def log_end(self) -> "LogEnd":
        """Where the log ends, and what waits to be placed behind it."""
        from storage.gauges import log_end  # noqa: PLC0415 - documents need none

        return log_end(self._raw)

    def gauges(self, now: datetime) -> Iterator["Gauge"]:
        """What is counted in this home's database at `now` (UTC)."""
        from storage.gauges import home_gauges  # noqa: PLC0415 - documents need none

        return home_gauges(self._raw, now)

    def missing_guards(self) -> tuple[str, ...]:
        """Names of the append-only guards that are absent, altered or foreign."""
        from storage.guards import missing_guards  # noqa: PLC0415 - documents need none

        return missing_guards(self._raw)


@contextmanager
def read_home(settings: Settings) -> Iterator[HomeReader]:
    """A read-only view: no signer, no key, no file created.

    Raises:
        InputError: `UNSAFE_SETTINGS`; `DEMO_CLOCK_REFUSED` for another home than a demo.
        AdapterError: `DATABASE_MISSING`, `SCHEMA_OLDER`, `SCHEMA_NEWER`, `DATABASE_UNREADABLE` or
            `DATABASE_FAILED`.
        IntegrityError: `DOCUMENT_INVALID` when a stored row is no document any more.
    """
    engine = settings.check().database.looking()
    try:
        with translated_errors(), engine.connect() as connection:
            check_schema(connection)
            reader = HomeReader(connection, data_keys(settings))
            if settings.counterseal_demo_ahead_seconds:
                _check_demo(reader)
            yield reader
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise IntegrityError(
            "DOCUMENT_INVALID", f"a stored {error.title} does not hold", field=place
        ) from None


def _check_demo(reader: HomeReader) -> None:
    """Only a demo may live at another time than the machine's.

    Raises:
        InputError: `DEMO_CLOCK_REFUSED`.
    """
    from counterseal.desk.installation import INSTALLATION_ID, Installation  # noqa: PLC0415 - visits only

    installation = reader.get(Installation, INSTALLATION_ID)
    if installation is None or installation.mode != "demo":
        raise InputError(
            "DEMO_CLOCK_REFUSED",
            "this home lives at the machine's time",
            field=DEMO_AHEAD,
            expected="unset",
        )
