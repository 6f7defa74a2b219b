"""Which probe sets which flag.

Job: give every flag of the boundaries its one probe, so that no two panels can disagree.

Invariants
  I1  A flag has one probe, wherever it is shown.

Not here: the probes, the lists of a boundary (boundaries, hosted).
Source: TX-L1 to TX-L7; TX-G13, TX-H17, TX-I10, TX-I11, TX-K6.
"""

from collections.abc import Mapping
from typing import Final

from counterseal.readiness import home_probes as home
from counterseal.readiness import probes
from counterseal.readiness.boundaries import words
from counterseal.readiness.hosted_flags import HOSTED_TABLE
from counterseal.readiness.model import Exercise, RunKind
from counterseal.readiness.probes import (
    CERTIFICATION,
    Probe,
    built,
    every,
    exercised,
    inverse,
    present,
    ran,
)

_E = Exercise
_WORKER = every("worker", exercised(_E.WORKER_DRAINS), ran(RunKind.WORKER))
_CREDENTIALS = present(
    "broker_credentials", "broker_credential", "broker_password", "broker_api_key"
)

_TABLE: Final[tuple[tuple[Probe, str], ...]] = (
    (
        CERTIFICATION,
        (
            "formal_compliance_approval_enabled production_approval_authority"
            " production_compliance_approval production_compliance_archive_enabled"
            " production_risk_approval production_cross_account_risk"
            " production_cross_account_risk_system production_execution_model production_oms_ready"
            " production_oms_enabled production_audit_compliance production_compliance_trail_ready"
            " production_security_approval production_operations_ready"
            " production_customer_onboarding_ready production_trading_ready worm_compliance_claim"
            " immutable_log_claim compliance_claim investment_advice performance_claim"
        ),
    ),
    (
        probes.REAL_GATEWAY,
        (
            "broker_api_called broker_api_enabled real_order_created real_money_visible"
            " real_account_margin_feed_enabled broker_position_feed_enabled"
            " real_market_matching_engine_enabled real_account_reconciliation_enabled"
            " generated_from_real_account"
        ),
    ),
    (
        probes.LIVE,
        (
            "live_trading_enabled live_approval_granted live_permissions_granted"
            " live_execution_eligible approval_for_live can_enable_live_trading"
        ),
    ),
    (
        _CREDENTIALS,
        (
            "broker_credentials_collected credentials_collected credential_collection_enabled"
            " can_upload_broker_credentials broker_credentials_allowed_in_public_env"
        ),
    ),
    (probes.PAPER_ONLY, "paper_only paper_only_boundary_visible"),
    (probes.PAPER_PROVIDER, "broker_provider"),
    (probes.READ_ONLY, "read_only read_only_contract dry_run_only"),
    (
        probes.WRITTEN,
        (
            "database_written automatic_migration_apply automatic_apply_enabled"
            " paper_execution_approval_granted mutation_permissions_granted"
        ),
    ),
    (probes.ORDERED, "order_created"),
    (
        probes.CONNECTED,
        (
            "external_db_written hosted_datastore_written external_market_data_downloaded"
            " external_account_data_loaded real_account_data_loaded connection_attempted"
        ),
    ),
    (home.QUEUE, "local_paper_approval_queue_enabled"),
    (
        home.SQLITE_STORE,
        (
            "local_sqlite_persistence_enabled local_sqlite_audit_enabled local_sqlite_access"
            " local_sqlite_only"
        ),
    ),
    (exercised(_E.ONE_REVIEW_REFUSED), "local_dual_review_rule_enabled"),
    (home.IDENTITY, "reviewer_identity_verified"),
    (home.RBAC_ABAC, "rbac_abac_enforced rbac_abac_enabled"),
    (home.RBAC, "rbac_enabled rbac_enforced membership_required"),
    (home.ATTRIBUTES, "abac_enabled abac_enforced"),
    (every("state_enforced", home.POLICY, exercised(_E.STATE_DENIES)), "approval_state"),
    (exercised(_E.ENVIRONMENT_DENIES), "paper_only_mode environment_scope"),
    (home.SEPARATION, "segregation_of_duties_enforced"),
    (home.ENGINE, "compliance_policy_engine_enabled"),
    (home.POLICIES, "approval_policy_versioning_enabled"),
    (
        probes.TENANTS,
        (
            "tenant_scoped_approval_records_enabled"
            " tenant_scoped_audit_access_enabled tenant_isolation_enforced tenant_scope"
        ),
    ),
    (inverse("tenants_crossed", probes.TENANTS), "cross_tenant_access_allowed"),
    (probes.TENANT_KEYS, "tenant_key_enforced"),
    (home.RETENTION, "legal_retention_policy_enforced retention_policy_enforced"),
    (home.CHAIN, "local_hash_chain_enabled local_hash_chain_preview_enabled"),
    (home.WORM, "worm_ledger_enabled worm_storage_enabled object_lock_enabled"),
    (home.IMMUTABLE, "immutable_audit_log_enabled immutable_ledger_enabled"),
    (home.WITNESSES, "centralized_audit_service_enabled"),
    (home.DECISIONS, "signed_approval_records_enabled"),
    (home.STAMPED, "external_timestamping_enabled"),
    (exercised(_E.ALL_CHECKS_RUN), "local_paper_guardrails_enabled risk_evaluation_detail_enabled"),
    (exercised(_E.SNAPSHOT_FROM_PORTFOLIO), "local_paper_state_enabled"),
    (home.DEMO_ACCOUNT, "single_account_demo_state_enabled"),
    (exercised(_E.DUPLICATE_REFUSED), "duplicate_idempotency_local_check_enabled"),
    (exercised(_E.ACCOUNTS_ADD_UP), "cross_account_aggregation_enabled"),
    (
        every("account_tree", exercised(_E.ACCOUNT_TREE_LIMITS), home.GROUP_LIMITS),
        "account_hierarchy_enabled",
    ),
    (exercised(_E.TENANT_RISK_APART), "tenant_isolated_risk_state_enabled"),
    (every("signed_limits", home.LIMITS, home.MANIFEST), "centralized_risk_limits_enabled"),
    (exercised(_E.SWITCH_STOPS_OTHER_PROCESS), "distributed_kill_switch_enabled"),
    (home.RESTART, "durable_risk_state_store_enabled"),
    (
        every(
            "equity",
            exercised(_E.EQUITY_FOLLOWS_QUOTE),
            exercised(_E.EQUITY_POLLED),
            ran(RunKind.MARKET_WATCH),
            ran(RunKind.LOSS_WATCH),
        ),
        "real_time_equity_pnl_tracking_enabled",
    ),
    (exercised(_E.MODEL_REPEATS), "deterministic_broker_simulation_enabled"),
    (exercised(_E.PREVIEW_ANSWERS), "local_quote_snapshot_preview_enabled"),
    (exercised(_E.FIVE_OUTCOMES), "paper_ack_reject_partial_fill_fill_cancel_enabled"),
    (home.CALLER_ONLY, "caller_provided_quote_only"),
    (built(_E.BOOK_REPLAYED, "book_replay", "order_book"), "exchange_order_book_replay_enabled"),
    (
        every(
            "reports_drive_orders",
            exercised(_E.DUPLICATE_REPORT_IGNORED),
            exercised(_E.REPORTS_INGESTED),
            exercised(_E.REPORTS_REPEATED),
        ),
        "broker_execution_report_model_enabled",
    ),
    (exercised(_E.REPORTS_INGESTED), "broker_execution_report_ingestion_enabled"),
    (exercised(_E.LATENCY_AND_QUEUE_MODELLED), "latency_queue_position_model_enabled"),
    (ran(RunKind.CALIBRATION), "slippage_liquidity_calibration_enabled"),
    (exercised(_E.ILLEGAL_MOVE_REFUSED), "order_state_machine_enabled"),
    (home.OUTBOX, "local_outbox_metadata_enabled"),
    (home.ORDER_KEYS, "duplicate_idempotency_metadata_enabled"),
    (home.REPORTS, "execution_report_metadata_enabled"),
    (exercised(_E.TIMEOUT_SCAN_ANSWERS), "timeout_candidate_scan_enabled"),
    (exercised(_E.TIMEOUT_PREVIEW_ANSWERS), "explicit_paper_timeout_mark_enabled"),
    (
        every("asynchronous", exercised(_E.ACCEPTED_BEFORE_PROCESSED), _WORKER),
        "asynchronous_order_processing_enabled",
    ),
    (
        every("queue", exercised(_E.QUEUE_SURVIVES), exercised(_E.MESSAGE_SURVIVES)),
        "distributed_durable_queue_enabled",
    ),
    (_WORKER, "outbox_worker_enabled"),
    (ran(RunKind.TIMEOUT_SCAN), "full_timeout_worker_enabled"),
    (
        every("amend", exercised(_E.AMENDED_UNDER_RISK), exercised(_E.AMEND_REFUSED_BY_RISK)),
        "amend_replace_enabled",
    ),
    (home.SUMS, "production_partial_fill_accounting_enabled"),
    (ran(RunKind.RECONCILIATION), "formal_reconciliation_loop_enabled"),
    (home.APPEND_ONLY, "append_only_enforced_by_storage audit_append_only_enforced"),
    (home.CHECKPOINT, "cryptographic_signing_enabled"),
    (home.LEGAL_HOLD, "legal_hold_enabled"),
    (
        built(_E.EXPORT_APPROVED, "export_approval"),
        "audit_export_reviewed export_approval_workflow_enabled",
    ),
    (exercised(_E.DIRECT_APPEND_REFUSED), "append_only_audit_service_enabled"),
    (exercised(_E.UNSIGNED_REFUSED), "reviewer_identity_enforced"),
    (home.HISTORY, "decision_history_immutable"),
    (
        built(_E.EXPORT_REFUSED_AND_LOGGED, "desk.exports", "desk.evidence", "evidence_export"),
        "export_policy_enforced",
    ),
    (exercised(_E.READING_RECORDED), "audit_access_monitoring_enabled audit_monitoring_enabled"),
    (home.LOCAL_ONLY, "local_only"),
    (home.KILL_SWITCH, "kill_switch_active"),
    (home.HEARTBEAT, "broker_heartbeat_healthy"),
)

