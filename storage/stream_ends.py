"""Where every stream of a stored log ends.

Job: read the last record of each stream within the first records of the log.

Invariants
  I1  Heads come from the stored bytes; of a purged record, which has none, from its column.
  I2  One body a stream is read, however many records there are.

Not here: the map over them (audit.stream_map), whether columns and bytes agree (audit.walk).
Source: design part "evidence pack", completeness.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from counterseal.audit.stream_map import StreamEnd
from counterseal.kernel.errors import IntegrityError
from storage.tables import table
from storage.tiles import stored_leaf


def read_stream_ends(connection: Connection, covers: int) -> Iterator[StreamEnd]:
    """The end of every stream within the first `covers` records.

    Raises:
        IntegrityError: `COLUMN_MISMATCH` when a record has neither bytes nor a leaf hash, or no
            place in a stream.
    """
    cells = table("audit_records").c
    last = select(func.max(cells.seq)).where(cells.seq < covers).group_by(cells.stream)
    asked = select(cells.stream, cells.stream_seq, cells.body, cells.leaf_hash)
    for stream, stream_seq, body, told in connection.execute(asked.where(cells.seq.in_(last))):
        if type(stream) is not str or type(stream_seq) is not int:
            raise IntegrityError("COLUMN_MISMATCH", "a record without its place in a stream")
        yield StreamEnd(stream, stream_seq, stored_leaf(body, told).hex())
