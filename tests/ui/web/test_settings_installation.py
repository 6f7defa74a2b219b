"""What an installation says of itself: home, window, and every setting with its source."""

import json

import pytest

from storage.settings import Settings
from tests.ui.web.window import Window, at_page, spoken, words
from ui.web import launch
from ui.web.place import SOURCES


def test_an_installation_tells_what_is_in_force_and_where_it_came_from(
    shared_window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI part 1 (effective settings with their source), TX-A2: secrets are not shown."""
    monkeypatch.setenv("APP_ENV", "desk")
    monkeypatch.setenv(
        "COUNTERSEAL_STAMP_URL", "https://ann:planted@stamps.example/tsa?key=planted"
    )
    monkeypatch.setenv("COUNTERSEAL_OUTSIDE", str(shared_window.house.home.parent / "outside"))
    monkeypatch.setenv("COUNTERSEAL_ENGINE_DATABASE", "postgresql://ann:planted@localhost/engine")
    at = at_page(shared_window.entered(), "settings", view="installation")
    said = words(at)
    for expected in (
        *("<dd>sqlite</dd>", str(shared_window.house.settings.database_file), "paper"),
        *("http://localhost:3000", "127.0.0.1:3000", "127.0.0.1, localhost"),
        *("<td>APP_ENV</td><td>desk</td><td>environment</td>", "https://stamps.example/tsa"),
        "<td>API_PORT</td><td>8000</td><td>default</td>",
        "<td>MAX_DAILY_LOSS_TWD</td><td>5000</td><td>policy in force</td>",
        "<td>COUNTERSEAL_DATABASE_URL</td><td>N/A, not set</td><td>default</td>",
        "<td>COUNTERSEAL_ENGINE_DATABASE</td><td>set, not shown</td><td>environment</td>",
        "<td>COUNTERSEAL_ENGINE_PORT</td><td>4200</td><td>default</td>",
        *("Asia/Taipei first, then UTC", "繁體中文"),
    ):
        assert expected in said, expected
    assert "planted" not in said
    assert "None" not in said
    assert "環境變數" in words(spoken(at))
    monkeypatch.setenv("COUNTERSEAL_ENGINE_PORT", "none")
    said = words(at.run())
    assert "無法讀取流程伺服器的設定" in said
    assert "SETTINGS_INVALID" in said
    assert not at.exception


def test_a_server_tells_the_sources_that_its_launcher_saw(
    shared_window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The launcher tells each place outright, so only it knows what was a default."""
    monkeypatch.delenv("COUNTERSEAL_POLICIES")
    origin = "http://localhost:3111"
    settings = Settings(web_port=3111)
    told = launch._environment(settings, origin, None)
    sources = json.loads(told[SOURCES])
    assert sources["WEB_PORT"] == "command_line"
    assert (sources["COUNTERSEAL_HOME"], sources["COUNTERSEAL_POLICIES"]) == (
        "environment",
        "default",
    )
    assert sources["COUNTERSEAL_WEB_ORIGIN"] == "default"
    monkeypatch.setenv(SOURCES, told[SOURCES])
    at = at_page(shared_window.entered(), "settings", view="installation")
    assert "<td>WEB_PORT</td><td>3000</td><td>command line</td>" in words(at)
