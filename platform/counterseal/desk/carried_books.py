"""What closed trading days of an account added up to, when they were compared last.

Job: load the books of an account, whole or from the day on that nobody carried yet.

A comparison needs every entry and fill of an account, and a closed day has no new ones. So a clean
comparison carries the sums of the days before the present one, with how many rows they were; the
next one reads the days since, counts all rows, and reads everything again when the counts differ.

Invariants
  I1  Sums are carried only from a comparison that found nothing at all about the account.
  I2  They count only while all rows of the account are as many as were carried and read: a late
      booking, a reversal told for an older day or a purge is never missed.

Not here: comparing (desk.comparing), when and for whom (desk.account_reconciling).
Source: trading reference parts 3.3 and 6.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Final, NamedTuple, Protocol, TypeVar

from pydantic import Field

from counterseal.broker.model import Fill
from counterseal.desk.ports import D, Reader, newest_of
from counterseal.desk.risk_facts import open_orders
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, DomainModel, Name
from counterseal.kernel.money import Exact
from counterseal.oms.model import Order, OutboxEntry
from counterseal.portfolio.invariants import NO_TRADES, CarriedSums, ledger_sums, trade_sums
from counterseal.portfolio.lots import Lot, lot_id
from counterseal.portfolio.model import Account, LedgerEntry, Position
from counterseal.portfolio.reversal import FillReversal
from counterseal.portfolio.settlement import Settlement
from counterseal.portfolio.trades import BookedTrade, taken_back, trade_of

_ASKED_MAX: Final = 500
"""Keys that one question names."""

_NEVER: Final = "0"
"""Before every day."""


class _Dated(Protocol):
    """What counts on a trading day."""

    @property
    def trading_day(self) -> str:
        """`YYYY-MM-DD`."""


_T = TypeVar("_T", bound=_Dated)


class CarriedPosition(DomainModel):
    """Signed contracts and fees of a position's closed days."""

    position_id: Name
    quantity: Exact
    fees: Exact


class CarriedBooks(Document):
    """The closed days of one account, added up. Amounts in its currency.

    Attributes:
        through_day: The last of these trading days (`YYYY-MM-DD`).
        cash, costs, tax: What their ledger entries sum to; tax is among the costs.
        entries, fills, settlements, reversals: How many rows they were.
        run_id: The comparison that found nothing.
    """

    KIND: ClassVar[str] = "carried_books"
    KEY: ClassVar[str] = "account_id"

    account_id: Name
    through_day: Name
    cash: Exact = Decimal(0)
    costs: Exact = Decimal(0)
    tax: Exact = Decimal(0)
    positions: tuple[CarriedPosition, ...] = ()
    entries: int = Field(default=0, ge=0)
    fills: int = Field(default=0, ge=0)
    settlements: int = Field(default=0, ge=0)
    reversals: int = Field(default=0, ge=0)
    run_id: Name
    at: UtcDatetime

    @property
    def sums(self) -> CarriedSums:
        """What the ledger of these days sums to."""
        return CarriedSums(self.cash, self.costs, self.tax)

    def before(self, position_id: str) -> tuple[Decimal, Decimal]:
        """Contracts and fees of a position from these days."""
        found = (one for one in self.positions if one.position_id == position_id)
        return next(((one.quantity, one.fees) for one in found), NO_TRADES)


