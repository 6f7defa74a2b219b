"""The further checks and the whole evaluation as plainly as they can be said (see reference)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext

from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.clock import utc_text
from counterseal.policy.desk_limits import Breach, CheckRow, DeskLimits, FurtherCheck
from counterseal.policy.limits import RiskLimits
from counterseal.risk.facts import Standing, TradingState
from counterseal.risk.model import RiskIntent, RiskSnapshot
from counterseal.signals.intent import Side
from tests.core.risk.reference import (
    FOURTEEN,
    NO_LIMIT,
    Outcome,
    Rule,
    Told,
    exposure,
    limit_for,
    plain,
    room,
    short,
    within,
)

F = FurtherCheck


def trading_state(order: RiskIntent, seen: RiskSnapshot, _l: RiskLimits, _: datetime) -> Told:
    facts, free = seen.further, room(order, seen)
    holds = {
        TradingState.ACTIVE: True,
        TradingState.REDUCING: order.quantity <= free,
        TradingState.HALTED: False,
    }[facts.trading_state]
    told = {
        "state": facts.trading_state.value,
        "scopes": ",".join(facts.state_scopes) or "none",
        "quantity": order.quantity,
        "reducible_contracts": max(free, Decimal(0)),
    }
    return holds, "HALTED takes no order, REDUCING only what reduces the position", told


def restricted(order: RiskIntent, _s: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    desk, names = limits.desk, {order.symbol, order.contract_root}
    holds = not names & {*desk.restricted_symbols}
    holds = holds and order.strategy_id not in desk.restricted_strategies
    told = {"symbol": order.symbol, "strategy": order.strategy_id or "none"}
    return holds, "instrument and strategy must not be restricted", told


def binding(_o: RiskIntent, seen: RiskSnapshot, _l: RiskLimits, _: datetime) -> Told:
    broken = seen.further.approval_breaches
    if broken is None:
        return None, "nothing was approved yet", {}
    told = {"changed": ",".join(broken) or "nothing"}
    return not broken, "the order must be what was approved", told


def duplicate_signal(_o: RiskIntent, seen: RiskSnapshot, _l: RiskLimits, _: datetime) -> Told:
    used = seen.further.signal_used_by
    if used is None:
        return None, "no signal stands behind this order", {}
    return used == "", "a signal is traded under one approval", {"used_by": used or "none"}


def session(_o: RiskIntent, seen: RiskSnapshot, _l: RiskLimits, _: datetime) -> Told:
    phase = seen.further.session_phase
    told = {"session_phase": phase, "expires_on": seen.further.expires_on}
    holds: Outcome = "unknown" if phase == "unknown" else phase in {"open", "add_only"}
    return holds, "the contract must be in a session that takes orders", told


def tick_size(order: RiskIntent, _s: RiskSnapshot, _l: RiskLimits, _: datetime) -> Told:
    price, tick = order.order_price, order.tick
    if price is None:
        return None, "an order without a price has no tick", {}
    whole: Outcome = "unknown" if not tick else price / tick == (price / tick).to_integral_value()
    return whole, "the price must be a multiple of the tick", {"price": price, "tick": tick}


def quantity(order: RiskIntent, _s: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    desk, size = limits.desk, order.quantity
    most = limit_for(desk.lots_max, order.order_type)
    whole = size / desk.quantity_step == (size / desk.quantity_step).to_integral_value()
    told = {"quantity": size, "step": desk.quantity_step, "smallest": desk.quantity_min}
    holds = whole and desk.quantity_min <= size and (most is None or size <= most)
    message = "the quantity must fit step, smallest and largest order"
    return holds, message, {**told, "largest": "none" if most is None else most}


def near(price: Decimal | None, middle: Decimal | None, part: Decimal | None, to: str) -> Told:
    if price is None or middle is None or part is None:
        return "unknown", f"there is nothing to compare with the {to}", {}
    off, most = abs(price - middle), abs(middle) * part
    told = {"price": price, "middle": middle, "deviation": off, "deviation_max": most}
    return off <= most, f"the price must stay near the {to}", told


def collar(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    if order.order_price is None:
        return None, "an order without a price trades at the market", {}
    return near(order.order_price, seen.quote_price, limits.desk.collar_fraction_max, "market")


def daily_limit(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    settled, own = seen.further.settlement_price, order.order_price
    if settled is None:
        return None, "no daily settlement is known", {}
    price = seen.quote_price if own is None else own
    return near(price, settled, limits.desk.daily_limit_fraction, "settlement")


def notional(
    order: RiskIntent, seen: RiskSnapshot, contracts: Decimal, limit: Decimal | None, message: str
) -> Told:
    prices = [abs(p) for p in (order.order_price, seen.quote_price) if p is not None]
    amount = None
    if prices and order.multiplier is not None:
        amount = contracts * order.multiplier * max(prices)
    return within(amount, limit), message, {"amount_twd": amount, "limit_twd": limit}


def order_notional(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    limit = limit_for(limits.desk.order_notional_max, order.contract_root)
    if limit is None:
        return NO_LIMIT
    message = "the order's notional must stay within its contract's limit"
    return notional(order, seen, order.quantity, limit, message)


def order_value(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    limit, message = limits.desk.order_value_max_twd, "the order's value must stay within its limit"
    return notional(order, seen, order.quantity, limit, message)


def held_notional(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    facts = seen.further
    if order.side is Side.BUY:
        then = facts.position_contracts + facts.working_buy_contracts + order.quantity
    else:
        then = facts.position_contracts - facts.working_sell_contracts - order.quantity
    limit = limits.desk.instrument_notional_max_twd
    message = "the notional held in the instrument must stay within its limit"
    return notional(order, seen, abs(then), limit, message)


def projected(
    order: RiskIntent, own: Standing | RiskSnapshot | None, limit: Decimal | None, scope: str
) -> Told:
    more, then = exposure(order), None
    if own is not None and more is not None:
        then = own.position_tx_equivalent
        if order.side is Side.BUY:
            then += own.working_long_tx_equivalent + more
        else:
            then -= own.working_short_tx_equivalent + more
    told = {
        "scope": scope,
        "projected_tx_equivalent": then,
        "position_tx_equivalent": None if own is None else own.position_tx_equivalent,
        "limit_tx_equivalent": limit,
    }
    message = "the projected position must stay within the limit of its scope"
    return within(None if then is None else abs(then), limit), message, told


def account(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    limit = limit_for(limits.desk.account_position_max, seen.account_id)
    return NO_LIMIT if limit is None else projected(order, seen, limit, seen.account_id)


def strategy(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    name = order.strategy_id
    if name is None:
        return None, "no strategy stands behind this order", {}
    limit = limit_for(limits.desk.strategy_position_max, name)
    return NO_LIMIT if limit is None else projected(order, seen.further.strategy, limit, name)


def instrument(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    limit = limit_for(limits.desk.instrument_position_max, order.symbol)
    own = seen.further.instrument
    return NO_LIMIT if limit is None else projected(order, own, limit, order.symbol)


def group(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    facts, desk = seen.further, limits.desk
    futures = desk.group_position_max_tx_equivalent
    found = [projected(order, facts.group, futures, "TAIEX_FUTURES")]
    for kind, own, table in (
        ("account_group", facts.account_group, desk.account_group_position_max),
        ("tenant", facts.tenant, desk.tenant_position_max),
    ):
        limit = None if own is None else limit_for(table, own.name)
        if own is not None and limit is not None:
            found.append(projected(order, own, limit, f"{kind}:{own.name}"))
    worst: Sequence[Outcome] = (False, "unknown", True)
    return min(found, key=lambda one: worst.index(one[0]))


def portfolio_loss(order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
    gained, limit = seen.further.unrealized_pnl_twd, limits.desk.portfolio_loss_max_twd
    loss = None if gained is None else seen.daily_realized_loss_twd - gained
    reduces = order.quantity <= room(order, seen)
    below: Outcome = "unknown" if loss is None or limit is None else loss < limit
    told = {
        "loss_twd": loss,
        "realized_loss_twd": seen.daily_realized_loss_twd,
        "unrealized_pnl_twd": gained,
        "limit_twd": limit,
        "reduces": reduces,
    }
    message = "realized and open loss together must be below the limit"
    return True if reduces else below, message, told


def free_balance(order: RiskIntent, seen: RiskSnapshot, _l: RiskLimits, _: datetime) -> Told:
    facts = seen.further
    opens = order.quantity - min(order.quantity, max(room(order, seen), Decimal(0)))
    each, used = facts.margin_order_contract_twd, facts.margin_held_twd
    margin, free = None if each is None else each * opens, None
    if facts.cash_twd is not None and facts.unrealized_pnl_twd is not None and used is not None:
        free = facts.cash_twd + facts.unrealized_pnl_twd - used
    told = {"initial_margin_twd": margin, "free_balance_twd": free}
    message = "the free balance must cover the exchange's initial margin"
    return within(margin, free), message, {**told, "margin_day": facts.margin_day}


def counting(field: str, also_this: int, limit: str, message: str) -> Rule:
    def rule(_o: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, _: datetime) -> Told:
        count, most = getattr(seen.further, field) + also_this, getattr(limits.desk, limit)
        return most is not None and count <= most, message, {"count": count, "limit": most}

    return rule


FURTHER: Mapping[FurtherCheck, Rule] = {
    F.TRADING_STATE: trading_state,
    F.RESTRICTED_LIST: restricted,
    F.APPROVAL_BINDING: binding,
    F.DUPLICATE_SIGNAL: duplicate_signal,
    F.TRADING_SESSION: session,
    F.TICK_SIZE: tick_size,
    F.QUANTITY_PRECISION: quantity,
    F.PRICE_COLLAR: collar,
    F.DAILY_PRICE_LIMIT: daily_limit,
    F.MAX_ORDER_NOTIONAL: order_notional,
    F.MAX_ORDER_VALUE: order_value,
    F.MAX_INSTRUMENT_NOTIONAL: held_notional,
    F.ACCOUNT_POSITION: account,
    F.STRATEGY_POSITION: strategy,
    F.INSTRUMENT_POSITION: instrument,
    F.GROUP_POSITION: group,
    F.PORTFOLIO_LOSS: portfolio_loss,
    F.FREE_BALANCE: free_balance,
    F.ORDER_RATE: counting(
        "orders_this_second", 1, "orders_per_second_max", "too many orders in one second"
    ),
    F.MESSAGE_RATE: counting(
        "messages_this_second", 1, "messages_per_second_max", "too many messages in one second"
    ),
    F.ORDERS_PER_DAY: counting(
        "orders_today", 1, "orders_per_day_max", "too many orders on one trading day"
    ),
    F.CANCELS_PER_DAY: counting(
        "cancels_today", 0, "cancels_per_day_max", "too many cancels on one trading day"
    ),
    F.ACTIVE_ORDERS: counting("active_orders", 1, "active_orders_max", "too many open orders"),
    F.REPEATED_EXECUTION: counting(
        "repeats", 1, "repeats_max", "the same order was sent too often in a row"
    ),
}


def written(name: str, told: Told, facts: Mapping[str, str], effect: str) -> dict[str, Json]:
    return {
        "name": name,
        "passed": told[0] is True,
        "skipped": told[0] is None,
        "effect": effect,
        "message": told[1],
        "details": [{"name": fact, "value": value} for fact, value in facts.items()],
    }


def written_further(
    name: FurtherCheck, told: Told, row: CheckRow | None, seen: RiskSnapshot, now: datetime
) -> dict[str, Json]:
    if row is None:
        off: Told = (None, "the policy has this check switched off", {})
        return written(name, off, {}, "refuse")
    facts = {fact: short(value) for fact, value in told[2].items()}
    over = [o for o in seen.further.overrides if o.check is name and now < o.expires_at]
    effect = "refuse"
    if told[0] == "unknown":
        effect = "warn" if row.on_unknown is Breach.WARN else "refuse"
    elif told[0] is False and row.soft and over:
        used = {"override": over[0].override_id, "override_by": ",".join(over[0].signed_by)}
        facts, effect = facts | used, "overridden"
    elif told[0] is False and row.on_breach is Breach.WARN:
        effect = "warn"
    return written(name, told, facts, effect)


def evaluation(
    order: RiskIntent, seen: RiskSnapshot, limits: RiskLimits, now: datetime
) -> dict[str, Json]:
    """The JSON value of the evaluation `rev_1`."""
    desk: DeskLimits = limits.desk
    rows = {row.check: row for row in desk.checks}
    checks, further = [], []
    with localcontext(prec=60):
        for name, rule in FOURTEEN.items():
            told = rule(order, seen, limits, now)
            facts = {fact: plain(value) for fact, value in told[2].items()}
            checks.append(written(name, told, facts, "refuse"))
        for also, rule in FURTHER.items():
            told = rule(order, seen, limits, now)
            further.append(written_further(also, told, rows.get(also), seen, now))
        size = exposure(order)
    refused = [
        str(one["name"])
        for one in (*checks, *further)
        if not one["passed"] and not one["skipped"] and one["effect"] == "refuse"
    ]
    return {
        "evaluation_id": "rev_1",
        "order_id": order.order_id,
        "account_id": seen.account_id,
        "approved": not refused,
        "reason": refused[0] if refused else "",
        "checks": checks,
        "further_checks": further,
        "exposure_tx_equivalent": None if size is None else short(size),
        "snapshot": seen.json_value(),
        "snapshot_hash": digest(seen.json_value()),
        "intent_hash": digest(order.json_value()),
        "policy_digest": digest(limits.json_value()),
        "evaluated_at": utc_text(now),
        "paper_only": True,
        "live_trading_enabled": False,
        "broker_api_called": False,
    }
