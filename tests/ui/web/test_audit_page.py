"""The log's pages in each of their states, without a browser."""

from datetime import datetime

import pytest

from counterseal.audit.verify import Evidence
from counterseal.desk.views.integrity import integrity
from counterseal.policy.words import DecisionWord
from storage.home_reader import HomeReader
from tests.ui.web.window import Window, at_page, pressed, spoken, words
from ui.web import log_check
from ui.web.log_check import LogCheck


def test_a_log_that_holds_is_verified_with_its_scope_and_time(window: Window) -> None:
    """UI-20, TX-K4: the state was computed here, and says up to where, when and against what."""
    window.house.asked()
    at = at_page(window.entered(), "audit")
    said = words(at)
    assert "Verified" in said
    assert "Checked 20" in said
    assert "up to #" in said
    assert "What this does not prove" in said
    assert "this link holds" in said
    assert not at.exception


def test_one_flipped_byte_is_broken_at_its_record_with_both_hashes(window: Window) -> None:
    """UI-20, TX-K5: after a break nothing is green, and the page that asks anew says so."""
    window.house.asked()
    at = at_page(window.entered(), "audit")
    changed = "UPDATE audit_records SET body = CAST(replace(body, '1', '2') AS BLOB) WHERE seq = 20"
    assert window.house.forge(changed) == 1
    at = pressed(at, "Verify now")
    said = words(at)
    assert "Broken at #20" in said
    assert "Recomputed hash" in said
    assert "this link holds" not in said
    assert "Verified" not in said
    at = at_page(at, "home")
    assert "Broken at #20" in words(at)


def test_an_empty_log_is_nothing_to_verify_and_never_verified(
    shared_window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI-20, UI-19, TX-K5: on the log's page and on Home."""
    view = integrity((), (), Evidence())
    at = shared_window.entered()

    def empty(_: HomeReader, now: datetime, __: int) -> LogCheck:
        return LogCheck(view, now, milliseconds=1, size=0, sealed=0)

    monkeypatch.setattr(log_check, "_check", empty)
    for page in ("audit", "home"):
        at = pressed(at_page(at, page), "Verify now") if page == "audit" else at_page(at, page)
        assert "Nothing to verify" in words(at), page
        assert "Verified" not in words(at), page
    log_check._last.clear()


def test_records_are_found_by_hash_case_and_actor(window: Window) -> None:
    """UI-22, TX-K6: the words stand in the address; what is not there says what can be asked."""
    request_id = window.house.asked()
    window.house.done(
        window.house.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED)
    )
    leaf = window.house.log()[10].leaf_hash
    at = window.entered()
    for asked, told in (
        (leaf[:12], "1 records for"),
        (request_id, "records for"),
        ("researcher", "records for"),
        ("nobody-of-here", "No record for nobody-of-here."),
    ):
        at = at_page(at, "audit", q=asked)
        assert told in words(at), asked
        assert not at.exception


def test_checkpoints_and_keys_have_their_views(window: Window) -> None:
    """TX-K7: what an auditor keeps outside is there to be copied."""
    at = at_page(window.entered(), "audit", view="checkpoints")
    assert "The newest checkpoint, as signed:" in words(at)
    at = at_page(at, "audit", view="keys")
    assert window.house.log_key.key.text in words(at)


def test_a_record_shows_its_hashes_and_its_way_to_the_signed_root(window: Window) -> None:
    """UI-21: stored and recomputed hashes, the proof step by step, and the command to check it."""
    window.house.asked()
    row = window.house.log()[20]
    at = at_page(window.entered(), "record", seq="20")
    said = words(at)
    assert row.leaf_hash in said
    assert "Hash holds" in said
    assert "follows the root" in said
    assert "counterseal audit prove 20" in said
    assert not at.exception
    for unknown in ("999999", "-1", "abc", "\u0663"):
        assert "Record not found" in words(at_page(at, "record", seq=unknown))


def test_the_log_speaks_chinese_and_leaves_codes_alone(window: Window) -> None:
    """TX-B7: sentences are translated; event kinds and hashes are not."""
    window.house.asked()
    at = spoken(at_page(window.entered(), "audit"))
    said = words(at)
    assert "稽核完整性" in said
    assert "已驗證" in said
    assert "login\\_sessions" in said
    assert "Verified" not in said
