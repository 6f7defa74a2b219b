"""The seventeen attempts that the first system let pass (TX-Z1 to TX-Z17), each made here."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from counterseal.approvals.history import history_view
from counterseal.approvals.model import ApprovalRequest
from counterseal.approvals.review_checks import SignedReview
from counterseal.audit.record import Draft
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.approvals import load_case
from counterseal.desk.case_facts import shared_facts
from counterseal.desk.commands import Outcome
from counterseal.desk.orders import Submission
from counterseal.identity.dsse import sign_statement
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import TransitionError
from counterseal.kernel.ids import SeededIdSource
from counterseal.kernel.model import Refusal
from counterseal.oms.apply import apply_event
from counterseal.oms.states import ORDER_TABLE, OrderEventType, OrderState
from counterseal.policy.words import DecisionWord
from counterseal.portfolio.model import Position
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.model import Direction
from storage.system import ReplayClock
from tests.world import LARGE, NONE, START, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def codes(outcome: Outcome) -> tuple[str, ...]:
    return () if outcome.refusal is None else outcome.refusal.codes


def test_z01_a_requester_who_holds_the_role_cannot_review_the_own_request(world: World) -> None:
    """TX-Z1, TX-F17: refused, and the attempt is in the log."""
    request_id = world.requested()
    refused = world.reviewed(request_id, "quant", DecisionWord.RESEARCH_APPROVED)
    assert "REQUESTER_IS_REVIEWER" in codes(refused)
    assert world.log()[-1].type == "command.refused"
    assert b"REQUESTER_IS_REVIEWER" in world.log()[-1].body
    assert b'"id":"quant"' in world.log()[-1].body


def test_z02_an_approval_is_spent_by_its_first_order(world: World) -> None:
    """TX-Z2: the second submit is refused."""
    request_id = world.approved()
    world.done(world.submitted(request_id))
    world.quote()
    assert "ALREADY_CONSUMED" in codes(world.submitted(request_id))
    assert len(world.fills()) == 1


@pytest.mark.parametrize(
    ("symbol", "quantity"), [("TMF202601", 20), ("TXF202601", 1)], ids=["20 TMF", "1 TX"]
)
def test_z03_a_target_of_one_twentieth_admits_neither_twenty_tmf_nor_one_tx(
    world: World, symbol: str, quantity: int
) -> None:
    """TX-Z3: refused at the request, whether the exposure is told truly or copied."""
    signal = world.signal(target="0.05")
    told = world.payload(signal, quantity=quantity, symbol=symbol)
    for asked in (told, told.amended(tx_equivalent=Decimal("0.05"))):
        refused = world.desk.approvals.request(asked, world.actor("quant"), key=world.key())
        assert "EXPOSURE_ABOVE_TARGET" in codes(refused)


def test_z03_twenty_contracts_on_an_approval_of_one_are_refused(world: World) -> None:
    """TX-Z3: at the submit, with nothing created."""
    request_id = world.approved(quantity=1, target="0.05")
    assert "PAYLOAD_CHANGED" in codes(world.submitted(request_id, quantity=20))
    assert world.rows("SELECT * FROM orders") == []


def test_z03_three_checks_compute_exposure_from_quantity_and_ratio(world: World) -> None:
    """TX-Z3: 4 TMF are 0.2 in all three, whatever the target."""
    world.done(world.submitted(world.approved(target="0.25")))
    with world.store.reader() as reader:
        [evaluation] = reader.find(RiskEvaluation)
    facts = {str(c.name): {d.name: d.value for d in c.details} for c in evaluation.checks}
    assert Decimal(facts["MAX_EXPOSURE"]["exposure_tx_equivalent"]) == Decimal("0.2")
    assert Decimal(facts["MARGIN_PROXY"]["margin_twd"]) == 40_000
    projected = {Decimal(value) for value in facts["POSITION_LIMIT"].values()}
    assert Decimal("0.2") in projected


@pytest.mark.parametrize(("field", "value"), [("confidence", "0.1"), ("stop_distance_points", "1")])
def test_z04_a_field_changed_after_approval_needs_approval_again(
    world: World, field: str, value: str
) -> None:
    """TX-Z4: in the stored request it breaks the chain; in a submission there is no such field."""
    request_id = world.approved()
    changed = world.forge(
        f"UPDATE approval_requests SET payload = json_set(payload, '$.{field}', ?)",
        value,
    )
    assert changed == 1
    assert "CHAIN_BROKEN" in codes(world.submitted(request_id))
    assert world.fills() == ()
    with pytest.raises(ValueError, match="extra_forbidden"):
        Submission.model_validate({"approval_request_id": request_id, "quantity": 1, field: value})


def test_z05_of_six_approvals_of_a_quarter_only_the_first_passes(world: World) -> None:
    """TX-Z5: the position stays at 0.25 and is read from the store."""
    outcomes = []
    for _ in range(6):
        request_id = world.approved(quantity=5)
        world.quote()
        outcomes.append(world.submitted(request_id, quantity=5))
    assert [codes(o) for o in outcomes] == [(), *[("POSITION_LIMIT",)] * 5]
    with world.store.reader() as reader:
        [position] = reader.find(Position)
    assert position.quantity * position.tx_equivalent == Decimal("0.25")


def test_z06_one_contract_has_no_part(world: World) -> None:
    """TX-Z6: a partial fill of one is refused."""
    refused = world.submitted(world.approved(), quantity=1, selected=SimulationOutcome.PARTIAL_FILL)
    assert codes(refused) == ("PARTIAL_FILL_NEEDS_TWO",)
    assert world.fills() == ()


def test_z06_three_of_five_leave_two_and_set_the_average(world: World) -> None:
    """TX-Z6: last 3, cum 3, leaves 2, average price set."""
    request_id = world.approved(quantity=5)
    world.quote(size=3)
    order = world.order(world.done(world.submitted(request_id, quantity=5)))
    [fill] = world.fills()
    assert fill.last_quantity == 3
    assert order.cum_quantity == 3
    assert order.leaves_quantity == 2
    assert order.average_price == 20_000
    assert order.state is OrderState.PARTIALLY_FILLED


def test_z07_two_runs_verify_and_their_ids_are_unique(world: World) -> None:
    """TX-Z7: two approvals, and a second try on the first."""
    first, second = world.approved(quantity=1), world.approved(quantity=1)
    world.done(world.submitted(first, quantity=1))
    assert not world.submitted(first, quantity=1).accepted
    world.quote()
    world.done(world.submitted(second, quantity=1))
    verdict = world.verdict()
    assert verdict.outcome == "ok", verdict.findings
    assert verdict.totals.duplicate_event_ids == 0
    ids = [row.event_id for row in world.log()]
    assert len(set(ids)) == len(ids)


def test_z08_the_same_payload_again_leaves_the_log_as_it_is(world: World) -> None:
    """TX-Z8: bytes and times, and the first answer."""
    request_id = world.approved()
    first = world.submitted(request_id, key="post")
    log, notes = world.log(), world.notes()
    world.after(60)
    assert world.submitted(request_id, key="post").subject_id == first.subject_id
    assert (world.log(), world.notes()) == (log, notes)


def test_z09_a_deleted_last_row_is_named_as_truncation(world: World) -> None:
    """TX-Z9: verified against a head remembered outside; untouched it verifies."""
    world.done(world.submitted(world.approved()))
    head = world.remembered()
    assert world.verdict(head).outcome == "ok"
    last = len(world.log()) - 1
    assert world.forge("DELETE FROM audit_records WHERE seq = ?", last) == 1
    world.forge("DELETE FROM audit_checkpoints WHERE size > ?", last)
    verdict = world.verdict(head)
    assert (verdict.outcome, verdict.exit_status) == ("tampered", 1)
    assert verdict.first_bad is not None
    assert verdict.first_bad.code == "SHORTER_THAN_REMEMBERED"
    assert verdict.first_bad.seq == last


def test_z09_a_changed_middle_row_is_named_by_its_number(world: World) -> None:
    """TX-Z9, AS-6: the record that was edited, not its neighbour."""
    world.done(world.submitted(world.approved()))
    middle = [row for row in world.log() if b'"researcher"' in row.body][1]
    body = middle.body.replace(b'"researcher"', b'"researchEr"')
    world.forge("UPDATE audit_records SET body = ? WHERE seq = ?", body, middle.seq)
    verdict = world.verdict()
    assert verdict.outcome == "tampered"
    assert verdict.first_bad is not None
    assert verdict.first_bad.seq == middle.seq


@pytest.mark.parametrize(
    ("field", "value"),
    [("reviewer_id", "compliance"), ("decision_reason", "looks fine to me, go ahead")],
)
def test_z10_a_forged_decision_is_flagged_and_stops_the_order(
    world: World, field: str, value: str
) -> None:
    """TX-Z10: history names the forgery; the submit re-verifies the signatures and refuses."""
    request_id = world.approved()
    world.forge(
        f"UPDATE approval_decisions SET {field} = ? WHERE sequence = 2",
        value,
    )
    with world.store.reader() as reader:
        case = load_case(reader, request_id)
        facts = shared_facts(reader)
    assert not isinstance(case, Refusal)
    view = history_view(*case, facts)
    assert not view.paper_simulation_approved
    assert "chain is broken" in view.message
    refused = world.submitted(request_id)
    assert "CHAIN_BROKEN" in codes(refused)
    assert refused.refusal is not None
    told = {d.name: d.value for d in refused.refusal.details}
    assert told["first_bad"] == case[1][1].approval_decision_id
    assert world.fills() == ()


def test_z11_a_flat_signal_opens_no_request(world: World) -> None:
    """TX-Z11: refused."""
    asked = world.payload(world.signal(direction=Direction.FLAT, target="0"))
    refused = world.desk.approvals.request(asked, world.actor("quant"), key=world.key())
    assert "FLAT_SIGNAL" in codes(refused)


def test_z12_an_unknown_approval_is_not_found(world: World) -> None:
    """TX-Z12: a recorded refusal."""
    assert codes(world.submitted("apr_nobody")) == ("NOT_FOUND",)
    assert world.log()[-1].type == "command.refused"


def test_z13_a_filled_order_cannot_become_unknown(world: World) -> None:
    """TX-Z13: neither by the order's step nor by the state table."""
    order = world.order(world.done(world.submitted(world.approved())))
    assert order.state is OrderState.FILLED
    refused = apply_event(order, OrderEventType.MARK_UNKNOWN, START)
    assert isinstance(refused, Refusal)
    assert refused.code == "TRANSITION_NOT_ALLOWED"
    with pytest.raises(TransitionError):
        ORDER_TABLE.next(OrderState.FILLED, OrderEventType.MARK_UNKNOWN)


