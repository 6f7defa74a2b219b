"""`orders deliver`, `reconcile-accounts` and `resolve` at the command line."""

from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.desk.orders import Submission
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from tests.ui.sealed_keys import seal_keys
from tests.ui.test_cli_orders import House, code, rows
from tests.world import ACCOUNT, World


@pytest.fixture
def house(workplace: Path, capsys: pytest.CaptureFixture[str]) -> House:
    world = World(workplace / "home")
    seal_keys(world, "operator", "risk")
    return House(world, capsys, str(workplace / "secret"))


def test_a_home_without_a_gateway_has_nothing_to_deliver(house: House) -> None:
    """TX-I6: orders are filled where they are submitted."""
    status, value = house("orders", "deliver", *house.proof())

    assert (status, code(value)) == (1, "NO_GATEWAY")


def test_a_message_is_delivered_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """TX-I6: the worker's round, by hand; the second one has nothing to do."""
    world = house.world
    request_id = world.approved(quantity=2)
    asked = Submission(approval_request_id=request_id, quantity=Decimal(2))
    world.done(world.desk.orders.enqueue(asked, world.actor("operator"), key=world.key()))
    monkeypatch.setenv("COUNTERSEAL_GATEWAY", "paper")
    first = house("orders", "deliver", *house.proof(), *house.quote())
    second = house("orders", "deliver", *house.proof())

    assert len(rows(first[1], "steps")) > 1
    assert (second[0], rows(second[1], "steps")) == (0, [])
    with world.store.reader() as reader:
        [order] = reader.find(Order)
    assert order.state is not OrderState.RISK_CHECKED


def test_a_locked_account_is_unlocked_by_a_risk_reviewer(house: House) -> None:
    """TX-I11: named, locked, resolved with a reason; nothing is left to resolve then."""
    house.world.done(house.world.submitted(house.world.approved()))
    clean = house("orders", "reconcile-accounts", *house.proof())
    house.world.forge("UPDATE accounts SET cash = '1'")
    status, found = house("orders", "reconcile-accounts", *house.proof())
    why = ("--reason", "compared with the statement")
    barred = house("orders", "resolve", ACCOUNT, *house.proof(), *why)
    done = house("orders", "resolve", ACCOUNT, *house.proof("risk"), *why)
    again = house("orders", "resolve", ACCOUNT, *house.proof("risk"), *why)

    assert (clean[0], clean[1]["critical"]) == (0, 0)
    assert status == 1
    assert [row["kind"] for row in rows(found, "differences")] == ["CASH_DIFFERS", "LOG_DIFFERS"]
    assert code(barred[1]) == "ROLE"
    assert done[0] == 0
    assert code(again[1]) == "ACCOUNT_NOT_LOCKED"
