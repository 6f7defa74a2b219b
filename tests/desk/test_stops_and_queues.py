"""Stops, market orders with protection and queues at a touch, from the submit to the fill."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.orders import Submission
from counterseal.oms.states import OrderState as S
from counterseal.policy.execution import TapeFillRule
from counterseal.policy.words import DecisionWord
from counterseal.signals.intent import OrderType, TimeInForce
from tests.desk.gateway_room import row
from tests.desk.tape_world import TAPE, TapeWorld

BOUNDS = {"price_min": Decimal(19_900), "price_max": Decimal(20_100)}
STOP = {"order_type": OrderType.STOP, **BOUNDS}
LIMIT = {"order_type": OrderType.LIMIT, **BOUNDS}
MWP = {"order_type": OrderType.MWP, "time_in_force": TimeInForce.IOC}


@pytest.fixture
def world(tmp_path: Path) -> TapeWorld:
    return TapeWorld(tmp_path / "home")


def sent(world: TapeWorld, approved: Mapping[str, object], **asked: object) -> Outcome:
    """Four contracts approved on these terms and submitted."""
    payload = world.payload(world.signal()).amended(**approved)
    request = world.desk.approvals.request(payload, world.actor("quant"), key=world.key())
    request_id = world.done(request)
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.done(world.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER))
    told = {"approval_request_id": request_id, "quantity": Decimal(4), **asked}
    submission = Submission.model_validate(told)
    return world.desk.orders.submit(submission, world.actor("operator"), key=world.key())


def filled(world: TapeWorld, order_id: str) -> list[tuple[int, int]]:
    """Price and contracts of each fill."""
    fills = world.fills_of(world.order(order_id))
    return [(int(fill.last_price), int(fill.last_quantity)) for fill in fills]


def test_a_stop_is_triggered_by_one_quote_and_filled_by_a_later_one(world: TapeWorld) -> None:
    """Trading 1.5: a market that comes to the stop has reached the order, though nothing fills."""
    order_id = world.done(sent(world, STOP, stop_price=Decimal(20_010)))
    lifecycle, service = world.desk.lifecycle, world.service()
    early = lifecycle.is_reached(order_id, world.clock.now())
    world.after(1)
    world.quote(bid="20008", ask="20009")
    below = lifecycle.is_reached(order_id, world.clock.now())
    world.after(1)
    world.quote(bid="20009", ask="20010")
    now = world.clock.now()

    assert (early, below, lifecycle.is_reached(order_id, now)) == (False, False, True)
    world.done(lifecycle.work(order_id, service, key=world.key()))
    assert (world.order(order_id).triggered_at, filled(world, order_id)) == (now, [])
    assert not lifecycle.is_reached(order_id, now)
    world.after(1)
    world.quote(bid="20011", ask="20012")
    assert lifecycle.is_reached(order_id, world.clock.now())
    world.done(lifecycle.work(order_id, service, key=world.key()))
    assert filled(world, order_id) == [(20_012, 4)]
    assert world.order(order_id).state is S.FILLED
    assert world.verdict().exit_status == 0


def test_a_stop_on_the_tape_fills_at_prints_after_its_trigger(world: TapeWorld) -> None:
    """Trading 1.5 and 5.3: the print that triggers it is not the one that fills it."""
    world.show((3, 20_009, 9), (5, 20_010, 9), (8, 20_013, 9))
    order_id = world.done(sent(world, STOP, stop_price=Decimal(20_010)))
    world.after(6)
    world.passed()
    triggered = world.order(order_id)
    world.after(10)
    world.passed()

    assert triggered.triggered_at is not None
    assert row(triggered.state, triggered.cum_quantity) == (S.ACCEPTED, 0)
    assert filled(world, order_id) == [(20_013, 4)]


@pytest.mark.parametrize(("bid", "fills"), [(19_997, [(20_000, 4)]), (19_996, [])])
def test_protection_is_a_limit_made_of_the_quote(
    world: TapeWorld, bid: int, fills: list[tuple[int, int]]
) -> None:
    """Trading 1.5: buy = best bid + points; at the offer it fills, one point below it does not."""
    world.quote(bid=str(bid), ask="20000")
    order_id = world.done(sent(world, MWP, protection_points=Decimal(3)))
    order = world.order(order_id)

    assert filled(world, order_id) == fills
    assert order.state is (S.FILLED if fills else S.CANCELLED)
    for fill in world.fills_of(order):
        assert fill.request.protection_price == bid + 3


def test_protection_without_a_quote_is_refused(world: TapeWorld) -> None:
    """Trading 1.5: no quote, no limit to make; no order is made either."""
    world.feed.quotes.clear()
    outcome = sent(world, MWP, protection_points=Decimal(3))

    assert outcome.refusal is not None
    assert outcome.refusal.code == "NO_QUOTE"


@pytest.mark.parametrize(
    ("touches", "fills"),
    [
        (((3, 20_000, 3), (5, 20_000, 2)), []),
        (((3, 20_000, 3), (5, 20_000, 3)), [(20_000, 1)]),
        (((3, 20_000, 3), (5, 20_000, 9)), [(20_000, 4)]),
        (((3, 20_000, 3), (5, 19_999, 9)), [(20_000, 4)]),
    ],
)
def test_a_touch_fills_once_the_queue_ahead_has_traded(
    world: TapeWorld, touches: tuple[tuple[int, int, int], ...], fills: list[tuple[int, int]]
) -> None:
    """Trading 5.3: five contracts ahead at 20000; a print through the limit asks no queue."""
    rule = TapeFillRule.model_validate(
        {**dict(TAPE), "fills_at_touch": True, "queue_min_contracts": 5}
    )
    world.show(*touches, rule=rule)
    order_id = world.done(sent(world, LIMIT, limit_price=Decimal(20_000)))
    world.after(10)
    world.passed()

    assert filled(world, order_id) == fills
