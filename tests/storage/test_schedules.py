"""Periods of the hall's deployments, from the file that deploys them."""

from pathlib import Path

import pytest

from storage.schedules import deployed_seconds, period_of, period_seconds

FILE = """
deployments:
  - name: often
    schedules: [{cron: "0 * * * *"}, {cron: "*/5 * * * *"}]
  - name: asleep
    schedules: [{cron: "* * * * *", active: false}]
  - name: never
  - name: odd
    schedules: [{cron: "0 9 1 * *"}, {interval: 60}, words]
"""


@pytest.mark.parametrize(
    ("cron", "seconds"),
    [
        ("* * * * *", 60),
        ("*/15 * * * *", 900),
        ("0 * * * *", 3_600),
        ("30 1 * * *", 86_400),
        ("*/0 * * * *", None),
        ("1,2 * * * *", None),
        ("0 */2 * * *", None),
        ("0 9 1 * *", None),
        ("0 9 * * 1", None),
        ("* * * *", None),
        ("", None),
    ],
)
def test_a_period_is_the_longest_time_between_two_runs(cron: str, seconds: int | None) -> None:
    """TX-L4:full_timeout_worker_enabled: what is not understood is not relied on."""
    assert period_seconds(cron) == seconds


def test_the_most_frequent_schedule_counts_and_one_that_sleeps_does_not(tmp_path: Path) -> None:
    """TX-L4: a deployment without a schedule that can be read has no period."""
    file = tmp_path / "prefect.yaml"
    file.write_text(FILE, "utf-8")

    assert deployed_seconds(file) == {"often": 300}


@pytest.mark.parametrize("text", ["", "[1]", "a: [", "deployments: 7"])
def test_a_file_that_says_nothing_schedules_nothing(tmp_path: Path, text: str) -> None:
    """TX-L4, negative: absent, broken or empty."""
    file = tmp_path / "prefect.yaml"
    file.write_text(text, "utf-8")

    assert deployed_seconds(file) == {}
    assert deployed_seconds(tmp_path / "none.yaml") == {}


def test_the_hall_delivers_sweeps_and_reconciles() -> None:
    """TX-L4: what readiness relies on comes again by itself, in rounds or as a deployment."""
    assert [period_of(work) for work in ("deliver", "sweep", "reconcile")] == [10, 60, 900]
    assert period_of("intake") is None
