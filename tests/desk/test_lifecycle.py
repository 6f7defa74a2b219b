"""Orders after their submit: resting, cancelled, timed out."""

from pathlib import Path

import pytest

from counterseal.broker.model import SimulationOutcome
from counterseal.desk.orders import Submission
from counterseal.kernel.model import Refusal
from counterseal.oms.model import ExecutionReport, Order
from counterseal.oms.states import OrderState
from counterseal.portfolio.model import Position
from tests.world import ACCOUNT, SYMBOL, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def resting(world: World) -> Order:
    asked = Submission(
        approval_request_id=world.approved(),
        quantity=4,  # type: ignore[arg-type]  # a whole number is exact
        selected_outcome=SimulationOutcome.ACKNOWLEDGE,
    )
    order_id = world.done(world.desk.orders.submit(asked, world.actor("operator"), key=world.key()))
    return stored(world, order_id)


def stored(world: World, order_id: str) -> Order:
    with world.desk.bench.store.reader() as reader:
        order = reader.get(Order, order_id)
    assert order is not None
    return order


def marked(world: World, order: Order, *, name: str = "operator", run: str | None = None) -> object:
    return world.desk.lifecycle.mark_timeout(
        order.order_id,
        world.actor(name),
        workflow_run_id=run or order.workflow_run_id,
        reason="no answer in time",
        key=world.key(),
    ).refusal


def test_a_resting_order_fills_against_a_later_quote_only(world: World) -> None:
    """TX-G8: acknowledge stops at ACCEPTED; a later quote fills it, the same one does not."""
    order = resting(world)
    operator = world.actor("operator")
    early = world.desk.lifecycle.work(order.order_id, operator, key=world.key())
    world.after(5)
    world.quote()

    filled = world.desk.lifecycle.work(order.order_id, operator, key=world.key())

    assert early.refusal is not None
    assert early.refusal.code == "QUOTE_NOT_LATER"
    assert filled.accepted
    assert stored(world, order.order_id).state is OrderState.FILLED
    with world.desk.bench.store.reader() as reader:
        position = reader.get(Position, f"{ACCOUNT}:{SYMBOL}")
    assert position is not None
    assert position.quantity == 4


def test_a_cancelled_order_is_reported_and_takes_no_second_cancel(world: World) -> None:
    """TX-G8: CANCEL_REQUEST, CANCEL; a second one is a recorded refusal."""
    order = resting(world)
    lifecycle, operator = world.desk.lifecycle, world.actor("operator")

    first = lifecycle.cancel(order.order_id, operator, reason="not wanted", key=world.key())
    second = lifecycle.cancel(order.order_id, operator, reason="not wanted", key=world.key())

    assert first.accepted
    assert stored(world, order.order_id).state is OrderState.CANCELLED
    assert second.refusal is not None
    assert second.refusal.code == "TRANSITION_NOT_ALLOWED"


def test_only_an_operator_cancels_or_marks(world: World) -> None:
    order = resting(world)
    world.after(60)

    refused = world.desk.lifecycle.cancel(
        order.order_id, world.actor("quant"), reason="mine", key=world.key()
    )

    assert refused.refusal is not None
    assert refused.refusal.code == "ROLE"
    refusal = marked(world, order, name="risk")
    assert isinstance(refusal, Refusal)
    assert refusal.code == "ROLE"


@pytest.mark.parametrize(("seconds", "found"), [(29.9, 0), (30, 1)])
def test_a_candidate_is_an_open_order_of_at_least_the_given_age(
    world: World, seconds: float, found: int
) -> None:
    """TX-I8: 29.9 and 30 seconds."""
    resting(world)
    world.after(seconds)

    assert len(world.desk.lifecycle.timeouts(world.clock.now())) == found


def test_a_preview_leaves_no_trace(world: World) -> None:
    """TX-I9: nothing is written."""
    order = resting(world)
    world.after(60)
    before = world.settings.database_file.read_bytes()

    change = world.desk.lifecycle.preview_timeout(
        order.order_id, workflow_run_id=order.workflow_run_id, now=world.clock.now()
    )

    assert not isinstance(change, Refusal)
    assert world.settings.database_file.read_bytes() == before
    assert stored(world, order.order_id) == order


def test_a_mark_expires_the_order_once_and_names_its_action(world: World) -> None:
    """TX-I9, TX-K1: EXPIRE event and report, `timeout_marked`; a second mark is refused."""
    order = resting(world)
    world.after(60)

    first, second = marked(world, order), marked(world, order)

    assert first is None
    assert isinstance(second, Refusal)
    assert second.code == "ORDER_TERMINAL"
    after = stored(world, order.order_id)
    assert after.state is OrderState.EXPIRED
    with world.desk.bench.store.reader() as reader:
        reports = reader.find(ExecutionReport, order_id=order.order_id)
    assert reports[-1].execution_type == "EXPIRE"
    assert reports[-1].leaves_quantity == 0


def test_a_mark_too_early_or_of_another_run_is_refused(world: World) -> None:
    """TX-I9: too young, run and order mismatch."""
    order = resting(world)
    young = marked(world, order)
    world.after(60)
    other = marked(world, order, run="paper-workflow-0000000000000000")

    assert isinstance(young, Refusal)
    assert young.code == "TIMEOUT_TOO_YOUNG"
    assert isinstance(other, Refusal)
    assert other.code == "RUN_ORDER_MISMATCH"


def test_a_part_of_a_contract_is_refused(world: World) -> None:
    asked = Submission.model_validate_json(
        f'{{"approval_request_id": "{world.approved()}", "quantity": "1.5"}}'
    )

    refused = world.desk.orders.submit(asked, world.actor("operator"), key=world.key()).refusal

    assert refused is not None
    assert refused.code == "QUANTITY_NOT_WHOLE"


def test_a_key_answers_only_the_actor_who_used_it(world: World) -> None:
    """TX-G9: the first answer is not for somebody else."""
    order, key = resting(world), world.key()
    lifecycle = world.desk.lifecycle
    lifecycle.cancel(order.order_id, world.actor("operator"), reason="not wanted", key=key)

    other = lifecycle.cancel(order.order_id, world.actor("risk"), reason="not wanted", key=key)

    assert other.refusal is not None
    assert other.refusal.code == "IDEMPOTENCY_KEY_CONFLICT"


def test_only_a_set_up_role_touches_the_heartbeat(world: World) -> None:
    refused = world.desk.setup.heartbeat(
        ACCOUNT, world.actor("quant"), healthy=True, key=world.key()
    ).refusal

    assert refused is not None
    assert refused.code == "ROLE"