def test_z14_a_loss_of_past_runs_stops_the_next_order(world: World) -> None:
    """TX-Z14: bought at 20000, sold 250 points lower, five contracts: beyond 5000 TWD."""
    world.done(world.submitted(world.approved(quantity=5), quantity=5))
    world.quote(bid="19750", ask="19751")
    sold = world.approved(quantity=5, direction=Direction.SHORT)
    world.done(world.submitted(sold, quantity=5))
    world.quote(bid="19750", ask="19751")
    assert codes(world.submitted(world.approved())) == ("DAILY_LOSS_LIMIT",)


def test_z14_a_key_of_a_past_run_stops_the_next_order(world: World) -> None:
    """TX-Z14: the approval is forged back to unspent; the first order's key remains."""
    request_id = world.approved()
    world.done(world.submitted(request_id, quantity=2))
    world.forge(
        "UPDATE approval_requests SET status = 'approved_for_paper_simulation', "
        "consumed_by_order = NULL, orders = '[]'"
    )
    world.quote()
    again = world.submitted(request_id, quantity=2)
    assert codes(again) == ("DUPLICATE_ORDER_PREVENTION",)
    assert len(world.fills()) == 1


def test_z15_equal_times_verify_in_the_order_of_their_numbers(world: World) -> None:
    """TX-Z15: the clock stands still for a whole run."""
    world.done(world.submitted(world.approved()))
    assert len({row.recorded_at for row in world.log()}) == 1
    verdict = world.verdict()
    assert verdict.outcome == "ok"
    assert verdict.totals.clock_steps_back == 0


