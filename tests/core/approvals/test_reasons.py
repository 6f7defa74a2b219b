"""Reason codes are explained to people."""

from counterseal.approvals.reasons import ReasonCode
from tests.core.approvals.world import POLICIES


def test_every_code_has_a_heading_in_check_order() -> None:
    """TX-F10: refusal meanings in words."""
    text = (POLICIES / "reason-codes.md").read_text()
    places = [text.find(f"### {code.value}\n") for code in ReasonCode]
    assert -1 not in places
    assert places == sorted(places)
