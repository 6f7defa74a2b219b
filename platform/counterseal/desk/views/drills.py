"""Who has shown lately that they can sign.

Job: tell of each reviewer the newest signature, and the drill that is due when it is old.

Invariants
  I1  A decision counts like a drill: who reviews needs none.
  I2  A refused command is no signature.

Not here: the drill itself (desk.drills), calling people to it (views.duties).
Source: governance part 1 (policy versions, liveness).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from counterseal.approvals.model import ApprovalDecision
from counterseal.desk.commands import CommandRecord
from counterseal.desk.drills import COMMAND
from counterseal.desk.people import active_keys
from counterseal.desk.ports import Reader, Wanted, newest_of
from counterseal.desk.views.marks import PaperView
from counterseal.identity.drills import DrillDue, drill_due
from counterseal.identity.people import Person
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.bundle import PolicyBundle


class DrillRow(DomainModel):
    """One reviewer.

    Attributes:
        last_signed_at: The newest decision or drill; None = never, with any key that still counts.
        since: From when the next drill is counted: the newest signature, or else the first key.
        due: The drill that is due now; None while the newest signature is young.
        schemes: Of the keys that count.
    """

    person_id: Name
    last_signed_at: UtcDatetime | None
    since: UtcDatetime
    due: DrillDue | None
    schemes: tuple[SignatureScheme, ...]


class DrillsView(PaperView):
    """Every active reviewer with a key, by id; how often a drill is due, in days."""

    at: UtcDatetime
    every_days: int
    rows: tuple[DrillRow, ...]


def signing_drills(reader: Reader, bundle: PolicyBundle, now: datetime) -> DrillsView:
    """Everybody who may be asked to sign a review."""
    people = reader.find(Person)
    rows = (row for person in people for row in drills_of(reader, bundle, person, now))
    return DrillsView(at=now, every_days=bundle.access.signing_drill_days, rows=tuple(rows))


def drills_of(
    reader: Reader, bundle: PolicyBundle, person: Person, now: datetime
) -> Iterator[DrillRow]:
    """The row of one person; none of who is no reviewer, or has no key."""
    if not person.active or not person.held_roles() & bundle.approval.reviewer_roles():
        return
    keys = active_keys(reader, person.person_id)
    if not keys:
        return
    named = tuple(key.key_id for key in keys)
    asked: dict[str, Wanted] = {"reviewer_id": person.person_id, "key_id": named}
    decided = newest_of(reader, ApprovalDecision, "decided_at", 1, **asked)
    drilled = reader.find(CommandRecord, name=COMMAND, actor_id=person.person_id)
    signed = [d.decided_at for d in decided]
    signed += [d.decided_at for d in drilled if d.refusal is None]
    last = max(signed, default=None)
    since = last or min(key.effective_at for key in keys)
    every = timedelta(days=bundle.access.signing_drill_days)
    due = drill_due(since, every, now)
    yield DrillRow(
        person_id=person.person_id,
        last_signed_at=last,
        since=since,
        due=due,
        schemes=tuple(s for s in SignatureScheme if s in {key.scheme for key in keys}),
    )