def test_z15_times_that_go_backwards_are_counted_and_verify(world: World) -> None:
    """TX-Z15: put into the outbox past the desk, under a clock that lags by ten seconds."""
    world.after(10)
    world.signal()
    whole = json.loads(world.log()[-1].body)
    draft = {name: whole[name] for name in Draft.__annotations__}
    draft |= {
        "event_id": SeededIdSource("lag").new("evt", "1", START),
        "occurred_at": utc_text(START),
    }
    world.store._journal._clock = ReplayClock(START)
    with world.store.transaction() as work:
        work.record(cast("Draft", draft), ())
    world.store.seal()
    assert [row.recorded_at for row in world.log()[-2:]] == [
        utc_text(START + timedelta(seconds=10)),
        utc_text(START),
    ]
    verdict = world.verdict()
    assert verdict.outcome == "ok"
    assert verdict.totals.clock_steps_back == 1


def test_z16_an_approval_ends_at_its_very_end(world: World) -> None:
    """TX-Z16: half-open: one microsecond before it is good, at the instant it is not."""
    request_id = world.approved()
    with world.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
    assert request is not None
    assert request.execution_valid_until is not None
    world.clock.move_to(request.execution_valid_until)
    world.quote()
    assert "EXECUTION_EXPIRED" in codes(world.submitted(request_id))


