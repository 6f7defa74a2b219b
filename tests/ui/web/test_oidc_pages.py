"""Signing in by an identity provider, in a real browser with a real authorization-code flow."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from counterseal.identity.sessions import LoginSession, SessionStatus
from tests.storage.oidc_providers import mock_provider
from tests.ui.sealed_keys import seal_keys
from tests.ui.web.seat import Room, roomy
from tests.ui.web.test_passkey_pages import REASON, decide
from tests.ui.web.web_room import HERE, SETTLES_WITHIN_MS, WebHouse, opened, settled

ENTER = "Sign in with your organisation"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room | None]:
    if not HERE:
        yield None
        return
    folder: Path = tmp_path_factory.mktemp("oidc")
    (folder / "client").write_text("a-client-secret-for-tests\n", "utf-8")
    with mock_provider() as issuer:
        house = WebHouse(folder / "home", issuer)
        seal_keys(house, "researcher")
        officer = house.actor("officer-1")
        link = house.desk.accounts.link
        for subject, person in (("4711", "researcher"), ("4712", "risk")):
            house.done(link(issuer, subject, person, officer, key=house.key()))
        secret = {"COUNTERSEAL_OIDC_CLIENT_SECRET_FILE": str(folder / "client")}
        with roomy(house, secret) as told:
            yield told


def sessions(house: WebHouse, person_id: str) -> tuple[LoginSession, ...]:
    with house.store.reader() as reader:
        found = reader.find(LoginSession, person_id=person_id)
    return tuple(sorted(found, key=lambda session: session.opened_at))


def consented(page: Page, subject: str) -> dict[str, list[str]]:
    """Fill in the provider's form; what the pages had asked it for."""
    page.wait_for_url("**/oauth2/authorize**", timeout=SETTLES_WITHIN_MS)
    asked = parse_qs(urlsplit(page.url).query)
    page.locator("input[name=sub]").fill(subject)
    page.keyboard.press("Enter")
    page.wait_for_url("**localhost**", wait_until="domcontentloaded")
    settled(page)
    return asked


def entered(
    context: BrowserContext, origin: str, subject: str
) -> tuple[Page, dict[str, list[str]]]:
    page = context.new_page()
    opened(page, origin)
    page.get_by_role("button", name=ENTER).click()
    return page, consented(page, subject)


def test_a_provider_lets_in_whom_an_officer_linked_and_every_tab_ends_together(
    room: Room | None,
) -> None:
    """Test 14: explicit prompt, one session a token, cookies out of reach, log-out in tab 1."""
    if room is None:
        return
    house = room.house
    with room.browsers.fresh() as context:
        page, asked = entered(context, room.origin, "4711")
        expect(page.get_by_text("Signed in as researcher")).to_be_visible(timeout=SETTLES_WITHIN_MS)
        assert (asked["prompt"], asked["scope"]) == (["login"], ["openid"])
        assert "max_age" not in asked
        second = context.new_page()
        opened(second, f"{room.origin}/approvals")
        expect(second.get_by_text("Signed in as researcher")).to_be_visible()
        [session] = sessions(house, "researcher")
        assert (session.status, session.token_digest is not None) == (SessionStatus.OPEN, True)
        flags = {c["name"]: (c["httpOnly"], c["sameSite"]) for c in context.cookies()}
        assert flags["_streamlit_user"] == flags["_streamlit_user_tokens"] == (True, "Lax")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="End session").click(timeout=SETTLES_WITHIN_MS)
        expect(page.get_by_role("button", name=ENTER)).to_be_visible(timeout=SETTLES_WITHIN_MS)
        expect(second.get_by_text("Signed out")).to_be_visible(timeout=SETTLES_WITHIN_MS)
        opened(second, room.origin)
        expect(second.get_by_text("Signed in as")).to_have_count(0)
    assert [s.status for s in sessions(house, "researcher")] == [SessionStatus.CLOSED]


def test_a_stranger_of_the_provider_stays_out(room: Room | None) -> None:
    """Governance 5: claims grant no identity here; a reload asks no second time."""
    if room is None:
        return
    with room.browsers.fresh() as context:
        page, _ = entered(context, room.origin, "somebody@example.com")
        expect(page.get_by_text("Signed out")).to_be_visible(timeout=SETTLES_WITHIN_MS)
    assert ("login.refused", "ACCOUNT_UNKNOWN") in room.house.told()


def test_a_draft_survives_the_way_to_the_provider(room: Room | None) -> None:
    """Test 14: the second provider is asked for a fresh proof (max_age in the address); the
    verdict and the words are back afterwards; somebody else at the keyboard ends it.
    """
    if room is None:
        return
    house, request_id = room.house, room.house.asked()
    with room.browsers.fresh() as context:
        page, _ = entered(context, room.origin, "4711")
        opened(page, f"{room.origin}/request?id={request_id}")
        decide(page, "Needs data")
        asked = sent_away(page, "4711")
        assert (asked["max_age"], asked["prompt"]) == (["0"], ["login"])
        expect(page.get_by_label("Reason")).to_have_value(REASON, timeout=SETTLES_WITHIN_MS)
        expect(page.get_by_role("radio", name="Needs data")).to_be_checked()
        assert f"id={request_id}" in page.url
        session = sessions(house, "researcher")[-1]
        assert session.step_up_digest not in {None, session.token_digest}
        sent_away(page, "4712")
        expect(page.get_by_text("Signed out")).to_be_visible(timeout=SETTLES_WITHIN_MS)
    assert ("step_up.refused", "USER_SWITCHED") in house.told()


def sent_away(page: Page, subject: str) -> dict[str, list[str]]:
    """Wait until a fresh proof is asked for, and give it as somebody."""
    again = page.get_by_role("button", name="Confirm it is you")
    verdicts = [page.get_by_role("radio", name=name) for name in ("Reject", "Needs data")]
    for place in range(40):
        if again.count():
            break
        page.wait_for_timeout(500)
        verdicts[place % 2].check(force=True)
        settled(page)
    verdicts[1].check(force=True)
    settled(page)
    again.click()
    return consented(page, subject)
