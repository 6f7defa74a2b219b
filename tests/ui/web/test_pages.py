"""Every page in every state, without a browser: what is shown, what is disabled, and why."""

from counterseal.identity.sessions import LoginSession
from counterseal.policy.words import DecisionWord
from tests.desk.access_room import PASSWORD
from tests.ground import SECRET
from tests.ui.web.window import Window, at_page, at_request, labels, pressed, spoken, words
from ui.web.drafts import Draft, restored, send_away

REASON = "read the evidence, the move is inside the model"


def test_without_a_login_there_is_only_the_way_in(window: Window) -> None:
    """UI states, signed out: no page of anybody is drawn, whatever was asked for."""
    at = window.tab()
    assert [t.value for t in at.title] == ["Counterseal"]
    assert labels(at) == {"Sign in": True}
    assert not at.exception
    at = at_request(at, window.house.asked())
    assert [t.value for t in at.title] == ["Counterseal"]


def test_a_wrong_password_says_no_more_than_a_stranger_may_know(window: Window) -> None:
    """Governance 5: unknown name and wrong password answer alike; nothing secret stays in state."""
    told = set()
    for name in ("researcher", "nobody"):
        at = window.tab()
        at.text_input(key="name").set_value(name)
        at.text_input(key="password").set_value(PASSWORD)
        at.text_input(key="code").set_value("000000")
        at = pressed(at, "Sign in")
        [error] = at.error
        told.add(error.value)
        assert at.text_input(key="password").value == ""
        assert PASSWORD not in repr(at.session_state)
    [said] = told
    assert said.startswith("Name, password or code is not right, or has to wait.")


def test_who_is_in_sees_what_waits_and_where_they_are_signed_in(window: Window) -> None:
    """UI-12, UI-19: an empty home says why; a case that waits for this person is listed."""
    at = window.entered()
    assert "Nothing waits for you." in words(at)
    assert "Signed in as researcher" in words(at)
    window.house.asked()
    assert "1 to do" in words(at.run())
    assert not at.exception


def test_a_session_that_idled_expired_or_was_revoked_fails_closed_with_its_reason(
    window: Window,
) -> None:
    """Governance test 14: the registry decides at every rerun, and the tab forgets who was here."""
    at = window.entered()
    window.house.after(901)
    at = at.run()
    assert ("Signed out" in words(at), "session_id" in at.session_state) == (True, False)
    assert "此登入閒置過久" in words(spoken(at))
    at = window.entered()
    officer, sessions = window.house.actor("officer-1"), window.house.desk.sessions
    window.house.done(sessions.revoke_all("researcher", "left", officer, key=window.house.key()))
    at = at.run()
    assert (labels(at), "Signed out" in words(at)) == ({"Sign in": True}, True)


def test_logging_out_ends_the_session_in_the_registry(window: Window) -> None:
    """Governance test 14: server-side, not only in this tab."""
    at = window.entered()
    session_id = at.session_state["session_id"]
    at = pressed(at, "Sign out")
    assert "You are signed out." in words(at)
    found = window.house.desk.sessions.resume(session_id, key=window.house.key())
    assert getattr(found, "code", "") == "SESSION_REVOKED"


def test_a_fresh_proof_is_asked_for_behind_two_minutes(window: Window) -> None:
    """Test 14: nothing can be signed before password and code were shown again; then it can, and a
    wrong passphrase loses nothing that was typed.
    """
    request_id = window.house.asked()
    at = at_request(window.entered(), request_id)
    window.house.after(200)
    at.radio[0].set_value(DecisionWord.RESEARCH_APPROVED.value)
    at.text_area[0].set_value(REASON)
    at = at.run()
    assert "Sign: approve" not in labels(at)
    at.text_input(key="again-password").set_value(PASSWORD)
    at.text_input(key="again-code").set_value(window.codes("researcher"))
    at = pressed(at, "Confirm it is you")
    assert at.text_area[0].value == REASON
    for passphrase in ("quite another sentence than mine", SECRET):
        at.text_input(key="passphrase").set_value(passphrase)
        at = pressed(at, "Sign: approve")
        assert passphrase not in repr(at.session_state)
        assert not at.exception
    assert "Signed: approve" in words(at)
    assert REASON not in [area.value for area in at.text_area]


