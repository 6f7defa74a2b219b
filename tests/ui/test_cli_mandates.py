"""Mandates at the command line: signed, listed, used by the dispatcher, ended."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.desk.test_replacing import approved as approved_as
from tests.desk.test_stops_and_queues import MWP
from tests.ui.sealed_keys import seal_keys
from tests.ui.test_cli_orders import House, code, rows
from tests.world import ACCOUNT, World


@pytest.fixture
def house(workplace: Path, capsys: pytest.CaptureFixture[str]) -> House:
    world = World(workplace / "home")
    seal_keys(world, "operator", "quant")
    return House(world, capsys, str(workplace / "secret"))


def asked(*more: str, orders: int = 2) -> tuple[str, ...]:
    """Bounds until tomorrow, the same for the whole test."""
    end = datetime.now(UTC) + timedelta(days=1)  # noqa: TID251 - a real command needs real time
    bounds = ("--account", ACCOUNT, "--strategy", "mean-reversion", "--orders", str(orders))
    until = ("--until", end.strftime("%Y-%m-%dT00:00:00"))
    return ("orders", "mandate", *bounds, "--max-exposure", "0.25", *until, *more)


def test_an_operator_signs_bounds_once_and_ends_them(house: House) -> None:
    """TX-F18: under one key one mandate; other bounds, another role and a second end fail."""
    words = asked("--protection-points", "3", "--key", "mandate-1")
    first, again = house(*words, *house.proof()), house(*words, *house.proof())
    wider = house(*asked("--key", "mandate-1", orders=9), *house.proof())
    barred = house(*asked(), *house.proof("quant"))

    assert (first[0], again[0], again[1]["replayed"]) == (0, 0, True)
    assert again[1]["subject_id"] == first[1]["subject_id"]
    assert code(wider[1]) == "IDEMPOTENCY_KEY_CONFLICT"
    assert (barred[0], code(barred[1])) == (1, "ROLE")
    [listed] = rows(house("orders", "mandates")[1], "mandates")
    assert (listed["status"], listed["protection_points"], listed["orders_max"]) == (
        *("active", "3"),
        2,
    )
    name = str(first[1]["subject_id"])
    ended = [house("orders", "end-mandate", name, *house.proof()) for _ in range(2)]
    assert ended[0][0] == 0
    assert code(ended[1][1]) == "MANDATE_EXPIRED"
    assert "revoked" in house.text("orders", "mandates")[1]
    assert house.world.verdict().outcome == "ok"


def test_protected_orders_wait_for_a_mandate_with_points(house: House) -> None:
    """Trading 1.5: what the dispatcher would take under each of two mandates."""
    world = house.world
    protected, plain = approved_as(world, **MWP), world.approved(quantity=1)
    without = str(house(*asked(), *house.proof())[1]["subject_id"])
    points = ("--protection-points", "2.5")
    with_points = str(house(*asked(*points), *house.proof())[1]["subject_id"])

    assert world.desk.dispatch.due(without) == (plain,)
    assert {*world.desk.dispatch.due(with_points)} == {protected, plain}
