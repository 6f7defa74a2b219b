"""The account of records that are gone.

Job: say of every record whether it is present, purged, held, lost or missing, and by which record.

Invariants
  I1  A body is absent only under a `retention.purged` record behind it that names its place and
      stream, a policy in force and two approvers.
  I2  A record that a hold covered when it was purged is a contradiction.
  I3  A place without a row is missing, unless a declared rollback names it as lost; the walk over
      the rows names it (`SEQ_GAP`), here it is counted.

Not here: whether the bytes that are left lead to the signed root (audit.verify).
Source: design part "privacy, retention, legal hold".
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple

from pydantic import Field

from counterseal.audit.irregular import IrregularCode, Irregularity
from counterseal.audit.merkle import leaf_hash
from counterseal.audit.record import StoredRow
from counterseal.audit.retention import (
    APPROVERS,
    EVERYTHING,
    HELD,
    PURGED,
    RELEASED,
    Hold,
    Purge,
)
from counterseal.kernel.model import DomainModel

ACTIVATED: Final = "policy.activated"
LAW_TYPES: Final = frozenset({ACTIVATED, HELD, RELEASED, PURGED})
"""Types of the records by which purges are judged."""

PURGED_BODY: Final = b""
"""What is stored in the place of a purged body."""

_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FOUND_MAX: Final = 100
_STREAM: Final = attrgetter("stream")


class RecordState(StrEnum):
    """What is left of one stored record; `held` is present, and must stay."""

    PRESENT = "present"
    HELD = "held"
    PURGED = "purged"
    MISSING = "missing"


class RecordReport(DomainModel):
    """How many records are in which state.

    Attributes:
        present: With their bytes; `held` of them are under a hold.
        purged: Without bytes, under a record that says so; their leaf hashes are kept.
        lost: In a declared rollback.
        missing: Not accounted for.
    """

    present: int = Field(default=0, ge=0)
    purged: int = Field(default=0, ge=0)
    held: int = Field(default=0, ge=0)
    lost: int = Field(default=0, ge=0)
    missing: int = Field(default=0, ge=0)
    irregularities: tuple[Irregularity, ...] = ()


class _Told(NamedTuple):
    """A range that a purge named: by which record, and whether a hold covered it then."""

    stream: str
    last: int
    by: int
    held: bool


def is_purged(row: StoredRow) -> bool:
    """Whether a row's body is gone; its leaf is the stored one then, judged by the root alone."""
    return row.body == PURGED_BODY


def kept_leaf(row: StoredRow) -> bytes:
    """The leaf hash that a purged row keeps; that of no bytes when it is none."""
    text = row.leaf_hash if type(row.leaf_hash) is str else ""
    return bytes.fromhex(text) if _HEX.fullmatch(text) else leaf_hash(PURGED_BODY)


