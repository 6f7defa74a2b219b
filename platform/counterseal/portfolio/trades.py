"""What moves a position.

Job: give a fill the one shape in which positions, lots, ledger and curve count it.

Not here: final settlements and reversals as trades (settlement, reversal), the counting.
Source: trading reference part 6.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from counterseal.broker.model import FeeLine, Fill
from counterseal.kernel.money import EXACT, Currency


class Cost(NamedTuple):
    """One fee or tax in the trade's currency; below zero when it is given back."""

    kind: str
    amount: Decimal


class BookedTrade(NamedTuple):
    """Signed contracts at a price.

    Attributes:
        cause_id: The fill or settlement; it names the ledger entries and the lot that it opens.
        quantity: Contracts or shares, above zero for a buy, below for a sell.
        price: Quote units. multiplier: Currency units per point and contract.
        tx_equivalent: TX-equivalents per contract.
        costs: Fees and tax, in the currency.
        trading_day: `YYYY-MM-DD`. at: when it was booked (UTC).
    """

    cause_id: str
    account_id: str
    symbol: str
    quantity: Decimal
    price: Decimal
    multiplier: Decimal
    tx_equivalent: Decimal
    currency: Currency
    costs: tuple[Cost, ...]
    trading_day: str
    at: datetime

    @property
    def position_id(self) -> str:
        """The position that it moves."""
        return f"{self.account_id}:{self.symbol}"

    @property
    def cost(self) -> Decimal:
        """Fees and tax together, in the currency."""
        return sum((line.amount for line in self.costs), Decimal(0))

    @property
    def paid(self) -> Decimal:
        """Signed price of the whole trade in the currency: paid is above zero, received below."""
        return EXACT.multiply(EXACT.multiply(self.quantity, self.price), self.multiplier)


def costs_told(lines: Iterable[FeeLine]) -> tuple[Cost, ...]:
    """Kinds and amounts of fee lines."""
    return tuple(Cost(line.kind, line.amount) for line in lines)


def taken_back(trade: BookedTrade, at: datetime) -> BookedTrade:
    """What undoes a trade from `at` (UTC) on: the same price, quantity and costs the other way."""
    given_back = tuple(Cost(cost.kind, -cost.amount) for cost in trade.costs)
    return trade._replace(quantity=-trade.quantity, costs=given_back, at=at)


def trade_of(fill: Fill) -> BookedTrade:
    """The trade of a fill."""
    return BookedTrade(
        cause_id=fill.fill_id,
        account_id=fill.account_id,
        symbol=fill.symbol,
        quantity=fill.side.sign * fill.last_quantity,
        price=fill.last_price,
        multiplier=fill.multiplier,
        tx_equivalent=fill.tx_equivalent,
        currency=fill.currency,
        costs=costs_told(fill.fees),
        trading_day=fill.trading_day,
        at=fill.recorded_at,
    )


def closing_part(held: Decimal, traded: Decimal) -> Decimal:
    """How much of a trade (signed contracts) closes what is held; zero when it adds."""
    if not held or (held > 0) is (traded > 0):
        return Decimal(0)
    return min(abs(held), abs(traded)).copy_sign(traded)
