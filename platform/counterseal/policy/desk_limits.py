"""Limits that desks expect beyond the fourteen checks, each switched on by a row.

Job: name the further checks, say which of them run, with which number, and what a breach does.

Invariants
  I1  A check without a row is off; a row whose number is missing is refused when it is read.
  I2  A hard check refuses and has no override, whatever the document says.
  I3  A name that has no row of its own in a table has the table's limit for everybody else.

Not here: the checks (risk.further), the fourteen limits (policy.limits).
Source: trading reference part 4 (worth having beyond the 14); policies/risk.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Final, Self

from pydantic import Field, model_validator

from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import NonNegative, Quantity


class FurtherCheck(StrEnum):
    """The checks after the fourteen, in the order in which the first failure is the reason."""

    TRADING_STATE = "TRADING_STATE"
    RESTRICTED_LIST = "RESTRICTED_LIST"
    APPROVAL_BINDING = "APPROVAL_BINDING"
    DUPLICATE_SIGNAL = "DUPLICATE_SIGNAL"
    TRADING_SESSION = "TRADING_SESSION"
    TICK_SIZE = "TICK_SIZE"
    QUANTITY_PRECISION = "QUANTITY_PRECISION"
    PRICE_COLLAR = "PRICE_COLLAR"
    DAILY_PRICE_LIMIT = "DAILY_PRICE_LIMIT"
    MAX_ORDER_NOTIONAL = "MAX_ORDER_NOTIONAL"
    MAX_ORDER_VALUE = "MAX_ORDER_VALUE"
    MAX_INSTRUMENT_NOTIONAL = "MAX_INSTRUMENT_NOTIONAL"
    ACCOUNT_POSITION = "ACCOUNT_POSITION"
    STRATEGY_POSITION = "STRATEGY_POSITION"
    INSTRUMENT_POSITION = "INSTRUMENT_POSITION"
    GROUP_POSITION = "GROUP_POSITION"
    PORTFOLIO_LOSS = "PORTFOLIO_LOSS"
    FREE_BALANCE = "FREE_BALANCE"
    ORDER_RATE = "ORDER_RATE"
    MESSAGE_RATE = "MESSAGE_RATE"
    ORDERS_PER_DAY = "ORDERS_PER_DAY"
    CANCELS_PER_DAY = "CANCELS_PER_DAY"
    ACTIVE_ORDERS = "ACTIVE_ORDERS"
    REPEATED_EXECUTION = "REPEATED_EXECUTION"


class Breach(StrEnum):
    """What a breach does: refuse the order, or only be recorded beside it."""

    REFUSE = "refuse"
    WARN = "warn"


class LossState(StrEnum):
    """What an account may still trade after its loss crossed a limit."""

    REDUCING = "REDUCING"
    HALTED = "HALTED"


_C = FurtherCheck
HARD: Final = frozenset(
    {_C.TRADING_STATE, _C.RESTRICTED_LIST, _C.APPROVAL_BINDING, _C.DUPLICATE_SIGNAL}
)
"""Checks that refuse and that nobody overrides."""

NUMBER_OF: Final[Mapping[FurtherCheck, str]] = {
    _C.PRICE_COLLAR: "collar_fraction_max",
    _C.DAILY_PRICE_LIMIT: "daily_limit_fraction",
    _C.MAX_ORDER_NOTIONAL: "order_notional_max",
    _C.MAX_ORDER_VALUE: "order_value_max_twd",
    _C.MAX_INSTRUMENT_NOTIONAL: "instrument_notional_max_twd",
    _C.ACCOUNT_POSITION: "account_position_max",
    _C.STRATEGY_POSITION: "strategy_position_max",
    _C.INSTRUMENT_POSITION: "instrument_position_max",
    _C.GROUP_POSITION: "group_position_max_tx_equivalent",
    _C.PORTFOLIO_LOSS: "portfolio_loss_max_twd",
    _C.ORDER_RATE: "orders_per_second_max",
    _C.MESSAGE_RATE: "messages_per_second_max",
    _C.ORDERS_PER_DAY: "orders_per_day_max",
    _C.CANCELS_PER_DAY: "cancels_per_day_max",
    _C.ACTIVE_ORDERS: "active_orders_max",
    _C.REPEATED_EXECUTION: "repeats_max",
}
"""The field that a check cannot do without."""


class CheckRow(DomainModel):
    """One check that is on.

    Attributes:
        on_breach: Whether a breach refuses or warns.
        on_unknown: The same when a fact is missing that nobody can supply: no margin row of the
            day, no mark for an open position.
        soft: Whether two people may override a breach for a time.
    """

    check: FurtherCheck
    on_breach: Breach = Breach.REFUSE
    on_unknown: Breach = Breach.REFUSE
    soft: bool = False


class NamedLimit(DomainModel):
    """The limit of one name (contract root, account, strategy, symbol), or of `*`: all others."""

    name: Name
    limit: NonNegative


class DeskLimits(DomainModel):
    """Rows that switch checks on, and their numbers.

    Money in TWD, positions in TX-equivalents, fractions of a price, lots in contracts; the tables
    of notional are by contract root, the others by the name of their scope.

    Attributes:
        group_position_max_tx_equivalent: Of the index futures; the account's own group and its
            tenant have tables beside it, all of them asked by GROUP_POSITION.
        quantity_step, quantity_min: Contracts. lots_max: By order type.
        repeats_max: How often in a row an account may send the same order within a trading day.
        override_seconds_max: Longest life of an override.
        loss_state: What an account is set to as soon as a watch sees a loss limit crossed, between
            orders too; None leaves it to the checks of the next order.
    """

    checks: tuple[CheckRow, ...] = Field(default=(), max_length=len(FurtherCheck))
    collar_fraction_max: NonNegative | None = None
    daily_limit_fraction: NonNegative | None = None
    quantity_step: Quantity = Decimal(1)
    quantity_min: Quantity = Decimal(1)
    lots_max: tuple[NamedLimit, ...] = Field(default=(), max_length=20)
    order_notional_max: tuple[NamedLimit, ...] = Field(default=(), max_length=1000)
    order_value_max_twd: NonNegative | None = None
    instrument_notional_max_twd: NonNegative | None = None
    account_position_max: tuple[NamedLimit, ...] = Field(default=(), max_length=1000)
    strategy_position_max: tuple[NamedLimit, ...] = Field(default=(), max_length=1000)
    instrument_position_max: tuple[NamedLimit, ...] = Field(default=(), max_length=1000)
    group_position_max_tx_equivalent: NonNegative | None = None
    account_group_position_max: tuple[NamedLimit, ...] = Field(default=(), max_length=1000)
    tenant_position_max: tuple[NamedLimit, ...] = Field(default=(), max_length=1000)
    portfolio_loss_max_twd: NonNegative | None = None
    orders_per_second_max: int | None = Field(default=None, ge=0)
    messages_per_second_max: int | None = Field(default=None, ge=0)
    orders_per_day_max: int | None = Field(default=None, ge=0)
    cancels_per_day_max: int | None = Field(default=None, ge=0)
    active_orders_max: int | None = Field(default=None, ge=0)
    repeats_max: int | None = Field(default=None, ge=0)
    restricted_symbols: tuple[Name, ...] = Field(default=(), max_length=1000)
    restricted_strategies: tuple[Name, ...] = Field(default=(), max_length=1000)
    override_seconds_max: int = Field(default=3600, ge=1, le=86_400)
    loss_state: LossState | None = None

    @cached_property
    def _by_check(self) -> Mapping[FurtherCheck, CheckRow]:
        return {row.check: row for row in self.checks}

    @property
    def rows(self) -> Mapping[FurtherCheck, CheckRow]:
        """The rows by check; a check that is off has none."""
        return self._by_check

    @model_validator(mode="after")
    def _rows(self) -> Self:
        names = [row.check for row in self.checks]
        if len(names) != len(set(names)):
            raise ValueError("a check has one row")
        for row in self.checks:
            field = NUMBER_OF.get(row.check)
            if field is not None and getattr(self, field) in (None, ()):
                raise ValueError(f"{row.check} is on without {field}")
            if row.check in HARD and (row.soft or Breach.WARN in (row.on_breach, row.on_unknown)):
                raise ValueError(f"{row.check} is hard: it refuses and has no override")
        return self


def limit_of(table: Sequence[NamedLimit], name: str | None) -> Decimal | None:
    """The limit of a name, else of `*`; None when neither has a row."""
    others = None
    for row in table:
        if row.name == name:
            return row.limit
        if row.name == "*":
            others = row.limit
    return others