class PurgeAccount:
    """The account of records, fed row by row in order of `seq`.

    Args:
        start: First place that is counted; what lies before was counted at another time.
    """

    def __init__(self, start: int = 0) -> None:
        self._absent: list[tuple[int, str]] = []
        self._streams: Counter[str] = Counter()
        self._holds: dict[str, frozenset[str]] = {}
        self._told: dict[int, list[_Told]] = {}
        self._policies: set[str] = set()
        self._next = start
        self._gaps: list[tuple[int, int]] = []
        self._found: list[Irregularity] = []

    def count(self, rows: Sequence[StoredRow]) -> None:
        """Take note of which places rows fill, and which of them have lost their bytes."""
        self._streams.update(map(_STREAM, rows))
        self._absent += [(row.seq, row.stream) for row in rows if not row.body]
        for row in rows if _is_broken(rows, self._next) else ():
            if row.seq > self._next:
                self._gaps.append((self._next, row.seq))
            self._next = max(self._next, row.seq + 1)
        self._next = max(self._next, rows[-1].seq + 1) if rows else self._next

    def count_stretch(self, start: int, counts: Mapping[str, int]) -> None:
        """Take note of records from `start` on without a gap, so many of each stream; all whole."""
        self._streams.update(counts)
        if start > self._next:
            self._gaps.append((self._next, start))
        self._next = max(self._next, start + sum(counts.values()))

    def read(self, seq: int, kind: str, record: Mapping[str, object]) -> None:
        """Take note of a record of one of `LAW_TYPES`, parsed from its bytes."""
        documents = _documents(record)
        for value in _listed(documents, "policy_activations"):
            self._policies.add(str(value.get("bundle_hash")))
        for value in _listed(documents, Hold.KIND):
            streams = value.get("streams")
            covered = frozenset(map(str, streams)) if isinstance(streams, list) else frozenset()
            if kind == HELD:
                self._holds[str(value.get("hold_id"))] = covered
            if kind == RELEASED:
                self._holds.pop(str(value.get("hold_id")), None)
        if kind == PURGED:
            for value in _listed(documents, Purge.KIND):
                self._purged(seq, value)

    def _purged(self, seq: int, value: Mapping[str, object]) -> None:
        people = {a.get("person_id") for a in _listed(value, "approvals")}
        if len(people) < APPROVERS or value.get("policy_digest") not in self._policies:
            self._add(seq, IrregularCode.PURGE_UNACCOUNTED, "not two people, or no known policy")
            return
        for told in _listed(value, "ranges"):
            stream, first, last = told.get("stream"), told.get("first"), told.get("last")
            if isinstance(stream, str) and isinstance(first, int) and isinstance(last, int):
                held = self._is_held(stream)
                self._told.setdefault(first, []).append(
                    _Told(stream, min(last, seq - 1), seq, held)
                )

    def _is_held(self, stream: str) -> bool:
        return any(stream in held or EVERYTHING in held for held in self._holds.values())

    def lets_go(self, seq: int, stream: str) -> bool:
        """Whether a valid purge names a place and stream."""
        return self.purged_by(seq, stream) is not None

    def purged_by(self, seq: int, stream: str) -> int | None:
        """Sequence number of the first valid purge that names a place and stream, or None."""
        found = (
            told.by
            for first, several in self._told.items()
            for told in several
            if first <= seq <= told.last and told.stream == stream
        )
        return min(found, default=None)

    def state_of(self, row: StoredRow) -> RecordState:
        """State of one stored row, once every row was told of."""
        if not is_purged(row):
            return RecordState.HELD if self._is_held(row.stream) else RecordState.PRESENT
        return RecordState.PURGED if self.lets_go(row.seq, row.stream) else RecordState.MISSING

    def report(self, size: int, lost: Iterable[tuple[int, int]] = ()) -> RecordReport:
        """State of every record.

        Args:
            size: How many records there must be.
            lost: Places (first, end) that a declared rollback has given up.
        """
        gaps = [*self._gaps, *([(self._next, size)] if size > self._next else [])]
        gone = sum(end - first for first, end in gaps)
        given_up = sum(_shared(gap, part) for gap in gaps for part in _apart(lost))
        purged = self._settled()
        absent = Counter(stream for _, stream in self._absent)
        counted = self._streams
        held = (n - absent[stream] for stream, n in counted.items() if self._is_held(stream))
        return RecordReport(
            present=counted.total() - absent.total(),
            purged=purged,
            held=sum(held) if self._holds else 0,
            lost=given_up,
            missing=gone - given_up + len(self._absent) - purged,
            irregularities=tuple(self._found),
        )

    def _settled(self) -> int:
        """How many absent bodies are accounted for; ranges are walked once, in order."""
        starts = sorted((first, told) for first, several in self._told.items() for told in several)
        open_ranges: list[_Told] = []
        place = purged = 0
        for seq, stream in self._absent:
            while place < len(starts) and starts[place][0] <= seq:
                open_ranges.append(starts[place][1])
                place += 1
            open_ranges = [told for told in open_ranges if told.last >= seq]
            by = next((told for told in open_ranges if told.stream == stream), None)
            if by is None:
                self._add(seq, IrregularCode.PURGE_UNACCOUNTED, "the body is gone, unaccounted")
                continue
            purged += 1
            if by.held:
                self._add(seq, IrregularCode.PURGED_WHILE_HELD, "purged although a hold covered it")
        return purged

    def _add(self, seq: int, code: IrregularCode, message: str) -> None:
        if len(self._found) < _FOUND_MAX:
            place = max(seq, 0)
            found = Irregularity(seq=place, code=code, layer="retention", message=message)
            self._found.append(found)


def _apart(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same places, each once, ascending."""
    end = 0
    for first, behind in sorted(ranges):
        if behind > max(first, end):
            yield max(first, end), behind
            end = behind


def _shared(one: tuple[int, int], other: tuple[int, int]) -> int:
    """How many places two ranges have in common."""
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _is_broken(rows: Sequence[StoredRow], start: int) -> bool:
    """Whether rows do not simply follow `start`, one after the other."""
    return bool(rows) and (rows[0].seq != start or rows[-1].seq != start + len(rows) - 1)


def _documents(record: Mapping[str, object]) -> Mapping[str, object]:
    after = record.get("after")
    documents = after.get("documents") if isinstance(after, Mapping) else None
    return documents if isinstance(documents, Mapping) else {}


def _listed(value: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    found = value.get(name)
    return [v for v in found if isinstance(v, Mapping)] if isinstance(found, list) else []
