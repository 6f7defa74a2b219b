"""How long records stay, what a hold keeps, and what a purge leaves behind.

Job: place and release holds, and decide a purge of cases whose time is over.

Invariants
  I1  A case goes as a whole, after its last record has been kept as long as every kind in it.
  I2  What a hold covers stays; a kind without a schedule stays.
  I3  A purge is approved by two different people over one digest of what goes.
  I4  An older version of a case stays while a newer one has to stay.
  I5  A purge that is approved goes only if a new plan would still name all of it.

Not here: accounting for what is gone (audit.purges), emptying bodies (storage), who may ask (desk).
Source: design part "privacy, retention, legal hold"; policies/retention.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import (
    Document,
    DomainModel,
    Name,
    Refusal,
    Sha256,
    Signature,
    Text,
    refuse,
)

HELD: Final = "hold.placed"
RELEASED: Final = "hold.released"
PLANNED: Final = "retention.planned"
APPROVED: Final = "retention.approved"
PURGED: Final = "retention.purged"
STREAM: Final = "retention"
"""The system stream of holds and purges; never purged itself."""

EVERYTHING: Final = "*"
"""In the place of a stream: the whole log."""

CASE_PREFIX: Final = "case:"
APPROVERS: Final = 2
RANGES_MAX: Final = 400
KIND_OF_TYPE: Final[Mapping[str, str]] = {
    "approval": "approvals",
    "review": "approvals",
    "revocation": "approvals",
    "command": "approvals",
    "order": "orders",
    "risk": "orders",
    "broker": "orders",
    "session": "sessions",
}
"""Kind of record in the retention schedule, by the first word of the record's type."""

Schedule = Callable[[str], int | None]
"""Years to keep a kind of record; None = without end."""

Versions = Mapping[str, str]
"""Stream of the version before, by the stream of the one that took its place."""


class Hold(Document):
    """An order to keep records, whatever their schedule says.

    Attributes:
        streams: Streams that it covers, with what will be added to them; `*` for the whole log.
        released_at: When it ended; None while it counts.
    """

    KIND: ClassVar[str] = "holds"
    KEY: ClassVar[str] = "hold_id"

    hold_id: Name
    streams: tuple[Name, ...] = Field(min_length=1, max_length=RANGES_MAX)
    matter: Text
    placed_by: Name
    placed_at: UtcDatetime
    released_by: Name | None = None
    released_at: UtcDatetime | None = None

    @property
    def active(self) -> bool:
        """Whether it counts."""
        return self.released_at is None

    def covers(self, stream: str) -> bool:
        """Whether an active hold keeps this stream."""
        return self.active and (stream in self.streams or EVERYTHING in self.streams)


class PurgedRange(DomainModel):
    """Records of one stream that follow each other in the log, both ends included."""

    stream: Name
    first: int = Field(ge=0)
    last: int = Field(ge=0)


class PurgeStatus(StrEnum):
    """How far a purge is."""

    PLANNED = "planned"
    PURGED = "purged"


class PurgeApproval(DomainModel):
    """One person's signed consent to a plan."""

    person_id: Name
    signature: Signature
    approved_at: UtcDatetime


class Purge(Document):
    """What is to go, under which policy, and who agreed.

    Attributes:
        policy_digest: Hash of the policy bundle whose schedule was applied.
        plan_digest: Digest over ranges, policy and id: what the approvers sign.
    """

    KIND: ClassVar[str] = "purges"
    KEY: ClassVar[str] = "purge_id"

    purge_id: Name
    ranges: tuple[PurgedRange, ...] = Field(min_length=1, max_length=RANGES_MAX)
    policy_digest: Sha256
    plan_digest: Sha256
    planned_by: Name
    planned_at: UtcDatetime
    status: PurgeStatus = PurgeStatus.PLANNED
    approvals: tuple[PurgeApproval, ...] = Field(default=(), max_length=APPROVERS)

    @property
    def streams(self) -> frozenset[str]:
        """The streams that go."""
        return frozenset(r.stream for r in self.ranges)


