"""What is claimed of a release, and what of it the flags bear out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterseal.kernel.errors import PolicyError
from counterseal.readiness.model import Observation
from counterseal.readiness.release import (
    OPEN_BOUNDARIES,
    Condition,
    KnownGap,
    Phase,
    ReleaseDocument,
    ReleaseLevel,
    SafetyMode,
    Standing,
    baseline,
    judge,
)
from counterseal.readiness.report import Readiness, readiness_of
from storage.release_file import RELEASE, read_release
from tests.core.readiness.seen import BARE, BLIND, FULL, LIVE, MANAGED

ROOT = Path(__file__).parents[3]
DOCUMENT = read_release()


def test_the_document_names_each_level_phase_and_gap_once() -> None:
    """TX-A8: four levels, phases 0 to 6, eight gaps; every file that it points to is there."""
    assert [one.level for one in DOCUMENT.levels] == list(ReleaseLevel)
    assert [one.phase for one in DOCUMENT.phases] == list(Phase)
    assert len(Phase) == 7
    assert [one.gap for one in DOCUMENT.known_non_production_gaps] == list(KnownGap)
    assert {one.safety_mode for one in DOCUMENT.phases} == {SafetyMode.PAPER_ONLY}
    assert [doc for doc in DOCUMENT.docs if not (ROOT / doc).is_file()] == []


@given(st.sampled_from((FULL, MANAGED, BARE, BLIND, LIVE)))
def test_i1_a_claim_holds_only_while_all_its_flags_are_as_they_must_be(seen: Observation) -> None:
    """TX-A8, TX-L8: what was not checked is not met."""
    told = readiness_of(seen)
    values = {flag.name: flag.value for flag in told.flags}
    held = baseline(DOCUMENT, told, "1.0")
    for claim, state in zip(DOCUMENT.phases, held.phases, strict=True):
        unmet = [one.flag for one in claim.rests_on if values[one.flag] is not one.must_be]
        assert list(state.judged.against) == unmet
        assert (state.judged.standing is Standing.HOLDS) == (not unmet)


@given(st.sampled_from((FULL, MANAGED, BARE, BLIND, LIVE)))
def test_i2_production_is_not_ready_whatever_was_seen(seen: Observation) -> None:
    """TX-A8: computed from the boundaries."""
    held = baseline(DOCUMENT, readiness_of(seen), "1.0")
    assert not held.production_ready
    assert held.boundaries_open > 0
    assert held.release_level is not ReleaseLevel.PRODUCTION
    assert held.levels[-1].judged.standing is Standing.NOT
    assert OPEN_BOUNDARIES in held.levels[-1].judged.against


def test_i2_a_document_that_claims_production_by_other_flags_changes_nothing() -> None:
    """TX-A8: the boundaries stand against it even if every flag that it names is on."""
    *rest, last = DOCUMENT.levels
    easy = last.amended(rests_on=(Condition(flag="paper_only"),))
    held = baseline(DOCUMENT.amended(levels=(*rest, easy)), readiness_of(FULL), "1.0")
    assert (held.production_ready, held.levels[-1].judged.met) == (False, 1)


def test_the_release_level_is_the_highest_whose_claim_holds() -> None:
    """TX-A8: a preview when everything was shown; less when less was."""
    levels = {
        name: baseline(DOCUMENT, readiness_of(one), "1.0").release_level
        for name, one in (("full", FULL), ("bare", BARE), ("live", LIVE))
    }
    assert levels == {"full": ReleaseLevel.PREVIEW, "bare": ReleaseLevel.WEBSITE, "live": None}


def test_i3_a_gap_is_told_until_its_flag_is_true() -> None:
    """TX-A8: eight today; stored results of checks come from the home, never from the document."""
    full = readiness_of(FULL)
    held = baseline(DOCUMENT, full, "1.0")
    assert held.gaps == tuple(KnownGap)
    assert held.validation == full.runs
    assert baseline(DOCUMENT, readiness_of(BLIND), "1.0").validation == ()
    assert KnownGap.BROKER not in baseline(DOCUMENT, readiness_of(LIVE), "1.0").gaps


def test_what_is_unknown_is_told_apart_from_what_is_not_so() -> None:
    """TX-L8: none, some and all conditions met; one that could not be checked."""
    conditions = (Condition(flag="paper_only"), Condition(flag="amend_replace_enabled"))
    told: dict[str, Readiness] = {
        "full": readiness_of(FULL),
        "bare": readiness_of(BARE),
        "blind": readiness_of(BLIND),
        "live": readiness_of(LIVE),
    }
    found = {name: judge(conditions, one).standing for name, one in told.items()}
    assert found == {
        "full": Standing.HOLDS,
        "bare": Standing.PARTLY,
        "blind": Standing.UNKNOWN,
        "live": Standing.NOT,
    }


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("schema_version: 1", "schema_version: 2", "POLICY_INVALID"),
        ("schema_version: 1", "schema_version: 1\nready: true", "POLICY_UNKNOWN_KEY"),
        ("flag: performance_claim", "flag: no_such_flag", "POLICY_INVALID"),
        ("level: marketing_website", "level: web_command_center", "POLICY_INVALID"),
        ("phase: data_platform", "phase: moon_landing", "POLICY_INVALID"),
        ("docs:", "docs: []\nother:", "POLICY_UNKNOWN_KEY"),
        ("schema_version: 1", "schema_version: [", "POLICY_NOT_YAML"),
    ],
)
def test_i1_a_document_that_does_not_hold_in_itself_is_refused(
    tmp_path: Path, old: str, new: str, code: str
) -> None:
    """TX-A8: unknown keys, levels, phases and flags; a level that is missing."""
    text, path = RELEASE.read_text("utf-8"), tmp_path / RELEASE.name
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(PolicyError) as refused:
        read_release(path)
    assert refused.value.code == code


def test_a_document_that_is_not_there_or_too_long_is_refused(tmp_path: Path) -> None:
    """TX-A8."""
    with pytest.raises(PolicyError, match="POLICY_MISSING"):
        read_release(tmp_path / RELEASE.name)
    (tmp_path / RELEASE.name).write_bytes(b"#" * 100_001)
    with pytest.raises(PolicyError, match="POLICY_TOO_LONG"):
        read_release(tmp_path / RELEASE.name)


def test_nothing_can_be_left_out_of_a_document() -> None:
    """TX-A8: each one once, in its order."""
    with pytest.raises(ValidationError):
        ReleaseDocument.model_validate(DOCUMENT.amended().json_value() | {"phases": []})
    with pytest.raises(ValidationError):
        DOCUMENT.amended(levels=DOCUMENT.levels[:-1])


def test_what_is_told_survives_its_own_json() -> None:
    """UI-25: a page reads what the command printed, and nothing is lost on the way."""
    told = readiness_of(FULL)
    assert Readiness.model_validate_json(told.model_dump_json()) == told
    assert told.json_value()["checked_at"] == FULL.json_value()["at"]
