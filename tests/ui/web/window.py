"""A tab without a browser: what a page says, what can be pressed, and the house behind it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.desk.access_room import PASSWORD, Name
from tests.ui.sealed_keys import seal_keys
from tests.ui.web.web_room import WebHouse
from ui.web import house as pages
from ui.web.wording import CHOSEN, Language

APP = str(Path(__file__).parents[3] / "ui" / "web" / "app.py")


class Window:
    """A tab of somebody, and the house behind it; both have one clock."""

    def __init__(self, house: WebHouse) -> None:
        self.house = house
        self.names: dict[str, Name] = {}

    def tab(self) -> AppTest:
        return AppTest.from_file(APP, default_timeout=30).run()

    def entered(self, name: str = "researcher") -> AppTest:
        if name not in self.names:
            self.names[name] = self.house.named(name)
        at = self.tab()
        at.text_input(key="name").set_value(self.names[name].account_id)
        at.text_input(key="password").set_value(PASSWORD)
        at.text_input(key="code").set_value(self.codes(name))
        return pressed(at, "Sign in")

    def codes(self, name: str) -> str:
        self.house.after(30)
        return str(self.names[name].codes.at(self.house.clock.now()))


@contextmanager
def window_at(
    home: Path, patch: pytest.MonkeyPatch, made: Callable[[Path], WebHouse] = WebHouse
) -> Iterator[Window]:
    """A house of now, and the pages in its place and at its time."""
    house = made(home)
    seal_keys(house, "researcher", "risk")
    for name, value in house.environment().items():
        patch.setenv(name, value)
    patch.setattr(pages, "CLOCK", house.clock)
    pages._opened.clear()
    yield Window(house)
    pages._opened.clear()


def pressed(at: AppTest, label: str) -> AppTest:
    [button] = [b for b in at.button if b.label == label]
    return button.click().run()


def at_page(at: AppTest, page: str, **params: str) -> AppTest:
    at.session_state["go_to"] = (page, params)
    return at.run()


def at_request(at: AppTest, request_id: str) -> AppTest:
    return at_page(at, "request", id=request_id)


def words(at: AppTest) -> str:
    """Everything that a page says."""
    kinds = (at.title, at.header, at.text, at.caption, at.markdown, at.error, at.success, at.code)
    told = [str(one.value) for kind in kinds for one in kind]
    drawn = [str(one.proto.body) for one in at.get("html")]
    return "\n".join(told + [html for html in drawn if not html.startswith("<style")])


def spoken(at: AppTest, language: Language = Language.CHINESE) -> AppTest:
    """The same tab in another language."""
    at.session_state[CHOSEN] = language.value
    return at.run()


def links(at: AppTest) -> list[str]:
    """What every link to another page says."""
    return [link.proto.label for link in at.get("page_link")]


def labels(at: AppTest) -> dict[str, bool]:
    """Every button and whether it can be used."""
    return {button.label: not button.disabled for button in at.button}
