"""The six boundaries of the paper house, as tables.

Job: which flags each boundary shows, and which entry waits for which flag.

Invariants
  I1  Every entry belongs to one flag, and leaves its list only when that flag is true.

Not here: values (readiness.decide), the hosted paths (readiness.hosted).
Source: TX-L1 to TX-L6, list entries in own words.
"""

from typing import Final, NamedTuple

from counterseal.policy.words import DecisionWord


class Entry(NamedTuple):
    """One thing that is missing or required until `flag` is true."""

    words: str
    flag: str
    on_page: bool = False


class AreaPlan(NamedTuple):
    """One area of the compliance trail; enabled when all its flags are true."""

    area_id: str
    title: str
    flags: tuple[str, ...]
    gap: str
    controls: str
    acceptance: str


class BoundaryPlan(NamedTuple):
    """What a boundary consists of.

    Attributes:
        unready: State while something that could be true is not.
        shown: State when every such flag is true; certifications stay outside.
    """

    row: str
    service: str
    unready: str
    shown: str
    summary: str
    flags: tuple[str, ...]
    safety: tuple[str, ...]
    missing: tuple[Entry, ...] = ()
    required: tuple[Entry, ...] = ()
    areas: tuple[AreaPlan, ...] = ()
    supported: tuple[str, ...] = ()


def words(text: str) -> tuple[str, ...]:
    """The words of a text, in order."""
    return tuple(text.split())


def _entries(*told: tuple[str, str]) -> tuple[Entry, ...]:
    """Entries; a leading `*` marks those that the page shows, too."""
    return tuple(Entry(text.removeprefix("*"), flag, text.startswith("*")) for text, flag in told)


SAFETY: Final = (
    "paper_only read_only live_trading_enabled broker_provider broker_api_called order_created"
    " credentials_collected database_written production_trading_ready "
)
"""Safety flags of every boundary; a boundary adds its own."""

_REVIEWS: Final = "legal, regulatory, security and operations review by people outside this product"

