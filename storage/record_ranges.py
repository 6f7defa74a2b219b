"""Ranges of the stored log.

Job: read records as a database holds them, and check a range of them by itself.

Invariants
  I1  Rows come as the driver gives them: no cell is converted, whatever a hostile file holds.
  I2  Little is loaded: a worker process starts with this module alone.

Not here: what lies between ranges (parallel_verify), errors in our own words (unit_of_work).
Source: design part "performance bars": raw cursor.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import chain, islice, pairwise
from typing import Final, NamedTuple

from sqlalchemy import Connection, CursorResult, Engine, Integer, String, column, select, table
from sqlalchemy.exc import SQLAlchemyError

from counterseal.audit.record import StoredRow
from counterseal.audit.stretch import STRETCH_MAX, Stretch, stretch_of
from counterseal.kernel.errors import CountersealError

_ROWS_AT_ONCE: Final = 256
_row: Final = partial(tuple.__new__, StoredRow)
"""`StoredRow._make` without a call of Python for each row."""
_SEQ: Final = column("seq", Integer())
_STREAM: Final = column("stream", String())
_EVENT_ID: Final = column("event_id", String())
_TYPE: Final = column("type", String())
_RECORDS: Final = (
    select(*map(column, StoredRow._fields)).select_from(table("audit_records")).order_by(_SEQ)
)


class RecordRange(NamedTuple):
    """Records `start` <= seq < `end`.

    Attributes:
        connect: Opens the database to read; a worker process is sent it.
        stops: Places in between at which a stretch has to end, ascending.
        told: Types of records whose rows come back.
        marks: Rows come back as well when one of these stands in the body.
    """

    connect: Callable[[], Engine]
    start: int
    end: int
    stops: Sequence[int] = ()
    told: Collection[str] = ()
    marks: Sequence[bytes] = ()


def read_records(
    connection: Connection,
    start: int | None = None,
    end: int | None = None,
    *,
    streams: Collection[str] | None = None,
    kind: str | None = None,
    event_id: str | None = None,
) -> Iterator[StoredRow]:
    """Stored records in order of `seq`, exactly as the database holds them.

    The driver's rows are taken as they are: SQLAlchemy's own cost a third more.

    Args:
        connection: In a transaction that reads, or begins here.
        start: First place that is wanted; None for whatever comes first.
        end: Place behind the last that is wanted; None for all that follow.
        streams: Only records of these; None for every stream.
        kind: Only records of this type; every record is looked at for it.
        event_id: Only the record of this event.
    """
    asked = _RECORDS if start is None else _RECORDS.where(start <= _SEQ)
    asked = asked if end is None else asked.where(end > _SEQ)
    asked = asked if streams is None else asked.where(_STREAM.in_(streams))
    asked = asked if kind is None else asked.where(_TYPE.in_([kind]))
    asked = asked if event_id is None else asked.where(_EVENT_ID.in_([event_id]))
    streamed = connection.dialect.name != "sqlite"  # which never fetches more than it is asked for
    found = connection.execute(asked, execution_options={"stream_results": streamed})
    return chain.from_iterable(map(_row, rows) for rows in _fetched(found))


def _fetched(found: CursorResult[tuple[object, ...]]) -> Iterator[Sequence[tuple[object, ...]]]:
    while rows := found.cursor_strategy.fetchmany(found, found.cursor, _ROWS_AT_ONCE):
        yield rows


def check_range(wanted: RecordRange) -> list[Stretch | None]:
    """The stretches of a range, up to its end or to one that does not hold: None, as the last."""
    found: list[Stretch | None] = []
    try:
        engine = wanted.connect()
        try:
            with engine.connect() as connection:
                found.extend(_stretches(connection, wanted))
        finally:
            engine.dispose()
    except (CountersealError, SQLAlchemyError):
        found.append(None)
    return found


def _stretches(connection: Connection, wanted: RecordRange) -> Iterator[Stretch | None]:
    places = {*range(wanted.start, wanted.end, STRETCH_MAX), *wanted.stops, wanted.end}
    rows = read_records(connection, wanted.start, wanted.end)
    for first, behind in pairwise(sorted(places)):
        group = list(islice(rows, behind - first))
        stretch = stretch_of(group, told=wanted.told, marks=wanted.marks) if group else None
        yield stretch
        if stretch is None:
            return
