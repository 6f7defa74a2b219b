"""The ways to look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.readiness.home_probes import GUARDS, QUEUE
from counterseal.readiness.model import Exercise, Observation, PartsSeen
from counterseal.readiness.probes import (
    CERTIFICATION,
    READ_ONLY,
    Found,
    Probe,
    built,
    every,
    exercised,
    inverse,
    outstanding,
    present,
)
from tests.core.readiness.seen import BARE, BLIND, FULL, LIVE, with_outcome, without

LOCKED = Exercise.OBJECT_LOCKED
values = st.sampled_from([True, False, None])


def _of(value: bool | None) -> Probe:
    return Probe(f"probe-{value}", "nothing", lambda _: Found(value, "told"))


@pytest.mark.parametrize(
    "probe", [exercised(LOCKED), built(LOCKED, "worm"), GUARDS, READ_ONLY, QUEUE]
)
def test_i1_what_was_not_seen_has_no_value(probe: Probe) -> None:
    """TX-L8: never false, never true."""
    assert probe.look(BLIND).value is None


def test_i2_presence_alone_is_no_proof() -> None:
    """TX-L8: no flag may say more than its probe saw."""
    probe = built(LOCKED, "worm")
    untried = without(FULL, LOCKED)
    there = untried.amended(parts=PartsSeen(names=("worm_store",), kinds_without_tenant=()))

    shown = untried.amended(parts=PartsSeen(names=("ui.web.worm",), kinds_without_tenant=()))

    assert probe.look(untried).value is False
    assert probe.look(shown).value is False
    assert probe.look(there) == Found(None, "present but never exercised: worm_store")
    assert probe.look(with_outcome(there, LOCKED, passed=True)).value is True


@given(st.lists(values, min_size=1, max_size=5))
def test_i3_one_false_decides_then_one_unchecked(told: list[bool | None]) -> None:
    """TX-L8: all of them must hold."""
    expected = False if False in told else None if None in told else True

    assert every("all", *(_of(value) for value in told)).look(FULL).value is expected


@pytest.mark.parametrize("seen", [FULL, BARE, BLIND, LIVE])
def test_i4_no_observation_certifies(seen: Observation) -> None:
    """TX-L8: given from outside, by people."""
    assert CERTIFICATION.look(seen).value is False


@given(values)
def test_an_inverse_stays_unchecked_and_a_requirement_stands(value: bool | None) -> None:
    """TX-L7: a requirement stands until its control is shown."""
    assert inverse("not", _of(value)).look(FULL).value is (None if value is None else not value)
    assert outstanding(_of(value)).look(FULL).value is (value is not True)


def test_presence_names_what_it_found() -> None:
    """TX-L8: evidence is the name itself."""
    probe = present("gate", "gitleaks")

    assert probe.look(FULL) == Found(True, "gitleaks")
    assert probe.look(BARE) == Found(False, "no part is named gitleaks")
    assert probe.look(BLIND).value is None
