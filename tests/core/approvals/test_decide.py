"""Requests, reviews and executions: the whole governed path in memory."""

from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest

from counterseal.approvals.decide import ReviewOutcome, check_paper_only
from counterseal.approvals.execution import check_execution, decide_consume
from counterseal.approvals.expiry import decide_expiry
from counterseal.approvals.history import history_view, verify_chain
from counterseal.approvals.independence import LinkKind, PersonLink
from counterseal.approvals.lifecycle import EndedCase, decide_revoke, decide_withdraw
from counterseal.approvals.matrix import carried_decisions, voided_stages
from counterseal.approvals.model import ApprovalRequest, RequestPayload, RequestStatus
from counterseal.approvals.statement import AuthFacts
from counterseal.approvals.states import REQUEST_STATES, RequestEvent
from counterseal.identity.people import Role
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Refusal
from counterseal.policy.words import DecisionWord, Stage
from counterseal.signals.intent import OrderType, Side, TimeInForce
from counterseal.signals.model import Direction
from tests.core.approvals import world
from tests.core.approvals.world import NOW, RATIO, Desk

R = DecisionWord.RESEARCH_APPROVED
P = DecisionWord.APPROVED_FOR_PAPER
REVIEWER = {"research": "rex", "risk": "kai", "compliance": "cora"}


def codes(outcome: object) -> tuple[str, ...]:
    return outcome.codes if isinstance(outcome, Refusal) else ()


@pytest.mark.parametrize(
    ("word", "role", "second"), list(product(DecisionWord, REVIEWER, (False, True)))
)
def test_only_the_right_role_takes_the_right_decision(
    word: DecisionWord, role: str, second: bool
) -> None:
    """TX-F7, TX-F8: 4 decisions x 3 roles x 2 stages."""
    desk = Desk()
    if second:
        desk.review("anna", R)

    outcome = desk.review(REVIEWER[role], word)

    ends = word in {DecisionWord.REJECTED, DecisionWord.NEEDS_DATA}
    fits = word == (P if second else R) and role in ("compliance", "risk" if second else "research")
    assert isinstance(outcome, ReviewOutcome) == (ends or fits)
    if not ends and word != (P if second else R):
        assert ("STAGE_FULL" if second else "OUT_OF_ORDER") in codes(outcome)
    elif not ends and not fits:
        assert "ROLE" in codes(outcome)


@pytest.mark.parametrize(("state", "event"), list(product(RequestStatus, RequestEvent)))
def test_every_pair_of_state_and_event_is_decided(
    state: RequestStatus, event: RequestEvent
) -> None:
    """TX-F9: three open states move, seven are terminal."""
    is_open = state in {
        RequestStatus.PENDING_REVIEW,
        RequestStatus.RESEARCH_APPROVED,
        RequestStatus.APPROVED_FOR_PAPER,
    }
    assert REQUEST_STATES.is_terminal(state) == (not is_open)
    consumable = state == RequestStatus.APPROVED_FOR_PAPER
    if event == RequestEvent.CONSUME:
        assert REQUEST_STATES.allows(state, event) == consumable
    if event in {RequestEvent.EXPIRE, RequestEvent.WITHDRAW, RequestEvent.SUPERSEDE}:
        assert REQUEST_STATES.allows(state, event) == is_open


def test_i1_the_requester_never_reviews_the_own_request() -> None:
    """TX-F17, TX-Z1: refused, even with a reviewer's role."""
    desk = Desk()
    outcome = desk.review("rita", R)
    assert codes(outcome)[0] == "REQUESTER_IS_REVIEWER"
    assert "ROLE" in codes(outcome)


def test_i1_one_person_reviews_once() -> None:
    """TX-F10: reviewers must differ."""
    desk = Desk()
    assert isinstance(desk.review("anna", R), ReviewOutcome)
    assert "ALREADY_REVIEWED" in codes(desk.review("anna", P))
    assert isinstance(desk.review("kai", P), ReviewOutcome)


@pytest.mark.parametrize("other", ["rita", "adam"])
def test_i1_a_linked_person_is_the_same_person(other: str) -> None:
    """TX-F17: a second account of requester or author conflicts."""
    desk = Desk()
    desk.links = (PersonLink(left=other, right="rex", kind=LinkKind.ACCOUNT),)
    expected = "DELEGATION_CONFLICT" if other == "rita" else "AUTHOR_CONFLICT"
    assert codes(desk.review("rex", R)) == (expected,)


def test_terminal_cases_take_no_decision() -> None:
    """TX-F8: after a rejection everything is terminal."""
    desk = Desk()
    desk.review("rex", DecisionWord.REJECTED)
    assert desk.request.status == RequestStatus.REJECTED
    assert codes(desk.review("cora", R))[0] == "TERMINAL"


