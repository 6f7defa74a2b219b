"""Orders that a gateway works: messages out, reports in, doubt ended."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.audit.verdict import Outcome
from counterseal.desk.delivery import Delivery
from counterseal.desk.orders import Submission
from counterseal.desk.replacing import Replacement
from counterseal.kernel.errors import AdapterError
from counterseal.oms.ingest import Disposition, FixExecType, FixOrdStatus, IngestedReport
from counterseal.oms.model import ClientOrderId, OutboxStatus
from counterseal.oms.outbox import RULES, RetryRules
from counterseal.oms.states import OrderState as S
from counterseal.portfolio.model import Position
from tests.desk.gateway_room import GatewayRoom, row
from tests.world import ACCOUNT, SYMBOL, World

ONE_TRY = RetryRules(attempts_max=1)


@pytest.fixture
def room(tmp_path: Path) -> GatewayRoom:
    return GatewayRoom(World(tmp_path / "home"))


def position(room: GatewayRoom) -> Decimal:
    with room.world.store.reader() as reader:
        found = reader.get(Position, f"{ACCOUNT}:{SYMBOL}")
    return Decimal(0) if found is None else found.quantity


def codes(outcomes: object) -> list[str]:
    assert isinstance(outcomes, tuple)
    return [o.refusal.code for o in outcomes if o.refusal is not None]


def test_an_order_goes_out_once_and_its_fills_are_booked_once(room: GatewayRoom) -> None:
    """TX-I6, TX-G1: claimed, placed, completed; a report read twice changes nothing."""
    order_id = room.working()
    room.gateway.trade(order_id, 3)
    room.gateway.trade(order_id, 1)

    first, again = room.polled(), room.polled()

    assert codes(first) == []
    assert again == ()
    assert room.order(order_id).state is S.FILLED
    assert position(room) == 4
    assert room.gateway.calls == [f"place {order_id}"]
    assert [m.status for m in room.messages()] == [OutboxStatus.COMPLETED]
    assert len(room.world.fills()) == 2
    assert room.world.verdict().outcome is Outcome.OK


def test_reports_out_of_order_end_the_same(room: GatewayRoom) -> None:
    """Trading reference 3.3: the fills are read backwards, the acknowledgement last."""
    room.gateway.silent = True
    order_id = room.working()
    reports = (room.gateway.trade(order_id, 3), room.gateway.trade(order_id, 1))

    room.ingesting.take((*reversed(reports), room.gateway.sent[0]), room.world.service())

    assert room.order(order_id).state is S.FILLED
    assert position(room) == 4
    assert codes(room.polled()) == []


def test_the_paper_model_leaves_an_order_at_a_gateway_alone(room: GatewayRoom) -> None:
    """TX-G1: one order has one broker."""
    order_id = room.working()

    outcome = room.world.desk.lifecycle.work(
        order_id, room.world.actor("operator"), key=room.world.key()
    )

    assert outcome.refusal is not None
    assert outcome.refusal.code == "ORDER_AT_GATEWAY"


def test_a_timed_out_message_is_asked_for_before_it_is_sent_again(room: GatewayRoom) -> None:
    """Trading reference 3.3 rule 9: the same ClOrdID, placed once."""
    order_id = room.queued()
    room.gateway.fails_after = 1

    room.delivered()
    waiting = room.messages()[0]
    early = room.delivered()
    room.world.after(2)
    room.delivered("worker-2")
    room.polled()

    assert (waiting.status, waiting.maybe_sent, early) == (OutboxStatus.PENDING, True, ())
    assert waiting.last_error.startswith("GATEWAY_TIMEOUT")
    assert room.gateway.calls == [f"place {order_id}"]
    assert room.order(order_id).state is S.ACCEPTED
    assert room.messages()[0].status is OutboxStatus.COMPLETED


def test_a_lapsed_lease_is_taken_over_and_the_late_owner_changes_nothing(
    room: GatewayRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-I6: a worker that died after its call."""
    order_id = room.queued()
    outbox_id = room.messages()[0].outbox_id
    place = room.gateway.place

    def dies(*asked: object) -> object:
        place(*asked)  # type: ignore[arg-type]  # handed on as it came
        raise KeyboardInterrupt

    monkeypatch.setattr(room.gateway, "place", dies)
    with pytest.raises(KeyboardInterrupt):
        room.delivery.deliver(outbox_id, "worker-1", room.world.service())
    monkeypatch.setattr(room.gateway, "place", place)
    held = room.delivered("worker-2")
    room.world.after(RULES.lease_seconds)
    room.delivered("worker-2")
    room.polled()

    assert held == ()
    assert room.gateway.calls == [f"place {order_id}"]
    assert room.order(order_id).state is S.ACCEPTED
    assert room.messages()[0].attempts == 2


