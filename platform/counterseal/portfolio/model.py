"""What an account holds and owes.

Job: account, position, ledger entry and daily profit as stored documents.

Invariants
  I1  A flat position has no average price, an open one has.
  I2  A ledger entry moves one positive amount from one account to another: entries sum to zero.
  I3  An account states how its books are kept.

Not here: how fills change them (positions, lots, ledger, books), equity (valuation).
Source: trading reference part 6; TL-6, US-C10.
"""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, Self

from pydantic import Field, model_validator

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import AlwaysTrue, Document, Name
from counterseal.kernel.money import Currency, Exact, NonNegative, Price, Quantity
from counterseal.portfolio.terms import DEFAULT_TERMS, BookTerms

MAIN_GROUP: Final = "main"
"""The group of an account for which none was named."""


class Account(Document):
    """One simulated account. Amounts in `currency`; futures settle realized profit to cash.

    Attributes:
        tenant, account_group: Whose it is, and which of the tenant's groups it counts in.
        realized_pnl: Before costs, by the basis that `books` names.
        books: How lots, profit and daily settlement are kept.
    """

    KIND: ClassVar[str] = "accounts"
    KEY: ClassVar[str] = "account_id"

    account_id: Name
    tenant: Name
    account_group: Name = MAIN_GROUP
    currency: Currency
    opening_cash: Exact
    cash: Exact
    realized_pnl: Exact = Decimal(0)
    fees_paid: NonNegative = Decimal(0)
    tax_paid: NonNegative = Decimal(0)
    books: BookTerms = DEFAULT_TERMS
    updated_at: UtcDatetime
    simulated: AlwaysTrue = True

    @property
    def costs_paid(self) -> Decimal:
        """Fees and tax together, in `currency`."""
        return self.fees_paid + self.tax_paid


class InstrumentKind(StrEnum):
    """FUTURE moves no cash at entry; PAID (stock, option) costs its price."""

    FUTURE = "FUTURE"
    PAID = "PAID"


class Position(Document):
    """One account's holding of one symbol.

    Attributes:
        quantity: Signed contracts or shares; negative is short.
        average_price: Quote units, half up to 8 places; None when flat.
        cost_sum: Exact signed quantity x entry price, from which the average comes.
        multiplier: Currency units per point and contract.
        tx_equivalent: TX-equivalents per contract.
        realized_pnl: Currency, before costs, by average cost. fees: currency, fees and tax.
        lot_cost_sum, lot_realized_pnl: The same two by lots.
        first_lot, next_lot: No lot below the first is open; the next one gets the other number.
    """

    KIND: ClassVar[str] = "positions"
    KEY: ClassVar[str] = "position_id"

    position_id: Name
    account_id: Name
    symbol: Name
    kind: InstrumentKind = InstrumentKind.FUTURE
    quantity: Exact = Decimal(0)
    average_price: Price | None = None
    cost_sum: Exact = Decimal(0)
    multiplier: Quantity
    tx_equivalent: NonNegative
    realized_pnl: Exact = Decimal(0)
    fees: NonNegative = Decimal(0)
    lot_cost_sum: Exact = Decimal(0)
    lot_realized_pnl: Exact = Decimal(0)
    first_lot: int = Field(default=1, ge=1)
    next_lot: int = Field(default=1, ge=1)
    currency: Currency
    updated_at: UtcDatetime

    @property
    def exposure_tx_equivalent(self) -> Decimal:
        """Signed TX-equivalents held."""
        return self.quantity * self.tx_equivalent

    @model_validator(mode="after")
    def _flat_has_no_average(self) -> Self:
        if bool(self.quantity) is not (self.average_price is not None):
            raise ValueError("an open position has an average price, a flat one has none")
        if not self.quantity and self.cost_sum:
            raise ValueError("a flat position has no cost")
        if self.position_id != f"{self.account_id}:{self.symbol}":
            raise ValueError("the position id is account:symbol")
        return self


class LedgerEntry(Document):
    """One double entry: `amount` (> 0) leaves `credit_account` and enters `debit_account`.

    Attributes:
        cause_id: The fill, settlement or reversal that is booked.
        kind: `realized`, `trade`, `variation`, `reversal`, or the kind of a fee line.
        trading_day: `YYYY-MM-DD` on which it counts.
    """

    KIND: ClassVar[str] = "ledger_entries"
    KEY: ClassVar[str] = "entry_id"

    entry_id: Name
    cause_id: Name
    account_id: Name
    debit_account: Name
    credit_account: Name
    amount: Quantity
    currency: Currency
    kind: Name
    at: UtcDatetime
    trading_day: Name

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        if self.debit_account == self.credit_account:
            raise ValueError("an entry has two different sides")
        return self


class DailyPnl(Document):
    """Result of one account on one trading day, in `currency`.

    Attributes:
        realized_pnl: Before costs. net_realized: realized - costs.
        costs: Fees and tax; below zero on a day that took more back than it paid.
    """

    KIND: ClassVar[str] = "daily_pnl"
    KEY: ClassVar[str] = "daily_pnl_id"

    daily_pnl_id: Name
    account_id: Name
    trading_day: Name
    realized_pnl: Exact = Decimal(0)
    costs: Exact = Decimal(0)
    net_realized: Exact = Decimal(0)
    currency: Currency
    updated_at: UtcDatetime

    @property
    def loss(self) -> Decimal:
        """What the daily loss limit compares: net loss, negative for a profit."""
        return -self.net_realized

    @model_validator(mode="after")
    def _net(self) -> Self:
        if self.net_realized != self.realized_pnl - self.costs:
            raise ValueError("net is realized less costs")
        return self
