"""Bulk review without a browser: what is chosen, what stands in its way, and what came of each."""

from streamlit.testing.v1 import AppTest

from counterseal.approvals.model import ApprovalDecision
from counterseal.identity.sessions import LoginSession
from counterseal.policy.words import DecisionWord
from tests.desk.access_room import PASSWORD
from tests.ground import SECRET
from tests.ui.web.window import Window, at_page, labels, links, pressed, spoken, words
from ui.web.drafts import Draft, returned, send_away

REASON = "read every one of them, all inside the model"
RESEARCH, RISK = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER


def chosen(at: AppTest, *places: int) -> AppTest:
    """The page after these rows were chosen."""
    for place in places:
        at = at.checkbox[place].check().run()
    return at


def filled(at: AppTest, word: DecisionWord = RESEARCH, reason: str = REASON) -> AppTest:
    at.radio[0].set_value(word.value)
    at.text_area[0].set_value(reason)
    return at.run()


def signed(at: AppTest, count: int, passphrase: str = SECRET) -> AppTest:
    at = pressed(at, f"Sign {count} decisions")
    at.text_input(key="bulk-signature-passphrase").set_value(passphrase)
    return pressed(at, "Sign")


def decisions(window: Window) -> tuple[ApprovalDecision, ...]:
    with window.house.store.reader() as reader:
        return reader.find(ApprovalDecision)


def test_several_are_read_chosen_and_signed_once_each_with_its_receipt(window: Window) -> None:
    """N12, UI-14: the order in words, its facts once it is chosen; one passphrase, one proof each;
    the one that was not chosen still waits.
    """
    ids = [window.house.asked() for _ in range(3)]
    at = at_page(window.entered(), "bulk")
    assert labels(at)["Choose requests"] is False
    assert "Choose the requests and a verdict." in words(at)
    assert "mean reversion after a sharp move" not in words(at)
    at = filled(chosen(at, 0, 1))
    assert words(at).count("mean reversion after a sharp move") == 2
    assert "2 decisions, one signature" in words(at)
    at = signed(at, 2)
    assert "2 of 2 signed" in words(at)
    assert words(at).count("green-badge[Signed: Approve]") == 2
    assert "Decision 2 of 2 under one signature" in words(at)
    made = decisions(window)
    assert {one.approval_request_id for one in made} == set(ids[:2])
    assert all(one.batch is not None and one.batch.size == 2 for one in made)
    assert all(one.decision_hash in words(at) for one in made)
    assert not at.exception
    assert len(at.checkbox) == 1
    assert "\u5df2\u7c3d\u7f72 2 \u4ef6" in words(spoken(at))
    assert "2 of 2" not in words(pressed(spoken(at), "\u95dc\u9589\u7d50\u679c"))


def test_one_that_changed_meanwhile_is_refused_and_the_rest_go_on(window: Window) -> None:
    """N12, governance 2.7: judged alone; the refusal is told beside the receipt."""
    house, ids = window.house, [window.house.asked() for _ in range(2)]
    at = filled(chosen(at_page(window.entered(), "bulk"), 0, 1))
    at = pressed(at, "Sign 2 decisions")
    house.done(house.reviewed(ids[0], "compliance", RESEARCH))
    at.text_input(key="bulk-signature-passphrase").set_value(SECRET)
    at = pressed(at, "Sign")
    assert "1 of 2 signed" in words(at)
    assert "red-badge[Refused]" in words(at)
    assert "LOST_RACE" in words(at)
    by = {one.approval_request_id: one.reviewer_id for one in decisions(window)}
    assert by == {ids[0]: "compliance", ids[1]: "researcher"}


def test_what_changed_after_it_was_chosen_has_to_be_chosen_again(window: Window) -> None:
    """UI-06: nobody signs what they have not seen as it stands now."""
    ids = [window.house.asked() for _ in range(2)]
    at = window.entered()
    at.session_state["bulk-chosen"] = {ids[0]: "sha256:" + "0" * 64}
    at = at_page(at, "bulk")
    assert "This request changed after you chose it." in words(at)
    assert [box.value for box in at.checkbox] == [False, False]