def test_z16_just_before_its_end_an_approval_still_counts(world: World) -> None:
    """TX-Z16: the same, one microsecond earlier."""
    request_id = world.approved()
    with world.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
    assert request is not None
    assert request.execution_valid_until is not None
    world.clock.move_to(request.execution_valid_until - timedelta(microseconds=1))
    world.quote()
    assert world.submitted(request_id).accepted


def test_z17_another_reviewer_in_the_body_is_refused_by_the_model(world: World) -> None:
    """TX-Z17: the body has no field for identity or role."""
    request_id = world.requested()
    word, reason = DecisionWord.RESEARCH_APPROVED, "checked the evidence and agree"
    prepared = world.desk.approvals.prepare(
        request_id, word, reason, world.actor("researcher"), shown_hash=NONE, key=world.key()
    ).prepared
    assert prepared is not None
    signature = sign_statement(
        world.private_key("researcher"),
        "decision",
        prepared.statement.json_value(),
        prepared.statement.key_id,
    )
    signed = SignedReview(
        decision=word, reason=reason, comment_salt=prepared.comment_salt, signature=signature
    )
    for name in ("reviewer_id", "reviewer_role", "actor"):
        with pytest.raises(ValueError, match="extra_forbidden"):
            SignedReview.model_validate({**dict(signed), name: "risk"})
    stolen = world.desk.approvals.review(request_id, signed, world.actor("risk"), key=world.key())
    assert "SIGNATURE_INVALID" in codes(stolen)
    assert world.desk.approvals.review(
        request_id, signed, world.actor("researcher"), key=world.key()
    ).accepted


def test_z17_a_login_without_the_role_stays_without_it(world: World) -> None:
    """TX-Z17: the role comes from the register."""
    request_id = world.requested()
    refused = world.reviewed(request_id, "operator", DecisionWord.RESEARCH_APPROVED)
    assert "ROLE" in codes(refused)


def test_a_low_stated_price_does_not_spare_the_compliance_stage(world: World) -> None:
    """TX-F7, TX-F18: what an order needs is asked by its notional at the market, not by a claim."""
    payload = world.payload(world.signal(), quantity=LARGE).amended(notional=Decimal(50))
    asked = world.desk.approvals.request(payload, world.actor("quant"), key=world.key())
    request_id = world.done(asked)
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.done(world.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER))
    world.quote(bid="20000", ask="20001")
    assert codes(world.submitted(request_id, quantity=LARGE)) == ("COMPLIANCE_MISSING",)
    assert world.submitted(request_id, quantity=LARGE - 1).accepted
