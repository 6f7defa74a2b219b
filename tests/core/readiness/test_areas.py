"""The areas of flags, what a value means there, and states that are recomputed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.readiness.areas import (
    NOT_DONE_HERE,
    FlagState,
    ReadinessArea,
    boundaries_of,
    flags_of,
    follows,
    state_of,
    unsafe,
)
from counterseal.readiness.flags import NEVER, VIOLATIONS
from counterseal.readiness.model import Observation
from counterseal.readiness.report import readiness_of
from tests.core.readiness.seen import BARE, BLIND, FULL, LIVE, MANAGED

EVERY = (FULL, MANAGED, BARE, BLIND, LIVE)


@given(st.sampled_from(EVERY))
def test_i1_every_flag_stands_in_an_area_and_never_twice_in_one(seen: Observation) -> None:
    """TX-L8, UI-25: nothing that was probed is left out."""
    told = readiness_of(seen)
    found = {area: [flag.name for flag in flags_of(area, told)] for area in ReadinessArea}
    assert {name for names in found.values() for name in names} == {f.name for f in told.flags}
    assert all(len(names) == len(set(names)) for names in found.values())


@given(st.sampled_from(EVERY))
def test_i1_every_boundary_stands_in_one_area(seen: Observation) -> None:
    """TX-L1 to TX-L7."""
    told = readiness_of(seen)
    found = [one for area in ReadinessArea for one in boundaries_of(area, told)]
    assert sorted(one.service for one in found) == sorted(b.service for b in told.boundaries)
    assert boundaries_of(ReadinessArea.SAFETY, told) == ()


def test_i2_only_what_speaks_against_paper_is_unsafe() -> None:
    """TX-B4: absent is off, unknown is unknown; a sign of live or no paper is unsafe."""
    assert unsafe(readiness_of(FULL).flags) == ()
    assert unsafe(readiness_of(BARE).flags) == ()
    live = {flag.name for flag in unsafe(readiness_of(LIVE).flags)}
    assert {"paper_only", "broker_provider", "live_trading_enabled"} <= live
    assert live <= VIOLATIONS | {"paper_only", "paper_only_boundary_visible", "broker_provider"}


@pytest.mark.parametrize(
    ("value", "state"), [(True, FlagState.ON), (False, FlagState.OFF), (None, FlagState.UNKNOWN)]
)
def test_a_value_means_on_off_or_not_checked(value: bool | None, state: FlagState) -> None:
    """TX-L8: both sides and neither."""
    flag = readiness_of(FULL).flag("amend_replace_enabled")
    assert flag is not None
    assert state_of(flag.amended(value=value)) is state


def test_what_is_not_done_here_has_flags_that_stay_false() -> None:
    """TX-B4: six sentences, each by a flag that nothing installed can make true."""
    assert len(NOT_DONE_HERE) == 6
    assert set(NOT_DONE_HERE) <= NEVER


@given(st.sampled_from(EVERY), st.integers(0, 17))
def test_a_state_follows_from_its_flags_or_is_found_out(seen: Observation, place: int) -> None:
    """TX-L8: recomputed from what was told."""
    told = readiness_of(seen)
    boundary = told.boundaries[place]
    assert follows(boundary, told)
    assert not follows(boundary.amended(readiness_state="all_well"), told)
