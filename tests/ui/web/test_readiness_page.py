"""Readiness: what was probed, when, and what of it holds; and what is claimed of the release."""

import sys
from collections.abc import Iterator
from threading import Event

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.kernel.errors import PolicyError
from counterseal.readiness.areas import ReadinessArea, flags_of
from counterseal.readiness.model import Observation
from counterseal.readiness.report import readiness_of
from storage.last_rounds import FILE, LastRounds
from tests.core.readiness.seen import BARE, BLIND, FULL, LIVE, MANAGED
from tests.ui.web.window import Window, at_page, labels, links, pressed, spoken, words
from ui.web import probing
from ui.web.probing import Prober
from ui.web.views import readiness, readiness_release
from ui.web.views.readiness_areas import capability
from ui.web.wording import Language


@pytest.fixture(scope="module")
def tab(shared_window: Window) -> AppTest:
    """One tab: the page changes nothing in the house."""
    return shared_window.entered()


@pytest.fixture
def at(tab: AppTest) -> Iterator[AppTest]:
    """The tab without a look of before, in English."""
    probing._prober.clear()
    yield spoken(tab, Language.ENGLISH)
    probing._prober.clear()


def looked(at: AppTest, patch: pytest.MonkeyPatch, seen: Observation, **asked: str) -> AppTest:
    """The page after somebody pressed the button and the command told this."""
    told = readiness_of(seen).model_dump_json()
    patch.setattr(readiness, "told_by_command", lambda: told)
    at = pressed(at_page(at, "readiness"), "Probe now")
    finished()
    return at_page(at, "readiness", **asked)


def finished() -> Prober:
    one = probing.prober()
    assert one.thread is not None
    one.thread.join(timeout=10)
    return one


def tables(at: AppTest) -> str:
    return "".join(str(one.proto.body) for one in at.get("html"))


def test_unprobed_flags_are_not_checked_and_the_page_says_why(at: AppTest) -> None:
    """UI-19, UI-25, TX-L8: without a look nothing is good, and what is known is shown."""
    at = at_page(at, "readiness", area="log")
    said = words(at)
    assert "Nothing was probed yet." in said
    assert "flags were checked" not in said
    assert "not looked at" in tables(at)
    assert "could_not_check" in said
    assert not at.exception


