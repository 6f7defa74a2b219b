"""What people see of the paper workflow: a run, its parts, lists of runs, counters.

Job: answer the questions about submitted orders from documents and log rows.

Invariants
  I1  A run is shown from what is stored under it; nothing is shown as done that is not stored.
  I2  Counters count the store.

Not here: rehearsing a submit (desk.views.preview), records of the log (desk.views.records).
Source: features TX-G7, TX-G11, TX-G13.
"""

from collections.abc import Iterable
from typing import Final, Literal

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.audit.record import StoredRow
from counterseal.broker.model import PaperAck
from counterseal.desk.approvals import case_stream
from counterseal.desk.exposure import Ground
from counterseal.desk.ports import Reader, newest_of
from counterseal.desk.views.badges import safety_badges
from counterseal.desk.views.marks import (
    EVENTS_LIMIT,
    EVENTS_LIMIT_MAX,
    RUNS_LIMIT,
    RUNS_LIMIT_MAX,
    Badge,
    PaperView,
    checked_limit,
    flag,
)
from counterseal.desk.views.records import (
    ACTION_PREFIX,
    UNREADABLE,
    AuditEntry,
    AuditEventsView,
    audit_entry,
)
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Refusal, Sha256, details, refuse
from counterseal.kernel.money import Quantity
from counterseal.oms.model import ExecutionReport, Order, OrderEvent, OutboxEntry, RunId
from counterseal.oms.states import OrderState
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import PaperOrderIntent, Side

_SIMULATED: Final = f"{ACTION_PREFIX}broker_simulation_model_evaluated"


class ApprovalSummary(DomainModel):
    """The approval that a run spent."""

    approval_request_id: Name
    request_reference: Name
    status: RequestStatus
    request_hash: Sha256
    consumed_by_order: Name | None
    paper_only: Literal[True] = True
    approval_for_live: Literal[False] = False


class SimulationSummary(DomainModel):
    """The paper model's answer as recorded; amounts as text in the record's own units."""

    model: str = ""
    outcome: str = ""
    reason: str = ""
    fill_quantity: str = ""
    fill_price: str = ""
    quote: str = ""
    quote_basis: str = ""


class WorkflowView(PaperView):
    """One run from its approval to the paper broker's answer.

    Attributes:
        order_created: An order exists, also when risk rejected it.
        paper_broker_gateway_called: The order was handed to the paper broker.
        persisted: False for a preview, which stores nothing.
        paper_broker_simulation_result: The last answer; None before any.
    """

    workflow_run_id: RunId
    order_id: Name
    order_created: bool
    paper_broker_gateway_called: bool
    persisted: bool
    persistence_backend: Literal["sqlite", "none"]
    approval: ApprovalSummary
    paper_order_intent: PaperOrderIntent
    risk_evaluation: RiskEvaluation | None
    oms_state: OrderState
    paper_broker_ack: PaperAck | None
    paper_broker_simulation_result: SimulationSummary | None
    execution_reports: tuple[ExecutionReport, ...]
    audit_events: tuple[AuditEntry, ...]
    message: str


def workflow_view(
    reader: Reader, order: Order, events: tuple[AuditEntry, ...], *, persisted: bool
) -> WorkflowView | Refusal:
    """A run put together from its documents; refusal `NOT_FOUND` when one of them is missing."""
    request = reader.get(ApprovalRequest, order.approval_request_id)
    intent = reader.get(PaperOrderIntent, order.order_id)
    if request is None or intent is None:
        return refuse("NOT_FOUND", "the run's approval or intent is gone", order=order.order_id)
    evaluations = reader.find(RiskEvaluation, order_id=order.order_id)
    return WorkflowView(
        workflow_run_id=order.workflow_run_id,
        order_id=order.order_id,
        order_created=True,
        paper_broker_gateway_called=order.submitted_at is not None,
        persisted=persisted,
        persistence_backend="sqlite" if persisted else "none",
        approval=_approval(request),
        paper_order_intent=intent,
        risk_evaluation=evaluations[-1] if evaluations else None,
        oms_state=order.state,
        paper_broker_ack=_acknowledgement(order),
        paper_broker_simulation_result=_simulation(events),
        execution_reports=_reports(reader, order.order_id),
        audit_events=events,
        message=_message(order, persisted=persisted),
    )


