"""Taking a fill back, and correcting it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.portfolio.books import Books
from counterseal.portfolio.invariants import check_cash, check_lots, check_position
from counterseal.portfolio.model import InstrumentKind, Position
from counterseal.portfolio.reversal import Asked, Counted, FillReversal, recounted, reverse_fill
from counterseal.portfolio.settlement import SettlementPrice
from counterseal.portfolio.terms import BookTerms, DailySettlement, LotMethod, ProfitBasis
from tests.core.portfolio.room import DAY, FREE, NOW, SYMBOL, Room, Step, seen, steps, trade

LATER = NOW + timedelta(days=1)
NEXT_DAY = "2026-01-06"
terms = st.builds(
    BookTerms,
    lot_method=st.sampled_from(LotMethod),
    profit_by=st.sampled_from(ProfitBasis),
    daily_settlement=st.sampled_from(DailySettlement),
)


def taken_back(room: Room, place: int, day: str = NEXT_DAY) -> FillReversal:
    """Take back the trade at a place, on a later day."""
    trade = room.trades.pop(place)
    history: list[Counted] = sorted([*room.trades, *room.settlements], key=lambda step: step.at)
    books = room.books()._replace(day=room.day if day == DAY else None)
    told, posting = reverse_fill(books, history, Asked(trade, "bust", "op", day), LATER)
    room.keep(posting)
    return told


def amounts(position: Position) -> tuple[object, ...]:
    return (
        *(position.quantity, position.average_price, position.cost_sum, position.realized_pnl),
        *(position.lot_cost_sum, position.lot_realized_pnl, position.fees),
    )


def test_a_busted_opening_leaves_what_the_other_fills_make() -> None:
    """Trading part 6, row 4: 1 @20000, 1 @20010; without the first the average is 20010."""
    room = Room().ran((1, 20000), (1, 20010))
    told = taken_back(room, 0)

    assert seen(room.position.quantity, room.position.average_price) == (1, 20010)
    assert seen(told.realized_change, told.costs_returned) == (0, Decimal("32.5"))
    assert room.account.cash == 1_000_000 - Decimal("32.5")
    assert room.open_lots() == [(3, Decimal(1), Decimal(20010))]
    assert [lot.voided_by for lot in room.lots.values()] == ["fil_1:reversal"] * 2 + [None]


def test_a_busted_closing_opens_the_position_again_and_takes_its_profit_back() -> None:
    """Trading part 6, row 4: by new entries; nothing that was booked changes."""
    room = Room().ran((2, 20000), (-1, 20010))
    before = list(room.entries)
    told = taken_back(room, 1)

    assert seen(told.realized_change, room.position.quantity, room.account.realized_pnl) == (
        -500,
        2,
        0,
    )
    assert room.entries[: len(before)] == before
    new = room.entries[len(before) :]
    assert [(e.kind, e.debit_account, e.credit_account) for e in new] == [
        ("reversal", "realized_pnl", "cash"),
        ("transaction", "cash", "cost:transaction"),
        ("clearing", "cash", "cost:clearing"),
        ("tax", "cash", "cost:tax"),
    ]
    assert {(e.trading_day, e.cause_id) for e in new} == {(NEXT_DAY, "fil_2:reversal")}
    assert room.day is not None
    assert (room.day.trading_day, room.day.costs) == (NEXT_DAY, Decimal("-32.5"))
    assert room.day.net_realized == -500 + Decimal("32.5")


def test_a_correction_is_a_reversal_and_a_new_fill() -> None:
    """Trading part 3, Trade Correct G: sold at 20011, not at 20010."""
    room = Room(rates=FREE).ran((2, 20000), (-1, 20010))
    taken_back(room, 1)
    room.day = None
    room.book(trade(-1, 20011, 9, FREE))

    assert seen(room.position.quantity, room.account.realized_pnl) == (1, 550)
    assert check_lots(room.position, room.lots.values()) == ()


def test_a_stock_gives_its_price_back_to_cash() -> None:
    """US-C10: a paid instrument that was never bought has cost nothing."""
    room = Room(kind=InstrumentKind.PAID, multiplier=1, cash=1000).ran((10, 100))
    assert room.account.cash < 0

    taken_back(room, 0)

    assert seen(room.account.cash, room.position.quantity) == (1000, 0)


@settings(max_examples=80, deadline=None)
@given(steps.filter(bool), terms, st.data(), st.sampled_from(InstrumentKind))
def test_i1_i2_afterwards_the_books_are_those_of_the_remaining_fills(
    rows: list[Step], how: BookTerms, data: st.DataObject, kind: InstrumentKind
) -> None:
    """Trading part 6, row 4: whatever is taken back, settled or not, in whatever terms."""
    room, place = Room(how, kind).ran(*rows), data.draw(st.integers(0, len(rows) - 1))
    told = SettlementPrice(symbol=SYMBOL, price=Decimal(20003), source="x", trading_day=DAY)
    settled = kind is InstrumentKind.FUTURE and data.draw(st.booleans())
    if settled:
        room.settle(told)
    taken_back(room, place)
    plain = Room(how, kind)
    for one in room.trades:
        plain.book(one)
    if settled:
        plain.settle(told)

    assert amounts(room.position) == amounts(plain.position)
    assert room.account.cash == plain.account.cash
    assert room.account.realized_pnl == plain.account.realized_pnl
    assert [lot[1:] for lot in room.open_lots()] == [lot[1:] for lot in plain.open_lots()]
    assert check_lots(room.position, room.lots.values()) == ()
    assert check_cash(room.account, room.entries) == ()
    assert check_position(room.position, room.trades) == ()


def test_i3_lots_that_are_closed_already_stay_as_they_are() -> None:
    """Trading part 6, row 4: a lot's history is not rewritten."""
    room = Room(rates=FREE).ran((1, 20000), (-1, 20010), (2, 20020))
    first = room.lots["acc_1:MTX202601:000000001"]
    taken_back(room, 2)

    assert room.lots["acc_1:MTX202601:000000001"] == first
    assert first.voided_by is None
    assert room.open_lots() == []


@pytest.mark.parametrize("method", list(LotMethod))
def test_a_recount_of_everything_gives_the_position_as_it_stands(method: LotMethod) -> None:
    """Trading part 6: counting again is counting the same."""
    rows: tuple[Step, ...] = ((2, 20000), (1, 20010), (-2, 20030), (-4, 20020), (1, 20000))
    room = Room(BookTerms(lot_method=method)).ran(*rows)
    books: Books = room.books()
    again = recounted(room.position, room.trades, books.account, LATER)

    assert amounts(again.position) == amounts(room.position)
    assert [lot.number for lot in again.lots] == [number for number, *_ in room.open_lots()]
