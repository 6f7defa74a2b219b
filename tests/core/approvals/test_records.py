"""Request and decision records, quorum, supersession, intent fields."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from counterseal.approvals.decide import ReviewOutcome
from counterseal.approvals.execution import check_execution, decide_consume
from counterseal.approvals.history import history_view
from counterseal.approvals.lifecycle import decide_supersede
from counterseal.approvals.model import ApprovalRequest, RequestPayload, RequestStatus
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.policy.words import DecisionWord, Stage
from counterseal.signals.intent import Leg, OrderType, Side, TimeInForce
from counterseal.signals.model import Direction
from tests.core.approvals import world
from tests.core.approvals.world import NOW, Desk

R, P = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER
OTHER = "sha256:" + "b" * 64
LATER = NOW + timedelta(seconds=9)
CHANGES: Mapping[str, object] = {
    "uses_max": 2,
    "direction": Direction.SHORT,
    "side": Side.SELL,
    "order_type": OrderType.MARKET,
    "time_in_force": TimeInForce.IOC,
    "currency": Currency.USD,
    "author_ids": ("adam", "anna"),
    "legs": (Leg(symbol="TMF202602", side=Side.BUY, ratio=1),),
    "signal_expires_at": LATER,
    "created_at": LATER,
    "good_till": LATER,
    "confidence": Decimal("0.5"),
    "review_ttl_seconds": 60,
    "execution_validity_seconds": 60,
}
CLOSED = {"good_till"}
SINGLE = {"requested_action", "paper_only", "approval_for_live"}
NUMBERS = {
    "target_tx_equivalent",
    "stop_distance_points",
    "max_quantity",
    "tx_equivalent",
    "notional",
    "price_min",
    "price_max",
}


def other_value(field: str) -> object:
    if field in NUMBERS:
        return Decimal(20500)
    return CHANGES.get(field, OTHER)


@pytest.mark.parametrize("field", [f for f in RequestPayload.model_fields if f not in SINGLE])
def test_a_rebuilt_payload_with_one_other_field_has_another_hash(field: str) -> None:
    """TX-F4: validated payloads, one per bound field."""
    policy = world.bundle()
    ends = {"time_in_force": TimeInForce.GTD, "good_till": NOW} if field in CLOSED else {}
    base = world.payload(policy, **ends)
    changed = world.payload(policy, **{**ends, field: other_value(field)})
    assert changed.digest != base.digest
    assert base.digest == digest(base.json_value()) == world.payload(policy, **ends).digest


@pytest.mark.parametrize("field", sorted(SINGLE))
def test_a_single_valued_field_takes_no_other_value(field: str) -> None:
    """TX-F4: there is no payload for anything but paper."""
    with pytest.raises(ValidationError):
        world.payload(world.bundle(), **{field: field == "approval_for_live"})


def test_a_request_records_what_it_asks_and_requires() -> None:
    """TX-F3: reference, two reviews in order, hashes, status."""
    request = Desk().request
    kind, digits = request.request_reference.rsplit("-", 1)

    assert (kind, len(digits)) == ("paper-approval-request", 16)
    assert request.required_review_count == 2
    assert request.required_decision_sequence == (R, P)
    assert request.status == RequestStatus.PENDING_REVIEW
    assert request.request_hash == request.latest_chain_hash == request.payload.digest
    assert (request.payload.paper_only, request.payload.approval_for_live) == (True, False)
    assert request.payload.requested_action == "paper_simulation"


def test_a_decision_record_hashes_its_words_onto_its_predecessor() -> None:
    """TX-F11: the chain recomputed from the stated fields alone."""
    desk = Desk().approved()
    previous = desk.request.request_hash
    names = (
        *("approval_request_id", "sequence", "decision", "reviewer_id", "reviewer_role"),
        *("decision_reason", "decided_at", "paper_only", "approval_for_live"),
        "previous_chain_hash",
    )
    for place, decision in enumerate(desk.decisions, 1):
        told = decision.json_value()
        assert (decision.sequence, decision.previous_chain_hash) == (place, previous)
        assert decision.decision_hash == digest({name: told[name] for name in names})
        previous = decision.decision_hash
    assert desk.request.latest_chain_hash == previous


def test_the_history_tells_each_stage_of_a_case() -> None:
    """TX-F12: pending, half approved, approved; never live."""
    desk, told = Desk(), []
    for name, word in (("", R), ("rex", R), ("kai", P)):
        if name:
            desk.review(name, word)
        view = history_view(desk.request, desk.decisions, world.facts())
        told.append((view.pending_second_review, view.paper_simulation_approved))
        assert view.current_status == desk.request.status
        assert view.chain.holds
        assert not (view.approval_for_live)
        assert not (view.live_execution_eligible)
        assert not view.broker_api_called
        assert view.record_policy
        assert view.message
    assert told == [(False, False), (True, False), (False, True)]


def quorate(stage: int, quorum: int) -> Desk:
    stages = [rule.json_value() for rule in world.bundle().approval.stages]
    stages[stage]["quorum"] = quorum
    return Desk(world.bundle(stages=stages))


def test_i2_a_stage_stays_due_until_its_quorum_is_full() -> None:
    """TX-F9: two seats need two people, and each seat is numbered."""
    desk = quorate(0, 2)
    assert desk.request.required_decision_sequence == (R, R, P)

    first = desk.review("rex", R)
    assert isinstance(first, ReviewOutcome)
    assert (first.stage_complete, desk.request.status) == (False, RequestStatus.PENDING_REVIEW)
    again, early = desk.review("rex", R), desk.review("kai", P)
    assert isinstance(again, Refusal)
    assert isinstance(early, Refusal)
    assert again.code == "ALREADY_REVIEWED"
    assert "OUT_OF_ORDER" in early.codes

    second = desk.review("anna", R)
    assert isinstance(second, ReviewOutcome)
    assert (second.stage_complete, second.decision.seat) == (True, 2)
    assert desk.request.status == RequestStatus.RESEARCH_APPROVED
    assert isinstance(desk.review("kai", P), ReviewOutcome)
    assert check_execution(desk.case(), LATER) is None


def test_i5_a_review_under_another_bundle_is_refused() -> None:
    """TX-F18: changed, expired or not yet in force: never scored anew."""
    for changes in ({"bundle_hash": OTHER}, {"expires_at": NOW}, {"effective_from": LATER}):
        desk = Desk()
        desk.bundle = desk.bundle.amended(**changes)
        outcome = desk.review("rex", R)
        assert isinstance(outcome, Refusal)
        assert outcome.code == "POLICY_CHANGED"


def test_i2_an_approval_is_spent_by_one_order() -> None:
    """TX-Z2: the second order finds it consumed, and an open case cannot be spent."""
    desk = Desk().approved()
    spent = decide_consume(desk.request, "ord_1", LATER)
    assert isinstance(spent, ApprovalRequest)
    assert (spent.status, spent.consumed_by_order) == (RequestStatus.CONSUMED, "ord_1")
    again, early = decide_consume(spent, "ord_1", LATER), decide_consume(Desk().request, "o", LATER)
    assert isinstance(again, Refusal)
    assert isinstance(early, Refusal)
    assert (again.code, early.code) == ("ALREADY_CONSUMED", "STAGES_MISSING")


def test_a_newer_version_supersedes_an_open_case_only() -> None:
    """TX-F9: the old version names the new one; ended cases and other tenants refuse."""
    request, rita = Desk().request, world.person("rita")
    closed = decide_supersede(request, rita, "apr_2", LATER)
    assert isinstance(closed, ApprovalRequest)
    assert (closed.status, closed.superseded_by) == (RequestStatus.SUPERSEDED, "apr_2")
    refusals = [
        decide_supersede(closed, rita, "apr_3", LATER),
        decide_supersede(request, rita.amended(tenant="other"), "apr_2", LATER),
        decide_supersede(request, rita, "apr_2", NOW - timedelta(seconds=1)),
    ]
    codes = [r.code for r in refusals if isinstance(r, Refusal)]
    assert codes == ["TERMINAL", "OTHER_TENANT", "CLOCK_BACKWARDS"]


@pytest.mark.parametrize("people", [("rex",), ("rex", "rita"), ("anna",), ()])
def test_a_request_that_nobody_could_review_is_not_opened(people: tuple[str, ...]) -> None:
    """TX-F17: `UNSTAFFABLE`, before anybody waits."""
    policy = world.bundle()
    staff = [c for c in world.candidates() if c.person_id in people]
    outcome = world.asked(policy, world.payload(policy), staff)
    assert isinstance(outcome, Refusal)
    assert outcome.codes == ("UNSTAFFABLE",)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 0},
        {"quantity": Decimal(-1)},
        {"tx_equivalent_exposure": Decimal("-0.05")},
        {"paper_only": "yes"},
        {"symbol": ""},
        {"color": "red"},
    ],
)
def test_an_intent_has_bounded_fields(changes: dict[str, object]) -> None:
    """TX-E3: quantity above zero, exposure not below, paper only, nothing unknown."""
    desk = Desk()
    assert desk.intent().paper_only
    assert desk.intent().quote_age_seconds == 0
    assert desk.intent().approval_id == desk.request.approval_request_id
    with pytest.raises(ValidationError):
        desk.intent(**changes)


def test_stages_are_known() -> None:
    """TX-F7: research, risk, compliance."""
    assert [stage.value for stage in Stage] == ["research", "risk", "compliance"]
