"""When a signing drill is due, whatever the times."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from counterseal.identity.drills import drill_due
from tests.core.identity.town import NOW

EVERY = timedelta(days=90)


@given(st.timedeltas(timedelta(0), timedelta(days=2_000)))
def test_i2_a_drill_is_due_from_its_instant_on_without_a_gap(age: timedelta) -> None:
    """Governance 1 (liveness): none while the signature is young, one at every later moment."""
    now = NOW + age
    due = drill_due(NOW, EVERY, now)
    assert (due is None) is (age < EVERY)
    if due is not None:
        assert due.since <= now < due.until
        assert due.until - due.since == EVERY


def test_i2_the_instant_itself_is_due() -> None:
    """Half-open, from both sides."""
    step = timedelta(microseconds=1)
    assert drill_due(NOW, EVERY, NOW + EVERY - step) is None
    first = drill_due(NOW, EVERY, NOW + EVERY)
    assert first is not None
    assert first.since == NOW + EVERY
    later = drill_due(NOW, EVERY, first.until)
    assert later is not None
    assert later.since == first.until
