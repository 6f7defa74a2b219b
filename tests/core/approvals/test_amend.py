"""A new version of a request, its carried decisions, and how they are checked."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.approvals.amend import (
    Amendment,
    AmendmentCase,
    decide_amendment,
    decide_reopening,
)
from counterseal.approvals.carrying import CaseVersion, carry_over, carry_problem
from counterseal.approvals.history import CaseFacts, verify_chain
from counterseal.approvals.matrix import carried_decisions
from counterseal.approvals.model import RequestPayload, RequestStatus
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Refusal
from counterseal.policy.words import DecisionWord, Stage
from tests.core.approvals import world
from tests.core.approvals.world import HASH, NOW, RATIO, Desk, person

Changes = Mapping[str, object]
LESS: Changes = {"max_quantity": Decimal(1), "tx_equivalent": RATIO, "notional": Decimal(200000)}
LATER = NOW + timedelta(seconds=30)
DESK = Desk().approved()
KEYS = world.keys()
MATRIX = DESK.bundle.approval.void_matrix


def case(changes: Changes | None = None, desk: Desk = DESK, actor: str = "rita") -> AmendmentCase:
    return AmendmentCase(
        old=desk.request,
        decisions=desk.decisions,
        payload=desk.request.payload.amended(**(changes or {})),
        signal=world.signal(),
        requester=person("rita"),
        actor=person(actor),
        bundle=desk.bundle,
        candidates=world.candidates(),
        links=(),
        person_keys=world.keys(),
        ratio=RATIO,
    )


def amended(told: AmendmentCase) -> Amendment:
    outcome = decide_amendment(told, "apr_2", ("dec_a", "dec_b", "dec_c"), LATER)
    assert isinstance(outcome, Amendment), outcome
    return outcome


def codes(outcome: Amendment | Refusal) -> tuple[str, ...]:
    return outcome.codes if isinstance(outcome, Refusal) else ()


def facts(made: Amendment, changes: Changes | None = None) -> CaseFacts:
    before = CaseVersion(request=made.old, decisions=DESK.decisions)
    known = CaseFacts(person_keys=world.keys(), earlier=(before,), matrix=MATRIX)
    return known.amended(**(changes or {}))


def test_i1_one_version_ends_where_the_next_begins() -> None:
    """Governance 2.3: linked both ways, never both open."""
    made = amended(case(LESS))
    assert (made.old.status, made.old.superseded_by) == (RequestStatus.SUPERSEDED, "apr_2")
    assert (made.new.version, made.new.supersedes) == (2, "apr_1")
    assert made.new.status is RequestStatus.APPROVED_FOR_PAPER


def test_i2_what_the_matrix_leaves_standing_carries_and_nothing_under_another_bundle() -> None:
    """N6: price bounds leave research; a new bundle leaves nothing."""
    price = amended(case({"price_max": Decimal(22000)}))
    assert [d.stage for d in price.carried] == [Stage.RESEARCH]
    assert price.new.status is RequestStatus.RESEARCH_APPROVED
    assert price.new.next_stage is Stage.RISK
    other = DESK.bundle.amended(bundle_hash=HASH)
    reopened = decide_reopening(case().amended(bundle=other), "apr_2", LATER)
    assert isinstance(reopened, Amendment)
    assert reopened.carried == ()
    assert reopened.new.status is RequestStatus.PENDING_REVIEW
    assert codes(decide_reopening(case(), "apr_2", LATER)) == ("NOTHING_AMENDED",)


def test_i3_only_the_requester_of_an_unused_open_case_amends() -> None:
    """Governance 2.3: every other attempt is refused with its code."""
    used = case(LESS).amended(old=DESK.request.amended(orders=("ord_1",)))
    late = DESK.request.execution_valid_until
    assert late is not None
    told = (
        (codes(decide_amendment(case(LESS, actor="rex"), "a", (), LATER)), "ROLE"),
        (codes(decide_amendment(used, "a", (), LATER)), "ALREADY_CONSUMED"),
        (codes(decide_amendment(case(LESS), "a", (), late)), "EXECUTION_EXPIRED"),
        (codes(decide_amendment(case({"created_at": LATER}), "a", (), LATER)), "PAYLOAD_CHANGED"),
        (codes(decide_amendment(case({"uses_max": 99}), "a", (), LATER)), "USES_ABOVE_POLICY"),
    )
    assert [code for found, code in told if code not in found] == []


def test_i1_a_carried_decision_is_the_signed_one_in_a_new_place() -> None:
    """Governance 2.3: signature, words and times stay; the chain hash covers the origin."""
    made = amended(case(LESS))
    for old, new in zip(DESK.decisions, made.carried, strict=True):
        assert (new.signature, new.decided_at, new.nonce) == (
            old.signature,
            old.decided_at,
            old.nonce,
        )
        assert new.carried is not None
        assert new.carried.decision_hash == old.decision_hash
    assert verify_chain(made.new, made.carried, facts(made)).holds
    with pytest.raises(InvariantError):
        carry_over(made.old, made.new, DESK.decisions, (), MATRIX)


def test_i2_nothing_that_the_carrying_recorded_is_believed() -> None:
    """N6: another payload, another decision, other rows: each is seen."""
    made = amended(case(LESS))
    first = made.carried[0]
    origin = first.carried
    assert origin is not None
    before = CaseVersion(request=made.old, decisions=DESK.decisions)
    assert carry_problem(first, made.new, before, MATRIX) == ""
    assert carry_problem(first, made.new, before, None) == ""
    wider = made.new.amended(payload=made.new.payload.amended(stop_distance_points=1))
    unmarked = first.amended(carried=origin.amended(rows=()))
    other = first.amended(reviewer_id="kai")
    assert carry_problem(first, wider, before, MATRIX)
    assert carry_problem(unmarked, made.new, before, MATRIX)
    assert carry_problem(other, made.new, before, MATRIX)


@pytest.mark.parametrize("missing", ["earlier", "person_keys"])
def test_i3_i4_without_the_earlier_version_or_its_keys_nothing_holds(missing: str) -> None:
    """Governance 2.3: fail closed."""
    made = amended(case(LESS))
    assert not verify_chain(made.new, made.carried, facts(made, {missing: ()})).holds


def test_i4_a_later_stage_does_not_carry_without_the_one_before_it() -> None:
    """Governance 2.1: no case of which only the second review is left."""
    no_rex = tuple(key for key in KEYS if key.person_id != "rex")
    payload = DESK.request.payload
    rules = DESK.bundle.approval.required_stages(
        payload.notional, payload.currency, payload.strategy_id
    )
    kept = carried_decisions(
        DESK.decisions, payload, payload, matrix=MATRIX, rules=rules, keys=no_rex, now=LATER
    )
    assert kept == ()


def test_a_rejected_case_is_not_amended() -> None:
    """TX-F8: terminal."""
    desk = Desk()
    desk.review("rex", DecisionWord.REJECTED)
    assert "TERMINAL" in codes(decide_amendment(case(LESS, desk), "apr_2", (), LATER))


CHANGES: tuple[tuple[str, object], ...] = (
    ("max_quantity", Decimal(1)),
    ("max_quantity", Decimal(3)),
    ("price_min", Decimal(18000)),
    ("price_max", None),
    ("stop_distance_points", Decimal(30)),
    ("confidence", Decimal("0.9")),
    ("request_reason", "another reason for it"),
    ("uses_max", 2),
    ("policy_bundle_hash", HASH),
    ("evidence_pack_hash", "sha256:" + "b" * 64),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(CHANGES), max_size=4), st.sets(st.sampled_from(("rex", "kai"))))
def test_no_decision_survives_a_marked_field_another_bundle_or_a_lost_key(
    changes: list[tuple[str, object]], lost: set[str]
) -> None:
    """Governance test 3: whatever is mixed, compared with the rows read one by one."""
    old: RequestPayload = DESK.request.payload
    new = old.amended(**dict(changes))
    keys = tuple(k for k in KEYS if k.person_id not in lost)
    rules = DESK.bundle.approval.required_stages(new.notional, new.currency, new.strategy_id)
    kept = carried_decisions(
        DESK.decisions, old, new, matrix=MATRIX, rules=rules, keys=keys, now=LATER
    )
    rows = {row.field: row for row in MATRIX}
    for decision in kept:
        assert decision.reviewer_id not in lost
        assert new.policy_bundle_hash == old.policy_bundle_hash
        for name, value in dict(changes).items():
            lower = name == "max_quantity" and value == Decimal(1)
            assert lower or value == getattr(old, name) or decision.stage not in rows[name].voids
