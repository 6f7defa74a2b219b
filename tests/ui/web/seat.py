"""People signed in once before a real server and a real browser, for all tests of a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, BrowserContext, StorageState

from tests.ui.web.showroom import Showroom
from tests.ui.web.web_room import HERE, chromium, opened, serving, signed_in


class Seat(NamedTuple):
    """A showroom that is served, a browser, and the door of everybody who signed in."""

    room: Showroom
    origin: str
    browser: Browser
    doors: dict[str, StorageState]

    def context(
        self,
        name: str = "researcher",
        *,
        width: int = 1440,
        height: int = 900,
        locale: str = "en-US",
        zone: str = "Asia/Taipei",
        scheme: Literal["light", "dark"] = "light",
    ) -> BrowserContext:
        """A fresh browser of somebody who is signed in."""
        return self.browser.new_context(
            viewport={"width": width, "height": height},
            storage_state=self.doors[name],
            locale=locale,
            timezone_id=zone,
            color_scheme=scheme,
        )


@contextmanager
def seated(room: Showroom, *names: str) -> Iterator[Seat]:
    """The showroom served, with these of its people signed in."""
    with serving(room.house) as origin, chromium(HERE[0]) as browser:
        yield Seat(room, origin, browser, {n: door(room, origin, browser, n) for n in names})


def door(room: Showroom, origin: str, browser: Browser, name: str | None) -> StorageState:
    """What a browser keeps of a sign-in, so that a one-time code is needed once for each person."""
    with browser.new_context() as context:
        page = context.new_page()
        opened(page, origin)
        if name is not None:
            signed_in(page, room.house, name)
        return context.storage_state()
