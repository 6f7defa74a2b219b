"""Equity, drawdown and exposure over time.

Job: fold trades and marks, in the order of time, into one point for each instant. Pure.

Invariants
  I1  Equity is cash plus market value at every point.
  I2  Equity follows from what was paid, what is held and its marks: no basis of profit, lot method
      or daily settlement changes it.
  I3  A symbol without a mark keeps the price of its last trade; how many did is told.
  I4  Drawdown is the highest equity so far, the opening cash included, less equity; never negative.

Not here: ratios over returns (storage.metrics), the value at one instant (valuation).
Source: trading reference part 6; AS-20.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Context, Decimal
from itertools import groupby
from typing import Final, NamedTuple

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import EXACT, Exact, NonNegative, quantized
from counterseal.portfolio.ledger import CASH
from counterseal.portfolio.model import Account, LedgerEntry
from counterseal.portfolio.trades import BookedTrade
from counterseal.portfolio.valuation import Mark

FRACTION_PLACES: Final = 8


class CurvePoint(DomainModel):
    """An account at one instant (UTC), amounts in its currency.

    Attributes:
        costs: Fees and tax since the beginning.
        peak: Highest equity so far. drawdown: peak - equity.
        drawdown_fraction: Drawdown / peak, half up to 8 places; zero while no peak is above zero.
        exposure_tx_equivalent: Signed net, and gross_tx_equivalent: without signs.
        unmarked: Symbols held at the price of their last trade, for want of a mark.
    """

    account_id: Name
    at: UtcDatetime
    equity: Exact
    cash: Exact
    market_value: Exact
    costs: Exact
    peak: Exact
    drawdown: NonNegative
    drawdown_fraction: NonNegative
    exposure_tx_equivalent: Exact
    gross_tx_equivalent: NonNegative
    unmarked: int


class CashMove(NamedTuple):
    """What one ledger entry does to cash (currency, signed) at `at` (UTC)."""

    at: datetime
    amount: Decimal


class _Held:
    """One symbol as the curve goes along."""

    def __init__(self, trade: BookedTrade) -> None:
        self.terms = trade
        self.quantity = self.paid = Decimal(0)
        self.price, self.marked = trade.price, False

    def take(self, trade: BookedTrade) -> None:
        self.quantity = EXACT.add(self.quantity, trade.quantity)
        self.paid = EXACT.add(self.paid, trade.paid)
        if not self.marked:
            self.price = trade.price

    @property
    def profit(self) -> Decimal:
        """Realized and open profit together, before costs."""
        points = EXACT.multiply(self.quantity, self.price)
        return EXACT.subtract(EXACT.multiply(points, self.terms.multiplier), self.paid)

    @property
    def exposure(self) -> Decimal:
        return EXACT.multiply(self.quantity, self.terms.tx_equivalent)


class _Curve:
    """The running state of one account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.cash = self.peak = account.opening_cash
        self.costs = Decimal(0)
        self.held: dict[str, _Held] = {}
        self.marks: dict[str, Decimal] = {}

    def take(self, step: BookedTrade | Mark | CashMove) -> None:
        if isinstance(step, CashMove):
            self.cash = EXACT.add(self.cash, step.amount)
            return
        if isinstance(step, BookedTrade):
            self.costs = EXACT.add(self.costs, step.cost)
            held = self.held.setdefault(step.symbol, _Held(step))
            held.take(step)
        else:
            self.marks[step.symbol] = step.price
        known = self.held.get(step.symbol)
        if known is not None and step.symbol in self.marks:
            known.price, known.marked = self.marks[step.symbol], True

    def point(self, at: datetime) -> CurvePoint:
        profit = sum((held.profit for held in self.held.values()), Decimal(0))
        equity = EXACT.subtract(EXACT.add(self.account.opening_cash, profit), self.costs)
        self.peak = max(self.peak, equity)
        drawdown = EXACT.subtract(self.peak, equity)
        exposures = [held.exposure for held in self.held.values()]
        return CurvePoint(
            account_id=self.account.account_id,
            at=at,
            equity=equity,
            cash=self.cash,
            market_value=EXACT.subtract(equity, self.cash),
            costs=self.costs,
            peak=self.peak,
            drawdown=drawdown,
            drawdown_fraction=_fraction(drawdown, self.peak),
            exposure_tx_equivalent=sum(exposures, Decimal(0)),
            gross_tx_equivalent=sum((abs(e) for e in exposures), Decimal(0)),
            unmarked=sum(bool(h.quantity) and not h.marked for h in self.held.values()),
        )


def equity_curve(
    account: Account,
    trades: Iterable[BookedTrade],
    entries: Iterable[LedgerEntry],
    marks: Iterable[Mark],
) -> Iterator[CurvePoint]:
    """One point for each instant at which anything happened, oldest first.

    Args:
        account: Gives id and opening cash.
        trades: Fills, final settlements, and reversals as `trades.taken_back` gives them.
        entries: Its ledger, by which cash moves.
        marks: Prices in quote units; the newest of a symbol counts, of two at one instant the
            last told.
    """
    curve = _Curve(account)
    steps: list[BookedTrade | Mark | CashMove] = [*trades, *marks]
    steps += [CashMove(entry.at, amount) for entry in entries if (amount := _into_cash(entry))]
    for at, together in groupby(sorted(steps, key=_when), key=_when):
        for step in together:
            curve.take(step)
        yield curve.point(at)


def _into_cash(entry: LedgerEntry) -> Decimal:
    if CASH not in (entry.debit_account, entry.credit_account):
        return Decimal(0)
    return entry.amount if entry.debit_account == CASH else -entry.amount


def _when(step: BookedTrade | Mark | CashMove) -> datetime:
    return step.seen_at if isinstance(step, Mark) else step.at


def _fraction(part: Decimal, whole: Decimal) -> Decimal:
    if whole <= 0:
        return Decimal(0)
    return quantized(Context(prec=60).divide(part, whole), FRACTION_PLACES)
