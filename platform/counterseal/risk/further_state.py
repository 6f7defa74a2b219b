"""Further checks on who may trade what, when and how often.

Job: trading state, restricted list, approval, signal, session, and the rates of a day.

Invariants
  I1  REDUCING lets an order pass only if it and everything working on its side cannot flip the
      position.
  I2  A missing fact is told as unknown; a question that names no approval is not asked about one.

Not here: prices, money and positions (risk.further_money), which checks are on (risk.further).
Source: trading reference part 4.
"""

from decimal import Decimal
from typing import Final

from counterseal.kernel.money import EXACT
from counterseal.policy.desk_limits import DeskLimits
from counterseal.risk.facts import TradingState
from counterseal.risk.model import RiskIntent, RiskSnapshot
from counterseal.risk.outcomes import Found, held, not_asked
from counterseal.signals.intent import Side

OPEN_PHASES: Final = frozenset({"open", "add_only"})
UNKNOWN_PHASE: Final = "unknown"


def reducible_contracts(intent: RiskIntent, snapshot: RiskSnapshot) -> Decimal:
    """Contracts that this side may still take off the account's position in the symbol.

    Everything that works on this side is taken off first; zero or less when nothing is left.
    """
    facts = snapshot.further
    if intent.side is Side.SELL:
        return EXACT.subtract(facts.position_contracts, facts.working_sell_contracts)
    return EXACT.subtract(-facts.position_contracts, facts.working_buy_contracts)


def check_trading_state(intent: RiskIntent, snapshot: RiskSnapshot, _limits: DeskLimits) -> Found:
    """ACTIVE passes, HALTED fails, REDUCING passes what cannot open or flip a position."""
    facts = snapshot.further
    room = reducible_contracts(intent, snapshot)
    state = facts.trading_state
    return held(
        state is TradingState.ACTIVE
        or (state is TradingState.REDUCING and intent.quantity <= room),
        "HALTED takes no order, REDUCING only what reduces the position",
        state=state,
        scopes=",".join(facts.state_scopes) or "none",
        quantity=intent.quantity,
        reducible_contracts=max(room, Decimal(0)),
    )


def check_restricted(intent: RiskIntent, _snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Neither the symbol, nor its root, nor the strategy is on the restricted list."""
    listed = {intent.symbol, intent.contract_root} & set(limits.restricted_symbols)
    return held(
        not listed and intent.strategy_id not in limits.restricted_strategies,
        "instrument and strategy must not be restricted",
        symbol=intent.symbol,
        strategy=intent.strategy_id or "none",
    )


def check_approval_binding(
    _intent: RiskIntent, snapshot: RiskSnapshot, _limits: DeskLimits
) -> Found:
    """The order is what people approved, in every bound field."""
    breaches = snapshot.further.approval_breaches
    message = "the order must be what was approved"
    if breaches is None:
        return not_asked("nothing was approved yet")
    return held(not breaches, message, changed=",".join(breaches) or "nothing")


def check_duplicate_signal(
    _intent: RiskIntent, snapshot: RiskSnapshot, _limits: DeskLimits
) -> Found:
    """No order under another approval came from this signal."""
    used = snapshot.further.signal_used_by
    if used is None:
        return not_asked("no signal stands behind this order")
    return held(not used, "a signal is traded under one approval", used_by=used or "none")


def check_session(_intent: RiskIntent, snapshot: RiskSnapshot, _limits: DeskLimits) -> Found:
    """The contract's session takes orders; after its last day it has none."""
    facts = snapshot.further
    phase = facts.session_phase
    return held(
        None if phase == UNKNOWN_PHASE else phase in OPEN_PHASES,
        "the contract must be in a session that takes orders",
        session_phase=phase,
        expires_on=facts.expires_on,
    )


def check_order_rate(_intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Orders of the account within this second, with this one."""
    count = snapshot.further.orders_this_second + 1
    return _counted(count, limits.orders_per_second_max, "too many orders in one second")


def check_message_rate(_intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Orders, cancels and changes of the account within this second, with this one."""
    count = snapshot.further.messages_this_second + 1
    return _counted(count, limits.messages_per_second_max, "too many messages in one second")


def check_orders_per_day(_intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Orders of the account on this trading day, with this one."""
    count = snapshot.further.orders_today + 1
    return _counted(count, limits.orders_per_day_max, "too many orders on one trading day")


def check_cancels_per_day(_intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Cancels of the trading day; a cancel itself is never refused."""
    count = snapshot.further.cancels_today
    return _counted(count, limits.cancels_per_day_max, "too many cancels on one trading day")


def check_active_orders(_intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """Open orders of the account, with this one."""
    count = snapshot.further.active_orders + 1
    return _counted(count, limits.active_orders_max, "too many open orders")


def check_repeats(_intent: RiskIntent, snapshot: RiskSnapshot, limits: DeskLimits) -> Found:
    """How often in a row the account sent this strategy's order of this symbol, side and size."""
    count = snapshot.further.repeats + 1
    return _counted(count, limits.repeats_max, "the same order was sent too often in a row")


def _counted(count: int, limit: int | None, message: str) -> Found:
    return held(limit is not None and count <= limit, message, count=count, limit=limit)
