"""What a production order system would need, area by area, and what is proven of it.

Job: the eight areas with gap, design and acceptance criteria, their status computed.

Invariants
  I1  An area is enabled if and only if every criterion is met.
  I2  A criterion is met when its probe carried it out and saw it hold; nothing else meets it.
  I3  Nothing enabled makes this a production system: the safety flags stay those of their probes.

Not here: probes (readiness), counters of today (views.reliability).
Source: TX-I11 and its table, TX-L8.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from pydantic import Field

from counterseal.desk.views.marks import PaperView
from counterseal.desk.views.reliability import PanelFlag, panel_flag
from counterseal.kernel.model import DomainModel, Name, Text
from counterseal.readiness.model import Flag

BLUEPRINT_VERSION: Final = "v1"
BLUEPRINT_ONLY: Final = "blueprint_only_no_production_oms"
ALL_AREAS_ENABLED: Final = "all_areas_enabled_still_paper_only"


class AreaStatus(StrEnum):
    """How much of an area is proven."""

    NOT_ENABLED = "not_enabled"
    PARTLY_PROVEN = "partly_proven"
    ENABLED = "enabled"


class Criterion(DomainModel):
    """One acceptance criterion; `criterion_id` is `<area>.<number>`, counted from 1."""

    criterion_id: Name
    text: Text
    probe: PanelFlag
    met: bool


class BlueprintArea(DomainModel):
    """One area of a production order system."""

    area_id: Name
    title: Text
    status: AreaStatus
    current_state: Text
    production_gap: Text
    design_artifacts: tuple[Text, ...]
    runtime_components: tuple[Text, ...]
    acceptance_criteria: tuple[Criterion, ...] = Field(min_length=1)
    disabled_in_current_release: bool


class Blueprint(PaperView):
    """The whole blueprint; `state` follows the areas."""

    version: Name
    state: Name
    areas: tuple[BlueprintArea, ...]
    processing_flow: tuple[Text, ...]
    delivery_order: tuple[Text, ...]
    safety_flags: tuple[PanelFlag, ...]


class _Area(NamedTuple):
    """The written part; `criteria` pairs a text with the flag that probes it."""

    title: str
    current: str
    gap: str
    artifacts: tuple[str, ...]
    components: tuple[str, ...]
    criteria: tuple[tuple[str, str], ...]


_AREAS: Final[Mapping[str, _Area]] = {
    "durable_queue_outbox": _Area(
        title="Durable queue and outbox",
        current="Each order has one outbox message, stored with the order in one transaction.",
        gap="No queue that several machines share.",
        artifacts=("message schema with key and attempt", "dead-letter procedure"),
        components=("queue", "outbox relay", "dead-letter desk"),
        criteria=(
            ("The outbox survives a restart.", "distributed_durable_queue_enabled"),
            ("Retries are idempotent.", "outbox_retries_idempotent"),
            ("An operator can replay dead letters.", "dead_letters_replayable"),
        ),
    ),
    "async_order_processing": _Area(
        title="Asynchronous order processing",
        current="A submit is accepted up to its message; a worker claims messages under a lease.",
        gap="A worker shows life only where the hall of the home runs it.",
        artifacts=("claim and lease protocol", "worker life cycle"),
        components=("order worker", "lease store", "worker heartbeat"),
        criteria=(
            ("Accept and process are separate.", "asynchronous_order_processing_enabled"),
            ("A duplicate worker creates no duplicate OMS events.", "second_worker_harmless"),
            ("A crash resumes from durable state.", "crashed_worker_resumed"),
        ),
    ),
    "duplicate_prevention_across_sessions": _Area(
        title="Duplicate prevention across sessions",
        current="A key is stored once, bound to actor, payload and order, across restarts.",
        gap="Keys are not held apart by tenant in one shared store.",
        artifacts=("key scope by tenant", "rules of expiry"),
        components=("key table with tenant", "duplicate log"),
        criteria=(
            ("One active key per tenant.", "duplicate_idempotency_metadata_enabled"),
            ("Keys of tenants are isolated.", "tenant_isolation_enforced"),
            ("Duplicate attempts are in the log.", "duplicate_attempts_logged"),
        ),
    ),
    "timeout_handling_productionization": _Area(
        title="Time-out handling",
        current="Candidates are scanned each minute, on record; an operator previews, then marks.",
        gap="No machine marks, and nobody is told of a new candidate.",
        artifacts=("time-out policy by order type", "escalation path"),
        components=("time-out scan", "review queue"),
        criteria=(
            ("Stale open orders are found automatically.", "full_timeout_worker_enabled"),
            ("Time-out actions are idempotent and logged.", "timeout_marks_idempotent"),
            (
                "Unknown orders go to review or lock, never silently changed.",
                "unknown_orders_block",
            ),
        ),
    ),
    "execution_report_model": _Area(
        title="Execution report model",
        current="Every answer becomes a report in FIX words before sums change.",
        gap="Reports come from the paper gateway alone; no broker sends any.",
        artifacts=("report normalization by broker", "table of unexpected reports"),
        components=("report intake", "normalizer"),
        criteria=(
            (
                "Reports are normalized before the OMS changes.",
                "broker_execution_report_model_enabled",
            ),
            (
                "Duplicate reports are ignored or reconciled deterministically.",
                "duplicate_reports_ignored",
            ),
            (
                "Unexpected reports mark the order for reconciliation.",
                "contradictions_mark_orders",
            ),
        ),
    ),
    "reconciliation_loop": _Area(
        title="Reconciliation loop",
        current="Tables are compared with the log on demand; an unknown order blocks its symbol.",
        gap="No loop compares orders and positions with an outside statement.",
        artifacts=("statement formats", "severity of mismatches"),
        components=("reconciliation run", "mismatch desk"),
        criteria=(
            ("Mismatches are found and logged.", "formal_reconciliation_loop_enabled"),
            ("Critical mismatches lock the execution path.", "mismatches_lock_accounts"),
            ("Resolution is tracked and reproducible.", "mismatches_resolved_on_record"),
        ),
    ),
    "amend_replace_cancel_lifecycle": _Area(
        title="Amend, replace and cancel",
        current="A replace passes approval binding and every risk check again; late fills count.",
        gap="Only the paper gateway grants or refuses a change.",
        artifacts=("replace command and its checks", "race table of fills"),
        components=("replace use case", "risk re-check"),
        criteria=(
            ("Amend or replace never bypasses risk.", "amend_replace_enabled"),
            ("Late fills after cancel or amend are reconciled.", "late_fills_counted"),
            ("Every change is an event.", "order_changes_recorded"),
        ),
    ),
    "partial_fill_quantity_accounting": _Area(
        title="Partial fills",
        current="Filled, working and rest add up in every report; the average price is exact.",
        gap="No correction or bust of a fill arrives from outside; a person takes fills back.",
        artifacts=("correction and bust events",),
        components=("correction intake",),
        criteria=(
            (
                "The cumulative quantity never exceeds the order.",
                "production_partial_fill_accounting_enabled",
            ),
            (
                "The remaining quantity is deterministic after each report.",
                "production_partial_fill_accounting_enabled",
            ),
            ("Corrections are events and reconciled.", "fill_corrections_recorded"),
        ),
    ),
}
_PROCESSING_FLOW: Final = (
    "Accept the command, its key and its approval.",
    "Store order, key and message in one transaction.",
    "Acknowledge the caller with a receipt.",
    "A worker claims the message under a lease.",
    "Judge risk on one locked snapshot.",
    "Send through the gateway and record the attempt.",
    "Normalize each report, then change the order.",
    "Reconcile with the outside statement and close.",
)
_DELIVERY_ORDER: Final = tuple(
    f"{place}. {area.title}." for place, area in enumerate(_AREAS.values(), start=1)
)
_SAFETY: Final = {
    "paper_only": "paper_only",
    "read_only": "read_only",
    "live_trading_enabled": "live_trading_enabled",
    "broker_api_called": "broker_api_called",
    "order_created": "order_created",
    "queue_worker_started": "outbox_worker_enabled",
    "async_processing_enabled": "asynchronous_order_processing_enabled",
    "hosted_database_connected": "hosted_datastore_enabled",
    "database_written": "database_written",
    "external_db_written": "external_db_written",
    "credentials_collected": "credentials_collected",
    "production_oms_enabled": "production_oms_enabled",
    "production_trading_ready": "production_trading_ready",
    "broker_provider": "broker_provider",
}


def blueprint(flags: Iterable[Flag]) -> Blueprint:
    """The blueprint as it stands, by probed flags; one that is absent counts as not checked."""
    probed = {flag.name: flag for flag in flags}
    areas = tuple(_area(area_id, area, probed) for area_id, area in _AREAS.items())
    done = all(area.status is AreaStatus.ENABLED for area in areas)
    return Blueprint(
        version=BLUEPRINT_VERSION,
        state=ALL_AREAS_ENABLED if done else BLUEPRINT_ONLY,
        areas=areas,
        processing_flow=_PROCESSING_FLOW,
        delivery_order=_DELIVERY_ORDER,
        safety_flags=tuple(panel_flag(word, name, probed) for word, name in _SAFETY.items()),
    )


def _area(area_id: str, area: _Area, probed: Mapping[str, Flag]) -> BlueprintArea:
    criteria = tuple(
        _criterion(f"{area_id}.{place}", text, flag, probed)
        for place, (text, flag) in enumerate(area.criteria, start=1)
    )
    met = sum(criterion.met for criterion in criteria)
    partly = AreaStatus.PARTLY_PROVEN if met else AreaStatus.NOT_ENABLED
    status = AreaStatus.ENABLED if met == len(criteria) else partly
    return BlueprintArea(
        area_id=area_id,
        title=area.title,
        status=status,
        current_state=area.current,
        production_gap=area.gap,
        design_artifacts=area.artifacts,
        runtime_components=area.components,
        acceptance_criteria=criteria,
        disabled_in_current_release=status is not AreaStatus.ENABLED,
    )


def _criterion(criterion_id: str, text: str, flag: str, probed: Mapping[str, Flag]) -> Criterion:
    probe = panel_flag(flag, flag, probed)
    return Criterion(criterion_id=criterion_id, text=text, probe=probe, met=probe.value is True)
