"""A demo home whose people have joined, opened to visitors on a Sunday."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from flows.day.home import demo_settings, open_demo, origin_of
from flows.day.people import AutomaticPeople
from flows.day.plans import demo_market, demo_plan
from flows.up import visited
from storage.home_keys import keys_folder
from storage.policy_files import read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.system import DEMO_AHEAD, MachineClock
from tests.household import ROOT

SUNDAY = datetime(2026, 11, 22, 4, tzinfo=UTC)
MONDAY_OPENS = datetime(2026, 11, 23, 0, 45, tzinfo=UTC)
"""08:45 in Taipei."""


class Visited(NamedTuple):
    """A demo at the time of its visitors.

    Attributes:
        told: What was said when it opened.
    """

    settings: Settings
    told: tuple[str, ...]


@contextmanager
def a_visit(out: Path) -> Iterator[Visited]:
    """A demo without its day, opened; the machine's time stands still on Sunday meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        _joined(out)
        patch.setenv(DEMO_AHEAD, "0")
        patch.setattr(MachineClock, "now", lambda _: SUNDAY)
        yield opened(out)


@contextmanager
def a_visit_now(out: Path) -> Iterator[Visited]:
    """The same at the machine's own time, which goes on."""
    with pytest.MonkeyPatch.context() as patch:
        _joined(out)
        patch.setenv(DEMO_AHEAD, "0")
        yield opened(out)


def opened(out: Path) -> Visited:
    """As `counterseal up` opens a demo."""
    told: list[str] = []
    settings = Settings(counterseal_home=out, counterseal_policies=ROOT / "policies")
    return Visited(visited(settings, told.append), tuple(told))


def _joined(out: Path) -> None:
    settings = demo_settings(out, Settings(counterseal_policies=ROOT / "policies"))
    plan, market = demo_plan("visited"), demo_market()
    law = read_policy_files(settings.counterseal_policies, POLICY_VERSION)
    with open_demo(settings, plan, market, origin_of(plan, market, law)) as home:
        keys = keys_folder(settings)
        AutomaticPeople(home.desk, keys, "demo", home.clock, home.ids).join()
