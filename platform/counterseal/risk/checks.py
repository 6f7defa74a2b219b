"""The fourteen pre-trade checks.

Job: one pure function per check, from the facts that it reads to one `Check`.

Invariants
  I1  A missing fact fails the check that needs it and raises nothing, so that all always run.
  I2  An order at the limit passes, except the daily loss, which fails at its limit.
  I3  Unknown exposure fails every check that needs it.

Not here: the verdict (risk.decide).
Source: TX-H1 to TX-H14; trading reference part 4.
"""

from datetime import datetime
from decimal import Decimal

from counterseal.kernel.clock import seconds_between
from counterseal.kernel.money import EXACT, exact_text
from counterseal.policy.limits import RiskLimits
from counterseal.risk.model import Check, CheckName, RiskIntent, RiskSnapshot, exposure_of
from counterseal.risk.outcomes import check_of, remembered, skipped_check
from counterseal.signals.intent import OrderType, Side

_N = CheckName


def fourteen_checks(
    order: RiskIntent, seen: RiskSnapshot, policy: RiskLimits, now: datetime
) -> tuple[Check, ...]:
    """The fourteen on one order at `now` (UTC), in the order of `CheckName`."""
    quantity, ratio, root = order.quantity, order.ratio, order.contract_root
    key, beat, held = order.idempotency_key, seen.heartbeat_at, seen.position_tx_equivalent
    signed, working = quantity, seen.working_long_tx_equivalent
    if order.side is Side.SELL:
        working = seen.working_short_tx_equivalent.copy_negate()
        signed = quantity.copy_negate()
    return (
        check_live_trading_disabled(seen.live_trading_enabled, seen.trading_mode),
        check_paper_broker_only(seen.broker_provider),
        check_idempotency_key_present(len(key), not key.strip()),
        check_paper_only_intent(order.paper_only),
        check_max_exposure(
            quantity, ratio, order.approved_target, policy.max_tx_equivalent_exposure
        ),
        check_stale_quote(seen.quote_age_seconds, policy.stale_quote_seconds),
        check_price_reasonability(
            order.order_type,
            order.order_price,
            seen.quote_price,
            seen.reference_price,
            policy.price_deviation_max,
        ),
        check_max_order_size(root, quantity, policy.order_size_limit(root)),
        check_margin_proxy(quantity, ratio, policy.margin_per_tx_twd, policy.margin_max_twd),
        check_duplicate_order(key, seen.key_seen, seen.seen_idempotency_keys),
        check_daily_loss(seen.daily_realized_loss_twd, policy.daily_loss_max_twd),
        check_position_limit(signed, ratio, held, working, policy.position_max_tx_equivalent),
        check_kill_switch(policy.kill_switch, seen.kill_switch_active),
        check_broker_heartbeat(
            seen.broker_heartbeat_healthy,
            None if beat is None else seconds_between(beat, now),
            policy.heartbeat_max_age_seconds,
        ),
    )


@remembered
def check_live_trading_disabled(live: bool, mode: str) -> Check:
    """TX-H1: live flag off and mode `paper`."""
    return check_of(
        _N.LIVE_TRADING_DISABLED,
        not live and mode == "paper",
        "live trading must be off and the mode must be paper",
        live_trading_enabled=live,
        trading_mode=mode,
    )


@remembered
def check_paper_broker_only(provider: str) -> Check:
    """TX-H2: the provider is `paper`."""
    return check_of(
        _N.PAPER_BROKER_ONLY,
        provider == "paper",
        "the broker provider must be paper",
        broker_provider=provider,
    )


@remembered
def check_idempotency_key_present(length: int, blank: bool) -> Check:
    """TX-H3: the key is not empty and not blank."""
    return check_of(
        _N.IDEMPOTENCY_KEY_PRESENT,
        not blank,
        "the order must carry an idempotency key",
        length=length,
    )


@remembered
def check_paper_only_intent(paper_only: bool) -> Check:
    """TX-H4: the intent is for paper only."""
    return check_of(
        _N.PAPER_ONLY_INTENT,
        paper_only,
        "the intent must be for paper only",
        paper_only=paper_only,
    )


@remembered
def check_max_exposure(
    quantity: Decimal, ratio: Decimal | None, target: Decimal, limit: Decimal
) -> Check:
    """TX-H5: quantity x ratio within the limit and within what people approved (TX-eq)."""
    exposure, approved = exposure_of(quantity, ratio), abs(target)
    return check_of(
        _N.MAX_EXPOSURE,
        exposure is not None and exposure <= min(limit, approved),
        "exposure must stay within the limit and within the approved target",
        exposure_tx_equivalent=_computed(exposure),
        limit_tx_equivalent=limit,
        approved_tx_equivalent=approved,
    )


@remembered
def check_stale_quote(age: Decimal | None, limit: Decimal) -> Check:
    """TX-H6: a quote exists, is at most the limit old and is not from the future (seconds)."""
    return check_of(
        _N.STALE_QUOTE,
        age is not None and 0 <= age <= limit,
        "a fresh quote is needed",
        quote_age_seconds="no quote" if age is None else age,
        limit_seconds=limit,
    )