def dead_letter(room: GatewayRoom) -> str:
    order_id = room.queued()
    room.gateway.fails_before = RULES.attempts_max
    for _ in range(RULES.attempts_max):
        room.delivered()
        room.world.after(90)
    return order_id


def test_a_dead_letter_makes_the_order_unknown_and_blocks_its_instrument(
    room: GatewayRoom,
) -> None:
    """Trading reference 3.3 rule 9: never REJECTED; a replay goes out under the same ClOrdID."""
    order_id = dead_letter(room)
    world, operator = room.world, room.world.actor("operator")
    letter = room.messages()[0]
    world.quote()
    asked = Submission(approval_request_id=world.approved(quantity=1), quantity=Decimal(1))
    blocked = world.desk.orders.submit(asked, operator, key=world.key())
    barred = world.desk.dead_letters.replay(
        letter.outbox_id, world.actor("quant"), reason="the line is back", key=world.key()
    )
    world.done(
        world.desk.dead_letters.replay(
            letter.outbox_id, operator, reason="the line is back", key=world.key()
        )
    )
    room.delivered()
    asked_back = world.desk.reconciling.ask(
        order_id, room.gateway, world.service(), key=world.key()
    )

    assert (letter.status, letter.attempts) == (OutboxStatus.FAILED, RULES.attempts_max)
    assert codes((blocked,)) == ["UNKNOWN_ORDER_BLOCKS"]
    assert codes((barred,)) == ["ROLE"]
    assert asked_back.accepted
    assert room.order(order_id).state is S.ACCEPTED
    assert set(room.gateway.calls) == {f"place {order_id}"}
    assert world.desk.reconciling.unknown() == ()


def test_each_claim_is_one_of_its_own_though_the_clock_stands(room: GatewayRoom) -> None:
    """Delivery I6: failed and replayed twice within one instant, then handed over by the third."""
    world, operator = room.world, room.world.actor("operator")
    order_id, delivery = room.queued(), Delivery(world.desk.bench, room.gateway, ONE_TRY)
    letter = room.messages()[0].outbox_id
    room.gateway.fails_before = 2
    for _ in range(2):
        claimed, failed = delivery.deliver(letter, "worker-1", world.service())
        assert (claimed.accepted, claimed.replayed, failed.accepted) == (True, False, True)
        assert room.messages()[0].status is OutboxStatus.FAILED
        replay = world.desk.dead_letters.replay
        world.done(replay(letter, operator, reason="the line is back", key=world.key()))
    outcomes = delivery.deliver(letter, "worker-1", world.service())

    assert all(outcome.accepted and not outcome.replayed for outcome in outcomes)
    assert room.messages()[0].status is OutboxStatus.COMPLETED
    assert room.gateway.calls == [f"place {order_id}"] * 3


