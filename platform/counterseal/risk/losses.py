"""The loss of an account between orders, and when it crosses a limit.

Job: judge realized and open loss against the limits, and say what a crossing changes.

Invariants
  I1  A loss at a limit has crossed it, as in the checks; either limit is enough.
  I2  What is not known crosses nothing, and takes no crossing back.
  I3  A crossing counts once a trading day: whoever frees the account again is not overruled by the
      same crossing.

Not here: the checks of an order (risk.checks, risk.further_money), reading the facts
(desk.loss_watch), the switch itself (risk.switches).
Source: TX-H11; TX-L2:real_time_equity_pnl_tracking_enabled; trading reference part 4.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, Name
from counterseal.kernel.money import EXACT, Exact, NonNegative
from counterseal.policy.limits import RiskLimits
from counterseal.risk.facts import TradingState, strictest

_ACTIVE: Final = TradingState.ACTIVE


class LossLevel(StrEnum):
    """Whether a limit is crossed."""

    WITHIN = "WITHIN"
    CROSSED = "CROSSED"


class LossFacts(NamedTuple):
    """What is known of an account's loss at one instant; money in TWD.

    Attributes:
        realized_loss: Of the trading day, net of costs; negative is a profit.
        open_profit: At present marks; None while a holding has no mark.
        cash: Of the account.
    """

    account_id: str
    trading_day: str
    realized_loss: Decimal
    open_profit: Decimal | None
    cash: Decimal

    @property
    def loss(self) -> Decimal | None:
        """Realized and open loss together; None when the open part is not known."""
        if self.open_profit is None:
            return None
        return EXACT.subtract(self.realized_loss, self.open_profit)

    @property
    def equity(self) -> Decimal | None:
        """Cash and open profit; None when the open part is not known."""
        return None if self.open_profit is None else EXACT.add(self.cash, self.open_profit)


class AccountLoss(Document):
    """The level of an account's loss, as it changed last; money in TWD.

    Attributes:
        trading_day: Of the change (`YYYY-MM-DD`).
        loss_twd, equity_twd: With the open part; None while that was not known.
        state: What the account was set to by the crossing; None when nothing was set.
    """

    KIND: ClassVar[str] = "account_losses"
    KEY: ClassVar[str] = "account_id"

    account_id: Name
    trading_day: Name
    level: LossLevel
    realized_loss_twd: Exact
    loss_twd: Exact | None
    equity_twd: Exact | None
    daily_loss_max_twd: NonNegative
    portfolio_loss_max_twd: NonNegative | None
    state: TradingState | None = None
    at: UtcDatetime


def level_of(facts: LossFacts, limits: RiskLimits) -> LossLevel | None:
    """The level under these limits; None when the open loss decides and is not known."""
    most = limits.desk.portfolio_loss_max_twd
    if facts.realized_loss >= limits.daily_loss_max_twd:
        return LossLevel.CROSSED
    if facts.loss is None:
        return None
    return LossLevel.WITHIN if most is None or facts.loss < most else LossLevel.CROSSED


def changed_loss(
    known: AccountLoss | None,
    facts: LossFacts,
    limits: RiskLimits,
    state: TradingState,
    now: datetime,
) -> AccountLoss | None:
    """The account's new level at `now` (UTC), with the state to set; None when nothing changed.

    `state` is what the account is in; a crossing makes it as strict as the policy says, never
    freer. Coming back within the limits sets nothing: people free an account.
    """
    level = level_of(facts, limits)
    before = LossLevel.WITHIN if known is None else known.level
    another_day = known is not None and known.trading_day != facts.trading_day
    if level is None or (level is before and not (another_day and level is LossLevel.CROSSED)):
        return None
    target = limits.desk.loss_state
    sets = level is LossLevel.CROSSED and target is not None
    strict = strictest((state, TradingState(target.value))) if sets and target else state
    return AccountLoss(
        account_id=facts.account_id,
        trading_day=facts.trading_day,
        level=level,
        realized_loss_twd=facts.realized_loss,
        loss_twd=facts.loss,
        equity_twd=facts.equity,
        daily_loss_max_twd=limits.daily_loss_max_twd,
        portfolio_loss_max_twd=limits.desk.portfolio_loss_max_twd,
        state=strict if strict is not state else None,
        at=now,
    )
