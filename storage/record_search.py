"""Records that somebody looks for.

Job: give the places of the newest records with a hash that begins so, of a case, or by a person.

Nothing is looked for in the bodies of the whole log, which would take minutes in a long one: hashes
are looked for in the tiles, and who acted among the commands, each of which names its last record.

Invariants
  I1  At most 500 places come back, the newest first.
  I2  What was found says nothing about whether it holds.
  I3  A record is found by its actor when its own bytes name them; the records of a command lie
      side by side, but for a few of commands that were written at the same time.

Not here: reading the records (record_ranges), whether they hold (verification), whether tiles and
commands are those of the log (reconcile).
Source: UI-22, TX-K6.
"""

import re
from collections.abc import Iterator
from itertools import count
from typing import Final

from sqlalchemy import ColumnElement, Connection, LargeBinary, func, literal, select
from sqlalchemy.sql.elements import KeyedColumnElement

from counterseal.audit.merkle import HASH_SIZE
from counterseal.audit.tiles import TILE_WIDTH
from counterseal.desk.commands import CommandRecord
from counterseal.kernel.canonical import canonical_bytes
from storage.tables import DOCUMENT_TABLES, table

FOUND_MAX: Final = 500
WORDS_MAX: Final = 120
REACH: Final = 32
"""Records before the last one of a command that are looked at; further on while all are of it."""
_HASH: Final = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})", re.ASCII)
_RECORDS: Final = table("audit_records").c
_TILES: Final = table("audit_tiles").c
_COMMANDS: Final = DOCUMENT_TABLES[CommandRecord.KIND].table.c


def find_places(connection: Connection, words: str) -> tuple[int, ...]:
    """Places of the records that `words` mean, the newest first.

    Args:
        connection: Reading.
        words: The beginning of a hash (six digits and more), the id of a case or the name of a
            stream, or the id of who acted; as they stand, at most 120 characters.
    """
    words = words.strip()[:WORDS_MAX]
    begun = _HASH.fullmatch(words)
    of_case = _RECORDS.stream.in_((words, f"case:{words}"))
    found = _newest(connection, of_case)
    if not found and begun is not None:
        found = _by_hash(connection, begun[1])
    return found or _by_actor(connection, words)


def _newest(connection: Connection, way: ColumnElement[bool]) -> tuple[int, ...]:
    asked = select(_RECORDS.seq).where(way).order_by(_RECORDS.seq.desc()).limit(FOUND_MAX)
    return tuple(int(seq) for seq in connection.execute(asked).scalars())


def _by_hash(connection: Connection, begun: str) -> tuple[int, ...]:
    """In full tiles by their bytes, behind them by the column."""
    newest = select(func.max(_TILES.number)).where(_TILES.level == 0)
    last = connection.execute(newest).scalar_one()
    full = 0 if last is None else (int(last) + 1) * TILE_WIDTH
    behind = _newest(connection, (_RECORDS.seq >= full) & _RECORDS.leaf_hash.like(f"{begun}%"))
    whole = bytes.fromhex(begun[: len(begun) // 2 * 2])
    holding = select(_TILES.number, _TILES.hashes).where(
        _TILES.level == 0, _holds(connection, _TILES.hashes, whole)
    )
    tiles = connection.execute(holding.order_by(_TILES.number.desc()))
    within = (
        int(number) * TILE_WIDTH + place
        for number, hashes in tiles
        for place in reversed(range(TILE_WIDTH))
        if hashes[place * HASH_SIZE : (place + 1) * HASH_SIZE].hex().startswith(begun)
    )
    return (*behind, *within)[:FOUND_MAX]


def _by_actor(connection: Connection, person: str) -> tuple[int, ...]:
    """Records of a person's newest commands, until there are enough."""
    ends = (
        select(_RECORDS.seq)
        .join(_COMMANDS.event_id.table, _COMMANDS.event_id == _RECORDS.event_id)
        .where(_COMMANDS.actor_id == person)
        .order_by(_COMMANDS.decided_at.desc(), _RECORDS.seq.desc())
        .limit(FOUND_MAX)
    )
    found: set[int] = set()
    for end in connection.execute(ends).scalars().all():
        if len(found) >= FOUND_MAX:
            break
        if end not in found:
            found.update(_run(connection, int(end), person))
    return tuple(sorted(found, reverse=True))[:FOUND_MAX]


def _run(connection: Connection, end: int, person: str) -> Iterator[int]:
    """Places up to `end` at which the person acted, as far back as every one of them did."""
    needle = b'"id":' + canonical_bytes(person) + b',"session":'  # fields stand by their names
    for last in count(end, -REACH):
        near = (_RECORDS.seq > last - REACH) & (_RECORDS.seq <= last)
        own = _newest(connection, near & _holds(connection, _RECORDS.body, needle))
        yield from own
        if len(own) < REACH:
            return


def _holds(
    connection: Connection, cell: KeyedColumnElement[bytes], content: bytes
) -> ColumnElement[bool]:
    """Whether a cell of bytes has these bytes in it."""
    if connection.dialect.name == "sqlite":
        return func.instr(cell, content) > 0
    return func.position(literal(content, LargeBinary).op("IN")(cell)) > 0
