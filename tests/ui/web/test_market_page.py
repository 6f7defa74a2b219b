"""Market without a browser: quotes that fills met, the stated market, contracts and exposure."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.broker.model import SimulationOutcome
from counterseal.market.regimes import SYMBOLS, regime_quote
from tests.ui.web.window import Window, at_page, links, spoken, words

pytestmark = pytest.mark.usefixtures("exchange")


def filled(window: Window, bid: str, symbol: str = "TMF202601") -> None:
    house = window.house
    request_id = house.approved(quantity=1, target="0.05", symbol=symbol)
    house.quote(bid=bid, ask=str(int(bid) + 1), symbol=symbol)
    house.done(house.submitted(request_id, quantity=1, selected=SimulationOutcome.FILL))


def tab(window: Window, **params: str) -> AppTest:
    return at_page(window.entered("researcher"), "market", **params)


def told(at: AppTest, *expected: str) -> None:
    said = words(at)
    assert [one for one in expected if one not in said] == []
    assert not at.exception
    assert "None" not in said


def test_before_the_first_fill_the_page_says_where_quotes_come_from(window: Window) -> None:
    """TX-B9, UI-19: no quote yet, and what to look at until then."""
    at = tab(window)
    told(at, "No simulated fill has met a quote yet.", "first simulated fill", "Simulated")
    told(at_page(at, "market", view="path", of="met"), "No simulated fill has met a quote yet.")


def test_quotes_of_fills_are_told_with_their_age_state_and_source(window: Window) -> None:
    """TX-B2 (Market Data Lab), TX-C13, TX-C15: bid, ask, spread, last, age now, and who made it."""
    filled(window, "19999")
    filled(window, "20010")
    at = tab(window)
    told(at, "Newest quotes of 2026-01-05", "20,010", "20,011", "stale", "stated by a person")
    told(at, "These pages have no feed", "Quality of the newest TMF202601 quote", "1.00 of 1")
    assert "Open the order" in links(at)


def test_each_contract_has_its_newest_quote_and_can_be_looked_at(window: Window) -> None:
    """TX-C15: one line a contract; which one is looked at stands in the address."""
    filled(window, "19999")
    filled(window, "20030", "TMF202602")
    at = tab(window, contract="TMF202601")
    told(at, "20,030", "Quality of the newest TMF202601 quote")
    told(at_page(at, "market", contract="TMF202602"), "Quality of the newest TMF202602 quote")


def test_the_path_of_met_quotes_has_a_chart_and_the_same_numbers_as_a_table(
    window: Window,
) -> None:
    """TX-C13: last, bid and ask; one quote is no path yet."""
    filled(window, "19999")
    at = tab(window, view="path", of="met")
    told(at, "One quote so far: a line needs two.", "19,999")
    assert not at.get("vega_lite_chart")
    filled(window, "20010")
    at = at.run()
    told(at, "Quotes of TMF202601 that fills met", "20,010", "19,999")
    assert len(at.get("vega_lite_chart")) == 1
    assert [one.label for one in at.expander] == ["Show as table"]


def test_the_stated_market_is_shown_at_any_tick(window: Window) -> None:
    """TX-C13 to TX-C15: path, meters, three symbols and regimes, simulated, by the formula."""
    at = tab(window, view="path", symbol="TX", tick="3")
    told(at, "Price path of TX", "Simulated quotes, seed", "Quote quality", "Slippage estimate")
    told(at, "Simulated quotes at tick 3", "volatile", "Volatility path")
    told(at, *(f"{regime_quote(symbol, 3).bid:,}" for symbol in SYMBOLS))
    assert len(at.get("vega_lite_chart")) == 1
    at = at.number_input(key="tick").set_value(4).run()
    told(at, "Simulated quotes at tick 4", "illiquid")
    assert not at.slider(key="market-lookback").set_value(24).run().exception


def test_contracts_are_compared_by_point_value_and_by_each_other(window: Window) -> None:
    """TX-A4: 200, 50, 10 TWD a point; 1 TX = 4 MTX = 20 TMF, 1 MTX = 5 TMF; one group."""
    at = tab(window, view="contracts")
    told(at, "200 TWD", "50 TWD", "10 TWD", "TXF", "MXF", "TAIEX_FUTURES", "in TMF")
    rows = next(one for one in words(at).split("<tr>") if "<td>TX</td>" in one)
    assert [cell.split("<")[0] for cell in rows.split("class=number>")[1:]] == [
        *("200 TWD", "1", "1.00", "1", "4", "20")
    ]


def test_an_exposure_is_split_into_lots(window: Window) -> None:
    """TX-A5: TX, then MTX, then TMF; actual exposure and residual, as the core has them."""
    at = tab(window, view="contracts")
    for target, lots, actual, residual in (
        (0.30, (0, 1, 1), "0.30", "0"),
        (1.30, (1, 1, 1), "1.30", "0"),
        (0.32, (0, 1, 1), "0.30", "+0.02"),
        (0.48, (0, 2, 0), "0.50", "\u22120.02"),
        (0.00, (0, 0, 0), "0.00", "0"),
    ):
        at = at.number_input(key="market-target").set_value(target).run()
        split = zip(("TX", "MTX", "TMF"), lots, strict=True)
        told(at, *(f"<dt>{name}</dt><dd>{count} lots</dd>" for name, count in split))
        told(at, f"<dd>{actual}</dd>", f"left over {residual}<", "at most 0.25 TX-equivalents")


def test_a_symbol_leads_to_its_contract(window: Window) -> None:
    """TX-A6: the root is the symbol's prefix; an unknown one has size limit zero."""
    at = tab(window, view="contracts")
    for symbol, expected in (
        ("TXF202606", ("<dd>TX</dd>", "1 lots", "202606")),
        ("MXF202107W4", ("<dd>MTX</dd>", "4 lots", "202107W4")),
        ("TMF", ("<dd>TMF</dd>", "20 lots", "N/A, the symbol names none")),
        ("XYZ", ("No contract of ours", "risk refuses every order of it")),
        ("a b", ("letters and digits",)),
        ("", ("letters and digits",)),
    ):
        at = at.text_input(key="market-symbol").set_value(symbol).run()
        told(at, *expected)