@remembered
def check_price_reasonability(
    kind: OrderType,
    price: Decimal | None,
    quote: Decimal | None,
    reference: Decimal | None,
    fraction: Decimal,
) -> Check:
    """TX-H7: price within a fraction of the reference (quote units).

    A market order, or another without a price, is judged by the quote that it would trade at and
    fails without one; a limit or stop is compared with the reference, else with the quote, and
    skipped only without both.
    """
    name = _N.PRICE_REASONABILITY
    if kind is OrderType.MARKET or (price is None and kind is not OrderType.LIMIT):
        price = quote
        if price is None or reference is None:
            return check_of(name, False, "a market order needs a quote and a reference to compare")
    else:
        reference = quote if reference is None else reference
        if price is None:
            return check_of(name, False, "a limit order needs a price")
        if reference is None:
            return skipped_check(name, "nothing to compare the limit price with")
    allowed = EXACT.multiply(abs(reference), fraction)
    deviation = abs(EXACT.subtract(price, reference))
    return check_of(
        name,
        deviation <= allowed,
        "the price must be near the reference",
        price=price,
        reference_price=reference,
        deviation=_computed(deviation),
        deviation_max=_computed(allowed),
    )


@remembered
def check_max_order_size(root: str | None, quantity: Decimal, limit: Decimal) -> Check:
    """TX-H8: contracts within the limit of the root; an unknown root has limit zero."""
    return check_of(
        _N.MAX_ORDER_SIZE_BY_CONTRACT,
        quantity <= limit,
        "the order must not be larger than its contract allows",
        quantity=quantity,
        limit_contracts=limit,
        contract_root=root or "unknown",
    )


@remembered
def check_margin_proxy(
    quantity: Decimal, ratio: Decimal | None, each: Decimal, limit: Decimal
) -> Check:
    """TX-H9: exposure x proxy margin within the margin limit (TWD)."""
    exposure = exposure_of(quantity, ratio)
    margin = None if exposure is None else EXACT.multiply(exposure, each)
    return check_of(
        _N.MARGIN_PROXY,
        margin is not None and margin <= limit,
        "the proxy margin must stay within its limit",
        margin_twd=_computed(margin),
        limit_twd=limit,
    )


def check_duplicate_order(key: str, seen: bool, seen_keys: int) -> Check:
    """TX-H10: the idempotency key was never used by another order; no two are to be alike."""
    return check_of(
        _N.DUPLICATE_ORDER_PREVENTION,
        not seen,
        "the idempotency key must be new",
        idempotency_key=key,
        seen_idempotency_keys=seen_keys,
    )


@remembered
def check_daily_loss(loss: Decimal, limit: Decimal) -> Check:
    """TX-H11: the trading day's realized loss is below the limit; at the limit it fails (TWD)."""
    return check_of(
        _N.DAILY_LOSS_LIMIT,
        loss < limit,
        "the realized loss of the trading day must be below its limit",
        loss_twd=loss,
        limit_twd=limit,
    )


@remembered
def check_position_limit(
    signed: Decimal, ratio: Decimal | None, position: Decimal, working: Decimal, limit: Decimal
) -> Check:
    """TX-H12: position + everything working on this side + this order within the limit (TX-eq).

    `signed` contracts are negative for a sale, `position` and `working` when short; the limit is
    one of size.
    """
    exposure, then = exposure_of(signed, ratio), None
    if exposure is not None:
        then = EXACT.add(EXACT.add(position, working), exposure)
    return check_of(
        _N.POSITION_LIMIT,
        then is not None and abs(then) <= limit,
        "the projected position must stay within its limit",
        projected_tx_equivalent=_computed(then),
        position_tx_equivalent=position,
        limit_tx_equivalent=limit,
    )


@remembered
def check_kill_switch(by_policy: bool, by_state: bool) -> Check:
    """TX-H13: off in the policy and off in the account's state."""
    return check_of(
        _N.KILL_SWITCH,
        not by_policy and not by_state,
        "the kill switch must be off in policy and in state",
        policy=by_policy,
        state=by_state,
    )


@remembered
def check_broker_heartbeat(healthy: bool, age: Decimal | None, limit: Decimal) -> Check:
    """TX-H14: healthy, and the heartbeat itself fresh and not from the future (seconds)."""
    return check_of(
        _N.BROKER_HEARTBEAT,
        healthy and age is not None and 0 <= age <= limit,
        "the broker's heartbeat must be healthy and fresh",
        healthy=healthy,
        age_seconds="no heartbeat" if age is None else _computed(age),
        limit_seconds=limit,
    )


def _computed(value: Decimal | None) -> str:
    """A number with the zeros that its computation left, such as 400.00; `unknown` for None."""
    return "unknown" if value is None else exact_text(value)
