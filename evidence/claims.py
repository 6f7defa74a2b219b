"""What a pack has to hold.

Job: from the scope that was recorded to claims, and from claims to the records that are shown.

Invariants
  I1  The streams that cases are judged by are complete in every pack: people, keys, policies and
      all else that says who might do what. A pack of everything holds them anyway.
  I2  Records are shown in order of `seq`, each once.
  I3  What a purge let go is told with its leaf hash, never left out.

A case that a purge let go no longer says which account it was of; a pack of an account cannot
name it. One of the case itself, of a period or of all names it.

Not here: the map that ends are proved against (counterseal.audit.stream_map).
Source: design part "evidence pack", completeness.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from operator import attrgetter
from typing import Final

import orjson

from counterseal.audit.purges import is_purged
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.audit.retention import CASE_PREFIX, PURGED, Purge
from counterseal.audit.stream_map import StreamEnd
from counterseal.desk.exports import ExportScope, ScopeKind
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import parse_document
from evidence.model import AbsentClaim, Claim, RangeClaim, RecordsClaim, StreamClaim
from evidence.source import PackSource

GOVERNANCE: Final = (
    *("system", "people", "keys", "policies", "delegations", "mandates", "retention", "log"),
    *("privacy", "evidence"),
)
"""Streams that cases are judged by."""

_REQUESTED: Final = "approval.requested"
_BY_SEQ: Final = attrgetter("seq")


def claims_of(
    source: PackSource,
    scope: ExportScope,
    ends: Mapping[str, StreamEnd],
    size: int,
    chosen: Sequence[int] = (),
) -> tuple[Claim, ...]:
    """The claims of a pack, governance last.

    Args:
        source: The log.
        scope: As the export's record has it.
        ends: Where every stream ended as of the snapshot, by its name.
        size: Records under the checkpoint.
        chosen: Records of a control; of no use for any other scope.

    Raises:
        InputError: `NOT_CANONICAL` for a record that cannot be read.
        IntegrityError: `SEQ_GAP` when one is missing.
    """
    match scope.kind:
        case ScopeKind.ALL:
            return (RangeClaim(first=0, last=size - 1),)
        case ScopeKind.GROWTH:
            own: list[Claim] = [RangeClaim(first=int(scope.value), last=size - 1)]
        case ScopeKind.PERIOD:
            own = [_period(source, scope, size)]
        case ScopeKind.CONTROL:
            own = [RecordsClaim(seqs=tuple(sorted(set(chosen))))]
        case ScopeKind.CASE:
            linked = _linked(source, scope.value)
            own = [_stream(CASE_PREFIX + one, ends, "case") for one in linked]
        case ScopeKind.ACCOUNT:
            cases = _cases_of(source, scope.value, size)
            own = [_stream(stream, ends, "case") for stream in cases if stream in ends]
    return (*own, *(_stream(stream, ends, "governance") for stream in GOVERNANCE))


def _stream(stream: str, ends: Mapping[str, StreamEnd], role: str) -> Claim:
    end = ends.get(stream)
    if end is None:
        return AbsentClaim(stream=stream)
    told = {"stream": stream, "to": end.stream_seq, "head": end.head, "role": role}
    return StreamClaim.model_validate(told)


def _linked(source: PackSource, request_id: str) -> Sequence[str]:
    """A request and those that it is a version of, took the place of, answers or is answered by."""
    found, waiting = [request_id], [request_id]
    while waiting:
        one = waiting.pop()
        named: set[object] = {*source.answered_by(one)}
        for row in source.in_streams((CASE_PREFIX + one,)):
            for request in documents_of(row, "approval_requests"):
                payload = request.get("payload")
                answers = payload.get("answers") if isinstance(payload, Mapping) else None
                named |= {request.get("supersedes"), request.get("superseded_by"), answers}
        fresh = sorted({str(name) for name in named if name is not None} - set(found))
        found += fresh
        waiting += fresh
    return found


def _cases_of(source: PackSource, account: str, size: int) -> Sequence[str]:
    """Streams of the cases whose request names an account, as the records say."""
    mark = b'"account_id":"%b"' % account.encode()
    return [
        row.stream
        for row in source.rows(0, size)
        if row.type == _REQUESTED
        and mark in row.body
        and any(one.get("account_id") == account for one in documents_of(row, "approval_requests"))
    ]


def documents_of(row: StoredRow, kind: str) -> Sequence[Mapping[str, object]]:
    """Documents of a kind that a record carries; none when its bytes are gone."""
    if is_purged(row):
        return ()
    after = load_canonical(row.body).get("after")
    documents = after.get("documents") if isinstance(after, Mapping) else None
    listed = documents.get(kind) if isinstance(documents, Mapping) else None
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else ()


def _period(source: PackSource, scope: ExportScope, size: int) -> RangeClaim:
    """From the last record before a period to the first behind it, as far as there are any.

    A record whose bytes are gone shows no time, so that one further out bounds the period then.
    """
    since, until = (utc_text(at) for at in (scope.since, scope.until) if at is not None)
    first, last = _first_at(source, since, size) - 1, _first_at(source, until, size)
    while first > 0 and is_purged(_at(source, first)):
        first -= 1
    while last < size - 1 and is_purged(_at(source, last)):
        last += 1
    return RangeClaim(first=max(first, 0), last=min(last, size - 1))


def _first_at(source: PackSource, text: str, size: int) -> int:
    """Place of the first record at or after a time; `size` when there is none."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        early = _at(source, middle).recorded_at < text
        low, high = (middle + 1, high) if early else (low, middle)
    return low


