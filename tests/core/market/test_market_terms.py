"""Instruments, contract terms and the two demo markets against their stated oracles."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterseal.kernel.errors import InputError
from counterseal.market.contracts import ContractTable, allocate_exposure, margin_on
from counterseal.market.instruments import ContractRoot, contract_root
from counterseal.market.regimes import CYCLE, regime_of, regime_quote, regime_quotes, regime_trend
from counterseal.market.waves import wave_quote, wave_trend

ROOT = Path(__file__).parents[3]
C7 = (
    "19999.00/20000.00/19999.50 19998.25/19998.75/19998.50 19997.90/19998.10/19998.00",
    "20003.43/20004.83/20004.13 20002.78/20003.48/20003.13 20002.49/20002.77/20002.63",
    "20003.52/20004.82/20004.17 20002.84/20003.50/20003.17 20002.54/20002.80/20002.67",
    "20014.95/20017.55/20016.25 20014.60/20015.90/20015.25 20014.49/20015.01/20014.75",
    "19996.05/20000.40/19998.22 19996.13/19998.31/19997.22 19996.29/19997.16/19996.72",
    "19996.67/20000.17/19998.42 19996.54/19998.29/19997.42 19996.57/19997.27/19996.92",
    "20001.85/20003.10/20002.47 20001.16/20001.79/20001.47 20000.85/20001.10/20000.97",
    "20013.28/20016.03/20014.65 20012.96/20014.34/20013.65 20012.88/20013.43/20013.15",
    "20004.05/20005.35/20004.70 20003.38/20004.03/20003.70 20003.07/20003.33/20003.20",
    "20011.60/20012.85/20012.22 20010.91/20011.54/20011.22 20010.60/20010.85/20010.72",
    "19999.29/20000.45/19999.87 19998.59/19999.16/19998.87 19998.25/19998.49/19998.37",
    "20008.20/20011.10/20009.65 20007.93/20009.38/20008.65 20007.86/20008.44/20008.15",
    "19998.53/20002.73/20000.63 19998.58/20000.68/19999.63 19998.71/19999.55/19999.13",
    "19997.65/20001.00/19999.32 19997.48/19999.16/19998.32 19997.49/19998.16/19997.82",
    "20011.81/20013.36/20012.58 20011.19/20011.97/20011.58 20010.93/20011.24/20011.08",
    "20017.75/20020.35/20019.05 20017.40/20018.70/20018.05 20017.29/20017.81/20017.55",
)
C7_TMF = (
    "1 0.00 FLAT 0.20 7/9 0.82 0.78 0.01 4",
    "1 4.63 LONG 0.28 6/8 0.68 0.64 0.05 9",
    "1 0.04 FLAT 0.26 9/8 0.82 0.78 0.02 4",
    "2 12.08 LONG 0.52 3/4 0.42 0.38 0.24 18",
    "2 -18.03 SHORT 0.87 1/3 0.12 0.08 0.77 3",
    "9 0.20 FLAT 0.70 4/2 0.22 0.18 0.49 2",
    "1 4.05 LONG 0.25 5/7 0.68 0.64 0.04 9",
    "2 12.18 LONG 0.55 4/5 0.42 0.38 0.26 18",
    "1 -9.95 SHORT 0.26 9/8 0.82 0.78 0.02 4",
    "1 7.52 LONG 0.25 5/7 0.68 0.64 0.04 9",
    "1 -12.35 SHORT 0.23 8/10 0.82 0.78 0.01 4",
    "2 9.78 LONG 0.58 5/3 0.42 0.38 0.27 18",
    "2 -9.02 SHORT 0.84 0/2 0.12 0.08 0.74 3",
    "9 -1.31 FLAT 0.67 3/4 0.22 0.18 0.47 2",
    "1 13.26 LONG 0.31 7/6 0.68 0.64 0.05 9",
    "2 6.47 LONG 0.52 3/4 0.42 0.38 0.24 18",
)


def contract_table() -> ContractTable:
    text = (ROOT / "policies/contracts/2026.11.1/taifex.yaml").read_text("utf-8")
    return ContractTable.model_validate_json(orjson.dumps(yaml.safe_load(text)))


@pytest.mark.parametrize("tick", range(16))
def test_the_demo_market_equals_its_oracle(tick: int) -> None:
    """TX-C4, TX-C5, TX-C6, TX-C7, TX-C8: every column at ticks 0 to 15."""
    quotes = regime_quotes(tick)
    shown = " ".join(f"{q.bid:.2f}/{q.ask:.2f}/{q.last:.2f}" for q in quotes)
    tx, tmf = quotes[0], quotes[2]
    row = (
        f"{tmf.age_seconds} {tmf.change:.2f} {regime_trend(tmf.change)} {tmf.spread:.2f} "
        f"{tmf.bid_size}/{tmf.ask_size} {tmf.liquidity_score} {tx.liquidity_score} "
        f"{tmf.slippage:.2f} {tmf.volatility}"
    )

    assert shown == C7[tick]
    assert row == C7_TMF[tick]
    assert regime_of(tick) == CYCLE[tick % 8] == tmf.regime


def test_trends_need_more_than_two_points() -> None:
    """TX-C8: 2 is FLAT on both sides."""
    values = ("2", "2.01", "-2", "-2.01")
    assert [regime_trend(Decimal(v)) for v in values] == ["FLAT", "LONG", "FLAT", "SHORT"]


def test_the_demo_markets_refuse_other_symbols_and_ticks() -> None:
    """TX-C6, TX-D2: unknown symbol, negative tick."""
    for symbol, tick in (("XYZ", 0), ("TX", -1)):
        with pytest.raises(InputError):
            regime_quote(symbol, tick)
        with pytest.raises(InputError):
            wave_quote(symbol, tick)


def test_the_wave_market_equals_its_oracle() -> None:
    """TX-D2, TX-D3: TX last at ticks 0..12 and the trends."""
    lasts = (
        "20000 20004 20007.5 20003 19997.5 19995 20001.5 20005.5 20009 20004.5 19999 19996.5 20003"
    )
    trends = [wave_trend(wave_quote("TMF", tick).change) for tick in range(7)]

    assert [str(wave_quote("TX", tick).last) for tick in range(13)] == lasts.split()
    assert trends == ["FLAT", "LONG", "LONG", "SHORT", "SHORT", "SHORT", "LONG"]
    assert wave_quote("TMF", 1).ask == Decimal("20002.6")


@pytest.mark.parametrize(
    ("symbol", "root"),
    [("TXF202606", "TX"), ("MXF202606", "MTX"), ("TMF202606", "TMF"), ("TX", "TX"), ("MTX", "MTX")],
)
def test_a_symbol_maps_to_its_root(symbol: str, root: str) -> None:
    """TX-A6: trading codes and data codes."""
    assert contract_root(symbol) == root


@pytest.mark.parametrize("symbol", ["XYZ", "", "TXO202606", "TXF202613", "txf202606", "TXF2026066"])
def test_another_symbol_has_no_root(symbol: str) -> None:
    """TX-A6: unknown is None, and has no future."""
    assert contract_root(symbol) is None
    with pytest.raises(InputError, match="SYMBOL_UNKNOWN"):
        contract_table().future(symbol)


def test_contract_rows_and_tax_match_the_schedule() -> None:
    """TX-A4: 200, 50, 10 TWD per point; tax 70, 17, 3 at 17400; never below 1."""
    table = contract_table()
    assert [spec.multiplier for spec in table.contracts] == [200, 50, 10]
    assert [table.tax(spec, Decimal(17400)) for spec in table.contracts] == [70, 17, 3]
    assert table.tax(table.contracts[2], Decimal(1)) == 1
    assert table.future("MXF202606").tx_equivalent == Decimal("0.25")


def test_i2_a_margin_outside_its_dates_is_unknown() -> None:
    """TX-A4: on the date, before, between."""
    rows = contract_table().margins
    found = margin_on(rows, ContractRoot.MTX, date(2025, 11, 4))
    assert found is not None
    assert found.initial == 84500
    for day in (date(2024, 12, 8), date(2025, 1, 2), date(2026, 11, 21)):
        assert margin_on(rows, ContractRoot.MTX, day) is None


def test_i1_broken_ratios_are_refused() -> None:
    """TX-A4: a changed multiplier or margin does not load."""
    table = contract_table()
    with pytest.raises(ValidationError, match="breaks"):
        table.amended(contracts=(*table.contracts[:2], table.contracts[2].amended(multiplier=11)))
    with pytest.raises(ValidationError, match="break"):
        table.amended(margins=(*table.margins[1:], table.margins[0].amended(initial=1)))


@pytest.mark.parametrize(
    ("target", "split"), [("0.30", (0, 1, 1)), ("1.3", (1, 1, 1)), ("0", (0, 0, 0))]
)
def test_an_exposure_is_split(target: str, split: tuple[int, int, int]) -> None:
    """TX-A5: TX, then MTX, then TMF."""
    found = allocate_exposure(Decimal(target))
    assert (found.tx, found.mtx, found.tmf) == split
    assert found.residual == 0


@given(st.decimals(min_value=0, max_value=1000, places=4))
def test_i3_actual_and_residual_add_up(target: Decimal) -> None:
    """TX-A5: nothing is lost; the residual is at most half a TMF."""
    found = allocate_exposure(target)
    assert found.actual + found.residual == target
    assert abs(found.residual) <= Decimal("0.025")
    assert found.tx + found.mtx * Decimal("0.25") + found.tmf * Decimal("0.05") == found.actual


def test_a_negative_exposure_is_refused() -> None:
    """TX-A5: exposure is unsigned."""
    with pytest.raises(InputError, match="TARGET_NEGATIVE"):
        allocate_exposure(Decimal("-0.05"))