APPROVAL: Final = BoundaryPlan(
    row="TX-L1",
    service="paper-execution/approvals/compliance-readiness",
    unready="local_paper_scaffolding_not_formal_compliance_system",
    shown="local_paper_approvals_shown_not_formal_compliance_system",
    summary="Paper approvals with signed decisions; no formal approval system.",
    flags=words(
        "local_paper_approval_queue_enabled local_sqlite_persistence_enabled"
        " local_dual_review_rule_enabled formal_compliance_approval_enabled"
        " production_approval_authority reviewer_identity_verified rbac_abac_enforced"
        " segregation_of_duties_enforced compliance_policy_engine_enabled"
        " approval_policy_versioning_enabled tenant_scoped_approval_records_enabled"
        " legal_retention_policy_enforced local_hash_chain_enabled worm_ledger_enabled"
        " immutable_audit_log_enabled centralized_audit_service_enabled"
        " signed_approval_records_enabled external_timestamping_enabled"
        " retention_policy_enforced production_compliance_archive_enabled"
    ),
    safety=words(
        SAFETY + "broker_credentials_collected external_db_written"
        " production_compliance_approval paper_execution_approval_granted live_approval_granted"
    ),
    missing=_entries(
        ("login with a verified identity behind every decision", "reviewer_identity_verified"),
        ("roles and attributes enforced by a signed policy", "rbac_abac_enforced"),
        ("accounts and records kept apart by tenant", "tenant_scoped_approval_records_enabled"),
        ("policy engine with versions that requests name", "approval_policy_versioning_enabled"),
        ("separation of duties, enforced", "segregation_of_duties_enforced"),
        ("write-once storage or a central audit service", "worm_ledger_enabled"),
        ("signed records, external time-stamps, retention", "external_timestamping_enabled"),
        (_REVIEWS, "formal_compliance_approval_enabled"),
    ),
    required=_entries(
        ("choice of the login provider", "auth_provider_enabled"),
        ("identity, session, second factor and logout", "mfa_enabled"),
        ("accounts by tenant", "tenant_scoped_approval_records_enabled"),
        ("roles for reviewer, risk, compliance and operator", "rbac_abac_enforced"),
        ("versioned policies", "approval_policy_versioning_enabled"),
        ("storage that cannot be altered", "immutable_audit_log_enabled"),
        ("signed records and an export that shows tampering", "audit_export_reviewed"),
        ("legal review", "production_approval_authority"),
    ),
    supported=tuple(DecisionWord),
)
RISK: Final = BoundaryPlan(
    row="TX-L2",
    service="paper-risk/cross-account-readiness",
    unready="local_paper_risk_state_not_cross_account_risk_system",
    shown="local_paper_risk_shown_not_production_cross_account_risk_system",
    summary="Paper guardrails per simulated account; no risk system across accounts.",
    flags=words(
        "local_paper_guardrails_enabled local_paper_state_enabled"
        " single_account_demo_state_enabled risk_evaluation_detail_enabled"
        " duplicate_idempotency_local_check_enabled cross_account_aggregation_enabled"
        " account_hierarchy_enabled tenant_isolated_risk_state_enabled"
        " real_account_margin_feed_enabled broker_position_feed_enabled"
        " centralized_risk_limits_enabled distributed_kill_switch_enabled"
        " durable_risk_state_store_enabled real_time_equity_pnl_tracking_enabled"
        " production_cross_account_risk_system"
    ),
    safety=words(
        SAFETY + "hosted_datastore_written external_account_data_loaded real_account_data_loaded"
        " production_risk_approval production_cross_account_risk"
    ),
    missing=_entries(
        ("*exposure added up over accounts and strategies", "cross_account_aggregation_enabled"),
        ("*feeds of real margin, orders and positions", "real_account_margin_feed_enabled"),
        ("*reconciliation with a broker per account", "broker_position_feed_enabled"),
        ("*durable central state that can be replayed", "durable_risk_state_store_enabled"),
        ("hierarchy of tenants and accounts", "account_hierarchy_enabled"),
        ("register of limits per account and group", "centralized_risk_limits_enabled"),
        ("kill switch that reaches every process", "distributed_kill_switch_enabled"),
        ("roles and attributes for who sets limits", "rbac_abac_enforced"),
        ("monitoring and runbooks", "production_cross_account_risk_system"),
    ),
    required=_entries(
        ("*identity of tenant, account, strategy, reviewer", "tenant_isolated_risk_state_enabled"),
        ("*schemas of account and group limits", "account_hierarchy_enabled"),
        ("*reviewed storage", "durable_risk_state_store_enabled"),
        ("feeds behind the gateway, credentials kept apart", "real_account_margin_feed_enabled"),
        ("reconciliation of order, position and cash state", "broker_position_feed_enabled"),
        ("audited changes of limits", "centralized_risk_limits_enabled"),
        ("tests of failure, replay, age and concurrency", "distributed_kill_switch_enabled"),
        (_REVIEWS, "production_cross_account_risk_system"),
    ),
)
BROKER: Final = BoundaryPlan(
    row="TX-L3",
    service="paper-execution/broker-simulation/readiness",
    unready="local_paper_simulation_not_market_matching_or_broker_execution",
    shown="local_paper_simulation_shown_not_market_matching_or_broker_execution",
    summary="A deterministic paper model; no market matching and no broker.",
    flags=words(
        "deterministic_broker_simulation_enabled local_quote_snapshot_preview_enabled"
        " paper_ack_reject_partial_fill_fill_cancel_enabled caller_provided_quote_only"
        " real_market_matching_engine_enabled exchange_order_book_replay_enabled"
        " broker_execution_report_model_enabled latency_queue_position_model_enabled"
        " slippage_liquidity_calibration_enabled real_account_reconciliation_enabled"
        " production_execution_model"
    ),
    safety=words(
        SAFETY + "real_order_created external_db_written external_market_data_downloaded"
        " production_execution_model"
    ),
    missing=_entries(
        ("*a matching engine", "real_market_matching_engine_enabled"),
        ("*replay of a recorded book", "exchange_order_book_replay_enabled"),
        ("*reports taken in and told apart", "broker_execution_report_model_enabled"),
        ("*latency and place in the queue", "latency_queue_position_model_enabled"),
        ("*reconciliation of fills and positions", "real_account_reconciliation_enabled"),
        ("slippage and liquidity, calibrated", "slippage_liquidity_calibration_enabled"),
        ("how a real broker rejects, cancels and amends", "production_execution_model"),
        ("monitoring and runbooks", "production_operations_ready"),
    ),
    required=_entries(
        ("*schema of reports behind the gateway", "broker_execution_report_model_enabled"),
        ("*data for replay, with its licence reviewed", "exchange_order_book_replay_enabled"),
        ("*stated latency, queue and slippage", "slippage_liquidity_calibration_enabled"),
        ("reconciliation loop", "formal_reconciliation_loop_enabled"),
        ("tests of failure, replay, duplicates, recovery", "latency_queue_position_model_enabled"),
        (_REVIEWS, "production_execution_model"),
    ),
)
ORDERS: Final = BoundaryPlan(
    row="TX-L4",
    service="paper-execution/reliability/production-readiness",
    unready="local_paper_oms_scaffolding_not_production_oms",
    shown="local_paper_oms_shown_not_production_oms",
    summary="Paper orders with a state machine; no production order system.",
    flags=words(
        "order_state_machine_enabled local_sqlite_persistence_enabled"
        " local_outbox_metadata_enabled duplicate_idempotency_metadata_enabled"
        " execution_report_metadata_enabled timeout_candidate_scan_enabled"
        " explicit_paper_timeout_mark_enabled asynchronous_order_processing_enabled"
        " distributed_durable_queue_enabled outbox_worker_enabled full_timeout_worker_enabled"
        " amend_replace_enabled production_partial_fill_accounting_enabled"
        " broker_execution_report_ingestion_enabled formal_reconciliation_loop_enabled"
        " production_oms_ready"
    ),
    safety=words(SAFETY + "external_db_written live_approval_granted production_oms_ready"),
    missing=_entries(
        ("*worker that processes orders on its own", "asynchronous_order_processing_enabled"),
        ("*durable queue and outbox worker", "distributed_durable_queue_enabled"),
        ("*amend and replace", "amend_replace_enabled"),
        ("*reconciliation loop", "formal_reconciliation_loop_enabled"),
        ("policy for retry, dead letters and replay", "outbox_worker_enabled"),
        ("scheduled timeouts and recovery", "full_timeout_worker_enabled"),
        ("quantity accounting", "production_partial_fill_accounting_enabled"),
        ("reports taken in from a gateway", "broker_execution_report_ingestion_enabled"),
        ("monitoring and runbooks", "production_oms_ready"),
    ),
    required=_entries(
        ("*architecture of the queue", "distributed_durable_queue_enabled"),
        ("*worker that may run twice", "outbox_worker_enabled"),
        ("*reconciliation under a locked state", "formal_reconciliation_loop_enabled"),
        ("meaning of retry, timeout, dead letter, replay", "full_timeout_worker_enabled"),
        ("contracts of amend and cancel", "amend_replace_enabled"),
        ("reports behind the gateway", "broker_execution_report_ingestion_enabled"),
        ("tests of load, failure, duplicates", "asynchronous_order_processing_enabled"),
        (_REVIEWS, "production_oms_ready"),
    ),
)
STORAGE: Final = BoundaryPlan(
    row="TX-L5",
    service="paper-execution/audit-integrity/worm-readiness",
    unready="local_sqlite_not_production_worm_ledger",
    shown="local_log_controls_shown_not_production_worm_ledger",
    summary="A chained, signed log in a local database; no certified write-once store.",
    flags=words(
        "local_sqlite_audit_enabled local_hash_chain_enabled worm_storage_enabled"
        " immutable_ledger_enabled append_only_enforced_by_storage"
        " centralized_audit_service_enabled object_lock_enabled external_timestamping_enabled"
        " cryptographic_signing_enabled retention_policy_enforced legal_hold_enabled"
        " audit_export_reviewed production_audit_compliance"
    ),
    safety=words(SAFETY + "external_db_written worm_compliance_claim production_audit_compliance"),
    missing=_entries(
        ("*controls of the storage itself", "worm_storage_enabled"),
        ("*central audit service", "centralized_audit_service_enabled"),
        ("*signing and time from outside", "external_timestamping_enabled"),
        ("*retention and legal hold", "retention_policy_enforced"),
        ("roles and attributes on reading and export", "audit_export_reviewed"),
        ("monitoring and recovery", "audit_access_monitoring_enabled"),
        ("independent review", "production_audit_compliance"),
    ),
    required=_entries(
        ("*choice of storage", "object_lock_enabled"),
        ("*schemas, rules of retention and hold", "legal_hold_enabled"),
        ("*review of security, law and recovery", "production_audit_compliance"),
        ("append only, in one fixed sequence", "append_only_enforced_by_storage"),
        ("signing, time-stamps and keys", "cryptographic_signing_enabled"),
        ("reading by tenant", "tenant_scoped_audit_access_enabled"),
        ("audited export", "audit_export_reviewed"),
    ),
)
