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
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from operator import gt, itemgetter
from typing import Final, NamedTuple

import orjson

from counterseal.audit.merkle import leaf_hashes
from counterseal.audit.record import RECORD_FIELDS, StoredRow, load_canonical
from counterseal.audit.record_format import RECORD_VERSION
from counterseal.kernel.errors import InputError

STRETCH_MAX: Final = 256
"""Rows that one call should get: enough to be fast, few enough to stay in the processor's cache."""

_CANONICAL: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_COLUMNS: Final = StoredRow._fields[:9]
# `orjson` keeps keys that it has met: the very same objects compare faster than equal ones.
_NAMES: Final = [*orjson.loads(orjson.dumps(dict.fromkeys(RECORD_FIELDS), None, _CANONICAL))]
_CELLS: Final = itemgetter(
    *(_NAMES[_NAMES.index(name)] for name in (*_COLUMNS, "v", "origin", "clock", "pii"))
)
# What `orjson` wrote without complaint may still hold a float or a key beyond ASCII. A number ends
# before one of three characters, text before a quote; a hit inside a text only asks for the slow
# check. Each pattern starts with one byte, which is searched for fast. `orjson` writes a fraction
# unless there is one digit before the exponent, and every exponent's sign.
_FRACTION: Final = re.compile(rb"\.[0-9]++[,}\]e]")
_SMALL: Final = re.compile(rb"-(?<=[0-9]e-)[0-9]{1,3}+[,}\]]")
_LARGE: Final = re.compile(rb"\+(?<=[0-9]e\+)[0-9]{1,3}+[,}\]]")


_Cells = Sequence[Sequence[object]]


class Stretch(NamedTuple):
    """Rows `start` to `start + len(leaves)`, none of which contradicts itself or another.

    Attributes:
        prev: Hex leaf hash that the first row names as its predecessor.
        origin: The log that every record names; None when only hashes were compared.
        leaves: Leaf hashes in order.
        opens: For each stream its first `stream_seq` and the predecessor that it names.
        closes: For each stream its last `stream_seq` and hex leaf hash.
        event_ids: In order, repeated ones included.
        times: First, last, earliest and latest recorded time; empty texts when only hashes were
            compared.
        steps_back: Recorded times that lie before the one in front of them.
        error_us_max: Largest stated error of the recorded times, microseconds.
        counts: Records of each stream.
        told: Rows of the types and with the marks that were asked for, and those with commitments:
            none of the last two when only hashes were compared.
    """

    start: int
    prev: str
    leaves: Sequence[bytes]
    origin: str | None = None
    opens: dict[str, tuple[int, str]] = {}  # noqa: RUF012 - never changed; a stretch is a value
    closes: dict[str, tuple[int, str]] = {}  # noqa: RUF012 - the same
    event_ids: Sequence[str] = ()
    times: tuple[str, str, str, str] = ("", "", "", "")
    steps_back: int = 0
    error_us_max: int = 0
    counts: Mapping[str, int] = {}
    told: Sequence[StoredRow] = ()


def stretch_of(
    rows: Sequence[StoredRow],
    *,
    columns: bool = True,
    told: Collection[str] = (),
    marks: Sequence[bytes] = (),
) -> Stretch | None:
    """Check rows that follow each other.

    Args:
        rows: At least one row, best up to `STRETCH_MAX`.
        columns: Whether bytes are parsed and columns, streams and times checked; without it only
            sequence numbers, leaf hashes and the chain are.
        told: Types of records whose rows are wanted, beside those with commitments.
        marks: Rows are wanted as well when one of these stands in the body.

    Returns:
        None when anything is wrong: read the same rows with `audit.walk` to learn what.
    """
    cells = tuple(zip(*rows, strict=True))
    seqs, prevs, streams, *_, stored, bodies = cells
    if set(map(type, bodies)) != {bytes} or set(map(type, seqs)) != {int}:
        return None
    leaves = leaf_hashes(bodies)
    hexes = tuple(map(bytes.hex, leaves))
    start = seqs[0]
    following = seqs == tuple(range(start, start + len(seqs))) and prevs[1:] == hexes[:-1]
    if stored != hexes or not following:
        return None
    bare = Stretch(start, prevs[0], leaves, counts=dict(Counter(streams)))
    if not columns:
        return bare._replace(told=[row for row in rows if row.type in told])
    return _with_content(bare, rows, cells, told, marks)