def _approval(request: ApprovalRequest) -> ApprovalSummary:
    told = dict(request)
    same = ApprovalSummary.model_fields.keys() & told.keys()
    return ApprovalSummary.model_validate({name: told[name] for name in same})


def _acknowledgement(order: Order) -> PaperAck | None:
    """What the gateway said when the order was handed over."""
    if order.submitted_at is None:
        return None
    return PaperAck(
        paper_order_id=order.order_reference,
        order_id=order.order_id,
        accepted=True,
        message="accepted by the paper broker",
        payload=details(quantity=order.quantity),
        at=order.submitted_at,
    )


def _simulation(events: tuple[AuditEntry, ...]) -> SimulationSummary | None:
    told = [event for event in events if event.action == _SIMULATED]
    if not told:
        return None
    facts = {d.name: d.value for d in told[-1].facts if d.name in SimulationSummary.model_fields}
    return SimulationSummary.model_validate(facts)


def _message(order: Order, *, persisted: bool) -> str:
    done = "recorded" if persisted else "previewed, nothing was stored"
    return f"paper simulation {done}: the order is {order.state.value}"


def _order_of_run(reader: Reader, run_id: str) -> Order | Refusal:
    found = reader.find(Order, workflow_run_id=run_id)
    return found[0] if found else refuse("NOT_FOUND", "no such workflow run", run=run_id)


def run_detail(reader: Reader, rows: Iterable[StoredRow], run_id: str) -> WorkflowView | Refusal:
    """A stored run; refusal `NOT_FOUND`."""
    order = _order_of_run(reader, run_id)
    if isinstance(order, Refusal):
        return order
    return workflow_view(reader, order, entries_of(order, rows), persisted=True)


def entries_of(order: Order, rows: Iterable[StoredRow]) -> tuple[AuditEntry, ...]:
    """Records about an order, and those of its case that cannot be read, in the order of `rows`."""
    stream, resource = case_stream(order.approval_request_id), f"order:{order.order_id}"
    entries = (audit_entry(row) for row in rows if row.stream == stream)
    return tuple(e for e in entries if e.resource == resource or e.action == UNREADABLE)


class RunEntry(DomainModel):
    """One run in a list."""

    workflow_run_id: RunId
    order_id: Name
    approval_request_id: Name
    symbol: Name
    side: Side
    quantity: Quantity
    oms_state: OrderState
    created_at: UtcDatetime
    updated_at: UtcDatetime


class RunsView(PaperView):
    """Runs, newest first; `total` counts all."""

    limit: int
    total: int
    runs: tuple[RunEntry, ...]


def runs(reader: Reader, limit: int = RUNS_LIMIT) -> RunsView:
    """The newest runs, 1 to 200.

    Raises:
        InputError: `LIMIT_OUT_OF_RANGE`.
    """
    checked_limit(limit, RUNS_LIMIT_MAX)
    orders = newest_of(reader, Order, "created_at", limit)
    return RunsView(
        limit=limit, total=reader.count(Order), runs=tuple(_run_entry(order) for order in orders)
    )


def _run_entry(order: Order) -> RunEntry:
    told = {**dict(order), "oms_state": order.state}
    return RunEntry.model_validate({name: told[name] for name in RunEntry.model_fields})


class OmsEventsView(PaperView):
    """The steps of one order, in sequence."""

    workflow_run_id: RunId
    order_id: Name
    oms_state: OrderState
    events: tuple[OrderEvent, ...]


def run_oms_events(reader: Reader, run_id: str) -> OmsEventsView | Refusal:
    """The steps of a run's order; refusal `NOT_FOUND`."""
    order = _order_of_run(reader, run_id)
    return order if isinstance(order, Refusal) else _oms_events(reader, order)


