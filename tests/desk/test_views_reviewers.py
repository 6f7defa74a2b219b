"""Numbers about reviewers: what is counted, and that no input breaks them."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.views.reviewers import (
    HASTY_SECONDS,
    CaseResult,
    ReviewerRecord,
    ReviewersView,
    reviewer_records,
    reviewers,
)
from counterseal.desk.views.standing import Case
from counterseal.desk.views.turns import cases_of
from counterseal.identity.people import Person, Role
from counterseal.kernel.money import Currency
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.words import DecisionWord, Stage
from counterseal.signals.model import Direction
from tests.desk.bulk_room import Room, accepted
from tests.world import START, World

RESEARCH = DecisionWord.RESEARCH_APPROVED
PAPER = DecisionWord.APPROVED_FOR_PAPER
COUNTS = ("decisions", "approvals", "hasty", "unshown", "bulk", "rubber_stamps", "losing_cases")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield made
    made.store.close()


def view(world: World) -> ReviewersView:
    with world.store.reader() as reader:
        return reviewers(reader, world.desk.bench.bundle.approval, world.clock.now())


def record(world: World, name: str) -> ReviewerRecord:
    [found] = [one for one in view(world).reviewers if one.person_id == name]
    return found


def test_a_reviewer_who_decided_nothing_is_listed_with_nothing(world: World) -> None:
    """N11: everybody who may review, by id; a rate of nothing is no number."""
    found = view(world)
    assert [r.person_id for r in found.reviewers] == ["compliance", "quant", "researcher", "risk"]
    assert (found.label, found.hasty_seconds) == ("paper simulation", HASTY_SECONDS)
    for one in found.reviewers:
        assert [getattr(one, name) for name in COUNTS] == [0] * len(COUNTS)
        assert (one.approve_rate, one.rubber_stamp_rate, one.due_to_decided_seconds) == (None,) * 3


@pytest.mark.parametrize(("waited", "hasty"), [(HASTY_SECONDS - 1, 1), (HASTY_SECONDS, 0)])
def test_haste_is_measured_from_when_the_stage_was_due(
    world: World, waited: int, hasty: int
) -> None:
    """N11: seconds to decision; the second stage is due with the first one's approval."""
    request_id = world.requested()
    world.after(500)
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    world.after(waited)
    world.done(world.reviewed(request_id, "risk", PAPER))
    assert record(world, "researcher").due_to_decided_seconds == 500
    found = record(world, "risk")
    assert found.due_to_decided_seconds == waited
    assert found.hasty == hasty
    assert found.shown_to_decided_seconds == 0


def test_an_approval_without_anything_shown_is_a_stamp_and_a_rejection_never(
    world: World,
) -> None:
    """N7: the signed statement says what was shown; here it says nothing."""
    request_id = world.requested()
    world.after(500)
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    world.after(500)
    world.done(world.reviewed(request_id, "risk", DecisionWord.REJECTED))
    stamped, careful = record(world, "researcher"), record(world, "risk")
    assert (stamped.unshown, stamped.rubber_stamps) == (1, 1)
    assert stamped.rubber_stamp_rate == 1
    assert (careful.unshown, careful.rubber_stamps, careful.rubber_stamp_rate) == (1, 0, None)
    assert stamped.approve_rate == 1
    assert careful.approve_rate == 0


def test_later_losses_come_back_to_those_who_approved(world: World) -> None:
    """N11: the order that closed at a loss counts for the signers of its own approval."""
    world.done(world.submitted(world.approved()))
    world.quote(bid="19899", ask="19900")
    world.after(60)
    world.quote(bid="19899", ask="19900")
    closing = world.approved(direction=Direction.SHORT)
    world.done(world.submitted(closing))
    for name in ("researcher", "risk"):
        found = record(world, name)
        assert found.losing_cases == 1
        [loss] = found.losses
        assert loss.currency is Currency.TWD
        assert loss.amount > 0
    assert record(world, "compliance").losses == ()