_CRITERIA: Final[tuple[tuple[Probe, str], ...]] = (
    (exercised(_E.MESSAGE_SENT_ONCE), "outbox_retries_idempotent"),
    (exercised(_E.DEAD_LETTER_REPLAYED), "dead_letters_replayable"),
    (exercised(_E.SECOND_WORKER_REFUSED), "second_worker_harmless"),
    (exercised(_E.MESSAGE_SURVIVES), "crashed_worker_resumed"),
    (exercised(_E.DUPLICATE_LOGGED), "duplicate_attempts_logged"),
    (exercised(_E.TIMEOUT_MARKED_ONCE), "timeout_marks_idempotent"),
    (exercised(_E.UNKNOWN_BLOCKS), "unknown_orders_block"),
    (exercised(_E.REPORTS_REPEATED), "duplicate_reports_ignored"),
    (exercised(_E.CONTRADICTION_MARKED), "contradictions_mark_orders"),
    (exercised(_E.MISMATCH_LOCKS), "mismatches_lock_accounts"),
    (
        every(
            "resolved_on_record",
            exercised(_E.MISMATCH_RESOLVED),
            exercised(_E.DOUBT_ENDED),
        ),
        "mismatches_resolved_on_record",
    ),
    (exercised(_E.LATE_FILL_COUNTED), "late_fills_counted"),
    (exercised(_E.CHANGES_ARE_EVENTS), "order_changes_recorded"),
    (exercised(_E.FILL_TAKEN_BACK), "fill_corrections_recorded"),
)
CRITERION_FLAGS: Final = tuple(name for _, name in _CRITERIA)
"""Flags that only the criteria of the blueprint show (TX-I11)."""

