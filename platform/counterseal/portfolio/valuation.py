"""What an account is worth.

Job: equity = cash + market value, at one time, with the age of each mark. Pure.

Invariants
  I1  Equity is cash plus market value in every view.
  I2  A future is worth its open profit or loss, never its notional.
  I3  A missing or old price is kept, with its age and a warning; it is never dropped or guessed.

Not here: where marks come from (market), realized profit (portfolio.positions).
Source: trading reference part 6; US-C10, PM-27, TX-C12.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from counterseal.kernel.clock import UtcDatetime, seconds_between
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import EXACT, Currency, Exact, Price
from counterseal.portfolio.model import Account, InstrumentKind, Position


class Mark(DomainModel):
    """A price of one symbol (quote units) and the UTC instant it was seen."""

    symbol: Name
    price: Price
    seen_at: UtcDatetime
    source: Name


class PositionValue(DomainModel):
    """One position at one mark; amounts in its currency, age in seconds.

    Attributes:
        mark_price: None when no price was ever seen; then the position is valued at its cost.
        warning: `NO_PRICE`, `OLD_PRICE` or empty.
    """

    symbol: Name
    quantity: Exact
    average_price: Price | None
    mark_price: Price | None
    mark_age_seconds: Exact | None
    market_value: Exact
    unrealized_pnl: Exact
    warning: str


class Valuation(DomainModel):
    """An account at one instant (UTC), in one currency. Simulated, no performance claim."""

    account_id: Name
    at: UtcDatetime
    currency: Currency
    cash: Exact
    market_value: Exact
    unrealized_pnl: Exact
    equity: Exact
    positions: tuple[PositionValue, ...]
    warnings: tuple[Name, ...]
    performance_claim: bool = False


def value_position(
    position: Position, mark: Mark | None, now: datetime, age_max_seconds: int
) -> PositionValue:
    """Value one position at the last mark known at `now` (UTC)."""
    age = None
    warning = "NO_PRICE" if position.quantity else ""
    cost = EXACT.multiply(position.cost_sum, position.multiplier)
    notional = cost
    if mark is not None:
        age = seconds_between(mark.seen_at, now)
        warning = "OLD_PRICE" if position.quantity and age > age_max_seconds else ""
        points = EXACT.multiply(position.quantity, mark.price)
        notional = EXACT.multiply(points, position.multiplier)
    profit = EXACT.subtract(notional, cost)
    return PositionValue(
        symbol=position.symbol,
        quantity=position.quantity,
        average_price=position.average_price,
        mark_price=None if mark is None else mark.price,
        mark_age_seconds=age,
        market_value=profit if position.kind is InstrumentKind.FUTURE else notional,
        unrealized_pnl=profit,
        warning=warning,
    )


def latest_marks(marks: Iterable[Mark], now: datetime) -> dict[str, Mark]:
    """The youngest mark of each symbol that is not after now (UTC); of equals the last told."""
    return {m.symbol: m for m in sorted(marks, key=_seen_at) if m.seen_at <= now}


def value_account(
    account: Account,
    positions: Iterable[Position],
    marks: Iterable[Mark],
    *,
    now: datetime,
    age_max_seconds: int = 60,
) -> Valuation:
    """Value an account at `now` (UTC). The youngest mark of a symbol not after now counts.

    Raises:
        InputError: `POSITION_OF_OTHER_ACCOUNT` when account or currency differ.
    """
    known = latest_marks(marks, now)
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
        values.append(value_position(position, mark, now, age_max_seconds))
    market_value = sum((value.market_value for value in values), Decimal(0))
    return Valuation(
        account_id=account.account_id,
        at=now,
        currency=account.currency,
        cash=account.cash,
        market_value=market_value,
        unrealized_pnl=sum((value.unrealized_pnl for value in values), Decimal(0)),
        equity=EXACT.add(account.cash, market_value),
        positions=tuple(values),
        warnings=tuple(f"{v.warning}:{v.symbol}" for v in values if v.warning),
    )


def _seen_at(mark: Mark) -> datetime:
    return mark.seen_at
