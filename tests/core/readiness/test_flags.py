"""Every flag on both sides of its probe."""

from datetime import timedelta

import pytest

from counterseal.readiness.decide import PLANS, ROW_OF, evaluate
from counterseal.readiness.flags import NEVER, PROBE_OF, VIOLATIONS
from counterseal.readiness.model import Exercise, Observation, RunKind, RunSeen
from tests.core.readiness.seen import (
    BARE,
    BLIND,
    FULL,
    IDLE,
    LIVE,
    MANAGED,
    changed,
    run,
    with_outcome,
)

CERTIFIED = sorted(name for name, probe in PROBE_OF.items() if probe.certification)
PROBED = sorted(set(PROBE_OF) - set(CERTIFIED))
BROKEN = FULL.amended(home=None, home_problem="DATABASE_FAILED")
SIDES: tuple[Observation, ...] = (FULL, MANAGED, BARE, LIVE, BROKEN)
ON_ALL_SIDES = tuple(evaluate(seen) for seen in SIDES)
OF_FULL, OF_MANAGED, OF_LIVE = (ON_ALL_SIDES[SIDES.index(one)] for one in (FULL, MANAGED, LIVE))
UNSEEN = evaluate(BLIND)
NEEDS_NO_LOOK = {
    *("paper_only", "paper_provider", "sqlite", "managed_datastore", "live_settings"),
    *("database_url", "certification", "outstanding_paper_only", "outstanding_managed_datastore"),
    *("hosted_store", "hosted_migrations"),
}
"""Probes that the settings alone decide, here for a paper house on SQLite."""
every_flag = pytest.mark.parametrize("name", sorted(PROBE_OF), ids=lambda n: f"{ROW_OF[n]}:{n}")
probed = pytest.mark.parametrize("name", PROBED, ids=lambda n: f"{ROW_OF[n]}:{n}")


def _value(seen: Observation, name: str) -> bool | None:
    return evaluate(seen)[name].value


@probed
def test_a_probe_shows_its_flag_true_and_false(name: str) -> None:
    """TX-L8, TX-L1:flag to TX-L7:path:flag: no flag is a constant."""
    assert {flags[name].value for flags in ON_ALL_SIDES} >= {True, False}


@pytest.mark.parametrize("name", CERTIFIED)
def test_what_no_software_may_say_of_itself_is_false_on_every_side(name: str) -> None:
    """TX-L8: certification is given from outside; the flag says so."""
    found = [flags[name] for flags in (*ON_ALL_SIDES, UNSEEN)]

    assert {flag.value for flag in found} == {False}
    assert {flag.probe for flag in found} == {"certification"}


@every_flag
def test_what_was_not_looked_at_is_never_ready(name: str) -> None:
    """TX-L8: unknown is `could_not_check`; only a requirement stands without being seen."""
    flag = UNSEEN[name]

    if flag.probe not in NEEDS_NO_LOOK:
        assert flag.value is (True if flag.probe.startswith("outstanding_") else None)


@every_flag
def test_a_flag_names_its_probe_what_it_looks_at_and_what_it_saw(name: str) -> None:
    """TX-L8: the evidence comes with the flag."""
    for flags in (*ON_ALL_SIDES, UNSEEN):
        flag = flags[name]
        assert flag.probe == PROBE_OF[name].name
        assert flag.looks_at
        assert flag.evidence
        assert flag.row.startswith("TX-")


def test_exactly_the_listed_flags_stay_false_whatever_is_installed() -> None:
    """TX-L8: paper only, and nobody certifies their own work."""
    listed = {
        *("formal_compliance_approval_enabled", "production_approval_authority"),
        *("production_compliance_approval", "production_compliance_archive_enabled"),
        *("production_risk_approval", "production_cross_account_risk"),
        *("production_cross_account_risk_system", "production_execution_model"),
        *("real_account_margin_feed_enabled", "broker_position_feed_enabled"),
        *("real_market_matching_engine_enabled", "real_account_reconciliation_enabled"),
        *("production_oms_ready", "production_oms_enabled", "production_audit_compliance"),
        *("production_compliance_trail_ready", "production_security_approval"),
        *("production_operations_ready", "production_customer_onboarding_ready"),
        *("production_trading_ready", "live_trading_enabled", "live_approval_granted"),
        *("live_permissions_granted", "live_execution_eligible", "approval_for_live"),
        *("worm_compliance_claim", "immutable_log_claim", "compliance_claim"),
        *("real_order_created", "broker_api_called", "broker_credentials_collected"),
        *("credentials_collected", "investment_advice", "performance_claim"),
    }
    others = VIOLATIONS | set(CERTIFIED)

    assert listed == NEVER
    assert others >= NEVER
    assert {n for n in others if OF_FULL[n].value or OF_MANAGED[n].value} == set()


