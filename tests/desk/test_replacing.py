"""Amend and replace: inside the approval, after risk."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.broker.model import SimulationOutcome
from counterseal.desk.commands import Outcome
from counterseal.desk.orders import Submission
from counterseal.desk.replacing import Replacement
from counterseal.oms.model import ExecutionReport, OrderEvent
from counterseal.oms.states import OrderEventType as E
from counterseal.oms.states import OrderState as S
from counterseal.policy.words import DecisionWord
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import OrderType, TimeInForce
from tests.desk.gateway_room import row
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def approved(world: World, **changes: object) -> str:
    payload = world.payload(world.signal(), quantity=4).amended(**changes)
    request = world.desk.approvals.request(payload, world.actor("quant"), key=world.key())
    request_id = world.done(request)
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.done(world.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER))
    return request_id


def submitted(world: World, request_id: str, **terms: object) -> Outcome:
    told = {"quantity": Decimal(3), "selected_outcome": SimulationOutcome.ACKNOWLEDGE, **terms}
    asked = Submission.model_validate({"approval_request_id": request_id, **told})
    return world.desk.orders.submit(asked, world.actor("operator"), key=world.key())


LIMIT = {
    "order_type": OrderType.LIMIT,
    "price_min": Decimal(19_900),
    "price_max": Decimal(20_100),
}


def resting(world: World, **changes: object) -> str:
    """Three of four approved contracts at a limit of 20000."""
    request_id = approved(world, **{**LIMIT, **changes})
    return world.done(submitted(world, request_id, limit_price=Decimal(20_000)))


def replaced(world: World, order_id: str, name: str = "operator", **terms: object) -> Outcome:
    asked = Replacement.model_validate({"order_id": order_id, **terms})
    return world.desk.replacing.replace(
        asked, world.actor(name), reason="the market moved", key=world.key()
    )


def code(outcome: Outcome) -> str:
    return "" if outcome.refusal is None else outcome.refusal.code


def test_a_replace_is_asked_for_judged_and_granted(world: World) -> None:
    """TX-I11: REPLACE_REQUESTED, then REPLACED; the new ClOrdID names the old one."""
    order_id = resting(world)
    before = world.order(order_id)
    world.after(1)
    world.quote()

    done = replaced(world, order_id, quantity=Decimal(4), limit_price=Decimal(20_010))

    order = world.order(order_id)
    with world.store.reader() as reader:
        events = [e.event for e in reader.find(OrderEvent, order_id=order_id)]
        reports = reader.find(ExecutionReport, order_id=order_id)
        judged = reader.find(RiskEvaluation, order_id=order_id)
    last = reports[-1]
    assert done.accepted, done.refusal
    assert done.subject_id == order_id
    assert row(order.quantity, order.limit_price, order.state) == (4, 20_010, S.ACCEPTED)
    assert events[-2:] == [E.REPLACE_REQUESTED, E.REPLACED]
    assert (last.cl_ord_id, last.orig_cl_ord_id) == (f"{order_id}.2", order_id)
    assert len(judged) == 2
    assert order.risk_evaluation_id not in (None, before.risk_evaluation_id)
    assert order.priority_at is not None
    assert before.priority_at is not None
    assert order.priority_at > before.priority_at


def test_a_decrease_keeps_the_place_in_the_queue(world: World) -> None:
    """Trading reference 1.5: decrease keeps priority."""
    order_id = resting(world)
    before = world.order(order_id).priority_at
    world.after(1)
    world.quote()

    world.done(replaced(world, order_id, quantity=Decimal(2)))

    assert world.order(order_id).priority_at == before
    assert world.order(order_id).leaves_quantity == 2


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"quantity": Decimal(5)}, "REPLACE_BEYOND_APPROVAL"),
        ({"limit_price": Decimal(20_101)}, "PAYLOAD_CHANGED"),
        ({"limit_price": Decimal(19_899)}, "PAYLOAD_CHANGED"),
        ({"stop_price": Decimal(20_000)}, "REPLACE_CHANGES_TYPE"),
        ({"quantity": Decimal("2.5")}, "QUANTITY_NOT_WHOLE"),
        ({"quantity": Decimal(3)}, "REPLACE_CHANGES_NOTHING"),
    ],
)
def test_a_replace_beyond_the_approval_is_refused_and_changes_nothing(
    world: World, terms: dict[str, object], expected: str
) -> None:
    """Trading reference 3.3 rule 6: quantity, prices, type."""
    order_id = resting(world)
    before = world.order(order_id)

    assert code(replaced(world, order_id, "operator", **terms)) == expected
    assert world.order(order_id) == before


def test_prices_at_the_approved_bounds_are_inside(world: World) -> None:
    """Trading reference 3.3 rule 6: bounds are inclusive."""
    order_id = resting(world)

    assert code(replaced(world, order_id, limit_price=Decimal(20_100))) == ""
    assert code(replaced(world, order_id, limit_price=Decimal(19_900))) == ""
    assert world.order(order_id).cl_ord_id == f"{order_id}.3"


def test_a_replace_ends_with_the_validity_of_its_approval(world: World) -> None:
    """Trading reference 3.3 rule 6: expiry."""
    order_id = resting(world)
    world.after(3600)
    world.quote()

    outcome = replaced(world, order_id, quantity=Decimal(4))

    assert outcome.refusal is not None
    assert "EXECUTION_EXPIRED" in outcome.refusal.codes


def test_only_an_operator_replaces(world: World) -> None:
    """Issue of roles: as for a cancel."""
    order_id = resting(world)

    assert code(replaced(world, order_id, name="quant", quantity=Decimal(4))) == "ROLE"
    assert code(replaced(world, "ord_unknown", quantity=Decimal(4))) == "NOT_FOUND"


def test_risk_judges_the_changed_order_and_a_rejection_leaves_it_working(world: World) -> None:
    """TX-I11: amend or replace never bypasses risk (here the kill switch)."""
    order_id = resting(world)
    before = world.order(order_id)
    world.after(10)  # the quote is stale now

    outcome = replaced(world, order_id, quantity=Decimal(4))

    with world.store.reader() as reader:
        judged = reader.find(RiskEvaluation, order_id=order_id)
    assert outcome.refusal is not None
    assert "STALE_QUOTE" in outcome.refusal.codes
    assert outcome.subject_id == order_id
    assert world.order(order_id) == before
    assert [e.approved for e in judged].count(False) == 1


def test_an_ended_order_takes_no_replace(world: World) -> None:
    """FIX: Canceled is terminal."""
    order_id = resting(world)
    cancel = world.desk.lifecycle.cancel
    world.done(cancel(order_id, world.actor("operator"), reason="not wanted", key=world.key()))

    assert code(replaced(world, order_id, quantity=Decimal(4))) == "TRANSITION_NOT_ALLOWED"


def test_a_stop_lies_inside_the_approved_prices(world: World) -> None:
    """Trading reference 1.5: a stop is the product's own; its price is bound as a limit's."""
    terms = {**LIMIT, "order_type": OrderType.STOP}
    inside, outside = approved(world, **terms), approved(world, **terms)

    done = submitted(world, inside, stop_price=Decimal(20_050))
    beyond = submitted(world, outside, stop_price=Decimal(20_150))
    missing = submitted(world, outside)

    assert done.accepted, done.refusal
    order = world.order(done.subject_id)
    assert row(order.order_type, order.stop_price, order.limit_price) == (
        OrderType.STOP,
        20_050,
        None,
    )
    assert (code(beyond), code(missing)) == ("PAYLOAD_CHANGED", "ORDER_TERMS_WRONG")


def test_a_gtd_order_ends_no_later_than_approved(world: World) -> None:
    """Trading reference 1.5: GTD is the product's own; the approval states the latest end."""
    end = world.clock.now() + timedelta(hours=1)
    terms = {**LIMIT, "time_in_force": TimeInForce.GTD, "good_till": end}
    first, second = approved(world, **terms), approved(world, **terms)
    price = {"limit_price": Decimal(20_000)}

    beyond = submitted(world, first, good_till=end + timedelta(seconds=1), **price)
    done = submitted(world, second, **price)

    assert code(beyond) == "PAYLOAD_CHANGED"
    assert done.accepted, done.refusal
    assert world.order(done.subject_id).good_till == end


@pytest.mark.parametrize("tif", [TimeInForce.GTC, TimeInForce.DAY])
def test_a_market_order_with_protection_or_without_is_not_good_till_cancelled(
    world: World, tif: TimeInForce
) -> None:
    """Trading reference 1.5 [M]: DAY stays allowed where the policy says so."""
    payload = world.payload(world.signal()).amended(time_in_force=tif)
    outcome = world.desk.approvals.request(payload, world.actor("quant"), key=world.key())

    refused = code(outcome) == "TIME_IN_FORCE_NOT_ALLOWED"
    assert refused is (tif is TimeInForce.GTC)


def test_a_slice_names_a_parent_of_its_own_request(world: World) -> None:
    """Issue of parent and child: never an order of another approval."""
    request_id, other = approved(world, uses_max=2), approved(world)
    parent = world.done(submitted(world, request_id, quantity=Decimal(1)))
    child = world.done(submitted(world, request_id, quantity=Decimal(1), parent_order_id=parent))
    foreign = submitted(world, other, quantity=Decimal(1), parent_order_id=parent)

    assert world.order(child).parent_order_id == parent
    assert code(foreign) == "PARENT_OF_OTHER_REQUEST"
