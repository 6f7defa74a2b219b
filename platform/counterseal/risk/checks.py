"""The fourteen pre-trade checks.

Job: one pure function per check, from (intent, snapshot, policy, now) to one `Check`.

Invariants
  I1  A missing fact fails the check that needs it and raises nothing, so that all always run.
  I2  An order at the limit passes, except the daily loss, which fails at its limit.
  I3  Unknown exposure fails every check that needs it.

Not here: the order of the checks and the verdict (risk.decide).
Source: TX-H1 to TX-H14; trading reference part 4.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.kernel.clock import seconds_between
from counterseal.kernel.money import EXACT
from counterseal.policy.limits import RiskLimits
from counterseal.risk.model import Check, CheckName, RiskIntent, RiskSnapshot
from counterseal.risk.outcomes import check_of, skipped_check
from counterseal.signals.intent import OrderType, Side

CheckFunction = Callable[[RiskIntent, RiskSnapshot, RiskLimits, datetime], Check]


def check_live_trading_disabled(
    _intent: RiskIntent, snapshot: RiskSnapshot, _policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H1: live flag off and mode `paper`."""
    return check_of(
        CheckName.LIVE_TRADING_DISABLED,
        not snapshot.live_trading_enabled and snapshot.trading_mode == "paper",
        "live trading must be off and the mode must be paper",
        live_trading_enabled=snapshot.live_trading_enabled,
        trading_mode=snapshot.trading_mode,
    )


