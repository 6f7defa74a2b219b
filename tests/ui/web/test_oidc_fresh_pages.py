"""A fresh proof before a signature, by a provider that asks for it: real browser, real provider."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, StorageState, expect

from counterseal.identity.sessions import LoginSession
from flows.engine import free_port
from storage.system import MachineClock
from tests.ground import SECRET
from tests.storage.oidc_providers import HAS_PROVIDER, strict_provider, told_when_absent
from tests.ui.sealed_keys import seal_keys
from tests.ui.web.seat import Browsers, roomy
from tests.ui.web.test_oidc_pages import ENTER, sessions
from tests.ui.web.test_passkey_pages import REASON, decide, decisions
from tests.ui.web.web_room import (
    HERE,
    SETTLES_WITHIN_MS,
    WebHouse,
    opened,
    settled,
)

CONFIRM = "Confirm it is you"
PASSPHRASE = "Passphrase of your key file"
AT_PROVIDER = "http://127.0.0.1:*/**"
COUNTS_SECONDS = 25
"""A proof is old while a test runs, and lasts from the provider's form to the signature."""


class Room(NamedTuple):
    """A house whose pages are open, and what browsers keep of the people who entered by now."""

    house: WebHouse
    origin: str
    browsers: Browsers
    doors: dict[str, StorageState]


def test_a_provider_that_did_not_run_is_named(request: pytest.FixtureRequest) -> None:
    """Test 14: an absent provider is a notice, never a silent pass."""
    told_when_absent(request)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room | None]:
    if not (HERE and HAS_PROVIDER):
        yield None
        return
    folder: Path = tmp_path_factory.mktemp("fresh")
    (folder / "client").write_text("a-client-secret-for-tests\n", "utf-8")
    port = free_port()
    with strict_provider(f"http://localhost:{port}/oauth2callback") as issuer:
        house = WebHouse(folder / "home", issuer, proof_counts=COUNTS_SECONDS)
        seal_keys(house, "researcher", "compliance")
        officer = house.actor("officer-1")
        link = house.desk.accounts.link
        for person in ("researcher", "risk", "compliance"):
            house.done(link(issuer, f"{person}@desk", person, officer, key=house.key()))
        secret = {"COUNTERSEAL_OIDC_CLIENT_SECRET_FILE": str(folder / "client")}
        with roomy(house, secret, port) as (_, origin, browsers):
            yield Room(house, origin, browsers, entered_by_two(browsers, origin))


def at_provider(page: Page, person: str) -> int:
    """Fill in every form that the provider shows, until the pages are back; how many it showed."""
    shown = 0
    page.wait_for_url(AT_PROVIDER, wait_until="domcontentloaded")
    while page.url.startswith("http://127.0.0.1:"):
        login = page.locator("input[name=login]")
        if login.count():
            shown += 1
            login.fill(f"{person}@desk")
            page.locator("input[name=password]").fill("any")
        with page.expect_navigation(wait_until="domcontentloaded"):
            page.locator("button[type=submit]").click()
    settled(page)
    return shown


def entered_by_two(browsers: Browsers, origin: str) -> dict[str, StorageState]:
    """At the same time, so that their proofs grow old together."""
    doors = {}
    for person in ("researcher", "compliance"):
        with browsers.fresh() as context:
            page = context.new_page()
            opened(page, origin)
            page.get_by_role("button", name=ENTER).click()
            at_provider(page, person)
            told = page.get_by_text(f"Signed in as {person}")
            expect(told).to_be_visible(timeout=SETTLES_WITHIN_MS)
            doors[person] = context.storage_state()
    return doors


def newest(house: WebHouse, person: str) -> LoginSession:
    return sessions(house, person)[-1]


def confirm(page: Page, house: WebHouse, person: str) -> None:
    """Wait until the proof of the login is too old, and ask for a fresh one."""
    age = (MachineClock().now() - newest(house, person).auth_time).total_seconds()
    page.wait_for_timeout(1000 * max(0, COUNTS_SECONDS + 1 - age))
    for verdict in ("Reject", "Needs data"):
        page.get_by_role("radio", name=verdict).check(force=True)
        settled(page)
    expect(page.get_by_label(PASSPHRASE)).to_have_count(0)
    page.get_by_role("button", name=CONFIRM).click()


def test_the_form_comes_back_and_only_then_can_be_signed(room: Room | None) -> None:
    """Test 14, governance 5 (step-up): the provider remembers the login and asks again all the
    same; `auth_time` moves, the words are back, and the decision is signed under the fresh proof.
    """
    if room is None:
        return
    house, request_id = room.house, room.house.asked()
    with room.browsers.fresh(room.doors["researcher"]) as context:
        page = context.new_page()
        opened(page, f"{room.origin}/request?id={request_id}")
        decide(page, "Needs data")
        before = newest(house, "researcher")
        confirm(page, house, "researcher")
        assert at_provider(page, "researcher") == 1
        expect(page.get_by_label("Reason")).to_have_value(REASON, timeout=SETTLES_WITHIN_MS)
        after = newest(house, "researcher")
        page.get_by_label(PASSPHRASE).fill(SECRET)
        page.get_by_role("button", name="Sign: needs data").click()
        expect(page.get_by_text("Signed: needs data")).to_be_visible(timeout=SETTLES_WITHIN_MS)
    assert after.session_id == before.session_id
    assert after.step_up_digest not in {None, after.token_digest}
    assert (after.auth_time - before.auth_time).total_seconds() > COUNTS_SECONDS
    [decision] = decisions(house, request_id)
    assert decision.reviewer_id == "researcher"
    assert 0 <= (decision.decided_at - after.auth_time).total_seconds() <= COUNTS_SECONDS


def test_who_turns_back_at_the_form_or_is_somebody_else_signs_nothing(room: Room | None) -> None:
    """Test 14: who gives up at the provider is back at the request, with words and login as they
    were and nothing signed; another person who fills in the form ends what was open.
    """
    if room is None:
        return
    house, request_id = room.house, room.house.asked()
    with room.browsers.fresh(room.doors["compliance"]) as context:
        page = context.new_page()
        opened(page, f"{room.origin}/request?id={request_id}")
        decide(page, "Needs data")
        before = newest(house, "compliance")
        confirm(page, house, "compliance")
        page.wait_for_url(AT_PROVIDER, wait_until="domcontentloaded")
        page.get_by_role("link", name="Cancel").click()
        page.wait_for_url(f"{room.origin}/**", wait_until="domcontentloaded")
        expect(page.get_by_text("REAUTH_REQUIRED").first).to_be_visible(timeout=SETTLES_WITHIN_MS)
        settled(page)
        assert f"id={request_id}" in page.url
        expect(page.get_by_label("Reason")).to_have_value(REASON, timeout=SETTLES_WITHIN_MS)
        assert newest(house, "compliance").auth_time == before.auth_time
        page.get_by_role("button", name=CONFIRM).click()
        at_provider(page, "risk")
        expect(page.get_by_text("Signed out")).to_be_visible(timeout=SETTLES_WITHIN_MS)
    assert ("step_up.refused", "USER_SWITCHED") in house.told()
    assert decisions(house, request_id) == ()
