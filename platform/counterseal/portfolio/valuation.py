"""What an account is worth.

Job: equity = cash + market value, at one time, with the age of each mark. Pure.

Invariants
  I1  Equity is cash plus market value in every view.
  I2  A future is worth its open profit or loss, never its notional.
  I3  A missing or old price is kept, with its age and a warning; it is never dropped or guessed.
  I4  Realized and open profit are of one basis, the account's; their sum is that of either basis.
  I5  One valuation has one mark source; a price of another is the last one known, and says so.

Not here: where marks come from (market), realized profit (portfolio.positions).
Source: trading reference part 6; US-C10, PM-27, TX-C12.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from counterseal.kernel.clock import UtcDatetime, seconds_between
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import EXACT, Currency, Exact, NonNegative, Price
from counterseal.oms.model import average_price
from counterseal.portfolio.model import Account, InstrumentKind, Position
from counterseal.portfolio.terms import BookTerms, ProfitBasis


class Mark(DomainModel):
    """A price of one symbol (quote units) and the UTC instant it was seen."""

    symbol: Name
    price: Price
    seen_at: UtcDatetime
    source: Name


class PositionValue(DomainModel):
    """One position at one mark; amounts in its currency, age in seconds.

    Attributes:
        average_price: Of what is held, by the account's basis; half up to 8 places.
        mark_price: None when no price was ever seen; then the position is valued at its cost.
        realized_pnl: Before costs, by the account's basis. fees: fees and tax together.
        warning: `NO_PRICE`, `OLD_PRICE`, `OTHER_SOURCE` or empty.
    """

    symbol: Name
    quantity: Exact
    average_price: Price | None
    mark_price: Price | None
    mark_age_seconds: Exact | None
    mark_source: Name | None
    market_value: Exact
    unrealized_pnl: Exact
    realized_pnl: Exact
    fees: NonNegative
    warning: str


class Valuation(DomainModel):
    """An account at one instant (UTC), in one currency. Simulated, no performance claim.

    Attributes:
        mark_source: The source that was asked for; None when any would do.
        realized_pnl: Before costs, by the basis that `books` names. costs: fees and tax.
    """

    account_id: Name
    at: UtcDatetime
    currency: Currency
    books: BookTerms
    mark_source: Name | None
    cash: Exact
    market_value: Exact
    unrealized_pnl: Exact
    realized_pnl: Exact
    costs: NonNegative
    equity: Exact
    positions: tuple[PositionValue, ...]
    warnings: tuple[Name, ...]
    performance_claim: bool = False


def value_position(
    position: Position,
    mark: Mark | None,
    now: datetime,
    age_max_seconds: int,
    *,
    basis: ProfitBasis = ProfitBasis.AVERAGE_COST,
    source: str | None = None,
) -> PositionValue:
    """Value one position at the last mark known at `now` (UTC), its cost by a basis.

    Args:
        position: What is held.
        mark: The price; None values it at its cost.
        now: Instant of the valuation.
        age_max_seconds: A mark older than this warns.
        basis: Whose cost and realized profit count.
        source: Where marks should come from; None for anywhere.
    """
    by_lots = basis is ProfitBasis.LOTS
    cost_sum = position.lot_cost_sum if by_lots else position.cost_sum
    cost = EXACT.multiply(cost_sum, position.multiplier)
    notional = cost
    if mark is not None:
        points = EXACT.multiply(position.quantity, mark.price)
        notional = EXACT.multiply(points, position.multiplier)
    profit = EXACT.subtract(notional, cost)
    age = None if mark is None else seconds_between(mark.seen_at, now)
    return PositionValue(
        symbol=position.symbol,
        quantity=position.quantity,
        average_price=average_price(cost_sum, position.quantity)
        if by_lots
        else position.average_price,
        mark_price=None if mark is None else mark.price,
        mark_age_seconds=age,
        mark_source=None if mark is None else mark.source,
        market_value=profit if position.kind is InstrumentKind.FUTURE else notional,
        unrealized_pnl=profit,
        realized_pnl=position.lot_realized_pnl if by_lots else position.realized_pnl,
        fees=position.fees,
        warning=_warning(mark, age, age_max_seconds, source) if position.quantity else "",
    )


def _warning(
    mark: Mark | None, age: Decimal | None, age_max_seconds: int, source: str | None
) -> str:
    if mark is None or age is None:
        return "NO_PRICE"
    if age > age_max_seconds:
        return "OLD_PRICE"
    return "OTHER_SOURCE" if source not in (None, mark.source) else ""


def latest_marks(
    marks: Iterable[Mark], now: datetime, source: str | None = None
) -> dict[str, Mark]:
    """The youngest mark of each symbol that is not after now (UTC); of equals the last told.

    A mark of the `source` that is asked for goes before any other, however young that is.
    """
    known = [m for m in sorted(marks, key=_seen_at) if m.seen_at <= now]
    if source is not None:
        known.sort(key=lambda m: m.source == source)
    return {m.symbol: m for m in known}


def value_account(
    account: Account,
    positions: Iterable[Position],
    marks: Iterable[Mark],
    *,
    now: datetime,
    age_max_seconds: int = 60,
    source: str | None = None,
) -> Valuation:
    """Value an account at `now` (UTC) by its own basis. The youngest mark not after now counts.

    Args:
        account: The account; its terms name the basis.
        positions: Its positions.
        marks: Prices in quote units.
        now: Instant of the valuation.
        age_max_seconds: A mark older than this warns.
        source: The one mark source; None for any. Another's price is kept where it has none.

    Raises:
        InputError: `POSITION_OF_OTHER_ACCOUNT` when account or currency differ.
    """
    known, basis = latest_marks(marks, now, source), account.books.profit_by
    values: list[PositionValue] = []
    for position in positions:
        if (position.account_id, position.currency) != (account.account_id, account.currency):
            raise InputError(
                "POSITION_OF_OTHER_ACCOUNT",
                "the position has another account or currency",
                expected=f"{account.account_id} {account.currency}",
                got=f"{position.account_id} {position.currency}",
            )
        mark = known.get(position.symbol)
        values.append(
            value_position(position, mark, now, age_max_seconds, basis=basis, source=source)
        )
    market_value = sum((value.market_value for value in values), Decimal(0))
    return Valuation(
        account_id=account.account_id,
        at=now,
        currency=account.currency,
        books=account.books,
        mark_source=source,
        cash=account.cash,
        market_value=market_value,
        unrealized_pnl=sum((value.unrealized_pnl for value in values), Decimal(0)),
        realized_pnl=account.realized_pnl,
        costs=account.costs_paid,
        equity=EXACT.add(account.cash, market_value),
        positions=tuple(values),
        warnings=tuple(f"{v.warning}:{v.symbol}" for v in values if v.warning),
    )


def _seen_at(mark: Mark) -> datetime:
    return mark.seen_at