def check_paper_broker_only(
    _intent: RiskIntent, snapshot: RiskSnapshot, _policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H2: the provider is `paper`."""
    return check_of(
        CheckName.PAPER_BROKER_ONLY,
        snapshot.broker_provider == "paper",
        "the broker provider must be paper",
        broker_provider=snapshot.broker_provider,
    )


def check_idempotency_key_present(
    intent: RiskIntent, _snapshot: RiskSnapshot, _policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H3: the key is not empty and not blank."""
    return check_of(
        CheckName.IDEMPOTENCY_KEY_PRESENT,
        bool(intent.idempotency_key.strip()),
        "the order must carry an idempotency key",
        length=len(intent.idempotency_key),
    )


def check_paper_only_intent(
    intent: RiskIntent, _snapshot: RiskSnapshot, _policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H4: the intent is for paper only."""
    return check_of(
        CheckName.PAPER_ONLY_INTENT,
        intent.paper_only,
        "the intent must be for paper only",
        paper_only=intent.paper_only,
    )


def check_max_exposure(
    intent: RiskIntent, _snapshot: RiskSnapshot, policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H5: quantity x ratio within the limit and within what people approved (TX-eq)."""
    exposure, approved = intent.exposure, abs(intent.approved_target)
    limit = min(policy.max_tx_equivalent_exposure, approved)
    return check_of(
        CheckName.MAX_EXPOSURE,
        exposure is not None and exposure <= limit,
        "exposure must stay within the limit and within the approved target",
        exposure_tx_equivalent="unknown" if exposure is None else exposure,
        limit_tx_equivalent=policy.max_tx_equivalent_exposure,
        approved_tx_equivalent=approved,
    )


def check_stale_quote(
    _intent: RiskIntent, snapshot: RiskSnapshot, policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H6: a quote exists, is at most the limit old and is not from the future (seconds)."""
    age = snapshot.quote_age_seconds
    return check_of(
        CheckName.STALE_QUOTE,
        age is not None and 0 <= age <= policy.stale_quote_seconds,
        "a fresh quote is needed",
        quote_age_seconds="no quote" if age is None else age,
        limit_seconds=policy.stale_quote_seconds,
    )


def check_price_reasonability(
    intent: RiskIntent, snapshot: RiskSnapshot, policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H7: price within a fraction of the reference (quote units).

    A market order, or another without a price, is judged by the quote that it would trade at and
    fails without one; a limit or stop is compared with the reference, else with the quote, and
    skipped only without both.
    """
    name = CheckName.PRICE_REASONABILITY
    unpriced = intent.order_price is None and intent.order_type is not OrderType.LIMIT
    if unpriced or intent.order_type is OrderType.MARKET:
        price, reference = snapshot.quote_price, snapshot.reference_price
        if price is None or reference is None:
            return check_of(name, False, "a market order needs a quote and a reference to compare")
    else:
        price = intent.order_price
        reference = (
            snapshot.quote_price if snapshot.reference_price is None else snapshot.reference_price
        )
        if price is None:
            return check_of(name, False, "a limit order needs a price")
        if reference is None:
            message = "nothing to compare the limit price with"
            return skipped_check(name, message)
    allowed = EXACT.multiply(abs(reference), policy.price_deviation_max)
    deviation = abs(EXACT.subtract(price, reference))
    return check_of(
        name,
        deviation <= allowed,
        "the price must be near the reference",
        price=price,
        reference_price=reference,
        deviation=deviation,
        deviation_max=allowed,
    )


def check_max_order_size(
    intent: RiskIntent, _snapshot: RiskSnapshot, policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H8: contracts within the limit of the root; an unknown root has limit zero."""
    root = intent.contract_root
    limit = Decimal(0) if root is None else policy.order_size_limit(root)
    return check_of(
        CheckName.MAX_ORDER_SIZE_BY_CONTRACT,
        intent.quantity <= limit,
        "the order must not be larger than its contract allows",
        quantity=intent.quantity,
        limit_contracts=limit,
        contract_root=root or "unknown",
    )


def check_margin_proxy(
    intent: RiskIntent, _snapshot: RiskSnapshot, policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H9: exposure x proxy margin within the margin limit (TWD)."""
    exposure = intent.exposure
    margin = None if exposure is None else EXACT.multiply(exposure, policy.margin_per_tx_twd)
    return check_of(
        CheckName.MARGIN_PROXY,
        margin is not None and margin <= policy.margin_max_twd,
        "the proxy margin must stay within its limit",
        margin_twd="unknown" if margin is None else margin,
        limit_twd=policy.margin_max_twd,
    )


def check_duplicate_order(
    intent: RiskIntent, snapshot: RiskSnapshot, _policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H10: the idempotency key was never used by another order."""
    return check_of(
        CheckName.DUPLICATE_ORDER_PREVENTION,
        not snapshot.key_seen,
        "the idempotency key must be new",
        idempotency_key=intent.idempotency_key,
        seen_idempotency_keys=snapshot.seen_idempotency_keys,
    )


def check_daily_loss(
    _intent: RiskIntent, snapshot: RiskSnapshot, policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H11: the trading day's realized loss is below the limit; at the limit it fails (TWD)."""
    return check_of(
        CheckName.DAILY_LOSS_LIMIT,
        snapshot.daily_realized_loss_twd < policy.daily_loss_max_twd,
        "the realized loss of the trading day must be below its limit",
        loss_twd=snapshot.daily_realized_loss_twd,
        limit_twd=policy.daily_loss_max_twd,
    )


def check_position_limit(
    intent: RiskIntent, snapshot: RiskSnapshot, policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H12: position + everything working on this side + this order within the limit (TX-eq)."""
    exposure, projected = intent.exposure, None
    if exposure is not None:
        buys = intent.side is Side.BUY
        working = (
            snapshot.working_long_tx_equivalent if buys else -snapshot.working_short_tx_equivalent
        )
        projected = EXACT.add(
            EXACT.add(snapshot.position_tx_equivalent, working), intent.side.sign * exposure
        )
    return check_of(
        CheckName.POSITION_LIMIT,
        projected is not None and abs(projected) <= policy.position_max_tx_equivalent,
        "the projected position must stay within its limit",
        projected_tx_equivalent="unknown" if projected is None else projected,
        position_tx_equivalent=snapshot.position_tx_equivalent,
        limit_tx_equivalent=policy.position_max_tx_equivalent,
    )


def check_kill_switch(
    _intent: RiskIntent, snapshot: RiskSnapshot, policy: RiskLimits, _now: datetime
) -> Check:
    """TX-H13: off in the policy and off in the account's state."""
    return check_of(
        CheckName.KILL_SWITCH,
        not policy.kill_switch and not snapshot.kill_switch_active,
        "the kill switch must be off in policy and in state",
        policy=policy.kill_switch,
        state=snapshot.kill_switch_active,
    )


def check_broker_heartbeat(
    _intent: RiskIntent, snapshot: RiskSnapshot, policy: RiskLimits, now: datetime
) -> Check:
    """TX-H14: healthy, and the heartbeat itself fresh and not from the future (seconds)."""
    beat = snapshot.heartbeat_at
    age = None if beat is None else seconds_between(beat, now)
    fresh = age is not None and 0 <= age <= policy.heartbeat_max_age_seconds
    return check_of(
        CheckName.BROKER_HEARTBEAT,
        snapshot.broker_heartbeat_healthy and fresh,
        "the broker's heartbeat must be healthy and fresh",
        healthy=snapshot.broker_heartbeat_healthy,
        age_seconds="no heartbeat" if age is None else age,
        limit_seconds=policy.heartbeat_max_age_seconds,
    )


CHECKS: Final[tuple[CheckFunction, ...]] = (
    check_live_trading_disabled,
    check_paper_broker_only,
    check_idempotency_key_present,
    check_paper_only_intent,
    check_max_exposure,
    check_stale_quote,
    check_price_reasonability,
    check_max_order_size,
    check_margin_proxy,
    check_duplicate_order,
    check_daily_loss,
    check_position_limit,
    check_kill_switch,
    check_broker_heartbeat,
)
"""In the order of `CheckName`."""
