"""Lots: which opening a closing trade closes.

Job: open a lot for what a trade adds, and close lots, in the order of the method, by what it takes.

Invariants
  I1  The open lots of a position sum to its quantity, and at their carried prices to its lot cost.
  I2  A trade closes whole lots, then a part of one; what is left over opens exactly one lot: a flip
      closes every lot and opens one.
  I3  Flat again, the lots have realized what was received less what was paid, by any method.
  I4  A method is an order of lot numbers and nothing else; the lots behind what is closed are
      never read.

Not here: profit by average cost (positions), which profit the statement uses (terms).
Source: trading reference part 7, lot methods; part 6.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, NamedTuple, Self

from pydantic import Field, model_validator

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Document, Name
from counterseal.kernel.money import EXACT, Currency, Exact, Price, Quantity
from counterseal.portfolio.model import Position
from counterseal.portfolio.terms import LotMethod
from counterseal.portfolio.trades import BookedTrade, closing_part

NUMBER_WIDTH = 9


class Lot(Document):
    """What one trade opened, and what is left of it.

    Attributes:
        number: Counts the lots of a position from 1 in the order of their opening.
        opened_by: The fill.
        opened_quantity, remaining_quantity: Signed contracts; a short lot is below zero.
        open_price: Quote units. carry_price: the same until a daily settlement paid the difference.
        realized_pnl: Currency, before costs, of what was closed so far.
        trading_day: `YYYY-MM-DD` of the opening.
        voided_by: The reversal that took the lot out of the books; None for a lot that counts.
    """

    KIND: ClassVar[str] = "lots"
    KEY: ClassVar[str] = "lot_id"

    lot_id: Name
    position_id: Name
    account_id: Name
    symbol: Name
    number: int = Field(ge=1)
    opened_by: Name
    opened_quantity: Exact
    remaining_quantity: Exact
    open_price: Price
    carry_price: Price
    multiplier: Quantity
    currency: Currency
    realized_pnl: Exact = Decimal(0)
    voided_by: Name | None = None
    trading_day: Name
    opened_at: UtcDatetime
    updated_at: UtcDatetime

    @model_validator(mode="after")
    def _within_its_opening(self) -> Self:
        opened, left = self.opened_quantity, self.remaining_quantity
        if not opened or abs(left) > abs(opened) or (left and (left > 0) is not (opened > 0)):
            raise ValueError("what is left of a lot lies between nothing and its opening")
        if self.lot_id != lot_id(self.position_id, self.number):
            raise ValueError("the lot id is position:number")
        return self


class LotClosing(Document):
    """What one trade took out of one lot.

    Attributes:
        closed_by: The fill or final settlement.
        quantity: Signed contracts as the lot held them: above zero leaves a long lot.
        basis_price: Carried price, and price: the closing one; quote units.
        realized_pnl: Currency, before costs, signed.
    """

    KIND: ClassVar[str] = "lot_closings"
    KEY: ClassVar[str] = "closing_id"

    closing_id: Name
    lot_id: Name
    account_id: Name
    symbol: Name
    closed_by: Name
    quantity: Exact
    basis_price: Price
    price: Price
    realized_pnl: Exact
    currency: Currency
    trading_day: Name
    at: UtcDatetime


class LotTotals(NamedTuple):
    """What a position says of its lots; the fields of `Position` with these names."""

    lot_cost_sum: Decimal
    lot_realized_pnl: Decimal
    first_lot: int
    next_lot: int


class LotChange(NamedTuple):
    """The new totals, the lots that changed, and the profit by lots (currency, signed)."""

    totals: LotTotals
    lots: tuple[Lot, ...]
    closings: tuple[LotClosing, ...]
    realized_pnl: Decimal


def lot_id(position_id: str, number: int) -> str:
    """The id of a position's lot; ids sort as numbers do."""
    return f"{position_id}:{number:0{NUMBER_WIDTH}d}"


def lot_numbers(position: Position, method: LotMethod) -> range:
    """Numbers of the lots that may be open, in the order in which a closing trade takes them."""
    first, after = position.first_lot, position.next_lot
    return range(first, after) if method is LotMethod.FIFO else range(after - 1, first - 1, -1)


