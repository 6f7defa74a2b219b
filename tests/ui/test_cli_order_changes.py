"""Replace, reconcile, outbox and dead letters at the command line."""

from pathlib import Path

import pytest

from counterseal.oms.model import OutboxEntry, OutboxStatus
from counterseal.oms.states import OrderState
from tests.desk.gateway_room import GatewayRoom
from tests.desk.test_gateway_orders import dead_letter
from tests.ui.sealed_keys import seal_keys
from tests.ui.test_cli_orders import House, code, rows
from tests.world import World


@pytest.fixture
def house(workplace: Path, capsys: pytest.CaptureFixture[str]) -> House:
    world = World(workplace / "home")
    seal_keys(world, "operator", "quant")
    return House(world, capsys, str(workplace / "secret"))


WHY = ("--reason", "less is enough")


def test_a_resting_order_is_replaced_by_an_operator_alone(house: House) -> None:
    """TX-I11: one command, on the record; the answer names the order."""
    order_id = house.resting()
    asked = ("orders", "replace", order_id, "--quantity", "1", *WHY, *house.quote())

    other = house(*asked, *house.proof("quant"))
    blank = house("orders", "replace", order_id, "--reason", " ", *house.proof())

    assert (other[0], code(other[1])) == (1, "ROLE")
    assert (blank[0], code(blank[1])) == (2, "REASON_MISSING")
    assert house.world.order(order_id).quantity == 2


def test_the_outbox_lists_messages_of_one_status(house: House) -> None:
    """TX-I6: `outbox?status&limit`."""
    house.resting()

    done, waiting = house("orders", "outbox"), house("orders", "outbox", "--status", "pending")
    lines = house.text("orders", "outbox")[1]

    assert [row["status"] for row in rows(done[1], "outbox")] == ["completed"]
    assert rows(waiting[1], "outbox") == []
    assert "completed" in lines
    assert house("orders", "outbox", "--limit", "501")[0] == 2


def test_a_dead_letter_is_replayed_and_an_unknown_order_reconciled(house: House) -> None:
    """Trading reference 3.3 rule 9: by a person, with a reason."""
    room = GatewayRoom(house.world)
    order_id = dead_letter(room)
    letter = room.messages()[0].outbox_id
    why = ("--reason", "the line is back")

    replayed = house("orders", "replay-letter", letter, *why, *house.proof())
    again = house("orders", "replay-letter", letter, *why, *house.proof())
    filled = house("orders", "reconcile", order_id, "--state", "FILLED", *why, *house.proof())
    ended = house("orders", "reconcile", order_id, "--state", "REJECTED", *why, *house.proof())

    assert replayed[0] == ended[0] == 0
    assert (again[0], code(again[1])) == (1, "NOT_A_DEAD_LETTER")
    assert (filled[0], code(filled[1])) == (1, "RECONCILIATION_CONTRADICTS_FILLS")
    assert house.state(order_id) is OrderState.REJECTED
    with house.world.store.reader() as reader:
        entry = reader.get(OutboxEntry, letter)
    assert entry is not None
    assert entry.status is OutboxStatus.EXPIRED
