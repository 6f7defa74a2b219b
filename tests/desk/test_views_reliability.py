"""Outbox, reports, keys, time-outs and the reliability panel, on real orders and on shelves."""

import sqlite3
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from counterseal.broker.model import SimulationOutcome
from counterseal.desk.ports import Wanted
from counterseal.desk.views.blueprint import blueprint
from counterseal.desk.views.reliability import (
    _GAPS,
    PanelFlag,
    ReliabilityPanel,
    TimeoutCandidate,
    outbox_rows,
    reliability_panel,
    report_rows,
    timeout_mark,
    timeout_row,
    timeout_rows,
)
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Document, Refusal
from counterseal.oms.decide import OutboxEvent, apply_outbox, open_outbox
from counterseal.oms.model import Order, OrderKey, OutboxEntry, OutboxStatus
from counterseal.oms.states import OrderEventType, OrderState
from counterseal.readiness.decide import evaluate
from counterseal.readiness.flags import PROBE_OF
from counterseal.readiness.model import Flag
from storage.probes import observe
from tests.core.oms.test_orders import NOW, TO_WORK, order
from tests.world import World

D = TypeVar("D", bound=Document)
PATHS = {
    OutboxStatus.PENDING: (),
    OutboxStatus.PROCESSING: (OutboxEvent.CLAIM,),
    OutboxStatus.COMPLETED: (OutboxEvent.CLAIM, OutboxEvent.COMPLETE),
    OutboxStatus.FAILED: (OutboxEvent.CLAIM, OutboxEvent.FAIL),
    OutboxStatus.EXPIRED: (OutboxEvent.EXPIRE,),
}


class Shelf:
    """A reader over documents in memory."""

    def __init__(self, *documents: Document) -> None:
        self._documents = documents

    def get(self, kind: type[D], key: str) -> D | None:
        return next((d for d in self.find(kind) if d.key == key), None)

    def find(self, kind: type[D], **equal: Wanted) -> tuple[D, ...]:
        found = [d for d in self._documents if type(d) is kind]
        asked = {n: v if isinstance(v, tuple) else (v,) for n, v in equal.items()}
        same = [d for d in found if all(getattr(d, n) in v for n, v in asked.items())]
        return tuple(sorted(same, key=lambda d: d.key))

    def count(self, kind: type[D], **equal: Wanted) -> int:
        return len(self.find(kind, **equal))

    def opened(self, commitment: str) -> None:
        del commitment


def message(place: int, *events: OutboxEvent) -> OutboxEntry:
    at = NOW + timedelta(seconds=place)
    entry = open_outbox(order().amended(order_id=f"ord_{place}"), at)
    for event in events:
        entry = apply_outbox(entry, event, at)
    return entry


SHELF = Shelf(order(), *(message(i, *path) for i, path in enumerate(PATHS.values(), start=1)))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


@pytest.mark.parametrize("status", OutboxStatus)
def test_the_outbox_is_filtered_by_each_status(status: OutboxStatus) -> None:
    """TX-I6: pending, processing, completed, failed, expired; no filter gives all."""
    [row] = outbox_rows(SHELF, status)

    assert row.status is status
    assert row.attempts == (OutboxEvent.CLAIM in PATHS[status])
    assert (row.processed_at is None) is (status in {"pending", "processing"})
    rows = outbox_rows(SHELF)
    assert [r.order_id for r in rows] == ["ord_5", "ord_4", "ord_3", "ord_2", "ord_1"]
    assert [r.order_id for r in outbox_rows(SHELF, limit=2)] == ["ord_5", "ord_4"]


@pytest.mark.parametrize(("limit", "allowed"), [(0, False), (1, True), (500, True), (501, False)])
def test_the_outbox_gives_at_most_500_rows(limit: int, allowed: bool) -> None:
    """TX-I6: each end of the limit from both sides."""
    if allowed:
        assert outbox_rows(SHELF, limit=limit)
        return
    with pytest.raises(InputError) as caught:
        outbox_rows(SHELF, limit=limit)
    assert caught.value.code == "LIMIT_OUT_OF_RANGE"


