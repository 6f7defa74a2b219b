"""Policies without a browser: what counts, what waits for votes, and voting on the page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.desk.installation import PolicyActivation
from counterseal.policy.proposal import PolicyVote
from storage.settings import POLICY_VERSION
from tests.desk.policy_room import LOWER, NEXT, a_sample_is_enough
from tests.ground import SECRET
from tests.ui.web.law_room import LawHouse
from tests.ui.web.window import Window, at_page, labels, pressed, spoken, window_at, words

SIGN, BEGIN = "Sign this proposal", "Bring into force now"


class LawWindow(Window):
    house: LawHouse


@pytest.fixture
def law(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LawWindow]:
    """A house of policy people."""
    a_sample_is_enough(monkeypatch)
    with window_at(tmp_path / "home", monkeypatch, LawHouse) as told:
        assert isinstance(told.house, LawHouse)
        yield LawWindow(told.house.staffed())


def tab(window: Window, name: str = "researcher") -> AppTest:
    return at_page(window.entered(name), "settings", view="policies")


def test_a_home_with_its_first_policy_is_calm(shared_window: Window) -> None:
    """UI-19: what is in force since when and by whom; nothing waits, nothing to compare."""
    at = tab(shared_window)
    said = words(at)
    for expected in (
        *(f"<dd>{POLICY_VERSION}</dd>", "officer-1, officer-2", "with the founding of this home"),
        *("No policy waits for a vote.", "There is one version: nothing to compare."),
        "policies propose VERSION",
    ):
        assert expected in said, expected
    assert "None" not in said
    at = pressed(at, "Judge them again")
    assert "Nothing to judge" in words(at)
    assert "目前沒有待表決的政策" in words(spoken(at))
    assert not at.exception


def test_two_approvers_vote_on_the_page_and_one_brings_it_into_force(law: LawWindow) -> None:
    """Governance 4: by their own keys over the exact statement; then the page opens under it."""
    house = law.house
    house.version(LOWER)
    proposal_id = house.done(house.proposed())
    at = tab(law, "vera")
    said = words(at)
    for expected in (
        *(f"Policy {NEXT}", "Waits for your signature", "Checked and proposed", "Own cases"),
        *("a check over a small universe", "required_from_notional", "1 added, 1 removed"),
    ):
        assert expected in said + " ".join(one.label for one in at.expander), expected
    at = pressed(at, SIGN)
    assert f'"proposal_id":"{proposal_id}"' in words(at)
    at.text_input(key="policy-signature-passphrase").set_value(SECRET)
    at = pressed(at, "Sign")
    assert "Your signature is on record." in words(at)
    assert SECRET not in repr(at.session_state)
    assert "Not yours to sign" in words(at)
    house.done(house.voted(proposal_id, "viktor"))
    at = pressed(at.run(), BEGIN)
    assert "Open requests begin anew under it." in words(at)
    at = pressed(at, BEGIN)
    said = words(at)
    assert "The policy is in force." in said
    assert "vera, viktor" in said
    with house.store.reader() as reader:
        assert {one.person_id for one in reader.find(PolicyVote)} == {"vera", "viktor"}
        assert reader.count(PolicyActivation) == 2
    assert not at.exception


def test_others_read_why_a_vote_is_not_theirs(law: LawWindow) -> None:
    """W3: the author, who has no such role; a draft of the folder has its commands."""
    house = law.house
    house.version(LOWER)
    proposal_id = house.done(house.proposed())
    house.version(name="2026.12.2")
    (house.folder / "approval" / "2026.12.2" / "params.yaml").write_text("stages: [", "utf-8")
    at = tab(law, "scribe")
    said = words(at)
    for expected in (
        *("Not yours to sign", "Waits for vera, viktor", "Drafts in the policy folder"),
        *("cannot be read", "counterseal policies check 2026.12.2"),
    ):
        assert expected in said, expected
    assert SIGN not in labels(at)
    at = pressed(at, "Hold the newest decisions against it")
    assert "0 of 0 decisions would come out otherwise" in words(at)
    assert "待表決" in words(spoken(at))
    for voter in ("vera", "viktor"):
        house.done(house.voted(proposal_id, voter))
    said = words(tab(law))
    assert "Bringing it into force needs one of these roles: policy approver." in said
    assert BEGIN not in labels(at)


def test_recorded_decisions_are_judged_again(law: LawWindow) -> None:
    """N3: the same verdict by the same rules; what was changed on record is named. Governance 1:
    who belongs to another tenant is not.
    """
    house = law.house
    house.tick()
    house.quote()
    house.approved()
    house.version(LOWER)
    house.done(house.proposed())
    at = pressed(tab(law), "Judge them again")
    said = words(at)
    assert "All the same" in said
    assert "decisions were judged again." in said
    house.forge("UPDATE policy_evaluations SET verdict = 'deny'")
    at = pressed(at, "Judge them again")
    said = words(at)
    assert "differ" in said
    assert "allow" in said
    house.forge("UPDATE people SET tenant = 'tenant-2' WHERE person_id = 'officer-2'")
    assert "officer-1, 1 of another tenant" in words(at.run())