class CaseState(StrEnum):
    """Whether a case may go, and why not; `needed` by a newer version of it that stays."""

    DUE = "due"
    HELD = "held"
    NEEDED = "needed"
    NOT_YET = "not_yet"
    WITHOUT_END = "without_end"


class CaseOutlook(DomainModel):
    """What the schedule says of one case that is still there.

    Attributes:
        records: How many of it are present.
        first: Sequence number of its first one.
        rule: Kind of record that decides: the one kept longest, or one without a schedule.
        years: What the rule asks for; None without a schedule.
        until: First instant at which the case need not be kept (UTC); None without a schedule.
        holds: Active holds that cover it.
    """

    stream: str
    state: CaseState
    records: int = Field(ge=1)
    first: int = Field(ge=0)
    rule: str
    years: int | None = None
    until: UtcDatetime | None = None
    holds: tuple[Name, ...] = ()


class LoggedRow(NamedTuple):
    """What retention needs of a row.

    Attributes:
        recorded_at: UTC text of the log.
        present: False when the body is purged already.
    """

    seq: int
    stream: str
    type: str
    recorded_at: datetime
    present: bool


def decide_hold(
    hold_id: str, streams: Sequence[str], matter: str, *, placed_by: str, now: datetime
) -> Hold:
    """Keep these streams until the hold is released."""
    return Hold(
        hold_id=hold_id,
        streams=tuple(sorted(set(streams))),
        matter=matter,
        placed_by=placed_by,
        placed_at=now,
    )


def decide_release(hold: Hold, *, released_by: str, now: datetime) -> Hold | Refusal:
    """End a hold; refusal `HOLD_RELEASED` when it has ended."""
    if not hold.active:
        return refuse("HOLD_RELEASED", "the hold has ended", hold=hold.hold_id)
    return hold.amended(released_by=released_by, released_at=now)


def kept_until(recorded_at: datetime, years: int) -> datetime:
    """First instant at which a record need not be kept; 29 February counts as 1 March."""
    try:
        return recorded_at.replace(year=recorded_at.year + years)
    except ValueError:
        return recorded_at.replace(year=recorded_at.year + years, month=3, day=1)


def due_ranges(
    rows: Iterable[LoggedRow],
    schedule: Schedule,
    holds: Iterable[Hold],
    now: datetime,
    versions: Versions = MappingProxyType({}),
) -> tuple[PurgedRange, ...]:
    """What may go now: whole cases, past schedule and unheld, oldest first; at most 400 ranges.

    Args:
        rows: All rows in order of `seq`.
        schedule: Years by kind of record.
        holds: All holds.
        now: Decision time (UTC); a case goes at the instant its time is over, not before.
        versions: Of cases that were amended; an older version stays while a newer one does.
    """
    cases = _cases(rows)
    found: list[PurgedRange] = []
    for one in _outlooks(cases, schedule, tuple(holds), now, versions):
        if one.state is not CaseState.DUE:
            continue
        ranges = _ranges(one.stream, cases[one.stream])
        if len(found) + len(ranges) > RANGES_MAX:
            break
        found += ranges
    return tuple(sorted(found, key=lambda r: r.first))


def outlook(
    rows: Iterable[LoggedRow],
    schedule: Schedule,
    holds: Iterable[Hold],
    now: datetime,
    versions: Versions = MappingProxyType({}),
) -> tuple[CaseOutlook, ...]:
    """Of every case whether it may go now, by which rule, and what keeps it; oldest first.

    Arguments as for `due_ranges`, which lets go what is due here.
    """
    return _outlooks(_cases(rows), schedule, tuple(holds), now, versions)


