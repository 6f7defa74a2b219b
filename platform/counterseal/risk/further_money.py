"""Further checks on prices, sizes, money and positions.

Job: steps, collars, notionals, positions of every aggregate, the open loss, the free balance.

Invariants
  I1  A missing fact is told as unknown and raises nothing.
  I2  An order at a limit passes, except at the loss limit, which only reducing orders pass.
  I3  A notional is taken at the worse of the order's price and the market.

Not here: which checks are on and what a breach does (risk.further).
Source: trading reference parts 1.2, 1.5 and 4.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from counterseal.kernel.money import EXACT
from counterseal.policy.desk_limits import DeskLimits, FurtherCheck, limit_of
from counterseal.risk.facts import FurtherFacts, Standing
from counterseal.risk.further_state import reducible_contracts
from counterseal.risk.model import RiskIntent, RiskSnapshot, exposure_of
from counterseal.risk.outcomes import Amiss, Doubt, Finding, held, not_asked, remembered
from counterseal.signals.intent import Side

_C = FurtherCheck
_Number = Decimal | None
_GROUP: Final = "TAIEX_FUTURES"
_NO_LIMIT: Final = "the policy names no limit for this one"

_NOTIONALS: Final[Mapping[FurtherCheck, str]] = {
    _C.MAX_ORDER_NOTIONAL: "the order's notional must stay within its contract's limit",
    _C.MAX_ORDER_VALUE: "the order's value must stay within its limit",
    _C.MAX_INSTRUMENT_NOTIONAL: "the notional held in the instrument must stay within its limit",
}


def price_findings(
    order: RiskIntent, seen: RiskSnapshot, limits: DeskLimits, working: Decimal
) -> tuple[Finding, ...]:
    """From TICK_SIZE to MAX_INSTRUMENT_NOTIONAL; `working` contracts are on the order's side."""
    price, quote, quantity, facts = (
        order.order_price,
        seen.quote_price,
        order.quantity,
        seen.further,
    )
    root_max = limit_of(limits.order_notional_max, order.contract_root)
    held_max = limits.instrument_notional_max_twd
    more = EXACT.add(working, quantity)
    then = (EXACT.add if order.side is Side.BUY else EXACT.subtract)(facts.position_contracts, more)
    worth = (order.multiplier, price, quote)
    return (
        check_tick_size(price, order.tick),
        check_quantity(
            quantity,
            limits.quantity_step,
            limits.quantity_min,
            limit_of(limits.lots_max, order.order_type),
        ),
        check_price_collar(price, quote, limits.collar_fraction_max),
        check_daily_limit(
            quote if price is None else price, facts.settlement_price, limits.daily_limit_fraction
        ),
        not_asked(_C.MAX_ORDER_NOTIONAL, _NO_LIMIT)
        if root_max is None
        else check_notional(_C.MAX_ORDER_NOTIONAL, quantity, *worth, root_max),
        check_notional(_C.MAX_ORDER_VALUE, quantity, *worth, limits.order_value_max_twd),
        check_notional(_C.MAX_INSTRUMENT_NOTIONAL, abs(then), *worth, held_max),
    )


def position_findings(
    order: RiskIntent, seen: RiskSnapshot, limits: DeskLimits
) -> tuple[Finding, ...]:
    """From ACCOUNT_POSITION to GROUP_POSITION: each scope's worst case in TX-equivalents."""
    account, strategy, symbol, facts = (
        seen.account_id,
        order.strategy_id,
        order.symbol,
        seen.further,
    )
    account_max = limit_of(limits.account_position_max, account)
    symbol_max = limit_of(limits.instrument_position_max, symbol)
    strategy_max = limit_of(limits.strategy_position_max, strategy)
    return (
        not_asked(_C.ACCOUNT_POSITION, _NO_LIMIT)
        if account_max is None
        else _projected(_C.ACCOUNT_POSITION, order, account, seen, account_max),
        not_asked(_C.STRATEGY_POSITION, "no strategy stands behind this order")
        if strategy is None
        else not_asked(_C.STRATEGY_POSITION, _NO_LIMIT)
        if strategy_max is None
        else _projected(_C.STRATEGY_POSITION, order, strategy, facts.strategy, strategy_max),
        not_asked(_C.INSTRUMENT_POSITION, _NO_LIMIT)
        if symbol_max is None
        else _projected(_C.INSTRUMENT_POSITION, order, symbol, facts.instrument, symbol_max),
        _grouped(order, facts, limits),
    )


