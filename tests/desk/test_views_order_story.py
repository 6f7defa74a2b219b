"""An order told in lines; TX-I1 to TX-I3, TX-H12."""

from pathlib import Path

import pytest

from counterseal.desk.views.order_story import told_order
from counterseal.oms.model import OrderEvent
from counterseal.risk.model import RiskEvaluation
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def told(world: World, order: str) -> list[str]:
    with world.store.reader() as reader:
        events = reader.find(OrderEvent, order_id=order)
        evaluations = reader.find(RiskEvaluation, order_id=order)
    return list(told_order(world.order(order), events, evaluations))


def test_every_step_of_a_filled_order_is_told_in_order(world: World) -> None:
    order = world.done(world.submitted(world.approved(quantity=2), quantity=2))

    lines = told(world, order)

    assert lines[0] == f"order    {order} (FILLED)"
    assert lines[2].startswith("filled   2 of 2 at ")
    steps = [line.split(maxsplit=2)[2] for line in lines if line.startswith("step ")]
    assert steps == [
        "CREATE: PENDING -> NEW",
        "RISK_APPROVE: NEW -> RISK_CHECKED",
        "SUBMIT: RISK_CHECKED -> SUBMITTED",
        "ACKNOWLEDGE: SUBMITTED -> ACCEPTED",
        "FILL: ACCEPTED -> FILLED",
    ]


def test_what_risk_refused_is_told_with_its_numbers(world: World) -> None:
    """TX-H12: the second order would carry the position over its limit."""
    world.done(world.submitted(world.approved(quantity=5), quantity=5))
    refused = world.submitted(world.approved(quantity=5), quantity=5)

    lines = told(world, refused.subject_id)

    assert any(line.startswith("risk     refused by POSITION_LIMIT; ") for line in lines)
    [why] = [line for line in lines if line.startswith("  refuse   POSITION_LIMIT: ")]
    assert "(projected_tx_equivalent 0.5" in why
    assert lines[-1].endswith("RISK_REJECT: NEW -> REJECTED, POSITION_LIMIT")
