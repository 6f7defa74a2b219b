"""Tiles of the tree in the log's database.

Job: store the tiles that a signed size completes, and give them back to who proves.

Invariants
  I1  Tiles are stored with the checkpoint that covers them, in one transaction; whatever an earlier
      one left out is completed then.
  I2  Leaf hashes come from the stored bytes; of a purged record, which has none, from its column.
  I3  Storing a group's tiles costs the same however long the log is, and so does reading for a
      proof.

Not here: what a tile is (audit.tiles), whether its hashes are right (audit.receipt, reconcile).
Source: C2SP tlog-tiles; audit-log part 4.
"""

from collections.abc import Iterator, Sequence
from itertools import count, takewhile
from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select

from counterseal.audit.merkle import HASH_SIZE, Tree, leaf_hash
from counterseal.audit.tiles import TILE_WIDTH, full_tiles
from counterseal.kernel.errors import IntegrityError
from storage.tables import table

BLOCK: Final = 16
"""Tiles that are read and written at once."""

_TILES: Final = table("audit_tiles")
_OF: Final = _TILES.c.level == bindparam("level")
_NEWEST: Final = select(func.max(_TILES.c.number)).where(_OF)
_HASHES: Final = select(_TILES.c.hashes).where(_OF, _TILES.c.number == bindparam("number"))
_ROOTS: Final = (
    select(_TILES.c.root)
    .where(_OF, _TILES.c.number >= bindparam("start"), _TILES.c.number < bindparam("end"))
    .order_by(_TILES.c.number)
)
_RECORDS: Final = table("audit_records").c
_BODIES: Final = (
    select(_RECORDS.body, _RECORDS.leaf_hash)
    .where(_RECORDS.seq >= bindparam("start"), _RECORDS.seq < bindparam("end"))
    .order_by(_RECORDS.seq)
)


class TileRow(NamedTuple):
    """The cells of one stored tile: its hashes joined, and the root over them."""

    level: int
    number: int
    root: bytes
    hashes: bytes


def complete_tiles(connection: Connection, size: int, fresh: Sequence[bytes] = ()) -> None:
    """Store every full tile that is missing in a log of so many records.

    Args:
        connection: With the writer's lock, in the transaction that stores the checkpoint.
        size: The signed size.
        fresh: Leaf hashes of the last records, as they were read back; only what lies before them
            is read here.
    """
    for level in _levels(size):
        stored, full = _stored_tiles(connection, level), full_tiles(level, size)
        for first in range(stored, full, BLOCK):
            start, end = first * TILE_WIDTH, min(first + BLOCK, full) * TILE_WIDTH
            behind = _within(fresh, size - len(fresh), start, end) if level == 0 else ()
            below = [*_hashes_below(connection, level, start, end - len(behind)), *behind]
            rows = [tile._asdict() for tile in tiles_over(level, first, below)]
            connection.execute(insert(_TILES), rows)


def tiles_over(level: int, first: int, below: Sequence[bytes]) -> Iterator[TileRow]:
    """Rows of full tiles.

    Args:
        level: Level of the tiles.
        first: Number of the first.
        below: Their hashes in order; what no longer fills a tile is left out.
    """
    for number in range(first, first + len(below) // TILE_WIDTH):
        at = (number - first) * TILE_WIDTH
        hashes = below[at : at + TILE_WIDTH]
        yield TileRow(level, number, Tree(hashes).root(), b"".join(hashes))


def expected_tiles(leaves: Sequence[bytes]) -> Iterator[TileRow]:
    """Rows of every full tile over these leaf hashes, by level and number."""
    below = leaves
    for level in _levels(len(leaves)):
        rows = list(tiles_over(level, 0, below))
        yield from rows
        below = [row.root for row in rows]


def _levels(size: int) -> Iterator[int]:
    """Levels at which a log of so many records has full tiles."""
    return takewhile(lambda level: full_tiles(level, size) > 0, count())


def _stored_tiles(connection: Connection, level: int) -> int:
    """How many tiles of a level are stored; they are stored in order."""
    newest = connection.scalar(_NEWEST, {"level": level})
    return 0 if newest is None else newest + 1


def _within(hashes: Sequence[bytes], first: int, start: int, end: int) -> Sequence[bytes]:
    """Those of the places from `start` to `end`, when `first` is the place of the first one."""
    return hashes[max(start - first, 0) : max(end - first, 0)]


def _hashes_below(connection: Connection, level: int, start: int, end: int) -> list[bytes]:
    """What the tiles of a level are made of: leaf hashes, or roots of the tiles below, by place."""
    if start == end:
        return []
    places = {"start": start, "end": end}
    if level == 0:
        return [stored_leaf(body, told) for body, told in connection.execute(_BODIES, places)]
    return list(connection.scalars(_ROOTS, {"level": level - 1, **places}))


def stored_leaf(body: bytes, told: str) -> bytes:
    """The leaf hash of a record as it is stored.

    A purged record has no bytes any more; its stored hash stands in, and is right when it leads to
    the signed root.

    Raises:
        IntegrityError: `COLUMN_MISMATCH` when neither gives one.
    """
    try:
        return leaf_hash(body) if body else bytes.fromhex(told)
    except (TypeError, ValueError):
        raise IntegrityError("COLUMN_MISMATCH", "a record without its leaf hash") from None


class StoredTiles:
    """The tiles of one log, as the port of `audit.tiles` asks for them.

    Args:
        connection: A view of the database that stays the same.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def hashes(self, level: int, number: int, width: int) -> Sequence[bytes]:
        """The first `width` hashes of a tile; fewer when they are not stored."""
        start = number * TILE_WIDTH
        if width < TILE_WIDTH:
            return _hashes_below(self._connection, level, start, start + width)
        asked = {"level": level, "number": number}
        held: bytes = self._connection.scalar(_HASHES, asked) or b""
        return [held[at : at + HASH_SIZE] for at in range(0, len(held), HASH_SIZE)]
