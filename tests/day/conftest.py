from collections.abc import Mapping
from pathlib import Path

import pytest

from flows.day.plans import demo_market, demo_plan
from flows.day.results import DaySummary
from flows.day.run import run_day
from storage.settings import Settings
from tests.day.replays import ROOT

SEED = "counterseal-demo"


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(counterseal_policies=ROOT / "policies")


@pytest.fixture(scope="session")
def finished_day(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> tuple[Path, DaySummary]:
    """The deterministic day, undisturbed."""
    out = tmp_path_factory.mktemp("day") / "demo"
    return out, run_day(out, settings, demo_plan(SEED), demo_market())


@pytest.fixture(scope="session")
def tallies(finished_day: tuple[Path, DaySummary]) -> Mapping[str, int]:
    summary = finished_day[1]
    found = (*summary.requests, *summary.orders, *summary.refusals)
    return {tally.what: tally.times for tally in found}
