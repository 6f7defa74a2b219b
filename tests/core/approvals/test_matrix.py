"""What an amendment voids, and what carries."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.approvals.matrix import carried_decisions, changed_fields, voided_stages
from counterseal.approvals.model import ApprovalDecision, RequestPayload
from counterseal.identity.keys import PersonKey
from counterseal.policy.words import Stage
from tests.core.approvals import world
from tests.core.approvals.world import NOW, Desk

DESK = Desk().approved()
KEYS = world.keys()
PARAMS = DESK.bundle.approval
OLD = DESK.request.payload


def carried(
    new: RequestPayload, seconds: int = 9, keys: tuple[PersonKey, ...] = KEYS
) -> tuple[ApprovalDecision, ...]:
    now = NOW + timedelta(seconds=seconds)
    rules = PARAMS.required_stages(new.notional, new.currency, new.strategy_id)
    return carried_decisions(
        DESK.decisions, OLD, new, matrix=PARAMS.void_matrix, rules=rules, keys=keys, now=now
    )


@pytest.mark.parametrize("field", ["request_reason", "strategy_id", "code_version"])
def test_i1_a_field_without_a_row_voids_every_stage(field: str) -> None:
    """TX-F18: a forgotten row never lets a decision pass."""
    rows = tuple(row for row in PARAMS.void_matrix if row.field != field)
    assert voided_stages(rows, OLD, OLD.amended(**{field: "changed"})) == set(Stage)


def test_i2_a_decision_carries_only_under_its_bundle_unexpired_and_keyed() -> None:
    """TX-F18: each condition alone stops it."""
    revoked = tuple(k.amended(revoked_at=NOW, revoked_reason="lost") for k in KEYS)
    expires = DESK.decisions[0].expires_at - NOW

    assert carried(OLD) == DESK.decisions
    assert carried(OLD.amended(policy_bundle_hash=world.HASH)) == ()
    assert carried(OLD, keys=()) == ()
    assert carried(OLD, keys=revoked) == ()
    assert carried(OLD, seconds=int(expires.total_seconds()) - 1) == DESK.decisions
    assert carried(OLD, seconds=int(expires.total_seconds())) == ()


@given(st.integers(1, 4), st.sampled_from(("19000", "18000")), st.booleans())
def test_i3_no_decision_survives_a_marked_change(quantity: int, low: str, stop: bool) -> None:
    """TX-F18: any mix of changes."""
    new = OLD.amended(max_quantity=quantity, price_min=Decimal(low))
    new = new.amended(stop_distance_points=Decimal(30)) if stop else new
    voided = voided_stages(PARAMS.void_matrix, OLD, new)

    assert {d.stage for d in carried(new)} & voided == set()
    assert (Stage.RESEARCH in voided) == (quantity > 2 or stop)
    assert (Stage.RISK in voided) == (quantity > 2 or stop or low != "19000")
    assert bool(changed_fields(OLD, new)) == (new != OLD)
