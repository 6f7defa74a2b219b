"""Somebody who has passkeys and no key file: the first, the second, and a signature with either."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from counterseal.desk.approvals import case_stream
from counterseal.desk.people import active_keys
from counterseal.policy.words import DecisionWord, Role
from tests.ui.sealed_keys import seal_keys
from tests.ui.web.seat import Room, roomy
from tests.ui.web.test_passkey_pages import REASON, both_officers_sign, decide, decisions
from tests.ui.web.web_room import (
    HERE,
    SETTLES_WITHIN_MS,
    WebHouse,
    choose,
    opened,
    settled,
    signed_in,
    with_passkeys,
)

NAME = "nina"
PROPOSED = "Your passkey is proposed"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room | None]:
    if not HERE:
        yield None
        return
    folder: Path = tmp_path_factory.mktemp("second")
    house = WebHouse(folder / "home")
    house.done(house.desk.people.add(house.person(NAME), house.actor("officer-1"), key=house.key()))
    house.done(house.granted(NAME, Role.RESEARCH_REVIEWER))
    seal_keys(house)
    house.accounts[NAME] = house.named(NAME)
    with roomy(house) as told:
        yield told


def keys(house: WebHouse) -> list[str]:
    """Of the person, in the order in which they came into force."""
    with house.store.reader() as reader:
        mine = active_keys(reader, NAME)
    return [key.key_id for key in sorted(mine, key=lambda key: key.effective_at)]


def add(page: Page, origin: str) -> None:
    opened(page, f"{origin}/settings")
    page.get_by_role("button", name="Add a passkey").click()


def proposed(page: Page, house: WebHouse) -> None:
    """The page says so, and two officers sign."""
    expect(page.get_by_text(PROPOSED)).to_be_visible(timeout=SETTLES_WITHIN_MS)
    settled(page)
    both_officers_sign(house, NAME)


def by_the_older(page: Page) -> None:
    page.get_by_role("radio", name="Passkey").nth(1).check(force=True)
    page.wait_for_timeout(500)
    settled(page)


def reasoned(page: Page) -> None:
    page.get_by_label("Reason").fill(REASON)
    page.get_by_label("Reason").blur()
    settled(page)


def signs(page: Page, origin: str, house: WebHouse, *, older: bool = False) -> str:
    """A rejection by the passkey that the page offers, or by the one behind it; the key's id."""
    request_id = house.asked()
    opened(page, f"{origin}/request?id={request_id}")
    decide(page, "Reject")
    if older:
        by_the_older(page)
    page.get_by_role("button", name="Sign: reject").click()
    expect(page.get_by_text("Signed: reject")).to_be_visible(timeout=SETTLES_WITHIN_MS)
    [decision] = decisions(house, request_id)
    assert (decision.reviewer_id, decision.key_class) == (NAME, 3)
    return decision.key_id


def drilled(page: Page, house: WebHouse) -> None:
    """A drill, answered by the only key that this person has."""
    page.get_by_role("button", name="Sign a drill").click()
    told = page.get_by_text("Your signature is on record.")
    expect(told).to_be_visible(timeout=SETTLES_WITHIN_MS)
    [(key_id,)] = house.rows(
        "SELECT json_extract(body, '$.approver_sig.key_id') FROM audit_records"
        " WHERE type = 'key.drilled' AND json_extract(body, '$.subject.id') = ?",
        NAME,
    )
    assert key_id == keys(house)[0]


def signs_two_at_once(page: Page, origin: str, house: WebHouse) -> list[str]:
    """Two approvals under one signature of the older passkey; the requests."""
    ids = [house.asked(), house.asked()]
    opened(page, f"{origin}/bulk")
    for place in range(2):
        page.get_by_role("checkbox").nth(place).check(force=True)
        settled(page)
    choose(page, "Approve")
    reasoned(page)
    by_the_older(page)
    page.get_by_role("button", name="Sign 2 decisions").click()
    expect(page.get_by_text("2 of 2 signed")).to_be_visible(timeout=SETTLES_WITHIN_MS)
    made = [one for name in ids for one in decisions(house, name)]
    assert [one.key_id for one in made] == [keys(house)[0]] * 2
    return ids


def revokes(page: Page, origin: str, house: WebHouse, request_id: str) -> None:
    """An approval that the person signed, ended by the older passkey."""
    house.tick()
    house.done(house.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER))
    opened(page, f"{origin}/request?id={request_id}")
    page.get_by_role("button", name="Revoke the approval").click()
    settled(page)
    reasoned(page)
    by_the_older(page)
    page.get_by_role("button", name="Prepare the revocation").click()
    expect(page.get_by_text("Revoked").first).to_be_visible(timeout=SETTLES_WITHIN_MS)
    [(key_id,)] = house.rows(
        "SELECT json_extract(body, '$.approver_sig.key_id') FROM audit_records"
        " WHERE type = 'approval.revoked' AND stream = ?",
        case_stream(request_id),
    )
    assert key_id == keys(house)[0]


def test_a_passkey_agrees_to_the_next_one_and_both_sign(room: Room | None) -> None:
    """Governance 3 (enrolment): nobody adds a passkey behind the back of who has one; it agrees
    where it is, no key file is needed, and afterwards each signs for the same person; a drill is
    answered by who has passkeys only (governance 1, liveness). Several requests, and a revocation,
    are signed by the key that the person chose (N12).
    """
    if room is None:
        return
    house, origin = room.house, room.origin
    with room.browsers.fresh() as context:
        page = context.new_page()
        first = with_passkeys(page)
        opened(page, origin)
        signed_in(page, house, NAME)
        add(page, origin)
        proposed(page, house)
        assert len(keys(house)) == 1
        assert signs(page, origin, house) == keys(house)[0]
        opened(page, f"{origin}/settings")
        drilled(page, house)
        held = first.unplugged()
        second = with_passkeys(page, wire=first.wire)
        add(page, origin)
        again = page.get_by_role("button", name="Ask again")
        expect(again).to_be_visible(timeout=SETTLES_WITHIN_MS)
        expect(page.get_by_text(PROPOSED)).to_have_count(0)
        kept = second.unplugged()
        first = with_passkeys(page, held, first.wire)
        again.click()
        proposed(page, house)
        both = keys(house)
        assert len(both) == 2
        first.unplugged()
        third = with_passkeys(page, kept, first.wire)
        assert signs(page, origin, house) == both[1]
        third.unplugged()
        with_passkeys(page, held, first.wire)
        assert signs(page, origin, house, older=True) == both[0]
        together = signs_two_at_once(page, origin, house)
        revokes(page, origin, house, together[0])
