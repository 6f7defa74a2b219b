"""Beside the decision, without a browser: comment, answer, withdraw, revoke, and why not."""

from dataclasses import replace
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.desk import Desk
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.canonical import digest
from counterseal.policy.words import DecisionWord
from storage.home_reader import HomeReader
from storage.law import Law
from tests.desk.access_room import PASSWORD
from tests.ground import SECRET
from tests.ui.web.window import (
    Window,
    at_page,
    at_request,
    labels,
    links,
    pressed,
    spoken,
    words,
)
from ui.web import house as pages
from ui.web.drafts import Draft, send_away

REASON = "the spread that was read is not there any more"
RESEARCH = DecisionWord.RESEARCH_APPROVED
CHANGE, CHANGED = "Change the request", "Begin the new version"
WITHDRAW, REVOKE, KEEP = "Withdraw the request", "Revoke the approval", "Leave it as it is"


@pytest.fixture
def window(shared_window: Window) -> Window:
    """One house for all: each test looks at a request of its own."""
    return shared_window


def requests(window: Window) -> list[ApprovalRequest]:
    with window.house.store.reader() as reader:
        found = reader.find(ApprovalRequest)
    return sorted(found, key=lambda one: one.created_at)


def status(window: Window, request_id: str) -> RequestStatus:
    [found] = [one for one in requests(window) if one.approval_request_id == request_id]
    return found.status


def half_approved(window: Window) -> str:
    request_id = window.house.requested()
    window.house.done(window.house.reviewed(request_id, "researcher", RESEARCH))
    return request_id


def pressed_key(at: AppTest, key: str) -> AppTest:
    return at.button(key=key).click().run()


def test_a_requester_withdraws_after_a_second_look_and_may_turn_back(window: Window) -> None:
    """Governance 2.1: nothing is done by the first click; then the case has ended for good."""
    request_id = window.house.requested()
    at = at_request(window.entered("quant"), request_id)
    assert "Only who signed an approval here" in words(at)
    at = pressed(at, WITHDRAW)
    assert "Cannot be undone" in words(at)
    assert status(window, request_id) is RequestStatus.PENDING_REVIEW
    at = pressed(at, KEEP)
    assert "Cannot be undone" not in words(at)
    at = pressed_key(pressed(at, WITHDRAW), "withdraw-sure")
    assert status(window, request_id) is RequestStatus.WITHDRAWN
    assert "green-badge[Withdrawn]" in words(at)
    assert "This request has ended" in words(at)
    assert WITHDRAW not in labels(at)
    assert "\u5df2\u7d50\u675f" in words(spoken(at))
    assert not at.exception


def test_a_requester_asks_for_less_and_what_was_reviewed_carries(window: Window) -> None:
    """Governance 2.3: only what differs is sent; the page goes on to the new version."""
    request_id = half_approved(window)
    at = pressed(at_request(window.entered("quant"), request_id), CHANGE)
    assert labels(at)[CHANGED] is False
    assert "Nothing differs yet." in words(at)
    at.number_input(key=f"amend-lots:{request_id}").set_value(2)
    at = at.run()
    assert labels(at)[CHANGED] is True
    at = pressed(at, CHANGED)
    assert not at.exception
    newest = requests(window)[-1]
    assert (newest.version, newest.payload.max_quantity) == (2, Decimal(2))
    assert newest.status is RequestStatus.RESEARCH_APPROVED
    assert status(window, request_id) is RequestStatus.SUPERSEDED
    assert "Version 2" in words(at)


def test_a_change_that_the_desk_refuses_loses_nothing_that_was_typed(window: Window) -> None:
    """Governance 2.3: bounds that exclude each other are told in place."""
    request_id = window.house.requested()
    at = pressed(at_request(window.entered("quant"), request_id), CHANGE)
    at.number_input(key=f"amend-low:{request_id}").set_value(20_100.0)
    at.number_input(key=f"amend-high:{request_id}").set_value(19_900.0)
    at = pressed(at.run(), CHANGED)
    assert "Value error" in words(at) or "price_min" in words(at)
    assert at.number_input(key=f"amend-low:{request_id}").value == 20_100
    assert status(window, request_id) is RequestStatus.PENDING_REVIEW


def test_what_somebody_else_changed_meanwhile_is_refused_in_its_place(window: Window) -> None:
    """Governance 2.1, UI-13: the desk's word counts, not the page's; its reason is shown."""
    house, request_id = window.house, window.house.requested()
    at = pressed(at_request(window.entered("quant"), request_id), WITHDRAW)
    house.done(house.reviewed(request_id, "researcher", DecisionWord.REJECTED))
    at = pressed_key(at, "withdraw-sure")
    assert "TERMINAL" in words(at)
    assert status(window, request_id) is RequestStatus.REJECTED


def test_who_may_not_is_told_who_can_and_why(window: Window) -> None:
    """UI-08: one sentence each, and no button that does nothing."""
    at = at_request(window.entered("risk"), window.house.requested())
    said = words(at)
    assert "Only quant, who asked, can change or withdraw this request." in said
    assert "a compliance reviewer, can revoke it." in said
    assert {WITHDRAW, REVOKE}.isdisjoint(labels(at))
    at = at_request(window.entered("compliance"), window.house.requested())
    assert labels(at)[REVOKE] is False
    assert "The case is not in a state in which this can be done." in words(at)


