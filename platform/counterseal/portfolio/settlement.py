"""Daily and final settlement of futures.

Job: carry an open future at a daily settlement price, or end it at the final one. Pure.

Invariants
  I1  A settlement changes no equity but by its costs: what enters cash leaves the open profit.
  I2  Under UNREALIZED a daily settlement is told and moves nothing.
  I3  After the final settlement nothing is held and every lot is closed; each contract paid the
      settlement fee and the tax once, and what is unverified about them is named.

Not here: the settlement prices (market.settlement, flows), when a contract expires
(market.sessions), stocks and options.
Source: trading reference 1.4, 5.3 and part 6, row 6.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

from pydantic import Field

from counterseal.broker.model import FeeLine
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import AlwaysTrue, Document, DomainModel, Name
from counterseal.kernel.money import EXACT, Currency, Exact, NonNegative, Price, Quantity
from counterseal.portfolio.books import Books, Posting, post_trade, posted, profit_by
from counterseal.portfolio.costs import CostRates, settlement_lines
from counterseal.portfolio.ledger import moved
from counterseal.portfolio.lots import carried_at
from counterseal.portfolio.model import InstrumentKind, Position
from counterseal.portfolio.positions import carried
from counterseal.portfolio.terms import DailySettlement
from counterseal.portfolio.trades import BookedTrade, costs_told

VARIATION: Final = "variation"
"""Kind of the ledger entry of a daily settlement."""
UNVERIFIED_AT_EXPIRY: Final = ("tax_at_final_settlement",)


class SettlementKind(StrEnum):
    """At the end of a trading day, or of the contract."""

    DAILY = "DAILY"
    FINAL = "FINAL"


class SettlementPrice(DomainModel):
    """A settlement price as it was told.

    Attributes:
        price: Quote units. source: where it comes from, such as `last-minute-mean`.
        trading_day: `YYYY-MM-DD` that it settles.
    """

    symbol: Name
    kind: SettlementKind = SettlementKind.DAILY
    price: Price
    source: Name
    trading_day: Name


class Settlement(Document):
    """What a settlement price meant for one position.

    Attributes:
        price: Quote units. quantity: signed contracts held when it came.
        variation: Profit against the carried price, currency, before costs, by the account's basis.
        to_cash: Whether the variation entered cash; otherwise it stays open.
        fees: Costs of a final settlement. unverified: which rules of it were not verified.
    """

    KIND: ClassVar[str] = "settlements"
    KEY: ClassVar[str] = "settlement_id"

    settlement_id: Name
    position_id: Name
    account_id: Name
    symbol: Name
    kind: SettlementKind
    trading_day: Name
    price: Price
    source: Name
    quantity: Exact
    multiplier: Quantity
    tx_equivalent: NonNegative
    variation: Exact
    to_cash: bool
    fees: tuple[FeeLine, ...] = Field(default=(), max_length=20)
    unverified: tuple[Name, ...] = ()
    currency: Currency
    at: UtcDatetime
    simulated: AlwaysTrue = True

    @property
    def ending(self) -> BookedTrade | None:
        """The trade by which a final settlement ends the position; None for any other."""
        if self.kind is not SettlementKind.FINAL or not self.quantity:
            return None
        return BookedTrade(
            cause_id=self.settlement_id,
            account_id=self.account_id,
            symbol=self.symbol,
            quantity=-self.quantity,
            price=self.price,
            multiplier=self.multiplier,
            tx_equivalent=self.tx_equivalent,
            currency=self.currency,
            costs=costs_told(self.fees),
            trading_day=self.trading_day,
            at=self.at,
        )


class Settled(NamedTuple):
    """The settlement, and what it changes in the books; None when it changes nothing."""

    settlement: Settlement
    posting: Posting | None


def settlement_id(position_id: str, told: SettlementPrice) -> str:
    """One settlement of a kind for each position and trading day."""
    return f"{position_id}:{told.trading_day}:{told.kind.lower()}"


def settle_daily(books: Books, told: SettlementPrice, at: datetime) -> Settled:
    """Settle an open future to a daily price (quote units) at `at` (UTC), by the account's terms.

    Raises:
        InputError: `SETTLEMENT_OF_OTHER_POSITION` for another symbol, or for what is no future.
    """
    _check_future(books.position, told)
    change = carried(books.position, told.price, at)
    by_lots = EXACT.subtract(change.position.lot_realized_pnl, books.position.lot_realized_pnl)
    variation = profit_by(books.account.books, change.realized_pnl, by_lots)
    to_cash = books.account.books.daily_settlement is DailySettlement.CASH
    settlement = _settlement(books.position, told, variation, at).amended(to_cash=to_cash)
    if not to_cash or not books.position.quantity:
        return Settled(settlement, None)
    lots = carried_at(books.lots, told.price, at)
    cause, day = settlement.settlement_id, told.trading_day
    entries = (moved(change.position, cause, VARIATION, variation, at, day),) if variation else ()
    posting = posted(books, change.position, entries, variation, day, at)
    return Settled(settlement, posting._replace(lots=lots))


def settle_finally(books: Books, told: SettlementPrice, rates: CostRates, at: datetime) -> Settled:
    """End a future at its final settlement price (quote units) at `at` (UTC).

    Args:
        books: Before.
        told: The price.
        rates: Settlement fee and tax of the contract, per contract.
        at: Instant of the booking.

    Raises:
        InputError: `SETTLEMENT_OF_OTHER_POSITION` for another symbol, or for what is no future.
    """
    held = books.position
    _check_future(held, told)
    fees = settlement_lines(
        rates, quantity=abs(held.quantity), price=told.price, multiplier=held.multiplier
    )
    settlement = _settlement(held, told, Decimal(0), at).amended(
        to_cash=True, fees=fees if held.quantity else (), unverified=UNVERIFIED_AT_EXPIRY
    )
    ending = settlement.ending
    if ending is None:
        return Settled(settlement, None)
    posting = post_trade(books, ending, at)
    return Settled(settlement.amended(variation=posting.realized_pnl), posting)


def _check_future(position: Position, told: SettlementPrice) -> None:
    if position.kind is InstrumentKind.FUTURE and position.symbol == told.symbol:
        return
    raise InputError(
        "SETTLEMENT_OF_OTHER_POSITION",
        "a settlement price settles the future that it is of",
        expected=f"{position.symbol} {position.kind}",
        got=told.symbol,
    )


def _settlement(
    position: Position, told: SettlementPrice, variation: Decimal, at: datetime
) -> Settlement:
    return Settlement(
        settlement_id=settlement_id(position.position_id, told),
        position_id=position.position_id,
        account_id=position.account_id,
        symbol=position.symbol,
        kind=told.kind,
        trading_day=told.trading_day,
        price=told.price,
        source=told.source,
        quantity=position.quantity,
        multiplier=position.multiplier,
        tx_equivalent=position.tx_equivalent,
        variation=variation,
        to_cash=False,
        currency=position.currency,
        at=at,
    )
