"""Browsers before a real server: people signed in once for all tests of a file, and strangers.

A browser that was left is emptied for the next one of its looks, but for the scripts that every
page loads: to read them again costs several times what a page costs. One tab without a page keeps
them.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Literal, NamedTuple, TypedDict, Unpack

from playwright.sync_api import Browser, BrowserContext, StorageState

from tests.ui.web.forked import served
from tests.ui.web.showroom import Showroom
from tests.ui.web.web_room import HERE, WebHouse, chromium, opened, signed_in

EMPTY: Final[StorageState] = {"cookies": [], "origins": []}


class Looks(TypedDict, total=False):
    """How a browser differs from one on a table in Taipei that speaks English."""

    width: int
    height: int
    locale: str
    zone: str
    scheme: Literal["light", "dark"]


class Browsers:
    """Browsers before one server, each of them empty when somebody gets it."""

    def __init__(self, chromium: Browser, origin: str) -> None:
        self._chromium = chromium
        self._origin = origin
        self._left: dict[str, list[BrowserContext]] = {}

    @contextmanager
    def fresh(
        self, state: StorageState | None = None, **looks: Unpack[Looks]
    ) -> Iterator[BrowserContext]:
        """A browser that knows nobody, or that keeps what another one kept of a sign-in."""
        left = self._left.setdefault(repr(sorted(looks.items())), [])
        context = left.pop() if left else self._made(state or EMPTY, **looks)
        context.set_storage_state(state or EMPTY)
        yield context
        for page in context.pages[1:]:
            page.close()
        context.clear_permissions()
        left.append(context)

    def _made(
        self,
        state: StorageState,
        width: int = 1440,
        height: int = 900,
        locale: str = "en-US",
        zone: str = "Asia/Taipei",
        scheme: Literal["light", "dark"] = "light",
    ) -> BrowserContext:
        """A new one; it knows its state at once: its first page is given a name where it has none.

        The answer to what that page asks for by itself, such as an icon, may come much later.
        """
        context = self._chromium.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            timezone_id=zone,
            color_scheme=scheme,
            storage_state=state,
        )
        context.new_page().goto(f"{self._origin}/healthz")
        return context


class Room(NamedTuple):
    """A house whose pages are open."""

    house: WebHouse
    origin: str
    browsers: Browsers


@contextmanager
def roomy(
    house: WebHouse, more: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[Room]:
    """The house served, and browsers before it."""
    with served(house, more, port) as origin, chromium(HERE[0]) as browser:
        yield Room(house, origin, Browsers(browser, origin))


class Seat(NamedTuple):
    """A showroom that is served, and the door of everybody who signed in."""

    room: Showroom
    origin: str
    browsers: Browsers
    doors: dict[str, StorageState]

    def context(
        self, name: str = "researcher", **looks: Unpack[Looks]
    ) -> AbstractContextManager[BrowserContext]:
        """A fresh browser of somebody who is signed in."""
        return self.browsers.fresh(self.doors[name], **looks)


@contextmanager
def seated(shown: Showroom, *names: str) -> Iterator[Seat]:
    """The showroom served, with these of its people signed in."""
    with roomy(shown.house) as (_, origin, browsers):
        seat = Seat(shown, origin, browsers, {})
        for name in names:
            with browsers.fresh() as context:
                seat.doors[name] = door(shown, origin, context, name)
        yield seat


def door(room: Showroom, origin: str, context: BrowserContext, name: str | None) -> StorageState:
    """What a browser keeps of a sign-in, so that a one-time code is needed once for each person."""
    page = context.new_page()
    opened(page, origin)
    if name is not None:
        signed_in(page, room.house, name)
    return context.storage_state()
