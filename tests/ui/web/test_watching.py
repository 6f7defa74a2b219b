"""What programs that watch the house ask of its pages. Issue "Always on", point 4."""

import asyncio
import json
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette

from storage.last_rounds import LastRounds
from storage.schedules import ROUND_SECONDS
from tests.desk.access_room import PASSWORD
from tests.ui.web.window import Window
from ui.web import watching
from ui.web.asgi import Edge
from ui.web.watching import ROUTES, Standing

ASKED = ("/health/live", "/health/ready", "/metrics")


def asked(path: str, host: str = "localhost:3000") -> httpx.Response:
    """What a server with these routes answers."""
    app = Starlette(routes=[*ROUTES])
    app.add_middleware(Edge)

    async def told() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.get(path)

    return asyncio.run(told())


def attended(window: Window) -> None:
    """A loop of this home made every round just now."""
    house = window.house
    now = house.clock.now()
    last = LastRounds(house.home, now, ROUND_SECONDS)
    for name in ROUND_SECONDS:
        last.note(name, now, now + timedelta(milliseconds=5), "done")


def needs(answer: httpx.Response) -> dict[str, str]:
    return {check["need"]: check["code"] for check in answer.json()["checks"] if not check["ok"]}


def test_a_house_is_ready_while_all_that_it_needs_is_there(window: Window) -> None:
    answer = asked("/health/ready")
    assert (answer.status_code, needs(answer)) == (503, {"loop": "LOOP_ABSENT"})
    attended(window)
    answer = asked("/health/ready")
    assert (answer.status_code, needs(answer)) == (200, {})
    assert (answer.json()["ready"], answer.json()["simulated"]) == (True, True)
    assert answer.headers["cache-control"] == "no-store"
    window.house.after(4_000)
    assert asked("/health/ready").status_code == 503


def test_without_its_store_a_house_lives_but_is_neither_ready_nor_counted(window: Window) -> None:
    attended(window)
    assert b"counterseal_log_records" in asked("/metrics").content
    database = window.house.settings.database_file
    database.rename(database.with_suffix(".gone"))
    assert asked("/health/live").json() == {"live": True}
    answer = asked("/health/ready")
    assert answer.status_code == 503
    assert needs(answer)["home"] == "DATABASE_MISSING"
    lines = asked("/metrics").text.splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["counterseal_up 0.0"]
    database.with_suffix(".gone").rename(database)
    assert asked("/health/ready").status_code == 200


def test_numbers_are_text_that_prometheus_reads(window: Window) -> None:
    attended(window)
    answer = asked("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "counterseal_up 1.0" in answer.text
    assert "counterseal_simulated 1.0" in answer.text
    assert "counterseal_loop_leads 1.0" in answer.text


@pytest.mark.parametrize("path", ASKED)
def test_who_asks_for_another_host_is_turned_away(window: Window, path: str) -> None:
    """As the pages are: a name that an attacker rebinds to this machine tells them nothing."""
    attended(window)
    answer = asked(path, "rebound.example")
    assert (answer.status_code, answer.text) == (403, "not this host")
    assert asked(path, "127.0.0.1:3000").status_code == 200


def test_nothing_that_is_answered_is_a_secret_a_name_or_a_place(window: Window) -> None:
    attended(window)
    house = window.house
    told = "".join(asked(path).text for path in ASKED)
    foreign = (PASSWORD, str(house.home), "researcher", "vkey", "acct-", "tenant-", "signal-")
    assert [word for word in foreign if word in told] == []


def test_a_change_of_readiness_is_told_once_in_the_log_of_the_pages(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = Standing()
    monkeypatch.setattr(watching, "_standing", lambda: standing)
    for _ in range(2):
        asked("/health/ready")
    attended(window)
    for _ in range(2):
        asked("/health/ready")
    text = (window.house.home / "log" / "pages.log").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["event"], line.get("codes")) for line in lines] == [
        ("not_ready", "LOOP_ABSENT"),
        ("ready", None),
    ]
