"""The controls and what the log has for them.

Job: work out the status of every control from the stored records, and name the records.

Invariants
  I1  The same records and the same instant give the same answer; tables are never asked.
  I2  What speaks against a control is covered neither by what speaks for it nor by a signed word.
  I3  A refused attempt counts as a record like any other: it shows that a control works.
  I4  A signed word counts until its end and for the text over which it was signed; of several the
      newest.

Not here: whether the records hold (audit.verify, signed_log), the catalogue (policy.controls), the
pass over the log (desk.control_records).
Source: governance rules, part 7.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from counterseal.audit.record import StoredRow
from counterseal.desk.control_records import KEPT, Faults, Gathered, Place, gather, records_of
from counterseal.identity.attestations import ControlAttestation, Stating
from counterseal.kernel.clock import UtcDatetime, utc_text
from counterseal.kernel.model import DomainModel
from counterseal.policy.controls import CONTROL_ATTESTED, Catalogue, Control
from counterseal.policy.words import Role

__all__ = ["NOTICE", "ControlStatus", "ControlView", "ControlsView", "controls_at", "records_of"]

NOTICE: Final = "simulated execution; control-design evidence, not a statement of conformity"
"""Stands over everything that is said about controls."""
REFUSED: Final = ("refused", "rejected")
"""Ends of the types that tell of an attempt that was refused."""


class ControlStatus(StrEnum):
    """What the log has for a control."""

    EVIDENCED = "evidenced"
    STALE = "stale"
    EXCEPTION = "exception"
    NO_EVIDENCE = "no_evidence"
    NOT_APPLICABLE = "not_applicable"


class ControlRow(DomainModel):
    """One record of a control, by its place in the log.

    Attributes:
        refusal: Whether it tells of an attempt that was refused.
    """

    seq: int
    type: str
    recorded_at: UtcDatetime
    refusal: bool


class ExceptionRow(DomainModel):
    """A record that speaks against a control.

    Attributes:
        open: Whether nothing has answered it; where nothing can, whether it is younger than
            evidence must be.
    """

    seq: int
    type: str
    recorded_at: UtcDatetime
    open: bool


class PartView(DomainModel):
    """What the log has for one part of a control.

    Attributes:
        newest: None without any record.
        fresh: Whether that one is young enough.
    """

    part: str
    newest: ControlRow | None
    fresh: bool


class ControlView(DomainModel):
    """A control with its status.

    Attributes:
        because: Why it has this status.
        freshness: How old evidence may be; None where age does not matter.
        count: Records for it, refused attempts and signed words among them.
        rows: The newest of these, in order.
        exceptions: The newest that are open and the newest of the others, in order.
        open_exceptions: How many are open.
        word: What a person signed last about it.
        word_counts: Whether it has not ended, and is about this text.
    """

    id: str
    citation: str
    requirement: str
    owner: Role
    freshness: timedelta | None
    status: ControlStatus
    because: str
    parts: tuple[PartView, ...]
    count: int
    rows: tuple[ControlRow, ...]
    exceptions: tuple[ExceptionRow, ...]
    open_exceptions: int
    word: ControlAttestation | None
    word_counts: bool


class ControlsView(DomainModel):
    """The catalogue at an instant (UTC), over the records of the log.

    Attributes:
        size: How many records were looked at.
        newest: Time of the last of them, as it stands there; empty without any.
    """

    notice: str = NOTICE
    as_of: UtcDatetime
    size: int
    newest: str
    controls: tuple[ControlView, ...]

    def control(self, control_id: str) -> ControlView | None:
        """The control of an id, or None."""
        return next((one for one in self.controls if one.id == control_id), None)


def controls_at(catalogue: Catalogue, rows: Iterable[StoredRow], now: datetime) -> ControlsView:
    """Every control with its status at `now` (UTC), in one pass over the stored rows."""
    found = gather(catalogue, rows)
    told = tuple(_view(one, now) for one in found.controls)
    return ControlsView(as_of=now, size=found.size, newest=found.newest, controls=told)


def _view(gathered: Gathered, now: datetime) -> ControlView:
    control = gathered.control
    word = None if gathered.word is None else gathered.word[1]
    counts = word is not None and _counts(word, control, now)
    parts = tuple(_part(gathered, part, counts=counts, now=now) for part in control.parts)
    found = sorted(
        (row for one in gathered.faults for row in _exceptions(one, control.freshness, now)),
        key=lambda row: row.seq,
    )
    against, over = ([row for row in found if row.open is state] for state in (True, False))
    status, because = _status(parts, against, word if counts else None)
    return ControlView(
        id=control.id,
        citation=control.citation,
        requirement=control.requirement,
        owner=control.owner,
        freshness=control.freshness,
        status=status,
        because=because,
        parts=parts,
        count=gathered.count,
        rows=tuple(_row(place) for place in gathered.rows),
        exceptions=tuple(sorted((*against[-KEPT:], *over[-KEPT:]), key=lambda row: row.seq)),
        open_exceptions=len(against),
        word=word,
        word_counts=counts,
    )


def _status(
    parts: tuple[PartView, ...],
    against: Sequence[ExceptionRow],
    word: ControlAttestation | None,
) -> tuple[ControlStatus, str]:
    """The status and why; `against` is open, `word` is one that counts."""
    if against:
        more = f" and {len(against) - 1} before" if len(against) > 1 else ""
        return ControlStatus.EXCEPTION, f"spoken against by record {against[-1].seq}{more}"
    if word is not None and word.states is Stating.NOT_APPLICABLE:
        until = utc_text(word.valid_until)
        return ControlStatus.NOT_APPLICABLE, f"signed by {word.attested_by} until {until}"
    missing = [one.part for one in parts if one.newest is None]
    if missing:
        return ControlStatus.NO_EVIDENCE, f"nothing on record: {'; '.join(missing)}"
    old = [one.part for one in parts if not one.fresh]
    if old:
        return ControlStatus.STALE, f"too old: {'; '.join(old)}"
    return ControlStatus.EVIDENCED, "every part is on record"


def _part(gathered: Gathered, part: str, *, counts: bool, now: datetime) -> PartView:
    """The newest record that is young enough, or else the newest."""
    control = gathered.control
    found: list[tuple[bool, Place]] = []
    for number, query in enumerate(control.evidence):
        if query.part != part:
            continue
        place, oldest = gathered.newest.get(number), control.oldest(query)
        if place is not None:
            found.append((_is_fresh(place.at, oldest, now), place))
        if gathered.word is not None and CONTROL_ATTESTED in query.types:
            said, word = gathered.word
            if word.states is Stating.EVIDENCE:
                found.append((counts and _is_fresh(said.at, oldest, now), said))
    fresh, newest = max(found, default=(False, None))
    return PartView(part=part, newest=None if newest is None else _row(newest), fresh=fresh)


def _counts(word: ControlAttestation, control: Control, now: datetime) -> bool:
    return now < word.valid_until and word.control_digest == control.digest


def _exceptions(
    faults: Faults, freshness: timedelta | None, now: datetime
) -> Iterator[ExceptionRow]:
    ages = not faults.query.cleared_by
    for place, _ in faults.open:
        yield _exception(place, is_open=not ages or _is_fresh(place.at, freshness, now))
    for place in faults.answered:
        yield _exception(place, is_open=False)


def _exception(place: Place, *, is_open: bool) -> ExceptionRow:
    return ExceptionRow(seq=place.seq, type=place.type, recorded_at=place.at, open=is_open)


def _row(place: Place) -> ControlRow:
    refusal = place.type.endswith(REFUSED)
    return ControlRow(seq=place.seq, type=place.type, recorded_at=place.at, refusal=refusal)


def _is_fresh(at: datetime, freshness: timedelta | None, now: datetime) -> bool:
    """Half-open: as old as it may be is too old."""
    return freshness is None or now < at + freshness
