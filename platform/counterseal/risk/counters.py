"""Counts of an account that grow with its orders, kept so that nobody counts orders again.

Job: fold each judged order, each cancel and each replace into one small document per account.

Invariants
  I1  Reading and writing cost the same after a million orders as after one.
  I2  Counts of a day begin at zero on another trading day, counts of a second in another second.
  I3  An order that differs from the one before begins a new row of repeats.

Not here: the limits (policy.desk_limits), the checks (risk.further_state).
Source: trading reference part 4; TX-H16.
"""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, Name
from counterseal.kernel.money import EXACT, Exact, NonNegative, exact_text
from counterseal.signals.intent import Side


class RiskCounters(Document):
    """What one account has sent.

    Attributes:
        orders_total: Orders judged since the account was opened: the keys that were ever seen.
        orders_today, cancels_today: Of `trading_day`.
        second: The second that the two counts of a second belong to (UTC, whole).
        repeat_of: Strategy, symbol, side and size of the last order of the day.
        repeats: How often in a row that was sent.
    """

    KIND: ClassVar[str] = "risk_counters"
    KEY: ClassVar[str] = "account_id"

    account_id: Name
    orders_total: int = Field(default=0, ge=0)
    trading_day: Name
    orders_today: int = Field(default=0, ge=0)
    cancels_today: int = Field(default=0, ge=0)
    second: UtcDatetime
    orders_this_second: int = Field(default=0, ge=0)
    messages_this_second: int = Field(default=0, ge=0)
    repeat_of: str = Field(default="", max_length=400)
    repeats: int = Field(default=0, ge=0)
    updated_at: UtcDatetime


def counted_at(
    known: RiskCounters | None, account_id: str, trading_day: str, now: datetime
) -> RiskCounters:
    """The counts as they stand at `now` (UTC) on a trading day (`YYYY-MM-DD`)."""
    second = now.replace(microsecond=0)
    if known is None:
        return RiskCounters(
            account_id=account_id, trading_day=trading_day, second=second, updated_at=now
        )
    changes: dict[str, object] = {}
    if known.trading_day != trading_day:
        changes |= {"trading_day": trading_day, "orders_today": 0, "cancels_today": 0}
        changes |= {"repeat_of": "", "repeats": 0}
    if known.second != second:
        changes |= {"second": second, "orders_this_second": 0, "messages_this_second": 0}
    return known.amended(**changes) if changes else known


def repeat_key(strategy_id: str | None, symbol: str, side: Side, quantity: Decimal) -> str:
    """What makes two orders the same: strategy, symbol, side and contracts."""
    return f"{strategy_id or '-'}|{symbol}|{side}|{exact_text(quantity)}"


def apply_order(counters: RiskCounters, key: str, now: datetime) -> RiskCounters:
    """The counts after one more judged order of this `repeat_key`; they stand at `now` (UTC)."""
    return counters.amended(
        orders_total=counters.orders_total + 1,
        orders_today=counters.orders_today + 1,
        orders_this_second=counters.orders_this_second + 1,
        messages_this_second=counters.messages_this_second + 1,
        repeat_of=key,
        repeats=counters.repeats + 1 if counters.repeat_of == key else 1,
        updated_at=now,
    )


def apply_cancel(counters: RiskCounters, now: datetime) -> RiskCounters:
    """The counts after one more cancel; `counters` stand at `now` (UTC)."""
    return counters.amended(
        cancels_today=counters.cancels_today + 1,
        messages_this_second=counters.messages_this_second + 1,
        updated_at=now,
    )


def apply_replace(counters: RiskCounters, now: datetime) -> RiskCounters:
    """The counts after one more replace that was asked for; `counters` stand at `now` (UTC)."""
    return counters.amended(messages_this_second=counters.messages_this_second + 1, updated_at=now)


class StrategyExposure(Document):
    """What a strategy's orders hold of one symbol over all accounts of a tenant.

    Attributes:
        contracts: Signed. tx_equivalent: Per contract.
    """

    KIND: ClassVar[str] = "strategy_exposures"
    KEY: ClassVar[str] = "exposure_id"

    exposure_id: Name
    tenant: Name
    strategy_id: Name
    symbol: Name
    contracts: Exact = Decimal(0)
    tx_equivalent: NonNegative
    updated_at: UtcDatetime


def exposure_id(tenant: str, strategy_id: str, symbol: str) -> str:
    """Key of what a tenant's strategy holds of a symbol."""
    return f"{tenant}:{strategy_id}:{symbol}"


def apply_strategy_fill(
    known: StrategyExposure | None,
    tenant: str,
    strategy_id: str,
    symbol: str,
    contracts: Decimal,
    tx_equivalent: Decimal,
    now: datetime,
) -> StrategyExposure:
    """The strategy's holding after a fill of signed contracts at `now` (UTC)."""
    before = Decimal(0) if known is None else known.contracts
    return StrategyExposure(
        exposure_id=exposure_id(tenant, strategy_id, symbol),
        tenant=tenant,
        strategy_id=strategy_id,
        symbol=symbol,
        contracts=EXACT.add(before, contracts),
        tx_equivalent=tx_equivalent,
        updated_at=now,
    )