def order_oms_events(reader: Reader, order_id: str) -> OmsEventsView | Refusal:
    """The steps of an order; refusal `NOT_FOUND`."""
    order = _order(reader, order_id)
    return order if isinstance(order, Refusal) else _oms_events(reader, order)


def _order(reader: Reader, order_id: str) -> Order | Refusal:
    return reader.get(Order, order_id) or refuse("NOT_FOUND", "no such order", order=order_id)


def _oms_events(reader: Reader, order: Order) -> OmsEventsView:
    events = reader.find(OrderEvent, order_id=order.order_id)
    return OmsEventsView(
        workflow_run_id=order.workflow_run_id,
        order_id=order.order_id,
        oms_state=order.state,
        events=tuple(sorted(events, key=lambda e: e.sequence)),
    )


class ReportsView(PaperView):
    """What the paper broker reported about one order, in order."""

    workflow_run_id: RunId
    order_id: Name
    reports: tuple[ExecutionReport, ...]


def order_reports(reader: Reader, order_id: str) -> ReportsView | Refusal:
    """The reports of an order; refusal `NOT_FOUND`."""
    order = _order(reader, order_id)
    if isinstance(order, Refusal):
        return order
    return ReportsView(
        workflow_run_id=order.workflow_run_id,
        order_id=order_id,
        reports=_reports(reader, order_id),
    )


def _reports(reader: Reader, order_id: str) -> tuple[ExecutionReport, ...]:
    found = reader.find(ExecutionReport, order_id=order_id)
    return tuple(sorted(found, key=lambda r: (r.timestamp, r.cumulative_filled_quantity)))


def run_audit_events(
    reader: Reader, rows: Iterable[StoredRow], run_id: str, limit: int = EVENTS_LIMIT
) -> AuditEventsView | Refusal:
    """The newest records of one run, 1 to 500; refusal `NOT_FOUND`.

    Raises:
        InputError: `LIMIT_OUT_OF_RANGE`.
    """
    checked_limit(limit, EVENTS_LIMIT_MAX)
    order = _order_of_run(reader, run_id)
    if isinstance(order, Refusal):
        return order
    found = entries_of(order, rows)
    return AuditEventsView(
        workflow_run_id=order.workflow_run_id,
        limit=limit,
        total=len(found),
        events=found[-limit:],
    )


class Persistence(DomainModel):
    """What storage says about itself.

    Attributes:
        backend: Such as `sqlite`, or `none` when nothing is stored.
        database: Path as text.
        audit_events: Records in the log.
        local_only: The database lies on this machine.
    """

    backend: Name
    database: str
    audit_events: int
    local_only: bool


class PersistenceView(PaperView):
    """Counts of the store."""

    persistence: Persistence
    runs: int
    oms_events: int
    audit_events: int
    execution_reports: int
    outbox: int


def persistence_status(reader: Reader, told: Persistence) -> PersistenceView:
    """How much is stored, and where."""
    return PersistenceView(
        persistence=told,
        runs=len({order.workflow_run_id for order in reader.find(Order)}),
        oms_events=reader.count(OrderEvent),
        audit_events=told.audit_events,
        execution_reports=reader.count(ExecutionReport),
        outbox=reader.count(OutboxEntry),
    )


class WorkflowStatus(PaperView):
    """Badges from settings and documents, counters from the store."""

    badges: tuple[Badge, ...]
    counters: PersistenceView
    production_oms_ready: Literal[False] = False


def workflow_status(reader: Reader, ground: Ground, told: Persistence) -> WorkflowStatus:
    """The panel of the workflow."""
    more = (
        Badge(name="PERSISTENCE", value=told.backend),
        Badge(name="LOCAL_ONLY", value=flag(told.local_only)),
    )
    return WorkflowStatus(
        badges=(*safety_badges(reader, ground), *more),
        counters=persistence_status(reader, told),
    )