def test_compliance_is_the_third_stage_from_the_threshold_up() -> None:
    """TX-F9: stage 2 then leaves the case in research_approved."""
    desk = Desk(notional=Decimal(1000000))
    desk.review("rex", R)
    desk.review("kai", P)
    assert desk.request.stages_done == (Stage.RESEARCH, Stage.RISK)
    assert "COMPLIANCE_MISSING" in codes(check_execution(desk.case(), NOW + timedelta(seconds=9)))
    assert isinstance(desk.review("cora", P), ReviewOutcome)
    assert desk.request.status == RequestStatus.APPROVED_FOR_PAPER


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"person": "kai"}, "SNAPSHOT_CHANGED"),
        ({"role": "compliance_reviewer"}, "SNAPSHOT_CHANGED"),
        ({"payload_hash": "sha256:" + "b" * 64}, "PAYLOAD_CHANGED"),
        ({"policy_bundle_hash": "sha256:" + "b" * 64}, "POLICY_CHANGED"),
        ({"evidence_pack_hash": "sha256:" + "b" * 64}, "EVIDENCE_CHANGED"),
        ({"nonce": "other"}, "NONCE_USED"),
        ({"decision": "rejected"}, "SNAPSHOT_CHANGED"),
        ({"paper_only": False}, "NOT_PAPER_ONLY"),
        ({"approval_for_live": True}, "NOT_PAPER_ONLY"),
        ({"stage": "nonsense"}, "SIGNATURE_INVALID"),
    ],
)
def test_i3_a_statement_that_says_something_else_is_refused(
    changes: dict[str, object], code: str
) -> None:
    """TX-F5, TX-F20, TX-Z17: identity and role come from login and key."""
    assert code in codes(Desk().review("rex", R, statement_changes=changes))


def test_i3_a_foreign_key_a_used_nonce_and_a_stale_login_are_refused() -> None:
    """TX-F20: each with its own code."""
    auth = AuthFacts(
        iss="counterseal:local", auth_time=NOW - timedelta(seconds=200), acr="mfa", amr=("pwd",)
    )
    assert "SIGNATURE_INVALID" in codes(Desk().review("rex", R, signer="kai"))
    assert "NONCE_USED" in codes(Desk().review("rex", R, nonce_changes={"used_at": NOW}))
    assert "REAUTH_REQUIRED" in codes(Desk().review("rex", R, reviewer_changes={"auth": auth}))
    assert "KEY_NOT_ENROLLED" in codes(Desk().review("rex", R, reviewer_changes={"key": None}))


def test_i4_all_reasons_are_collected() -> None:
    """TX-F10: one refusal names every rule that said no."""
    found = codes(Desk().review("rita", P, reason="short"))
    assert {"REQUESTER_IS_REVIEWER", "ROLE", "OUT_OF_ORDER", "REASON_TOO_SHORT"} <= set(found)


def test_review_expiry_is_half_open() -> None:
    """TX-F18: valid one microsecond before the end, not at it."""
    end = NOW + timedelta(seconds=3600)
    assert isinstance(Desk().review("rex", R, end - timedelta(microseconds=1)), ReviewOutcome)
    assert codes(Desk().review("rex", R, end)) == ("REVIEW_EXPIRED",)
    expired = decide_expiry(Desk().request, (), end)
    assert expired is not None
    assert expired.status == RequestStatus.EXPIRED


def test_flat_and_unstaffed_requests_are_refused() -> None:
    """TX-E7, TX-Z11: and FLAT stores nothing."""
    policy = world.bundle()
    flat = world.payload(policy, direction=Direction.FLAT)
    outcome = world.asked(policy, flat, world.candidates()[:2])
    assert codes(outcome) == ("FLAT_SIGNAL", "UNSTAFFABLE")
    assert codes(check_paper_only(paper_only=False, approval_for_live=False)) == ("NOT_PAPER_ONLY",)


@pytest.mark.parametrize("field", list(RequestPayload.model_fields))
def test_every_bound_field_changes_the_request_hash(field: str) -> None:
    """TX-F4: another value, another hash (for single-valued fields the type refuses)."""
    base = world.payload(world.bundle()).json_value()
    changed = digest({**base, field: "other"})
    assert changed != digest(base)
    assert world.payload(world.bundle()).digest == digest(base)


def test_an_approved_intent_passes_once() -> None:
    """TX-F18, TX-Z2: the second use is refused."""
    desk = Desk().approved()
    at = NOW + timedelta(seconds=9)
    assert check_execution(desk.case(), at) is None
    spent = decide_consume(desk.request, "ord_1", at)
    assert isinstance(spent, ApprovalRequest)
    assert codes(check_execution(desk.case(request=spent), at)) == ("ALREADY_CONSUMED",)
    assert codes(decide_consume(spent, "ord_2", at)) == ("ALREADY_CONSUMED",)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 20, "tx_equivalent_exposure": Decimal(1)},
        {"quantity": 20},
        {"symbol": "TXF202601"},
        {"side": Side.SELL},
        {"confidence": Decimal("0.1")},
        {"stop_distance_points": Decimal(1)},
        {"direction": Direction.SHORT},
        {"target_tx_equivalent": Decimal("0.2")},
        {"source_signal_id": "sig_2"},
        {"strategy_id": "other"},
        {"strategy_version": "0.2.0"},
        {"account_id": "acct_2"},
        {"tenant": "other"},
        {"order_type": OrderType.MARKET},
        {"time_in_force": TimeInForce.IOC},
        {"order_price": Decimal("21000.01")},
        {"order_price": Decimal("18999.99")},
        {"order_price": None},
        {"approval_id": "apr_2"},
        {"policy_bundle_hash": world.HASH},
    ],
)
def test_i3_an_intent_beyond_the_approval_is_refused(changes: dict[str, object]) -> None:
    """TX-F18, TX-G4, TX-E6, TX-Z3, TX-Z4: each bound field."""
    desk = Desk().approved()
    outcome = check_execution(desk.case(intent=desk.intent(**changes)), NOW + timedelta(seconds=9))
    assert codes(outcome) == ("PAYLOAD_CHANGED",)


