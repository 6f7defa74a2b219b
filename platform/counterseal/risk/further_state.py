"""Further checks on who may trade what, when and how often.

Job: trading state, restricted list, approval, signal, session, and the rates of a day.

Invariants
  I1  REDUCING lets an order pass only if it and everything working on its side cannot flip the
      position.
  I2  A missing fact is told as unknown; a question that names no approval is not asked about one.

Not here: prices, money and positions (risk.further_money), what a breach does (risk.further).
Source: trading reference part 4.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from counterseal.kernel.money import EXACT
from counterseal.policy.desk_limits import DeskLimits, FurtherCheck
from counterseal.risk.facts import FurtherFacts, TradingState
from counterseal.risk.model import RiskIntent, RiskSnapshot
from counterseal.risk.outcomes import Finding, held, not_asked, remembered
from counterseal.signals.intent import Side

OPEN_PHASES: Final = frozenset({"open", "add_only"})
UNKNOWN_PHASE: Final = "unknown"
_C = FurtherCheck
_Names = tuple[str, ...]

_TOO_MANY: Final[Mapping[FurtherCheck, str]] = {
    _C.ORDER_RATE: "too many orders in one second",
    _C.MESSAGE_RATE: "too many messages in one second",
    _C.ORDERS_PER_DAY: "too many orders on one trading day",
    _C.CANCELS_PER_DAY: "too many cancels on one trading day",
    _C.ACTIVE_ORDERS: "too many open orders",
    _C.REPEATED_EXECUTION: "the same order was sent too often in a row",
}
"""In a row: the same strategy's order of the same symbol, side and size."""


def reducible_contracts(side: Side, position: Decimal, working: Decimal) -> Decimal:
    """Contracts that a side may still take off a position (signed) in the symbol.

    Everything that works on this side is taken off first; zero or less when nothing is left.
    """
    return EXACT.subtract(position if side is Side.SELL else -position, working)


def state_findings(
    order: RiskIntent, seen: RiskSnapshot, limits: DeskLimits, working: Decimal
) -> tuple[Finding, ...]:
    """The first checks, from TRADING_STATE to TRADING_SESSION; `working` is on the order's side."""
    facts = seen.further
    return (
        check_trading_state(
            facts.trading_state,
            facts.state_scopes,
            order.side,
            order.quantity,
            facts.position_contracts,
            working,
        ),
        check_restricted(
            order.symbol,
            order.contract_root,
            order.strategy_id,
            limits.restricted_symbols,
            limits.restricted_strategies,
        ),
        check_approval_binding(facts.approval_breaches),
        check_duplicate_signal(facts.signal_used_by),
        check_session(facts.session_phase, facts.expires_on),
    )


@remembered
def check_trading_state(
    state: TradingState,
    scopes: _Names,
    side: Side,
    quantity: Decimal,
    position: Decimal,
    working: Decimal,
) -> Finding:
    """ACTIVE passes, HALTED fails, REDUCING passes what cannot open or flip a position."""
    room = reducible_contracts(side, position, working)
    return held(
        _C.TRADING_STATE,
        state is TradingState.ACTIVE or (state is TradingState.REDUCING and quantity <= room),
        "HALTED takes no order, REDUCING only what reduces the position",
        state=state,
        scopes=",".join(scopes) or "none",
        quantity=quantity,
        reducible_contracts=max(room, Decimal(0)),
    )


@remembered
def check_restricted(
    symbol: str, root: str | None, strategy: str | None, symbols: _Names, strategies: _Names
) -> Finding:
    """Neither the symbol, nor its root, nor the strategy is on the restricted list."""
    return held(
        _C.RESTRICTED_LIST,
        symbol not in symbols and root not in symbols and strategy not in strategies,
        "instrument and strategy must not be restricted",
        symbol=symbol,
        strategy=strategy or "none",
    )


@remembered
def check_approval_binding(breaches: _Names | None) -> Finding:
    """The order is what people approved, in every bound field."""
    if breaches is None:
        return not_asked(_C.APPROVAL_BINDING, "nothing was approved yet")
    return held(
        _C.APPROVAL_BINDING,
        not breaches,
        "the order must be what was approved",
        changed=",".join(breaches) or "nothing",
    )


@remembered
def check_duplicate_signal(used: str | None) -> Finding:
    """No order under another approval came from this signal."""
    if used is None:
        return not_asked(_C.DUPLICATE_SIGNAL, "no signal stands behind this order")
    return held(
        _C.DUPLICATE_SIGNAL,
        not used,
        "a signal is traded under one approval",
        used_by=used or "none",
    )


@remembered
def check_session(phase: str, expires_on: str | None) -> Finding:
    """The contract's session takes orders; after its last day it has none."""
    return held(
        _C.TRADING_SESSION,
        None if phase == UNKNOWN_PHASE else phase in OPEN_PHASES,
        "the contract must be in a session that takes orders",
        session_phase=phase,
        expires_on=expires_on,
    )


def counted(name: FurtherCheck, count: int, limit: int | None) -> Finding:
    """At most so many; without a limit none at all."""
    holds = limit is not None and count <= limit
    return held(name, holds, _TOO_MANY[name], count=count, limit=limit)


check_count: Final = remembered(counted)
"""As `counted`, for counts that come again; that of the day is new with each order."""


def rate_findings(facts: FurtherFacts, limits: DeskLimits) -> tuple[Finding, ...]:
    """The last checks, from ORDER_RATE to REPEATED_EXECUTION, all of the account.

    Each counts this order too, but for the cancels of the day: a cancel is never refused.
    """
    return (
        check_count(_C.ORDER_RATE, facts.orders_this_second + 1, limits.orders_per_second_max),
        check_count(
            _C.MESSAGE_RATE, facts.messages_this_second + 1, limits.messages_per_second_max
        ),
        counted(_C.ORDERS_PER_DAY, facts.orders_today + 1, limits.orders_per_day_max),
        check_count(_C.CANCELS_PER_DAY, facts.cancels_today, limits.cancels_per_day_max),
        check_count(_C.ACTIVE_ORDERS, facts.active_orders + 1, limits.active_orders_max),
        check_count(_C.REPEATED_EXECUTION, facts.repeats + 1, limits.repeats_max),
    )
