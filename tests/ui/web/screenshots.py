"""`make screenshots`: every page, light, dark and narrow, in both languages, for eyes to look at.

Usage: python -m tests.ui.web.screenshots [PAGE ...]; pictures lie in var/screenshots. What axe
finds wrong in a picture stands below its name, and gives exit status 1.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, Page, StorageState, expect

from storage.last_rounds import LastRounds
from storage.system import MachineClock
from tests.household import ROOT
from tests.ui.web.axe import violations
from tests.ui.web.seat import door
from tests.ui.web.showroom import Showroom, showroom
from tests.ui.web.web_room import HERE, chromium, opened, serving

PLACE = ROOT / "var" / "screenshots"
HEIGHT_MAX = 2600
PROBED_WITHIN_MS = 180_000


class Shot(NamedTuple):
    """One picture.

    Attributes:
        address: May name what stands in the showroom.
        person: None is a stranger.
        away: Whether the store does not answer meanwhile.
    """

    name: str
    address: str
    person: str | None = "researcher"
    away: bool = False


class Look(NamedTuple):
    """How a page is looked at."""

    name: str
    scheme: Literal["light", "dark"]
    width: int
    height: int


SHOTS = (
    Shot("sign_in", "/", None),
    Shot("home", "/"),
    Shot("home_nothing", "/", "quant"),
    Shot("store_away", "/", away=True),
    Shot("approvals", "/approvals?show=open"),
    Shot("approvals_mine", "/approvals"),
    Shot("approvals_all", "/approvals?show=all"),
    Shot("bulk", "/bulk"),
    Shot("bulk_not_for_role", "/bulk", "operator"),
    Shot("request", "/request?id={pending}"),
    Shot("request_own", "/request?id={pending}", "quant"),
    Shot("request_amended", "/request?id={amended}", "risk"),
    Shot("request_closed", "/request?id={filled}"),
    Shot("request_came_back", "/request?id={came_back}", "quant"),
    Shot("request_unknown", "/request?id=none"),
    Shot("orders", "/orders", "operator"),
    Shot("orders_done", "/orders?view=done", "operator"),
    Shot("orders_reliability", "/orders?view=reliability", "operator"),
    Shot("orders_preview", "/orders?view=preview", "operator"),
    Shot("order_cancelled", "/order?id={cancelled_order}"),
    Shot("order_filled", "/order?id={filled_order}"),
    Shot("order_working", "/order?id={acknowledged_order}", "operator"),
    Shot("submit_choose", "/submit", "operator"),
    Shot("submit", "/submit?request={approved}", "operator"),
    Shot("submit_closed", "/submit?request={filled}", "operator"),
    Shot("submit_not_for_role", "/submit"),
    Shot("portfolio", "/portfolio", "operator"),
    Shot("portfolio_equity", "/portfolio?view=curve", "operator"),
    Shot("portfolio_ledger", "/portfolio?view=ledger", "operator"),
    Shot("portfolio_statement", "/portfolio?view=statement", "operator"),
    Shot("risk", "/risk", "operator"),
    Shot("risk_limits", "/risk?view=limits", "risk"),
    Shot("risk_judged", "/risk?view=judged", "risk"),
    Shot("risk_trial", "/risk?view=trial", "risk"),
    Shot("risk_overrides", "/risk?view=overrides", "risk"),
    Shot("market", "/market"),
    Shot("market_path", "/market?view=path"),
    Shot("market_met", "/market?view=path&of=met"),
    Shot("market_contracts", "/market?view=contracts"),
    Shot("research", "/research"),
    Shot("research_signals", "/research?view=signals", "quant"),
    Shot("research_intake", "/research?view=intake"),
    Shot("research_packet", "/research?view=packet"),
    Shot("propose", "/propose", "quant"),
    Shot("propose_answer", "/propose?answers={came_back}", "quant"),
    Shot("propose_signal", "/propose?signal={signal}", "quant"),
    Shot("audit", "/audit"),
    Shot("audit_checkpoints", "/audit?view=checkpoints"),
    Shot("audit_keys", "/audit?view=keys"),
    Shot("audit_search", "/audit?q=risk"),
    Shot("audit_search_nothing", "/audit?q=nobody"),
    Shot("evidence", "/evidence"),
    Shot("evidence_case", "/evidence?case={filled}"),
    Shot("evidence_pack", "/evidence?case={filled}", "vera"),
    Shot("evidence_view", "/evidence?view=view"),
    Shot("record", "/record?seq=70"),
    Shot("readiness", "/readiness"),
    Shot("readiness_log", "/readiness?area=log&state=off"),
    Shot("readiness_orders", "/readiness?area=orders"),
    Shot("readiness_hosting", "/readiness?area=hosting"),
    Shot("readiness_release", "/readiness?view=release"),
    Shot("readiness_running", "/readiness?view=running"),
    Shot("demo", "/demo"),
    Shot("demo_waves", "/demo?market=waves"),
    Shot("demo_tour", "/demo?view=tour"),
    Shot("demo_how", "/demo?view=how"),
    Shot("demo_stranger", "/demo", None),
    Shot("settings", "/settings"),
    Shot("settings_people", "/settings?view=people", "officer-2"),
    Shot("settings_people_others", "/settings?view=people"),
    Shot("settings_policies", "/settings?view=policies", "vera"),
    Shot("settings_policies_others", "/settings?view=policies"),
    Shot("settings_runs", "/settings?view=runs"),
    Shot("settings_installation", "/settings?view=installation"),
)
LOOKS = (
    Look("light", "light", 1440, 900),
    Look("dark", "dark", 1440, 900),
    Look("narrow", "light", 390, 844),
)
LANGUAGES = ("en-US", "zh-TW")
CALM = ("sweep", "heartbeat", "notify", "time_stamp")


def photographed(
    browser: Browser, origin: str, room: Showroom, shots: list[Shot]
) -> Iterator[tuple[Path, list[str]]]:
    """The pictures, as they are made, and what axe finds wrong in each."""
    people = {shot.person for shot in shots}
    doors: dict[str | None, StorageState] = {}
    for person in people:
        with browser.new_context() as context:
            doors[person] = door(room, origin, context, person)
    if any(shot.name.startswith("readiness") for shot in shots):
        _probed(browser, origin, doors["researcher"])
    for language, look in product(LANGUAGES, LOOKS):
        for shot in shots:
            with browser.new_context(
                viewport={"width": look.width, "height": look.height},
                color_scheme=look.scheme,
                locale=language,
                timezone_id="Asia/Taipei",
                reduced_motion="reduce",
                storage_state=doors[shot.person],
            ) as context:
                page = context.new_page()
                with _away(room) if shot.away else nullcontext():
                    opened(page, origin + shot.address.format(**room.ids))
                    wrong = violations(page)
                    _whole(page, look)
                    path = PLACE / f"{shot.name}-{look.name}-{language[:2]}.png"
                    page.screenshot(path=path)
                yield path, wrong


@contextmanager
def _away(room: Showroom) -> Iterator[None]:
    database = room.house.settings.database_file
    hidden = database.rename(database.with_suffix(".gone"))
    yield
    hidden.rename(database)


def _probed(browser: Browser, origin: str, door: StorageState) -> None:
    """Let the server look at its boundaries once, for all pictures."""
    with browser.new_context(storage_state=door) as context:
        page = context.new_page()
        opened(page, f"{origin}/readiness")
        page.locator(".st-key-probe button").click()
        expect(page.get_by_text("flags were checked")).to_be_visible(timeout=PROBED_WITHIN_MS)


def _rounds(room: Showroom) -> None:
    """What a resident loop of this home would have told: one round late, one that failed."""
    now = MachineClock().now()
    began = now - timedelta(minutes=7)
    last = LastRounds(room.house.home, began, ("dispatch", *CALM))
    for name, age, outcome in (
        ("dispatch", 3, "done"),
        ("sweep", 20, "done"),
        ("heartbeat", 400, "done"),
        ("notify", 21, "NOTICE_BLOCK_FAILED"),
    ):
        at = now - timedelta(seconds=age)
        last.note(name, at, at + timedelta(milliseconds=40), outcome)


def _whole(page: Page, look: Look) -> None:
    """Make the window as high as the page, so that nothing is cut off."""
    inside = "document.querySelector('[data-testid=stMain]').scrollHeight"
    height = min(max(int(page.evaluate(inside)), look.height), HEIGHT_MAX)
    page.set_viewport_size({"width": look.width, "height": height})
    page.wait_for_timeout(300)


def main(names: list[str]) -> int:
    """Make the pictures of the named pages, or of all."""
    if not HERE:
        sys.stderr.write("chromium is not installed here (.ci/debian)\n")
        return 3
    shots = [shot for shot in SHOTS if not names or shot.name in names]
    if not names and PLACE.exists():
        shutil.rmtree(PLACE)
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        room = showroom(Path(folder))
        _rounds(room)
        with serving(room.house.fed()) as origin, chromium(HERE[0]) as browser:
            broken = 0
            for path, wrong in photographed(browser, origin, room, shots):
                sys.stdout.write("\n  ".join([str(path.relative_to(ROOT)), *wrong]) + "\n")
                broken += len(wrong)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
