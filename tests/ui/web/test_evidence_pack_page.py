"""An evidence pack from its page, without a browser (issue: packs; ui part 1, Evidence)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import ui.packing
from counterseal.audit.snapshots import STREAM
from counterseal.kernel.errors import AdapterError
from counterseal.policy.words import Role
from tests.evidence.offline_script import offline_script
from tests.ui.web.window import Window, at_page, labels, pressed, spoken, words
from ui.web.views.evidence_pack import MADE, Made

MAKE = "Make the pack"


@pytest.fixture
def case(window: Window) -> str:
    return window.house.asked()


@pytest.fixture
def auditing(window: Window) -> Window:
    """Who is here may export."""
    window.house.done(window.house.granted("researcher", Role.AUDITOR))
    return window


def at_case(window: Window, case: str) -> AppTest:
    return at_page(window.entered(), "evidence", case=case)


def exports(window: Window) -> list[str]:
    return [row.type for row in window.house.log() if row.stream == STREAM]


def test_who_is_no_auditor_is_told_who_makes_a_pack(window: Window, case: str) -> None:
    """Governance action `export`: no button that would be refused."""
    at = at_case(window, case)
    assert "Only an auditor makes one." in words(at)
    assert f"counterseal evidence export --case {case} --as AUDITOR" in words(at)
    assert MAKE not in labels(at)


def test_an_auditor_makes_a_pack_once_and_it_proves_itself_elsewhere(
    auditing: Window, case: str, tmp_path: Path
) -> None:
    """Design 8: recorded once however often the page runs; verified by python3 alone."""
    at = pressed(at_case(auditing, case), MAKE)
    assert "Checked by the verifier inside" in words(at)
    assert exports(auditing) == ["streams.snapshot", "evidence.exported"]
    assert MAKE not in labels(at.run())
    assert exports(auditing) == ["streams.snapshot", "evidence.exported"]
    made = at.session_state[MADE]
    assert isinstance(made, Made)
    taken = tmp_path / "taken.zip"
    taken.write_bytes(made.content)
    command = [sys.executable, "-I", str(offline_script()), str(taken)]
    command += ["--json", "--vkey", auditing.house.log_key.key.text]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert json.loads(done.stdout)["outcome"] == "verified", done.stdout
    assert "證據包" in words(spoken(at))
    assert not at.exception


def test_a_pack_that_cannot_be_written_is_told_and_can_be_asked_for_again(
    auditing: Window, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI-19: the refusal stands where the button was pressed; nothing half-written is offered."""

    def fails(out: Path, *_: object) -> None:
        raise AdapterError("PACK_WRITE", "the disk is full", got=out.name)

    at = at_case(auditing, case)
    with monkeypatch.context() as failing:
        failing.setattr(ui.packing, "write_pack", fails)
        at = pressed(at, MAKE)
    assert "`PACK_WRITE`" in words(at)
    assert MAKE in labels(at)
    assert "Checked by the verifier inside" in words(pressed(at, MAKE))
    assert not at.exception
