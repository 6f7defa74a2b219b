"""Evidence documents made of a home.

Job: find what a document is about and put it together from documents and records.

Invariants
  I1  What is not there is refused by `EVIDENCE_MISSING`; nothing is filled in.
  I2  A document with a flag that is not safe is refused with the path of the flag, except a
      verification, which must tell also what is broken.
  I3  Nothing is written: only readers and rows are taken.

Not here: the documents (views.evidence_documents), their flags (views.evidence_flags).
Source: TX-M1 to TX-M4.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.audit.record import StoredRow
from counterseal.broker.model import Fill, SimulationResult
from counterseal.broker.models import MODELS
from counterseal.desk.approvals import case_stream
from counterseal.desk.ports import Reader, newest_of
from counterseal.desk.views.evidence_documents import (
    AuditIntegrityEvidence,
    BrokerSimulationEvidence,
    PaperDemoEvidence,
    RiskGuardrailEvidence,
    SimulationInput,
)
from counterseal.desk.views.evidence_flags import Handed, Surroundings, safety_flags, when_safe
from counterseal.desk.views.integrity import IntegrityPanel, IntegrityView
from counterseal.desk.views.records import UNREADABLE, AuditEntry
from counterseal.desk.views.simulation import SimulationForm
from counterseal.desk.views.workflow import entries_of
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.model import Refusal, refuse
from counterseal.oms.ingest import IngestedReport
from counterseal.oms.model import ExecutionReport, Order, OrderEvent, OutboxEntry
from counterseal.policy.execution import FillRule
from counterseal.policy.limits import RiskLimits
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import PaperOrderIntent

LATEST: Final = None
"""For `order_named`: the order that was made last."""

RowsOf = Callable[[str], Iterable[StoredRow]]
"""Stored records of a stream, in the order of the log."""


def order_named(reader: Reader, name: str | None) -> Order | Refusal:
    """The newest order of a request (by id or reference), or the order of this id or run.

    Args:
        reader: One moment of the store.
        name: `LATEST` for the newest order of all.
    """
    if name is None:
        newest = newest_of(reader, Order, "created_at", 1)
        return newest[0] if newest else _missing("no order was ever made here")
    named = reader.find(ApprovalRequest, request_reference=name)
    ids = (name, *(one.approval_request_id for one in named))
    found = [
        *(order for one in ids for order in reader.find(Order, approval_request_id=one)),
        *reader.find(Order, workflow_run_id=name),
        *(order for order in (reader.get(Order, name),) if order is not None),
    ]
    if not found:
        return _missing("no order came of it, or there is no such case", name=name[:120])
    return max(found, key=lambda order: (order.created_at, order.order_id))


def _missing(why: str, **facts: object) -> Refusal:
    return refuse("EVIDENCE_MISSING", why, **facts)


def paper_demo_evidence(
    reader: Reader, rows: RowsOf, name: str | None, seen: Surroundings, now: datetime
) -> PaperDemoEvidence | Refusal:
    """A governed order as one document, made at `now` (UTC).

    Args:
        reader: One moment of the store.
        rows: Records of the same moment.
        name: As `order_named` takes it.
        seen: Where it is made.
        now: When.

    Returns:
        The document, or `EVIDENCE_MISSING` or `EVIDENCE_FLAGS_UNSAFE`.
    """
    order = order_named(reader, name)
    if isinstance(order, Refusal):
        return order
    request = reader.get(ApprovalRequest, order.approval_request_id)
    if request is None:
        return _missing("the order's approval is gone", order=order.order_id)
    stored = tuple(rows(case_stream(order.approval_request_id)))
    entries = entries_of(order, stored)
    if not entries or any(entry.action == UNREADABLE for entry in entries):
        return _missing("records of the case are gone or unreadable", order=order.order_id)
    events = reader.find(OrderEvent, order_id=order.order_id)
    found = reader.find(ApprovalDecision, approval_request_id=order.approval_request_id)
    decisions = tuple(sorted(found, key=lambda one: one.sequence))
    told = _told(reader, order, request, decisions, entries)
    document = PaperDemoEvidence(
        generated_at=now,
        approval_request=request,
        reviewer_decisions=decisions,
        final_oms_status=order.state,
        persisted_at=_sealed_at(stored, entries),
        oms_event_count=len(events),
        audit_event_count=len(entries),
        oms_events=tuple(sorted(events, key=lambda event: event.sequence)),
        audit_events=entries,
        local_sqlite_path=seen.database,
        safety_flags=safety_flags(told, seen, now, _handed(reader, order)),
        **{field: getattr(order, field) for field in _OF_ORDER},
    )
    return when_safe(document)


_OF_ORDER: Final = (
    *("workflow_run_id", "approval_request_id", "order_id"),
    *("source_signal_id", "strategy_id", "strategy_version"),
)


def _told(
    reader: Reader,
    order: Order,
    request: ApprovalRequest,
    decisions: Sequence[ApprovalDecision],
    entries: Sequence[AuditEntry],
) -> list[Json]:
    """Everything about an order that carries flags."""
    reports = reader.find(ExecutionReport, order_id=order.order_id)
    return [one.json_value() for one in (order, request, *decisions, *entries, *reports)]


def _handed(reader: Reader, order: Order) -> Handed:
    fills = reader.find(Fill, order_id=order.order_id)
    strange = {fill.model_name for fill in fills if fill.model_version not in MODELS}
    spoken = {one.gateway for one in reader.find(IngestedReport, order_id=order.order_id)}
    sent = {entry.action for entry in reader.find(OutboxEntry, order_id=order.order_id)}
    called = order.submitted_at is not None
    return Handed(called=called, gateways=tuple(sorted(strange | spoken | sent)))


def _sealed_at(rows: Sequence[StoredRow], entries: Sequence[AuditEntry]) -> datetime:
    """When the newest of these records was recorded (UTC)."""
    last = entries[-1].seq
    told = next(str(row.recorded_at) for row in rows if row.seq == last)
    return parse_utc(told)


def broker_simulation_evidence(
    form: SimulationForm,
    rule: FillRule,
    result: SimulationResult,
    seen: Surroundings,
    now: datetime,
) -> BrokerSimulationEvidence | Refusal:
    """A fill that was asked for; `EVIDENCE_FLAGS_UNSAFE` when a flag is not safe."""
    asked = SimulationInput(form=form, model=rule)
    told: list[Json] = [asked.json_value(), result.json_value()]
    document = BrokerSimulationEvidence(
        evidence_id=_id("broker-simulation-evidence", told),
        input=asked,
        result=result,
        safety_flags=safety_flags(told, seen, now),
    )
    return when_safe(document)


def risk_guardrail_evidence(
    reader: Reader, name: str, limits: Iterable[RiskLimits], seen: Surroundings, now: datetime
) -> RiskGuardrailEvidence | Refusal:
    """All checks on one order, made at `now` (UTC).

    Args:
        reader: One moment of the store.
        name: Of an evaluation or of an order, whose newest evaluation is taken.
        limits: Limits that this home applied at some time; the one that counted is told.
        seen: Where it is made.
        now: When.

    Returns:
        The document, or `EVIDENCE_MISSING` or `EVIDENCE_FLAGS_UNSAFE`.
    """
    judged = _judged(reader, name)
    intent = None if judged is None else reader.get(PaperOrderIntent, judged.order_id)
    order = None if judged is None else reader.get(Order, judged.order_id)
    if judged is None or intent is None or order is None:
        return _missing("no evaluation of such an order", name=name[:120])
    applied = next((one for one in limits if one.digest == judged.policy_digest), None)
    told: list[Json] = [judged.json_value(), intent.json_value(), order.json_value()]
    document = RiskGuardrailEvidence(
        evidence_id=_id("risk-guardrail-evidence", told[0]),
        intent=intent,
        policy=applied,
        state=judged.snapshot,
        risk_evaluation=judged,
        passed_checks=tuple(check.name for check in judged.all_checks if check.passed),
        failed_checks=judged.failed,
        safety_flags=safety_flags(told, seen, now, _handed(reader, order)),
    )
    return when_safe(document)


def _judged(reader: Reader, name: str) -> RiskEvaluation | None:
    found = reader.get(RiskEvaluation, name)
    if found is not None:
        return found
    of_order = reader.find(RiskEvaluation, order_id=name)
    return max(of_order, key=lambda one: one.evaluated_at, default=None)


def audit_integrity_evidence(
    told: IntegrityPanel | IntegrityView, seen: Surroundings, now: datetime
) -> AuditIntegrityEvidence:
    """What a verification of the log, or of one run in it, came to; made at `now` (UTC)."""
    panel = told if isinstance(told, IntegrityPanel) else None
    view = told if isinstance(told, IntegrityView) else told.integrity
    return AuditIntegrityEvidence(
        evidence_id=_id("audit-integrity-evidence", told.json_value()),
        integrity=view,
        flags=None if panel is None else panel.flags,
        gaps=() if panel is None else panel.gaps,
        safety_flags=safety_flags([told.json_value()], seen, now),
    )


def _id(kind: str, told: Json) -> str:
    return f"{kind}-{digest(told).removeprefix('sha256:')[:16]}"
