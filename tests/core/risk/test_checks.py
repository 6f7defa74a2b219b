from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.kernel.errors import InputError
from counterseal.risk.checks import fourteen_checks
from counterseal.risk.decide import apply_heartbeat, apply_kill_switch, evaluate, risk_refusal
from counterseal.risk.model import CheckName, RiskEvaluation, RiskState
from tests.core.risk.test_decide import INTENT, LIMIT, LIMITS, NOW, SNAPSHOT, Changes, failed

MISSING: Changes = {
    "quote_age_seconds": None,
    "quote_price": None,
    "reference_price": None,
    "heartbeat_at": None,
}
STATE = RiskState(
    account_id="acc_1",
    kill_switch_active=False,
    broker_heartbeat_healthy=True,
    heartbeat_at=NOW,
    updated_at=NOW,
)
LATER = NOW + timedelta(seconds=5)


def judge(intent: Changes, snapshot: Changes) -> RiskEvaluation:
    return evaluate(
        INTENT.amended(**intent),
        SNAPSHOT.amended(**snapshot),
        LIMITS,
        evaluation_id="rev_1",
        now=NOW,
    )


@settings(max_examples=60)
@given(st.sets(st.sampled_from(sorted(MISSING))), st.booleans(), st.booleans())
def test_i1_a_missing_fact_fails_its_check_and_all_checks_run(
    gone: set[str], known: bool, limit: bool
) -> None:
    """TX-H6, TX-H7, TX-H14: nothing raises, fourteen outcomes, no silent pass."""
    intent: Changes = {} if known else {"ratio": None, "contract_root": None}
    intent = {**intent, **(LIMIT if limit else {})}
    seen = judge(intent, dict.fromkeys(gone))
    needs = {"quote_age_seconds": "STALE_QUOTE", "heartbeat_at": "BROKER_HEARTBEAT"}

    assert tuple(c.name for c in seen.checks) == tuple(CheckName)
    assert {needs[g] for g in gone & set(needs)} <= set(seen.failed)
    if limit or gone & {"quote_price", "reference_price"}:
        assert CheckName.PRICE_REASONABILITY in seen.failed


@settings(max_examples=60)
@given(st.decimals(0, 1, places=4), st.decimals(0, 10_000, places=2))
def test_i2_the_limit_itself_passes_except_for_the_daily_loss(
    exposure: Decimal, loss: Decimal
) -> None:
    """TX-H5, TX-H9, TX-H11, TX-H12: <= 0.25 TX-eq, < 5000 TWD."""
    seen = set(failed({"ratio": exposure, "quantity": 1}, {"daily_realized_loss_twd": loss}, {}))
    beyond = {"MAX_EXPOSURE", "MARGIN_PROXY", "POSITION_LIMIT"}

    assert seen & beyond == (beyond if exposure > Decimal("0.25") else set())
    assert ("DAILY_LOSS_LIMIT" in seen) is (loss >= 5000)


def test_i3_unknown_exposure_fails_every_check_that_needs_it() -> None:
    """TX-H5, TX-H9, TX-H12."""
    assert failed({"ratio": None}, {}, {}) == ("MAX_EXPOSURE", "MARGIN_PROXY", "POSITION_LIMIT")


def test_i1_all_fourteen_run_when_every_one_fails() -> None:
    """TX-H1 to TX-H14: fourteen failures, the first is the reason."""
    seen = judge(
        {"idempotency_key": "", "paper_only": False, "ratio": None, "contract_root": None},
        {
            **MISSING,
            "live_trading_enabled": True,
            "broker_provider": "sim",
            "key_seen": True,
            "daily_realized_loss_twd": 5000,
            "kill_switch_active": True,
        },
    )
    refusal = risk_refusal(seen)

    assert seen.failed == tuple(CheckName)
    assert len(seen.failed) == 14
    told = fourteen_checks(INTENT, seen.snapshot, LIMITS, NOW)
    assert [check.name for check in told] == [*CheckName]
    assert refusal is not None
    assert refusal.code == "LIVE_TRADING_DISABLED"
    assert refusal.codes == tuple(CheckName)


def test_i3_the_evaluation_carries_what_it_was_judged_on() -> None:
    """TX-H16: snapshot, its hash, digests of intent and limits; a changed snapshot is refused."""
    seen = judge({}, {})

    assert seen.snapshot == SNAPSHOT
    assert seen.snapshot_hash == SNAPSHOT.digest
    assert (seen.intent_hash, seen.policy_digest) == (INTENT.digest, LIMITS.digest)
    with pytest.raises(ValueError, match="differs from its hash"):
        seen.amended(snapshot=SNAPSHOT.amended(key_seen=True))
    with pytest.raises(ValueError, match="first failed check"):
        seen.amended(approved=False)


def test_the_snapshot_has_the_asked_facts() -> None:
    """TX-H16: keys of the state and flags of the evaluation; time is `taken_at`."""
    facts = SNAPSHOT.json_value()
    asked = {
        "seen_idempotency_keys": 0,
        "daily_realized_loss_twd": "0",
        "position_tx_equivalent": "0",
        "kill_switch_active": False,
        "broker_heartbeat_healthy": True,
        "live_trading_enabled": False,
        "taken_at": "2026-01-05T02:00:00.000000Z",
    }
    assert {name: facts[name] for name in asked} == asked
    flags = judge({}, {})
    assert (flags.paper_only, flags.live_trading_enabled, flags.broker_api_called) == (
        True,
        False,
        False,
    )


def test_facts_read_after_the_decision_are_an_error() -> None:
    """TX-H16: the snapshot is not younger than the decision."""
    with pytest.raises(InputError) as caught:
        judge({}, {"taken_at": LATER})

    assert caught.value.code == "SNAPSHOT_FROM_FUTURE"


def test_the_kill_switch_sets_its_flag_reason_and_time_alone() -> None:
    """TX-H13: on, then off."""
    on = apply_kill_switch(STATE, active=True, reason="too fast", now=LATER)

    assert on == STATE.amended(kill_switch_active=True, reason="too fast", updated_at=LATER)
    assert "KILL_SWITCH" in failed({}, {"kill_switch_active": on.kill_switch_active}, {})
    assert not apply_kill_switch(on, active=False, reason="", now=LATER).kill_switch_active


@pytest.mark.parametrize("healthy", [True, False])
def test_a_heartbeat_sets_health_and_time_and_leaves_the_kill_switch(healthy: bool) -> None:
    """TX-H14: an unhealthy heartbeat fails although it is fresh."""
    stopped = STATE.amended(kill_switch_active=True, reason="stop")
    seen = apply_heartbeat(stopped, healthy=healthy, now=LATER)

    changes = {"broker_heartbeat_healthy": healthy, "heartbeat_at": LATER, "updated_at": LATER}
    assert seen == stopped.amended(**changes)
    facts: Changes = {"broker_heartbeat_healthy": seen.broker_heartbeat_healthy}
    assert ("BROKER_HEARTBEAT" in failed({}, facts, {})) is not healthy
