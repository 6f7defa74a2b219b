"""The twelve hosted-paper boundaries, as tables.

Job: which flags each hosted path shows.

Invariants
  I1  Every path carries the same effect flags.
  I2  What a path would enable is missing until its flag is true.

Not here: values (readiness.decide), the probes (readiness.flags).
Source: TX-L7.
"""

from typing import Final

from counterseal.policy.words import Role
from counterseal.readiness.boundaries import SAFETY, BoundaryPlan, Entry, words
from counterseal.readiness.flags import PROBE_OF, VIOLATIONS

EFFECTS: Final = words(
    SAFETY + "external_db_written customer_account_created reviewer_login_created"
    " admin_login_created operator_login_created login_enabled session_cookie_issued"
    " hosted_auth_provider_enabled auth_provider_enabled tenant_record_created"
    " online_sandbox_tenant_created hosted_datastore_written secrets_stored load_test_executed"
    " abuse_test_executed production_security_approval real_money_visible"
    " production_customer_onboarding_ready"
)
"""What every hosted path says of its own call."""

_MODES: Final = ("local_demo", "hosted_paper", "production")
_MODE_FLAGS: Final = words(
    "can_read_actual_paper_records can_write_paper_records local_sqlite_allowed auth_required"
    " tenant_isolation_required managed_datastore_required"
)


def _would_enable(flag: str) -> bool:
    outside = flag in VIOLATIONS or PROBE_OF[flag].certification
    asked = flag.endswith(("_enabled", "_enforced", "_verified", ".can_write_paper_records"))
    effect = flag.startswith("automatic_")
    return (asked or flag == "authenticated") and not (outside or effect)


def _path(path: str, state: str, flags: str, supported: tuple[str, ...] = ()) -> BoundaryPlan:
    names = words(flags)
    return BoundaryPlan(
        row="TX-L7",
        service=f"hosted-paper/{path}",
        unready=state,
        shown="every_capability_shown_outside_review_outstanding",
        summary="Hosted paper trading, as far as probes see it; this product runs locally.",
        flags=names,
        safety=EFFECTS,
        missing=tuple(Entry(f"not shown: {n}", n) for n in names if _would_enable(n)),
        supported=supported,
    )