class BookFacts(NamedTuple):
    """The books of one account.

    Attributes:
        trades: Fills, settlements and what reversals took back: what positions count.
        caused: Fills and settlements, reversed ones too: what the ledger has costs of.
        fills, settlements, reversals: The rows that these were made from.
        carried: What the days before add up to; None when everything is here.
    """

    account: Account
    positions: tuple[Position, ...]
    lots: tuple[Lot, ...]
    entries: tuple[LedgerEntry, ...]
    trades: tuple[BookedTrade, ...]
    caused: tuple[BookedTrade, ...]
    fills: tuple[Fill, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    reversals: tuple[FillReversal, ...] = ()
    carried: CarriedBooks | None = None


class DeskFacts(NamedTuple):
    """Orders, the messages about them, and fills, as the desk has them."""

    orders: tuple[Order, ...]
    messages: tuple[OutboxEntry, ...]
    fills: tuple[Fill, ...]


def load_books(
    reader: Reader, account: Account, sessions: Sequence[date], *, whole: bool
) -> BookFacts:
    """The books of an account: those since the carried days, or all of them.

    Args:
        reader: One moment of the store.
        account: Whose they are.
        sessions: Trading days up to the present one, in order; without any, everything is read.
        whole: Whether to read everything, whatever was carried.
    """
    carried = None if whole or not sessions else reader.get(CarriedBooks, account.account_id)
    if carried is not None:
        days = tuple(one.isoformat() for one in sessions)
        since = days[bisect_right(days, carried.through_day) :]
        books = books_of_days(reader, account, carried, since)
        if _counts(reader, account.account_id) == _counted(books, carried):
            return books
    return books_of_days(reader, account, None, None)


def desk_facts(reader: Reader, books: Sequence[BookFacts], *, whole: bool) -> DeskFacts:
    """Orders and fills that a comparison is about: all of them, or those since the carried days.

    Since then are: orders that may still fill or were created since, the fills of the books, and
    what belongs together of both.
    """
    carried = [one.carried.at for one in books if one.carried is not None]
    if whole or not carried or len(carried) < len(books):
        return DeskFacts(reader.find(Order), reader.find(OutboxEntry), reader.find(Fill))
    fills = {fill.fill_id: fill for one in books for fill in one.fills}
    orders = {o.order_id: o for o in (*open_orders(reader), *_created(reader, min(carried)))}
    named = {fill.order_id for fill in fills.values()} - orders.keys()
    orders |= {one.order_id: one for one in asked_in_parts(reader, Order, Order.KEY, named)}
    met = asked_in_parts(reader, Fill, Order.KEY, orders)
    fills |= {fill.fill_id: fill for fill in met}
    return DeskFacts(tuple(orders.values()), (), tuple(fills.values()))


def _created(reader: Reader, since: datetime) -> Iterator[Order]:
    """Orders that were created at `since` (UTC) or later; few others are read on the way."""
    limit = 1
    found = newest_of(reader, Order, "created_at", limit)
    while len(found) == limit and found[-1].created_at >= since:
        limit *= 4
        found = newest_of(reader, Order, "created_at", limit)
    return (order for order in found if order.created_at >= since)


def carry(
    books: BookFacts, sessions: Sequence[date], run_id: str, now: datetime
) -> CarriedBooks | None:
    """The sums of every day before the present one, after a comparison that found nothing.

    Args:
        books: As they were compared.
        sessions: Trading days up to the present one, in order.
        run_id: The comparison.
        now: UTC.

    Returns:
        None when no day was closed since they were carried last.
    """
    through = sessions[-2].isoformat() if len(sessions) > 1 else _NEVER
    known = books.carried or CarriedBooks(
        account_id=books.account.account_id, through_day=_NEVER, run_id=run_id, at=now
    )
    if known.through_day >= through:
        return None
    entries = _until(books.entries, through)
    return known.amended(
        through_day=through,
        **ledger_sums(entries, known.sums)._asdict(),
        positions=tuple(_positions(books, known, through)),
        entries=known.entries + len(entries),
        fills=known.fills + len(_until(books.fills, through)),
        settlements=known.settlements + len(_until(books.settlements, through)),
        reversals=known.reversals + len(_until(books.reversals, through)),
        run_id=run_id,
        at=now,
    )


def sessions_until(sessions: Sequence[date], day: date) -> Sequence[date]:
    """The trading days up to `day`; `sessions` in order."""
    return sessions[: bisect_left(sessions, day) + 1]


def asked_in_parts(reader: Reader, kind: type[D], field: str, values: Iterable[str]) -> Iterator[D]:
    """Documents whose field has one of these values, in few questions."""
    names = sorted(set(values))
    for start in range(0, len(names), _ASKED_MAX):
        yield from reader.find(kind, **{field: tuple(names[start : start + _ASKED_MAX])})


def books_of_days(
    reader: Reader, account: Account, carried: CarriedBooks | None, days: tuple[str, ...] | None
) -> BookFacts:
    """What was booked for an account on these trading days, or ever; positions as they are now.

    Args:
        reader: One moment of the store.
        account: Whose books they are.
        carried: What the days before add up to, when that is known.
        days: Trading days (`YYYY-MM-DD`); None for all.
    """
    name = account.account_id
    asked = {"account_id": name} if days is None else {"account_id": name, "trading_day": days}
    fills = reader.find(Fill, **asked)
    settlements, reversals = reader.find(Settlement, **asked), reader.find(FillReversal, **asked)
    positions = reader.find(Position, account_id=name)
    endings = (one.ending for one in settlements)
    caused = (*map(trade_of, fills), *(ending for ending in endings if ending is not None))
    return BookFacts(
        account=account,
        positions=positions,
        lots=reader.find(Lot, account_id=name) if days is None else _open_lots(reader, positions),
        entries=reader.find(LedgerEntry, **asked),
        trades=(*caused, *_taken_back(reader, fills, reversals)),
        caused=caused,
        fills=fills,
        settlements=settlements,
        reversals=reversals,
        carried=carried,
    )


def _taken_back(
    reader: Reader, fills: Iterable[Fill], reversals: Iterable[FillReversal]
) -> Iterator[BookedTrade]:
    """What reversals took back, on the day on which they count; none of a fill that is gone."""
    known = {fill.fill_id: fill for fill in fills}
    for reversal in reversals:
        fill = known.get(reversal.fill_id) or reader.get(Fill, reversal.fill_id)
        if fill is not None:
            back = taken_back(trade_of(fill), reversal.at)
            yield back._replace(trading_day=reversal.trading_day)


def _open_lots(reader: Reader, positions: Iterable[Position]) -> tuple[Lot, ...]:
    ids = (
        lot_id(one.position_id, number)
        for one in positions
        for number in range(one.first_lot, one.next_lot)
    )
    return tuple(asked_in_parts(reader, Lot, Lot.KEY, ids))


def _counts(reader: Reader, account_id: str) -> tuple[int, ...]:
    kinds = (LedgerEntry, Fill, Settlement, FillReversal)
    return tuple(reader.count(kind, account_id=account_id) for kind in kinds)


def _counted(books: BookFacts, carried: CarriedBooks) -> tuple[int, ...]:
    return (
        carried.entries + len(books.entries),
        carried.fills + len(books.fills),
        carried.settlements + len(books.settlements),
        carried.reversals + len(books.reversals),
    )


def _positions(books: BookFacts, known: CarriedBooks, through: str) -> Iterator[CarriedPosition]:
    closed: dict[str, list[BookedTrade]] = {one.position_id: [] for one in known.positions}
    for trade in _until(books.trades, through):
        closed.setdefault(trade.position_id, []).append(trade)
    for name in sorted(closed):
        quantity, fees = trade_sums(closed[name], known.before(name))
        yield CarriedPosition(position_id=name, quantity=quantity, fees=fees)


def _until(rows: Iterable[_T], day: str) -> list[_T]:
    return [row for row in rows if row.trading_day <= day]
