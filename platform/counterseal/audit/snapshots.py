"""Snapshots of the map of streams, held against the log.

Job: say what a snapshot's record holds, and name every one that is not what the records say.

A false snapshot can hide the end of a case from who is shown only a part of the log. Signed and
sealed, it stays a contradiction that anybody finds who reads the whole log.

Invariants
  I1  A snapshot that cannot be read, or speaks of records behind itself, is false.
  I2  A true snapshot stays true while the log grows and when bodies are purged.

Not here: the map (audit.stream_map), taking snapshots (desk.snapshots), the pass that finds
columns and bytes to agree (audit.walk): it comes before.
Source: design part "evidence pack", completeness 5.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from counterseal.audit.findings import Findings
from counterseal.audit.judging import with_contradictions
from counterseal.audit.purges import is_purged
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.audit.stream_map import StreamEnd, StreamMap
from counterseal.audit.verdict import Finding, MapReport, Verdict
from counterseal.kernel.errors import InputError, IntegrityError

STREAM: Final = "evidence"
TAKEN: Final = "streams.snapshot"

EndsAt = Callable[[int], Iterable[StreamEnd]]
"""The end of every stream within so many first records; `COLUMN_MISMATCH` where there is none."""

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class Snapshot(NamedTuple):
    """What a snapshot states.

    Attributes:
        covers: Of how many records the map is: those with a lower `seq`.
        streams: Streams in the map.
        root: Hex root of the map.
    """

    covers: int
    streams: int
    root: str


def snapshot_of(streams: StreamMap, covers: int) -> Snapshot:
    """The snapshot of a map over the first `covers` records."""
    return Snapshot(covers, streams.size, streams.root.hex())


def read_snapshot(row: StoredRow) -> Snapshot | None:
    """What a record states; None when it states nothing that can be read."""
    try:
        after = _object(load_canonical(row.body).get("after"))
    except InputError:
        return None
    facts = _object(after.get("facts"))
    covers, streams, root = (facts.get(name) for name in Snapshot._fields)
    if not (_is_number(covers) and _is_number(streams) and isinstance(root, str)):
        return None
    return Snapshot(int(str(covers)), int(str(streams)), root)


def with_maps(
    verdict: Verdict, rows: Iterable[StoredRow], ends_at: EndsAt, *, deep: bool
) -> Verdict:
    """A verdict with what came of the snapshots in the same log.

    A log that contradicts itself is left as it is: where its streams end follows from nothing.

    Args:
        verdict: Of a verification that compared the columns.
        rows: Records in order of `seq`: those of the stream of snapshots, or all of their type.
        ends_at: Of the same log.
        deep: Whether every snapshot is checked; else the newest one.
    """
    if verdict.findings_count:
        return verdict
    taken = [row for row in rows if row.type == TAKEN and not is_purged(row)]
    checked = taken if deep else taken[-1:]
    findings = Findings()
    for row in checked:
        problem = _problem(row, ends_at)
        if problem:
            findings.add(row.seq, Finding.MAP_MISMATCH, "snapshot", problem)
    report = MapReport(taken=len(taken), checked=len(checked))
    return with_contradictions(verdict, findings).amended(maps=report)


def _problem(row: StoredRow, ends_at: EndsAt) -> str:
    """What is wrong with a snapshot, in words; empty when it is true."""
    stated = read_snapshot(row)
    if stated is None:
        return "it states no map"
    if stated.covers > row.seq:
        return "it speaks of records behind itself"
    try:
        true = snapshot_of(StreamMap(ends_at(stated.covers)), stated.covers)
    except (InputError, IntegrityError) as error:
        return error.message
    return "" if stated == true else f"the {true.streams} streams do not end where it states"


def _is_number(value: object) -> bool:
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
