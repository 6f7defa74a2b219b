"""What people see of the paper workflow: rehearsed runs, stored runs, lists and counters."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from counterseal.approvals.model import RequestPayload
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.desk import Desk
from counterseal.desk.views.marks import unsafe_flags
from counterseal.desk.views.preview import (
    RememberingReader,
    SimulatedQuote,
    WorkflowInput,
    preview,
    supposing,
)
from counterseal.desk.views.records import audit_events
from counterseal.desk.views.workflow import (
    Persistence,
    WorkflowView,
    order_oms_events,
    order_reports,
    persistence_status,
    run_audit_events,
    run_detail,
    run_oms_events,
    runs,
    workflow_status,
)
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal
from counterseal.market.instruments import ContractRoot
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.signals.model import Direction, SignalReason, StrategySignal
from tests.world import World

KEYS = {
    *("workflow_run_id", "paper_only", "live_trading_enabled", "broker_api_called"),
    *("order_created", "paper_broker_gateway_called", "persisted", "persistence_backend"),
    *("approval", "paper_order_intent", "risk_evaluation", "oms_state", "paper_broker_ack"),
    *("paper_broker_simulation_result", "execution_reports", "audit_events", "message"),
}
NONE_SUCH = "paper-workflow-0123456789abcdef"
QUOTE = SimulatedQuote.model_validate(
    {"bid": 19_999, "ask": 20_000, "bid_size": 5, "ask_size": 5, "last": 19_999}
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def asked(request_id: str, **more: object) -> WorkflowInput:
    return WorkflowInput.model_validate({"approval_request_id": request_id, **more})


def previewed(
    world: World, wanted: WorkflowInput, *, key: str = "run-1", name: str = "operator"
) -> WorkflowView | Refusal:
    with world.store.reader() as reader:
        return preview(
            reader, world.desk.bench, wanted, world.actor(name), world.clock.now(), key=key
        )


def rehearsed(world: World, wanted: WorkflowInput) -> WorkflowView:
    found = previewed(world, wanted)
    assert isinstance(found, WorkflowView), found
    return found


def recorded(world: World, wanted: WorkflowInput, *, key: str = "run-1") -> WorkflowView:
    with world.store.reader() as reader:
        bench = supposing(reader, world.desk.bench, wanted)
    operator = world.actor("operator")
    outcome = Desk(bench).orders.submit(wanted.submission(), operator, key=key)
    return detail(world, world.order(outcome.subject_id))


def detail(world: World, order: Order) -> WorkflowView:
    with world.store.reader() as reader:
        found = run_detail(reader, world.log(), order.workflow_run_id)
    assert isinstance(found, WorkflowView)
    return found


def content(world: World) -> tuple[bytes, Mapping[str, object]]:
    """The file's bytes, and every row of every table."""
    with closing(sqlite3.connect(world.settings.database_file)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {
            name: connection.execute(f'SELECT * FROM "{name}"').fetchall()
            for (name,) in names.fetchall()
        }
    return world.settings.database_file.read_bytes(), tables


@pytest.mark.parametrize(
    "more",
    [
        {"quantity": 4, "broker_simulation": SimulationOutcome.FILL},
        {"quantity": 4, "broker_simulation_model": QUOTE},
        {"quantity": 4, "broker_simulation_model": QUOTE, "quote_age_seconds": 4},
        {},
    ],
)
def test_a_preview_writes_nothing_and_decides_what_the_record_then_does(
    world: World, more: Mapping[str, object]
) -> None:
    """TX-G2: same bytes and rows before and after; same decisions as the submit that follows."""
    wanted = asked(world.approved(), **more)
    before = content(world)
    seen = rehearsed(world, wanted)
    assert content(world) == before
    assert (seen.persisted, seen.persistence_backend) == (False, "none")

    done = recorded(world, wanted)
    assert (done.persisted, done.persistence_backend) == (True, "sqlite")
    assert (done.workflow_run_id, done.order_id) == (seen.workflow_run_id, seen.order_id)
    assert (done.oms_state, done.execution_reports) == (seen.oms_state, seen.execution_reports)
    assert done.paper_order_intent == seen.paper_order_intent
    assert done.risk_evaluation == seen.risk_evaluation
    assert done.paper_broker_simulation_result == seen.paper_broker_simulation_result
    assert [e.action for e in done.audit_events] == [e.action for e in seen.audit_events]


def test_a_refused_preview_names_the_rules_of_a_submit_and_writes_nothing(world: World) -> None:
    """TX-G2, TX-G4: not approved, unknown, spent, another person, no quote."""
    pending, approved, spent = world.requested(), world.approved(), world.approved()
    world.done(world.submitted(spent))
    before = content(world)

    def codes(wanted: WorkflowInput, name: str = "operator") -> tuple[str, ...]:
        found = previewed(world, wanted, name=name)
        assert isinstance(found, Refusal)
        return found.codes

    assert "STAGES_MISSING" in codes(asked(pending))
    assert codes(asked("apr_none")) == ("NOT_FOUND",)
    assert "ALREADY_CONSUMED" in codes(asked(spent))
    assert "ROLE" in codes(asked(approved), "quant")
    assert "PAYLOAD_CHANGED" in codes(asked(approved, quantity=5))
    partial = asked(approved, broker_simulation=SimulationOutcome.PARTIAL_FILL)
    assert codes(partial) == ("PARTIAL_FILL_NEEDS_TWO",)
    world.feed.quotes.clear()
    assert codes(asked(approved)) == ("NO_QUOTE",)
    assert content(world) == before


def test_the_request_has_its_defaults(world: World) -> None:
    """TX-G3: TMF, one contract, age 0, acknowledge; the acknowledged order rests at ACCEPTED."""
    wanted = asked(world.approved())
    assert (wanted.symbol, wanted.quantity) == (ContractRoot.TMF, Decimal(1))
    assert (wanted.quote_age_seconds, wanted.broker_simulation_model) == (Decimal(0), None)
    assert wanted.broker_simulation is SimulationOutcome.ACKNOWLEDGE
    assert wanted.paper_only
    assert wanted.submission().selected_outcome is SimulationOutcome.ACKNOWLEDGE
    assert asked("a", broker_simulation_model=QUOTE).submission().selected_outcome is None
    assert rehearsed(world, wanted).oms_state is OrderState.ACCEPTED


@pytest.mark.parametrize(
    "more",
    [
        {"quantity": 0},
        {"quantity": -1},
        {"symbol": "XYZ"},
        {"quote_age_seconds": -1},
        {"quote_age_seconds": 4},
        {"broker_simulation": "cheer"},
        {"paper_only": False},
        {"target_tx_equivalent": "5"},
    ],
)
def test_what_no_request_may_say_is_refused_by_its_type(more: Mapping[str, object]) -> None:
    """TX-G3: quantity above zero, a known contract and outcome, paper only, no foreign field."""
    with pytest.raises(ValidationError):
        asked("apr_1", **more)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("signal_id", "signal-other"),
        ("strategy_id", "momentum"),
        ("strategy_version", "9.9.9"),
        ("direction", Direction.SHORT),
        ("target_tx_equivalent", Decimal(5)),
        ("confidence", Decimal("0.1")),
    ],
)
def test_a_sent_signal_must_be_the_approved_one(world: World, field: str, value: object) -> None:
    """TX-G4, TX-Z4: each bound field; the same signal passes."""
    request_id = world.approved()
    [(payload,)] = world.rows("SELECT payload FROM approval_requests")
    bound = dict(RequestPayload.model_validate_json(str(payload)))
    same = {name: bound[name] for name in StrategySignal.model_fields if name in bound}
    more = {"timestamp": bound["created_at"], "reason": SignalReason(signals_only=True)}
    signal = StrategySignal.model_validate({**same, **more})
    assert isinstance(previewed(world, asked(request_id, signal=signal)), WorkflowView)
    refused = previewed(world, asked(request_id, signal=signal.amended(**{field: value})))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.details[0].value) == ("SIGNAL_MISMATCH", field)


