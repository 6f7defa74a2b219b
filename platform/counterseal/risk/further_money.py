"""Further checks on prices, sizes, money and positions.

Job: steps, collars, notionals, positions of every aggregate, the open loss, the free balance.

Invariants
  I1  A missing fact is told as unknown and raises nothing.
  I2  An order at a limit passes, except at the loss limit, which only reducing orders pass.
  I3  A notional is taken at the worse of the order's price and the market.

Not here: which checks are on and what a breach does (risk.further).
Source: trading reference parts 1.2, 1.5 and 4.
"""

from decimal import Decimal

from counterseal.kernel.money import EXACT
from counterseal.policy.desk_limits import DeskLimits, NamedLimit, limit_of
from counterseal.risk.facts import Standing
from counterseal.risk.further_state import reducible_contracts
from counterseal.risk.model import RiskIntent, RiskSnapshot
from counterseal.risk.outcomes import Found, held, not_asked
from counterseal.signals.intent import Side

_Standing = Standing | RiskSnapshot | None
"""Whose position is projected; a snapshot tells the account's own standing."""

_NO_LIMIT = not_asked("the policy names no limit for this one")


def check_tick_size(intent: RiskIntent, _snapshot: RiskSnapshot, _limits: DeskLimits) -> Found:
    """The price is a whole number of ticks (quote units)."""
    price, tick = intent.order_price, intent.tick
    if price is None:
        return not_asked("an order without a price has no tick")
    return held(
        None if not tick else price % tick == 0,
        "the price must be a multiple of the tick",
        price=price,
        tick=tick,
    )


