"""Which probe sets which flag of logins, tenants, hosting and operations.

Job: the rows that mostly hosted boundaries show; `readiness.flags` joins them with the others.

Invariants
  I1  A requirement stands until the probe of its control is true.

Not here: the probes, the lists of a boundary (boundaries, hosted).
Source: TX-L7.
"""

from typing import Final

from counterseal.readiness import home_probes as home
from counterseal.readiness import probes
from counterseal.readiness.model import Exercise
from counterseal.readiness.probes import Probe, built, every, exercised, outstanding, present

_E = Exercise
_SECOND_FACTOR = exercised(_E.SECOND_FACTOR_ASKED)
_RESTORED = built(_E.RESTORED_FROM_BACKUP, "backup", "restore")
_HOSTED_STORE = every("hosted_store", home.HOSTED, probes.MANAGED)
_HOSTED_TENANTS = every("hosted_tenants", home.HOSTED, probes.TENANTS)
_SECRET_STORE = present("secret_store", "vault", "secret_store")

HOSTED_TABLE: Final[tuple[tuple[Probe, str], ...]] = (
    (home.REVIEWERS, "reviewer_login_created"),
    (home.ADMINISTRATORS, "admin_login_created"),
    (home.OPERATORS, "operator_login_created"),
    (
        home.LOGIN,
        "login_enabled real_login_enabled reviewer_login_enabled session_issuance_enabled",
    ),
    (exercised(_E.SESSION_ENDED), "session_validation_enabled"),
    (home.OPEN_SESSIONS, "authenticated"),
    (present("session_cookie", "session_cookie"), "session_cookie_issued"),
    (
        home.PROVIDER,
        (
            "auth_provider_enabled hosted_auth_provider_enabled real_auth_provider_enabled"
            " provider_selected integration_enabled"
        ),
    ),
    (
        every("customer_login", home.HOSTED, home.LOGIN),
        (
            "customer_login_enabled customer_accounts_enabled customer_account_enabled"
            " customer_signup_enabled customer_account_created"
        ),
    ),
    (_SECOND_FACTOR, "mfa_enabled"),
    (
        home.HOSTED,
        (
            "hosted_backend_enabled hosted_backend_runtime_enabled paper_workflow_online_enabled"
            " hosted_paper_customer_workspace_enabled online_sandbox_tenant_enabled"
            " browser_only_customer_onboarding_enabled marketplace_provisioning_enabled"
            " guided_demo_data_hosted production_vercel_hosted_backend_connectivity_configurable"
            " online_sandbox_tenant_created hosted_mutations_enabled"
        ),
    ),
    (
        _HOSTED_STORE,
        (
            "hosted_datastore_enabled managed_datastore_enabled production_datastore_enabled"
            " managed_postgres_selected hosted_records_writable hosted_records_readable"
            " hosted_persistence_enabled"
        ),
    ),
    (
        _HOSTED_TENANTS,
        (
            "hosted_tenant_datastore_enabled hosted_tenant_records_enabled tenant_created"
            " tenant_record_created"
        ),
    ),
    (home.LOCAL_PRIMARY, "local_demo_mode_primary"),
    (
        every("hosted_on_sqlite", home.HOSTED, probes.SQLITE),
        (
            "local_sqlite_allowed_for_production local_sqlite_access_from_production_vercel"
            " local_sqlite_allowed_for_hosted_tenant_records"
        ),
    ),
    (
        every("hosted_migrations", _HOSTED_STORE, present("migrations", "migrat", "alembic")),
        "migrations_apply_enabled apply_enabled",
    ),
    (_RESTORED, "backup_policy_configured restore_drill_verified"),
    (probes.DATABASE_URL, "database_url_read"),
    (
        outstanding(probes.MANAGED),
        "local_sqlite_replacement_required database_url_required_before_apply",
    ),
    (
        outstanding(probes.TENANTS),
        (
            "tenant_key_required tenant_isolation_required tenant_id_required_on_every_request"
            " tenant_id_required_on_every_record tenant_admin_role_required_for_membership_changes"
            " criterion_tenant_boundary"
        ),
    ),
    (
        outstanding(_RESTORED),
        (
            "point_in_time_recovery_required backup_before_apply_required backup_required"
            " restore_drill_before_customer_pilot_required restore_required"
        ),
    ),
    (outstanding(home.LEGAL_HOLD), "legal_hold_required_before_delete"),
    (outstanding(home.RETENTION), "retention_required"),
    (
        outstanding(home.PROVIDER),
        "provider_required criterion_deployment_fit",
    ),
    (outstanding(home.LOGIN), "session_audit_required criterion_session_security"),
    (outstanding(_SECOND_FACTOR), "mfa_required_for_privileged_roles criterion_mfa"),
    (outstanding(home.RBAC), "criterion_role_mapping"),
    (outstanding(exercised(_E.READING_RECORDED)), "criterion_auditability"),
    (outstanding(probes.PAPER_ONLY), "criterion_paper_only_enforcement"),
    (outstanding(exercised(_E.ONE_REVIEW_REFUSED)), "dual_review_required_for_future"),
    (
        present("web_backend", "api_base_url", "backend_url"),
        (
            "environment_aware_api_base_url_supported local_backend_fallback_supported"
            " server_side_fetch_supported browser_fetch_supported_for_read_only_panels"
            " hosted_backend_requires_https"
        ),
    ),
    (present("sample_mode", "cli.demo", "sample_mode"), "fallback_sample_mode_supported"),
    (
        present("guided_demo", "cli.demo", "web.demo"),
        "guided_demo_data_contract_defined",
    ),
    (present("login_page", "web.people", "web.login", "web.session"), "login_status_displayed"),
    (present("tenant_page", "web.tenant"), "tenant_displayed"),
    (present("roles_page", "cli.people", "web.people"), "roles_displayed"),
    (present("permissions_page", "web.permission"), "permissions_displayed"),
    (present("live_controls", "live_control", "go_live"), "live_trading_controls_visible"),
    (
        _SECRET_STORE,
        (
            "secrets_management_enabled vault_or_managed_secret_store_enabled secrets_added"
            " secrets_stored"
        ),
    ),
    (present("public_environment", "public_env", "next_public"), "secrets_allowed_in_public_env"),
    (present("secret_scan", "secret_scan", "gitleaks"), "static_secret_scan_gate_enabled"),
    (present("release_gate", "ci:"), "ci_release_readiness_gate_enabled"),
    (present("smoke_gate", "ci:demo", "smoke"), "production_smoke_gate_enabled"),
    (present("rate_limit", "rate_limit"), "rate_limiting_enabled"),
    (present("observability", "telemetry", "metrics"), "observability_pipeline_enabled"),
    (present("staging_gate", "staging"), "staging_smoke_gate_enabled"),
    (present("load_test", "load_test"), "load_test_gate_enabled"),
    (present("abuse_test", "ci:torture", "abuse_test"), "abuse_test_gate_enabled"),
    (present("boundary_test", "auth_boundary"), "auth_boundary_test_gate_enabled"),
    (present("runbook", "runbook"), "incident_runbook_enabled"),
    (probes.ACTED, "load_test_executed abuse_test_executed"),
    (home.QUEUE, "local_demo.can_read_actual_paper_records"),
    (home.STORE_READ, "local_demo.can_write_paper_records"),
    (probes.SQLITE, "local_demo.local_sqlite_allowed"),
    (
        home.HOSTED,
        (
            "local_demo.auth_required local_demo.tenant_isolation_required"
            " local_demo.managed_datastore_required"
        ),
    ),
    (
        every("hosted_records", home.HOSTED, home.STORE_READ),
        (
            "hosted_paper.can_read_actual_paper_records hosted_paper.can_write_paper_records"
            " production.can_read_actual_paper_records production.can_write_paper_records"
        ),
    ),
    (
        every("hosted_sqlite", home.HOSTED, probes.SQLITE),
        "hosted_paper.local_sqlite_allowed production.local_sqlite_allowed",
    ),
    (outstanding(home.PROVIDER), "hosted_paper.auth_required production.auth_required"),
    (
        outstanding(probes.TENANTS),
        "hosted_paper.tenant_isolation_required production.tenant_isolation_required",
    ),
    (
        outstanding(probes.MANAGED),
        "hosted_paper.managed_datastore_required production.managed_datastore_required",
    ),
)
"""Probe and the flags that it sets."""
