"""Equity and positions over the records of a pack.

Job: one point for each booking that a record tells of, thinned so that a drawing stays small.

Invariants
  I1  Equity is cash plus market value, as the core values an account, at the last price that the
      records name of each symbol: a fill's, or a recorded mark's.
  I2  A curve has at most `POINTS_MAX` points; the first and the last booking stay.

Not here: the drawing (evidence.report_charts), what equity means (portfolio.valuation).
Source: trading reference part 6.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar

from pydantic import ValidationError

from counterseal.broker.model import Fill
from counterseal.desk.market_watch import MarketMark
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Document
from counterseal.kernel.money import parse_exact
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.valuation import Mark, value_account

POINTS_MAX: Final = 400
CURVES_MAX: Final = 12
"""Most accounts that are drawn."""

D = TypeVar("D", bound=Document)


class Point(NamedTuple):
    """A value at an instant (UTC)."""

    at: datetime
    value: Decimal


class Curve(NamedTuple):
    """An account: equity in its currency, and contracts held of each symbol."""

    account_id: str
    currency: str
    equity: tuple[Point, ...]
    positions: tuple[tuple[str, tuple[Point, ...]], ...]


class _Series:
    """Points of one curve; when they are too many, every other one goes."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._last: Point | None = None
        self._stride = self._skipped = 0

    def take(self, point: Point) -> None:
        self._last = point
        self._skipped += 1
        if self._skipped <= self._stride:
            return
        self._skipped = 0
        self._points.append(point)
        if len(self._points) >= POINTS_MAX:
            self._points = self._points[::2]
            self._stride = 2 * self._stride + 1

    def points(self) -> tuple[Point, ...]:
        last = self._last
        tail = [] if last is None or self._points[-1:] == [last] else [last]
        return (*self._points, *tail)


class _Held:
    """One account as the records go along."""

    def __init__(self) -> None:
        self.currency = ""
        self.positions: dict[str, Position] = {}
        self.equity = _Series()
        self.contracts: dict[str, _Series] = {}


class AccountCurves:
    """Every account that the records book something for, the first `CURVES_MAX` of them."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._marks: dict[str, Mark] = {}
        self.unreadable = 0

    def take(self, recorded_at: str, grouped: Mapping[str, object]) -> None:
        """Look at the documents of one record."""
        if MarketMark.KIND in grouped:
            for mark in self._all(MarketMark, grouped):
                self._mark(mark.symbol, mark.price, mark.at)
        if Account.KIND not in grouped or Position.KIND not in grouped:
            return
        try:
            at = parse_utc(recorded_at)
        except ValueError:
            return
        fills = grouped.get(Fill.KIND)
        for fill in fills if isinstance(fills, list) else ():
            self._fill(fill, at)
        positions = self._all(Position, grouped)
        for account in self._all(Account, grouped):
            self._book(account, positions, at)

    def drawn(self) -> tuple[Curve, ...]:
        """The curves, in the order in which the accounts were first booked for."""
        return tuple(
            Curve(
                account_id=account_id,
                currency=held.currency,
                equity=held.equity.points(),
                positions=tuple((s, told.points()) for s, told in held.contracts.items()),
            )
            for account_id, held in self._held.items()
        )

    def _book(self, account: Account, positions: list[Position], at: datetime) -> None:
        held = self._held.get(account.account_id)
        if held is None:
            if len(self._held) >= CURVES_MAX:
                return
            held = self._held[account.account_id] = _Held()
        held.currency = account.currency
        for position in positions:
            if position.account_id == account.account_id:
                held.positions[position.symbol] = position
                series = held.contracts.setdefault(position.symbol, _Series())
                series.take(Point(at, position.quantity))
        known = [self._marks[symbol] for symbol in held.positions if symbol in self._marks]
        value = value_account(account, held.positions.values(), known, now=at)
        held.equity.take(Point(at, value.equity))

    def _fill(self, fill: object, at: datetime) -> None:
        if isinstance(fill, dict):
            try:
                self._mark(str(fill["symbol"]), parse_exact(fill["last_price"]), at)
            except (KeyError, ValueError):
                self.unreadable += 1

    def _mark(self, symbol: str, price: Decimal, at: datetime) -> None:
        self._marks[symbol] = Mark(symbol=symbol, price=price, seen_at=at, source="records")

    def _all(self, kind: type[D], grouped: Mapping[str, object]) -> list[D]:
        values = grouped.get(kind.KIND)
        found: list[D] = []
        for value in values if isinstance(values, list) else ():
            try:
                found.append(kind.model_validate_json(canonical_bytes(value)))
            except (InputError, ValidationError):
                self.unreadable += 1
        return found