@pytest.mark.parametrize("name", sorted(VIOLATIONS))
def test_a_sign_of_live_is_told_not_hidden(name: str) -> None:
    """TX-L8: a violation turns its flag true; only a constant could hide it."""
    assert OF_LIVE[name].value is True


@pytest.mark.parametrize("exercise", list(Exercise))
def test_every_exercise_decides_a_flag(exercise: Exercise) -> None:
    """TX-L8: an outcome that no flag reads would prove nothing."""
    best = OF_MANAGED
    failed = evaluate(with_outcome(MANAGED, exercise, passed=False))
    unknown = evaluate(with_outcome(MANAGED, exercise, passed=None))
    moved = [name for name in best if failed[name].value != best[name].value]

    assert moved
    assert all(unknown[n].value is None or "outstanding" in unknown[n].probe for n in moved)


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        ("home.log.size", 0, "local_hash_chain_enabled"),
        ("home.log.findings", 1, "local_hash_chain_enabled"),
        ("home.log.findings", 1, "decision_history_immutable"),
        ("home.log.sealed", 0, "cryptographic_signing_enabled"),
        ("home.log.checkpoint_verified", False, "cryptographic_signing_enabled"),
        ("home.log.guards_missing", ("guard",), "append_only_enforced_by_storage"),
        ("home.log.guards_missing", ("guard",), "immutable_ledger_enabled"),
        ("home.log.differences", 1, "durable_risk_state_store_enabled"),
        ("home.log.decision_differences", 1, "decision_history_immutable"),
        ("home.log.witnesses", 0, "centralized_audit_service_enabled"),
        ("home.log.witnesses", 0, "immutable_audit_log_enabled"),
        ("home.cases.unresolved", 1, "approval_policy_versioning_enabled"),
        ("home.cases.decisions", 0, "reviewer_identity_verified"),
        ("home.cases.decisions", 0, "signed_approval_records_enabled"),
        ("home.cases.decisions", 0, "decision_history_immutable"),
        ("home.cases.unverified", 1, "reviewer_identity_verified"),
        ("home.cases.without_login", 1, "reviewer_identity_verified"),
        ("home.cases.reviewers_with_keys", 0, "reviewer_login_created"),
        ("home.orders.keys_unique", False, "duplicate_idempotency_metadata_enabled"),
        ("home.orders.reports", 0, "production_partial_fill_accounting_enabled"),
        ("home.orders.reports_broken", 1, "production_partial_fill_accounting_enabled"),
        ("home.orders.reports_broken", 1, "execution_report_metadata_enabled"),
        ("home.orders.quote_bases", ("book", "caller"), "caller_provided_quote_only"),
        ("home.orders.accounts", 2, "single_account_demo_state_enabled"),
        ("home.orders.accounts", 0, "single_account_demo_state_enabled"),
        ("home.orders.kill_switches", 0, "kill_switch_active"),
        ("home.orders.heartbeats_missing", 1, "broker_heartbeat_healthy"),
        ("home.orders.gateways", ("acme",), "paper_only"),
        ("home.policy.bundle_hash", "", "rbac_abac_enforced"),
        ("home.policy.matches", False, "rbac_abac_enforced"),
        ("home.policy.votes", 0, "rbac_abac_enforced"),
        ("home.policy.votes", 1, "centralized_risk_limits_enabled"),
        ("home.policy.matches", False, "abac_enforced"),
        ("home.access.providers", 0, "auth_provider_enabled"),
        ("home.access.provider_logins", 0, "real_auth_provider_enabled"),
        ("home.access.sessions_open", 0, "authenticated"),
        ("home.cases.administrators_with_keys", 0, "admin_login_created"),
        ("home.cases.operators_with_keys", 0, "operator_login_created"),
        ("home.policy.limits", False, "centralized_risk_limits_enabled"),
        ("home.runs", (), "formal_reconciliation_loop_enabled"),
        ("home.runs", (), "full_timeout_worker_enabled"),
        ("home.runs", (), "outbox_worker_enabled"),
        ("home.runs", (), "asynchronous_order_processing_enabled"),
        ("home.runs", (), "slippage_liquidity_calibration_enabled"),
        ("home.policy.retention_rules", 0, "retention_policy_enforced"),
        ("parts.kinds_without_tenant", ("orders",), "tenant_isolation_enforced"),
        ("settings.broker_provider", "acme", "paper_only"),
        ("settings.trading_mode", "live", "paper_only"),
        ("settings.database_kind", "postgresql", "local_sqlite_audit_enabled"),
        ("effects", IDLE.amended(writing_opens=1), "read_only"),
        ("effects", IDLE.amended(outside_connections=1), "local_only"),
    ],
)
def test_one_fact_alone_turns_a_flag(path: str, value: object, name: str) -> None:
    """TX-L8: each fact that a probe looks at decides it, and nothing else changed."""
    assert OF_FULL[name].value is True
    assert _value(changed(FULL, path, value), name) is False


