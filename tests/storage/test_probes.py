"""What readiness is told of a real home, a damaged one, and none."""

import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal.approvals import review_checks
from counterseal.approvals.authorization import reason_codes
from counterseal.approvals.execution import CheckedExecution, ExecutionCase, judge_execution
from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.approvals.reasons import ReasonCode
from counterseal.desk import orders
from counterseal.desk.commands import Outcome
from counterseal.desk.dispatch import Dispatch
from counterseal.desk.exports import Exports
from counterseal.desk.ports import Reader
from counterseal.desk.scratch import AUDITOR, scratch_actor
from counterseal.kernel.model import Actor, Refusal
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.readiness.decide import decide_boundaries, evaluate, unchecked
from counterseal.readiness.flags import CRITERION_FLAGS
from counterseal.readiness.model import Exercise, Flag, Observation
from storage import probes, scratch
from storage.guards import GUARDS
from storage.home_facts import home_facts
from storage.home_reader import read_home
from storage.probes import observe, parts_seen
from storage.settings import Settings
from tests.world import World

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("traded") / "home")
    world.done(world.submitted(world.approved()))
    return world


@pytest.fixture(scope="module")
def seen(traded: World) -> Observation:
    return observe(traded.settings, NOW)


@pytest.fixture
def copied(traded: World, tmp_path: Path) -> Iterator[World]:
    """A copy of the traded home, to be damaged."""
    traded.store.close()
    shutil.copytree(traded.home.parent, tmp_path / "copy")
    world = World.of(tmp_path / "copy" / traded.home.name)
    yield world
    world.store.close()


def _flags(world: World, seen: Observation) -> dict[str, Flag]:
    """The flags of another home, with everything else as seen before."""
    with read_home(world.settings) as reader:
        home = home_facts(reader, world.settings)
    return dict(evaluate(seen.amended(home=home)))


def test_a_governed_home_leaves_nothing_unchecked(seen: Observation) -> None:
    """TX-L1 to TX-L7: every flag of a healthy home is the outcome of a probe."""
    flags = evaluate(seen)

    assert unchecked(flags.values()) == ()
    assert {b.readiness_state for b in decide_boundaries(seen)}.isdisjoint({"could_not_check"})


@pytest.mark.parametrize(
    "name",
    [
        *("local_dual_review_rule_enabled", "segregation_of_duties_enforced"),
        *("reviewer_identity_enforced", "reviewer_identity_verified"),
        *("signed_approval_records_enabled", "local_hash_chain_enabled"),
        *("cryptographic_signing_enabled", "append_only_enforced_by_storage"),
        *("decision_history_immutable", "durable_risk_state_store_enabled"),
        *("distributed_kill_switch_enabled", "distributed_durable_queue_enabled"),
        *("local_paper_guardrails_enabled", "legal_hold_enabled", "retention_policy_enforced"),
        *("order_state_machine_enabled", "production_partial_fill_accounting_enabled"),
        *("cross_account_aggregation_enabled", "account_hierarchy_enabled"),
        "latency_queue_position_model_enabled",
        "tenant_isolated_risk_state_enabled",
        *("broker_execution_report_model_enabled", "broker_execution_report_ingestion_enabled"),
        "amend_replace_enabled",
        *CRITERION_FLAGS,
        *("compliance_policy_engine_enabled", "abac_enforced", "approval_state"),
        "export_policy_enforced",
        *("real_login_enabled", "mfa_enabled", "session_validation_enabled"),
        *("admin_login_created", "operator_login_created"),
        *("paper_only", "read_only", "local_only"),
    ],
)
def test_what_the_product_does_is_shown(seen: Observation, name: str) -> None:
    """TX-L8: where a capability is implemented, the flag is true with evidence."""
    assert evaluate(seen)[name].value is True


@pytest.mark.parametrize(
    "name",
    [
        *("worm_ledger_enabled", "centralized_audit_service_enabled", "immutable_ledger_enabled"),
        *("external_timestamping_enabled", "append_only_audit_service_enabled"),
        *("asynchronous_order_processing_enabled", "caller_provided_quote_only"),
        "exchange_order_book_replay_enabled",
        *("slippage_liquidity_calibration_enabled", "real_time_equity_pnl_tracking_enabled"),
        *("outbox_worker_enabled", "full_timeout_worker_enabled"),
        "formal_reconciliation_loop_enabled",
        *("tenant_isolation_enforced", "audit_access_monitoring_enabled"),
        *("rbac_abac_enforced", "centralized_risk_limits_enabled"),
        *(
            "paper_only_mode",
            "environment_scope",
            "real_auth_provider_enabled",
            "provider_selected",
        ),
        *("authenticated", "session_cookie_issued", "customer_login_enabled"),
        *("broker_api_called", "live_trading_enabled", "order_created", "database_written"),
    ],
)
def test_what_the_product_does_not_do_is_not_shown(seen: Observation, name: str) -> None:
    """TX-L8: no flag may say more than its probe saw."""
    flag = evaluate(seen)[name]

    assert flag.value is False
    assert flag.evidence


