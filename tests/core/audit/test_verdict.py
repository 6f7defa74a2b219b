"""The words of a verdict: what none of them may leave out."""

import pytest
from pydantic import ValidationError

from counterseal.audit.verdict import (
    FINDINGS_KEPT_MAX,
    SEEN_BY,
    Attacker,
    AttackerVerdict,
    Finding,
    FindingAt,
    Outcome,
    Standing,
    Totals,
    Verdict,
)


def keeping(count: int) -> Verdict:
    """A verdict that keeps so many contradictions, of ten times as many."""
    found = FindingAt(seq=0, code=Finding.SEQ_GAP, layer="chain", message="words")
    return Verdict(
        outcome=Outcome.TAMPERED,
        exit_status=1,
        origin=None,
        root=None,
        totals=Totals(),
        attackers=(),
        findings=(found,) * count,
        findings_count=10 * count,
    )


def test_i1_every_contradiction_points_at_an_attacker() -> None:
    """Design 9: no code without a row of the table."""
    assert SEEN_BY.keys() == set(Finding)
    assert all(SEEN_BY.values())


@pytest.mark.parametrize("standing", Standing)
def test_i2_no_standing_without_a_reason(standing: Standing) -> None:
    """Design 9: what was not checkable is said, as is what was."""
    told = AttackerVerdict(attacker=Attacker.A1, verdict=standing, because=("words",))
    assert told.because == ("words",)
    with pytest.raises(ValidationError, match="because"):
        AttackerVerdict(attacker=Attacker.A1, verdict=standing, because=())


def test_i3_a_bounded_number_of_contradictions_is_kept_however_many_are_counted() -> None:
    """Design 9: the first hundred, and the count of all."""
    assert keeping(FINDINGS_KEPT_MAX).findings_count == 10 * FINDINGS_KEPT_MAX
    with pytest.raises(ValidationError, match="findings"):
        keeping(FINDINGS_KEPT_MAX + 1)
