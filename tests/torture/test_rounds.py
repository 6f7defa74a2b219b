"""A sample of `python -m tests.torture rounds`; issue point "fault and load tests"."""

import random
from collections.abc import Iterator

import pytest

from tests.torture import rounds

SAMPLE = 3
SEED = 11


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rounds.Floor]:
    dice = random.Random(SEED)  # noqa: S311 - a seeded plan, no secret
    with rounds.opened(tmp_path_factory.mktemp("rounds"), dice) as floor:
        yield floor


def test_a_fault_between_dispatchers_and_their_server_loses_and_doubles_nothing(
    floor: rounds.Floor,
) -> None:
    """Workflow 4 and 6: effects exactly once, whoever dies and whatever falls silent."""
    assert list(rounds.strikes(floor, SAMPLE)) == []
    assert len(floor.met) == SAMPLE


def test_what_is_lost_or_never_submitted_is_found(floor: rounds.Floor) -> None:
    """The campaign can fail: an order that nobody stored, and a request that nobody claims."""
    for one in floor.dispatchers:
        one.kill()
    floor.dispatchers[0].acknowledged.add("ord_invented")
    assert list(rounds.unsound(floor, whole=False)) == ["acknowledged and lost: ord_invented"]

    waits = floor.world.approved(quantity=1)
    assert list(rounds.settled(floor.world, [waits], enough=1)) == [
        f"{waits} was approved and never submitted"
    ]
