"""People without a browser: who may do what by whom, and signing for a key or a role."""

import pytest
from streamlit.testing.v1 import AppTest

from counterseal.identity.acts import EndKey, EnrolKey, KeyEnding, grant_role
from counterseal.identity.people import Person, Role
from counterseal.policy.words import Stage
from tests.desk.casework import delegated
from tests.ground import SECRET
from tests.ui.sealed_keys import seal_people
from tests.ui.web.window import Window, at_page, labels, links, pressed, spoken, words
from ui.web import signing

SIGN = "Sign this proposal"
FIELD = "people-signature-passphrase"


def tab(window: Window, name: str = "researcher") -> AppTest:
    return at_page(window.entered(name), "settings", view="people")


def test_everybody_reads_who_may_do_what_since_when_and_by_whom(shared_window: Window) -> None:
    """UI part 1 (Settings), A2 of governance 5: roles, keys, and that all rest on two people."""
    at = tab(shared_window)
    said = words(at)
    for expected in (
        *("Two people signed for every key and role.", "officer-1, officer-2", "every one"),
        *("<td>research reviewer</td>", "no role", "in force", "Key file, class 1"),
        *("key-of-risk", "No key or role waits for a signature.", "Taipei (00:45:00Z)"),
        *("Nobody reviews in another&#x27;s name.", "Nothing is submitted unattended."),
    ):
        assert expected.replace("&#x27;", "'") in said or expected in said, expected
    assert "None" not in said
    assert "每把金鑰與每個角色都有兩人簽署" in words(spoken(at))
    assert not at.exception


def test_who_holds_no_role_is_told_how_one_is_granted(shared_window: Window) -> None:
    """UI states, not permitted: everything but the own keys needs a role."""
    at = tab(shared_window, "author")
    said = words(at)
    assert "You hold no role yet" in said
    assert "key-of-risk" not in said
    assert "您尚無任何角色" in words(spoken(at))


def test_the_second_officer_signs_on_the_page_and_the_role_is_in_force(window: Window) -> None:
    """Governance 3: what is signed is shown; a wrong passphrase signs nothing and stays nowhere."""
    house = window.house
    seal_people(house, "officer-2")
    act = grant_role(house.terms(), "quant", Role.RISK_REVIEWER, strategies=("mean-reversion",))
    proposal_id = house.done(house.agreed(act, "officer-1"))
    at = window.entered("officer-2")
    assert "Sign" in links(at)
    at = at_page(at, "settings", view="people")
    said = words(at)
    for expected in ("Role risk reviewer for quant", "Waits for your signature", "mean-reversion"):
        assert expected in said, expected
    for passphrase, told in (("quite another sentence", "PASSPHRASE_WRONG"), (SECRET, "on record")):
        at = pressed(at, SIGN)
        assert f'"nonce":"{proposal_id}"' in words(at)
        at.text_input(key=FIELD).set_value(passphrase)
        at = pressed(at, "Sign")
        assert (told in words(at), passphrase in repr(at.session_state)) == (True, False)
    with house.store.reader() as reader:
        quant = reader.get(Person, "quant")
    assert quant is not None
    assert quant.strategies_of(Role.RISK_REVIEWER) == ("mean-reversion",)
    assert "No key or role waits for a signature." in words(at)
    assert not at.exception


def test_others_read_why_a_proposal_is_not_theirs_to_sign(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W3: who signed, who it is about, who has no such role; an officer elsewhere copies it."""
    house = window.house
    key = house.new_key("quant", 2, supersedes="key-of-quant")
    enrol = EnrolKey(terms=house.terms(), key=key)
    enrol_id = house.done(house.agreed(enrol, "officer-1", "quant", "quant.2"))
    end = EndKey(
        terms=house.terms(), key_id="key-of-risk", person_id="risk", reason=KeyEnding.COMPROMISED
    )
    house.done(house.agreed(end, "officer-2"))
    monkeypatch.setattr(signing, "keys_for", lambda *_: ())
    said = words(tab(window))
    for expected in (
        *("Key file, class 1 for quant", "End of key key-of-risk of risk", "compromised"),
        *("Waits for officer-2", "Waits for officer-1", "waits for signatures", "Replaces"),
    ):
        assert expected in said, expected
    at = tab(window, "officer-2")
    assert SIGN not in labels(at)
    assert "Not yours to sign" in words(at)
    assert f"counterseal people approve {enrol_id} --as officer-2" in words(at)
    assert "等待您的簽署" in words(spoken(at))
    assert not at.exception


def test_a_proposal_whose_time_is_over_is_told_as_lapsed(window: Window) -> None:
    """Governance 3: one signature of two is none; what lapsed is neither open nor forgotten."""
    house = window.house
    act = grant_role(house.terms(), "quant", Role.RISK_REVIEWER)
    house.done(house.agreed(act, "officer-1"))
    house.after((act.terms.expires_at - house.clock.now()).total_seconds())
    at = tab(window)
    said = words(at)
    for expected in (
        *("No key or role waits for a signature.", "Role risk reviewer for quant", "officer-1"),
        "Nothing of it came into force",
    ):
        assert expected in said, expected
    assert "Lapsed before two people signed: 1" in [one.label for one in at.expander]
    assert any("未及兩人簽署即逾期" in one.label for one in spoken(at).expander)


def test_the_owner_of_a_new_key_is_told_how_it_shows_itself(window: Window) -> None:
    """Governance 3 (proof of possession): the key that has not signed yet is its owner's turn."""
    house = window.house
    key = house.new_key("researcher", 2, supersedes="key-of-researcher")
    act = EnrolKey(terms=house.terms(), key=key)
    proposal_id = house.done(house.agreed(act, "officer-1", "officer-2", "researcher"))
    assert f"counterseal people statement {proposal_id} --out FILE" in words(tab(window))


def test_what_is_lent_is_told_with_its_bounds_and_who_left_holds_nothing(window: Window) -> None:
    """Governance 2.6 and 5: delegations in force or to come; a leaver is closed at once."""
    house = window.house
    delegated(house, "risk", "compliance", Stage.RISK)
    house.done(house.desk.leaving.disable("quant", house.actor("officer-1"), key=house.key()))
    said = words(tab(window))
    for expected in (
        *("compliance for risk", "<td>Risk</td>", "mean-reversion; TMF", "closed", "ended: left"),
    ):
        assert expected in said, expected


def test_what_no_two_people_signed_stands_above_everything(window: Window) -> None:
    """Governance 3: a role that only the table has; people of another tenant are not told."""
    house = window.house
    mandate_id = house.mandate()
    house.forge("UPDATE role_grants SET role = 'auditor' WHERE person_id = ?", "risk")
    house.forge("UPDATE people SET tenant = 'tenant-2' WHERE person_id = ?", "quant")
    at = tab(window)
    said = words(at)
    assert "Not signed by two people" in said
    assert "people risk: the role risk_reviewer rests on a grant that does not hold" in said
    assert "no grant on record" in said
    assert "quant" not in said
    assert mandate_id not in said
    assert "0 of 10" in said
    assert not at.exception