def test_a_submitted_order_left_a_completed_message_with_the_asked_fields(world: World) -> None:
    """TX-I6: one attempt, action `paper_order_submit_recorded`, the order as payload, flags."""
    order_id = world.done(world.submitted(world.approved(quantity=4), quantity=4))
    with world.store.reader() as reader:
        [row] = outbox_rows(reader)
    made = world.order(order_id)

    assert (row.order_id, row.workflow_run_id) == (order_id, made.workflow_run_id)
    assert (row.idempotency_key, row.outbox_id) == (made.idempotency_key, f"{order_id}:outbox")
    assert (row.action, row.attempts) == ("paper_order_submit_recorded", 1)
    assert row.status is OutboxStatus.COMPLETED
    assert row.created_at == row.available_at == row.processed_at == world.clock.now()
    assert {d.name: d.value for d in row.payload}["quantity"] == "4"
    assert (row.paper_only, row.live_trading_enabled, row.broker_api_called) == (True, False, False)


def test_the_reports_of_an_order_carry_the_models_quantity(world: World) -> None:
    """TX-I5, TX-J13: 3 of 5: last 3, cum 3, leaves 2, average 20000; every asked field."""
    world.quote(size=3)
    order_id = world.done(world.submitted(world.approved(quantity=5), quantity=5))
    with world.store.reader() as reader:
        acknowledged, partial = report_rows(reader, order_id)
        assert report_rows(reader, "nobody") == ()

    assert acknowledged.execution_type == "ACKNOWLEDGED"
    assert acknowledged.average_fill_price is None
    asked = {
        "execution_type": "PARTIAL_FILL",
        "order_status": "PARTIALLY_FILLED",
        "last_quantity": "3",
        "cumulative_filled_quantity": "3",
        "leaves_quantity": "2",
        "average_fill_price": "20000",
        "order_id": order_id,
        "paper_only": True,
        "live_trading_enabled": False,
        "broker_api_called": False,
    }
    told = partial.json_value()
    assert {name: told[name] for name in asked} == asked
    more = ("report_id", "workflow_run_id", "idempotency_key", "event_id", "timestamp", "payload")
    assert all(told[name] for name in more)
    assert {d.name: d.value for d in partial.payload}["exec_type"] == "TRADE"


def test_an_idempotency_key_has_one_row_and_the_database_takes_no_second(world: World) -> None:
    """TX-I7: key, run, order, signal, time, flags; unique by the database itself."""
    made = world.order(world.done(world.submitted(world.approved())))
    with world.store.reader() as reader:
        [row] = reader.find(OrderKey)

    assert (row.idempotency_key, row.order_id) == (made.idempotency_key, made.order_id)
    assert (row.workflow_run_id, row.source_signal_id) == (
        made.workflow_run_id,
        made.source_signal_id,
    )
    assert row.created_at == world.clock.now()
    assert (row.paper_only, row.live_trading_enabled, row.broker_api_called) == (True, False, False)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        world.forge("INSERT INTO order_keys SELECT * FROM order_keys")


def resting(world: World) -> Order:
    request_id = world.approved()
    return world.order(
        world.done(world.submitted(request_id, selected=SimulationOutcome.ACKNOWLEDGE))
    )


@pytest.mark.parametrize(("seconds", "found"), [(29.9, 0), (30, 1)])
def test_a_candidate_tells_its_age_and_what_a_mark_would_record(
    world: World, seconds: float, found: int
) -> None:
    """TX-I8: non-terminal and at least as old as the timeout, by default 30 seconds."""
    made = resting(world)
    world.after(seconds)
    with world.store.reader() as reader:
        rows = timeout_rows(reader, world.clock.now())

    assert len(rows) == found
    for row in rows:
        assert (row.order_id, row.workflow_run_id) == (made.order_id, made.workflow_run_id)
        assert (row.state, row.event) == (OrderState.ACCEPTED, OrderEventType.EXPIRE)
        assert row.json_value()["age_seconds"] == "30"
        assert (row.timeout_seconds, row.paper_only) == (30, True)


