"""Research without a browser: strategies, signals and their outcome, intake, and the packet."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.broker.model import SimulationOutcome
from counterseal.policy.words import DecisionWord
from counterseal.signals.model import Direction, Provenance
from tests.household import NONE
from tests.ui.web.window import Window, at_page, links, pressed, spoken, words
from ui.web.views import research_packet

pytestmark = pytest.mark.usefixtures("exchange")
LINE = {
    "signal_id": "s1",
    "strategy_id": "outside",
    "strategy_version": "1",
    "timestamp": "2026-01-05T00:00:00.000000Z",
    "direction": "LONG",
    "target_tx_equivalent": "0.05",
    "confidence": "0.5",
    "reason": {"signals_only": True},
}


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A packet that a test may spoil."""
    path = tmp_path / "packet.json"
    path.write_bytes(research_packet.SAMPLE.read_bytes())
    monkeypatch.setattr(research_packet, "SAMPLE", path)
    return path


def tab(window: Window, name: str = "researcher", **params: str) -> AppTest:
    return at_page(window.entered(name), "research", **params)


def told(at: AppTest, *expected: str) -> None:
    said = words(at)
    assert [one for one in expected if one not in said] == []
    assert not at.exception
    assert "None" not in said


def worked(window: Window) -> None:
    """A signal of each stage."""
    house = window.house
    house.signal(direction=Direction.FLAT)
    house.signal()
    house.done(house.reviewed(house.requested(), "risk", DecisionWord.REJECTED))
    request_id = house.approved(quantity=1, target="0.05")
    house.quote()
    house.done(house.submitted(request_id, quantity=1, selected=SimulationOutcome.FILL))


def test_without_a_signal_each_view_says_what_to_do(window: Window) -> None:
    """TX-B9, UI-19: no strategy, no signal, nothing refused; the samples are there."""
    at = tab(window)
    told(at, "No strategy has sent a signal yet.", "mean-reversion 1.0.0", "threshold_points=2")
    told(at_page(at, "research", view="signals"), "No signal was taken in yet.")
    told(at_page(at, "research", view="intake"), "No signal was refused.")


def test_strategies_and_signals_are_told_with_what_came_of_them(window: Window) -> None:
    """TX-B2 (Strategy Research), TX-E1, TX-E2: versions, funnel, every field and the guard."""
    worked(window)
    at = tab(window)
    told(at, "mean-reversion 1.0.0", "4 signals", "long 3", "flat 1", "simulated fills 1", "d1")
    told(at, "named like the product's, other parameters")
    at = pressed(at, "Signals")
    told(at, "From signal to fill", "filled, simulated", "rejected", "taken in", "long 0.05 TX-eq")
    for count, stage in ((4, "taken in"), (2, "asked for"), (1, "approved"), (1, "sent")):
        assert f"<dt>{stage}</dt><dd>{count}<" in words(at)
    told(at, "order_created=false", "signals_only=true", "Flat asks for nothing.", "20 points")
    assert {"Order", "Request"} <= set(links(at))
    assert "Ask for approval" not in links(at)
    assert "Ask for approval" in links(tab(window, "quant", view="signals"))


def test_a_text_of_signals_is_checked_and_nothing_of_it_is_taken_in(window: Window) -> None:
    """TX-E1, TX-E2: errors by field with their lines; good lines are counted, and that is all."""
    at = tab(window, view="intake")
    lines = [LINE, {**LINE, "confidence": "2"}, {**LINE, "confidence": "-1", "signal_id": "s3"}]
    lines.append({**LINE, "reason": {"signals_only": True, "order_created": True}})
    text = "\n".join(json.dumps(line) for line in lines)
    for form, content, expected in (
        ("jsonl", text, ("Errors: 3.", "Signals that hold: 1.", "confidence", "order_created")),
        ("jsonl", json.dumps(LINE), ("Every line holds.", "counterseal signals propose FILE")),
        ("json", "[]", ("There is no signal in it.",)),
        ("json", "{", ("Errors: 1.", "NOT_JSON", "N/A, the whole line")),
    ):
        at.query_params["form"] = form
        at = at.text_area(key="signals-text").set_value(content).run()
        told(at, *expected)
    told(at_page(at, "research", view="signals"), "No signal was taken in yet.")


def test_a_signal_refused_at_the_door_stands_with_its_reason(window: Window) -> None:
    """TX-E1: the reason's sentence, whose strategy, and who brought it."""
    house = window.house
    signal = house.signal()
    made = Provenance(
        source="test",
        source_digest=NONE,
        data_version="d",
        code_version="c",
        parameters_hash=NONE,
    )
    again = house.desk.intake.propose(signal, made, house.actor("quant"), key=house.key())
    assert not again.accepted
    told(tab(window, view="intake"), "mean-reversion: The same signal was taken in already.")


def test_the_packet_is_done_again_while_it_is_looked_at(window: Window) -> None:
    """TX-B11: loaded from its file, made anew, equal; what it does not show stands beside it."""
    at = tab(window, view="packet")
    told(at, "momentum-on-the-stated-market", "Same result.", "What it does not show", "Simulated")
    told(at, "counterseal-regimes, TMF, ticks 0 to 23", "performance_claim", "momentum-TMF-1")
    told(spoken(at), "結果相同", "未能證明的事", "模擬")


def test_a_packet_that_comes_out_otherwise_is_not_to_be_relied_on(
    window: Window, broken: Path
) -> None:
    """TX-B11: other signals are found; an unsafe flag is refused with its path; or it is absent."""
    packet = json.loads(broken.read_text("utf-8"))
    broken.write_text(json.dumps({**packet, "signals": packet["signals"][1:]}), "utf-8")
    at = tab(window, view="packet")
    told(at, "Differences: 1.", "Do not rely on it.")
    broken.write_text(json.dumps({**packet, "performance_claim": True}), "utf-8")
    at = at.run()
    told(at, "PACKET_INVALID", "The field that failed: performance_claim.")
    assert "momentum-TMF-1" not in words(at)
    broken.unlink()
    told(at.run(), "The sample packet is not part of this installation.")


def test_the_page_speaks_chinese(window: Window) -> None:
    """TX-B7."""
    worked(window)
    at = spoken(tab(window))
    told(at, "研究", "與內建同名", "做多 3", "資料版本")
    told(at_page(at, "research", view="signals"), "從訊號到成交", "模擬成交", "已駁回")
    told(at_page(at, "research", view="intake"), "收件前檢查訊號", "收件時拒絕")
