"""The demo without a browser: every view and state, and what it never touches."""

import gc
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.desk.demo.evidence import STORAGE_KEYS
from counterseal.desk.demo.flags import flags_of
from counterseal.desk.demo.model import DemoMarket, DemoSession
from tests.ui.web.window import Window, at_page, labels, pressed, spoken, words
from ui.web import demo_state
from ui.web.demo_watch import look_at, watched

ACTS = ("Next tick", "Run strategy", "Simulate order")
WRITES = frozenset("wax+")
NEVER = ("socket.", "sqlite3.", "subprocess.", "urllib.", "os.mkdir", "os.remove", "os.rename")


def script() -> None:
    from ui.web.views import demo  # noqa: PLC0415 - the test's script runs on its own

    demo.show()


def tab(**params: str) -> AppTest:
    at = AppTest.from_function(script, default_timeout=30)
    for name, value in params.items():
        at.query_params[name] = value
    return at.run()


def walked(at: AppTest, *acts: str) -> AppTest:
    for act in acts or ACTS:
        at = pressed(at, act)
        assert not at.exception
    return at


def session(at: AppTest, market: DemoMarket = DemoMarket.REGIMES) -> DemoSession:
    found = at.session_state[STORAGE_KEYS[market]]
    assert isinstance(found, DemoSession)
    return found


class Spy:
    """What the threads of scripts did meanwhile, of what the demo never does."""

    def __init__(self) -> None:
        self.watching = False
        self.seen: list[str] = []

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if not self.watching or threading.current_thread() is threading.main_thread():
            return
        if event == "open" and not WRITES.isdisjoint(str(args[1] or "")):
            self.seen.append(f"open {args[0]} {args[1]}")
        if event.startswith(NEVER):
            self.seen.append(f"{event} {args[:2]}")


SPY = Spy()


@pytest.fixture(scope="module")
def _spy() -> None:
    sys.addaudithook(SPY)


@contextmanager
def spying() -> Iterator[list[str]]:
    SPY.seen, SPY.watching = [], True
    try:
        yield SPY.seen
    finally:
        SPY.watching = False


