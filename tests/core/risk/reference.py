"""Every risk check once more, as plainly as it can be said: nothing is remembered or shared.

An evaluation must be this to the byte (see test_reference). Each rule gives one of `None` (nothing
to judge), True, False or "unknown", then its sentence and its facts.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from counterseal.policy.desk_limits import NamedLimit
from counterseal.policy.limits import RiskLimits
from counterseal.risk.model import CheckName, RiskIntent, RiskSnapshot
from counterseal.signals.intent import OrderType, Side

Outcome = bool | str | None
Told = tuple[Outcome, str, Mapping[str, object]]
Rule = Callable[[RiskIntent, RiskSnapshot, RiskLimits, datetime], Told]
NO_LIMIT: Told = (None, "the policy names no limit for this one", {})


def plain(value: object) -> str:
    """Text of a fact; a number keeps the zeros that it has."""
    if isinstance(value, Decimal):
        return format(abs(value) if value == 0 else value, "f")
    return "unknown" if value is None else str(value)


def short(value: object) -> str:
    """Text of a fact; a number without zeros behind."""
    text = plain(value)
    fraction = isinstance(value, Decimal) and "." in text
    return text.rstrip("0").rstrip(".") if fraction else text


def within(amount: Decimal | None, limit: Decimal | None) -> Outcome:
    return "unknown" if amount is None or limit is None else amount <= limit


def limit_for(table: tuple[NamedLimit, ...], name: str | None) -> Decimal | None:
    told = {row.name: row.limit for row in table}
    return told.get(name or "", told.get("*"))


def exposure(order: RiskIntent) -> Decimal | None:
    return None if order.ratio is None else order.quantity * order.ratio


def room(order: RiskIntent, seen: RiskSnapshot) -> Decimal:
    facts = seen.further
    if order.side is Side.SELL:
        return facts.position_contracts - facts.working_sell_contracts
    return -facts.position_contracts - facts.working_buy_contracts


def price_reasonability(
    order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime
) -> Told:
    kind, price, quote, last = (
        order.order_type,
        order.order_price,
        seen.quote_price,
        seen.reference_price,
    )
    if kind is OrderType.MARKET or (price is None and kind is not OrderType.LIMIT):
        if quote is None or last is None:
            return False, "a market order needs a quote and a reference to compare", {}
        price = quote
    elif price is None:
        return False, "a limit order needs a price", {}
    elif last is None and quote is None:
        return None, "nothing to compare the limit price with", {}
    middle = quote if last is None else last
    assert price is not None
    assert middle is not None
    off, most = abs(price - middle), abs(middle) * limits.price_deviation_max
    facts = {"price": price, "reference_price": middle, "deviation": off, "deviation_max": most}
    return off <= most, "the price must be near the reference", facts


def position_limit(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    more, held, limit = (
        exposure(order),
        seen.position_tx_equivalent,
        limits.position_max_tx_equivalent,
    )
    then = None
    if more is not None and order.side is Side.BUY:
        then = held + seen.working_long_tx_equivalent + more
    elif more is not None:
        then = held - seen.working_short_tx_equivalent - more
    facts = {"projected_tx_equivalent": then, "position_tx_equivalent": held}
    message = "the projected position must stay within its limit"
    holds = then is not None and abs(then) <= limit
    return holds, message, {**facts, "limit_tx_equivalent": limit}


def max_exposure(order: RiskIntent, _s: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    size, approved = exposure(order), abs(order.approved_target)
    limit = limits.max_tx_equivalent_exposure
    message = "exposure must stay within the limit and within the approved target"
    facts = {"exposure_tx_equivalent": size, "limit_tx_equivalent": limit}
    holds = size is not None and size <= limit and size <= approved
    return holds, message, {**facts, "approved_tx_equivalent": approved}


def margin_proxy(order: RiskIntent, _s: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    size, limit = exposure(order), limits.margin_max_twd
    margin = None if size is None else size * limits.margin_per_tx_twd
    holds = margin is not None and margin <= limit
    facts = {"margin_twd": margin, "limit_twd": limit}
    return holds, "the proxy margin must stay within its limit", facts


def order_size(order: RiskIntent, _s: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    sizes = {row.contract_root: row.quantity_max for row in limits.order_size_max}
    limit = sizes.get(order.contract_root or "", Decimal(0))
    facts = {"quantity": order.quantity, "limit_contracts": limit}
    message = "the order must not be larger than its contract allows"
    return order.quantity <= limit, message, {**facts, "contract_root": order.contract_root}


def heartbeat(_o: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, now: datetime) -> Told:
    age, limit = None, limits.heartbeat_max_age_seconds
    if seen.heartbeat_at is not None:
        age = Decimal((now - seen.heartbeat_at) // timedelta(microseconds=1)) / 10**6
        age = age.quantize(Decimal("0.000001"))
    healthy, fresh = seen.broker_heartbeat_healthy, age is not None and 0 <= age <= limit
    facts = {"healthy": healthy, "age_seconds": "no heartbeat" if age is None else age}
    message = "the broker's heartbeat must be healthy and fresh"
    return healthy and fresh, message, {**facts, "limit_seconds": limit}


def stale_quote(_o: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    age, limit = seen.quote_age_seconds, limits.stale_quote_seconds
    facts = {"quote_age_seconds": "no quote" if age is None else age, "limit_seconds": limit}
    return age is not None and 0 <= age <= limit, "a fresh quote is needed", facts


N = CheckName
FOURTEEN: Mapping[CheckName, Rule] = {
    N.LIVE_TRADING_DISABLED: lambda _o, s, _l, _n: (
        s.trading_mode == "paper" and not s.live_trading_enabled,
        "live trading must be off and the mode must be paper",
        {"live_trading_enabled": s.live_trading_enabled, "trading_mode": s.trading_mode},
    ),
    N.PAPER_BROKER_ONLY: lambda _o, s, _l, _n: (
        s.broker_provider == "paper",
        "the broker provider must be paper",
        {"broker_provider": s.broker_provider},
    ),
    N.IDEMPOTENCY_KEY_PRESENT: lambda o, _s, _l, _n: (
        o.idempotency_key.strip() != "",
        "the order must carry an idempotency key",
        {"length": len(o.idempotency_key)},
    ),
    N.PAPER_ONLY_INTENT: lambda o, _s, _l, _n: (
        o.paper_only,
        "the intent must be for paper only",
        {"paper_only": o.paper_only},
    ),
    N.MAX_EXPOSURE: max_exposure,
    N.STALE_QUOTE: stale_quote,
    N.PRICE_REASONABILITY: price_reasonability,
    N.MAX_ORDER_SIZE_BY_CONTRACT: order_size,
    N.MARGIN_PROXY: margin_proxy,
    N.DUPLICATE_ORDER_PREVENTION: lambda o, s, _l, _n: (
        not s.key_seen,
        "the idempotency key must be new",
        {"idempotency_key": o.idempotency_key, "seen_idempotency_keys": s.seen_idempotency_keys},
    ),
    N.DAILY_LOSS_LIMIT: lambda _o, s, p, _n: (
        s.daily_realized_loss_twd < p.daily_loss_max_twd,
        "the realized loss of the trading day must be below its limit",
        {"loss_twd": s.daily_realized_loss_twd, "limit_twd": p.daily_loss_max_twd},
    ),
    N.POSITION_LIMIT: position_limit,
    N.KILL_SWITCH: lambda _o, s, p, _n: (
        not (p.kill_switch or s.kill_switch_active),
        "the kill switch must be off in policy and in state",
        {"policy": p.kill_switch, "state": s.kill_switch_active},
    ),
    N.BROKER_HEARTBEAT: heartbeat,
}