def _outlooks(
    cases: Mapping[str, Sequence[LoggedRow]],
    schedule: Schedule,
    holds: Sequence[Hold],
    now: datetime,
    versions: Versions,
) -> tuple[CaseOutlook, ...]:
    alone = [_outlook(name, cases[name], schedule, holds, now) for name in cases]
    needed: set[str] = set()
    for one in alone:
        older = versions.get(one.stream) if one.state is not CaseState.DUE else None
        while older is not None and older not in needed:
            needed.add(older)
            older = versions.get(older)
    return tuple(
        one.amended(state=CaseState.NEEDED)
        if one.state is CaseState.DUE and one.stream in needed
        else one
        for one in alone
    )


def _cases(rows: Iterable[LoggedRow]) -> dict[str, list[LoggedRow]]:
    """Records of each case that are still there, cases in the order of their first one."""
    cases: dict[str, list[LoggedRow]] = {}
    for row in rows:
        if row.stream.startswith(CASE_PREFIX) and row.present:
            cases.setdefault(row.stream, []).append(row)
    return cases


def _outlook(
    stream: str,
    records: Sequence[LoggedRow],
    schedule: Schedule,
    holds: Sequence[Hold],
    now: datetime,
) -> CaseOutlook:
    rule, years = _rule(records, schedule)
    newest = max(row.recorded_at for row in records)
    until = None if years is None else kept_until(newest, years)
    covering = tuple(hold.hold_id for hold in holds if hold.covers(stream))
    if covering:
        state = CaseState.HELD
    elif until is None:
        state = CaseState.WITHOUT_END
    else:
        state = CaseState.DUE if until <= now else CaseState.NOT_YET
    return CaseOutlook(
        stream=stream,
        state=state,
        records=len(records),
        first=records[0].seq,
        rule=rule,
        years=years,
        until=until,
        holds=covering,
    )


def _rule(records: Sequence[LoggedRow], schedule: Schedule) -> tuple[str, int | None]:
    """The kind that keeps a case longest; a kind without a schedule keeps it without end."""
    words = sorted({row.type.partition(".")[0] for row in records})
    told = [
        (
            KIND_OF_TYPE.get(word, word),
            schedule(KIND_OF_TYPE[word]) if word in KIND_OF_TYPE else None,
        )
        for word in words
    ]
    endless = next((kind for kind, years in told if years is None), None)
    return (endless, None) if endless is not None else max(told, key=lambda one: one[1] or 0)


def _ranges(stream: str, records: Sequence[LoggedRow]) -> list[PurgedRange]:
    seqs = [row.seq for row in records]
    starts = [seqs[0], *(b for a, b in pairwise(seqs) if b != a + 1)]
    ends = [*(a for a, b in pairwise(seqs) if b != a + 1), seqs[-1]]
    return [PurgedRange(stream=stream, first=a, last=b) for a, b in zip(starts, ends, strict=True)]


def decide_approval(
    purge: Purge, approval: PurgeApproval, due: Sequence[PurgedRange]
) -> Purge | Refusal:
    """One more consent; the second one, by another person, lets the records go.

    Args:
        purge: The plan so far.
        approval: A consent whose signature over `plan_digest` holds.
        due: What a plan made now would name.

    Refusals: `PURGE_DONE`, `TWO_PEOPLE_NEEDED` for the same person again, `NOT_DUE` when a hold or
    a policy has come between.
    """
    if purge.status is PurgeStatus.PURGED:
        return refuse("PURGE_DONE", "the purge is done", purge=purge.purge_id)
    if any(given.person_id == approval.person_id for given in purge.approvals):
        return refuse("TWO_PEOPLE_NEEDED", "another person agrees", person=approval.person_id)
    lost = sorted(set(_spans(purge.ranges)) - set(_spans(due)))
    if lost:
        return refuse("NOT_DUE", "some of it has to stay", first=lost[0][1], ranges=len(lost))
    approvals = (*purge.approvals, approval)
    done = len(approvals) >= APPROVERS
    return purge.amended(
        approvals=approvals, status=PurgeStatus.PURGED if done else PurgeStatus.PLANNED
    )


def _spans(ranges: Iterable[PurgedRange]) -> list[tuple[str, int, int]]:
    return [(r.stream, r.first, r.last) for r in ranges]
