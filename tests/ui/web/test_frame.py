"""What stands around every page: who sees it, in which language, and what without a store."""

import sqlite3
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.policy.words import Role
from tests.ui.web.window import Window, at_page, labels, links, pressed, spoken, words
from ui.web import pages
from ui.web.live import EVERY_SECONDS
from ui.web.pages import MAP, Place
from ui.web.views import settings
from ui.web.wording import Language


def test_a_language_is_chosen_once_and_kept_over_pages_and_sign_ins(window: Window) -> None:
    """TX-B7: by the person, for every tab and every later sign-in."""
    at = window.entered()
    at.segmented_control(key="tongue").set_value(Language.CHINESE)
    at = at.run()
    assert "等您處理的事" in words(at)
    assert "核准" in words(at_page(at, "approvals"))
    again = window.entered()
    assert "等您處理的事" in words(again)
    assert not again.exception


@pytest.fixture(scope="module")
def tab(shared_window: Window) -> AppTest:
    """Of somebody who looks at one page after the other."""
    return shared_window.entered("quant")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("place", [p.name for p in MAP if p.within is None])
def test_every_page_is_drawn_for_everybody_without_an_error(
    place: str, language: Language, tab: AppTest
) -> None:
    """TX-B10, UI-18: title, scope and the three paper badges; nothing says None."""
    at = spoken(at_page(tab, place), language)
    said, marks = words(at), " ".join(links(at))
    assert not at.exception
    assert ("Paper mode" in marks, "Live off" in marks) == (language is Language.ENGLISH,) * 2
    assert "None" not in said
    assert "nan" not in said.split()


def test_a_page_of_another_role_is_not_shown_and_says_who_can(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI part 1: opened directly it names the role and the people; the desk refuses in any case."""
    place = Place("settings", settings.show, roles=frozenset({Role.OPERATOR}))
    changed = tuple(place if one.name == "settings" else one for one in MAP)
    monkeypatch.setattr(pages, "MAP", changed)
    at = at_page(window.entered(), "settings")
    said = words(at)
    assert "Not for your role" in said
    assert "Who can use it: operator." in said
    assert "Your keys" not in said
    assert "Your keys" in words(at_page(window.entered("operator"), "settings"))


def test_a_page_that_redraws_itself_is_no_sign_of_life(window: Window) -> None:
    """Governance 5: an open tab does not keep a login from idling out."""
    at = window.entered()
    session_id, sessions = at.session_state["session_id"], window.house.desk.sessions
    looked = partial(sessions.resume, session_id, sign_of_life=False)
    codes = set()
    for _ in range(900 // EVERY_SECONDS):
        window.house.after(EVERY_SECONDS)
        codes.add(getattr(looked(key=window.house.key()), "code", ""))
    assert codes == {"", "SESSION_IDLE"}


def test_a_store_that_fails_and_comes_back_recovers_by_itself(window: Window) -> None:
    """UI-23: since when, in the language of the tab, and nothing of the page beneath it."""
    at = spoken(at_page(window.entered(), "approvals"))
    database = window.house.settings.database_file
    database.rename(database.with_suffix(".gone"))
    at = at.run()
    assert "無法連線到資料庫" in words(at)
    assert "登出" not in labels(at)
    database.with_suffix(".gone").rename(database)
    assert "無法連線到資料庫" not in words(at.run())
    assert pressed(at, "登出")


def test_a_page_that_fails_while_it_is_drawn_leaves_nothing_of_itself(window: Window) -> None:
    """UI-23: half a page is no page; the failure stands alone, and the page comes back."""
    at = window.entered()
    with sqlite3.connect(window.house.settings.database_file) as database:
        database.execute("ALTER TABLE accounts RENAME TO gone")
        at = at_page(at, "portfolio")
        assert "Can't reach the store" in words(at)
        assert [one.value for one in at.title] == ["Can't reach the store"]
        database.execute("ALTER TABLE gone RENAME TO accounts")
    assert "Can't reach the store" not in words(at.run())