@pytest.mark.usefixtures("_spy")
@pytest.mark.parametrize("market", ["regimes", "waves"])
def test_it_touches_no_database_no_file_and_no_network(
    market: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-C17, AS-19: every button of both markets under a guard on sockets, stores and files."""
    monkeypatch.setattr("socket.socket.connect", None)
    tab(market=market)
    with spying() as seen:
        at = walked(tab(market=market), *ACTS, "Next tick", "Next step", "Reset", *ACTS)
        walked(at, "Clear everything")
        tab(view="tour")
        tab(view="how")
    assert seen == []


def test_the_watch_sees_what_runs(window: Window) -> None:
    """TX-C17: a probe that never raised a flag would prove nothing."""
    given, ran = watched(lambda: window.house.rows("SELECT 1"))
    assert given == [(1,)]
    assert any(name.startswith(("sqlite3", "sqlalchemy", "_sqlite3")) for name in ran)
    _, opened = watched(lambda: open(__file__, "rb").close())  # noqa: PTH123 - what is seen of it
    assert {"io", "_io"} & set(opened)
    before = sys.getprofile()
    with pytest.raises(ZeroDivisionError):
        watched(lambda: 1 // 0)
    assert sys.getprofile() is before


def test_what_the_collector_ends_meanwhile_is_not_of_the_walk() -> None:
    """TX-C17: others' finalizers run whenever memory is collected; they would raise every flag."""

    class Ended:
        def __init__(self) -> None:
            self.round = self

        def __del__(self) -> None:
            shutil.disk_usage(".")

    def littering() -> None:
        for _ in range(5_000):
            Ended()

    _, ran = watched(littering)
    assert "shutil" not in ran
    assert gc.isenabled()
    gc.collect()


@pytest.mark.parametrize("market", DemoMarket)
def test_the_flags_of_a_real_walk_are_as_promised_but_for_where_it_runs(
    market: DemoMarket,
) -> None:
    """TX-C17, TX-D5: seen at work; the engine of this page runs on the server, and that is said."""
    at = walked(tab(market=market.name.lower()), *ACTS)
    seen = look_at(session(at, market))
    odd = [flag.name for flag in flags_of(session(at, market), seen) if not flag.safe]
    assert odd == (["browser_only"] if market is DemoMarket.REGIMES else [])
    told = "The engine runs in the server of this page, not in your browser."
    assert (told in words(at)) is (market is DemoMarket.REGIMES)


def test_a_new_visitor_sees_tick_zero_and_the_one_step_to_do() -> None:
    """TX-C1, TX-C2, TX-C3: six steps; no order without a signal, and the reason beside it."""
    at = tab()
    assert "Step 1/6" in words(at)
    assert "19,998.00" in words(at)
    assert "No order has been simulated yet." in words(at)
    assert "An order needs a signal: run the strategy first." in words(at)
    assert labels(at) == {
        "Previous step": False,
        "Next step": True,
        "Next tick": True,
        "Run strategy": True,
        "Simulate order": False,
        "Reset": True,
        "Clear everything": True,
        "Load evidence": False,
    }


def test_the_four_panels_and_the_table_of_three_are_there_in_each_market() -> None:
    """TX-C4, TX-C13, TX-C14, TX-C15: panels, asked columns, three rows, five regimes explained."""
    for market, only in (("regimes", True), ("waves", False)):
        at = tab(market=market)
        headers = [one.value for one in at.header]
        for panel in ("Price path of TMF", "Quote quality", "Order outcome", "Paper portfolio"):
            assert panel in headers
        told = words(at)
        for column in ("Symbol", "Bid", "Ask", "Spread", "Last", "Change", "Quote age (s)"):
            assert f">{column}</th>" in told
        assert ">Market regime</th>" in told
        assert ">Liquidity score</th>" in told
        for symbol in ("TX", "MTX", "TMF"):
            assert f"<td>{symbol}</td>" in told
        for meter in ("Slippage estimate", "Volatility path", "Hardly any size"):
            assert (meter in told) is only


def test_the_six_steps_lead_from_a_tick_to_a_reset() -> None:
    """TX-C2, TX-C10, TX-C12, TX-C16: stepping through, with the oracle's numbers on the page."""
    at = walked(tab(), "Next tick")
    assert "Step 2/6" in words(at)
    at = walked(at, "Run strategy", "Simulate order")
    assert "Step 4/6" in words(at)
    for told in ("20,002.82 points", "\u22121.90 TWD", "999,998.10 TWD", "OMS_FILL"):
        assert told in words(at)
    at = walked(at, "Next step", "Next step")
    assert "Step 6/6" in words(at)
    at = walked(at, "Next tick", "Next tick")
    assert "+119.30 TWD" in words(at)
    assert "1,000,119.30 TWD" in words(at)
    at = walked(at, "Reset")
    assert (session(at).tick, len(session(at).timeline)) == (0, 1)
    assert "Step 1/6" in words(at)


def test_a_partial_fill_and_a_rejection_say_why() -> None:
    """TX-C10, TX-C11, TX-C14: filled, remaining and the reason in words."""
    at = walked(tab(), "Next tick", "Next tick", "Next tick", "Run strategy")
    at.number_input(key=demo_state.QUANTITY).set_value(5)
    at = walked(at, "Simulate order")
    assert "The quote had less size than was asked for: a part filled." in words(at)
    assert "PARTIAL_FILL" in words(at)
    at = walked(at, "Next tick", "Run strategy", "Simulate order")
    assert "The market is illiquid: the simulated broker rejected it." in words(at)


def test_a_failed_check_is_named_and_the_eleven_are_listed() -> None:
    """TX-C9: TX always fails its exposure."""
    at = tab()
    at.button_group(key=demo_state.SYMBOL).set_value("TX")
    at = walked(at.run(), *ACTS)
    assert "Risk refused it: more exposure than 0.25 TX-eq." in words(at)
    assert "value=1 limit=0.25" in words(at)
    assert "11 risk checks, 1 failed" in [one.label for one in at.expander]


def test_the_second_market_has_its_own_session_and_refuses_a_flat_signal() -> None:
    """TX-D4: 4 of 5 at 20,002.60; a FLAT signal orders nothing, and its code is said."""
    at = walked(tab(market="waves"), "Run strategy", "Simulate order")
    assert "FLAT_SIGNAL" in words(at)
    at = walked(at, "Next tick", "Run strategy")
    at.number_input(key=demo_state.QUANTITY).set_value(5)
    at = walked(at, "Simulate order")
    assert "20,002.60 points" in words(at)
    assert "999,996.00 TWD" in words(at)
    assert session(at, DemoMarket.WAVES).tick == 1
    assert STORAGE_KEYS[DemoMarket.REGIMES] not in at.session_state


def test_views_and_languages_keep_the_session() -> None:
    """TX-C1, TX-B7: tab and language change keep the tick; Clear forgets it."""
    at = walked(tab(), "Next tick", "Next tick")
    at.query_params["view"] = "tour"
    at = spoken(at)
    assert "\u5b89\u5168\u754c\u7dda" in words(at)
    at.query_params["view"] = "walk"
    at = at.run()
    assert session(at).tick == 2
    at = pressed(at, "\u5168\u90e8\u6e05\u9664")
    assert STORAGE_KEYS[DemoMarket.REGIMES] not in at.session_state


def test_two_tabs_with_the_same_clicks_show_the_same_evidence() -> None:
    """TX-C19: byte for byte, as the page offers it to copy."""

    def shown(at: AppTest) -> str:
        [text] = [one.value for one in at.code if one.value.startswith("{")]
        return str(text)

    first, second = walked(tab()), walked(tab())
    assert shown(first) == shown(second)
    told = json.loads(shown(first))
    assert (told["evidence_id"], told["simulated"]) == ("browser-only-evidence-1", True)


def test_evidence_brings_a_session_back_and_spoiled_evidence_does_not() -> None:
    """TX-C1, TX-C3: a new page session is in the identical state; the failing path is named."""
    at = walked(tab())
    [text] = [one.value for one in at.code if one.value.startswith("{")]
    other = tab()
    other.file_uploader(key=demo_state.FILE).set_value(("e.json", text.encode(), "text/json"))
    other = pressed(other.run(), "Load evidence")
    assert session(other) == session(at)
    spoiled = text.replace('"paper_only": true', '"paper_only": false').encode()
    other.file_uploader(key=demo_state.FILE).set_value(("e.json", spoiled, "text/json"))
    other = pressed(other.run(), "Load evidence")
    assert "DEMO_EVIDENCE_" in words(other)
    assert "The field that failed: " in words(other)
    assert session(other) == session(at)


def test_the_questions_are_there_after_tick_strategy_and_order() -> None:
    """TX-C3: six questions to copy, sent nowhere."""
    at = tab()
    assert "Generate a tick, run the strategy and simulate an order first" in words(at)
    at = walked(at)
    assert "6. Do you understand that this is a simulated demo?" in words(at)


def test_the_tour_has_seven_steps_and_six_prohibitions() -> None:
    """TX-B6: header, tab, what to verify, boundary; Prev, Next, Reset and a checklist."""
    at = tab(view="tour")
    assert labels(at) == {"Previous step": False, "Next step": True, "Reset": True}
    assert "Step 1/7" in words(at)
    assert "Open tab: Release" in words(at)
    for never in ("live trading", "broker login", "real orders", "upload of credentials"):
        assert f"\u2022 {never}" in words(at)
    for _ in range(6):
        at = pressed(at, "Next step")
    assert "Step 7/7" in words(at)
    assert labels(at)["Next step"] is False
    [checklist] = at.code
    assert checklist.value.count("[ ]") == 7
    assert "Step 1/7" in words(pressed(at, "Reset"))


def test_how_it_works_has_its_three_lists() -> None:
    """TX-B2, TX-B3, TX-B5: five offers, six ordered steps, eight stations; nothing to press."""
    at = tab(view="how")
    assert labels(at) == {}
    told = words(at)
    assert [told.count(f"{place}. ") for place in range(1, 9)] == [2] * 6 + [1] * 2
    for offer in ("Market Data Lab", "Strategy Research", "Paper Trading Simulator"):
        assert offer in told
    assert "Portfolio Review" in told
    assert "Evidence Center" in told


def test_a_person_who_is_in_finds_it_in_the_navigation(window: Window) -> None:
    """UI states, normal: the same page inside the frame, in both languages, without an error."""
    at = at_page(window.entered(), "demo")
    assert "Step 1/6" in words(at)
    at = spoken(walked(at, "Next tick"))
    assert "\u793a\u7bc4\u6642\u9593\u8ef8" in words(at)
    assert not at.exception
