"""What people see of the log's integrity: events, totals, one run, flags and gaps."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.record import StoredRow, stored_row
from counterseal.audit.verify import Evidence
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.views.event_checks import EventCheck, check_events
from counterseal.desk.views.integrity import (
    IntegrityFacts,
    IntegrityState,
    IntegrityView,
    could_not_check,
    gaps_of,
    integrity,
    integrity_status,
    run_integrity,
)
from counterseal.desk.views.records import WORKFLOW_ACTIONS, audit_events
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.model import Refusal
from counterseal.oms.model import Order
from storage.home_reader import read_home
from storage.settings import Settings
from tests.world import World

NONE_SUCH = "paper-workflow-0123456789abcdef"
LOCAL = IntegrityFacts(backend="sqlite", local_only=True, live_trading_enabled=False)
JUDGED = (
    *("previous_hash_valid", "event_hash_valid", "workflow_continuity_valid"),
    *("duplicate_audit_id", "paper_only"),
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def evidence(world: World) -> Evidence:
    return Evidence(log_key=world.log_key.key, heads=(world.remembered(),))


def seen(world: World, rows: Sequence[StoredRow] | None = None) -> IntegrityView:
    return integrity(world.log() if rows is None else rows, world.notes(), evidence(world))


def of_run(world: World, run_id: str) -> IntegrityView:
    found = run_integrity(world.log(), world.notes(), evidence(world), run_id)
    assert isinstance(found, IntegrityView)
    return found


def filled(world: World) -> Order:
    outcome = world.submitted(world.approved(), quantity=1, selected=SimulationOutcome.FILL)
    return world.order(world.done(outcome))


def sealed_anew(row: StoredRow, **changes: object) -> StoredRow:
    """The row of other words, hashed and indexed as its own."""
    value = {**orjson.loads(row.body), **changes}
    return stored_row(canonical_bytes(value))


def test_a_good_log_is_verified_and_its_totals_are_those_of_the_store(world: World) -> None:
    """TX-K5, TX-K4: every event holds; cases and records are counted."""
    filled(world)
    filled(world)
    view = seen(world)
    assert (view.state, view.verified) == (IntegrityState.VERIFIED, True)
    assert view.audit_events_count == len(world.log())
    assert view.workflows_checked == 2
    counts = (view.missing_hash_count, view.broken_chain_count, view.duplicate_audit_ids_count)
    assert counts == (0, 0, 0)
    assert all(check.verified for check in view.events)
    for check, row in zip(view.events, world.log(), strict=True):
        assert check.stored_event_hash == check.expected_event_hash == row.leaf_hash
        assert check.stored_previous_hash == check.expected_previous_hash == row.prev
    assert view.paper_only
    assert {
        *("stored_previous_hash", "expected_previous_hash", "stored_event_hash"),
        *("expected_event_hash", "verified", *JUDGED),
    } <= view.events[0].json_value().keys()


@pytest.mark.parametrize(
    ("judged", "changes"),
    [
        ("previous_hash_valid", {"prev": "0" * 64}),
        ("workflow_continuity_valid", {"stream_seq": 99}),
        ("paper_only", {"after": {"documents": {"orders": [{"paper_only": False}]}}}),
        ("paper_only", {"after": {"documents": {"orders": [{"broker_api_called": True}]}}}),
    ],
)
def test_each_part_of_a_check_fails_alone(
    world: World, judged: str, changes: Mapping[str, object]
) -> None:
    """TX-K4: previous hash, continuity and paper only, each false while the others hold."""
    log = world.log()
    last = check_events([*log[:-1], sealed_anew(log[-1], **changes)])[-1]
    told = dict(last)
    good = {name: name != "duplicate_audit_id" for name in JUDGED}
    assert {name: told[name] for name in JUDGED} == {**good, judged: False}
    assert not last.verified


def test_a_changed_hash_and_a_repeated_id_fail_alone(world: World) -> None:
    """TX-K4: event hash and duplicate id."""
    log = world.log()
    changed = check_events([*log[:-1], log[-1]._replace(leaf_hash="0" * 64)])[-1]
    assert (changed.event_hash_valid, changed.previous_hash_valid) == (False, True)
    assert (changed.stored_event_hash, changed.expected_event_hash) == (
        "0" * 64,
        log[-1].leaf_hash,
    )
    repeated = check_events([*log[:-1], sealed_anew(log[-1], event_id=log[0].event_id)])[-1]
    assert repeated.duplicate_audit_id
    assert repeated.event_hash_valid
    assert repeated.previous_hash_valid
    assert not changed.verified
    assert not repeated.verified


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("body", b"{}"),
        ("body", None),
        ("body", b"not json"),
        ("prev", None),
        ("leaf_hash", None),
        ("seq", "seven"),
        ("stream", None),
        ("stream_seq", 1.5),
    ],
)
def test_a_hostile_cell_is_a_failed_check_and_never_an_exception(
    world: World, column: str, value: object
) -> None:
    """TX-K4: whatever a file may hold, the answer is a row that does not hold."""
    log = world.log()
    hostile = StoredRow._make(value if n == column else c for n, c in log[3]._asdict().items())
    checks = check_events([*log[:3], hostile, *log[4:]])
    assert not checks[3].verified
    assert len(checks) == len(log)
    view = seen(world, [*log[:3], hostile, *log[4:]])
    assert (view.state, view.verified) == (IntegrityState.BROKEN, False)
    assert view.missing_hash_count == (value is None and column in {"prev", "leaf_hash"})


def test_an_edited_middle_record_is_broken_and_named_first(world: World) -> None:
    """TX-K5, TX-K7, AS-6: state broken, the first bad record by its number."""
    filled(world)
    forged = world.log()[5].body.replace(b'"v":1', b'"v":2')
    world.forge("UPDATE audit_records SET body = ? WHERE seq = 5", forged)
    view = seen(world)
    assert (view.state, view.first_bad) == (IntegrityState.BROKEN, 5)
    assert view.broken_chain_count >= 1
    assert any("at 5" in words for words in view.because)


@pytest.mark.parametrize("cut", [1, 3])
def test_a_cut_tail_is_broken_though_every_record_left_holds(world: World, cut: int) -> None:
    """TX-K5, TX-K7, TX-Z9: found by the remembered head."""
    filled(world)
    rows = world.log()[:-cut]
    view = seen(world, rows)
    assert all(check.verified for check in view.events)
    assert (view.state, view.verified) == (IntegrityState.BROKEN, False)
    assert view.broken_chain_count >= 1
    assert view.first_bad == len(rows)


def test_a_deleted_middle_record_breaks_the_one_that_followed_it_only(world: World) -> None:
    """TX-K5, TX-K7: later records still follow each other."""
    log = world.log()
    checks = check_events([*log[:4], *log[5:]])
    failed = [c.seq for c in checks if not c.verified]
    assert failed[0] == 5
    assert len(failed) <= 2
    assert seen(world, [*log[:4], *log[5:]]).state is IntegrityState.BROKEN


def test_any_changed_byte_of_any_record_is_found_at_that_record(world: World) -> None:
    """TX-K4, TX-K5: the record itself does not hold, and none before it is blamed."""
    filled(world)
    log, notes, told = world.log(), world.notes(), evidence(world)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, len(log) - 1), st.integers(0), st.integers(1, 255))
    def changed(place: int, byte: int, flip: int) -> None:
        body = bytearray(log[place].body)
        body[byte % len(body)] ^= flip
        rows = [*log[:place], log[place]._replace(body=bytes(body)), *log[place + 1 :]]
        checks = check_events(rows)
        assert not checks[place].event_hash_valid
        assert all(check.verified for check in checks[:place])
        assert integrity(rows, notes, told).state is IntegrityState.BROKEN

    changed()


def test_an_empty_log_is_nothing_to_verify() -> None:
    """TX-K5: never verified."""
    view = integrity((), (), Evidence())
    assert (view.state, view.verified) == (IntegrityState.NOTHING_TO_VERIFY, False)
    assert (view.audit_events_count, view.because) == (0, ("the log is empty",))


def test_an_unreadable_log_could_not_be_checked(tmp_path: Path) -> None:
    """TX-K5: never verified, with the reason."""
    told = Settings(counterseal_home=tmp_path)
    told.database_file.parent.mkdir(exist_ok=True)
    told.database_file.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(AdapterError) as caught, read_home(told):
        pass
    view = could_not_check(caught.value)
    assert (view.state, view.verified) == (IntegrityState.COULD_NOT_CHECK, False)
    assert view.because == (str(caught.value),)


def test_a_log_without_outside_evidence_could_not_be_checked(world: World) -> None:
    """TX-K5, TX-K7: a chain that agrees with itself proves nothing about its tail."""
    view = integrity(world.log(), world.notes(), Evidence())
    assert (view.state, view.verified) == (IntegrityState.COULD_NOT_CHECK, False)
    assert view.broken_chain_count == 0
    assert any("remembered" in words for words in view.because)


def test_a_record_that_says_live_is_never_part_of_a_verified_log(world: World) -> None:
    """TX-K4, TX-K6: evidence may agree, the words still are not paper."""
    [*before, last] = world.log()
    lied = sealed_anew(last, after={"documents": {"orders": [{"live_trading_enabled": True}]}})
    view = integrity([*before, lied], (), Evidence())
    assert (view.broken_chain_count, view.verified) == (0, False)
    assert view.first_bad == last.seq
    assert "a record says something else than paper" in view.because
    panel = integrity_status([*before, lied], (), Evidence(), LOCAL)
    assert not panel.flags.paper_only


def test_one_run_is_verified_with_its_own_records(world: World) -> None:
    """TX-K3: the case of the run, and nothing of another."""
    first, second = filled(world), filled(world)
    view = of_run(world, first.workflow_run_id)
    assert (view.state, view.workflow_run_id) == (IntegrityState.VERIFIED, first.workflow_run_id)
    assert view.workflows_checked == 1
    assert {c.workflow for c in view.events} == {f"case:{first.approval_request_id}"}
    assert view.audit_events_count == len(of_run(world, second.workflow_run_id).events)


@pytest.mark.parametrize("run_id", [NONE_SUCH, "", "paper-workflow-", '"', "x" * 500])
def test_an_unknown_run_is_not_found(world: World, run_id: str) -> None:
    """TX-K3: 404, also for text that is no run id."""
    filled(world)
    refused = run_integrity(world.log(), world.notes(), evidence(world), run_id)
    assert isinstance(refused, Refusal)
    assert refused.code == "NOT_FOUND"


def test_a_run_is_broken_by_its_own_records_and_unsure_beside_a_broken_one(world: World) -> None:
    """TX-K3, TX-K5: broken, and could not check."""
    first, second = filled(world), filled(world)
    seq = of_run(world, first.workflow_run_id).events[2].seq
    world.forge("UPDATE audit_records SET leaf_hash = ? WHERE seq = ?", "0" * 64, seq)
    own = of_run(world, first.workflow_run_id)
    other = of_run(world, second.workflow_run_id)
    assert (own.state, own.first_bad, own.broken_chain_count) == (IntegrityState.BROKEN, seq, 1)
    assert (other.state, other.verified) == (IntegrityState.COULD_NOT_CHECK, False)
    assert other.broken_chain_count == 0
    assert other.because


def test_a_run_whose_order_row_was_taken_away_is_still_found_in_the_log(world: World) -> None:
    """TX-K3: the log answers, not the table."""
    order = filled(world)
    world.forge("DELETE FROM orders")
    assert of_run(world, order.workflow_run_id).verified


def test_two_runs_a_re_post_and_equal_times_break_nothing(world: World) -> None:
    """TX-K7, TX-Z7, TX-Z8, TX-Z15, AS-7: ids are unique, order is the number."""
    request_id = world.approved()
    world.done(world.submitted(request_id, key="once"))
    size = seen(world).audit_events_count
    assert world.submitted(request_id, key="once").replayed
    filled(world)
    view = seen(world)
    assert view.audit_events_count > size
    assert (view.verified, view.duplicate_audit_ids_count) == (True, 0)
    assert len({row.recorded_at for row in world.log()}) < view.audit_events_count


@pytest.mark.parametrize(
    ("probe", "flag", "value"),
    [
        ({"backend": "postgresql"}, "local_sqlite_only", False),
        ({"local_only": False}, "local_sqlite_only", False),
        ({"live_trading_enabled": True}, "live_trading_flag", True),
        ({"worm_ledger": True}, "worm_ledger", True),
        ({"centralized_audit_service": True}, "centralized_audit_service", True),
        ({"worm_ledger": True, "witnesses": 1}, "immutable_audit_log", True),
    ],
)
def test_each_flag_follows_its_probe(
    world: World, probe: Mapping[str, object], flag: str, value: bool
) -> None:
    """TX-K6: true and false from the same log."""

    def told(facts: IntegrityFacts) -> object:
        panel = integrity_status(world.log(), world.notes(), evidence(world), facts)
        return panel.flags.json_value()[flag]

    assert told(LOCAL) is (not value)
    assert told(LOCAL.amended(**probe)) is value


def test_the_panel_has_the_flags_of_the_original_and_a_gap_for_each_missing_probe(
    world: World,
) -> None:
    """TX-K6, TX-L8: totals without the events, flags as probed, four gaps until they are closed."""
    panel = integrity_status(world.log(), world.notes(), evidence(world), LOCAL)
    assert panel.integrity.verified
    assert panel.integrity.events == ()
    assert panel.flags.json_value() == {
        "paper_only": True,
        "local_sqlite_only": True,
        "live_trading_flag": False,
        "broker_api_called": False,
        "worm_ledger": False,
        "centralized_audit_service": False,
        "immutable_audit_log": False,
        "production_audit_compliance": False,
    }
    assert len(panel.gaps) == 4
    closed = {"worm_ledger": True, "centralized_audit_service": True}
    assert len(gaps_of(LOCAL.amended(**closed))) == 2
    assert gaps_of(LOCAL.amended(**closed, witnesses=1, time_stamped=True)) == ()


def test_what_could_not_be_read_is_a_gap_that_says_so(world: World) -> None:
    """TX-K6, TX-L8: unknown closes no gap and sets no flag."""
    blind = LOCAL.amended(worm_ledger=True, witnesses=None, time_stamped=None)
    panel = integrity_status(world.log(), world.notes(), evidence(world), blind)
    assert not panel.flags.immutable_audit_log
    assert [gap.startswith("Taken as missing") for gap in panel.gaps] == [False, True, True]


def test_a_called_broker_is_told_from_the_records(world: World) -> None:
    """TX-K6: the flag comes from what the log says."""
    [*before, last] = world.log()
    lied = sealed_anew(last, after={"documents": {"orders": [{"broker_api_called": True}]}})
    panel = integrity_status([*before, lied], (), Evidence(), LOCAL)
    assert panel.flags.broker_api_called


def test_a_live_setting_that_risk_saw_and_refused_is_no_claim_of_the_record(world: World) -> None:
    """TX-K4: what a check observed does not make its record unsafe."""
    [*before, last] = world.log()
    snapshot = {"snapshot": {"live_trading_enabled": True}}
    observed = sealed_anew(last, after={"documents": {"risk_evaluations": [snapshot]}})
    checks: tuple[EventCheck, ...] = check_events([*before, observed])
    assert checks[-1].paper_only


def test_each_of_the_eight_actions_is_recorded_on_its_path(world: World) -> None:
    """TX-K1: fill, rejection and time-out together carry all eight, each with the prefix."""
    selected = SimulationOutcome.ACKNOWLEDGE
    resting = world.order(world.done(world.submitted(world.approved(), selected=selected)))
    rejected = world.approved()
    world.quote(age_seconds=4)
    world.submitted(rejected)
    world.after(60)
    marked = world.desk.lifecycle.mark_timeout(
        resting.order_id,
        world.actor("operator"),
        workflow_run_id=resting.workflow_run_id,
        reason="no answer in time",
        key=world.key(),
    )
    world.done(marked)
    found = {e.action for e in audit_events(world.log(), 500).events}
    assert {name for name in found if name.startswith("paper_execution.")} == {
        f"paper_execution.{name}" for name in WORKFLOW_ACTIONS
    }
    assert len(WORKFLOW_ACTIONS) == 8
