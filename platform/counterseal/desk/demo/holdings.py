"""What a demo session holds and what it is worth.

Job: positions after a fill, and cash, open profit and equity at the quotes of the tick.

Invariants
  I1  Equity is cash plus open profit; cash moves by realized profit alone.
  I2  A reduce keeps the average and books its profit.

Not here: the arithmetic (portfolio.positions, portfolio.valuation).
Source: features TX-C12, TX-D4; AS-20.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from counterseal.desk.demo.markets import point_value_of, ratio_of
from counterseal.desk.demo.model import DemoOrder, DemoQuote, DemoSession, time_of
from counterseal.kernel.model import AlwaysFalse, AlwaysTrue, DomainModel, Name
from counterseal.kernel.money import Currency, Exact, Price
from counterseal.portfolio.model import Position
from counterseal.portfolio.positions import apply_trade
from counterseal.portfolio.valuation import Mark, PositionValue, value_position

OPENING_CASH: Final = Decimal(1_000_000)
"""TWD."""
ACCOUNT: Final = "demo"


class DemoPortfolio(DomainModel):
    """The session's simulated account; TWD, the position of the selected symbol in contracts.

    Attributes:
        average_price: In points; None without a position.
        mark_price: Last of the selected symbol, in points.
    """

    symbol: Name
    position: Exact
    average_price: Price | None
    mark_price: Price
    cash: Exact
    realized_pnl: Exact
    unrealized_pnl: Exact
    equity: Exact
    positions: tuple[PositionValue, ...]
    simulated: AlwaysTrue = True
    performance_claim: AlwaysFalse = False


def held_after(positions: tuple[Position, ...], order: DemoOrder) -> tuple[Position, ...]:
    """The positions after an order's fill, in the order of their first fills."""
    if order.side is None or order.fill_price is None:
        return positions
    known = {one.symbol: one for one in positions}
    before = known.get(order.symbol) or _flat(order)
    signed = Decimal(order.side.sign * order.filled_quantity)
    change = apply_trade(before, signed, order.fill_price, time_of(order.tick))
    return tuple({**known, order.symbol: change.position}.values())


def _flat(order: DemoOrder) -> Position:
    return Position(
        position_id=f"{ACCOUNT}:{order.symbol}",
        account_id=ACCOUNT,
        symbol=order.symbol,
        multiplier=point_value_of(order.symbol),
        tx_equivalent=ratio_of(order.symbol),
        currency=Currency.TWD,
        updated_at=time_of(order.tick),
    )


def portfolio_of(session: DemoSession) -> DemoPortfolio:
    """The account at the quotes of the session's tick."""
    values = tuple(_value(one, session) for one in session.positions)
    realized = _sum(one.realized_pnl for one in session.positions)
    opened = _sum(value.unrealized_pnl for value in values)
    own = next((value for value in values if value.symbol == session.symbol), None)
    return DemoPortfolio(
        symbol=session.symbol,
        position=Decimal(0) if own is None else own.quantity,
        average_price=None if own is None else own.average_price,
        mark_price=session.quote.last,
        cash=OPENING_CASH + realized,
        realized_pnl=realized,
        unrealized_pnl=opened,
        equity=OPENING_CASH + realized + opened,
        positions=values,
    )


def _value(position: Position, session: DemoSession) -> PositionValue:
    mark = _mark(session.quote_of(position.symbol), session.tick)
    return value_position(position, mark, time_of(session.tick), 0)


def _mark(quote: DemoQuote, tick: int) -> Mark:
    return Mark(symbol=quote.symbol, price=quote.last, seen_at=time_of(tick), source="demo")


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