def test_a_signer_revokes_with_a_reason_and_their_own_key(window: Window) -> None:
    """Governance 2.1, 2.9: a short reason and a wrong passphrase are refused and lose nothing."""
    request_id = half_approved(window)
    at = pressed(at_request(window.entered(), request_id), REVOKE)
    at = pressed(at, "Prepare the revocation")
    assert "REASON_TOO_SHORT" in words(at)
    at.text_area(key=f"revoke-reason:{request_id}").set_value(REASON)
    at = at.run()
    for passphrase in ("quite another sentence than mine", SECRET):
        at = pressed(at, "Prepare the revocation")
        at.text_input(key="revoke-signature-passphrase").set_value(passphrase)
        at = pressed(at, "Sign")
        assert passphrase not in repr(at.session_state)
    assert status(window, request_id) is RequestStatus.REVOKED
    assert "green-badge[Revoked]" in words(at)
    assert not at.exception


def test_a_revocation_wants_a_fresh_proof(window: Window) -> None:
    """Governance test 14: behind two minutes; what was typed stays."""
    request_id = half_approved(window)
    at = at_request(window.entered(), request_id)
    window.house.after(200)
    at = pressed(at, REVOKE)
    at.text_area(key=f"revoke-reason:{request_id}").set_value(REASON)
    at.text_input(key="revoke-password").set_value(PASSWORD)
    at.text_input(key="revoke-code").set_value(window.codes("researcher"))
    at = pressed_key(at, "revoke-prove")
    assert at.text_area(key=f"revoke-reason:{request_id}").value == REASON
    assert "Prepare the revocation" in labels(at)
    at = pressed(at, KEEP)
    assert REVOKE in labels(at)


def test_a_reason_comes_back_from_a_provider_with_the_form_that_it_was_on(window: Window) -> None:
    """Governance 5: the draft of a revocation never fills in the form of a decision."""
    house, request_id = window.house, half_approved(window)
    at = window.entered()
    session = house.desk.sessions.resume(at.session_state["session_id"], key=house.key())
    assert isinstance(session, LoginSession)
    draft = Draft(request_id=f"revoke:{request_id}", version=1, decision="revoke", reason=REASON)
    send_away(session, None, draft, ("request", request_id))
    at = at_request(at, request_id)
    assert at.text_area(key=f"revoke-reason:{request_id}").value == REASON
    assert at.radio[0].value is None


def test_a_comment_is_added_once_and_an_empty_one_is_refused(window: Window) -> None:
    """Governance 2.3: outside the payload; also on a case that has ended; who may erase is led."""
    house, request_id = window.house, window.house.requested()
    at = at_request(window.entered("quant"), request_id)
    at = pressed(at, "Add the comment")
    assert "COMMENT_TEXT" in words(at)
    assert "records erase" not in words(at)
    house.done(house.reviewed(request_id, "researcher", DecisionWord.REJECTED))
    field = f"comment:{request_id}"
    at.text_area(key=field).set_value("the spread is <b>one</b> tick now")
    at = pressed(at.run(), "Add the comment")
    assert (at.text_area(key=field).value, "Comment added" in words(at)) == ("", True)
    counted = f"SELECT count(*) FROM case_comments WHERE approval_request_id = '{request_id}'"
    assert house.rows(counted) == [(1,)]
    at = at_request(window.entered("compliance"), request_id)
    assert "counterseal records erase PERSON --basis BASIS --as compliance" in words(at)


def test_a_request_that_came_back_is_answered_by_a_new_one_that_cites_it(window: Window) -> None:
    """Governance 2.3 (answers): the form begins with what was asked, and says what is wanted."""
    house = window.house
    payload = house.payload(house.signal(), quantity=2)
    old = house.done(house.desk.approvals.request(payload, house.actor("quant"), key=house.key()))
    house.done(house.reviewed(old, "researcher", DecisionWord.NEEDS_DATA))
    at = at_request(window.entered("quant"), old)
    assert "Answer by a new request" in links(at)
    assert "Answer by a new request" not in links(at_request(window.entered("risk"), old))
    at = at_page(at, "propose", answers=old, signal=payload.signal_id)
    assert "researcher asks" in words(at)
    assert at.number_input(key="propose-quantity").value == 2
    assert at.multiselect(key="propose-authors").value == ["author"]
    at.number_input(key="propose-price").set_value(20_000.0)
    at.text_area(key="propose-reason").set_value("the missing day is in the data now")
    at = pressed(at.run(), "Ask for approval")
    new = requests(window)[-1]
    assert (new.payload.answers, new.payload.signal_id) == (old, payload.signal_id)
    at = pressed(at_request(at, old), "Open the answer")
    assert f"<dd>{new.request_hash}</dd>" in words(at).replace("<code>", "").replace("</code>", "")
    assert "Request not found" in words(at_page(at, "propose", answers=new.approval_request_id))


def test_an_expired_request_is_asked_for_again_while_its_signal_lives(window: Window) -> None:
    """Governance 2.4: an expiry answers nothing; the way on is a new request."""
    request_id = window.house.requested()
    window.house.after(3700)
    at = at_request(window.entered("quant"), request_id)
    assert "This request expired before it was used." in words(at)
    assert "Ask again" in links(at)


def test_under_a_newer_policy_the_requester_asks_anew(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N2: what an older policy was asked for can only begin again."""
    request_id, desk = window.house.requested(), window.house.desk
    bundle = desk.bench.bundle.amended(bundle_hash=digest("another bundle"))
    other, law = Desk(replace(desk.bench, bundle=bundle)), pages.law

    def law_now(reader: HomeReader) -> Law:
        return law(reader)._replace(bundle=bundle)

    at = window.entered("quant")
    monkeypatch.setattr(pages, "desk", lambda: other)
    monkeypatch.setattr(pages, "law", law_now)
    at = at_request(at, request_id)
    assert "Ask anew under the policy in force" in labels(at)
    at = pressed_key(pressed(at, "Ask anew under the policy in force"), "reopen-sure")
    assert status(window, request_id) is RequestStatus.SUPERSEDED
    newest = requests(window)[-1]
    assert (newest.version, newest.supersedes) == (2, request_id)
    assert not at.exception
