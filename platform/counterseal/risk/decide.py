"""Decide whether an order may go to the paper broker.

Job: run all checks on one snapshot and record the outcome. Pure.

Invariants
  I1  All fourteen checks run, whatever fails, and then every further one that the policy has on.
  I2  The reason is the first failure in that order; approval means that none failed.
  I3  The evaluation carries the snapshot, its hash, and the digests of the intent and the limits.

Not here: the checks (risk.checks, risk.further), the approval gate before them and reserving the
room (desk).
Source: TX-H; trading reference part 4.
"""

from datetime import datetime

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal, details
from counterseal.policy.limits import RiskLimits
from counterseal.risk.checks import fourteen_checks
from counterseal.risk.further import further_checks
from counterseal.risk.model import (
    RiskEvaluation,
    RiskIntent,
    RiskSnapshot,
    RiskState,
    failed_of,
)


def evaluate(
    intent: RiskIntent,
    snapshot: RiskSnapshot,
    policy: RiskLimits,
    *,
    evaluation_id: str,
    now: datetime,
) -> RiskEvaluation:
    """Judge one order. Preview and the real path run this one function; it stores nothing.

    Args:
        intent: The order.
        snapshot: The account's facts, read under one lock.
        policy: Limits; its digest is recorded.
        evaluation_id: Id of the evaluation.
        now: UTC instant of the decision.

    Raises:
        InputError: `SNAPSHOT_FROM_FUTURE` when the snapshot is younger than the decision.
    """
    if snapshot.taken_at > now:
        raise InputError(
            "SNAPSHOT_FROM_FUTURE",
            "facts cannot be read after the decision",
            field="snapshot.taken_at",
            expected=f"at most {now.isoformat()}",
            got=snapshot.taken_at.isoformat(),
        )
    checks = fourteen_checks(intent, snapshot, policy, now)
    further = further_checks(intent, snapshot, policy, now)
    failed = failed_of((*checks, *further))
    return RiskEvaluation(
        evaluation_id=evaluation_id,
        order_id=intent.order_id,
        account_id=snapshot.account_id,
        approved=not failed,
        reason=failed[0] if failed else "",
        checks=checks,
        further_checks=further,
        exposure_tx_equivalent=intent.exposure,
        snapshot=snapshot,
        snapshot_hash=snapshot.digest,
        intent_hash=intent.digest,
        policy_digest=policy.digest,
        evaluated_at=now,
    )


def risk_refusal(evaluation: RiskEvaluation) -> Refusal | None:
    """The evaluation as a refusal with all failed checks as codes; None when approved."""
    if evaluation.approved:
        return None
    first = next(check for check in evaluation.all_checks if check.failed)
    return Refusal(
        code=first.name,
        codes=evaluation.failed,
        message=first.message,
        details=(*first.details, *details(snapshot_hash=evaluation.snapshot_hash)),
    )


def apply_kill_switch(state: RiskState, *, active: bool, reason: str, now: datetime) -> RiskState:
    """The account's state with the kill switch on or off; `reason` is the person's words."""
    return state.amended(kill_switch_active=active, reason=reason, updated_at=now)


def apply_heartbeat(state: RiskState, *, healthy: bool, now: datetime) -> RiskState:
    """The account's state after a heartbeat of the broker at `now` (UTC)."""
    return state.amended(broker_heartbeat_healthy=healthy, heartbeat_at=now, updated_at=now)
