"""Records of the log as people read them.

Job: turn stored rows into entries with who, what, about what, when and why.

Invariants
  I1  A row that cannot be read is listed as unreadable, never left out.

Not here: whether the records hold (desk.views.integrity), the runs that they tell of
(desk.views.workflow).
Source: features TX-G11, TX-K1.
"""

from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

from counterseal.audit.record import StoredRow, load_canonical
from counterseal.desk.views.marks import (
    EVENTS_LIMIT,
    EVENTS_LIMIT_MAX,
    PaperView,
    checked_limit,
    unsafe_flags,
)
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import CountersealError
from counterseal.kernel.model import Detail, DomainModel, details
from counterseal.oms.model import RunId

ACTION_PREFIX: Final = "paper_execution."
WORKFLOW_ACTIONS: Final = (
    "approval_request_verified",
    "intent_created",
    "risk_evaluated",
    "rejected_by_risk_engine",
    "broker_simulation_model_evaluated",
    "paper_broker_simulated",
    "oms_lifecycle_recorded",
    "timeout_marked",
)
"""What the log says of a run, each behind the prefix."""

UNREADABLE: Final = "unreadable"


class AuditEntry(DomainModel):
    """One record of the log as people read it.

    Attributes:
        seq, audit_id: Place and id; None for an event that is not stored.
        action: `unreadable` when the stored bytes are no record.
        resource: `<type>:<id>` of what the record is about.
        previous_hash, event_hash: As stored; whether they hold is told by the integrity views.
    """

    seq: int | None = None
    audit_id: str | None = None
    actor: str = ""
    action: str
    resource: str = ""
    timestamp: UtcDatetime | None = None
    reason_code: str = ""
    reason_text: str = ""
    facts: tuple[Detail, ...] = ()
    previous_hash: str | None = None
    event_hash: str | None = None
    paper_only: bool


def audit_entry(row: StoredRow) -> AuditEntry:
    """A stored row as people read it."""
    seq = row.seq if type(row.seq) is int else None
    unreadable = AuditEntry(seq=seq, action=UNREADABLE, paper_only=False)
    try:
        value = load_canonical(row.body)
        after = value["after"] or {}
        actor, subject, reason = (_object(value[name]) for name in ("actor", "subject", "reason"))
        facts = _object(_object(after).get("facts", {}))
        return AuditEntry.model_validate(
            {
                "seq": seq,
                "audit_id": value["event_id"],
                "actor": actor["id"],
                "action": value["action"],
                "resource": f"{subject['type']}:{subject['id']}",
                "timestamp": value["occurred_at"],
                "reason_code": reason["code"],
                "reason_text": reason["text"],
                "facts": details(**facts),
                "previous_hash": row.prev,
                "event_hash": row.leaf_hash,
                "paper_only": not unsafe_flags(after),
            }
        )
    except (CountersealError, ValidationError, KeyError, TypeError):
        return unreadable


def _object(value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    raise TypeError("a record holds an object here")


class AuditEventsView(PaperView):
    """Records of the log, in its order; `total` counts all that were asked about."""

    workflow_run_id: RunId | None = None
    limit: int
    total: int
    events: tuple[AuditEntry, ...]


def audit_events(rows: Iterable[StoredRow], limit: int = EVENTS_LIMIT) -> AuditEventsView:
    """The newest records of the whole log, 1 to 500, in the order of the log.

    Raises:
        InputError: `LIMIT_OUT_OF_RANGE`.
    """
    checked_limit(limit, EVENTS_LIMIT_MAX)
    found = tuple(rows)
    entries = tuple(audit_entry(row) for row in found[-limit:])
    return AuditEventsView(limit=limit, total=len(found), events=entries)
