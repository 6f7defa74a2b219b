"""Runs without a browser: what is on record, what the workflow server tells, and its silence."""

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.desk.rounds import Duty, RoundFound
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.model import details
from flows.told_runs import RunState, RunTold, TraceRow
from storage.settings import Settings
from tests.ui.web.window import Window, at_page, spoken, words
from ui.web.views import settings_runs
from ui.web.wording import Language


def tab(window: Window) -> AppTest:
    return at_page(window.entered(), "settings", view="runs")


def test_a_silent_workflow_server_is_a_state_and_no_empty_list(shared_window: Window) -> None:
    """Workflow 7, UI W2: could not ask, why, and how it is started."""
    at = tab(shared_window)
    said = words(at)
    for expected in (
        *("Could not ask", "it does not answer", "ENGINE_UNREACHABLE"),
        *("counterseal flows serve", "Watch over losses", "no run", "N/A, none on record"),
    ):
        assert expected in said, expected
    assert "None" not in said
    assert "無法詢問" in words(spoken(at))
    assert not at.exception


def test_runs_are_told_with_how_long_they_took_and_what_they_did(
    shared_window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI part 1 (flow runs): the newest first; a run without a trace says so."""
    now = shared_window.house.clock.now()
    did = tuple(TraceRow(name=f"step-{at}", value=str(at)) for at in range(8))
    quick = RunTold(
        run_id="run-1",
        flow="execute",
        state=RunState.COMPLETED,
        started=now,
        ended=now + timedelta(seconds=1.25),
        did=did,
    )
    slow = quick.amended(
        run_id="run-2", state=RunState.CRASHED, ended=now + timedelta(minutes=61), did=()
    )
    waiting = RunTold(run_id="run-3", flow="sweep", state=RunState.PENDING)
    found = [waiting, slow, quick]
    monkeypatch.setattr(settings_runs, "told_runs", lambda _: tuple(found))
    at = tab(shared_window)
    said = words(at)
    for expected in (
        *(
            "completed",
            "1.2 s",
            "step-0 0, step-1 1",
            "step-5 5, and 2 more",
            "broke off",
            "1 h 1 min",
        ),
        *("N/A, it left no trace", "waiting", "N/A, not yet", "The 3 newest"),
    ):
        assert expected in said, expected
    assert "中斷" in words(spoken(at))
    found.clear()
    assert "no run was begun yet" in words(spoken(at, Language.ENGLISH))


def test_rounds_on_record_are_on_time_or_overdue(window: Window) -> None:
    """TX-L4, workflow 7: by the schedule of their deployment; told whether or not a server runs."""
    house = window.house
    found = RoundFound(duty=Duty.LOSSES, counts=details(accounts=3), findings=digest([]))
    actor = house.actor("operator").amended(id="flows", issuer=SERVICE_ISSUER)
    outcome = house.desk.rounds.record(found, actor)
    assert outcome is not None
    house.done(outcome)
    at = tab(window)
    assert "accounts 3" in words(at)
    assert "on time" in words(at)
    house.after(3_600)
    at = tab(window)
    assert "overdue" in words(at)


def test_another_server_on_the_port_is_named(
    shared_window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workflow 2: never somebody else's runs."""

    def foreign(settings: Settings) -> tuple[RunTold, ...]:
        raise AdapterError("ENGINE_FOREIGN", "another server sits on the port", got=settings)

    monkeypatch.setattr(settings_runs, "told_runs", foreign)
    said = words(tab(shared_window))
    assert "another one sits on its port (ENGINE_FOREIGN)" in said