def test_looking_changes_nothing(traded: World, seen: Observation) -> None:
    """TX-L, read-only: no order, nothing opened for writing, no connection."""
    assert seen.effects is not None
    assert seen.effects.json_value() == {
        "writing_opens": 0,
        "orders_added": 0,
        "outside_connections": 0,
    }
    assert traded.verdict().exit_status == 0


def test_without_a_home_the_rest_is_still_computed(seen: Observation, tmp_path: Path) -> None:
    """TX-L8: unknown stays unknown; settings, core and rehearsal need no home."""
    home, problem = probes._home(Settings(counterseal_home=tmp_path / "none"))
    flags = evaluate(seen.amended(home=home, home_problem=problem))

    assert (home, problem) == (None, "DATABASE_MISSING")
    assert flags["local_hash_chain_enabled"].value is None
    assert flags["broker_api_called"].value is None
    assert flags["local_dual_review_rule_enabled"].value is True
    assert flags["live_trading_enabled"].value is False
    assert not (tmp_path / "none").exists()


def test_a_home_that_cannot_be_read_tells_why(copied: World, seen: Observation) -> None:
    """TX-L8: a failed reading is no empty home."""
    copied.store.close()
    copied.settings.database_file.write_bytes(b"no database at all" * 100)
    home, problem = probes._home(copied.settings)
    flags = evaluate(seen.amended(home=home, home_problem=problem))

    assert home is None
    assert problem not in {"", "DATABASE_MISSING"}
    assert flags["local_sqlite_persistence_enabled"].value is False
    assert flags["local_hash_chain_enabled"].value is None


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE audit_records SET body = X'7B7D' WHERE seq = 3", "local_hash_chain_enabled"),
        ("UPDATE audit_checkpoints SET note = 'none'", "cryptographic_signing_enabled"),
        ("DELETE FROM audit_records WHERE seq > 30", "local_hash_chain_enabled"),
        (
            "UPDATE approval_decisions SET reviewer_id = 'researcher'",
            "decision_history_immutable",
        ),
        ("UPDATE approval_decisions SET reviewer_id = 'quant'", "reviewer_identity_verified"),
        (
            """UPDATE approval_decisions SET demo_labels = '["demo-automatic"]'""",
            "reviewer_identity_verified",
        ),
        ("DELETE FROM person_keys", "signed_approval_records_enabled"),
        ("DELETE FROM policy_activations", "approval_policy_versioning_enabled"),
        (
            "UPDATE execution_reports SET leaves_quantity = '7'",
            "production_partial_fill_accounting_enabled",
        ),
        ("DELETE FROM positions", "durable_risk_state_store_enabled"),
        ("DELETE FROM approval_decisions", "reviewer_identity_verified"),
    ],
)
def test_a_damaged_home_turns_its_flag(
    copied: World, seen: Observation, statement: str, name: str
) -> None:
    """TX-L1 to TX-L6: the false side, on a real home that somebody changed."""
    assert evaluate(seen)[name].value is True

    assert copied.forge(statement)

    assert _flags(copied, seen)[name].value is False


def test_a_dropped_guard_is_seen(copied: World, seen: Observation) -> None:
    """TX-L5:append_only_enforced_by_storage: the guards of this home, not of another."""
    with closing(sqlite3.connect(copied.settings.database_file)) as connection:
        connection.execute(f"DROP TRIGGER {next(iter(GUARDS))}")

    assert _flags(copied, seen)["append_only_enforced_by_storage"].value is False


def test_an_unguarded_database_accepts_the_change(copied: World) -> None:
    """TX-L5: the exercise itself, on a database that refuses nothing."""
    database = copied.settings.database_file
    assert scratch._changes_refused(database).passed is True

    with closing(sqlite3.connect(database)) as connection:
        for name in GUARDS:
            connection.execute(f"DROP TRIGGER {name}")

    assert scratch._changes_refused(database).passed is False
    assert scratch._append_refused(database).passed is False


def _no_objection(case: ExecutionCase, now: datetime) -> CheckedExecution:
    return CheckedExecution(evaluation=judge_execution(case, now).evaluation)


def _about_acts_only(evaluation: PolicyEvaluation) -> list[ReasonCode]:
    people = {ReasonCode.REQUESTER_IS_REVIEWER, ReasonCode.ALREADY_REVIEWED}
    return [code for code in reason_codes(evaluation) if code not in people]


def _spent(request: ApprovalRequest, order_id: str, now: datetime) -> ApprovalRequest:
    return request.amended(
        status=RequestStatus.CONSUMED, consumed_by_order=order_id, updated_at=now
    )