def _at(source: PackSource, seq: int) -> StoredRow:
    row = next(source.rows(seq, seq + 1), None)
    if row is None:
        raise IntegrityError("SEQ_GAP", "a record is missing; run `audit verify`", got=seq)
    return row


def shown_rows(source: PackSource, claims: Iterable[Claim], size: int) -> Iterator[StoredRow]:
    """Every record that a pack tells of, in order of `seq`, each once."""
    streams: set[str] = set()
    parts: list[Iterator[StoredRow]] = []
    for claim in claims:
        match claim:
            case RangeClaim():
                parts.append(source.rows(claim.first, min(claim.last + 1, size)))
            case RecordsClaim():
                parts += [source.rows(first, end) for first, end in _runs(claim.seqs)]
            case StreamClaim() | AbsentClaim():
                streams.add(claim.stream)
    if streams:
        parts.append(source.in_streams(streams))
    if len(parts) == 1 and not streams:
        return parts[0]
    return _once(merge(*parts, key=_BY_SEQ), size)


def _once(rows: Iterable[StoredRow], size: int) -> Iterator[StoredRow]:
    last = -1
    for row in rows:
        if last < row.seq < size:
            last = row.seq
            yield row


def _runs(seqs: Collection[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as runs without a gap: first, and behind the last."""
    start = end = -1
    for seq in seqs:
        if seq != end:
            if end > start:
                yield start, end
            start = seq
        end = seq + 1
    if end > start:
        yield start, end


class Purges:
    """Which purge let a record go.

    Args:
        rows: Of the stream of retention.
    """

    def __init__(self, rows: Iterable[StoredRow]) -> None:
        self._ranges: dict[str, list[tuple[int, int, int]]] = {}
        for row in rows:
            for purge in documents_of(row, Purge.KIND) if row.type == PURGED else ():
                for part in parse_document(Purge, orjson.dumps(purge)).ranges:
                    told = (part.first, part.last, row.seq)
                    self._ranges.setdefault(part.stream, []).append(told)

    def by(self, row: StoredRow) -> int | None:
        """Place of the record of the purge that names a row; None when none does."""
        told = self._ranges.get(row.stream, ())
        return next((by for first, last, by in told if first <= row.seq <= last), None)