def test_another_contract_than_the_approved_one_is_refused(world: World) -> None:
    """TX-G3, TX-G4: TX and MTX were not approved."""
    request_id = world.approved()
    for root in (ContractRoot.TX, ContractRoot.MTX):
        refused = previewed(world, asked(request_id, symbol=root))
        assert isinstance(refused, Refusal)
        assert refused.code == "PAYLOAD_CHANGED"


def test_a_rehearsed_risk_rejection_is_a_rejected_order_and_asks_no_broker(world: World) -> None:
    """TX-G5: a supposed quote of 4 s is stale, one of 3 s is not."""
    request_id = world.approved()
    stale = rehearsed(world, asked(request_id, broker_simulation_model=QUOTE, quote_age_seconds=4))
    assert (stale.order_created, stale.paper_broker_gateway_called) == (True, False)
    assert (stale.oms_state, stale.paper_broker_ack) == (OrderState.REJECTED, None)
    assert stale.audit_events[-1].action == "paper_execution.rejected_by_risk_engine"
    assert stale.audit_events[-1].reason_code == "STALE_QUOTE"
    fresh = rehearsed(world, asked(request_id, broker_simulation_model=QUOTE, quote_age_seconds=3))
    assert fresh.oms_state is OrderState.FILLED


def test_the_answer_has_every_key_and_a_run_id_that_follows_from_its_facts(world: World) -> None:
    """TX-G7: the names, the id with 16 hex digits, the acknowledgement's parts."""
    view = recorded(world, asked(world.approved(), broker_simulation=SimulationOutcome.FILL))
    value = view.json_value()
    assert KEYS | {"label", "order_id"} == value.keys()
    name, _, hexadecimal = view.workflow_run_id.rpartition("-")
    assert (name, len(hexadecimal)) == ("paper-workflow", 16)
    int(hexadecimal, 16)
    acknowledged = view.paper_broker_ack
    assert acknowledged is not None
    assert (acknowledged.broker_provider, acknowledged.accepted) == ("paper", True)
    told = acknowledged.json_value()
    assert {"broker_provider", "paper_order_id", "accepted", "message", "payload"} <= told.keys()
    assert view.paper_broker_simulation_result is not None
    assert view.paper_broker_simulation_result.outcome == "fill"
    assert "paper simulation" in view.message
    assert unsafe_flags(value) == ()


