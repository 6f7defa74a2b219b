"""Many orders from one file at the command line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal.policy.words import DecisionWord
from storage.system import ReplayClock
from tests.ui.sealed_keys import seal_keys
from tests.ui.test_cli_orders import House, code, rows
from tests.world import World

SYMBOL = "TMF202612"


@pytest.fixture
def house(workplace: Path, capsys: pytest.CaptureFixture[str]) -> House:
    now = datetime.now(UTC)  # noqa: TID251 - a real command needs real time
    world = World(workplace / "home", clock=ReplayClock(now))
    seal_keys(world, "operator")
    return House(world, capsys, str(workplace / "secret"))


def approved(world: World) -> str:
    """A request for one contract of a month that still trades, approved just now."""
    payload = world.payload(world.signal(), quantity=1, symbol=SYMBOL)
    asked = world.desk.approvals.request(payload, world.actor("quant"), key=world.key())
    name = world.done(asked)
    world.done(world.reviewed(name, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.done(world.reviewed(name, "risk", DecisionWord.APPROVED_FOR_PAPER))
    return name


def submitted(house: House, file: Path, *more: str) -> tuple[int, dict[str, object]]:
    return house("orders", "submit-batch", str(file), *house.proof(), *house.quote(), *more)


def test_a_batch_is_submitted_and_a_refused_order_stands_alone(house: House) -> None:
    """Issue 5, speed; TX-G3: committed together, each judged for itself, done once."""
    names = [approved(house.world) for _ in range(2)]
    house.world.store.close()
    file = Path(house.secret).parent / "orders.csv"
    lines = [*(f"{name},1" for name in names), "apr_nobody,1"]
    file.write_text("\n".join(["approval_request_id,quantity", *lines, ""]), "utf-8")

    status, value = submitted(house, file, "--key", "batch-1")
    again, same = submitted(house, file, "--key", "batch-1")

    assert (status, again, value["ok"]) == (1, 1, False)
    first, second, third = rows(value, "outcomes")
    assert [first["refusal"], second["refusal"]] == [None, None]
    assert (third["key"], third["refusal"]["code"]) == ("batch-1:2", "NOT_FOUND")  # type: ignore[index]  # JSON
    assert {one["sealed_size"] for one in (first, second, third)} == {first["sealed_size"]}
    assert [one["replayed"] for one in rows(same, "outcomes")] == [True] * 3
    assert [one["subject_id"] for one in rows(same, "outcomes")][:2] == [
        first["subject_id"],
        second["subject_id"],
    ]


@pytest.mark.parametrize(
    ("name", "text", "line", "field"),
    [
        ("o.csv", "approval_request_id,quantity\napr_1,1\napr_2,many\n", 3, "quantity"),
        ("o.csv", "approval_request_id,quantity,price\napr_1,1,5\n", 2, "price"),
        ("o.jsonl", '{"approval_request_id": "apr_1"}\n', 1, "quantity"),
        ("o.json", '[{"approval_request_id": "apr_1", "quantity": 1}, 7]', 2, ""),
        ("o.jsonl", "{", 1, ""),
    ],
)
def test_a_broken_row_is_named_with_its_field_and_nothing_is_submitted(
    house: House, name: str, text: str, line: int, field: str
) -> None:
    """Issue 5, speed: bad input exits 2 and changes nothing."""
    file = Path(house.secret).parent / name
    file.write_text(text, "utf-8")
    before = len(house.world.log())

    status, value = submitted(house, file)

    (error,) = rows(value, "errors")
    assert (status, error["line"], error["field"]) == (2, line, field)
    assert len(house.world.log()) == before


def test_an_empty_file_and_an_unknown_layout_are_bad_input(house: House) -> None:
    """Issue 5, speed: said before anybody's passphrase is read."""
    empty = Path(house.secret).parent / "orders.jsonl"
    empty.write_text("", "utf-8")
    assert code(submitted(house, empty)[1]) == "NO_ORDERS"
    odd = empty.rename(empty.with_suffix(".odd"))
    status, value = submitted(house, odd)
    assert (status, code(value)) == (2, "FORMAT_UNKNOWN")
