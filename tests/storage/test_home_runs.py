"""Runs that leave a document in a home, and gateways that its records name."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.broker.calibration import CalibrationTerms
from counterseal.desk.calibrating import CalibrationTape
from counterseal.desk.desk import Desk
from counterseal.desk.rounds import QUIET_SECONDS, Duty, RoundFound
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import utc_text
from counterseal.readiness.decide import evaluate
from counterseal.readiness.model import Exercise, Exercised, Flag, HomeSeen, Observation, RunKind
from flows.waiting import sweep_all
from flows.workplace import Workplace
from storage import home_runs
from storage.home_facts import home_facts
from storage.home_reader import read_home
from storage.home_runs import FORGIVEN, due_seconds
from storage.probes import settings_seen
from storage.quote_file import QuoteFile
from storage.schedules import ROUND_SECONDS, deployed_seconds
from tests.core.broker.markets import SYMBOL, tape
from tests.desk.gateway_room import GatewayRoom
from tests.world import ACCOUNT, World
from tests.world import SYMBOL as HELD

EQUITY = "real_time_equity_pnl_tracking_enabled"


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


def due(kind: RunKind) -> timedelta:
    seconds = due_seconds(kind)
    assert seconds is not None
    return timedelta(seconds=seconds)


def test_when_a_run_is_due_follows_from_its_schedule() -> None:
    """TX-L4: two periods of prefect.yaml or of the loop, and the quiet time of a round that may
    stay silent.
    """
    deployed = FORGIVEN * deployed_seconds()["reconcile"]
    assert due_seconds(RunKind.RECONCILIATION) == deployed == 1_800
    rounds = FORGIVEN * ROUND_SECONDS["deliver"] + QUIET_SECONDS
    assert due_seconds(RunKind.WORKER) == rounds == 320
    assert due_seconds(RunKind.TIMEOUT_SCAN) == due_seconds(RunKind.LOSS_WATCH) == 420
    assert due_seconds(RunKind.CALIBRATION) is None


@pytest.mark.parametrize("name", ["outbox_worker_enabled", "asynchronous_order_processing_enabled"])
def test_an_idle_worker_is_alive_as_long_as_it_says_so(room: GatewayRoom, name: str) -> None:
    """TX-L4: nothing to hand over and nothing to read is no death; silence is."""
    world = room.world
    told = RoundFound(duty=Duty.DELIVER, findings=digest(None))
    world.desk.rounds.record(told, world.service())
    now, edge = world.clock.now(), due(RunKind.WORKER)
    fresh, old = flag(room, name, now + edge), flag(room, name, now + edge + timedelta(seconds=1))

    assert (fresh.value, old.value) == (True, False)
    assert "no report read yet" in fresh.evidence


def test_a_worker_that_nothing_schedules_counts_for_nothing(
    room: GatewayRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-L4:outbox_worker_enabled, false side: a round by hand is no worker."""
    told = RoundFound(duty=Duty.DELIVER, findings=digest(None))
    room.world.desk.rounds.record(told, room.world.service())
    monkeypatch.setattr(home_runs, "period_of", lambda _: None)
    seen = flag(room, "outbox_worker_enabled", room.world.clock.now())

    assert seen.value is False
    assert "nothing does it by itself" in seen.evidence


def test_a_scan_and_a_watch_count_until_the_next_is_due(room: GatewayRoom) -> None:
    """TX-L4:full_timeout_worker_enabled; a watch of losses without a feed tracks nothing."""
    world = room.world
    world.desk.timeout_scans.scan(world.service())
    world.desk.loss_watch.look(world.service())
    edge = world.clock.now() + due(RunKind.TIMEOUT_SCAN)
    later, name = edge + timedelta(seconds=1), "full_timeout_worker_enabled"
    assert (flag(room, name, edge).value, flag(room, name, later).value) == (True, False)
    assert flag(room, EQUITY, edge).value is False
    assert {run.kind for run in read(room).runs} == {RunKind.TIMEOUT_SCAN, RunKind.LOSS_WATCH}


def append(file: Path, world: World, bid: int) -> None:
    """A quote of now at the end of the file."""
    told = {"symbol": HELD, "bid": bid, "ask": bid + 1, "bid_size": 5, "ask_size": 5}
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({**told, "event_time": utc_text(world.clock.now())}) + "\n")


def test_a_feed_that_moves_marks_while_the_house_runs_turns_the_flag(
    room: GatewayRoom, tmp_path: Path
) -> None:
    """TX-L2:real_time_equity_pnl_tracking_enabled: by the marks on record, from every side."""
    world, file = room.world, tmp_path / "quotes.jsonl"
    world.done(world.submitted(world.approved()))
    world.desk = Desk(replace(world.desk.bench, feed=QuoteFile(file, stale_seconds=60)))
    place = Workplace(world.settings, clock=world.clock, desk=world.desk)

    sweep_all(place, "run-1")
    silent = flag(room, EQUITY, world.clock.now())
    told = []
    for bid in (20_010, 20_017):
        world.after(60)
        append(file, world, bid)
        sweep_all(place, f"run-at-{bid}")
        told.append(world.desk.loss_watch.facts(ACCOUNT, world.clock.now()))
    edge = world.clock.now() - timedelta(seconds=60) + due(RunKind.MARKET_WATCH)
    shown, over = flag(room, EQUITY, edge), flag(room, EQUITY, edge + timedelta(seconds=1))
    world.after(61)
    sweep_all(place, "run-after-the-feed-died")
    stale = flag(room, EQUITY, world.clock.now())

    assert (silent.value, shown.value, over.value, stale.value) == (False, True, False, False)
    assert "marked 1" in shown.evidence
    assert "unknown 1" in stale.evidence
    first, second = (seen.equity for seen in told if seen is not None)
    assert first is not None
    assert second is not None
    assert second - first == 7 * 4 * 10
    assert [row.type for row in world.log()].count("market.marked") == 2


def test_a_calibration_counts_for_good_once_every_model_was_measured(room: GatewayRoom) -> None:
    """TX-L3:slippage_liquidity_calibration_enabled: data version and error are the evidence."""
    world, name = room.world, "slippage_liquidity_calibration_enabled"
    prints = tape([(100 + number % 3, 5) for number in range(300)])
    terms = CalibrationTerms(every_seconds=60, span_seconds=200, sizes=(1,))
    told = CalibrationTape(SYMBOL, prints, Decimal(1), digest("a file"))
    operator, key = world.actor("operator"), world.key()
    run_id = world.done(world.desk.calibrating.run(told, terms, operator, key=key))
    seen = flag(room, name, world.clock.now() + timedelta(days=400))

    assert seen.value is True
    assert run_id in seen.evidence
    assert digest("a file")[:19] in seen.evidence
    assert "unknown" not in seen.evidence


def test_a_home_in_which_nothing_ran_shows_no_run(room: GatewayRoom) -> None:
    """TX-L3, TX-L4: nothing recorded is nothing shown."""
    now = room.world.clock.now()

    assert read(room).runs == ()
    for name in (
        *("formal_reconciliation_loop_enabled", "outbox_worker_enabled"),
        *("full_timeout_worker_enabled", "slippage_liquidity_calibration_enabled"),
        EQUITY,
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
    edge = due(RunKind.WORKER)
    fresh, old = flag(room, name, now + edge), flag(room, name, now + edge + timedelta(seconds=1))
    room.world.quote()
    room.queued(1)
    room.world.after(edge.total_seconds())
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
    edge = world.clock.now() + due(RunKind.RECONCILIATION)
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
