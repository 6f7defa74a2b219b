"""Take a fill back.

Job: count a position again without a busted fill, and book the difference by new entries. Pure.

Invariants
  I1  Nothing booked is changed: costs are given back by mirrored entries, profit by its difference.
  I2  Afterwards the position is what the remaining history makes of it, whatever the order.
  I3  The lots that were open are voided and stand again under new numbers; closed ones stay.

Not here: who may ask for it (desk), the new fill of a correction (it is booked as any other).
Source: trading reference part 6, row 4; part 3, Trade Cancel H and Trade Correct G.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, NamedTuple

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import AlwaysTrue, Document, Name, Text
from counterseal.kernel.money import EXACT, Currency, Exact
from counterseal.portfolio.books import Books, Posting, posted, profit_by
from counterseal.portfolio.ledger import ledger_entries, moved, reversed_entries
from counterseal.portfolio.lots import Lot, carried_at, count_lots, lot_id
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.positions import carried, count_trade
from counterseal.portfolio.settlement import Settlement
from counterseal.portfolio.terms import BookTerms, LotMethod
from counterseal.portfolio.trades import BookedTrade

Counted = BookedTrade | Settlement
"""What a position is counted from."""


class FillReversal(Document):
    """A fill that no longer counts.

    Attributes:
        fill_id: The fill; one is taken back once.
        realized_change: Difference of the realized profit by the account's basis, in `currency`.
        costs_returned: Fees and tax given back, in `currency`.
        reason: Why, in words. reversed_by: who asked.
        trading_day: `YYYY-MM-DD` on which the reversal counts.
    """

    KIND: ClassVar[str] = "fill_reversals"
    KEY: ClassVar[str] = "fill_id"

    fill_id: Name
    account_id: Name
    symbol: Name
    realized_change: Exact
    costs_returned: Exact
    currency: Currency
    reason: Text
    reversed_by: Name
    trading_day: Name
    at: UtcDatetime
    simulated: AlwaysTrue = True

    @property
    def reversal_id(self) -> str:
        """What names the ledger entries of the reversal."""
        return reversal_id(self.fill_id)


class Asked(NamedTuple):
    """The reversal that is asked for; `trading_day` is the one on which it counts."""

    trade: BookedTrade
    reason: str
    reversed_by: str
    trading_day: str


class Recount(NamedTuple):
    """A position and its open lots, counted from the beginning."""

    position: Position
    lots: tuple[Lot, ...]


def reversal_id(fill_id: str) -> str:
    """The cause that the ledger names for taking back a fill."""
    return f"{fill_id}:reversal"


def recounted(
    position: Position, history: Iterable[Counted], account: Account, at: datetime
) -> Recount:
    """The position that a history makes, and its open lots in the order of their numbers.

    Args:
        position: Names account, symbol and terms; its amounts do not matter.
        history: Trades and settlements in the order in which they were booked.
        account: Its terms say how lots are taken and what a settlement does.
        at: Instant of the counting.
    """
    now = position.amended(
        quantity=Decimal(0),
        average_price=None,
        cost_sum=Decimal(0),
        realized_pnl=Decimal(0),
        fees=Decimal(0),
        lot_cost_sum=Decimal(0),
        lot_realized_pnl=Decimal(0),
        first_lot=1,
        next_lot=1,
    )
    lots: dict[int, Lot] = {}
    for step in history:
        now = _step(now, lots, step, account.books, at)
    return Recount(now, tuple(lots[number] for number in sorted(lots)))


def _step(
    position: Position, lots: dict[int, Lot], step: Counted, terms: BookTerms, at: datetime
) -> Position:
    """The position after one step; `lots` keeps the open ones by number."""
    trade = step.ending if isinstance(step, Settlement) else step
    if trade is not None:
        youngest_first = terms.lot_method is LotMethod.LIFO
        in_order = [lots[number] for number in sorted(lots, reverse=youngest_first)]
        counted = count_lots(position, in_order, trade, at)
        changed, after = counted.lots, count_trade(position, trade, counted.totals, at).position
    elif isinstance(step, Settlement) and step.to_cash and position.quantity:
        changed = carried_at(lots.values(), step.price, at)
        after = carried(position, step.price, at).position
    else:
        return position
    for lot in changed:
        lots[lot.number] = lot
        if not lot.remaining_quantity:
            del lots[lot.number]
    return after


def reverse_fill(
    books: Books, history: Sequence[Counted], asked: Asked, at: datetime
) -> tuple[FillReversal, Posting]:
    """Take a fill back at `at` (UTC); the caller drops fills that are taken back already.

    Args:
        books: As they stand; of the lots only the open ones matter.
        history: Everything that still counts without the fill, in the order of its booking.
        asked: The fill as a trade, why, and by whom.
        at: Instant of the booking.
    """
    trade, held = asked.trade, books.position
    cause = reversal_id(trade.cause_id)
    wanted = recounted(held, history, books.account, at)
    voided, opened = _renumbered(held, books.lots, wanted.lots, cause, at)
    after = wanted.position.amended(
        first_lot=held.next_lot, next_lot=held.next_lot + len(opened), updated_at=at
    )
    change = profit_by(
        books.account.books,
        EXACT.subtract(after.realized_pnl, held.realized_pnl),
        EXACT.subtract(after.lot_realized_pnl, held.lot_realized_pnl),
    )
    back = reversed_entries(
        ledger_entries(trade, held, Decimal(0), at), cause, at, asked.trading_day
    )
    if change:
        back = (moved(held, cause, "reversal", change, at, asked.trading_day), *back)
    posting = posted(books, after, back, change, asked.trading_day, at)
    told = FillReversal(
        fill_id=trade.cause_id,
        account_id=trade.account_id,
        symbol=trade.symbol,
        realized_change=change,
        costs_returned=trade.cost,
        currency=trade.currency,
        reason=asked.reason,
        reversed_by=asked.reversed_by,
        trading_day=asked.trading_day,
        at=at,
    )
    return told, posting._replace(lots=(*voided, *opened))


def _renumbered(
    held: Position, before: Iterable[Lot], wanted: Sequence[Lot], cause: str, at: datetime
) -> tuple[tuple[Lot, ...], tuple[Lot, ...]]:
    """The lots that were open, voided, and the wanted ones behind them under new numbers."""
    voided = tuple(
        lot.amended(remaining_quantity=Decimal(0), voided_by=cause, updated_at=at)
        for lot in before
        if lot.remaining_quantity
    )
    opened = tuple(
        lot.amended(
            lot_id=lot_id(held.position_id, number),
            number=number,
            opened_quantity=lot.remaining_quantity,
            realized_pnl=Decimal(0),
        )
        for number, lot in enumerate(wanted, held.next_lot)
    )
    return voided, opened