def test_a_decision_that_comes_meanwhile_stops_the_signature_until_it_was_looked_at(
    window: Window,
) -> None:
    """UI-06: the page compares by itself; the verdict and the reason stay as they were."""
    house, request_id = window.house, window.house.asked()
    at = at_request(window.entered(), request_id)
    at.radio[0].set_value(DecisionWord.REJECTED.value)
    at.text_area[0].set_value(REASON)
    assert labels(at.run())["Sign: reject"] is True
    house.done(house.reviewed(request_id, "compliance", DecisionWord.RESEARCH_APPROVED))
    at = at.run()
    assert "This request changed while you looked at it." in str([one.value for one in at.warning])
    assert (labels(at)["Sign: reject"], at.text_area[0].value) == (False, REASON)
    assert labels(pressed(at, "I have looked"))["Sign: reject"] is True


def test_a_draft_is_given_back_once_to_its_person_and_version(window: Window) -> None:
    """Governance 5: single use, short life, per person and request version."""
    house, request_id = window.house, window.house.asked()
    at = window.entered()
    session = house.desk.sessions.resume(at.session_state["session_id"], key=house.key())
    assert isinstance(session, LoginSession)
    draft = Draft(request_id=request_id, version=1, decision="rejected", reason=REASON)
    at = at_request(at, "none")
    send_away(session, None, draft, ("request", draft.request_id))
    at = at_request(at, request_id)
    assert (at.radio[0].value, at.text_area[0].value) == ("rejected", REASON)
    at = at_request(window.entered(), request_id)
    assert (at.radio[0].value, at.text_area[0].value) == (None, "")
    send_away(session, None, draft, ("request", draft.request_id))
    house.after(601)
    assert restored("researcher", request_id, 1) is None


def test_a_store_that_does_not_answer_leaves_nothing_green(window: Window) -> None:
    """UI-23, TX-B8: own panel, no decision possible, no trace of the error's inside; what was not
    fetched, and what to type.
    """
    at = window.entered()
    database = window.house.settings.database_file
    database.rename(database.with_suffix(".gone"))
    at = at.run()
    said = words(at)
    assert "Can't reach the store" in said
    assert "No decision possible" in said
    assert said.count(": not fetched") == 4
    assert [one.value for one in at.code] == ["counterseal audit status", "make demo"]
    assert not at.exception
    database.with_suffix(".gone").rename(database)
    assert "Can't reach the store" not in words(at.run())


def test_settings_show_own_logins_and_keys(window: Window) -> None:
    """Governance 5: a list of one's sessions, each of which its person ends."""
    first, at = window.entered(), window.entered()
    at = at_page(at, "settings")
    assert "Key file, class 1" in words(at)
    at = pressed(at, "Sign this one out")
    assert "Sign this one out" not in labels(at)
    assert "Signed out" in words(first.run())


def test_a_reviewer_answers_a_drill_where_their_keys_are_listed(window: Window) -> None:
    """Governance 1 (liveness): by the key file; a wrong passphrase is no drill; it is counted, and
    the call to it is gone.
    """
    window.house.after(91 * 86_400)
    at = window.entered()
    assert "Sign a drill" in words(at)
    at = at_page(at, "settings")
    assert "blue-badge[Due]" in words(at)
    for passphrase, told in (("quite another sentence", "PASSPHRASE_WRONG"), (SECRET, "on record")):
        at = pressed(at, "Sign a drill")
        at.text_input(key="drill-passphrase").set_value(passphrase)
        at = pressed(at, "Sign")
        assert (told in words(at), passphrase in repr(at.session_state)) == (True, False)
    assert "gray-badge[Not due]" in words(at)
    assert "Sign a drill" not in words(at_page(at, "home"))
    assert not at.exception
