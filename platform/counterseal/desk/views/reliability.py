"""How reliably orders are handled, counted and probed.

Job: outbox, reports and time-out candidates as read models, and counters beside probed flags.

Invariants
  I1  A flag is repeated from its probe; without a probe its value is None, never a constant.
  I2  A gap is told until its flag is true.
  I3  Nothing here writes: a candidate tells what a mark would do.

Not here: marking (desk.lifecycle), probes (readiness), what production needs (views.blueprint).
Source: TX-I5 to TX-I10, TX-L8; trading reference 3.3.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from pydantic import Field

from counterseal.audit.record import StoredRow
from counterseal.desk.messages import may_be_at_gateway
from counterseal.desk.ports import Reader, newest_of
from counterseal.desk.views.marks import (
    EVENTS_LIMIT,
    EVENTS_LIMIT_MAX,
    PaperView,
    checked_limit,
)
from counterseal.desk.views.records import ACTION_PREFIX, AuditEntry, audit_entry
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Detail, DomainModel, Name, Refusal, details, refuse
from counterseal.kernel.money import Exact, NonNegative, Price
from counterseal.oms.model import (
    ExecutionReport,
    ExecutionType,
    Order,
    OrderKey,
    OutboxEntry,
    OutboxStatus,
)
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.oms.timeouts import (
    EXPIRABLE,
    TIMEOUT_SECONDS_DEFAULT,
    preview_timeout,
    timeout_candidates,
)
from counterseal.readiness.model import Flag

TIMEOUT_MARKED: Final = f"{ACTION_PREFIX}timeout_marked"


class PanelFlag(DomainModel):
    """A probed flag under the panel's own word.

    Attributes:
        flag: Its name among the flags of readiness.
        value: None when it could not be checked.
        evidence: What the probe saw.
        checked_at: When (UTC). log_size: Records of the home's log at that time.
    """

    name: Name
    flag: Name
    value: bool | None
    evidence: str
    checked_at: UtcDatetime | None = None
    log_size: int | None = None


class OutboxRow(PaperView):
    """One message to the paper broker, in the asked words; `payload` is the order it hands over."""

    outbox_id: Name
    workflow_run_id: Name
    order_id: Name
    idempotency_key: Name
    action: Name
    status: OutboxStatus
    attempts: int = Field(ge=0)
    created_at: UtcDatetime
    available_at: UtcDatetime
    processed_at: UtcDatetime | None
    last_error: str
    payload: tuple[Detail, ...]


class ReportRow(PaperView):
    """One execution report in the asked words; quantities in contracts, price in quote units.

    Attributes:
        payload: FIX words, ids, this fill's price and what else the report carries.
    """

    report_id: Name
    workflow_run_id: Name
    order_id: Name
    idempotency_key: Name
    execution_type: ExecutionType
    order_status: OrderState
    last_quantity: NonNegative
    cumulative_filled_quantity: NonNegative
    leaves_quantity: NonNegative
    average_fill_price: Price | None
    event_id: Name
    timestamp: UtcDatetime
    payload: tuple[Detail, ...]


class TimeoutCandidate(PaperView):
    """An order that may be marked now; `event` is what a mark would record."""

    workflow_run_id: Name
    order_id: Name
    symbol: Name
    state: OrderState
    event: OrderEventType
    age_seconds: Exact
    timeout_seconds: int


class ReliabilityPanel(PaperView):
    """Counters, flags, capabilities and the gaps that are open (TX-I10)."""

    outbox: int
    idempotency_keys: int
    execution_reports: int
    timeout_candidates: int
    flags: tuple[PanelFlag, ...]
    capabilities: tuple[PanelFlag, ...]
    gaps: tuple[str, ...]


_FLAGS: Final = {
    "PAPER_ONLY": "paper_only",
    "LIVE_TRADING_FLAG": "live_trading_enabled",
    "BROKER_API_CALLED": "broker_api_called",
    "PRODUCTION_OMS_READY": "production_oms_ready",
    "LOCAL_SQLITE_ONLY": "local_sqlite_only",
    "ASYNC_ORDER_PROCESSING": "asynchronous_order_processing_enabled",
}
_CAPABILITIES: Final = {
    "LOCAL_OUTBOX_METADATA": "local_outbox_metadata_enabled",
    "DUPLICATE_ORDER_PREVENTION": "duplicate_idempotency_metadata_enabled",
    "TIMEOUT_CANDIDATE_SCAN": "timeout_candidate_scan_enabled",
    "EXECUTION_REPORT_MODEL": "execution_report_metadata_enabled",
    "AMEND_REPLACE": "amend_replace_enabled",
    "RECONCILIATION_LOOP": "formal_reconciliation_loop_enabled",
}
_GAPS: Final = {
    "asynchronous_order_processing_enabled": "No asynchronous order worker runs.",
    "distributed_durable_queue_enabled": "No durable queue is shared by several workers.",
    "amend_replace_enabled": "An order cannot be amended or replaced.",
    "formal_reconciliation_loop_enabled": "No reconciliation loop ran within its interval.",
    "worm_storage_enabled": "The store is no production WORM ledger.",
}
_REPORT_FACTS: Final = (
    *("exec_id", "exec_type", "ord_status", "cl_ord_id", "symbol", "side", "order_quantity"),
    *("last_price", "rest_quantity", "late", "text"),
)


def outbox_rows(
    reader: Reader, status: OutboxStatus | None = None, limit: int = EVENTS_LIMIT
) -> tuple[OutboxRow, ...]:
    """Messages to the paper broker, newest first, of one status or of all (TX-I6).

    Raises:
        InputError: `LIMIT_OUT_OF_RANGE` outside 1..500.
    """
    rows = checked_limit(limit, EVENTS_LIMIT_MAX)
    asked = {} if status is None else {"status": status.value}
    entries = newest_of(reader, OutboxEntry, "created_at", rows, **asked)
    return tuple(_outbox_row(reader, entry) for entry in entries)


def report_rows(reader: Reader, order_id: str) -> tuple[ReportRow, ...]:
    """The execution reports of an order in the order of its events; empty for an unknown one."""
    reports = sorted(reader.find(ExecutionReport, order_id=order_id), key=lambda r: r.event_id)
    return tuple(_report_row(report) for report in reports)


def timeout_rows(
    reader: Reader, now: datetime, timeout_seconds: int = TIMEOUT_SECONDS_DEFAULT
) -> tuple[TimeoutCandidate, ...]:
    """Orders that may be marked at `now` (UTC), each with what a mark would do (TX-I8, TX-I9).

    Raises:
        InputError: `TIMEOUT_OUT_OF_RANGE` outside 1..86400 seconds.
    """
    found = timeout_candidates(reader.find(Order, state=EXPIRABLE), now, timeout_seconds)
    rows = (_candidate(reader, order, now, timeout_seconds) for order in found)
    return tuple(row for row in rows if not isinstance(row, Refusal))


def timeout_row(
    reader: Reader,
    order_id: str,
    now: datetime,
    timeout_seconds: int = TIMEOUT_SECONDS_DEFAULT,
) -> TimeoutCandidate | Refusal:
    """What a mark of this order would do at `now` (UTC).

    Returns:
        The candidate, or `NOT_FOUND` or a refusal of `oms.timeouts.preview_timeout`.

    Raises:
        InputError: `TIMEOUT_OUT_OF_RANGE` outside 1..86400 seconds.
    """
    order = reader.get(Order, order_id)
    if order is None:
        return refuse("NOT_FOUND", "no such order", order=order_id)
    return _candidate(reader, order, now, timeout_seconds)


def timeout_mark(rows: Iterable[StoredRow], order_id: str) -> AuditEntry | None:
    """Who marked an order timed out, when and why, from the records of its case; None if nobody."""
    about = f"order:{order_id}"
    entries = (audit_entry(row) for row in rows)
    marks = (e for e in entries if e.resource == about and e.action == TIMEOUT_MARKED)
    return next(marks, None)


def reliability_panel(
    reader: Reader,
    flags: Iterable[Flag],
    now: datetime,
    timeout_seconds: int = TIMEOUT_SECONDS_DEFAULT,
) -> ReliabilityPanel:
    """Counters at `now` (UTC) beside the flags of readiness (TX-I10).

    Raises:
        InputError: `TIMEOUT_OUT_OF_RANGE`.
    """
    probed = {flag.name: flag for flag in flags}
    open_gaps = {name for name in _GAPS if name not in probed or not probed[name].value}
    return ReliabilityPanel(
        outbox=reader.count(OutboxEntry),
        idempotency_keys=reader.count(OrderKey),
        execution_reports=reader.count(ExecutionReport),
        timeout_candidates=len(timeout_rows(reader, now, timeout_seconds)),
        flags=tuple(panel_flag(word, name, probed) for word, name in _FLAGS.items()),
        capabilities=tuple(panel_flag(word, name, probed) for word, name in _CAPABILITIES.items()),
        gaps=tuple(words for name, words in _GAPS.items() if name in open_gaps),
    )


def panel_flag(word: str, name: str, probed: Mapping[str, Flag]) -> PanelFlag:
    """The flag `name` under the word of a panel; not checked when it was not probed."""
    found = probed.get(name)
    if found is None:
        return PanelFlag(name=word, flag=name, value=None, evidence="not probed")
    return PanelFlag(
        name=word,
        flag=name,
        value=found.value,
        evidence=found.evidence,
        checked_at=found.checked_at,
        log_size=found.log_size,
    )


def _candidate(
    reader: Reader, order: Order, now: datetime, timeout_seconds: int
) -> TimeoutCandidate | Refusal:
    preview = preview_timeout(
        order,
        workflow_run_id=order.workflow_run_id,
        now=now,
        timeout_seconds=timeout_seconds,
        at_gateway=may_be_at_gateway(reader, order),
    )
    if isinstance(preview, Refusal):
        return preview
    return TimeoutCandidate(**dict(preview), symbol=order.symbol)


def _outbox_row(reader: Reader, entry: OutboxEntry) -> OutboxRow:
    order = reader.get(Order, entry.order_id)
    asked = (
        ()
        if order is None
        else details(
            symbol=order.symbol,
            side=order.side.value,
            quantity=order.quantity,
            order_type=order.order_type.value,
            limit_price=order.limit_price,
        )
    )
    same = {name: value for name, value in entry if name in OutboxRow.model_fields}
    return OutboxRow.model_validate({**same, "payload": asked})


def _report_row(report: ExecutionReport) -> ReportRow:
    same = {name: value for name, value in report if name in ReportRow.model_fields}
    payload = details(**{name: getattr(report, name) for name in _REPORT_FACTS})
    return ReportRow.model_validate({**same, "payload": payload})