def test_what_was_signed_with_others_as_one_is_counted_as_bulk(world: World) -> None:
    """N11 and N12: the share of decisions that came out of one ceremony."""
    room = Room(world)
    together = [world.requested() for _ in range(2)]
    alone = world.requested()
    world.after(500)
    items = room.reviewed("researcher", RESEARCH, *together)
    assert accepted(items) == set(together)
    world.done(world.reviewed(alone, "researcher", RESEARCH))
    found = record(world, "researcher")
    assert (found.decisions, found.bulk) == (3, 2)
    assert found.bulk_rate == Decimal("0.6667")
    assert found.hasty == 0


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, ApprovalParameters]:
    """A real case with one decision, and the law."""
    made = World(tmp_path_factory.mktemp("reviewers") / "home")
    request_id = made.requested()
    made.done(made.reviewed(request_id, "researcher", RESEARCH))
    with made.store.reader() as reader:
        [case] = cases_of(reader, *reader.find(ApprovalRequest))
    rules = made.desk.bench.bundle.approval
    made.store.close()
    return case, rules


GIVEN = st.tuples(
    st.sampled_from(["ann", "ben", "cy"]),
    st.sampled_from(list(DecisionWord)),
    st.sampled_from(list(Stage)),
    st.integers(0, 5000),
    st.integers(-1000, 1000),
    st.sampled_from(["", "e30=", "bnVsbA==", "not base64"]),
)


def cases(ground: Case, told: list[tuple[str, DecisionWord, Stage, int, int, str]]) -> list[Case]:
    """One case for each decision that is told, under ids of their own."""
    request, decision = ground.request, ground.decisions[0]
    made = []
    for number, (name, word, stage, waited, opened, payload) in enumerate(told):
        decided = START + timedelta(seconds=waited)
        one = decision.amended(
            approval_decision_id=f"dec_{number}",
            approval_request_id=f"apr_{number}",
            reviewer_id=name,
            decision=word,
            stage=stage,
            decided_at=decided,
            issued_at=decided - timedelta(seconds=opened),
            signature=decision.signature.amended(payload=payload or decision.signature.payload),
        )
        made.append(Case(request.amended(approval_request_id=f"apr_{number}"), (one,)))
    return made


def results(pnls: list[int]) -> list[CaseResult]:
    return [
        CaseResult(approval_request_id=f"apr_{n}", currency=Currency.TWD, realized_pnl=Decimal(pnl))
        for n, pnl in enumerate(pnls)
    ]


def counts(records: tuple[ReviewerRecord, ...]) -> dict[str, list[int]]:
    return {r.person_id: [getattr(r, name) for name in COUNTS] for r in records}


@settings(max_examples=100, deadline=None)
@given(
    told=st.lists(GIVEN, max_size=8),
    more=GIVEN,
    pnls=st.lists(st.integers(-9, 9), max_size=9),
)
def test_i1_another_decision_lowers_no_count_and_i2_no_rate_divides_by_nothing(
    ground: tuple[Case, ApprovalParameters],
    told: list[tuple[str, DecisionWord, Stage, int, int, str]],
    more: tuple[str, DecisionWord, Stage, int, int, str],
    pnls: list[int],
) -> None:
    """I1, I2: any decisions, also with unreadable statements and clocks that ran backwards."""
    case, rules = ground
    idle = Person(
        person_id="idle",
        tenant="tenant-1",
        handle="idle",
        roles=(Role.RISK_REVIEWER,),
        created_at=START,
    )
    people = {"idle": idle}
    before = reviewer_records(people, rules, cases(case, told), results(pnls))
    after = reviewer_records(people, rules, cases(case, [*told, more]), results(pnls))
    fewer, least = counts(after), counts(before)
    assert least["idle"] == fewer["idle"] == [0] * len(COUNTS)
    for name, numbers in least.items():
        assert all(a >= b for a, b in zip(fewer[name], numbers, strict=True))
    for one in after:
        assert one.rubber_stamps <= one.approvals <= one.decisions
        assert (one.approve_rate is None) is (one.decisions == 0)
        assert (one.rubber_stamp_rate is None) is (one.approvals == 0)


def test_a_decision_of_a_stranger_is_counted_all_the_same(
    ground: tuple[Case, ApprovalParameters],
) -> None:
    """A register that lost a person hides nobody's decisions."""
    case, rules = ground
    decided: ApprovalDecision = case.decisions[0]
    [only] = reviewer_records({}, rules, [case], [])
    assert (only.person_id, only.decisions, only.labels) == (decided.reviewer_id, 1, ())
