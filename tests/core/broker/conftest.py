"""The real day's tape of the nearest TX contract, parsed once."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.market.instruments import taifex_future
from counterseal.market.tape import TapeDeal, tape_of
from counterseal.market.ticks import in_time_order, read_daily_zip, read_ticks

DATA = Path(os.environ.get("COUNTERSEAL_TEST_DATA", Path(__file__).parents[4] / "shared/data"))


@pytest.fixture(scope="session")
def real_tape() -> tuple[TapeDeal, ...]:
    assert DATA.is_dir(), f"test data absent: {DATA} (see COUNTERSEAL_TEST_DATA)"
    path = DATA / "taifex_ticks_20210726" / "Daily_2021_07_26.zip"
    file = read_ticks(read_daily_zip(path.read_bytes()), {"TX"})
    one = Decimal(1)
    future = taifex_future("TXF202108", multiplier=Decimal(200), tick=one, tx_equivalent=one)
    return tape_of(in_time_order(file.prints), future)
