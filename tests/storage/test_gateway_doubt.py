"""A desk and a paper gateway over a line that fails, on the real store."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.audit.verdict import Outcome as Verdict
from counterseal.oms.model import OutboxStatus
from counterseal.oms.outbox import RULES
from counterseal.oms.states import OrderState
from storage.paper_book import paper_book_file
from storage.reconcile import reconcile
from tests.storage.paper_room import PaperRoom


@pytest.fixture
def room(tmp_path: Path) -> PaperRoom:
    return PaperRoom(tmp_path / "home")


def codes(outcomes: object) -> list[str]:
    assert isinstance(outcomes, tuple)
    return [o.refusal.code for o in outcomes if o.refusal is not None]


def test_a_time_out_leaves_the_order_unknown_and_a_late_fill_is_booked_once(
    room: PaperRoom,
) -> None:
    """AS-9, TL-10, TL-18: never REJECTED; blocked, filled late and once, then reconciled."""
    order_id = room.given_up()
    unknown = room.order(order_id)
    barred = room.world.desk.orders.enqueue(
        room.asked(1), room.world.actor("operator"), key=room.world.key()
    )
    room.gateway.reordered = True
    room.polled()
    late, again = room.order(order_id), room.polled()
    resolved = room.world.desk.reconciling.ask(
        order_id, room.gateway, room.world.service(), key=room.world.key()
    )
    room.world.quote(size=0)
    free = room.world.desk.orders.enqueue(
        room.asked(1), room.world.actor("operator"), key=room.world.key()
    )

    assert unknown.state is OrderState.UNKNOWN_NEEDS_RECONCILIATION
    assert codes((barred,)) == ["UNKNOWN_ORDER_BLOCKS"]
    assert [(e.last_quantity, e.late) for e in late.executions] == [(Decimal(3), True)]
    assert again == ()
    assert (room.position(), len(room.world.fills())) == (Decimal(3), 1)
    assert resolved.accepted, resolved.refusal
    assert room.order(order_id).state is OrderState.PARTIALLY_FILLED
    assert "UNKNOWN_ORDER_BLOCKS" not in codes((free,))
    assert room.gateway.calls == [f"place {order_id}"]
    assert room.world.verdict().outcome is Verdict.OK


@pytest.mark.parametrize("fault", ["before", "after", "late", "busy"])
def test_whatever_the_line_does_the_order_is_placed_once(room: PaperRoom, fault: str) -> None:
    """TX-I6: one ClOrdID, one order at the gateway, one booking."""
    order_id = room.queued()
    room.gateway.fails(fault)
    room.delivered()
    room.world.after(5)
    room.world.quote()
    room.delivered("worker-2")
    room.traded()

    assert room.order(order_id).state is OrderState.FILLED
    assert (room.position(), len(room.world.fills())) == (Decimal(4), 1)
    assert [m.status for m in room.messages()] == [OutboxStatus.COMPLETED]
    told = [r.exec_type.value for r in room.gateway.reports_after(0, 100)]
    assert told == ["NEW", "TRADE"]


def test_two_workers_at_once_hand_a_message_over_once(room: PaperRoom) -> None:
    """TX-I6: the lease is taken in the transaction that reads it."""
    order_id = room.queued()
    outbox_id = room.messages()[0].outbox_id

    def work(owner: str) -> list[str]:
        return codes(room.delivery.deliver(outbox_id, owner, room.world.service()))

    with ThreadPoolExecutor(2) as pool:
        refused = list(pool.map(work, ("worker-1", "worker-2")))

    assert sorted(refused) == [[], ["OUTBOX_NOT_DUE"]]
    assert room.gateway.calls == [f"place {order_id}"]


def test_the_book_is_its_owner_s_alone_and_outlives_the_desk(room: PaperRoom) -> None:
    """TX-I6: what was asked and answered is a record of its own."""
    order_id = room.queued()
    room.delivered()
    file = paper_book_file(room.home)
    before = room.gateway.status(order_id)
    room.reopen()

    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert file != room.world.settings.database_file
    assert room.gateway.status(order_id) == before


class Countdown:
    """Dies after a number of durable steps; counts them until then."""

    def __init__(self, left: int) -> None:
        self.left, self.seen = left, 0

    def __call__(self, step: str) -> None:
        del step
        self.seen += 1
        if self.seen == self.left:
            raise KeyboardInterrupt


def played(room: PaperRoom, asked: object) -> str:
    """One order from its submit to its fill; each call may be made again."""
    order_id = room.enqueued(asked, "enqueue-1")  # type: ignore[arg-type]  # handed through
    room.world.after(RULES.lease_seconds)
    room.world.quote()
    room.delivered()
    room.traded()
    return order_id


def state_of(room: PaperRoom, order_id: str) -> tuple[object, ...]:
    order = room.order(order_id)
    terms = [(e.exec_id, e.last_quantity, e.last_price) for e in order.executions]
    told = [(r.sequence, r.exec_type.value) for r in room.gateway.reports_after(0, 100)]
    done = {m.status in (OutboxStatus.COMPLETED, OutboxStatus.EXPIRED) for m in room.messages()}
    return order.state, terms, told, done, room.position(), len(room.world.fills())


def test_killed_between_any_two_writes_it_ends_in_the_same_state(tmp_path: Path) -> None:
    """AS-8, TX-I6, TX-I7: the desk's writes and the gateway's own; no second order."""
    base = PaperRoom(tmp_path / "base" / "home")
    asked, count = base.asked(), Countdown(-1)
    whole = base.copied(tmp_path / "whole")
    whole.reopen(count)
    order_id, steps = played(whole, asked), count.seen
    wanted = state_of(whole, order_id)

    for step in range(1, steps + 1):
        room = base.copied(tmp_path / str(step))
        room.reopen(Countdown(step))
        with pytest.raises(KeyboardInterrupt):
            played(room, asked)
        room.reopen()
        assert state_of(room, played(room, asked)) == wanted, step
        assert reconcile(room.world.settings.database_file).clean

    assert wanted[0] is OrderState.FILLED
    assert wanted[4] == Decimal(4)
    assert steps > 20
