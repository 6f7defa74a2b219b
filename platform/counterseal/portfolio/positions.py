"""Change a position by a fill.

Job: weighted average when adding, realized profit when reducing, both when flipping. Pure.

Invariants
  I1  Reducing keeps the average; adding never realizes.
  I2  Any split of a fill gives the same position and the same profit.
  I3  Flat again, the realized profit is exactly what was received less what was paid.

Not here: profit by lots (lots), fees and cash (costs, ledger), marks (valuation).
Source: trading reference part 6; TL-6, TX-C12.
"""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from counterseal.kernel.errors import InputError
from counterseal.kernel.money import EXACT
from counterseal.oms.model import average_price
from counterseal.portfolio.lots import LotTotals
from counterseal.portfolio.model import InstrumentKind, Position
from counterseal.portfolio.trades import BookedTrade, closing_part


class PositionChange(NamedTuple):
    """The new position and the profit of this trade (currency, before costs, signed)."""

    position: Position
    realized_pnl: Decimal


def open_position(
    trade: BookedTrade, at: datetime, kind: InstrumentKind = InstrumentKind.FUTURE
) -> Position:
    """A flat position for the trade's account and symbol at `at` (UTC)."""
    return Position(
        position_id=trade.position_id,
        account_id=trade.account_id,
        symbol=trade.symbol,
        kind=kind,
        multiplier=trade.multiplier,
        tx_equivalent=trade.tx_equivalent,
        currency=trade.currency,
        updated_at=at,
    )


class _Holding(NamedTuple):
    """Quantity, cost and average while a trade is counted, and the points that it realized."""

    quantity: Decimal
    cost_sum: Decimal
    average_price: Decimal | None
    points: Decimal = Decimal(0)

    def changes(self, position: Position) -> tuple[dict[str, object], Decimal]:
        """What becomes of the position's fields, and the profit in its currency."""
        profit = EXACT.multiply(self.points, position.multiplier)
        fields: dict[str, object] = {
            "quantity": self.quantity,
            "cost_sum": self.cost_sum,
            "average_price": self.average_price,
            "realized_pnl": EXACT.add(position.realized_pnl, profit),
        }
        return fields, profit


def apply_trade(
    position: Position, quantity: Decimal, price: Decimal, at: datetime
) -> PositionChange:
    """Trade signed contracts at a price (quote units) at `at` (UTC)."""
    fields, profit = _traded(position, quantity, price).changes(position)
    return PositionChange(position=position.amended(**fields, updated_at=at), realized_pnl=profit)


def _traded(position: Position, quantity: Decimal, price: Decimal) -> _Holding:
    held = _Holding(position.quantity, position.cost_sum, position.average_price)
    closing = closing_part(held.quantity, quantity)
    reduced = _reduced(held, closing, price) if closing else held
    opening = EXACT.subtract(quantity, closing)
    return _added(reduced, opening, price) if opening else reduced


def _added(held: _Holding, quantity: Decimal, price: Decimal) -> _Holding:
    total = EXACT.add(held.quantity, quantity)
    cost = EXACT.add(held.cost_sum, EXACT.multiply(quantity, price))
    return held._replace(quantity=total, cost_sum=cost, average_price=average_price(cost, total))


def _reduced(held: _Holding, quantity: Decimal, price: Decimal) -> _Holding:
    """The last contract takes what is left of the cost, so that no rounding stays behind."""
    left = EXACT.add(held.quantity, quantity)
    average = held.average_price
    released = held.cost_sum
    if left and average is not None:
        released = EXACT.multiply(-quantity, average)
    return _Holding(
        quantity=left,
        cost_sum=EXACT.subtract(held.cost_sum, released),
        average_price=average if left else None,
        points=EXACT.subtract(EXACT.multiply(-quantity, price), released),
    )


def count_trade(
    position: Position, trade: BookedTrade, totals: LotTotals, at: datetime
) -> PositionChange:
    """Count one trade, its costs and lots included. The caller drops causes seen before.

    Args:
        position: Before the trade.
        trade: Signed contracts at a price in quote units.
        totals: What the lots sum to after it.
        at: Instant of the booking (UTC).

    Raises:
        InputError: `FILL_OF_OTHER_POSITION` when account, symbol, multiplier or currency differ.
    """
    terms = (position.account_id, position.symbol, position.multiplier, position.currency)
    if terms != (trade.account_id, trade.symbol, trade.multiplier, trade.currency):
        raise InputError(
            "FILL_OF_OTHER_POSITION",
            "the fill belongs to another position",
            expected=position.position_id,
            got=trade.position_id,
        )
    fields, profit = _traded(position, trade.quantity, trade.price).changes(position)
    fees = EXACT.add(position.fees, trade.cost)
    after = position.amended(**fields, **totals._asdict(), fees=fees, updated_at=at)
    return PositionChange(position=after, realized_pnl=profit)


def carried(position: Position, price: Decimal, at: datetime) -> PositionChange:
    """An open position carried at a settlement price (quote units) from `at` (UTC) on.

    The open profit becomes realized, by average cost and by lots each for itself.
    """
    cost = EXACT.multiply(position.quantity, price)
    profit = EXACT.multiply(EXACT.subtract(cost, position.cost_sum), position.multiplier)
    by_lots = EXACT.multiply(EXACT.subtract(cost, position.lot_cost_sum), position.multiplier)
    after = position.amended(
        cost_sum=cost,
        lot_cost_sum=cost,
        average_price=average_price(cost, position.quantity),
        realized_pnl=EXACT.add(position.realized_pnl, profit),
        lot_realized_pnl=EXACT.add(position.lot_realized_pnl, by_lots),
        updated_at=at,
    )
    return PositionChange(position=after, realized_pnl=profit)