def test_a_re_post_finds_the_same_run(world: World) -> None:
    """TX-G7, TX-G9: the id depends on the approval and the facts, so a re-post has the first."""
    wanted = asked(world.approved())
    first = recorded(world, wanted)
    before = content(world)
    assert recorded(world, wanted) == first
    assert content(world)[1] == before[1]
    other = recorded(world, asked(world.approved()), key="run-2")
    assert other.workflow_run_id != first.workflow_run_id


@pytest.mark.parametrize(
    ("flag", "value"),
    [("paper_only", False), ("live_trading_enabled", True), ("broker_api_called", "no")],
)
def test_an_unsafe_flag_at_any_depth_is_found(world: World, flag: str, value: object) -> None:
    """TX-G10: a page shows no success then."""
    told = rehearsed(world, asked(world.approved())).json_value()
    assert unsafe_flags(told) == ()
    assert unsafe_flags({**told, flag: value}) == (flag,)
    deep = {**told, "execution_reports": [{"inner": {flag: value}}]}
    assert unsafe_flags(deep) == (f"execution_reports[0].inner.{flag}",)


def test_runs_are_listed_newest_first_within_their_limit(world: World) -> None:
    """TX-G11: 1 to 200, default 100."""
    first = recorded(world, asked(world.approved()), key="a")
    world.after(1)
    world.quote()
    second = recorded(world, asked(world.approved()), key="b")
    with world.store.reader() as reader:
        assert [r.workflow_run_id for r in runs(reader).runs] == [
            second.workflow_run_id,
            first.workflow_run_id,
        ]
        one = runs(reader, 1)
        assert (len(one.runs), one.total, runs(reader).limit) == (1, 2, 100)
        assert runs(reader, 200).total == 2
        for limit in (0, 201):
            with pytest.raises(InputError, match="LIMIT_OUT_OF_RANGE"):
                runs(reader, limit)


def test_a_run_and_an_order_show_their_steps_reports_and_records(world: World) -> None:
    """TX-G11: run detail, OMS events twice, reports, audit events; unknown ids are not found."""
    view = recorded(world, asked(world.approved(), broker_simulation=SimulationOutcome.FILL))
    run_id, order_id, log = view.workflow_run_id, view.order_id, world.log()
    with world.store.reader() as reader:
        by_run, by_order = run_oms_events(reader, run_id), order_oms_events(reader, order_id)
        reports = order_reports(reader, order_id)
        records = run_audit_events(reader, log, run_id)
        missing = (
            run_detail(reader, log, NONE_SUCH),
            run_oms_events(reader, NONE_SUCH),
            run_audit_events(reader, log, NONE_SUCH),
            order_oms_events(reader, "ord_none"),
            order_reports(reader, "ord_none"),
        )
    assert not isinstance(by_run, Refusal)
    assert by_run == by_order
    assert [e.event.value for e in by_run.events] == [
        *("CREATE", "RISK_APPROVE", "SUBMIT", "ACKNOWLEDGE", "FILL"),
    ]
    assert not isinstance(reports, Refusal)
    assert [r.execution_type.value for r in reports.reports] == ["ACKNOWLEDGED", "FILL"]
    assert not isinstance(records, Refusal)
    assert records.events == view.audit_events
    assert all(e.action.startswith("paper_execution.") and e.paper_only for e in records.events)
    for refused in missing:
        assert isinstance(refused, Refusal)
        assert refused.code == "NOT_FOUND"


