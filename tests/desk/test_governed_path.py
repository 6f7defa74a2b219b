"""From an approved request to a paper fill, on the real store."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.booking import answer_order
from counterseal.desk.desk import Desk
from counterseal.desk.orders import Submission
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.model import Refusal
from counterseal.oms.model import OrderEvent
from counterseal.oms.states import OrderState
from counterseal.policy.words import DecisionWord
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.model import Direction
from storage.system import ReplayClock
from tests.world import START, World

ACTIONS = (
    "approval_request_verified",
    "intent_created",
    "risk_evaluated",
    "broker_simulation_model_evaluated",
    "paper_broker_simulated",
    "oms_lifecycle_recorded",
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def steps(world: World, order_id: str) -> list[str]:
    with world.store.reader() as reader:
        events = reader.find(OrderEvent, order_id=order_id)
    return [str(e.event) for e in sorted(events, key=lambda e: e.sequence)]


def actions(world: World) -> set[str]:
    found = world.rows("SELECT DISTINCT json_extract(body, '$.action') FROM audit_records")
    return {str(action) for (action,) in found}


def test_an_approved_request_fills_at_the_ask_and_the_log_verifies(world: World) -> None:
    """TX-G1, TX-J13: signal, request, reviews, intent, risk, broker, booking, sealed."""
    request_id = world.approved()
    outcome = world.submitted(request_id)
    order = world.order(world.done(outcome))
    assert order.state is OrderState.FILLED
    assert order.average_price == Decimal(20_000)
    assert [f.last_quantity for f in world.fills()] == [Decimal(4)]
    verdict = world.verdict()
    assert verdict.outcome == "ok", verdict.findings
    assert outcome.sealed_size == verdict.totals.size


def test_an_order_is_refused_before_it_is_approved(world: World) -> None:
    """TX-G4: a pending and a half-reviewed request have no approval."""
    pending = world.requested()
    refusal = world.submitted(pending).refusal
    assert refusal is not None
    assert "STAGES_MISSING" in refusal.codes
    world.done(world.reviewed(pending, "researcher", DecisionWord.RESEARCH_APPROVED))
    refusal = world.submitted(pending).refusal
    assert refusal is not None
    assert "STAGES_MISSING" in refusal.codes
    assert world.rows("SELECT * FROM orders") == []


@pytest.mark.parametrize("word", [DecisionWord.REJECTED, DecisionWord.NEEDS_DATA])
def test_a_case_that_reviewers_did_not_approve_cannot_be_submitted(
    world: World, word: DecisionWord
) -> None:
    """TX-G4: a rejected or returned case has no approval."""
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", word))
    assert not world.submitted(request_id).accepted
    assert world.rows("SELECT * FROM orders") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("signal_id", "signal-other"),
        ("strategy_id", "momentum"),
        ("strategy_version", "9.9.9"),
        ("direction", "SHORT"),
        ("target_tx_equivalent", "5"),
        ("max_quantity", "20"),
    ],
)
def test_a_bound_field_changed_after_approval_is_refused(
    world: World, field: str, value: str
) -> None:
    """TX-G4: signal, strategy, version, direction, target and size are those approved."""
    request_id = world.approved()
    world.forge(f"UPDATE approval_requests SET payload = json_set(payload, '$.{field}', ?)", value)
    refusal = world.submitted(request_id).refusal
    assert refusal is not None
    assert "CHAIN_BROKEN" in refusal.codes
    assert world.fills() == ()
    assert world.rows("SELECT * FROM orders") == []


def test_a_quantity_beyond_the_approval_is_refused_and_the_approved_one_passes(
    world: World,
) -> None:
    """TX-G4, TX-G10: never above the approved maximum; at it, yes."""
    request_id = world.approved(quantity=3)
    refusal = world.submitted(request_id, quantity=4).refusal
    assert refusal is not None
    assert "PAYLOAD_CHANGED" in refusal.codes
    assert world.submitted(request_id, quantity=3).accepted


def test_a_risk_rejection_leaves_a_rejected_order_and_asks_no_broker(world: World) -> None:
    """TX-G5: a quote of age 4 s; order kept REJECTED, no fill, named in the log."""
    request_id = world.approved()
    world.quote(age_seconds=4)
    outcome = world.submitted(request_id)
    assert outcome.refusal is not None
    assert outcome.refusal.codes == ("STALE_QUOTE",)
    assert world.order(outcome.subject_id).state is OrderState.REJECTED
    assert steps(world, outcome.subject_id) == ["CREATE", "RISK_REJECT"]
    assert world.fills() == ()
    assert "paper_execution.rejected_by_risk_engine" in actions(world)
    assert "paper_execution.paper_broker_simulated" not in actions(world)


def test_a_quote_of_three_seconds_is_still_fresh(world: World) -> None:
    """TX-G5, TX-H6: at the limit it passes."""
    request_id = world.approved()
    world.quote(age_seconds=3)
    assert world.submitted(request_id).accepted


def test_the_gateway_refuses_an_order_whose_evaluation_is_not_approved(world: World) -> None:
    """TX-G6: refusal, no broker event."""

    def stop(step: str) -> None:
        if step == "recorded" and world.rows("SELECT * FROM risk_evaluations"):
            raise KeyboardInterrupt

    request_id = world.approved()
    world.reopen(stop)
    with pytest.raises(KeyboardInterrupt):
        world.submitted(request_id, key="stopped")
    world.reopen()
    world.forge("UPDATE risk_evaluations SET approved = 0")
    [(order_id,)] = world.rows("SELECT order_id FROM orders")
    order = world.order(str(order_id))
    assert order.state is OrderState.RISK_CHECKED
    with world.store.reader() as reader:
        unjudged = order.amended(risk_evaluation_id=None)
        answer = answer_order(reader, world.desk.bench, unjudged, START, key="other")
    assert isinstance(answer, Refusal)
    assert answer.code == "ORDER_NOT_RISK_APPROVED"


@pytest.mark.parametrize(
    ("selected", "events", "state"),
    [
        (SimulationOutcome.FILL, ["ACKNOWLEDGE", "FILL"], OrderState.FILLED),
        (
            SimulationOutcome.PARTIAL_FILL,
            ["ACKNOWLEDGE", "PARTIAL_FILL"],
            OrderState.PARTIALLY_FILLED,
        ),
        (SimulationOutcome.REJECT, ["ACKNOWLEDGE", "REJECT"], OrderState.REJECTED),
        (
            SimulationOutcome.CANCEL,
            ["ACKNOWLEDGE", "CANCEL_REQUEST", "CANCEL"],
            OrderState.CANCELLED,
        ),
        (SimulationOutcome.ACKNOWLEDGE, ["ACKNOWLEDGE"], OrderState.ACCEPTED),
    ],
)
def test_each_selected_outcome_takes_its_sequence(
    world: World, selected: SimulationOutcome, events: list[str], state: OrderState
) -> None:
    """TX-G8: the five outcome sequences."""
    outcome = world.submitted(world.approved(), selected=selected)
    assert steps(world, outcome.subject_id) == ["CREATE", "RISK_APPROVE", "SUBMIT", *events]
    assert world.order(outcome.subject_id).state is state
    assert world.verdict().outcome == "ok"


def test_the_same_key_again_is_answered_from_the_record_and_the_log_stays(world: World) -> None:
    """TX-G9, TX-Z8: a re-post changes no byte and gives the first answer."""
    request_id = world.approved()
    first = world.submitted(request_id, key="order-1")
    before = world.log()
    world.after(5)
    again = world.submitted(request_id, key="order-1")
    assert world.log() == before
    assert (again.subject_id, again.sealed_size) == (first.subject_id, first.sealed_size)
    assert again.replayed
    assert not first.replayed
    assert len(world.fills()) == 1


def test_a_refusal_is_replayed_under_its_key_too(world: World) -> None:
    """TX-G9: the first answer, also when it was no."""
    request_id = world.requested()
    first = world.submitted(request_id, key="order-1")
    before = world.log()
    again = world.submitted(request_id, key="order-1")
    assert again.refusal == first.refusal
    assert again.replayed
    assert world.log() == before


def test_another_payload_under_the_same_key_is_refused(world: World) -> None:
    """TX-G9: another outcome, another quantity, another case."""
    request_id, other = world.approved(), world.approved()
    world.done(world.submitted(request_id, key="order-1"))
    before = world.log()
    attempts = (
        world.submitted(request_id, key="order-1", selected=SimulationOutcome.REJECT),
        world.submitted(request_id, key="order-1", quantity=1),
        world.submitted(other, key="order-1"),
    )
    for attempt in attempts:
        assert attempt.refusal is not None
        assert attempt.refusal.code == "IDEMPOTENCY_KEY_CONFLICT"
    assert world.log() == before
    assert len(world.fills()) == 1


def test_every_action_appears_on_its_path_and_rejection_on_its_own(world: World) -> None:
    """TX-K1: the words of the happy path; the rejection is asserted with TX-G5."""
    world.done(world.submitted(world.approved()))
    found = actions(world)
    assert {f"paper_execution.{name}" for name in ACTIONS} <= found
    assert "paper_execution.rejected_by_risk_engine" not in found


@pytest.mark.parametrize("quantity", [2, 20])
def test_exposure_above_the_target_is_refused_when_it_is_requested(
    world: World, quantity: int
) -> None:
    """TX-E6: quantity x ratio against the target 0.05; one contract of 0.05 passes."""
    signal = world.signal(target="0.05")
    asked = world.payload(signal, quantity=quantity)
    refused = world.desk.approvals.request(asked, world.actor("quant"), key=world.key())
    assert refused.refusal is not None
    assert "EXPOSURE_ABOVE_TARGET" in refused.refusal.codes
    fits = world.payload(signal, quantity=1)
    assert world.desk.approvals.request(fits, world.actor("quant"), key=world.key()).accepted


def test_a_copied_target_does_not_pass_as_exposure(world: World) -> None:
    """TX-E6: the payload may not state the target where quantity x ratio belongs."""
    signal = world.signal(target="0.05")
    lied = world.payload(signal, quantity=20).amended(tx_equivalent=Decimal("0.05"))
    refused = world.desk.approvals.request(lied, world.actor("quant"), key=world.key())
    assert refused.refusal is not None
    assert "EXPOSURE_ABOVE_TARGET" in refused.refusal.codes


def test_a_flat_signal_opens_no_request(world: World) -> None:
    """TX-E7: refused, and no request is stored."""
    signal = world.signal(direction=Direction.FLAT, target="0")
    asked = world.payload(signal)
    refused = world.desk.approvals.request(asked, world.actor("quant"), key=world.key())
    assert refused.refusal is not None
    assert "FLAT_SIGNAL" in refused.refusal.codes
    assert world.rows("SELECT * FROM approval_requests") == []


def test_a_partial_fill_of_one_contract_is_refused_and_spends_no_approval(world: World) -> None:
    """TX-Z6, TX-I5: asked before the approval is consumed, so that it can still be used."""
    request_id = world.approved()
    refused = world.submitted(request_id, quantity=1, selected=SimulationOutcome.PARTIAL_FILL)
    assert refused.refusal is not None
    assert refused.refusal.code == "PARTIAL_FILL_NEEDS_TWO"
    with world.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
    assert request is not None
    assert request.status is RequestStatus.APPROVED_FOR_PAPER
    assert world.submitted(request_id, quantity=1).accepted


@pytest.mark.parametrize("sealed_steps", [1, 2, 3])
def test_a_submit_that_crashed_between_two_steps_is_finished_by_the_same_call(
    world: World, sealed_steps: int
) -> None:
    """TX-G9: nothing is lost, nothing is done twice."""
    left = [sealed_steps]

    def stop(step: str) -> None:
        left[0] -= step == "recorded"
        if not left[0]:
            raise KeyboardInterrupt

    request_id = world.approved()
    world.reopen(stop)
    with pytest.raises(KeyboardInterrupt):
        world.submitted(request_id, key="order-1")
    world.reopen()
    outcome = world.submitted(request_id, key="order-1")
    assert world.order(world.done(outcome)).state is OrderState.FILLED
    assert len(world.rows("SELECT * FROM orders")) == 1
    assert len(world.fills()) == 1
    assert world.verdict().outcome == "ok"


def test_a_clock_behind_the_log_refuses_every_command(world: World) -> None:
    """Architecture 2: a machine whose clock went back records nothing."""
    size = len(world.log())
    world.clock = ReplayClock(START - timedelta(microseconds=1))
    world.reopen()
    with pytest.raises(AdapterError, match="CLOCK_BACKWARDS") as caught:
        world.signal()
    assert caught.value.retriable
    assert len(world.log()) == size
    assert world.rows("SELECT * FROM audit_outbox") == []
    world.clock = ReplayClock(START)
    world.reopen()
    world.signal()


def test_a_live_bench_is_rejected_by_risk_even_if_settings_were_bypassed(world: World) -> None:
    """TX-H1, TX-A3: the second line behind the settings."""
    request_id = world.approved()
    world.desk = Desk(replace(world.desk.bench, trading_mode="live", live_trading_enabled=True))
    outcome = world.submitted(request_id)
    assert outcome.refusal is not None
    assert outcome.refusal.code == "LIVE_TRADING_DISABLED"
    assert world.fills() == ()


def test_an_intent_states_what_the_desk_computed(world: World) -> None:
    """TX-G10: nobody may send direction, target or exposure with a submission."""
    with pytest.raises(ValueError, match="extra_forbidden"):
        Submission.model_validate({"approval_request_id": "a", "quantity": 1, "direction": "LONG"})
    world.done(world.submitted(world.approved()))
    [(stored,)] = world.rows("SELECT tx_equivalent_exposure FROM intents")
    assert stored == "0.2"
    with world.store.reader() as reader:
        [evaluation] = reader.find(RiskEvaluation)
    assert len(evaluation.checks) == 14
