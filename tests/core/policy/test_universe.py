"""The requests of a small universe: how many, around which thresholds, and samples of them."""

from functools import cache
from itertools import islice

import pytest

from counterseal.policy.params import ApprovalParameters
from counterseal.policy.question import Reviewing
from counterseal.policy.units import UNLIMITED
from counterseal.policy.universe import Asked, compliance_from, universe
from counterseal.policy.words import Stage
from tests.core.policy.shelf import shipped

ASKED_MIN = 60_000


@cache
def everything() -> tuple[Asked, ...]:
    """The whole universe of the shipped policy, listed once."""
    return tuple(asked for asked, _ in universe(shipped().bundle.approval))


def test_the_universe_is_as_large_as_it_says() -> None:
    """Governance part 4: at least 60,000 requests of eight people, each asked once."""
    people = {asked.person.person_id for asked in everything()}
    assert (len(people), len(everything()) >= ASKED_MIN) == (8, True)


def test_i1_sizes_and_ages_stand_around_the_thresholds() -> None:
    """Governance part 4: below, at and above the size for compliance; around the longest age."""
    params = shipped().bundle.approval
    threshold, oldest = compliance_from(params), params.auth_age_max_seconds
    asked = everything()
    ages = {one.context.auth_age_s for one in asked if isinstance(one.context, Reviewing)}

    sizes = {one.request.notional for one in asked}

    assert sizes == {1, threshold - 1, threshold, threshold + 1}
    assert ages == {-1, oldest, oldest + 1}


def test_without_a_stage_of_compliance_no_size_needs_one() -> None:
    """Governance part 4: no threshold is a threshold that nothing reaches."""
    assert compliance_from(lacking_compliance(shipped().bundle.approval)) == UNLIMITED


def lacking_compliance(params: ApprovalParameters) -> ApprovalParameters:
    stages = tuple(rule for rule in params.stages if rule.id is not Stage.COMPLIANCE)
    return params.amended(stages=stages)


@pytest.mark.parametrize("every", [2, 19, 500])
def test_i2_a_sample_is_every_nth_request(every: int) -> None:
    """A sample asks what the whole asks, in the same order."""
    params = shipped().bundle.approval
    some = [asked for asked, _ in islice(universe(params, every), 40)]
    assert some == [*islice(everything(), 0, 40 * every, every)]
