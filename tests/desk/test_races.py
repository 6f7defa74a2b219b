"""Many hands on one seat, on the real store."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from counterseal.approvals.review_checks import SignedReview
from counterseal.policy.words import DecisionWord
from tests.desk.casework import codes, crowd, decided, race, signed_review
from tests.world import World

MANY = 50


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_of_fifty_decisions_on_one_seat_one_wins_and_the_rest_lost_the_race(world: World) -> None:
    """TX-F18, governance 2.5: all signed the same open seat; each loser is recorded."""
    names = crowd(world, MANY)
    request_id = world.requested()
    outcomes = race(world, request_id, names)
    counted = Counter("accepted" if o.accepted else codes(o)[0] for o in outcomes)
    assert counted == {"accepted": 1, "LOST_RACE": MANY - 1}
    assert len(decided(world, request_id)) == 1
    assert world.rows("SELECT count(*) FROM commands WHERE name = 'approvals.review'") == [(MANY,)]
    assert world.verdict().outcome == "ok"


def test_a_late_rejection_of_an_approved_seat_changes_nothing(world: World) -> None:
    """Governance 2.5: a late review is recorded with LOST_RACE first, and has no effect."""
    request_id = world.requested()
    late = signed_review(world, request_id, "compliance", DecisionWord.REJECTED)
    assert isinstance(late, SignedReview)
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    outcome = world.desk.approvals.review(
        request_id, late, world.actor("compliance"), key=world.key()
    )
    assert codes(outcome)[0] == "LOST_RACE"
    assert world.log()[-1].type == "command.refused"
    assert len(decided(world, request_id)) == 1


def test_two_submits_on_one_approval_make_one_intent(world: World) -> None:
    """TX-Z2, governance invariant 7: one order, whoever comes first."""
    request_id = world.approved()
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda key: world.submitted(request_id, key=key), ("a", "b")))
    assert sorted(codes(o) for o in outcomes) == [(), ("ALREADY_CONSUMED",)]
    assert world.rows("SELECT count(*) FROM intents") == [(1,)]
    assert len(world.fills()) == 1