HOSTED: Final = (
    _path(
        "readiness",
        "not_enabled",
        "local_demo_mode_primary customer_login_enabled hosted_backend_enabled"
        " hosted_datastore_enabled rbac_abac_enabled paper_workflow_online_enabled",
    ),
    _path(
        "environment",
        "not_enabled",
        " ".join(f"{mode}.{flag}" for mode in _MODES for flag in _MODE_FLAGS),
        _MODES,
    ),
    _path(
        "datastore-readiness",
        "schema_only_no_hosted_datastore",
        "local_sqlite_replacement_required dry_run_only database_url_required_before_apply"
        " tenant_key_required managed_datastore_enabled hosted_records_writable"
        " hosted_records_readable tenant_key_enforced migrations_apply_enabled"
        " retention_policy_enforced audit_append_only_enforced apply_enabled"
        " automatic_migration_apply connection_attempted",
    ),
    _path(
        "production-datastore/readiness",
        "contract_only_no_production_datastore",
        "point_in_time_recovery_required dry_run_only backup_before_apply_required"
        " restore_drill_before_customer_pilot_required legal_hold_required_before_delete"
        " backup_required retention_required restore_required production_datastore_enabled"
        " managed_postgres_selected marketplace_provisioning_enabled hosted_records_writable"
        " hosted_records_readable migrations_apply_enabled backup_policy_configured"
        " restore_drill_verified retention_policy_enforced local_sqlite_allowed_for_production"
        " database_url_read connection_attempted apply_enabled automatic_apply_enabled",
    ),
    _path(
        "session",
        "mock_read_only",
        "read_only tenant_isolation_required authenticated hosted_auth_provider_enabled"
        " session_cookie_issued hosted_datastore_written can_enable_live_trading"
        " can_upload_broker_credentials",
        tuple(Role),
    ),
    _path(
        "tenants/current",
        "paper_only_mock",
        "tenant_isolation_required hosted_datastore_enabled local_sqlite_access"
        " live_trading_enabled",
    ),
    _path(
        "web-command-center/readiness",
        "environment_aware_connection_contract_only",
        "environment_aware_api_base_url_supported"
        " production_vercel_hosted_backend_connectivity_configurable"
        " local_backend_fallback_supported fallback_sample_mode_supported"
        " server_side_fetch_supported browser_fetch_supported_for_read_only_panels"
        " hosted_backend_requires_https read_only_contract login_status_displayed"
        " tenant_displayed roles_displayed permissions_displayed hosted_backend_runtime_enabled"
        " secrets_allowed_in_public_env broker_credentials_allowed_in_public_env"
        " hosted_paper_customer_workspace_enabled hosted_mutations_enabled"
        " real_auth_provider_enabled managed_datastore_enabled broker_api_enabled"
        " credential_collection_enabled production_trading_ready real_login_enabled"
        " customer_account_enabled reviewer_login_enabled rbac_abac_enforced"
        " tenant_isolation_enforced",
    ),
    _path(
        "identity-readiness",
        "schema_only_not_enabled",
        "dual_review_required_for_future tenant_isolation_required reviewer_login_enabled"
        " customer_accounts_enabled session_issuance_enabled session_cookie_issued mfa_enabled"
        " rbac_enabled abac_enabled mutation_permissions_granted live_permissions_granted"
        " tenant_isolation_enforced hosted_tenant_datastore_enabled"
        " hosted_tenant_records_enabled tenant_created"
        " local_sqlite_access_from_production_vercel",
        words("viewer research_reviewer risk_reviewer paper_operator tenant_admin"),
    ),
    _path(
        "identity-access-contract",
        "contract_only_not_implemented",
        "provider_required mfa_required_for_privileged_roles session_audit_required"
        " tenant_id_required_on_every_request tenant_id_required_on_every_record"
        " membership_required tenant_admin_role_required_for_membership_changes"
        " provider_selected real_login_enabled customer_signup_enabled reviewer_login_enabled"
        " session_issuance_enabled session_validation_enabled mfa_enabled"
        " cross_tenant_access_allowed local_sqlite_allowed_for_hosted_tenant_records"
        " tenant_isolation_enforced rbac_enforced abac_enforced paper_only_mode tenant_scope"
        " environment_scope approval_state",
        words("customer reviewer operator admin"),
    ),
    _path(
        "auth-provider-selection",
        "selection_matrix_only",
        "read_only criterion_tenant_boundary criterion_role_mapping criterion_session_security"
        " criterion_mfa criterion_auditability criterion_paper_only_enforcement"
        " criterion_deployment_fit provider_selected integration_enabled auth_provider_enabled"
        " secrets_added",
    ),
    _path(
        "security-operations/readiness",
        "readiness_contract_only_not_operational",
        "static_secret_scan_gate_enabled ci_release_readiness_gate_enabled"
        " production_smoke_gate_enabled secrets_management_enabled"
        " vault_or_managed_secret_store_enabled rate_limiting_enabled audit_monitoring_enabled"
        " observability_pipeline_enabled staging_smoke_gate_enabled load_test_gate_enabled"
        " abuse_test_gate_enabled auth_boundary_test_gate_enabled incident_runbook_enabled"
        " production_operations_ready",
    ),
    _path(
        "sandbox-tenant/onboarding-readiness",
        "contract_only_no_online_sandbox_tenant",
        "guided_demo_data_contract_defined paper_only_boundary_visible"
        " online_sandbox_tenant_enabled browser_only_customer_onboarding_enabled"
        " hosted_backend_enabled managed_datastore_enabled real_login_enabled"
        " tenant_isolation_enforced guided_demo_data_hosted hosted_persistence_enabled"
        " generated_from_real_account live_trading_controls_visible",
    ),
)
"""In the order of the table."""
