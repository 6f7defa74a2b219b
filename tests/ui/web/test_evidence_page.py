"""What a reviewer opened on the page, section by section, and the bytes before they are signed."""

import base64
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.approvals.model import ApprovalDecision
from counterseal.desk.ports import Reader
from counterseal.policy.params import EvidenceRule
from counterseal.policy.words import DecisionWord, EvidenceSection
from storage.law import Law
from tests.ground import SECRET
from tests.ui.web.window import Window, at_request, labels, pressed, words
from ui.web import house as pages

REASON = "read the evidence, the move is inside the model"
TOLD = "the spread was wide this morning"
SHOW = "Show the exact bytes"
SIGN = "Sign: reject"


def commented(window: Window) -> str:
    """A request that somebody said something about."""
    house, request_id = window.house, window.house.asked()
    comment, actor = house.desk.comments.comment, house.actor("quant")
    house.done(comment(request_id, TOLD, actor, key=house.key()))
    return request_id


def rejecting(window: Window, request_id: str, reason: str = REASON) -> AppTest:
    at = at_request(window.entered(), request_id)
    at.radio[0].set_value(DecisionWord.REJECTED.value)
    at.text_area[0].set_value(reason)
    return at.run()


def unfolded(at: AppTest, request_id: str) -> AppTest:
    """The comments, opened as a click on their fold opens them."""
    at.session_state[f"comments-{request_id}"] = True
    return at.run()


def test_what_was_opened_is_signed_and_the_bytes_are_the_shown_ones(window: Window) -> None:
    """N7, governance 2.9: what stands in plain sight counts, a fold counts once it is open; the
    bytes on the page are those of the record, and another choice leaves them.
    """
    request_id = commented(window)
    at = rejecting(window, request_id, "")
    assert "Comments (1)" in [fold.label for fold in at.expander]
    assert TOLD not in words(at)
    assert "Refused" in words(pressed(at, SHOW))
    at.text_area[0].set_value(REASON)
    at = pressed(at.run(), SHOW)
    sections = '"sections_opened":["request","changes","decisions","exact_bytes"]'
    assert sections in words(at)
    at = unfolded(at, request_id)
    assert (TOLD in words(at), sections in words(at), SHOW in labels(at)) == (True, False, True)
    window.house.after(25)
    at = pressed(at, SHOW)
    at.text_input(key="passphrase").set_value(SECRET)
    shown = words(at)
    at = pressed(at, SIGN)
    assert "Signed: reject" in words(at)
    with window.house.store.reader() as reader:
        [decision] = reader.find(ApprovalDecision)
    text = base64.b64decode(decision.signature.payload).decode()
    assert '["request","changes","decisions","comments","exact_bytes"]' in text
    assert (text in shown, decision.statement_digest in shown) == (True, True)
    assert "Request, Changes, Decisions, Comments, Exact bytes; 25 s" in words(at)
    assert not at.exception


def test_another_verdict_leaves_what_was_prepared(window: Window) -> None:
    """W5: nobody signs what was chosen before, also not with a passphrase typed at once."""
    request_id = window.house.asked()
    at = pressed(rejecting(window, request_id), SHOW)
    assert '"decision":"rejected"' in words(at)
    at.text_area[0].set_value(f"{REASON}, and more")
    at.text_input(key="passphrase").set_value(SECRET)
    at = pressed(at, SIGN)
    assert "Signed: reject" in words(at)
    with window.house.store.reader() as reader:
        [decision] = reader.find(ApprovalDecision)
        opening = reader.opened(decision.decision_reason)
    assert opening is not None
    assert opening.word("text") == f"{REASON}, and more"


def wanting(monkeypatch: pytest.MonkeyPatch, *, blocks: bool) -> None:
    """A policy that wants the comments opened."""
    read: Callable[[Reader], Law] = pages.law
    rule = EvidenceRule(sections=(EvidenceSection.COMMENTS,), blocks=blocks)

    def law(reader: Reader) -> Law:
        told = read(reader)
        rules = told.bundle.approval.amended(evidence_shown_required=rule)
        return told._replace(bundle=told.bundle.amended(approval=rules))

    monkeypatch.setattr(pages, "law", law)


def test_a_closed_section_warns_or_blocks_until_it_is_opened(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Governance part 3 (what you see): by its name, before anything is signed."""
    request_id = commented(window)
    with monkeypatch.context() as kind:
        wanting(kind, blocks=False)
        at = rejecting(window, request_id)
        assert ("Not opened yet: Comments." in words(at), labels(at)[SIGN]) == (True, True)
    wanting(monkeypatch, blocks=True)
    at = at.run()
    assert [warning.value for warning in at.warning] == [
        "The policy wants you to open this before you sign: Comments."
    ]
    assert labels(at)[SIGN] is False
    at = unfolded(at, request_id)
    assert (list(at.warning), all(labels(at).values())) == ([], True)
