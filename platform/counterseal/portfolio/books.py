"""The books of an account: everything that one trade changes.

Job: count a trade in lots, position, ledger, account and day, by the terms of the account. Pure.

Invariants
  I1  The profit that reaches the ledger is that of the account's basis; the other is kept beside
      it in the position.
  I2  What a trade needs is the state before it: no other trade is looked at.

Not here: reading that state and storing this (desk), settlement, reversal.
Source: trading reference part 6.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from counterseal.kernel.model import Document
from counterseal.portfolio.ledger import apply_daily, apply_entries, ledger_entries
from counterseal.portfolio.lots import Lot, LotClosing, count_lots
from counterseal.portfolio.model import Account, DailyPnl, LedgerEntry, Position
from counterseal.portfolio.positions import count_trade
from counterseal.portfolio.terms import BookTerms, ProfitBasis
from counterseal.portfolio.trades import BookedTrade


class Books(NamedTuple):
    """One account with one position before something is booked.

    Attributes:
        lots: Lots of the position in the order of the account's method; may be read lazily.
        day: The trading day's result so far; None for a day without any.
    """

    account: Account
    position: Position
    lots: Iterable[Lot]
    day: DailyPnl | None


class Posting(NamedTuple):
    """What a booking changes; `realized_pnl` by the account's basis, in its currency."""

    account: Account
    position: Position
    day: DailyPnl
    entries: tuple[LedgerEntry, ...]
    lots: tuple[Lot, ...]
    closings: tuple[LotClosing, ...]
    realized_pnl: Decimal

    @property
    def documents(self) -> tuple[Document, ...]:
        """All of it, to be stored in one transaction."""
        return (
            self.position,
            *self.lots,
            *self.closings,
            *self.entries,
            self.account,
            self.day,
        )


def profit_by(terms: BookTerms, average_cost: Decimal, lots: Decimal) -> Decimal:
    """The profit that the terms name, of the two that are known (currency, signed)."""
    return average_cost if terms.profit_by is ProfitBasis.AVERAGE_COST else lots


def post_trade(books: Books, trade: BookedTrade, at: datetime) -> Posting:
    """Book one trade at `at` (UTC); the caller drops causes seen before.

    Raises:
        InputError: `FILL_OF_OTHER_POSITION`, `FILL_OF_OTHER_DAY` or `LEDGER_OF_OTHER_ACCOUNT` when
            the trade belongs to other books.
    """
    by_lots = count_lots(books.position, books.lots, trade, at)
    change = count_trade(books.position, trade, by_lots.totals, at)
    realized = profit_by(books.account.books, change.realized_pnl, by_lots.realized_pnl)
    entries = ledger_entries(trade, change.position, realized, at)
    posting = posted(books, change.position, entries, realized, trade.trading_day, at)
    return posting._replace(lots=by_lots.lots, closings=by_lots.closings)


def posted(
    books: Books,
    position: Position,
    entries: tuple[LedgerEntry, ...],
    realized_pnl: Decimal,
    trading_day: str,
    at: datetime,
) -> Posting:
    """Account and day after some entries at `at` (UTC), beside the position that they leave.

    Args:
        books: Before.
        position: After.
        entries: What moves.
        realized_pnl: By the account's basis, in its currency, before costs.
        trading_day: `YYYY-MM-DD` on which it counts.
        at: Instant of the booking.

    Raises:
        InputError: `FILL_OF_OTHER_DAY` or `LEDGER_OF_OTHER_ACCOUNT`.
    """
    account = apply_entries(books.account, entries, realized_pnl, at)
    costs = account.costs_paid - books.account.costs_paid
    day = apply_daily(books.day, account, trading_day, at, realized_pnl=realized_pnl, costs=costs)
    return Posting(account, position, day, entries, (), (), realized_pnl)