def test_i3_less_than_the_maximum_is_use() -> None:
    """TX-F18: one of two contracts, and a price on the bound, need no new approval."""
    desk = Desk().approved()
    less = desk.intent(quantity=1, tx_equivalent_exposure=RATIO, order_price=Decimal(21000))
    assert check_execution(desk.case(intent=less), NOW + timedelta(seconds=9)) is None


def test_execution_expiry_is_half_open() -> None:
    """TX-Z16: refused at the end itself."""
    desk = Desk().approved()
    end = desk.request.execution_valid_until
    assert end is not None
    assert end == NOW + timedelta(seconds=602)
    assert check_execution(desk.case(), end - timedelta(microseconds=1)) is None
    assert codes(check_execution(desk.case(), end)) == ("EXECUTION_EXPIRED",)


@pytest.mark.parametrize(
    "forged",
    [
        {"reviewer_id": "cora"},
        {"decision_reason": "another reason entirely"},
        {"reviewer_role": Role.COMPLIANCE_REVIEWER},
        {"decided_at": NOW},
        {"expires_at": NOW + timedelta(days=9)},
        {"stage": Stage.COMPLIANCE},
        {"approval_for_live": True},
    ],
)
def test_i1_a_forged_decision_is_named_and_refused(forged: dict[str, object]) -> None:
    """TX-F19, TX-Z10: history flags it, and execution refuses."""
    desk = Desk().approved()
    first, second = desk.decisions
    desk.decisions = (first, second.amended(**forged))
    report = verify_chain(desk.request, desk.decisions, world.facts())
    assert (report.holds, report.first_bad) == (False, second.approval_decision_id)
    view = history_view(desk.request, desk.decisions, world.facts())
    assert not view.paper_simulation_approved
    assert "CHAIN_BROKEN" in codes(check_execution(desk.case(), NOW + timedelta(seconds=9)))


def test_i1_a_forged_status_does_not_execute() -> None:
    """TX-Z10: the table's word alone approves nothing; what nobody approved has not expired."""
    desk = Desk()
    forged = desk.request.amended(status=RequestStatus.APPROVED_FOR_PAPER)
    for request in (desk.request, forged):
        found = codes(check_execution(desk.case(request=request), NOW))
        assert "STAGES_MISSING" in found
        assert "EXECUTION_EXPIRED" not in found


def test_a_reviewer_does_not_submit() -> None:
    """TX-F18: distinct submitter, and operators only."""
    case = Desk().approved().case(submitter=world.person("kai"))
    assert codes(check_execution(case, NOW + timedelta(seconds=9))) == ("ALREADY_REVIEWED", "ROLE")


def test_only_the_requester_withdraws_and_a_signer_revokes() -> None:
    """TX-F9: the other endings of a case."""
    desk = Desk().approved()
    at = NOW + timedelta(seconds=9)
    assert codes(decide_withdraw(desk.governed(), world.person("rex"), at)) == ("ROLE",)
    gone = decide_withdraw(desk.governed(), world.person("rita"), at)
    assert isinstance(gone, EndedCase)
    revoked = decide_revoke(desk.governed(), world.person("kai"), reason=world.REASON, now=at)
    assert isinstance(revoked, EndedCase)
    assert codes(check_execution(desk.case(request=revoked.request), at)) == ("TERMINAL",)


def test_every_payload_field_has_a_row_and_the_matrix_decides_what_carries() -> None:
    """TX-F18: lower quantity carries everything, price bounds void risk, stop voids all."""
    desk = Desk().approved()
    params, old = desk.bundle.approval, desk.request.payload
    assert {row.field for row in params.void_matrix} == set(RequestPayload.model_fields)
    less = old.amended(max_quantity=1, tx_equivalent=RATIO)
    price = old.amended(price_max=Decimal(22000))
    assert voided_stages(params.void_matrix, old, less) == frozenset()
    assert voided_stages(params.void_matrix, old, price) == {Stage.RISK, Stage.COMPLIANCE}
    assert voided_stages(params.void_matrix, old, old.amended(stop_distance_points=1)) == set(Stage)
    carried = carried_decisions(
        desk.decisions,
        old,
        price,
        matrix=params.void_matrix,
        rules=params.stages[:2],
        keys=world.keys(),
        now=NOW,
    )
    assert [d.stage for d in carried] == [Stage.RESEARCH]