def balance_findings(
    order: RiskIntent, seen: RiskSnapshot, limits: DeskLimits, working: Decimal
) -> tuple[Finding, ...]:
    """PORTFOLIO_LOSS and FREE_BALANCE; `working` contracts are on the order's side."""
    facts, quantity = seen.further, order.quantity
    room = reducible_contracts(order.side, facts.position_contracts, working)
    return (
        check_portfolio_loss(
            seen.daily_realized_loss_twd,
            facts.unrealized_pnl_twd,
            limits.portfolio_loss_max_twd,
            quantity <= room,
        ),
        check_free_balance(
            quantity,
            room,
            facts.margin_order_contract_twd,
            facts.margin_held_twd,
            facts.cash_twd,
            facts.unrealized_pnl_twd,
            facts.margin_day,
        ),
    )


@remembered
def check_tick_size(price: _Number, tick: _Number) -> Finding:
    """The price is a whole number of ticks (quote units)."""
    if price is None:
        return not_asked(_C.TICK_SIZE, "an order without a price has no tick")
    return held(
        _C.TICK_SIZE,
        price % tick == 0 if tick else None,
        "the price must be a multiple of the tick",
        price=price,
        tick=tick,
    )


@remembered
def check_quantity(quantity: Decimal, step: Decimal, least: Decimal, most: _Number) -> Finding:
    """Whole steps, at least the smallest order, at most the lots of the order type (contracts)."""
    return held(
        _C.QUANTITY_PRECISION,
        quantity % step == 0 and quantity >= least and (most is None or quantity <= most),
        "the quantity must fit step, smallest and largest order",
        quantity=quantity,
        step=step,
        smallest=least,
        largest="none" if most is None else most,
    )


@remembered
def check_price_collar(price: _Number, quote: _Number, fraction: _Number) -> Finding:
    """The order's own price within a fraction of the quote that it would trade at."""
    if price is None:
        return not_asked(_C.PRICE_COLLAR, "an order without a price trades at the market")
    return _near(_C.PRICE_COLLAR, "market", price, quote, fraction)


@remembered
def check_daily_limit(price: _Number, settlement: _Number, fraction: _Number) -> Finding:
    """The price within the exchange's daily limit, where a daily settlement is known."""
    if settlement is None:
        return not_asked(_C.DAILY_PRICE_LIMIT, "no daily settlement is known")
    return _near(_C.DAILY_PRICE_LIMIT, "settlement", price, settlement, fraction)


@remembered
def check_notional(
    name: FurtherCheck,
    contracts: Decimal,
    multiplier: _Number,
    price: _Number,
    quote: _Number,
    limit: _Number,
) -> Finding:
    """Contracts x multiplier x the worse of order price and quote, within a limit (TWD)."""
    prices, amount = [abs(one) for one in (price, quote) if one is not None], None
    if prices and multiplier is not None:
        amount = EXACT.multiply(EXACT.multiply(contracts, multiplier), max(prices))
    return held(
        name,
        None if amount is None or limit is None else amount <= limit,
        _NOTIONALS[name],
        amount_twd=amount,
        limit_twd=limit,
    )


@remembered
def check_position(
    name: FurtherCheck,
    scope: str,
    signed: Decimal,
    ratio: _Number,
    position: _Number,
    working: _Number,
    limit: _Number,
) -> Finding:
    """What a scope would hold if everything on the order's side filled, within a limit (TX-eq).

    `signed` contracts are negative for a sale, `position` and `working` of the scope when short.
    """
    exposure, then = exposure_of(signed, ratio), None
    if exposure is not None and position is not None and working is not None:
        then = EXACT.add(position, EXACT.add(working, exposure))
    return held(
        name,
        None if then is None or limit is None else abs(then) <= limit,
        "the projected position must stay within the limit of its scope",
        scope=scope,
        projected_tx_equivalent=then,
        position_tx_equivalent=position,
        limit_tx_equivalent=limit,
    )


