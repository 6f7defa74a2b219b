"""Windows of recorded time, from what outsiders saw."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.time_windows import (
    CLOCK_ERROR_US_MAX,
    EVIDENCE_LAG_MAX,
    Sighting,
    TimeWindows,
)
from counterseal.kernel.clock import utc_text

START = datetime(2026, 1, 2, 0, 45, tzinfo=UTC)
LAG = EVIDENCE_LAG_MAX.total_seconds()
MICRO = 0.000001


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def saw(size: int, seconds: float, error: float = 0) -> Sighting:
    return Sighting(size, at(seconds - error), at(seconds + error), "stamp")


def outside(windows: TimeWindows, seq: int, seconds: float, error_us: int = 0) -> bool:
    return windows.outside(seq, utc_text(at(seconds)), error_us)


THREE = TimeWindows([saw(20, 2000), saw(10, 1000), saw(30, 3000)])


def test_i1_a_record_seen_was_written_no_later() -> None:
    """A7: dated forward, from both sides of the bound."""
    assert not outside(THREE, 9, 1000)
    assert outside(THREE, 9, 1000 + MICRO)
    assert not outside(THREE, 0, -1_000_000)


def test_i2_a_record_not_seen_was_written_no_earlier_but_for_the_lag() -> None:
    """A7: dated back, from both sides of the bound; also behind the last sighting."""
    assert not outside(THREE, 10, 1000 - LAG)
    assert outside(THREE, 10, 1000 - LAG - MICRO)
    assert outside(THREE, 19, 2000 + MICRO)
    assert not outside(THREE, 30, 3000 - LAG)
    assert outside(THREE, 99, 3000 - LAG - MICRO)
    assert not outside(THREE, 99, 9_000_000)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_i2_a_stamp_renewed_later_accuses_nobody(order: tuple[int, ...]) -> None:
    """A7: before a certificate ends, old checkpoints are stamped again."""
    told = [saw(10, 1000), saw(20, 2000), saw(10, 9000)]
    renewed = TimeWindows([told[n] for n in order])
    assert not outside(renewed, 10, 1000 - LAG)
    assert outside(renewed, 10, 1000 - LAG - MICRO)
    assert [(w.start, w.end) for w in renewed.windows] == [(0, 10), (10, 20), (20, None)]


def test_i2_what_was_seen_late_only_was_known_by_then() -> None:
    """A7: the first stamp was lost, and a larger tree was seen before the second."""
    lost = TimeWindows([saw(20, 2000), saw(10, 9000)])
    assert not outside(lost, 10, 2000 - LAG)
    assert not outside(lost, 9, 2000)
    assert outside(lost, 9, 2000 + MICRO)


def test_i3_a_record_is_judged_only_beyond_both_errors() -> None:
    """A7: the authority's accuracy and the record's own clock."""
    windows = TimeWindows([saw(10, 1000, error=1), saw(20, 2000, error=1)])
    assert not outside(windows, 9, 1001)
    assert outside(windows, 9, 1001 + MICRO)
    assert not outside(windows, 9, 1003, error_us=2_000_000)
    assert outside(windows, 9, 1003 + MICRO, error_us=2_000_000)
    assert not outside(windows, 10, 999 - LAG - 2, error_us=2_000_000)
    assert outside(windows, 10, 999 - LAG - 2 - MICRO, error_us=2_000_000)


@pytest.mark.parametrize("claimed", [CLOCK_ERROR_US_MAX, 10**15])
def test_i3_a_record_cannot_excuse_itself_with_a_bad_clock(claimed: int) -> None:
    """A7: whoever writes a record also writes its clock's error."""
    most = CLOCK_ERROR_US_MAX / 1_000_000
    assert not outside(THREE, 9, 1000 + most, error_us=claimed)
    assert outside(THREE, 9, 1000 + most + MICRO, error_us=claimed)
    assert outside(THREE, 9, 1000 + MICRO, error_us=-claimed)


def test_what_is_no_time_lies_outside() -> None:
    """A7."""
    assert THREE.outside(5, "yesterday", 0)
    assert THREE.outside(5, "~", 0)
    assert not TimeWindows().outside(5, "yesterday", 0)


def test_the_bounds_of_the_design_are_in_force() -> None:
    """A7: T of the design, and no clock that is off by more than five seconds excuses."""
    assert timedelta(seconds=60) == EVIDENCE_LAG_MAX
    assert CLOCK_ERROR_US_MAX == 5_000_000


def test_the_reach_is_told() -> None:
    """A7: which records have an earliest time, and which a latest."""
    assert (THREE.seen_from, THREE.seen_to) == (10, 30)
    one = TimeWindows([saw(5, 1)])
    assert (one.seen_from, one.seen_to) == (5, 5)
    assert (TimeWindows().seen_from, TimeWindows().seen_to) == (None, None)


SIGHTS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 5000), st.integers(0, 5)), min_size=1, max_size=12
)


@given(SIGHTS, st.integers(0, 60), st.integers(-200, 6000))
@settings(max_examples=200, deadline=None)
def test_i1_i2_the_windows_say_what_the_sightings_say(
    told: list[tuple[int, int, int]], seq: int, seconds: int
) -> None:
    """A7: against the plain reading, one sighting at a time."""
    sightings = [saw(size, when, error) for size, when, error in told]
    latest = min((s.latest for s in sightings if s.size > seq), default=None)
    known = {m: min(s.earliest for s in sightings if s.size >= m) for m, _, _ in told}
    floors = [known[m] - EVIDENCE_LAG_MAX for m in known if m <= seq]
    early = bool(floors) and at(seconds) < max(floors)
    late = latest is not None and at(seconds) > latest
    assert outside(TimeWindows(sightings), seq, seconds) == (early or late)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=30), st.data())
@settings(max_examples=100, deadline=None)
def test_i3_an_honest_log_with_prompt_evidence_is_never_accused(
    steps: list[int], data: st.DataObject
) -> None:
    """A7: records at growing times; the newest tree seen at most the lag after it was read."""
    times = [float(sum(steps[: n + 1])) for n in range(len(steps))]
    sightings = []
    for size in data.draw(st.lists(st.integers(1, len(times)), max_size=8)):
        signed = times[size - 1]
        late = data.draw(st.floats(0, LAG))
        sightings.append(saw(size, signed + late))
    windows = TimeWindows(sightings)
    assert not [seq for seq, when in enumerate(times) if outside(windows, seq, when)]