def test_a_feed_that_is_followed_shows_its_quotes_of_now(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-C13, TX-H6: fresh, then stale for risk, then none, with the reason in a sentence."""
    house, quotes = window.house, tmp_path / "quotes.jsonl"
    monkeypatch.setenv("COUNTERSEAL_QUOTES", str(quotes))
    quotes.write_text("", "utf-8")
    at = tab(window)
    told(at, "Feed quote-file, now", "The feed has told no quote yet.")
    line = {"symbol": "TMF202601", "bid": "19999", "ask": "20001", "bid_size": "5", "ask_size": "4"}
    now = f"{house.clock.now():%Y-%m-%dT%H:%M:%S.%fZ}"
    quotes.write_text(json.dumps({**line, "event_time": now}) + "\n", "utf-8")
    told(at.run(), "19,999", "20,001", "N/A, no last price", "0.0 s", "fresh")
    house.after(10)
    told(at.run(), "10.0 s", "stale")
    house.after(100)
    at = at.run()
    assert "19,999" not in words(at)
    told(at, "TMF202601", "N/A, ")


def test_another_tenant_sees_no_quote(window: Window) -> None:
    """Governance 1: quotes of other tenants' fills are not told."""
    filled(window, "19999")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ui.web.views.market_facts.here", lambda: window)
        patch.setattr(window, "person", type("P", (), {"tenant": "tenant-2"}), raising=False)
        told(tab(window), "No simulated fill has met a quote yet.")


def test_the_page_speaks_chinese(window: Window) -> None:
    """TX-B7."""
    filled(window, "19999")
    at = spoken(tab(window))
    told(at, "行情", "過時", "報價來源", "由人員填寫", "模擬")
    told(at_page(at, "market", view="path"), "價格走勢", "市場狀態")
    told(at_page(at, "market", view="contracts"), "契約規格", "曝險換算口數", "大台當量")
