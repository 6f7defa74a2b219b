"""The requests of a small universe: how many, around which thresholds, and samples of them."""

from itertools import islice

import pytest

from counterseal.policy.params import ApprovalParameters
from counterseal.policy.question import Reviewing
from counterseal.policy.units import UNLIMITED
from counterseal.policy.universe import compliance_from, universe
from counterseal.policy.words import Stage
from tests.core.policy.shelf import shipped

ASKED_MIN = 60_000


def test_the_universe_is_as_large_as_it_says() -> None:
    """Governance part 4: at least 60,000 requests of eight people, each asked once."""
    people, questions = set(), 0
    for asked, _ in universe(shipped().bundle.approval):
        people.add(asked.person.person_id)
        questions += 1
    assert (len(people), questions >= ASKED_MIN) == (8, True)


def test_i1_sizes_and_ages_stand_around_the_thresholds() -> None:
    """Governance part 4: below, at and above the size for compliance; around the longest age."""
    params = shipped().bundle.approval
    threshold, oldest = compliance_from(params), params.auth_age_max_seconds
    asked = [one for one, _ in universe(params)]
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
    whole = islice(universe(params), 0, None, every)
    assert some == [asked for asked, _ in islice(whole, 40)]