PROBE_OF: Final[Mapping[str, Probe]] = {
    name: probe for probe, names in (*_TABLE, *_CRITERIA, *HOSTED_TABLE) for name in names.split()
}
"""The probe of each flag."""

NEVER: Final = frozenset(
    words(
        "formal_compliance_approval_enabled production_approval_authority"
        " production_compliance_approval production_compliance_archive_enabled"
        " production_risk_approval production_cross_account_risk"
        " production_cross_account_risk_system production_execution_model"
        " real_account_margin_feed_enabled broker_position_feed_enabled"
        " real_market_matching_engine_enabled real_account_reconciliation_enabled"
        " production_oms_ready production_oms_enabled production_audit_compliance"
        " production_compliance_trail_ready production_security_approval"
        " production_operations_ready production_customer_onboarding_ready"
        " production_trading_ready live_trading_enabled live_approval_granted"
        " live_permissions_granted live_execution_eligible approval_for_live worm_compliance_claim"
        " immutable_log_claim compliance_claim real_order_created broker_api_called"
        " broker_credentials_collected credentials_collected investment_advice performance_claim"
    )
)
"""Flags that stay false whatever is installed, as long as settings and gateways are paper."""

_SIGNS: Final = (probes.REAL_GATEWAY, probes.LIVE, _CREDENTIALS)
VIOLATIONS: Final = frozenset(name for name, probe in PROBE_OF.items() if probe in _SIGNS)
"""Flags of which one alone says: this is not paper only."""
