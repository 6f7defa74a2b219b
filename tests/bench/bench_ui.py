"""Pages of a home with a long history, and twenty people at work in them at once.

The history is made up of copies of real cases (`tests.bench.big_home`): 2,000 requests and a log of
20,000 records, unless COUNTERSEAL_BENCH_UI_REQUESTS and COUNTERSEAL_BENCH_UI_RECORDS name other
sizes. The bars are meant for 100000 and 1000000, which take some minutes and 5 GB to make; there
page 40,000 of the log exists.

Page scripts run in a tab without a browser, in processor milliseconds, the store's answers and the
tab's own work with them; the floor is a page of the same frame that shows nothing. A server keeps
the compiled script of its pages, so it is kept here too.

The twenty are tabs of four people who speak to a real server over its socket as a browser does:
each clicks every ten seconds, from page to page, and has its live part redrawn every five.
The same clicks without any pause tell what the server can do. Nothing draws what they are told, so
what a browser adds to a click is not in it.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple
from unittest import mock

from pydantic import SecretStr
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest
from websockets.asyncio.client import ClientConnection, connect

from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.access import Secrets
from storage.gauge_text import gauge_text
from storage.system import ReplayClock
from storage.window_notes import WindowNotes, window_notes_file
from tests.bench.big_home import big_home
from tests.bench.measure import Measurement, percentile
from tests.desk.access_room import PASSWORD
from tests.ground import derived_once
from tests.ui.web.web_room import WebHouse, serving
from tests.ui.web.window import APP
from ui.web import house as pages
from ui.web.place import browser_cookie
from ui.web.visit import GO_TO

REQUESTS: Final = int(os.environ.get("COUNTERSEAL_BENCH_UI_REQUESTS", "2000"))
RECORDS: Final = int(os.environ.get("COUNTERSEAL_BENCH_UI_RECORDS", "20000"))
RUNS: Final = 7
PEOPLE: Final = ("researcher", "risk", "operator", "quant")
TABS: Final = 20
CLICKS: Final = 4
LOG_ROWS: Final = 15
DEEP: Final = 40_000
SCRIPT_MS: Final = 150.0
FAST_MS: Final = 50.0
DEEP_MS: Final = 2_000.0
SESSION_MB: Final = 0.5
PAUSE: Final = 10.0
CLICK_SECONDS: Final = 1.5
EMPTY: Final = "record"
"""The page that shows nothing while the others are measured."""


class Shown(NamedTuple):
    """A page as it is asked for, and its bar in milliseconds."""

    name: str
    page: str
    params: Mapping[str, str]
    bar: float = SCRIPT_MS


def shown(deep: int) -> tuple[Shown, ...]:
    """Every page that is measured; `deep` is the page of the log."""
    return (
        Shown("queue", "approvals", {}, FAST_MS),
        Shown("queue, every request", "approvals", {"show": "all"}, FAST_MS),
        Shown("home", "home", {}),
        Shown("research", "research", {}),
        Shown("research, signals", "research", {"view": "signals"}),
        Shown("audit", "audit", {}, FAST_MS),
        Shown(f"audit, page {deep:,}", "audit", {"page": str(deep)}, DEEP_MS),
        Shown("evidence", "evidence", {}),
        Shown("orders", "orders", {}),
        Shown("orders, those done", "orders", {"view": "done"}),
    )


def measure(folder: Path) -> list[Measurement]:
    """Page scripts, then a server with twenty tabs."""
    house = big_home(folder, REQUESTS, RECORDS)
    deep = min(DEEP, -(-RECORDS // LOG_ROWS))
    with mock.patch.dict(os.environ, house.environment()), kept_script():
        scripts = list(_scripts(house, deep))
    return [*scripts, _scraped(house), *_served(house)]


@contextmanager
def kept_script() -> Iterator[None]:
    """The compiled script of the pages stays, as it does in a server."""
    compiled = lru_cache(ScriptCache.get_bytecode)
    whole = ScriptCache()
    with mock.patch.object(ScriptCache, "get_bytecode", lambda _, path: compiled(whole, path)):
        yield


def _scripts(house: WebHouse, deep: int) -> Iterator[Measurement]:
    from ui.web import pages as map_of_pages  # noqa: PLC0415 - it reads the settings of this home

    clock = ReplayClock(house.clock.now())
    empty = tuple(p._replace(show=_nothing) if p.name == EMPTY else p for p in map_of_pages.MAP)
    with (
        mock.patch.object(pages, "CLOCK", clock),
        derived_once,
        mock.patch.object(map_of_pages, "MAP", empty),
    ):
        at = _entered(house, clock)
        every = [Shown("", EMPTY, {}), *shown(deep)]
        floor, *found = (_milliseconds(at, one) for one in every)
    for one, spent in zip(shown(deep), found, strict=True):
        yield Measurement(one.name, spent, "ms", "empty page", floor, bar=one.bar)


def _scraped(house: WebHouse) -> Measurement:
    """What a scrape of the metrics costs, asked for before as a scraper does each minute."""
    spent = []
    for _ in range(RUNS):
        start = time.process_time()
        assert b"counterseal_log_records" in gauge_text(house.settings, house.clock.now())
        spent.append((time.process_time() - start) * 1000)
    return Measurement("metrics", statistics.median(spent), "ms", bar=FAST_MS)


def _nothing() -> None:
    """A page of the frame alone."""


def _entered(house: WebHouse, clock: ReplayClock) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=120).run()
    at.session_state["session_id"] = _session(house, PEOPLE[0], clock)
    return at.run()


def _session(house: WebHouse, name: str, clock: ReplayClock) -> str:
    """A login of now."""
    account = house.accounts[name]
    code = SecretStr(account.codes.at(clock.now()))
    secrets = Secrets(password=SecretStr(PASSWORD), code=code, source="bench")
    login = house.desk.access.log_in(account.account_id, secrets, key=house.key())
    assert login.session is not None, login.refusal
    return login.session.session_id


def _milliseconds(at: AppTest, one: Shown) -> float:
    """Median processor milliseconds of a page that was drawn before."""
    for page, params in ((EMPTY, {}), (one.page, one.params)):
        at.session_state[GO_TO] = (page, params)
        at.run()
    assert not at.exception, at.exception
    spent = []
    for _ in range(RUNS):
        start = time.process_time()
        at.run()
        spent.append(time.process_time() - start)
    return statistics.median(spent) * 1000


def _served(house: WebHouse) -> Iterator[Measurement]:
    """What another tab costs, and how long a click takes among twenty tabs that click at once."""
    house.after(30)
    house.tick()
    notes = WindowNotes(window_notes_file(house.settings.counterseal_home))
    sessions = [_session(house, name, house.clock) for name in PEOPLE]
    handles = [f"{place:043d}" for place in range(TABS)]
    for place, handle in enumerate(handles):
        notes.bind(handle, sessions[place % len(sessions)], house.clock.now())
    with house.store.reader() as reader:
        case = reader.newest(ApprovalRequest, "created_at", 1)[0].approval_request_id
    with serving(house) as origin:
        told = asyncio.run(_at_once(origin, handles, case))
    grown = (told.full - told.first) / (TABS - 1) / 1024
    yield Measurement("memory of a further tab", grown, "MB", bar=SESSION_MB)
    floor, paced = ("one tab, median", statistics.median(told.alone)), told.paced
    name = f"a click, {TABS} tabs at once, p95"
    yield Measurement(name, percentile(paced, 0.95), "s", *floor, bar=CLICK_SECONDS)
    yield Measurement(f"{name}, no pause", percentile(told.together, 0.95), "s", *floor)


class Told(NamedTuple):
    """Seconds of each click; kB of the server with one tab and with all.

    Attributes:
        alone: Of the only tab.
        paced: Of all, with pauses.
        together: Of all, without any.
    """

    alone: list[float]
    paced: list[float]
    together: list[float]
    first: int
    full: int


async def _at_once(origin: str, handles: list[str], case: str) -> Told:
    tabs = [Tab(origin, handle) for handle in handles]
    try:
        for tab in tabs[:1]:
            await tab.open()
        alone = await _clicks(tabs[0], case)
        first = _resident_kb()
        for tab in tabs[1:]:
            await tab.open()
            await tab.to("approvals")
        full = _resident_kb()
        now = time.perf_counter()
        paced = await asyncio.gather(
            *(_clicks(t, case, now + n * PAUSE / TABS, PAUSE) for n, t in enumerate(tabs))
        )
        together = await asyncio.gather(*(_clicks(tab, case) for tab in tabs))
    finally:
        for tab in tabs:
            await tab.close()
    return Told(alone, [*chain(*paced)], [*chain(*together)], first, full)


async def _clicks(tab: "Tab", case: str, began: float = 0.0, pause: float = 0.0) -> list[float]:
    """From the queue to a case and on; with a pause, of which two redraws take a part, or none."""
    way = [("approvals", ""), ("request", f"id={case}"), ("home", ""), ("audit", "")]
    spent = []
    for place in range(CLICKS):
        for share in (0.25, 0.75, 1.0) if pause else ():
            await asyncio.sleep(began + (place + share) * pause - time.perf_counter())
            if share < 1:
                await tab.redraw()
        spent.append(await tab.to(*way[place % len(way)]))
    return spent


class Tab:
    """One tab of a browser that is known by its handle, without the browser.

    Args:
        origin: Of the pages.
        handle: What the browser's cookie says.
    """

    def __init__(self, origin: str, handle: str) -> None:
        self._origin, self._handle = origin, handle
        self._socket: ClientConnection | None = None
        self._places: dict[str, str] = {}
        self._here, self._live = "", ""

    async def open(self) -> None:
        """Connect, and have the first page drawn."""
        self._socket = await connect(
            f"{self._origin.replace('http', 'ws', 1)}/_stcore/stream",
            origin=self._origin,  # type: ignore[arg-type]  # a NewType of the client
            additional_headers={"Cookie": f"{browser_cookie(self._origin)}={self._handle}"},
            subprotocols=["streamlit"],  # type: ignore[list-item]  # as above
            max_size=None,
        )
        await self.to("")
        assert "approvals" in self._places, "nobody is in"

    async def to(self, page: str, query: str = "") -> float:
        """Seconds until a page is drawn whole."""
        self._here, self._live = self._places.get(page, ""), ""
        return await self._drawn(query)

    async def redraw(self) -> None:
        """Have the live part of the page drawn anew, when it has one."""
        if self._live:
            await self._drawn("", self._live)

    async def _drawn(self, query: str, fragment: str = "") -> float:
        assert self._socket is not None
        asked = BackMsg()
        asked.rerun_script.query_string = query
        asked.rerun_script.page_script_hash = self._here
        if fragment:
            asked.rerun_script.fragment_id = fragment
        start = time.perf_counter()
        await self._socket.send(asked.SerializeToString())
        while not self._is_last(await self._socket.recv()):
            pass
        return time.perf_counter() - start

    def _is_last(self, content: str | bytes) -> bool:
        assert isinstance(content, bytes)
        message = ForwardMsg.FromString(content)
        kind = message.WhichOneof("type")
        if kind == "navigation":
            for one in message.navigation.app_pages:
                self._places["home" if one.is_default else one.url_pathname] = one.page_script_hash
        if kind == "auto_rerun":
            self._live = message.auto_rerun.fragment_id
        assert kind != "delta" or not message.delta.new_element.HasField("exception"), message
        return str(kind) == "script_finished"

    async def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            await self._socket.close()


def _resident_kb() -> int:
    """Resident memory of the programs that this one started, and of those that they started, kB."""
    told: dict[int, tuple[int, int]] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it has ended since
            lines = (line.partition(":\t") for line in status.read_text().splitlines())
            one = {name: value for name, _, value in lines}
            told[int(one["Pid"])] = (int(one["PPid"]), int(one.get("VmRSS", "0 kB").split()[0]))
    mine, before = {os.getpid()}, 0
    while len(mine) > before:
        before = len(mine)
        mine |= {one for one, (parent, _) in told.items() if parent in mine}
    return sum(told[one][1] for one in mine - {os.getpid()})
