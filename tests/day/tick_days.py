"""Short days, cut from the real one, and what strategies say on them."""

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import dropwhile
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from counterseal.market.replay import Moment
from counterseal.policy.bundle import EXECUTION_FILE
from counterseal.policy.manifest import entry_of
from counterseal.signals.hearing import Spoken
from flows.day.markets import DayMarket
from flows.day.plan import ACCOUNT, DayPlan
from flows.day.plans import REAL_STRATEGIES, real_market, real_plan
from flows.day.strategies import chosen_from
from storage.policy_drafts import write_manifest
from storage.policy_files import contracts_from, read_manifest, read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.trading_calendar import taifex_calendar
from tests.day.conftest import SEED
from tests.day.replays import REAL_DAY

PRODUCT = "MTX"
CHOICE = f"choices:\n  - {{account_id: {ACCOUNT}, model: {{model_version: tape-fill-v1}}}}\n"
"""The account's orders fill at prints that follow them."""
HOUR = re.compile(rb"20210726,MTX *,202108 *,0*(84[5-9]|85\d|9[0-3]\d)\d\d,.*")
"""The month that expires next, from 08:45 to 09:40 Taipei."""


def cut_file(place: Path, keep: re.Pattern[bytes] = HOUR) -> Path:
    """A tick file of those rows of the real day only."""
    assert REAL_DAY.is_file(), f"test data absent: {REAL_DAY} (see COUNTERSEAL_TEST_DATA)"
    place.mkdir(parents=True, exist_ok=True)
    with ZipFile(REAL_DAY) as whole:
        [name] = whole.namelist()
        header, *rows = whole.read(name).split(b"\r\n")
    kept = [header, *(row for row in rows if keep.fullmatch(row)), b""]
    file = place / REAL_DAY.name
    with ZipFile(file, "w", ZIP_DEFLATED) as cut:
        cut.writestr(name, b"\r\n".join(kept))
    return file


def filled_by_prints(settings: Settings, place: Path) -> Settings:
    """Settings with a copy of the policies in which the account's fills come from the tape."""
    policies = place / "policies"
    shutil.copytree(settings.counterseal_policies, policies)
    file = policies / "execution" / POLICY_VERSION / EXECUTION_FILE
    told = file.read_text("utf-8")
    assert "choices: []\n" in told
    file.write_text(told.replace("choices: []\n", CHOICE), "utf-8")
    files = read_policy_files(policies, POLICY_VERSION)
    listed = entry_of(POLICY_VERSION, files, "somebody", datetime(2026, 11, 1, tzinfo=UTC))
    write_manifest(policies, read_manifest(policies).with_entry(listed))
    return settings.model_copy(update={"counterseal_policies": policies})


def tick_day(
    settings: Settings, file: Path, *strategies: str, seed: str = SEED
) -> tuple[DayPlan, DayMarket]:
    """Plan and market of a tick file, for the default strategies or for those that are named."""
    chosen = chosen_from(strategies or REAL_STRATEGIES)
    contracts = contracts_from(read_policy_files(settings.counterseal_policies, POLICY_VERSION))
    calendar = taifex_calendar(contracts.closures)
    market = real_market(file, [PRODUCT], contracts, calendar, chosen)
    return real_plan(seed, [PRODUCT], [one.name for one in chosen]), market


def said_on(market: DayMarket) -> list[Spoken]:
    """What the market's strategies say, with nobody to follow them."""
    ensemble = market.ensemble()
    return [spoken for moment in market.moments() for spoken in ensemble.hear(moment)]


def since(market: DayMarket, first: datetime) -> Callable[[], Iterator[Moment]]:
    """The moments of a market from an instant on."""
    return lambda: dropwhile(lambda moment: moment.at < first, market.moments())
