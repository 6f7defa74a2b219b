"""A real day of prints through the whole platform; `make torture` kills it and compares."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.day.results import DaySummary
from tests.day.replays import REAL_DAY, REAL_DAY_WORDS, replayed, replayed_here, results_of
from tests.day.test_demo_day import check_accounts


@pytest.fixture(scope="module")
def real_day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DaySummary]:
    assert REAL_DAY.is_file(), f"test data absent: {REAL_DAY} (see COUNTERSEAL_TEST_DATA)"
    out = tmp_path_factory.mktemp("real") / "demo"
    status, told = replayed_here(out, *REAL_DAY_WORDS)
    assert status == 0, told
    return out, DaySummary.model_validate_json(json.dumps(told["summary"]))


def test_the_file_is_counted_as_it_is(real_day: tuple[Path, DaySummary]) -> None:
    """Trading 2: 300,126 monthly and 393 weekly outright rows, 71 spreads, 9 auction prints."""
    told = {fact.name: fact.value for fact in real_day[1].market}
    rows = [told[f"{kind}_rows"] for kind in ("monthly", "weekly", "spread")]
    assert (rows, told["auction_prints"]) == (["300126", "393", "71"], "9")


def test_the_mini_trades_and_the_large_contract_never_may(
    real_day: tuple[Path, DaySummary],
) -> None:
    """TX-H5, H9, H12: every TX intent fails checks 5, 9 and 12; about 90 signals of MTX."""
    symbols = {symbol.symbol: symbol for symbol in real_day[1].symbols}
    large, mini = symbols["TX202108"], symbols["MTX202108"]
    failed = {tally.what: tally.times for tally in large.failed_checks}
    for check in ("MAX_EXPOSURE", "MARGIN_PROXY", "POSITION_LIMIT"):
        assert failed[check] == large.orders
    assert large.filled == 0
    assert mini.filled > 0
    assert 70 <= mini.orders <= 110


def test_both_strategies_spoke_and_their_profits_add_up(
    real_day: tuple[Path, DaySummary],
) -> None:
    """Mean reversion about 190 times, the opening range once for each contract."""
    summary = real_day[1]
    told = {one.strategy_id: one for one in summary.strategies}
    assert told["opening-range-breakout"].signals == 2
    assert 150 <= told["mean-reversion"].signals <= 230
    gained = sum(one.profit - one.costs for one in told.values() if one.profit is not None)
    assert gained == summary.valuation.equity - summary.plan.opening_cash


def test_no_partial_fill_is_possible_under_the_default_limits(
    real_day: tuple[Path, DaySummary],
) -> None:
    """TX-H5: 0.25 TX-equivalent is one MTX."""
    assert real_day[1].partial_fills == 0


def test_the_night_is_part_of_the_day(real_day: tuple[Path, DaySummary]) -> None:
    """Trading 1.3: cases of the calendar Friday and of Monday stand in one trading day."""
    assert {case.at.date().isoformat() for case in real_day[1].cases} >= {
        "2021-07-23",
        "2021-07-26",
    }


def test_positions_cash_and_profit_follow_from_the_fills_alone(
    real_day: tuple[Path, DaySummary],
) -> None:
    """Recomputed in exact fractions by another program."""
    lines = results_of(real_day[0])["fills.jsonl"].splitlines()
    check_accounts(real_day[1], [json.loads(line) for line in lines])


def test_every_fill_says_that_its_quote_was_derived(real_day: tuple[Path, DaySummary]) -> None:
    """Trading 2, rule 1: the label travels into order, fill and export."""
    for line in results_of(real_day[0])["fills.jsonl"].splitlines():
        quote = json.loads(line)["quote"]
        assert (quote["basis"], quote["source"]) == ("trade_derived", "taifex-ticks")


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _not_a_zip(_: bytes) -> bytes:
    return b"signal_id,timestamp\r\n"


@pytest.mark.parametrize("spoil", [_truncated, _not_a_zip])
def test_a_broken_tick_file_is_refused_and_leaves_nothing(
    spoil: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """Bad input: a stable code, status 2, and no home."""
    file = tmp_path / "broken.zip"
    file.write_bytes(spoil(REAL_DAY.read_bytes()))
    status, told = replayed_here(tmp_path / "demo", "--ticks", str(file), "--no-engine")
    assert (status, told["error"]["code"]) == (2, "TICK_FILE_ZIP")
    assert not (tmp_path / "demo").exists()


def test_a_file_that_is_missing_is_named_by_the_command(tmp_path: Path) -> None:
    """Bad input, in a process of its own: status and document."""
    ended = replayed(tmp_path / "demo", "--no-engine", "--ticks", "nowhere.zip")
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["error"]["code"] == "TICK_FILE_MISSING"


def test_a_product_that_nobody_knows_is_named(tmp_path: Path) -> None:
    """Bad input: told in the same way."""
    words = ("--no-engine", "--ticks", str(REAL_DAY), "--products", "XYZ")
    status, told = replayed_here(tmp_path / "demo", *words)
    assert (status, told["error"]["code"]) == (2, "PRODUCT_UNKNOWN")