def _with_content(
    bare: Stretch,
    rows: Sequence[StoredRow],
    cells: _Cells,
    told: Collection[str],
    marks: Sequence[bytes],
) -> Stretch | None:
    event_ids, times = [row.event_id for row in rows], [row.recorded_at for row in rows]
    read = _agreeing(_contents([row.body for row in rows]), cells[:9])
    streams = None if read is None else _streams(rows)
    if read is None or streams is None:
        return None
    origin, error_us_max, commitments = read
    return bare._replace(
        origin=origin,
        opens=streams[0],
        closes=streams[1],
        event_ids=event_ids,
        times=(times[0], times[-1], min(times), max(times)),
        steps_back=sum(map(gt, times, times[1:])),
        error_us_max=error_us_max,
        told=[
            row
            for row, made in zip(rows, commitments, strict=True)
            if made or row.type in told or any(mark in row.body for mark in marks)
        ],
    )


def _agreeing(
    contents: Sequence[tuple[object, ...]] | None, stored: _Cells
) -> tuple[str, int, Sequence[object]] | None:
    """Origin, largest clock error and commitments, when bytes and columns agree."""
    if contents is None:
        return None
    *columns, versions, origins, clocks, commitments = zip(*contents, strict=True)
    whole = {*map(type, (*columns[0], *columns[3], *stored[3], *versions))} == {int}
    texts = {*map(type, chain(columns[2], *columns[5:]))} == {str}
    known = whole and texts and set(versions) == {RECORD_VERSION}
    if tuple(columns) != stored or not known:
        return None
    try:
        errors = [clock["max_error_us"] for clock in clocks]
    except (TypeError, KeyError):
        return None
    origin = origins[0]
    same = type(origin) is str and origins.count(origin) == len(origins)
    if not same or set(map(type, errors)) != {int} or min(errors) < 0:
        return None
    return origin, max(errors), commitments


def _contents(bodies: Sequence[bytes]) -> list[tuple[object, ...]] | None:
    """Columns, version, origin, clock and commitments of each; None unless all are canonical."""
    loads, dumps, canonical, names, cells = orjson.loads, orjson.dumps, _CANONICAL, _NAMES, _CELLS
    told: list[tuple[object, ...]] = []
    for body in bodies:
        try:
            value = loads(body)
            if dumps(value, None, canonical) != body or [*value] != names:
                return None
            told.append(cells(value))
        except (orjson.JSONDecodeError, orjson.JSONEncodeError, TypeError):
            return None
    text = b",".join(bodies)
    return told if not _is_odd(text) or all(map(_canonical, filter(_is_odd, bodies))) else None


def _is_odd(text: bytes) -> bool:
    """Whether something looks like a float, or lies beyond ASCII."""
    number = _FRACTION.search(text) or _SMALL.search(text) or (b"+" in text and _LARGE.search(text))
    return bool(number) or not text.isascii()


def _canonical(body: bytes) -> bool:
    try:
        load_canonical(body)
    except InputError:
        return False
    return True


def _streams(
    rows: Sequence[StoredRow],
) -> tuple[dict[str, tuple[int, str]], dict[str, tuple[int, str]]] | None:
    """Where each stream starts and ends; None when one does not follow itself."""
    opens: dict[str, tuple[int, str]] = {}
    closes: dict[str, tuple[int, str]] = {}
    for _, _, stream, place, named, _, _, _, _, leaf, _ in rows:
        end = closes.get(stream)
        if end is None:
            opens[stream] = (place, named)
        elif end != (place - 1, named):
            return None
        closes[stream] = (place, leaf)
    return opens, closes
