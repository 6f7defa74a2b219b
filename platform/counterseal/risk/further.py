"""The checks after the fourteen.

Job: run every further check that the policy has switched on, and record each of them.

Invariants
  I1  Every further check is recorded, in the order of `FurtherCheck`; one that is off is skipped.
  I2  What a breach does follows from the policy's row; an override counts while it has not expired.

Not here: the rules (risk.further_state, risk.further_money), the fourteen (risk.checks).
Source: trading reference part 4 (worth having beyond the 14).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from counterseal.policy.desk_limits import DeskLimits, FurtherCheck
from counterseal.policy.limits import RiskLimits
from counterseal.risk import further_money as money
from counterseal.risk import further_state as state
from counterseal.risk.model import Check, RiskIntent, RiskSnapshot
from counterseal.risk.outcomes import Found, recorded, skipped_check

FurtherFunction = Callable[[RiskIntent, RiskSnapshot, DeskLimits], Found]
_C = FurtherCheck

FURTHER: Final[Mapping[FurtherCheck, FurtherFunction]] = {
    _C.TRADING_STATE: state.check_trading_state,
    _C.RESTRICTED_LIST: state.check_restricted,
    _C.APPROVAL_BINDING: state.check_approval_binding,
    _C.DUPLICATE_SIGNAL: state.check_duplicate_signal,
    _C.TRADING_SESSION: state.check_session,
    _C.TICK_SIZE: money.check_tick_size,
    _C.QUANTITY_PRECISION: money.check_quantity,
    _C.PRICE_COLLAR: money.check_price_collar,
    _C.DAILY_PRICE_LIMIT: money.check_daily_limit,
    _C.MAX_ORDER_NOTIONAL: money.check_order_notional,
    _C.MAX_ORDER_VALUE: money.check_order_value,
    _C.MAX_INSTRUMENT_NOTIONAL: money.check_instrument_notional,
    _C.ACCOUNT_POSITION: money.check_account_position,
    _C.STRATEGY_POSITION: money.check_strategy_position,
    _C.INSTRUMENT_POSITION: money.check_instrument_position,
    _C.GROUP_POSITION: money.check_group_position,
    _C.PORTFOLIO_LOSS: money.check_portfolio_loss,
    _C.FREE_BALANCE: money.check_free_balance,
    _C.ORDER_RATE: state.check_order_rate,
    _C.MESSAGE_RATE: state.check_message_rate,
    _C.ORDERS_PER_DAY: state.check_orders_per_day,
    _C.CANCELS_PER_DAY: state.check_cancels_per_day,
    _C.ACTIVE_ORDERS: state.check_active_orders,
    _C.REPEATED_EXECUTION: state.check_repeats,
}
"""In the order of `FurtherCheck`."""

_OFF: Final = {name: skipped_check(name, "the policy has this check switched off") for name in _C}


def further_checks(
    intent: RiskIntent, snapshot: RiskSnapshot, policy: RiskLimits, now: datetime
) -> tuple[Check, ...]:
    """All further checks on one order at `now` (UTC)."""
    limits, overrides = policy.desk, snapshot.further.overrides
    if overrides:
        overrides = tuple(o for o in overrides if now < o.expires_at)
    rows = limits.rows
    return tuple(
        [
            _OFF[name]
            if name not in rows
            else recorded(name, rows[name], check(intent, snapshot, limits), overrides)
            for name, check in FURTHER.items()
        ]
    )
