"""What no policy may allow, tried on a small universe."""

import pytest

from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.sweep import WORDS, Invariant, invariants, sweep
from tests.core.policy.shelf import lacking, shipped

SAMPLE = 199
"""Asks every 199th request; what few requests show is looked for in a sample that has them."""


def planted(*rules: str) -> PolicyBundle:
    bundle = shipped().bundle
    return bundle.amended(rules=lacking(bundle.rules, *rules))


def test_the_shipped_policy_keeps_every_invariant() -> None:
    """N5; governance part 4: a sample here, everything in `make torture`."""
    report = sweep(shipped().bundle, every=61)
    assert report.holds, report.violations
    assert 0 < report.allowed < report.asked


@pytest.mark.parametrize(
    ("rules", "number", "every"),
    [
        (("sod.requester_may_not_review",), 1, SAMPLE),
        (("sod.distinct_reviewers",), 2, SAMPLE),
        (("sod.delegation_conflict",), 1, SAMPLE),
        (("order.research_first",), 3, SAMPLE),
        (("order.risk_first",), 3, 160),
        (("threshold.compliance_required",), 4, 51),
        (("bind.payload",), 5, SAMPLE),
        (("tenant.isolation",), 6, SAMPLE),
        (("stepup.fresh_auth",), 7, SAMPLE),
        (("state.terminal",), 8, SAMPLE),
        (("state.open_only",), 8, SAMPLE),
        (("role.strategy",), 9, SAMPLE),
        (("state.approved_only", "state.ended"), 8, SAMPLE),
    ],
)
def test_a_policy_without_a_rule_breaks_its_invariant(
    rules: tuple[str, ...], number: int, every: int
) -> None:
    """N5: each of the nine is found to be broken, with an example in words."""
    report = sweep(planted(*rules), every=every)
    broken = {violation.invariant: violation for violation in report.violations}
    assert number in broken
    assert "; allowed by " in broken[number].example
    assert not report.holds


def test_two_mutants_are_found_with_a_counterexample() -> None:
    """Issue: without distinct reviewers, and without order."""
    (twice,) = sweep(planted("sod.distinct_reviewers"), every=SAMPLE).violations
    assert twice.sentence == "nobody decides twice on one request"
    assert twice.example.startswith("researcher of tenant-a; ")
    assert "; reviewed by researcher" in twice.example
    (early,) = sweep(planted("order.research_first", "order.risk_first"), every=SAMPLE).violations
    assert early.sentence == "research comes before risk, and both before compliance"


def test_i2_an_engine_that_cannot_decide_is_a_violation() -> None:
    """I2: an overflow in a forbid would skip it; nothing counts as refused by accident."""
    bundle = shipped().bundle
    text = bundle.rules.rules.replace(
        "context.auth_age_s < 0", "context.auth_age_s + 9223372036854775807 < 0"
    )
    report = sweep(bundle.amended(rules=bundle.rules.amended(rules=text)), every=SAMPLE)
    assert report.violations[0].invariant == 0
    assert "not decided" in report.violations[0].example


def test_rules_that_do_not_load_break_everything() -> None:
    """I2: an empty rule text answers nothing."""
    bundle = shipped().bundle
    report = sweep(bundle.amended(rules=bundle.rules.amended(rules="permit(")), every=SAMPLE)
    assert (report.violations[0].invariant, report.allowed) == (0, 0)


def test_a_universe_without_requests_shows_nothing() -> None:
    """Any-of over nothing refuses: an empty sweep does not hold."""
    report = sweep(shipped().bundle, every=SAMPLE)
    assert not report.amended(asked=0, allowed=0).holds


def test_there_are_nine_invariants_and_it_says_what_it_is() -> None:
    """Governance part 4: a check over a small universe, never called a proof."""
    rules = invariants(shipped().bundle.approval)
    assert len(rules) == 9
    assert all(isinstance(rule, Invariant) for rule in rules)
    assert WORDS == "a check over a small universe, not a proof"