@pytest.mark.parametrize(
    ("seconds", "allowed"), [(0, False), (1, True), (86_400, True), (86_401, False)]
)
def test_the_timeout_is_bounded(seconds: int, allowed: bool) -> None:
    """TX-I8: 1..86400, each end from both sides, for the list and for one order."""
    shelf = Shelf(order(*TO_WORK))
    late = NOW + timedelta(days=2)
    if allowed:
        assert len(timeout_rows(shelf, late, seconds)) == 1
        assert isinstance(timeout_row(shelf, "ord_1", late, seconds), TimeoutCandidate)
        return
    for ask in (timeout_rows, lambda *a: timeout_row(shelf, "ord_1", *a[1:])):
        with pytest.raises(InputError) as caught:
            ask(shelf, late, seconds)
        assert caught.value.code == "TIMEOUT_OUT_OF_RANGE"


@pytest.mark.parametrize(
    ("made", "seconds", "code"),
    [
        (order(*TO_WORK), 29, "TIMEOUT_TOO_YOUNG"),
        (order(*TO_WORK, OrderEventType.REJECT), 60, "ORDER_TERMINAL"),
        (order(*TO_WORK, OrderEventType.MARK_UNKNOWN), 60, "ORDER_NEEDS_RECONCILIATION"),
        (order(*TO_WORK, OrderEventType.CANCEL_REQUEST), 60, "TRANSITION_NOT_ALLOWED"),
    ],
)
def test_an_order_that_may_not_be_marked_says_why(made: Order, seconds: int, code: str) -> None:
    """TX-I9: too young, terminal, unknown, a cancel that waits; and an order that is not there."""
    shelf, now = Shelf(made), NOW + timedelta(seconds=seconds)
    refused = timeout_row(shelf, "ord_1", now)
    missing = timeout_row(shelf, "ord_9", now)

    assert isinstance(refused, Refusal)
    assert refused.code == code
    assert timeout_rows(shelf, now) == ()
    assert isinstance(missing, Refusal)
    assert missing.code == "NOT_FOUND"


def test_who_marked_an_order_is_told_from_its_case(world: World) -> None:
    """TX-I9: nobody before; then the operator, the time and the reason, and of this order alone."""
    made = resting(world)
    world.after(30)
    assert timeout_mark(world.log(), made.order_id) is None
    actor, run, key = world.actor("operator"), made.workflow_run_id, world.key()
    world.done(
        world.desk.lifecycle.mark_timeout(
            made.order_id, actor, workflow_run_id=run, reason="no answer", key=key
        )
    )
    mark = timeout_mark(world.log(), made.order_id)

    assert mark is not None
    assert (mark.actor, mark.reason_text) == ("operator", "no answer")
    assert mark.timestamp == world.clock.now()
    assert timeout_mark(world.log(), "ord_9") is None


@pytest.mark.parametrize("end", ["mark", "cancel"])
def test_the_message_of_an_order_that_ends_unsent_expires_with_it(world: World, end: str) -> None:
    """TX-I6, TX-I9: a crash before the broker, then a mark or a cancel; nobody sends it later."""
    left = [2]

    def stop(step: str) -> None:
        left[0] -= step == "recorded"
        if not left[0]:
            raise KeyboardInterrupt

    request_id = world.approved()
    world.reopen(stop)
    with pytest.raises(KeyboardInterrupt):
        world.submitted(request_id, key="order-1")
    world.reopen()
    with world.store.reader() as reader:
        [waiting] = outbox_rows(reader, OutboxStatus.PENDING)
        [made] = reader.find(Order)
    world.after(60)
    lifecycle, operator, key = world.desk.lifecycle, world.actor("operator"), world.key()
    world.done(
        lifecycle.cancel(made.order_id, operator, reason="crashed", key=key)
        if end == "cancel"
        else lifecycle.mark_timeout(
            made.order_id,
            operator,
            workflow_run_id=made.workflow_run_id,
            reason="crashed",
            key=key,
        )
    )
    world.quote()
    with world.store.reader() as reader:
        [ended] = outbox_rows(reader)

    assert (ended.outbox_id, ended.status) == (waiting.outbox_id, OutboxStatus.EXPIRED)
    assert ended.processed_at == world.clock.now()
    again = world.submitted(request_id, key="order-1")
    assert again.refusal is not None
    assert again.refusal.code == "ORDER_NOT_WORKING"
    assert world.fills() == ()


