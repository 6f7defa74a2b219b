"""What an approval serves for: uses, answers, and what is checked again at each submit."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.approvals.model import RequestStatus
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.views.threads import CaseThread, case_thread
from counterseal.oms.states import OrderState
from counterseal.policy.words import DecisionWord
from tests.desk.casework import amended, codes, stored
from tests.world import World

RESEARCH, RISK = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def asked(world: World, quantity: int = 1, **changes: object) -> Outcome:
    payload = world.payload(world.signal(), quantity=quantity).amended(**changes)
    return world.desk.approvals.request(payload, world.actor("quant"), key=world.key())


def approved(world: World, quantity: int = 1, **changes: object) -> str:
    request_id = world.done(asked(world, quantity, **changes))
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    world.done(world.reviewed(request_id, "risk", RISK))
    return request_id


def test_an_approval_serves_as_often_as_it_states_and_no_more(world: World) -> None:
    """TX-F18: two uses of one contract each; the third is refused; every order is its own."""
    request_id = approved(world, uses_max=2)
    first = world.done(world.submitted(request_id, quantity=1, key="use-1"))
    assert stored(world, request_id).status is RequestStatus.APPROVED_FOR_PAPER
    world.quote()
    second = world.done(world.submitted(request_id, quantity=1, key="use-2"))
    request = stored(world, request_id)
    assert request.orders == (first, second)
    assert (request.status, request.consumed_by_order) == (RequestStatus.CONSUMED, second)
    world.quote()
    assert codes(world.submitted(request_id, quantity=1)) == ("ALREADY_CONSUMED",)
    again = world.submitted(request_id, quantity=1, key="use-1")
    assert (again.subject_id, again.replayed) == (first, True)
    assert len(world.fills()) == 2
    assert world.verdict().outcome == "ok"


def test_the_maximum_bounds_each_order_of_an_approval(world: World) -> None:
    """Governance 2.2: `max_quantity` per order, `uses_max` their number."""
    request_id = approved(world, 2, uses_max=2)
    assert "PAYLOAD_CHANGED" in codes(world.submitted(request_id, quantity=3))
    world.done(world.submitted(request_id, quantity=2))
    world.quote()
    assert "PAYLOAD_CHANGED" in codes(world.submitted(request_id, quantity=3))
    world.done(world.submitted(request_id, quantity=2))


def test_more_uses_than_the_policy_allows_are_refused(world: World) -> None:
    """Policy: ten uses at the most; at the bound it passes."""
    assert codes(asked(world, uses_max=11)) == ("USES_ABOVE_POLICY",)
    assert asked(world, uses_max=10).accepted


def test_a_used_approval_is_not_amended_and_fewer_uses_carry(world: World) -> None:
    """Governance 2.3: amended before the first use only."""
    request_id = approved(world, uses_max=3)
    fewer = world.done(amended(world, request_id, {"uses_max": 2}))
    assert stored(world, fewer).status is RequestStatus.APPROVED_FOR_PAPER
    world.done(world.submitted(fewer, quantity=1))
    assert "ALREADY_CONSUMED" in codes(amended(world, fewer, {"uses_max": 1}))
    more = world.done(amended(world, approved(world, uses_max=1), {"uses_max": 2}))
    assert stored(world, more).status is RequestStatus.PENDING_REVIEW


def test_a_request_answers_an_own_one_that_needed_data(world: World) -> None:
    """Governance 2.1: the citation is bound; both views show it."""
    old = world.done(asked(world))
    world.done(world.reviewed(old, "researcher", DecisionWord.NEEDS_DATA))
    new = world.done(asked(world, answers=old))
    assert stored(world, new).payload.answers == old
    assert stored(world, new).request_hash != stored(world, old).request_hash
    with world.store.reader() as reader:
        matrix = world.desk.bench.bundle.approval.void_matrix
        seen = [case_thread(reader, case, matrix) for case in (old, new)]
    told = [(t.answers, t.answered_by) for t in seen if isinstance(t, CaseThread)]
    assert told == [(None, (new,)), (old, ())]


def test_nothing_else_can_be_answered(world: World) -> None:
    """Governance 2.1: not a pending, rejected, unknown or foreign one."""
    pending, rejected, foreign = (world.done(asked(world)) for _ in range(3))
    world.done(world.reviewed(rejected, "researcher", DecisionWord.REJECTED))
    world.done(world.reviewed(foreign, "researcher", DecisionWord.NEEDS_DATA))
    world.forge(
        "UPDATE approval_requests SET requester_id = 'researcher' WHERE approval_request_id = ?",
        foreign,
    )
    for cited in (pending, rejected, foreign, "apr_none"):
        assert codes(asked(world, answers=cited)) == ("ANSWER_INVALID",)


def test_a_price_that_left_its_bounds_is_refused_and_the_approval_stays(world: World) -> None:
    """TX-G4: checked at the market of the submit; at the bound it passes."""
    request_id = approved(world, price_max=Decimal(20_100))
    world.quote(bid="20101", ask="20102")
    assert "PAYLOAD_CHANGED" in codes(world.submitted(request_id, quantity=1))
    assert stored(world, request_id).status is RequestStatus.APPROVED_FOR_PAPER
    world.quote(bid="20100", ask="20101")
    assert world.submitted(request_id, quantity=1).accepted


def test_limits_that_changed_since_reject_the_order_and_the_approval_is_spent(
    world: World,
) -> None:
    """Governance 2.10: an order that risk rejects has consumed its approval."""
    request_id = approved(world)
    bench = world.desk.bench
    limits = bench.bundle.limits
    tight = limits.amended(max_tx_equivalent_exposure=Decimal("0.01"))
    world.desk = Desk(replace(bench, bundle=bench.bundle.amended(limits=tight)))
    outcome = world.submitted(request_id, quantity=1)
    assert "MAX_EXPOSURE" in codes(outcome)
    assert world.order(outcome.subject_id).state is OrderState.REJECTED
    assert stored(world, request_id).status is RequestStatus.CONSUMED
    world.desk = Desk(bench)
    assert "ALREADY_CONSUMED" in codes(world.submitted(request_id, quantity=1))
    assert world.fills() == ()


def test_a_position_that_would_breach_now_rejects_the_order(world: World) -> None:
    """Governance 2.10: both were approved on an empty book; only the first fits."""
    first, second = approved(world, 4), approved(world, 4)
    world.done(world.submitted(first, quantity=4))
    world.quote()
    outcome = world.submitted(second, quantity=4)
    assert codes(outcome) == ("POSITION_LIMIT",)
    assert stored(world, second).status is RequestStatus.CONSUMED
    assert len(world.fills()) == 1
