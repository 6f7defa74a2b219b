"""What an account held and was worth when a trading day ended.

Job: one document for each account and trading day, counted back from the books of now. Pure.

Invariants
  I1  Equity is cash plus market value.
  I2  Equity follows from what was paid, what is held and its prices: no basis of profit, lot method
      or daily settlement changes it.
  I3  A position without a known price stays in, at its cost, and names no price.

Counting back needs only what was booked since: on most days nothing.

Not here: which days are due, reading the books, where prices come from (desk.day_end).
Source: MB-E4; workflow part 5, `end_of_day`; trading reference part 6.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, NamedTuple, Self

from pydantic import model_validator

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import AlwaysTrue, Document, DomainModel, Name
from counterseal.kernel.money import EXACT, Currency, Exact, Price
from counterseal.portfolio.invariants import ledger_sums, trade_sums
from counterseal.portfolio.model import Account, LedgerEntry, Position
from counterseal.portfolio.trades import BookedTrade
from counterseal.portfolio.valuation import Mark


class DayPosition(DomainModel):
    """An open position at a day's end.

    Attributes:
        quantity: Signed contracts or shares, not zero.
        price: Quote units; None when none was known.
        price_at, price_source: When that price was seen (UTC), and where.
        profit: Realized and open together, before costs, in the account's currency.
    """

    symbol: Name
    quantity: Exact
    price: Price | None
    price_at: UtcDatetime | None
    price_source: Name | None
    profit: Exact


class DayStatement(Document):
    """One account at the end of one trading day; amounts in its currency.

    Attributes:
        statement_id: `account:YYYY-MM-DD`.
        ended_at: The instant (UTC) that it is about. at: when it was recorded.
        costs: Fees and tax since the beginning.
        positions: By symbol; flat ones are left out.
    """

    KIND: ClassVar[str] = "day_statements"
    KEY: ClassVar[str] = "statement_id"

    statement_id: Name
    account_id: Name
    trading_day: Name
    ended_at: UtcDatetime
    currency: Currency
    cash: Exact
    market_value: Exact
    equity: Exact
    costs: Exact
    positions: tuple[DayPosition, ...] = ()
    at: UtcDatetime
    simulated: AlwaysTrue = True

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.equity != EXACT.add(self.cash, self.market_value):
            raise ValueError("equity is cash plus market value")
        if self.statement_id != statement_id(self.account_id, self.trading_day):
            raise ValueError("the statement id is account:day")
        return self


class DayBooks(NamedTuple):
    """An account's books as they are now, and what was booked on later trading days.

    Attributes:
        trades: Fills, final settlements and what reversals took back, of later days only.
        entries: Ledger entries of later days only.
    """

    account: Account
    positions: tuple[Position, ...]
    trades: tuple[BookedTrade, ...]
    entries: tuple[LedgerEntry, ...]


class DayEnded(NamedTuple):
    """A trading day (`YYYY-MM-DD`), when it ended, and when that is recorded (both UTC)."""

    trading_day: str
    ended_at: datetime
    at: datetime


def statement_id(account_id: str, trading_day: str) -> str:
    """The key of a statement."""
    return f"{account_id}:{trading_day}"


def state_day(books: DayBooks, marks: Mapping[str, Mark], day: DayEnded) -> DayStatement:
    """The statement of a day.

    Args:
        books: Of the account.
        marks: The price (quote units) of each symbol when the day ended, where one is known.
        day: Which one.
    """
    account = books.account
    later: dict[str, list[BookedTrade]] = {}
    for trade in books.trades:
        later.setdefault(trade.position_id, []).append(trade)
    held = [
        _held(one, later.get(one.position_id, ()), marks.get(one.symbol)) for one in books.positions
    ]
    since = ledger_sums(books.entries)
    cash, costs = account.cash - since.cash, account.costs_paid - since.costs
    profit = sum((one.profit for one in held), Decimal(0))
    equity = EXACT.subtract(EXACT.add(account.opening_cash, profit), costs)
    return DayStatement(
        statement_id=statement_id(account.account_id, day.trading_day),
        account_id=account.account_id,
        currency=account.currency,
        cash=cash,
        market_value=EXACT.subtract(equity, cash),
        equity=equity,
        costs=costs,
        positions=tuple(one for one in held if one.quantity),
        **day._asdict(),
    )


def _held(now: Position, later: Iterable[BookedTrade], mark: Mark | None) -> DayPosition:
    """What a position was before the later trades: its contracts less theirs, and so what it paid.

    Paid is the cost of what is held less the profit that was realized, by either basis.
    """
    told = tuple(later)
    cost = EXACT.multiply(now.cost_sum, now.multiplier)
    paid = EXACT.subtract(cost, now.realized_pnl)
    for trade in told:
        paid = EXACT.subtract(paid, trade.paid)
    quantity = EXACT.subtract(now.quantity, trade_sums(told)[0])
    price = now.average_price if mark is None else mark.price
    worth = Decimal(0)
    if price is not None:
        worth = EXACT.multiply(EXACT.multiply(quantity, price), now.multiplier)
    elif quantity:
        worth = paid
    return DayPosition(
        symbol=now.symbol,
        quantity=quantity,
        price=None if mark is None else mark.price,
        price_at=None if mark is None else mark.seen_at,
        price_source=None if mark is None else mark.source,
        profit=EXACT.subtract(worth, paid),
    )