def test_a_rehearsal_sees_a_gate_that_lets_everything_through(
    traded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-L1:local_dual_review_rule_enabled, false side: one review, and the order goes through."""
    monkeypatch.setattr(orders, "judge_execution", _no_objection)
    monkeypatch.setattr(orders, "decide_consume", _spent)
    monkeypatch.setattr(scratch, "_switch_elsewhere", lambda *_: False)

    told = {e.name: e.passed for e in scratch.rehearse(traded.settings)}

    assert told[Exercise.ONE_REVIEW_REFUSED] is False
    assert told[Exercise.REQUESTER_REFUSED] is True
    assert told[Exercise.ALL_CHECKS_RUN] is None
    assert told[Exercise.SWITCH_STOPS_OTHER_PROCESS] is None


def test_a_rehearsal_sees_a_review_that_asks_nothing_about_people(
    traded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-L1:segregation_of_duties_enforced, TX-L6:reviewer_identity_enforced, false side."""
    monkeypatch.setattr(review_checks, "reason_codes", _about_acts_only)
    monkeypatch.setattr(scratch, "_switch_elsewhere", lambda *_: False)

    told = {e.name: e.passed for e in scratch.rehearse(traded.settings)}

    assert told[Exercise.REQUESTER_REFUSED] is False
    assert told[Exercise.SAME_REVIEWER_REFUSED] is not True


def test_a_rehearsal_sees_an_export_that_lets_everybody_out(
    traded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-L6:export_policy_enforced, false side: an operator is answered as the auditor is."""
    barred = Exports._barred

    def as_auditor(
        self: Exports, reader: Reader, _: Actor, now: datetime
    ) -> Refusal | PolicyEvaluation:
        return barred(self, reader, scratch_actor(AUDITOR, now), now)

    monkeypatch.setattr(Exports, "_barred", as_auditor)
    monkeypatch.setattr(scratch, "_switch_elsewhere", lambda *_: False)

    told = {e.name: e.passed for e in scratch.rehearse(traded.settings)}

    assert told[Exercise.EXPORT_REFUSED_AND_LOGGED] is False


def test_a_rehearsal_sees_a_queue_that_repeats_and_a_switch_that_nobody_set(
    traded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-L4:distributed_durable_queue_enabled, TX-L2:distributed_kill_switch_enabled, false."""
    once = Dispatch.execute

    def repeated(self: Dispatch, batch_id: str, attempt: int, actor: Actor) -> tuple[Outcome, ...]:
        done = once(self, batch_id, attempt, actor)
        return done or (Outcome(subject_id=batch_id, sealed_size=0),)

    monkeypatch.setattr(Dispatch, "execute", repeated)
    monkeypatch.setattr(scratch, "_switch_elsewhere", lambda *_: True)

    told = {e.name: e.passed for e in scratch.rehearse(traded.settings)}

    assert told[Exercise.QUEUE_SURVIVES] is False
    assert told[Exercise.SWITCH_STOPS_OTHER_PROCESS] is False


def test_without_a_policy_nothing_was_rehearsed(traded: World, tmp_path: Path) -> None:
    """TX-L8: what could not be tried is told as such."""
    settings = traded.settings.model_copy(update={"counterseal_policies": tmp_path})
    told = scratch.rehearse(settings)

    assert {e.passed for e in told} == {None}
    assert all("POLICY_MISSING" in e.evidence for e in told)


def test_a_connection_beyond_this_machine_is_counted(tmp_path: Path) -> None:
    """TX-L, effect flags: connections are measured, loopback is none."""
    with probes._WATCH.over(tmp_path) as watch:
        watch.seen("socket.connect", (None, ("192.0.2.1", 443)))
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()
    watch.seen("socket.connect", (None, ("192.0.2.1", 443)))

    assert watch.connections == 1


def test_an_opening_for_writing_is_counted_and_a_reading_is_not(tmp_path: Path) -> None:
    """TX-L, effect flags: files and databases of the home, by this process."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    with probes._WATCH.over(home) as watch:
        (home / "a").write_text("written", "utf-8")
        (home / "a").read_text("utf-8")
        (elsewhere / "a").write_text("written", "utf-8")
        assert watch.writing_opens == 1
        for place in (home, elsewhere):
            with closing(sqlite3.connect(place / "b.sqlite")) as connection:
                connection.execute("CREATE TABLE t (x)")
        assert watch.writing_opens == 2
        uri = f"{(home / 'b.sqlite').as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("SELECT * FROM t")

    assert watch.writing_opens == 2


def test_parts_are_found_by_inspection() -> None:
    """TX-L8: tables, use cases, settings, modules and targets, from the files themselves."""
    parts = parts_seen()

    assert {"orders", "desk.lifecycle.cancel", "setting.trading_mode"} <= set(parts.names)
    assert {"ui.cli.readiness", "make:test"} <= set(parts.names)
    assert "orders" in parts.kinds_without_tenant
    assert "accounts" not in parts.kinds_without_tenant
