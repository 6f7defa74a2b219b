"""A run of rows that holds in itself.

Job: check many rows at once without knowing what came before, so that ranges of a log can be
read by several processes.

Invariants
  I1  A stretch is given exactly when reading row by row (audit.walk) would find nothing inside it.
  I2  What a stretch cannot know, its neighbours' hashes, it states for the walk to compare.

Not here: naming what is wrong (audit.walk), reading files (storage), processes (the caller's).
Source: design part "performance bars": raw rows, `orjson.loads`, tuple comparison.
"""

import re
from collections.abc import Sequence
from operator import gt, itemgetter
from typing import Final, NamedTuple

import orjson

from counterseal.audit.merkle import leaf_hashes
from counterseal.audit.record import RECORD_FIELDS, StoredRow, load_canonical
from counterseal.audit.record_format import RECORD_VERSION
from counterseal.kernel.errors import InputError

STRETCH_MAX: Final = 256
"""Rows that one call should get: enough to be fast, few enough to stay in the processor's cache."""

_NAMES: Final = sorted(RECORD_FIELDS)
_COLUMNS: Final = itemgetter(*StoredRow._fields[:9])
_CANONICAL: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
# What `orjson` wrote without complaint may still hold a float or a key beyond ASCII. A number ends
# before one of three characters, text before a quote; a hit inside a text only asks for the slow
# check. The patterns start with bytes that are searched for at memory speed; `orjson` writes the
# sign of every exponent.
_FRACTION: Final = re.compile(rb"\.[0-9]+[,}\]e]")
_EXPONENT: Final = re.compile(rb"e[+-][0-9]{1,3}[,}\]]")


class Stretch(NamedTuple):
    """Rows `start` to `start + len(leaves)`, none of which contradicts itself or another.

    Attributes:
        prev: Hex leaf hash that the first row names as its predecessor.
        origin: The log that every record names; None when only hashes were compared.
        leaves: Leaf hashes in order.
        opens: For each stream its first `stream_seq` and the predecessor that it names.
        closes: For each stream its last `stream_seq` and hex leaf hash.
        event_ids: In order, repeated ones included.
        times: First and last recorded time; empty texts when only hashes were compared.
        steps_back: Recorded times that lie before the one in front of them.
        error_us_max: Largest stated error of the recorded times, microseconds.
    """

    start: int
    prev: str
    leaves: Sequence[bytes]
    origin: str | None = None
    opens: dict[str, tuple[int, str]] = {}  # noqa: RUF012 - never changed; a stretch is a value
    closes: dict[str, tuple[int, str]] = {}  # noqa: RUF012 - the same
    event_ids: Sequence[str] = ()
    times: tuple[str, str] = ("", "")
    steps_back: int = 0
    error_us_max: int = 0


def stretch_of(rows: Sequence[StoredRow], *, columns: bool = True) -> Stretch | None:
    """Check rows that follow each other.

    Args:
        rows: At least one row, best up to `STRETCH_MAX`.
        columns: Whether bytes are parsed and columns, streams and times checked; without it only
            sequence numbers, leaf hashes and the chain are.

    Returns:
        None when anything is wrong: read the same rows with `audit.walk` to learn what.
    """
    seqs, prevs, *_, stored, bodies = zip(*rows, strict=True)
    if set(map(type, bodies)) != {bytes} or set(map(type, seqs)) != {int}:
        return None
    leaves = leaf_hashes(bodies)
    hexes = tuple(leaf.hex() for leaf in leaves)
    start = seqs[0]
    following = seqs == tuple(range(start, start + len(seqs))) and prevs[1:] == hexes[:-1]
    if stored != hexes or not following:
        return None
    bare = Stretch(start, prevs[0], leaves)
    return _with_content(bare, rows, hexes) if columns else bare


def _with_content(bare: Stretch, rows: Sequence[StoredRow], hexes: Sequence[str]) -> Stretch | None:
    told = _origin_and_error(rows)
    streams = None if told is None else _streams(rows, hexes)
    times = [row[8] for row in rows]
    texts = {type(row[5]) for row in rows} | set(map(type, times))
    if told is None or streams is None or texts != {str}:
        return None
    return bare._replace(
        origin=told[0],
        opens=streams[0],
        closes=streams[1],
        event_ids=[row[5] for row in rows],
        times=(times[0], times[-1]),
        steps_back=sum(map(gt, times, times[1:])),
        error_us_max=told[1],
    )


def _origin_and_error(rows: Sequence[StoredRow]) -> tuple[str, int] | None:
    """The origin of all records and the largest clock error, when bytes and columns agree."""
    loads, dumps, canonical, names = orjson.loads, orjson.dumps, _CANONICAL, _NAMES
    columns, odd_number = _COLUMNS, _odd_number
    origins: set[object] = set()
    errors: list[int] = []
    for row in rows:
        body = row[10]
        try:
            value = loads(body)
            if dumps(value, None, canonical) != body or [*value] != names:
                return None
            cells = columns(value)
            version = value["v"]
            origins.add(value["origin"])
            errors.append(value["clock"]["max_error_us"])
        except (orjson.JSONDecodeError, orjson.JSONEncodeError, TypeError, KeyError):
            return None
        whole = type(cells[0]) is type(cells[3]) is type(version) is int
        if cells != row[:9] or version != RECORD_VERSION or not whole:
            return None
        if (not body.isascii() or odd_number(body)) and not _canonical(body):
            return None
    origin = origins.pop()
    if origins or not isinstance(origin, str) or set(map(type, errors)) != {int}:
        return None
    return (origin, max(errors)) if min(errors) >= 0 else None


def _odd_number(body: bytes) -> bool:
    """Whether something looks like a float."""
    signed = b"e-" in body or b"e+" in body
    return bool(_FRACTION.search(body) or (signed and _EXPONENT.search(body)))


def _canonical(body: bytes) -> bool:
    try:
        load_canonical(body)
    except InputError:
        return False
    return True


def _streams(
    rows: Sequence[StoredRow], hexes: Sequence[str]
) -> tuple[dict[str, tuple[int, str]], dict[str, tuple[int, str]]] | None:
    """Where each stream starts and ends; None when one does not follow itself."""
    opens: dict[str, tuple[int, str]] = {}
    closes: dict[str, tuple[int, str]] = {}
    for row, leaf in zip(rows, hexes, strict=True):
        stream, place, named = row[2:5]
        end = closes.get(stream)
        if end is None:
            opens[stream] = (place, named)
        elif end != (place - 1, named):
            return None
        closes[stream] = (place, leaf)
    return opens, closes