def count_lots(
    position: Position, lots: Iterable[Lot], trade: BookedTrade, at: datetime
) -> LotChange:
    """Count a trade in the lots at `at` (UTC).

    Args:
        position: Before the trade.
        lots: Its lots in the order of the method; read no further than the trade needs.
        trade: Signed contracts at a price in quote units.
        at: Instant of the booking.

    Raises:
        InvariantError: when the lots hold less than the position.
    """
    closing = closing_part(position.quantity, trade.quantity)
    opening = EXACT.subtract(trade.quantity, closing)
    closed = [_closed(lot, part, trade, at) for lot, part in _taken(lots, -closing)]
    changed = [lot for lot, _ in closed]
    closings = tuple(told for _, told in closed)
    cost = position.lot_cost_sum
    for told in closings:
        cost = EXACT.subtract(cost, EXACT.multiply(told.quantity, told.basis_price))
    if opening:
        changed.append(_opened(position, opening, trade, at))
        cost = EXACT.add(cost, EXACT.multiply(opening, trade.price))
    profit = sum((told.realized_pnl for told in closings), Decimal(0))
    all_closed = closing == -position.quantity
    totals = LotTotals(
        lot_cost_sum=cost,
        lot_realized_pnl=EXACT.add(position.lot_realized_pnl, profit),
        first_lot=position.next_lot if all_closed else _first_open(position, changed),
        next_lot=position.next_lot + bool(opening),
    )
    return LotChange(totals, tuple(changed), closings, profit)


def _taken(lots: Iterable[Lot], wanted: Decimal) -> Iterable[tuple[Lot, Decimal]]:
    """Lots and what each gives (signed as the lot) until nothing more is wanted.

    Raises:
        InvariantError: when the lots end before.
    """
    if not wanted:
        return
    for lot in lots:
        part = min(abs(lot.remaining_quantity), abs(wanted)).copy_sign(wanted)
        if part:
            wanted = EXACT.subtract(wanted, part)
            yield lot, part
        if not wanted:
            return
    raise InvariantError("a position holds more than its lots")


def _closed(lot: Lot, part: Decimal, trade: BookedTrade, at: datetime) -> tuple[Lot, LotClosing]:
    points = EXACT.multiply(part, EXACT.subtract(trade.price, lot.carry_price))
    profit = EXACT.multiply(points, lot.multiplier)
    closing = LotClosing(
        closing_id=f"{lot.lot_id}:{trade.cause_id}",
        lot_id=lot.lot_id,
        account_id=lot.account_id,
        symbol=lot.symbol,
        closed_by=trade.cause_id,
        quantity=part,
        basis_price=lot.carry_price,
        price=trade.price,
        realized_pnl=profit,
        currency=lot.currency,
        trading_day=trade.trading_day,
        at=at,
    )
    left = lot.amended(
        remaining_quantity=EXACT.subtract(lot.remaining_quantity, part),
        realized_pnl=EXACT.add(lot.realized_pnl, profit),
        updated_at=at,
    )
    return left, closing


def _opened(position: Position, quantity: Decimal, trade: BookedTrade, at: datetime) -> Lot:
    return Lot(
        lot_id=lot_id(position.position_id, position.next_lot),
        position_id=position.position_id,
        account_id=position.account_id,
        symbol=position.symbol,
        number=position.next_lot,
        opened_by=trade.cause_id,
        opened_quantity=quantity,
        remaining_quantity=quantity,
        open_price=trade.price,
        carry_price=trade.price,
        multiplier=position.multiplier,
        currency=position.currency,
        trading_day=trade.trading_day,
        opened_at=at,
        updated_at=at,
    )


def _first_open(position: Position, changed: Iterable[Lot]) -> int:
    """The first number behind the lots that are closed without a gap."""
    first = position.first_lot
    for lot in sorted(changed, key=_number):
        if lot.number == first and not lot.remaining_quantity:
            first += 1
    return first


def _number(lot: Lot) -> int:
    return lot.number


def carried_at(lots: Iterable[Lot], price: Decimal, at: datetime) -> tuple[Lot, ...]:
    """The open lots of `lots`, carried at a settlement price (quote units) from `at` (UTC) on."""
    return tuple(
        lot.amended(
            carry_price=price,
            realized_pnl=EXACT.add(lot.realized_pnl, _open_profit(lot, price)),
            updated_at=at,
        )
        for lot in lots
        if lot.remaining_quantity
    )


def _open_profit(lot: Lot, price: Decimal) -> Decimal:
    points = EXACT.multiply(lot.remaining_quantity, EXACT.subtract(price, lot.carry_price))
    return EXACT.multiply(points, lot.multiplier)
