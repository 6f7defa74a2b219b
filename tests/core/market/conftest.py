"""The real day, parsed once."""

import os
from pathlib import Path

import pytest

from counterseal.market.ticks import TickFile, read_daily_zip, read_ticks

DATA = Path(os.environ.get("COUNTERSEAL_TEST_DATA", Path(__file__).parents[4] / "shared/data"))


@pytest.fixture(scope="session")
def market_files() -> Path:
    assert DATA.is_dir(), f"test data absent: {DATA} (see COUNTERSEAL_TEST_DATA)"
    return DATA


@pytest.fixture(scope="session")
def real_day(market_files: Path) -> TickFile:
    path = market_files / "taifex_ticks_20210726" / "Daily_2021_07_26.zip"
    return read_ticks(read_daily_zip(path.read_bytes()), {"TX", "MTX"})
