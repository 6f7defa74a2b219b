"""Change a position by a fill.

Job: weighted average when adding, realized profit when reducing, both when flipping. Pure.

Invariants
  I1  Reducing keeps the average; adding never realizes.
  I2  Any split of a fill gives the same position and the same profit.
  I3  Flat again, the realized profit is exactly what was received less what was paid.

Not here: fees and cash (portfolio.costs, portfolio.ledger), marks (portfolio.valuation).
Source: trading reference part 6; TL-6, TX-C12.
"""

from datetime import datetime
from decimal import Decimal

from counterseal.broker.model import Fill
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel
from counterseal.kernel.money import EXACT, Exact
from counterseal.oms.model import average_price
from counterseal.portfolio.model import InstrumentKind, Position


class PositionChange(DomainModel):
    """The new position and the profit of this fill (currency, before costs, signed)."""

    position: Position
    realized_pnl: Exact


def open_position(
    fill: Fill, at: datetime, kind: InstrumentKind = InstrumentKind.FUTURE
) -> Position:
    """A flat position for the fill's account and symbol at `at` (UTC)."""
    return Position(
        position_id=f"{fill.account_id}:{fill.symbol}",
        account_id=fill.account_id,
        symbol=fill.symbol,
        kind=kind,
        multiplier=fill.multiplier,
        tx_equivalent=fill.tx_equivalent,
        currency=fill.currency,
        updated_at=at,
    )


def apply_trade(
    position: Position, quantity: Decimal, price: Decimal, at: datetime
) -> PositionChange:
    """Trade signed contracts at a price (quote units) at `at` (UTC)."""
    held = position.quantity
    if held and (held > 0) is not (quantity > 0):
        closing = min(abs(held), abs(quantity)).copy_sign(quantity)
        change = _reduced(position, closing, price, at)
        opening = quantity - closing
        if not opening:
            return change
        flipped = _added(change.position, opening, price, at)
        return PositionChange(position=flipped, realized_pnl=change.realized_pnl)
    return PositionChange(position=_added(position, quantity, price, at), realized_pnl=Decimal(0))


def _added(position: Position, quantity: Decimal, price: Decimal, at: datetime) -> Position:
    total = EXACT.add(position.quantity, quantity)
    cost = EXACT.add(position.cost_sum, EXACT.multiply(quantity, price))
    return position.amended(
        quantity=total, cost_sum=cost, average_price=average_price(cost, total), updated_at=at
    )


def _reduced(position: Position, quantity: Decimal, price: Decimal, at: datetime) -> PositionChange:
    """The last contract takes what is left of the cost, so that no rounding stays behind."""
    left = EXACT.add(position.quantity, quantity)
    average = position.average_price
    released = position.cost_sum
    if left and average is not None:
        released = EXACT.multiply(-quantity, average)
    points = EXACT.subtract(EXACT.multiply(-quantity, price), released)
    profit = EXACT.multiply(points, position.multiplier)
    after = position.amended(
        quantity=left,
        cost_sum=EXACT.subtract(position.cost_sum, released),
        average_price=average if left else None,
        realized_pnl=EXACT.add(position.realized_pnl, profit),
        updated_at=at,
    )
    return PositionChange(position=after, realized_pnl=profit)


def apply_fill(position: Position, fill: Fill, at: datetime) -> PositionChange:
    """Count one fill, its costs included, at `at` (UTC). The caller drops seen fill ids.

    Raises:
        InputError: `FILL_OF_OTHER_POSITION` when account, symbol, multiplier or currency differ.
    """
    terms = (position.account_id, position.symbol, position.multiplier, position.currency)
    if terms != (fill.account_id, fill.symbol, fill.multiplier, fill.currency):
        raise InputError(
            "FILL_OF_OTHER_POSITION",
            "the fill belongs to another position",
            expected=position.position_id,
            got=f"{fill.account_id}:{fill.symbol}",
        )
    change = apply_trade(position, fill.side.sign * fill.last_quantity, fill.last_price, at)
    costs = sum((line.amount for line in fill.fees), Decimal(0))
    counted = change.position.amended(fees=EXACT.add(position.fees, costs))
    return PositionChange(position=counted, realized_pnl=change.realized_pnl)