def flag(name: str, value: bool | None) -> Flag:
    return Flag(name=name, row="TX-L4", value=value, probe="p", looks_at="a fact", evidence="seen")


def panel(world: World, *flags: Flag) -> ReliabilityPanel:
    with world.store.reader() as reader:
        return reliability_panel(reader, flags, world.clock.now())


def words(shown: Iterable[PanelFlag]) -> dict[str, bool | None]:
    return {entry.name: entry.value for entry in shown}


def test_the_counters_equal_the_store(world: World) -> None:
    """TX-I10: outbox, keys, reports and candidates, before and after two orders."""
    empty = panel(world)
    assert (empty.outbox, empty.idempotency_keys, empty.execution_reports) == (0, 0, 0)
    world.done(world.submitted(world.approved(quantity=1), quantity=1))
    world.quote()
    resting(world)
    world.after(30)
    shown = panel(world)

    assert (shown.outbox, shown.idempotency_keys) == (2, 2)
    assert (shown.execution_reports, shown.timeout_candidates) == (3, 1)


@pytest.mark.parametrize("value", [True, False, None])
def test_the_panels_flags_are_those_of_the_probes(world: World, value: bool | None) -> None:
    """TX-I10, TX-L8: the asked words; each repeats its probe, and none is known without one."""
    names = [f.flag for f in (*panel(world).flags, *panel(world).capabilities)]
    shown = panel(world, *(flag(name, value) for name in names))

    assert words(shown.flags) == dict.fromkeys(
        (
            *("PAPER_ONLY", "LIVE_TRADING_FLAG", "BROKER_API_CALLED", "PRODUCTION_OMS_READY"),
            *("LOCAL_SQLITE_ONLY", "ASYNC_ORDER_PROCESSING"),
        ),
        value,
    )
    assert words(shown.capabilities) == dict.fromkeys(
        (
            *("LOCAL_OUTBOX_METADATA", "DUPLICATE_ORDER_PREVENTION", "TIMEOUT_CANDIDATE_SCAN"),
            *("EXECUTION_REPORT_MODEL", "AMEND_REPLACE", "RECONCILIATION_LOOP"),
        ),
        value,
    )
    assert set(words(panel(world).flags).values()) == {None}
    assert set(names) <= set(PROBE_OF)


def test_a_gap_is_told_until_its_flag_is_true(world: World) -> None:
    """TX-I10: five gaps; a flag that is false or was not checked closes none."""
    gaps = panel(world).gaps
    assert len(set(gaps)) == 5
    assert panel(world, flag("amend_replace_enabled", value=False)).gaps == gaps
    assert panel(world, flag("amend_replace_enabled", value=None)).gaps == gaps
    closed = panel(world, flag("amend_replace_enabled", value=True)).gaps
    assert [gap for gap in gaps if gap not in closed] == ["An order cannot be amended or replaced."]


def test_panel_and_blueprint_of_a_real_home_equal_its_probes(world: World) -> None:
    """TX-I10, TX-I11, TX-L8: observed, judged once, and shown alike in both."""
    world.done(world.submitted(world.approved(quantity=1), quantity=1))
    probed = evaluate(observe(world.settings, world.clock.now()))
    shown = panel(world, *probed.values())
    areas = blueprint(probed.values()).areas
    probes = [c.probe for a in areas for c in a.acceptance_criteria]

    for entry in (*shown.flags, *shown.capabilities, *probes):
        assert (entry.value, entry.evidence) == (
            probed[entry.flag].value,
            probed[entry.flag].evidence,
        )
    seen = words(shown.flags)
    assert (seen["PAPER_ONLY"], seen["LIVE_TRADING_FLAG"], seen["LOCAL_SQLITE_ONLY"]) == (
        True,
        False,
        True,
    )
    assert (seen["BROKER_API_CALLED"], seen["PRODUCTION_OMS_READY"]) == (False, False)
    assert words(shown.capabilities)["EXECUTION_REPORT_MODEL"] is True
    assert len(shown.gaps) == sum(not probed[name].value for name in _GAPS)
