"""Boundaries, areas and badges follow the flags."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.readiness.boundaries import BoundaryPlan
from counterseal.readiness.decide import (
    COULD_NOT_CHECK,
    NOT_PAPER_ONLY,
    ON_PANELS,
    PLANS,
    decide_boundaries,
    evaluate,
    unchecked,
)
from counterseal.readiness.model import Boundary, Exercise, Exercised, Observation
from tests.core.readiness.seen import BARE, BLIND, FULL, LIVE, MANAGED, with_outcome

calm = settings(deadline=None, max_examples=60)
observations = st.builds(
    lambda base, outcomes: base.amended(
        exercised=tuple(
            Exercised(name=name, passed=passed, evidence="drawn")
            for name, passed in outcomes.items()
        )
    ),
    st.sampled_from([FULL, MANAGED, BARE, BLIND, LIVE]),
    st.dictionaries(st.sampled_from(list(Exercise)), st.sampled_from([True, False, None])),
)


def _boundary(seen: Observation, row: str) -> Boundary:
    return next(b for b in decide_boundaries(seen) if b.row == row)


@calm
@given(observations)
def test_i1_every_flag_shown_is_the_outcome_of_its_probe(seen: Observation) -> None:
    """TX-L8: boundaries repeat what `evaluate` found, evidence included."""
    flags = evaluate(seen)
    for boundary in decide_boundaries(seen):
        for flag in (*boundary.flags, *boundary.safety_flags):
            assert flag == flags[flag.name]


@calm
@given(observations)
def test_i2_an_entry_leaves_only_when_its_flag_is_true(seen: Observation) -> None:
    """TX-L1 to TX-L7, lists: unchecked keeps the entry."""
    flags = evaluate(seen)
    for plan, boundary in zip(PLANS, decide_boundaries(seen), strict=True):
        gaps = [f"{a.title}: {a.gap}" for a in boundary.areas if a.status != "enabled"]
        missing = [e.words for e in plan.missing if flags[e.flag].value is not True]
        required = [e.words for e in plan.required if flags[e.flag].value is not True]
        assert list(boundary.missing) == [*missing, *gaps]
        assert list(boundary.required_before) == required
        assert list(boundary.current_scope) == [f.name for f in boundary.flags if f.value]


@calm
@given(observations)
def test_i3_what_could_not_be_checked_is_the_state(seen: Observation) -> None:
    """TX-L8: fail closed; never ready while a flag is unknown."""
    for plan, boundary in zip(PLANS, decide_boundaries(seen), strict=True):
        blind = unchecked((*boundary.flags, *boundary.safety_flags))
        if boundary.readiness_state in {plan.unready, plan.shown}:
            assert blind == ()
        if blind:
            assert boundary.readiness_state in {COULD_NOT_CHECK, NOT_PAPER_ONLY}
        assert all(any(name in warning for warning in boundary.warnings) for name in blind)


@calm
@given(observations)
def test_i4_two_boundaries_never_disagree(seen: Observation) -> None:
    """TX-L8: no panel disagrees with its probe."""
    told: dict[str, set[bool | None]] = {}
    for boundary in decide_boundaries(seen):
        for flag in (*boundary.flags, *boundary.safety_flags):
            told.setdefault(flag.name, set()).add(flag.value)
    assert {name for name, values in told.items() if len(values) > 1} == set()


@pytest.mark.parametrize("plan", PLANS, ids=lambda p: p.service)
def test_the_state_name_follows_the_flags(plan: BoundaryPlan) -> None:
    """TX-L1 to TX-L7, state: unready, shown, unchecked, not paper."""
    place = PLANS.index(plan)
    best = decide_boundaries(MANAGED if plan.row == "TX-L7" else FULL)[place]

    assert decide_boundaries(BARE)[place].readiness_state == plan.unready
    assert best.readiness_state == plan.shown
    assert decide_boundaries(BLIND)[place].readiness_state == COULD_NOT_CHECK
    assert decide_boundaries(LIVE)[place].readiness_state == NOT_PAPER_ONLY


@pytest.mark.parametrize(
    ("row", "missing", "required", "page_missing", "page_required"),
    [
        ("TX-L1", 8, 8, 0, 0),
        ("TX-L2", 9, 8, 4, 3),
        ("TX-L3", 8, 6, 5, 3),
        ("TX-L4", 9, 8, 4, 3),
        ("TX-L5", 7, 7, 4, 3),
        ("TX-L6", 6, 7, 6, 0),
    ],
)
def test_the_lists_have_their_sizes_when_nothing_is_shown(
    row: str, missing: int, required: int, page_missing: int, page_required: int
) -> None:
    """TX-L1 to TX-L6, list sizes."""
    found = _boundary(BARE, row)

    assert (len(found.missing), len(found.required_before)) == (missing, required)
    assert (len(found.page_missing), len(found.page_required)) == (page_missing, page_required)


def test_when_all_is_shown_only_what_comes_from_outside_is_missing() -> None:
    """TX-L8: the lists follow the flags to the end."""
    left = {b.row: len(b.missing) for b in decide_boundaries(FULL) if b.row != "TX-L7"}

    assert left == {"TX-L1": 1, "TX-L2": 3, "TX-L3": 4, "TX-L4": 1, "TX-L5": 1, "TX-L6": 0}


def test_an_area_is_enabled_only_by_all_of_its_flags() -> None:
    """TX-L6: status, current state and gap of the six areas."""
    full, bare, blind = (_boundary(seen, "TX-L6").areas for seen in (FULL, BARE, BLIND))
    seen = with_outcome(FULL, Exercise.READING_RECORDED, passed=False)
    partly = _boundary(seen, "TX-L6").areas

    assert [a.status for a in full] == ["enabled"] * 6
    assert [a.status for a in bare] == ["not_enabled"] * 6
    assert COULD_NOT_CHECK in {a.status for a in blind}
    assert [a.area_id for a in partly if a.status != "enabled"] == ["export_policy"]
    assert all(not a.gap for a in full)
    assert all(a.gap and a.acceptance_criteria and a.required_controls for a in bare)


def test_the_approval_boundary_names_the_four_decisions() -> None:
    """TX-L1, TX-F6: paper-only decisions supported."""
    assert len(_boundary(FULL, "TX-L1").supported) == 4


def test_flags_of_panels_are_probed_like_all_others() -> None:
    """TX-G13, TX-H17, TX-I11, TX-K6: switches, local only, the criteria of the blueprint."""
    full, blind = evaluate(FULL), evaluate(BLIND)

    assert {full[name].value for name in ON_PANELS} == {True}
    assert {blind[name].value for name in ON_PANELS} == {None}
    assert {full[name].row for name in ON_PANELS} == {*("TX-G13", "TX-H17", "TX-I11", "TX-K6")}


def test_no_word_of_a_boundary_claims_compliance() -> None:
    """TX-A1, TX-L8: simulated, and nothing certified."""
    for boundary in decide_boundaries(FULL):
        words = " ".join((boundary.summary, *boundary.warnings)).lower()
        assert "compliant" not in words
        assert "simulated" in words