def test_records_are_listed_in_the_order_of_the_log_within_their_limit(world: World) -> None:
    """TX-G11: 1 to 500, default 100, the newest; bytes that are no record are still listed."""
    world.approved()
    log = world.log()
    view = audit_events(log)
    assert view.limit == 100
    assert [e.seq for e in view.events] == [row.seq for row in log][-100:]
    assert [e.seq for e in audit_events(log, 2).events] == [log[-2].seq, log[-1].seq]
    assert audit_events(log, 500).total == len(log)
    for limit in (0, 501):
        with pytest.raises(InputError, match="LIMIT_OUT_OF_RANGE"):
            audit_events(log, limit)
    broken = [*log[:-1], log[-1]._replace(body=b"{}")]
    assert audit_events(broken).events[-1].action == "unreadable"
    assert not audit_events(broken).events[-1].paper_only


def test_counters_and_badges_say_what_is_stored_and_set(world: World) -> None:
    """TX-G11, TX-G13: values equal the store; badges follow settings and probes."""
    recorded(world, asked(world.approved(), broker_simulation=SimulationOutcome.FILL))
    told = Persistence(
        backend="sqlite",
        database=str(world.settings.database_file),
        audit_events=len(world.log()),
        local_only=True,
    )
    with world.store.reader() as reader:
        counted = persistence_status(reader, told)
        panel = workflow_status(reader, world.desk.bench, told)
        live = replace(world.desk.bench, live_trading_enabled=True, trading_mode="live")
        unsafe = workflow_status(reader, live, told.amended(backend="none", local_only=False))

    def count(table: str) -> int:
        return len(world.rows(f"SELECT 1 FROM {table}"))

    assert counted.persistence.database.endswith(world.settings.database_file.name)
    assert (counted.runs, counted.oms_events) == (1, count("order_events"))
    assert counted.audit_events == count("audit_records")
    assert counted.execution_reports == count("execution_reports") == 2
    assert counted.outbox == count("order_outbox") == 1
    assert panel.counters == counted
    assert not panel.production_oms_ready
    assert {badge.text for badge in panel.badges} == {
        *("TRADING_MODE=paper", "ENABLE_LIVE_TRADING=false", "BROKER_PROVIDER=paper"),
        *("PAPER_ONLY=true", "BROKER_API_CALLED=false", "PERSISTENCE=sqlite", "LOCAL_ONLY=true"),
    }
    assert {"ENABLE_LIVE_TRADING=true", "PERSISTENCE=none", "LOCAL_ONLY=false"} <= {
        badge.text for badge in unsafe.badges
    }


def test_a_rehearsal_sees_what_it_would_store_in_place_of_what_is_stored(world: World) -> None:
    """TX-G2: replaced, added, and no longer matching; the store stays as it was."""
    stored = world.order(world.done(world.submitted(world.approved())))
    moved = stored.amended(account_id="acct-other")
    added = stored.amended(order_id="ord_new")
    with world.store.reader() as reader:
        known = RememberingReader(reader)
        known.remember((moved, added))
        assert known.get(Order, stored.order_id) == moved
        assert known.find(Order, account_id=stored.account_id) == (added,)
        assert set(known.find(Order)) == {moved, added}
        assert reader.find(Order) == (stored,)


def test_a_run_whose_intent_was_taken_away_is_not_found(world: World) -> None:
    """TX-G11: nothing is made up for a row that is gone."""
    order = world.order(world.done(world.submitted(world.approved())))
    world.forge("DELETE FROM intents")
    with world.store.reader() as reader:
        found = run_detail(reader, world.log(), order.workflow_run_id)
    assert isinstance(found, Refusal)
    assert found.code == "NOT_FOUND"
