"""What changed between the click and the commit, and words that would rather be programs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.approvals.review_checks import SignedReview
from counterseal.desk.commands import Outcome
from counterseal.kernel.errors import CountersealError
from counterseal.policy.words import DecisionWord, Role
from tests.desk.casework import codes, decided, signed_review, stored
from tests.desk.test_threads import HOSTILE
from tests.world import NONE, World

RESEARCH, PAPER = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
Change = Callable[[World], Outcome]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def role_withdrawn(world: World) -> Outcome:
    officer = world.actor("officer-1")
    return world.desk.leaving.withdraw_role(
        "researcher", Role.RESEARCH_REVIEWER, officer, key=world.key()
    )


def person_disabled(world: World) -> Outcome:
    return world.desk.leaving.disable("researcher", world.actor("officer-1"), key=world.key())


@pytest.mark.parametrize(
    ("change", "expected"),
    [(role_withdrawn, {"ROLE"}), (person_disabled, {"PERSON_DISABLED"})],
)
def test_a_right_that_ended_between_click_and_commit_decides_nothing(
    world: World, change: Change, expected: set[str]
) -> None:
    """Issue 4, abuse: prepared and signed while the right counted; judged anew at the commit, and
    the attempt is a record.
    """
    request_id = world.requested()
    signed = signed_review(world, request_id, "researcher", RESEARCH)
    assert isinstance(signed, SignedReview)
    before = stored(world, request_id)
    world.done(change(world))
    actor = world.actor("researcher")
    outcome = world.desk.approvals.review(request_id, signed, actor, key=world.key())
    assert expected <= set(codes(outcome))
    assert decided(world, request_id) == ()
    assert stored(world, request_id) == before
    assert world.log()[-1].type == "command.refused"


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_of_a_reviewer_stay_words(world: World, words: str) -> None:
    """Issue 4, abuse: SQL, templates, escapes and bidirectional text are committed to, kept out of
    the log, and change neither the case nor what others may do with it.
    """
    request_id = world.requested()
    signed = signed_review(world, request_id, "researcher", RESEARCH, words=words)
    assert isinstance(signed, SignedReview)
    send, actor = world.desk.approvals.review, world.actor("researcher")
    world.done(send(request_id, signed, actor, key=world.key()))
    [decision] = decided(world, request_id)
    assert decision.decision_reason.startswith("sha256:")
    assert not any(words.encode() in row.body for row in world.log())
    world.done(world.reviewed(request_id, "risk", PAPER))
    assert world.submitted(request_id).accepted
    assert world.verdict().outcome == "ok"


def test_words_without_end_are_refused_and_nothing_is_lost(world: World) -> None:
    """Issue 4, abuse: a huge reason is bad input before anything is signed."""
    request_id, size = world.requested(), len(world.log())
    with pytest.raises((CountersealError, ValueError)):
        world.desk.approvals.prepare(
            request_id,
            RESEARCH,
            "x" * 100_000,
            world.actor("researcher"),
            shown_hash=NONE,
            key=world.key(),
        )
    assert len(world.log()) == size
    assert world.reviewed(request_id, "researcher", RESEARCH).accepted