def test_an_unclear_answer_is_left_to_a_person(room: GatewayRoom) -> None:
    """Trading reference 3.3 rule 9: the gateway knows nothing; a person states what was found."""
    order_id = dead_letter(room)
    world, reconciling = room.world, room.world.desk.reconciling
    operator = world.actor("operator")
    unclear = reconciling.ask(order_id, room.gateway, world.service(), key=world.key())
    told = {"reason": "the broker has never seen it"}
    service = reconciling.state(order_id, S.REJECTED, world.service(), **told, key=world.key())
    stranger = reconciling.state(
        order_id, S.REJECTED, world.actor("quant"), **told, key=world.key()
    )
    filled = reconciling.state(order_id, S.PARTIALLY_FILLED, operator, **told, key=world.key())
    world.done(reconciling.state(order_id, S.REJECTED, operator, **told, key=world.key()))

    assert codes((unclear, service, stranger, filled)) == [
        "RECONCILIATION_AMBIGUOUS",
        "PERSON_DECIDES",
        "ROLE",
        "RECONCILIATION_CONTRADICTS_FILLS",
    ]
    assert room.order(order_id).state is S.REJECTED
    assert room.messages()[0].status is OutboxStatus.EXPIRED


def test_an_order_that_was_ended_by_a_person_is_never_handed_over(room: GatewayRoom) -> None:
    """Trading reference 3.3 rule 9: replayed, then found rejected; the message expires."""
    order_id = dead_letter(room)
    world, operator = room.world, room.world.actor("operator")
    calls = len(room.gateway.calls)
    letter = room.messages()[0].outbox_id
    again = world.desk.dead_letters.replay(letter, operator, reason="try again", key=world.key())
    world.done(again)
    world.done(
        world.desk.reconciling.state(
            order_id, S.REJECTED, operator, reason="never seen there", key=world.key()
        )
    )
    room.delivered()

    assert len(room.gateway.calls) == calls
    assert room.messages()[0].status is OutboxStatus.EXPIRED


def test_a_fill_crosses_a_cancel(room: GatewayRoom) -> None:
    """FIX D: the cancel is pending under its own ClOrdID until the gateway answers."""
    order_id = room.working()
    world, operator = room.world, room.world.actor("operator")
    world.done(
        world.desk.lifecycle.cancel(order_id, operator, reason="not wanted", key=world.key())
    )
    pending = room.order(order_id)
    room.gateway.trade(order_id, 4)
    room.delivered()
    room.polled()
    done = room.order(order_id)

    assert (pending.state, pending.cancel_id) == (S.CANCEL_REQUESTED, f"{order_id}.2")
    assert done.state is S.FILLED
    assert position(room) == 4
    assert room.gateway.sent[-1].exec_type is FixExecType.CANCEL_REJECTED


def test_a_cancelled_order_keeps_what_was_filled(room: GatewayRoom) -> None:
    """TX-I5: cum and rest; a second cancel waits for the first."""
    order_id = room.working()
    world, operator = room.world, room.world.actor("operator")
    room.gateway.trade(order_id, 3)
    cancel = world.desk.lifecycle.cancel
    world.done(cancel(order_id, operator, reason="not wanted", key=world.key()))
    second = cancel(order_id, operator, reason="not wanted", key=world.key())
    room.delivered()
    room.polled()
    done = room.order(order_id)

    assert codes((second,)) == ["CANCEL_PENDING"]
    assert row(done.state, done.cum_quantity, done.rest_quantity) == (S.CANCELLED, 3, 1)
    assert position(room) == 3


def test_a_replace_at_the_gateway_stays_pending_until_it_is_granted(room: GatewayRoom) -> None:
    """FIX D11: it crosses a fill; the fill keeps the original ClOrdID, the grant ends the order."""
    order_id = room.working()
    world, operator = room.world, room.world.actor("operator")
    world.done(
        world.desk.replacing.replace(
            Replacement(order_id=order_id, quantity=Decimal(3)),
            operator,
            reason="less is enough",
            key=world.key(),
        )
    )
    pending = room.order(order_id)
    room.gateway.trade(order_id, 3)
    room.ingesting.poll(world.service())
    crossed = room.order(order_id)
    room.delivered()
    done = room.order(order_id)

    assert pending.pending_replace is not None
    assert row(pending.quantity, pending.cl_ord_id) == (4, order_id)
    assert (crossed.state, crossed.cl_ord_id) == (S.PARTIALLY_FILLED, order_id)
    assert row(done.state, done.quantity, done.cl_ord_id) == (S.FILLED, 3, f"{order_id}.2")
    assert codes(room.polled()) == []