@remembered
def check_portfolio_loss(
    realized: Decimal, opened: _Number, limit: _Number, reduces: bool
) -> Finding:
    """Realized loss of the trading day plus open loss below the limit; at it the check fails.

    An order that only reduces the position passes: nobody is held in a losing position.
    """
    loss = None if opened is None else EXACT.subtract(realized, opened)
    below = None if loss is None or limit is None else loss < limit
    return held(
        _C.PORTFOLIO_LOSS,
        reduces or below,
        "realized and open loss together must be below the limit",
        loss_twd=loss,
        realized_loss_twd=realized,
        unrealized_pnl_twd=opened,
        limit_twd=limit,
        reduces=reduces,
    )


def check_free_balance(
    quantity: Decimal,
    room: Decimal,
    each: _Number,
    used: _Number,
    cash: _Number,
    opened: _Number,
    day: str,
) -> Finding:
    """Initial margin of what the order opens within cash + open profit - margin held (TWD).

    Contracts that only reduce need no margin: `room` is what the order may take off the position.
    A day without margin rows is unknown: of `each` contract, or of what is `used` already.
    """
    margin, free = None, None
    if each is not None:
        opening = EXACT.subtract(quantity, min(quantity, max(room, Decimal(0))))
        margin = EXACT.multiply(each, opening)
    if used is not None and cash is not None and opened is not None:
        free = EXACT.subtract(EXACT.add(cash, opened), used)
    return held(
        _C.FREE_BALANCE,
        None if margin is None or free is None else margin <= free,
        "the free balance must cover the exchange's initial margin",
        initial_margin_twd=margin,
        free_balance_twd=free,
        margin_day=day,
    )


def _grouped(order: RiskIntent, facts: FurtherFacts, limits: DeskLimits) -> Finding:
    """Of all groups that the order counts in (contracts, accounts, tenant) the first amiss.

    A breach goes before an unknown; a group of accounts or a tenant without a limit is not asked.
    """
    name = _C.GROUP_POSITION
    found = [_projected(name, order, _GROUP, facts.group, limits.group_position_max_tx_equivalent)]
    wider = (
        ("account_group", facts.account_group, limits.account_group_position_max),
        ("tenant", facts.tenant, limits.tenant_position_max),
    )
    for kind, standing, table in wider:
        most = None if standing is None else limit_of(table, standing.name)
        if standing is not None and most is not None:
            scope = f"{kind}:{standing.name}"
            found.append(_projected(name, order, scope, standing, most))
    doubts = [one for one in found if isinstance(one, Doubt)]
    breaches = (one for one in doubts if one.amiss is Amiss.BREACH)
    return next(breaches, doubts[0] if doubts else found[0])


def _projected(
    name: FurtherCheck,
    order: RiskIntent,
    scope: str,
    standing: Standing | RiskSnapshot | None,
    limit: _Number,
) -> Finding:
    """A scope's own standing; that of the account is told by the snapshot."""
    quantity, ratio = order.quantity, order.ratio
    if standing is None:
        return check_position(name, scope, quantity, ratio, None, None, limit)
    position = standing.position_tx_equivalent
    if order.side is Side.BUY:
        working = standing.working_long_tx_equivalent
    else:
        quantity = quantity.copy_negate()
        working = standing.working_short_tx_equivalent.copy_negate()
    return check_position(name, scope, quantity, ratio, position, working, limit)


def _near(
    name: FurtherCheck, place: str, price: _Number, middle: _Number, fraction: _Number
) -> Finding:
    if price is None or middle is None or fraction is None:
        return held(name, None, f"there is nothing to compare with the {place}")
    allowed = EXACT.multiply(abs(middle), fraction)
    deviation = abs(EXACT.subtract(price, middle))
    return held(
        name,
        deviation <= allowed,
        f"the price must stay near the {place}",
        price=price,
        middle=middle,
        deviation=deviation,
        deviation_max=allowed,
    )
