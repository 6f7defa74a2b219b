"""Runs that leave a document in a home, and gateways that its records name."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from counterseal.readiness.decide import evaluate
from counterseal.readiness.model import Exercise, Exercised, Flag, HomeSeen, Observation, RunKind
from storage.home_facts import RECONCILED_SECONDS_MAX, WORKED_SECONDS_MAX, home_facts
from storage.home_reader import read_home
from storage.probes import settings_seen
from tests.desk.gateway_room import GatewayRoom
from tests.world import World


@pytest.fixture
def room(tmp_path: Path) -> GatewayRoom:
    room = GatewayRoom(World(tmp_path / "home"))
    room.gateway.name = "paper-hand"
    return room


def read(room: GatewayRoom) -> HomeSeen:
    with read_home(room.world.settings) as reader:
        return home_facts(reader, room.world.settings)


def flag(room: GatewayRoom, name: str, at: datetime) -> Flag:
    """The flag of this home at `at`, with every exercise passed."""
    passed = tuple(Exercised(name=e, passed=True, evidence="told by a test") for e in Exercise)
    seen = Observation(
        at=at, settings=settings_seen(room.world.settings), home=read(room), exercised=passed
    )
    return evaluate(seen)[name]


def test_a_home_in_which_nothing_ran_shows_no_run(room: GatewayRoom) -> None:
    """TX-L3, TX-L4: nothing recorded is nothing shown."""
    now = room.world.clock.now()

    assert read(room).runs == ()
    for name in (
        *("formal_reconciliation_loop_enabled", "outbox_worker_enabled"),
        *("full_timeout_worker_enabled", "slippage_liquidity_calibration_enabled"),
    ):
        assert flag(room, name, now).value is False


@pytest.mark.parametrize("name", ["outbox_worker_enabled", "asynchronous_order_processing_enabled"])
def test_a_worker_is_alive_while_it_reads_and_leaves_nothing_behind(
    room: GatewayRoom, name: str
) -> None:
    """TX-L4: fresh, then too old; and a message that waits too long counts against it."""
    room.working(1)
    room.polled()
    now = room.world.clock.now()
    edge = timedelta(seconds=WORKED_SECONDS_MAX)
    fresh, old = flag(room, name, now + edge), flag(room, name, now + edge + timedelta(seconds=1))
    room.world.quote()
    room.queued(1)
    room.world.after(WORKED_SECONDS_MAX)
    room.gateway.trade(next(iter(room.gateway.held)), 1)
    room.polled()
    behind = flag(room, name, room.world.clock.now())

    assert (fresh.value, old.value, behind.value) == (True, False, False)
    assert "paper-hand" in fresh.evidence
    assert "left behind: 1" in behind.evidence


def test_a_stored_comparison_counts_until_the_next_is_due(room: GatewayRoom) -> None:
    """TX-L4:formal_reconciliation_loop_enabled: within its interval, from both sides."""
    world, name = room.world, "formal_reconciliation_loop_enabled"
    room.working()
    compare = world.desk.account_reconciling.compare
    run_id = world.done(compare(room.gateway, (), world.service(), key=world.key()))
    edge = world.clock.now() + timedelta(seconds=RECONCILED_SECONDS_MAX)
    shown = flag(room, name, edge)
    overdue = flag(room, name, edge + timedelta(seconds=1))

    assert (shown.value, overdue.value) == (True, False)
    assert run_id in shown.evidence
    assert shown.log_size == read(room).log.size
    assert {run.kind for run in read(room).runs} == {RunKind.RECONCILIATION, RunKind.WORKER}


@pytest.mark.parametrize(("gateway", "paper"), [("paper-hand", True), ("acme", False)])
def test_a_gateway_that_sent_reports_is_told_by_its_name(
    room: GatewayRoom, gateway: str, paper: bool
) -> None:
    """TX-L8: whoever reported is a gateway; a fill model is none."""
    room.gateway.name = gateway
    order_id = room.working()
    room.gateway.trade(order_id, 4)
    room.polled()

    now = room.world.clock.now()
    assert flag(room, "paper_only", now).value is paper
    assert flag(room, "broker_api_called", now).value is not paper
    assert gateway in read(room).orders.gateways