def test_a_look_runs_once_and_its_result_takes_the_place_of_nothing(
    at: AppTest, shared_window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI-25: while it runs the page says since when; whoever asks meanwhile starts no second."""
    go, asked = Event(), []

    def slow() -> str:
        asked.append("look")
        go.wait(10)
        return readiness_of(FULL).model_dump_json()

    monkeypatch.setattr(readiness, "told_by_command", slow)
    at = pressed(at_page(at, "readiness"), "Probe now")
    assert "Probing since" in words(at)
    assert labels(at)["Probe now"] is False
    probing.prober().start(slow, shared_window.house.clock.now())
    go.set()
    finished()
    said = words(at.run())
    assert asked == ["look"]
    assert "flags were checked, none is unsafe" in said
    assert "Checked 2026-11-21 17:00:00 Taipei" in said
    assert "The log held 9 records." in said


def test_a_look_that_fails_leaves_no_result(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """UI-25: neither the broken answer nor the one before it is shown."""
    for printed in ("", "Traceback", '{"error": "UNSAFE_SETTINGS"}'):
        at = looked(at, monkeypatch, FULL)
        monkeypatch.setattr(readiness, "told_by_command", lambda told=printed: told)
        at = pressed(at, "Probe now")
        assert finished().told is None
        said = words(at.run())
        assert "The last probing failed." in said
        assert "none is unsafe" not in said


def test_what_could_not_be_checked_is_counted(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """UI-25: a look that saw no home."""
    said = words(looked(at, monkeypatch, BLIND))
    assert "flags could not be checked" in said
    assert "No home was read" in said


def test_an_unsafe_value_is_the_one_thing_that_is_red(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-L8, TX-B4: a sign of live is named, and the sentences it contradicts say so."""
    at = looked(at, monkeypatch, LIVE)
    said = words(at)
    assert "unsafe values." in said
    assert "live_trading_enabled" in said
    assert '<td>No real order</td><td><span class="mark bad">contradicted' in said
    assert "switched on" in said
    calm = looked(at, monkeypatch, BARE)
    assert 'class="mark bad"' not in tables(calm)
    assert "contradicted" not in words(calm)


def test_safety_tells_six_things_that_are_not_done(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-B4, TX-G13: each by its flag; settings in force as told; the demo's flags are a link."""
    at = looked(at, monkeypatch, FULL)
    assert words(at).count('<span class="mark off">confirmed') == 6
    assert "<dt>Trading mode</dt><dd>paper</dd>" in words(at)
    assert "Flags of the demo" in links(at)


def test_every_area_shows_each_of_its_flags_and_every_state_that_follows(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI-25, TX-L1 to TX-L8, TX-I10, TX-K6: as the command answered, and nothing left out."""
    monkeypatch.setattr(readiness, "ROWS", 200)
    at, told = looked(at, monkeypatch, MANAGED), readiness_of(MANAGED)
    for area in ReadinessArea:
        at = at_page(at, "readiness", area=area.value)
        shown, said = tables(at), words(at)
        for flag in flags_of(area, told):
            assert f"<td>{capability(flag.name)}</td>" in shown, flag.name
        assert "does not follow" not in said
        assert not at.exception


def test_a_state_that_does_not_follow_from_its_flags_is_called_so(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-L8: the page recomputes what it prints."""
    told = readiness_of(FULL)
    first, *rest = told.boundaries
    forged = told.amended(boundaries=(first.amended(readiness_state="all_well"), *rest))
    monkeypatch.setattr(readiness, "told_by_command", forged.model_dump_json)
    pressed(at_page(at, "readiness"), "Probe now")
    finished()
    at = at_page(at, "readiness", area="approvals")
    assert "This state does not follow from the flags." in words(at)


def test_flags_are_filtered_by_state_and_an_empty_list_says_so(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI-19, UI-22: both filters stand in the address."""
    at = looked(at, monkeypatch, FULL, area="log", state="off")
    assert 'class="mark off"' in tables(at)
    assert 'class="mark due"' not in tables(at)
    at = at_page(at, "readiness", area="log", state="unsafe")
    assert "No flag of this area is in this state." in words(at)


def test_orders_have_the_blueprint_of_a_production_system(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-I11: eight areas, each by its criteria; the boundary's lists fold beside the flags."""
    at = looked(at, monkeypatch, BARE, area="orders")
    folds = [one.label for one in at.expander]
    assert sum("criteria" in label for label in folds) == 8
    assert "Reconciliation loop: not enabled, 0 of 3 criteria" in folds
    assert {"Missing (9)", "Required before production (8)"} <= set(folds)
    assert "blueprint_only_no_production_oms".replace("_", "\\_") in words(at)


def test_the_release_is_read_from_its_document_and_production_is_not_ready(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-A8: four levels, phases 0 to 6, gaps and stored checks; unknown before a look."""
    at = at_page(at, "readiness", view="release")
    assert "Production Trading Platform: NOT READY" in words(at)
    assert "No result of a check was found." in words(at)
    assert "not checked" in tables(at)
    at = looked(at, monkeypatch, FULL, view="release")
    shown, said = tables(at), words(at)
    for level in ("external presentation", "internal demo", "internal technical preview"):
        assert level in shown
    assert [f"<td>{number} " in shown for number in range(7)] == [True] * 7
    assert "Production Trading Platform: NOT READY" in said
    assert "Known gaps to production (8)" in said
    assert "run-1" in said


def test_the_page_reads_in_chinese(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """TX-B7."""
    at = looked(at, monkeypatch, FULL)
    for view, said in (
        ("boundaries", "尚未就緒"),
        ("release", "尚未就緒"),
        ("running", "常駐迴圈"),
    ):
        at = spoken(at_page(at, "readiness", view=view))
        assert ("就緒狀態" in words(at), said in words(at)) == (True, True)
        assert not at.exception


def test_a_release_document_that_does_not_hold_is_refused_by_its_reason(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-A8: and the store is not said to be down."""

    def broken() -> None:
        raise PolicyError("POLICY_UNKNOWN_KEY", "release.yaml: not a key")

    monkeypatch.setattr(readiness_release, "read_release", broken)
    said = words(at_page(at, "readiness", view="release"))
    assert "POLICY_UNKNOWN_KEY" in said
    assert "Can't reach the store" not in said


def test_whether_the_house_is_at_work_is_looked_at_anew_and_never_green_without_a_loop(
    at: AppTest, shared_window: Window
) -> None:
    """Issue "Always on", point 4: absent, late, failed and on time, each as it is."""
    house, begun = shared_window.house, shared_window.house.clock.now()
    place = house.home / "log" / FILE
    at = at_page(at, "readiness", view="running")
    assert "The house is not ready for work." in words(at)
    assert "No resident loop told of itself." in words(at)
    last = LastRounds(house.home, begun, ("dispatch", "sweep", "notify"))
    last.note("dispatch", begun, begun, "done")
    last.note("sweep", begun, begun, "MAIL_FAILED")
    shown = tables(at.run())
    assert [shown.count(f">{word}<") for word in ("on time", "failed", "not yet", "late")] == [
        *(1, 1, 1, 0)
    ]
    assert "MAIL_FAILED" in shown
    house.after(300)
    assert tables(at.run()).count(">late<") == 3
    assert '<span class="mark warn">not in order' in tables(at)
    place.write_text("{}")
    assert "ROUNDS_UNREADABLE" in tables(at.run())
    place.unlink()
    assert "Probe now" not in labels(at)
    assert not at.exception


def test_the_command_is_run_for_the_home_of_these_pages(
    shared_window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI-25: another process of this very program, told the same home, whatever its own folder."""
    script = "import os, ui.cli.readiness; print(os.environ['COUNTERSEAL_HOME'])"
    monkeypatch.setattr(probing, "COMMAND", (sys.executable, "-c", script))
    assert probing.told_by_command().strip() == str(shared_window.house.home)