def test_a_refusal_keeps_what_was_typed_and_signs_nothing(window: Window) -> None:
    """UI-13: no reason, a wrong passphrase, a short reason; each says so in place."""
    for _ in range(2):
        window.house.asked()
    at = filled(chosen(at_page(window.entered(), "bulk"), 0, 1), reason="")
    at = pressed(at, "Sign 2 decisions")
    assert "REASON_TOO_SHORT" in words(at)
    at = signed(filled(at), 2, "quite another sentence than mine")
    assert "PASSPHRASE_WRONG" in words(at)
    assert (at.text_area[0].value, [box.value for box in at.checkbox]) == (REASON, [True, True])
    assert "quite another" not in repr(at.session_state)
    assert decisions(window) == ()
    at = signed(at, 2)
    assert "2 of 2 signed" in words(at)
    assert not at.exception


def test_what_would_block_a_request_stands_on_its_line(window: Window) -> None:
    """UI-08, TX-F19: a case that is not what its reviewers signed says so and cannot be chosen."""
    house, ids = window.house, [window.house.asked() for _ in range(2)]
    for request_id in ids:
        house.done(house.reviewed(request_id, "researcher", RESEARCH))
    told = "UPDATE approval_decisions SET decision_reason = ? WHERE approval_request_id = ?"
    house.forge(told, "sha256:" + "0" * 64, ids[0])
    at = at_page(window.entered("risk"), "bulk")
    assert [box.disabled for box in at.checkbox] == [True, False]
    assert "Not in this ceremony" in words(at)
    assert "CHAIN_BROKEN" in words(at)
    assert "1 of 1 signed" in words(signed(filled(chosen(at, 1), RISK), 1))


def test_a_fresh_proof_is_asked_for_before_the_ceremony(window: Window) -> None:
    """Governance test 14: behind two minutes nothing can be signed before it."""
    window.house.asked()
    at = at_page(window.entered(), "bulk")
    window.house.after(200)
    at = filled(chosen(at, 0))
    assert "Sign 1 decisions" not in labels(at)
    at.text_input(key="bulk-password").set_value(PASSWORD)
    at.text_input(key="bulk-code").set_value(window.codes("researcher"))
    at = pressed(at, "Confirm it is you")
    assert "1 of 1 signed" in words(signed(at, 1))


def test_stages_are_not_mixed_and_one_without_a_key_cannot_sign(window: Window) -> None:
    """Governance 2.7: same stage; compliance reviews both, and has no key file on this machine."""
    house, ids = window.house, [window.house.asked() for _ in range(3)]
    house.done(house.reviewed(ids[0], "researcher", RESEARCH))
    at = at_page(window.entered("compliance"), "bulk")
    assert len(at.checkbox) == 2
    at = at_page(at, "bulk", stage="risk")
    assert len(at.checkbox) == 1
    assert at.radio[0].options == ["Approve", "Needs data", "Reject"]


def test_who_has_nothing_to_review_or_no_such_role_is_told_so(window: Window) -> None:
    """UI-19: why, and what next; the queue leads here only when two wait."""
    at = at_page(window.entered(), "bulk")
    assert "No request waits for you." in words(at)
    window.house.asked()
    assert "Review several" not in links(at_page(at, "approvals"))
    window.house.asked()
    assert "Review several" in links(at_page(at, "approvals"))
    assert "Not for your role" in words(at_page(window.entered("operator"), "bulk"))


def test_what_was_written_before_a_provider_took_the_browser_comes_back(window: Window) -> None:
    """Governance 5: once, to this page; verdict and reason as they were."""
    house = window.house
    house.asked()
    at = window.entered()
    session = house.desk.sessions.resume(at.session_state["session_id"], key=house.key())
    assert isinstance(session, LoginSession)
    draft = Draft(request_id="bulk", version=1, decision=RESEARCH.value, reason=REASON)
    send_away(session, "browser-1", draft, ("bulk", None))
    pending = returned("browser-1")
    assert pending is not None
    assert pending.place == ("bulk", {})
    at = at_page(at, "bulk")
    assert (at.radio[0].value, at.text_area[0].value) == (RESEARCH.value, REASON)
    assert at_page(window.entered(), "bulk").radio[0].value is None
