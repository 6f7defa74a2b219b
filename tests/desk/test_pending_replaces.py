"""What a gateway holds and what a pending replace may bring: counted, timed out, left alone."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.desk.exposure import risk_snapshot
from counterseal.desk.orders import Submission
from counterseal.desk.replacing import Replacement
from counterseal.desk.views.reliability import timeout_row, timeout_rows
from counterseal.desk.views.risk_desk import risk_desk
from counterseal.kernel.model import Refusal
from counterseal.oms.states import OrderEventType
from counterseal.oms.states import OrderState as S
from counterseal.risk.counters import RiskCounters
from counterseal.risk.model import RiskSnapshot
from counterseal.signals.intent import PaperOrderIntent
from tests.desk.gateway_room import GatewayRoom, row
from tests.world import ACCOUNT, World


@pytest.fixture
def room(tmp_path: Path) -> GatewayRoom:
    return GatewayRoom(World(tmp_path / "home"))


def enlarging(room: GatewayRoom) -> str:
    """Two contracts that a gateway works, with a replace to four that it has not seen yet."""
    world, operator = room.world, room.world.actor("operator")
    asked = Submission(approval_request_id=world.approved(quantity=4), quantity=Decimal(2))
    world.done(world.desk.orders.enqueue(asked, operator, key=world.key()))
    order_id = room.messages()[-1].order_id
    room.delivered()
    more = Replacement(order_id=order_id, quantity=Decimal(4))
    replacing = world.desk.replacing
    return world.done(replacing.replace(more, operator, reason="more", key=world.key()))


def judged_beside(room: GatewayRoom, order_id: str) -> RiskSnapshot:
    """What risk would be told about another order of the account."""
    bench = room.world.desk.bench
    with room.world.store.reader() as reader:
        intent = reader.get(PaperOrderIntent, order_id)
        assert intent is not None
        another = intent.amended(order_id="ord_another", idempotency_key="another")
        return risk_snapshot(reader, bench, another, room.world.clock.now())


def marked(room: GatewayRoom, order_id: str) -> str:
    """The code of a refused timeout mark; empty for a mark."""
    order = room.order(order_id)
    outcome = room.world.desk.lifecycle.mark_timeout(
        order_id,
        room.world.actor("operator"),
        workflow_run_id=order.workflow_run_id,
        reason="no answer in time",
        key=room.world.key(),
    )
    return "" if outcome.refusal is None else outcome.refusal.code


def test_a_pending_replace_counts_by_its_worst_case(room: GatewayRoom) -> None:
    """Trading part 4: projected position counts what the order may still fill, per side."""
    told = judged_beside(room, enlarging(room))

    assert told.working_long_tx_equivalent == Decimal("0.20")
    assert row(told.further.working_buy_contracts, told.further.active_orders) == (4, 1)
    assert told.further.instrument.working_long_tx_equivalent == Decimal("0.20")


def test_a_filled_order_that_a_replace_may_enlarge_still_counts(room: GatewayRoom) -> None:
    """Trading part 4, FIX D11: the grant would reopen it."""
    order_id = enlarging(room)
    room.gateway.trade(order_id, 2)
    room.polled()
    told = judged_beside(room, order_id)
    with room.world.store.reader() as reader:
        bench = room.world.desk.bench
        shown = risk_desk(reader, bench, bench.bundle.limits.desk, room.world.clock.now())
    [account] = [a for a in shown.aggregates if (a.scope, a.name) == ("account", ACCOUNT)]

    assert room.order(order_id).state is S.FILLED
    assert told.position_tx_equivalent == told.working_long_tx_equivalent == Decimal("0.10")
    assert row(told.further.working_buy_contracts) == (2,)
    assert account.standing.working_long_tx_equivalent == Decimal("0.10")

    room.delivered()
    assert room.order(order_id).state is S.PARTIALLY_FILLED
    assert judged_beside(room, order_id).working_long_tx_equivalent == Decimal("0.10")


def test_a_replace_counts_as_a_message_and_as_no_order(room: GatewayRoom) -> None:
    """TX-H16: the second's messages are those of orders, cancels and replaces."""
    enlarging(room)
    with room.world.store.reader() as reader:
        [counters] = reader.find(RiskCounters)

    assert (counters.messages_this_second, counters.orders_this_second) == (2, 1)
    assert (counters.orders_today, counters.cancels_today) == (1, 0)


def test_a_sent_order_without_an_answer_becomes_unknown(room: GatewayRoom) -> None:
    """Trading 3.3 rules 9 and 10: never expired; reports end the doubt."""
    room.gateway.silent = True
    order_id = room.working()
    room.world.after(60)

    assert room.order(order_id).state is S.SUBMITTED
    assert marked(room, order_id) == ""
    assert room.order(order_id).state is S.UNKNOWN_NEEDS_RECONCILIATION
    assert marked(room, order_id) == "ORDER_NEEDS_RECONCILIATION"


def test_an_order_that_a_gateway_acknowledged_is_not_marked(room: GatewayRoom) -> None:
    """Trading 3.3 rule 10: it rests there, nothing is in doubt; it ends by a cancel."""
    order_id = room.working()
    room.world.after(60)
    before, now = room.order(order_id), room.world.clock.now()
    with room.world.store.reader() as reader:
        shown, rows = timeout_row(reader, order_id, now), timeout_rows(reader, now)

    assert marked(room, order_id) == "ORDER_AT_GATEWAY"
    assert room.order(order_id) == before
    assert isinstance(shown, Refusal)
    assert (shown.code, rows) == ("ORDER_AT_GATEWAY", ())


def test_a_replace_without_an_answer_makes_its_order_unknown(room: GatewayRoom) -> None:
    """Trading 3.3 rules 9 and 10: counted at its worst, settled by the answer that comes late."""
    order_id = enlarging(room)
    room.world.after(60)
    preview = room.world.desk.lifecycle.preview_timeout(
        order_id,
        workflow_run_id=room.order(order_id).workflow_run_id,
        now=room.world.clock.now(),
    )

    assert not isinstance(preview, Refusal)
    assert preview.event is OrderEventType.MARK_UNKNOWN
    assert marked(room, order_id) == ""
    order = room.order(order_id)
    assert order.state is S.UNKNOWN_NEEDS_RECONCILIATION
    assert row(order.may_fill) == (4,)
    assert judged_beside(room, order_id).working_long_tx_equivalent == Decimal("0.20")

    room.delivered()
    room.gateway.trade(order_id, 4)
    room.polled()
    settled = room.order(order_id)
    assert row(settled.state, settled.cum_quantity, settled.replace_pending) == (S.FILLED, 4, False)


def test_the_close_leaves_an_order_to_its_gateway(room: GatewayRoom) -> None:
    """Trading 1.5: the gateway ends it and reports; a waiting order is ended here."""
    held, waiting = room.working(quantity=2), room.queued(quantity=2)
    room.world.after(timedelta(hours=6).total_seconds())
    room.world.desk.expiry.expire_session_orders(room.world.service())

    assert (room.order(held).state, room.order(waiting).state) == (S.ACCEPTED, S.EXPIRED)
