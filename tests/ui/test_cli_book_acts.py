"""`portfolio settle` and `reverse` at the command line."""

from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.broker.model import Fill
from counterseal.portfolio.model import Position
from counterseal.portfolio.reversal import FillReversal
from counterseal.portfolio.settlement import Settlement, SettlementKind
from tests.ui.sealed_keys import seal_keys
from tests.ui.test_cli_orders import House, code
from tests.world import ACCOUNT, SYMBOL, World


@pytest.fixture
def house(workplace: Path, capsys: pytest.CaptureFixture[str]) -> House:
    world = World(workplace / "home")
    seal_keys(world, "operator", "quant")
    world.done(world.submitted(world.approved(quantity=2), quantity=2))
    return House(world, capsys, str(workplace / "secret"))


def told(price: str, *more: str) -> tuple[str, ...]:
    """The words of a daily settlement of the fill's own trading day."""
    where = ("--account", ACCOUNT, "--trading-day", "2026-01-05")
    return ("portfolio", "settle", SYMBOL, *where, "--price", price, "--source", "notice", *more)


def test_an_operator_settles_a_day_once(house: House) -> None:
    """Trading 1.4: priced, sourced, recorded; a second time, another role and a bad word fail."""
    barred = house(*told("20100"), *house.proof("quant"))
    done = house(*told("20100", "--key", "close-1"), *house.proof())
    same = house(*told("20100", "--key", "close-1"), *house.proof())
    twice = house(*told("20200"), *house.proof())
    early = house(*told("20100", "--final"), *house.proof())
    bad = house(*told("dear"), *house.proof())

    assert (barred[0], code(barred[1])) == (1, "ROLE")
    assert (done[0], done[1]["replayed"], same[0], same[1]["replayed"]) == (0, False, 0, True)
    assert [(s, code(v)) for s, v in (twice, early, bad)] == [
        (1, "SETTLEMENT_EXISTS"),
        (1, "SETTLEMENT_NOT_DUE"),
        (2, "BAD_NUMBER"),
    ]
    with house.world.store.reader() as reader:
        [settlement] = reader.find(Settlement)
    assert (settlement.kind, settlement.source) == (SettlementKind.DAILY, "notice")
    assert (settlement.variation, settlement.to_cash) == (Decimal(2000), False)
    assert house.world.verdict().outcome == "ok"


def test_an_operator_takes_a_fill_back_once(house: House) -> None:
    """Trading part 6, row 4: with a reason, by new entries; nothing is left of the position."""
    [fill] = house.world.fills()
    words = ("portfolio", "reverse", fill.fill_id, "--reason")
    silent = house(*words, " ", *house.proof())
    barred = house(*words, "busted by the exchange", *house.proof("quant"))
    done = house(*words, "busted by the exchange", *house.proof())
    again = house(*words, "busted by the exchange", *house.proof())

    assert (silent[0], code(silent[1])) == (2, "REASON_MISSING")
    assert (barred[0], code(barred[1])) == (1, "ROLE")
    assert done[0] == 0
    assert (again[0], code(again[1])) == (1, "FILL_REVERSED")
    with house.world.store.reader() as reader:
        [position], [reversal] = reader.find(Position), reader.find(FillReversal)
        assert reader.find(Fill) == (fill,)
    assert position.quantity == 0
    assert reversal.reversed_by == "operator"
    assert house.world.verdict().outcome == "ok"