def test_an_unexpected_report_is_kept_and_makes_the_order_unknown(room: GatewayRoom) -> None:
    """Trading reference 3.3: contradiction, unknown order, reused id."""
    order_id = room.working()
    wrong = room.gateway.report(
        order_id, FixExecType.TRADE, ord_status=FixOrdStatus.PARTIALLY_FILLED
    )
    lost = room.gateway.report(order_id, FixExecType.NEW, cl_ord_id="nobody")
    outcomes = room.polled()
    reused = room.ingesting.take((lost.amended(text="other"),), room.world.service())
    with room.world.store.reader() as reader:
        kept = {r.exec_id: r.disposition for r in reader.find(IngestedReport)}

    assert len(outcomes) == 2
    assert kept[wrong.exec_id] is Disposition.CONTRADICTION
    assert kept[lost.exec_id] is Disposition.UNKNOWN_ORDER
    assert codes(reused) == ["EXECUTION_ID_REUSED"]
    assert room.order(order_id).state is S.UNKNOWN_NEEDS_RECONCILIATION
    assert room.world.fills() == ()


def test_a_missing_fill_is_seen_once_everything_was_read(room: GatewayRoom) -> None:
    """Trading reference 3.3: the newest report counts more than the order."""
    order_id = room.working()
    room.gateway.held[order_id].cum += 1
    room.gateway.trade(order_id, 2)

    room.polled()

    assert room.order(order_id).cum_quantity == 2
    assert room.order(order_id).state is S.UNKNOWN_NEEDS_RECONCILIATION


def test_only_the_platform_takes_reports_in(room: GatewayRoom) -> None:
    """TX-G1: a person's word is no execution report."""
    order_id = room.working()
    report = room.gateway.trade(order_id, 1)

    outcomes = room.ingesting.take((report,), room.world.actor("operator"))

    assert codes(outcomes) == ["SERVICE_ONLY"]
    assert codes(room.polled()) == []
    assert position(room) == 1


def test_a_gateway_that_cannot_be_asked_is_an_adapter_failure(
    room: GatewayRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-I6: nothing was read, nothing is moved."""

    def deaf(*_: int) -> tuple[()]:
        raise AdapterError("GATEWAY_TIMEOUT", "no answer in time", retriable=True)

    monkeypatch.setattr(room.gateway, "reports_after", deaf)
    with pytest.raises(AdapterError):
        room.polled()


def test_each_message_of_an_order_has_its_own_client_id(room: GatewayRoom) -> None:
    """Trading reference 3.3 rule 5: a taken one is refused, whoever has it."""
    first = room.working(quantity=2)
    room.world.after(1)
    second = room.working(quantity=2)
    world, operator = room.world, room.world.actor("operator")
    outcome = world.desk.lifecycle.cancel(
        second, operator, reason="not wanted", key=world.key(), cl_ord_id=first
    )
    world.done(
        world.desk.lifecycle.cancel(
            second, operator, reason="not wanted", key=world.key(), cl_ord_id="own-1"
        )
    )
    room.delivered()
    with world.store.reader() as reader:
        named = reader.get(ClientOrderId, "own-1")

    assert codes((outcome,)) == ["CLIENT_ORDER_ID_REUSED"]
    assert named is not None
    assert named.order_id == second
    assert room.order(second).state is S.CANCELLED
    assert room.gateway.sent[-1].transact_time - world.clock.now() == timedelta(0)