RUNS = {
    RunKind.RECONCILIATION: "formal_reconciliation_loop_enabled",
    RunKind.TIMEOUT_SCAN: "full_timeout_worker_enabled",
    RunKind.WORKER: "outbox_worker_enabled",
    RunKind.CALIBRATION: "slippage_liquidity_calibration_enabled",
    RunKind.LOSS_WATCH: "real_time_equity_pnl_tracking_enabled",
    RunKind.MARKET_WATCH: "real_time_equity_pnl_tracking_enabled",
}


def with_run(newest: RunSeen) -> Observation:
    """Everything seen, with this run as the only one of its kind."""
    assert FULL.home is not None
    others = tuple(one for one in FULL.home.runs if one.kind is not newest.kind)
    return changed(FULL, "home.runs", (*others, newest))


@pytest.mark.parametrize("kind", RunKind)
@pytest.mark.parametrize(("seconds", "shown"), [(60, True), (61, False), (-60, True), (-61, False)])
def test_a_run_counts_until_the_next_is_overdue(kind: RunKind, seconds: int, shown: bool) -> None:
    """TX-L3, TX-L4: within its interval, from both sides, also of now, with a reference to it."""
    at = FULL.at - timedelta(seconds=seconds)
    flag = evaluate(with_run(run(kind, at=at)))[RUNS[kind]]

    assert flag.value is shown
    assert "run-1" in flag.evidence
    assert ("in time" in flag.evidence) is shown


@pytest.mark.parametrize("kind", RunKind)
def test_a_run_that_never_grows_old_counts_while_it_is_whole(kind: RunKind) -> None:
    """TX-L3, TX-L4: a result that misses a part shows nothing."""
    long_ago = run(kind, at=FULL.at - timedelta(days=900)).amended(due_seconds=None)
    partly = run(kind, whole=False)

    assert _value(with_run(long_ago), RUNS[kind]) is True
    assert _value(with_run(partly), RUNS[kind]) is False


@every_flag
def test_evidence_tells_when_it_was_found_and_where_the_log_stood(name: str) -> None:
    """TX-L8: what was checked, when, the result, and a reference into the log."""
    flag, unseen = OF_FULL[name], UNSEEN[name]

    assert (flag.checked_at, flag.log_size) == (FULL.at, 9)
    assert (unseen.checked_at, unseen.log_size) == (BLIND.at, None)


@pytest.mark.parametrize(
    ("effect", "name"),
    [
        ({"orders_added": 1, "writing_opens": 1}, "order_created"),
        ({"writing_opens": 1}, "database_written"),
        ({"outside_connections": 1}, "external_db_written"),
        ({"outside_connections": 1}, "real_account_data_loaded"),
    ],
)
def test_an_effect_of_the_call_is_measured(effect: dict[str, object], name: str) -> None:
    """TX-L8: effect flags describe this call."""
    assert OF_FULL[name].value is False
    assert _value(FULL.amended(effects=IDLE.amended(**effect)), name) is True


def test_what_others_write_meanwhile_is_not_this_call() -> None:
    """TX-L8: an order of somebody else is none of this call."""
    meanwhile = FULL.amended(effects=IDLE.amended(orders_added=1))

    assert _value(meanwhile, "order_created") is False
    assert _value(meanwhile, "read_only") is True


def test_every_flag_has_one_probe_and_every_probe_has_a_flag() -> None:
    """TX-L8: the two tables cover each other."""
    assert set(ROW_OF) == set(PROBE_OF)


def test_the_boundaries_hold_every_flag_of_their_tables() -> None:
    """TX-L1 to TX-L7: how many flags each boundary has."""
    found = [(plan.row, len(plan.flags), len(set(plan.flags))) for plan in PLANS]

    counts = [20, 15, 11, 16, 13, 15, 6, 18, 14, 22, 8, 4, 27, 16, 23, 12, 14, 12]
    assert [(count, unique) for _, count, unique in found] == [(n, n) for n in counts]
