"""Records that somebody looks for.

Job: give the places of the newest records with a hash that begins so, of a case, or by a person.

Invariants
  I1  At most 500 places come back, the newest first; no body is loaded to find them.
  I2  What was found says nothing about whether it holds.

Not here: reading the records (record_ranges), whether they hold (verification).
Source: UI-22, TX-K6.
"""

import re
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, literal, select

from counterseal.kernel.canonical import canonical_bytes
from storage.tables import table

FOUND_MAX: Final = 500
WORDS_MAX: Final = 120
_HASH: Final = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})", re.ASCII)


def find_places(connection: Connection, words: str) -> tuple[int, ...]:
    """Places of the records that `words` mean, the newest first.

    Args:
        connection: Reading.
        words: The beginning of a hash (six digits and more), the id of a case or the name of a
            stream, or the id of who acted; as they stand, at most 120 characters.
    """
    cells, words = table("audit_records").c, words.strip()[:WORDS_MAX]
    begun = _HASH.fullmatch(words)
    ways: list[ColumnElement[bool]] = [cells.stream.in_((words, f"case:{words}"))]
    if begun is not None:
        ways.append(cells.leaf_hash.like(f"{begun[1]}%"))
    ways.append(_by(connection, words))
    for way in ways:
        asked = select(cells.seq).where(way).order_by(cells.seq.desc()).limit(FOUND_MAX)
        found = tuple(int(seq) for seq in connection.execute(asked).scalars())
        if found:
            return found
    return ()


def _by(connection: Connection, person: str) -> ColumnElement[bool]:
    """Whether the bytes name an actor; the fields of an actor stand in the order of their names."""
    body = table("audit_records").c.body
    needle = literal(b'"id":' + canonical_bytes(person) + b',"session":')
    if connection.dialect.name == "sqlite":
        return func.instr(body, needle) > 0
    return func.position(needle.op("IN")(body)) > 0
