"""`portfolio open-account` and `broker record-calibration` at the command line."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.desk.calibrating import CalibrationRun
from counterseal.portfolio.model import Account
from tests.ui.sealed_keys import seal_keys
from tests.ui.test_cli_orders import House, code
from tests.world import World

DATA = Path(os.environ.get("COUNTERSEAL_TEST_DATA", Path(__file__).parents[3] / "shared/data"))
DAY = DATA / "taifex_ticks_20210726" / "Daily_2021_07_26.zip"


@pytest.fixture
def house(workplace: Path, capsys: pytest.CaptureFixture[str]) -> House:
    world = World(workplace / "home")
    seal_keys(world, "operator", "quant")
    return House(world, capsys, str(workplace / "secret"))


def test_an_operator_opens_an_account_in_a_group(house: House) -> None:
    """TX-L2:account_hierarchy_enabled: account, group and tenant; once, and not by a requester."""
    words = ("portfolio", "open-account", "acct-2", "--cash", "500000", "--group", "arbitrage")
    barred = house(*words, *house.proof("quant"))
    done = house(*words, *house.proof())
    twice = house(*words, *house.proof())
    owing = house("portfolio", "open-account", "acct-3", "--cash", "-1", *house.proof())

    assert (barred[0], code(barred[1])) == (1, "ROLE")
    assert done[0] == 0
    assert (twice[0], code(twice[1])) == (1, "ACCOUNT_EXISTS")
    assert (owing[0], code(owing[1])) == (2, "BAD_NUMBER")
    with house.world.store.reader() as reader:
        account = reader.get(Account, "acct-2")
    assert account is not None
    assert (account.account_group, account.tenant) == ("arbitrage", "tenant-1")
    assert account.cash == Decimal(500_000)


def test_an_operator_keeps_a_calibration(house: House) -> None:
    """TX-L3:slippage_liquidity_calibration_enabled: of the real day, by its file's digest."""
    assert DAY.is_file(), f"test data absent: {DAY} (see COUNTERSEAL_TEST_DATA)"
    tape = ("--ticks", str(DAY), "--symbol", "TXF202108", "--every", "7200")
    barred = house("broker", "record-calibration", *tape, *house.proof("quant"))
    done = house("broker", "record-calibration", *tape, *house.proof())

    assert (barred[0], code(barred[1])) == (1, "ROLE")
    assert done[0] == 0
    with house.world.store.reader() as reader:
        [kept] = reader.find(CalibrationRun)
    assert (kept.symbol, kept.started_by) == ("TXF202108", "operator")
    assert kept.measured