def check_quantity(intent: RiskIntent, _snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Whole steps, at least the smallest order, at most the lots of the order type (contracts)."""
    quantity, most = intent.quantity, limit_of(limits.lots_max, intent.order_type)
    fits = quantity % limits.quantity_step == 0 and quantity >= limits.quantity_min
    return held(
        fits and (most is None or quantity <= most),
        "the quantity must fit step, smallest and largest order",
        quantity=quantity,
        step=limits.quantity_step,
        smallest=limits.quantity_min,
        largest="none" if most is None else most,
    )


def check_price_collar(intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """The order's own price within a fraction of the quote that it would trade at."""
    if intent.order_price is None:
        return not_asked("an order without a price trades at the market")
    return _near(intent.order_price, snapshot.quote_price, limits.collar_fraction_max, "market")


def check_daily_limit(intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """The price within the exchange's daily limit, where a daily settlement is known."""
    settlement = snapshot.further.settlement_price
    if settlement is None:
        return not_asked("no daily settlement is known")
    price = snapshot.quote_price if intent.order_price is None else intent.order_price
    return _near(price, settlement, limits.daily_limit_fraction, "settlement")


def check_order_notional(intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Contracts x multiplier x price within the limit of the contract root (TWD)."""
    limit = limit_of(limits.order_notional_max, intent.contract_root)
    if limit is None:
        return _NO_LIMIT
    notional = notional_of(intent, snapshot, intent.quantity)
    return _within(notional, limit, "the order's notional must stay within its contract's limit")


def check_order_value(intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Contracts x multiplier x price within one figure for every order (TWD)."""
    value = notional_of(intent, snapshot, intent.quantity)
    return _within(
        value, limits.order_value_max_twd, "the order's value must stay within its limit"
    )


def check_instrument_notional(
    intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits
) -> Found:
    """What the account would hold in the symbol if this side filled, within the limit (TWD)."""
    facts = snapshot.further
    buys = intent.side is Side.BUY
    working = facts.working_buy_contracts if buys else facts.working_sell_contracts
    more = intent.side.sign * EXACT.add(working, intent.quantity)
    held_then = abs(EXACT.add(facts.position_contracts, more))
    return _within(
        notional_of(intent, snapshot, held_then),
        limits.instrument_notional_max_twd,
        "the notional held in the instrument must stay within its limit",
    )


def check_account_position(intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Worst case of the account in TX-equivalents, within the account's own limit."""
    return _named(intent, snapshot, limits.account_position_max, snapshot.account_id)


def check_strategy_position(
    intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits
) -> Found:
    """Worst case of the strategy over all accounts in TX-equivalents."""
    if intent.strategy_id is None:
        return not_asked("no strategy stands behind this order")
    table = limits.strategy_position_max
    return _named(intent, snapshot.further.strategy, table, intent.strategy_id)


def check_instrument_position(
    intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits
) -> Found:
    """Worst case of the symbol over all accounts in TX-equivalents."""
    table = limits.instrument_position_max
    return _named(intent, snapshot.further.instrument, table, intent.symbol)


def check_group_position(intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Worst case of the index futures, all contracts and accounts, in TX-equivalents."""
    group, limit = snapshot.further.group, limits.group_position_max_tx_equivalent
    return _projected(intent, group, limit, "TAIEX_FUTURES")


def check_portfolio_loss(intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Realized loss of the trading day plus open loss below the limit; at it the check fails.

    An order that only reduces the position passes: nobody is held in a losing position.
    """
    opened, limit = snapshot.further.unrealized_pnl_twd, limits.portfolio_loss_max_twd
    loss = None if opened is None else EXACT.subtract(snapshot.daily_realized_loss_twd, opened)
    reduces = intent.quantity <= reducible_contracts(intent, snapshot)
    below = None if loss is None or limit is None else loss < limit
    return held(
        reduces or below,
        "realized and open loss together must be below the limit",
        loss_twd=loss,
        realized_loss_twd=snapshot.daily_realized_loss_twd,
        unrealized_pnl_twd=opened,
        limit_twd=limit,
        reduces=reduces,
    )


def check_free_balance(intent: RiskIntent, snapshot: RiskSnapshot, _limits: DeskLimits) -> Found:
    """Initial margin of what the order opens within cash + open profit - margin held (TWD).

    Contracts that only reduce need no margin. A day without margin rows is unknown.
    """
    facts = snapshot.further
    each, used = facts.margin_order_contract_twd, facts.margin_held_twd
    opening = intent.quantity - min(
        intent.quantity, max(reducible_contracts(intent, snapshot), Decimal(0))
    )
    margin = None if each is None else EXACT.multiply(each, opening)
    free = None
    if used is not None and facts.cash_twd is not None and facts.unrealized_pnl_twd is not None:
        free = EXACT.subtract(EXACT.add(facts.cash_twd, facts.unrealized_pnl_twd), used)
    return held(
        None if margin is None or free is None else margin <= free,
        "the free balance must cover the exchange's initial margin",
        initial_margin_twd=margin,
        free_balance_twd=free,
        margin_day=facts.margin_day,
    )


def notional_of(intent: RiskIntent, snapshot: RiskSnapshot, contracts: Decimal) -> Decimal | None:
    """Contracts x multiplier x the higher of order price and quote, in TWD; None when unknown."""
    prices = [abs(p) for p in (intent.order_price, snapshot.quote_price) if p is not None]
    if not prices or intent.multiplier is None:
        return None
    return EXACT.multiply(EXACT.multiply(contracts, intent.multiplier), max(prices))


def _within(amount: Decimal | None, limit: Decimal | None, message: str) -> Found:
    holds = None if amount is None or limit is None else amount <= limit
    return held(holds, message, amount_twd=amount, limit_twd=limit)


def _near(
    price: Decimal | None, middle: Decimal | None, fraction: Decimal | None, name: str
) -> Found:
    if price is None or middle is None or fraction is None:
        return held(None, f"there is nothing to compare with the {name}")
    allowed = EXACT.multiply(abs(middle), fraction)
    deviation = abs(EXACT.subtract(price, middle))
    return held(
        deviation <= allowed,
        f"the price must stay near the {name}",
        price=price,
        middle=middle,
        deviation=deviation,
        deviation_max=allowed,
    )


def _named(
    intent: RiskIntent, standing: _Standing, table: tuple[NamedLimit, ...], name: str
) -> Found:
    limit = limit_of(table, name)
    return _NO_LIMIT if limit is None else _projected(intent, standing, limit, name)


def _projected(intent: RiskIntent, standing: _Standing, limit: Decimal | None, name: str) -> Found:
    exposure, then = intent.exposure, None
    if exposure is not None and standing is not None:
        sign = intent.side.sign
        buys = intent.side is Side.BUY
        working = (
            standing.working_long_tx_equivalent if buys else standing.working_short_tx_equivalent
        )
        more = sign * EXACT.add(working, exposure)
        then = EXACT.add(standing.position_tx_equivalent, more)
    return held(
        None if then is None or limit is None else abs(then) <= limit,
        "the projected position must stay within the limit of its scope",
        scope=name,
        projected_tx_equivalent=then,
        position_tx_equivalent=None if standing is None else standing.position_tx_equivalent,
        limit_tx_equivalent=limit,
    )
