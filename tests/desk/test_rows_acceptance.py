"""The acceptance set of the governed path, each sentence on a whole home."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalRequest
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.views.reliability import report_rows
from counterseal.desk.views.risk import account_risks
from counterseal.oms.model import ExecutionReport
from counterseal.oms.states import OrderState
from counterseal.policy.words import DecisionWord
from counterseal.portfolio.model import Position
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def codes(outcome: Outcome) -> tuple[str, ...]:
    return () if outcome.refusal is None else outcome.refusal.codes


def held(world: World) -> Decimal:
    with world.store.reader() as reader:
        [account] = account_risks(reader, world.desk.bench, world.clock.now())
    return account.current_position_tx_equivalent


@pytest.mark.parametrize(("symbol", "quantity"), [("TMF202601", 20), ("TXF202601", 1)])
def test_as1_a_small_approval_fills_neither_twenty_tmf_nor_one_tx(
    world: World, symbol: str, quantity: int
) -> None:
    """AS-1: neither asked for, nor submitted on an approval of 0.05; nothing is filled."""
    asked = world.payload(world.signal(target="0.05"), quantity=quantity, symbol=symbol)
    refused = world.desk.approvals.request(asked, world.actor("quant"), key=world.key())
    assert "EXPOSURE_ABOVE_TARGET" in codes(refused)
    request_id = world.approved(quantity=1, target="0.05")
    assert "PAYLOAD_CHANGED" in codes(world.submitted(request_id, quantity=20))
    assert world.fills() == ()
    assert held(world) == 0
    assert world.submitted(request_id, quantity=1).accepted


@pytest.mark.parametrize("word", DecisionWord)
def test_as2_the_requester_cannot_decide_at_any_stage(world: World, word: DecisionWord) -> None:
    """AS-2: not first, not second, with no word; the attempts are in the log."""
    request_id = world.requested()
    assert "REQUESTER_IS_REVIEWER" in codes(world.reviewed(request_id, "quant", word))
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    assert "REQUESTER_IS_REVIEWER" in codes(world.reviewed(request_id, "quant", word))
    assert world.log()[-1].type == "command.refused"


def test_as3_an_approval_is_used_once(world: World) -> None:
    """AS-3: the second order finds it spent, whatever its size."""
    request_id = world.approved(quantity=4)
    world.done(world.submitted(request_id, quantity=1))
    world.quote()
    assert "ALREADY_CONSUMED" in codes(world.submitted(request_id, quantity=3))
    assert len(world.fills()) == 1


@pytest.mark.parametrize(("late", "expected"), [(-1, ()), (0, ("EXECUTION_EXPIRED",))])
def test_as3_an_approval_expires(world: World, late: int, expected: tuple[str, ...]) -> None:
    """AS-3: good one microsecond before its end, over at its end."""
    request_id = world.approved()
    with world.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
    assert request is not None
    assert request.execution_valid_until is not None
    world.clock.move_to(request.execution_valid_until + timedelta(microseconds=late))
    world.quote()
    assert codes(world.submitted(request_id))[:1] == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("symbol", "MXF202601"),
        ("side", "SELL"),
        ("max_quantity", "5"),
        ("target_tx_equivalent", "0.5"),
        ("confidence", "0.1"),
        ("stop_distance_points", "1"),
        ("price_max", "30000"),
    ],
)
def test_as3_any_change_needs_approval_again(world: World, field: str, value: str) -> None:
    """AS-3: a bound field changed in the store breaks the chain of signatures."""
    request_id = world.approved()
    changed = world.forge(
        f"UPDATE approval_requests SET payload = json_set(payload, '$.{field}', ?)", value
    )
    assert changed == 1
    world.quote(symbol="MXF202601")
    assert "CHAIN_BROKEN" in codes(world.submitted(request_id))
    assert world.fills() == ()


def test_as4_of_six_orders_of_a_quarter_only_the_first_passes(world: World) -> None:
    """AS-4: six approvals in hand; one fill, five refusals, and the status shows 0.25."""
    approved = [world.approved(quantity=5) for _ in range(6)]
    outcomes = []
    for request_id in approved:
        world.quote()
        outcomes.append(world.submitted(request_id, quantity=5))

    assert [codes(o) for o in outcomes] == [(), *[("POSITION_LIMIT",)] * 5]
    assert held(world) == Decimal("0.25")
    assert len(world.fills()) == 1


def test_as5_seven_bought_against_five_leave_two(world: World) -> None:
    """AS-5: cum 5, leaves 2, average 20000, from the model to order, report and position."""
    bench = world.desk.bench
    wide = bench.bundle.limits.amended(
        max_tx_equivalent_exposure="1", margin_max_twd="200000", position_max_tx_equivalent="1"
    )
    world.desk = Desk(replace(bench, bundle=bench.bundle.amended(limits=wide)))
    request_id = world.approved(quantity=7, target="0.35")
    order = world.order(world.done(world.submitted(request_id, quantity=7)))
    with world.store.reader() as reader:
        report = report_rows(reader, order.order_id)[-1]
        [position] = reader.find(Position)

    assert order.state is OrderState.PARTIALLY_FILLED
    for told in (order.cum_quantity, report.cumulative_filled_quantity, position.quantity):
        assert told == 5
    assert order.leaves_quantity == report.leaves_quantity == 2
    assert order.average_price == report.average_fill_price == position.average_price == 20_000
    assert report.last_quantity == world.fills()[0].last_quantity == 5


def test_as6_a_deleted_end_and_a_changed_middle_are_named(world: World) -> None:
    """AS-6: verified against the head remembered outside; each forgery alone, then both undone."""
    world.done(world.submitted(world.approved()))
    head, rows = world.remembered(), world.log()
    assert world.verdict(head).outcome == "ok"
    middle = len(rows) // 2
    world.forge(
        "UPDATE audit_records SET body = ? WHERE seq = ?",
        rows[middle].body.replace(b"a", b"b", 1),
        middle,
    )
    changed = world.verdict(head)
    world.forge("UPDATE audit_records SET body = ? WHERE seq = ?", rows[middle].body, middle)
    assert world.verdict(head).outcome == "ok"
    world.forge("DELETE FROM audit_records WHERE seq = ?", len(rows) - 1)
    world.forge("DELETE FROM audit_checkpoints WHERE size = ?", len(rows))
    cut = world.verdict(head)

    assert (changed.outcome, cut.outcome) == ("tampered", "tampered")
    assert changed.first_bad is not None
    assert changed.first_bad.seq == middle
    assert cut.first_bad is not None
    assert (cut.first_bad.code, cut.first_bad.seq) == ("SHORTER_THAN_REMEMBERED", len(rows) - 1)


def test_as7_two_runs_and_a_repost_verify(world: World) -> None:
    """AS-7: two approvals, the first post again under its key: log unchanged, verify true."""
    first, second = world.approved(quantity=1), world.approved(quantity=1)
    answer = world.submitted(first, quantity=1, key="post-1")
    world.quote()
    world.done(world.submitted(second, quantity=1, key="post-2"))
    log = world.log()
    again = world.submitted(first, quantity=1, key="post-1")

    assert (again.subject_id, again.replayed) == (answer.subject_id, True)
    assert world.log() == log
    assert len({row.event_id for row in log}) == len(log)
    assert len(world.fills()) == 2
    verdict = world.verdict(world.remembered())
    assert (verdict.outcome, verdict.exit_status) == ("ok", 0)


def reports_hold(reports: tuple[ExecutionReport, ...]) -> bool:
    """Quantities and average of one order's reports, recomputed from the fills alone."""
    cum = notional = Decimal(0)
    for report in reports:
        cum += report.last_quantity
        notional += report.last_quantity * (report.last_price or 0)
        parts = cum + report.leaves_quantity + report.rest_quantity
        average = None if not cum else notional / cum
        told = (report.cumulative_filled_quantity, report.average_fill_price, report.order_quantity)
        if told != (cum, average, parts):
            return False
    return True


