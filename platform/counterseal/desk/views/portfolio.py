"""What an account holds, is worth and was worth.

Job: read the books of a home as a statement, and as a curve over time.

Invariants
  I1  Equity is cash plus market value, in the statement and at every point of the curve.
  I2  A price is what the log tells of: a mark of the feed, a fill, a settlement; or what the caller
      told. It says which.
  I3  A curve whose fills do not make the positions at hand names these.

Not here: arithmetic (portfolio), frames and files (storage.frames).
Source: US-C10, PM-27, TX-C12; AS-20; trading reference part 6.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from counterseal.broker.model import Fill
from counterseal.desk.market_watch import MarketMark
from counterseal.desk.ports import Reader, newest_of
from counterseal.desk.views.marks import PaperView
from counterseal.kernel.clock import UtcDatetime
from counterseal.portfolio.curve import CurvePoint, equity_curve
from counterseal.portfolio.invariants import Difference, check_position
from counterseal.portfolio.lots import Lot
from counterseal.portfolio.model import Account, LedgerEntry, Position
from counterseal.portfolio.reversal import FillReversal
from counterseal.portfolio.settlement import Settlement
from counterseal.portfolio.trades import BookedTrade, taken_back, trade_of
from counterseal.portfolio.valuation import Mark, Valuation, latest_marks, value_account

LAST_FILL: Final = "last-fill"
CALLER: Final = "caller"
FEED: Final = "feed"
FEED_AGE_MAX: Final = timedelta(minutes=5)
"""A feed that marked nothing for longer is followed no more: fills tell the price again."""


class AccountStatement(PaperView):
    """One account: its value at one time, and its open lots in the order of their opening."""

    valuation: Valuation
    lots: tuple[Lot, ...]


class PortfolioView(PaperView):
    """Every account by id, and the marks that were used, by symbol."""

    at: UtcDatetime
    accounts: tuple[AccountStatement, ...]
    marks: tuple[Mark, ...]


class History(NamedTuple):
    """What an account's curve is made of.

    Attributes:
        trades: Fills, final settlements and reversals, as they were booked.
        marks: Prices (quote units) of fills and settlements, at the time of their booking.
        days: Trading day (`YYYY-MM-DD`) of each instant (UTC) at which something was booked.
    """

    trades: tuple[BookedTrade, ...]
    entries: tuple[LedgerEntry, ...]
    marks: tuple[Mark, ...]
    days: dict[datetime, str]


def portfolio_view(reader: Reader, told: Iterable[Mark], now: datetime) -> PortfolioView:
    """The statement at `now` (UTC).

    Args:
        reader: The home.
        told: Prices of the caller in quote units; they go before the marks of the feed, and these,
            while the feed lives, before prices of fills.
        now: Instant of the valuation.
    """
    asked = tuple(told)
    followed = tuple(_followed(mark) for mark in reader.find(MarketMark))
    alive = any(abs(now - mark.seen_at) <= FEED_AGE_MAX for mark in followed)
    source = CALLER if asked else FEED if alive else LAST_FILL
    marks = (*_last_fills(reader, now), *followed, *asked)
    accounts = tuple(_statement(reader, a, marks, source, now) for a in reader.find(Account))
    used = latest_marks(marks, now, source)
    held = {row.symbol for one in accounts for row in one.valuation.positions}
    return PortfolioView(
        at=now, accounts=accounts, marks=tuple(used[s] for s in sorted(held & used.keys()))
    )


def known_marks(reader: Reader, at: datetime) -> Iterator[Mark]:
    """Prices of everything held, at `at` (UTC) or later: of last fills, and those of the feed."""
    yield from _last_fills(reader, at)
    yield from map(_followed, reader.find(MarketMark))


def _last_fills(reader: Reader, now: datetime) -> Iterator[Mark]:
    """The price of the last fill of everything held, at `now` (UTC)."""
    for symbol in sorted({position.symbol for position in reader.find(Position)}):
        found = newest_of(reader, Fill, "occurred_at", 1, symbol=symbol)
        if found and found[0].occurred_at > now:
            found = reader.find(Fill, symbol=symbol)
        yield from map(last_fill, found)


def last_fill(fill: Fill) -> Mark:
    """The price of a fill as a mark (quote units)."""
    return Mark(
        symbol=fill.symbol, price=fill.last_price, seen_at=fill.occurred_at, source=LAST_FILL
    )


def _followed(mark: MarketMark) -> Mark:
    """A recorded mark of the feed (quote units)."""
    return Mark(symbol=mark.symbol, price=mark.price, seen_at=mark.event_time, source=FEED)


def _statement(
    reader: Reader, account: Account, marks: Iterable[Mark], source: str, now: datetime
) -> AccountStatement:
    positions = reader.find(Position, account_id=account.account_id)
    lots = reader.find(Lot, account_id=account.account_id)
    return AccountStatement(
        valuation=value_account(account, positions, marks, now=now, source=source),
        lots=tuple(lot for lot in lots if lot.remaining_quantity),
    )


def history_of(reader: Reader, account_id: str) -> History:
    """Everything that was booked for an account, in the order of time."""
    fills = reader.find(Fill, account_id=account_id)
    settlements = reader.find(Settlement, account_id=account_id)
    trades = {fill.fill_id: trade_of(fill) for fill in fills}
    marks = [last_fill(fill).amended(seen_at=fill.recorded_at) for fill in fills]
    days = {fill.recorded_at: fill.trading_day for fill in fills}
    booked = [*trades.values(), *(s.ending for s in settlements if s.ending is not None)]
    for reversal in reader.find(FillReversal, account_id=account_id):
        if reversal.fill_id in trades:
            booked.append(taken_back(trades[reversal.fill_id], reversal.at))
            days[reversal.at] = reversal.trading_day
    for settled in settlements:
        marks.append(
            Mark(
                symbol=settled.symbol,
                price=settled.price,
                seen_at=settled.at,
                source=settled.source,
            )
        )
        days[settled.at] = settled.trading_day
    return History(
        trades=tuple(sorted(booked, key=lambda trade: trade.at)),
        entries=reader.find(LedgerEntry, account_id=account_id),
        marks=tuple(marks),
        days=days,
    )


def curve_of(account: Account, history: History) -> tuple[CurvePoint, ...]:
    """The account's equity, drawdown and exposure, a point for each instant of its books."""
    return tuple(equity_curve(account, history.trades, history.entries, history.marks))


def curve_view(reader: Reader, account: Account) -> tuple[CurvePoint, ...]:
    """The curve of an account as the home has it."""
    return curve_of(account, history_of(reader, account.account_id))


def gaps_of(reader: Reader, history: History, account_id: str) -> tuple[Difference, ...]:
    """Positions that the history does not make, such as after a purge took fills along."""
    return tuple(
        gap
        for held in reader.find(Position, account_id=account_id)
        for gap in check_position(
            held, (t for t in history.trades if t.position_id == held.position_id)
        )
    )


def closing_equity(
    points: Iterable[CurvePoint], days: dict[datetime, str]
) -> tuple[tuple[str, Decimal], ...]:
    """The last equity of each trading day (account's currency), by `YYYY-MM-DD`."""
    last = {days[point.at]: point.equity for point in points if point.at in days}
    return tuple(sorted(last.items()))
