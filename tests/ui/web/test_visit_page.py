"""What a visitor of a demo sees: who to be, what to type; and nobody else sees any of it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.approvals.model import ApprovalRequest
from counterseal.policy.words import DecisionWord
from storage.homes import read_home
from storage.keyring import DEMO_PASSPHRASE
from storage.system import ReplayClock
from tests.day.visited import MONDAY_OPENS, Visited, a_visit
from tests.ui.web.window import APP, Window, at_request, pressed, words
from ui.web import house as pages
from ui.web.parts.visit import WHO


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Visited:
    with a_visit(tmp_path_factory.mktemp("visited") / "demo") as told:
        return told


@pytest.fixture
def tab(demo: Visited, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """A tab at a demo, as it was left for a terminal, in which time stands still."""
    file = demo.settings.counterseal_signer_state / "visit.env"
    for line in file.read_text("utf-8").splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(pages, "CLOCK", ReplayClock(MONDAY_OPENS))
    pages._opened.clear()
    yield AppTest.from_file(APP, default_timeout=30).run()
    pages._opened.clear()


def test_a_visitor_chooses_who_to_be_and_signs_in_without_typing(tab: AppTest) -> None:
    assert "A request waits: research reviews it, then risk" in words(tab)
    tab.button_group(key=WHO).set_value("research")
    tab.run()
    assert (tab.text_input(key="name").value, tab.text_input(key="password").value) == (
        "research",
        DEMO_PASSPHRASE,
    )
    told = words(pressed(tab, "Sign in"))
    assert "Signed in as research" in told
    assert "Demo time 2026-11-23 08:45:00 Taipei" in told
    assert DEMO_PASSPHRASE in told


def test_a_proof_that_grew_old_is_filled_in_at_a_click(
    demo: Visited, tab: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with read_home(demo.settings) as reader:
        [waiting] = [one.approval_request_id for one in reader.find(ApprovalRequest)]
    clock = ReplayClock(MONDAY_OPENS + timedelta(minutes=1))
    monkeypatch.setattr(pages, "CLOCK", clock)
    pages._opened.clear()
    tab.button_group(key=WHO).set_value("research")
    tab.run()
    pressed(tab, "Sign in")
    clock.move_to(clock.now() + timedelta(minutes=5))
    at_request(tab, waiting)
    tab.radio[0].set_value(DecisionWord.RESEARCH_APPROVED.value)
    tab.text_area[0].set_value("what a visitor found")
    tab.run()
    pressed(tab, "Fill in for this demo")
    at = pressed(tab, "Confirm it is you")
    assert "Sign: approve" in [button.label for button in at.button]


def test_elsewhere_nobody_is_offered_and_no_secret_is_told(window: Window) -> None:
    assert "be whoever you like" not in words(window.tab())
    at = window.entered()
    assert "Demo time" not in words(at)
    assert DEMO_PASSPHRASE not in words(at)