def test_the_reports_of_a_day_add_up(world: World) -> None:
    """TX-I5 [D]: partly filled, filled, cancelled, timed out: quantities and average are exact."""
    lifecycle, operator = world.desk.lifecycle, world.actor("operator")
    world.quote(size=2)
    bought = world.done(world.submitted(world.approved(quantity=3), quantity=3))
    world.after(5)
    world.quote(size=1, ask="20003")
    world.done(lifecycle.work(bought, operator, key=world.key()))
    selected = SimulationOutcome.ACKNOWLEDGE
    cancelled, late = (
        world.done(world.submitted(world.approved(quantity=1), quantity=1, selected=selected))
        for _ in range(2)
    )
    world.done(lifecycle.cancel(cancelled, operator, reason="enough", key=world.key()))
    world.after(60)
    run = world.order(late).workflow_run_id
    world.done(
        lifecycle.mark_timeout(
            late, operator, workflow_run_id=run, reason="no answer", key=world.key()
        )
    )
    with world.store.reader() as reader:
        told = {o: reader.find(ExecutionReport, order_id=o) for o in (bought, cancelled, late)}

    assert {o: [r.execution_type.value for r in reports] for o, reports in told.items()} == {
        bought: ["ACKNOWLEDGED", "PARTIAL_FILL", "FILL"],
        cancelled: ["ACKNOWLEDGED", "CANCEL"],
        late: ["ACKNOWLEDGED", "EXPIRE"],
    }
    assert all(reports_hold(reports) for reports in told.values())
    assert told[bought][-1].average_fill_price == 20_001
