"""What a whole day leaves for the controls: governance part 7, looked at and judged by hand."""

from datetime import timedelta
from pathlib import Path

from counterseal.desk.views.controls import ControlStatus, ControlsView, controls_at
from counterseal.kernel.clock import parse_utc
from counterseal.policy.controls import CONTROL_ATTESTED
from flows.day.home import demo_settings
from flows.day.results import DaySummary
from storage.control_file import read_controls
from storage.home_reader import read_home
from storage.settings import Settings
from tests.core.policy.recorded_types import recorded_types

CATALOGUE = read_controls()
EVIDENCED = {
    *("MA-01", "MA-02", "MA-03", "MA-04", "MA-05", "MA-06", "MA-08", "FS-01", "FS-02", "FS-03"),
    *("FA-05", "R6-01", "R6-04", "R6-07", "R6-10", "R6-14", "R6-15", "BK-01", "IT-05", "MR-03"),
    *("IS-01", "IS-03", "IS-07", "ES-01", "ES-02", "ES-03", "ES-04"),
}
"""Reviews, checks, roles and policy; an export; nobody logged in, reconciled or signed a word."""


def test_a_day_evidences_what_happened_on_it_and_nothing_else(
    finished_day: tuple[Path, DaySummary], settings: Settings
) -> None:
    """Governance 7, 8.18: statuses of the demo, and what a month without records makes of them."""
    with read_home(demo_settings(finished_day[0], settings)) as reader:
        rows = list(reader.records())
    end = parse_utc(rows[-1].recorded_at)
    told = controls_at(CATALOGUE, rows, end)
    assert by_status(told, ControlStatus.EVIDENCED) == EVIDENCED
    rest = {one.id for one in CATALOGUE.controls} - EVIDENCED
    assert by_status(told, ControlStatus.NO_EVIDENCE) == rest
    assert {one.type for one in rows} <= recorded_types()

    separate = told.control("FS-03")
    assert separate is not None
    refused = [one for one in rows if one.type == "command.refused"]
    assert separate.count == sum(one.type == "approval.decided" for one in rows) + len(refused)

    late = controls_at(CATALOGUE, rows, end + timedelta(days=30))
    ageless = {"MA-01", "MA-08", "FS-01", "FA-05", "R6-10", "MR-03", "IS-03", "IS-07", "ES-04"}
    assert by_status(late, ControlStatus.EVIDENCED) == ageless
    assert by_status(late, ControlStatus.STALE) == EVIDENCED - ageless


def test_what_only_people_can_say_is_not_evidenced_by_a_day() -> None:
    """MA-09, MA-10: a control whose every query is a signed word has no other record."""
    by_word = [
        one.id
        for one in CATALOGUE.controls
        if all(query.types == (CONTROL_ATTESTED,) for query in one.evidence)
    ]
    assert {"MA-09", "MA-10", "R6-12"} <= set(by_word)
    assert not EVIDENCED & set(by_word)


def by_status(told: ControlsView, status: ControlStatus) -> set[str]:
    return {one.id for one in told.controls if one.status is status}
