"""A day's statement, counted back from the books as they are now (MB-E4)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from counterseal.portfolio.curve import equity_curve
from counterseal.portfolio.day_statement import (
    DayBooks,
    DayEnded,
    DayStatement,
    state_day,
)
from counterseal.portfolio.model import InstrumentKind
from counterseal.portfolio.settlement import SettlementPrice
from counterseal.portfolio.terms import BookTerms, DailySettlement, LotMethod, ProfitBasis
from counterseal.portfolio.trades import taken_back
from counterseal.portfolio.valuation import Mark, value_account
from tests.core.portfolio.room import DAY, FREE, NOW, SYMBOL, Room, Step, steps

END = NOW + timedelta(hours=4)
MARK = Mark(symbol=SYMBOL, price=Decimal(20004), seen_at=NOW + timedelta(hours=3), source="tape")
TODAY = DayEnded(DAY, END, END)
terms = st.builds(
    BookTerms,
    lot_method=st.sampled_from(LotMethod),
    profit_by=st.sampled_from(ProfitBasis),
    daily_settlement=st.sampled_from(DailySettlement),
)


def stated(room: Room, *marks: Mark, trades: int = 0, entries: int = 0) -> DayStatement:
    """The statement before so many of the last trades and entries."""
    books = DayBooks(
        room.account,
        (room.position,),
        tuple(room.trades[len(room.trades) - trades :]),
        tuple(room.entries[len(room.entries) - entries :]),
    )
    return state_day(books, {mark.symbol: mark for mark in marks}, TODAY)


@settings(max_examples=60, deadline=None)
@given(steps, steps, terms, st.sampled_from(InstrumentKind))
def test_i1_i2_a_day_counted_back_is_the_day_as_it_was(
    rows: list[Step], later: list[Step], how: BookTerms, kind: InstrumentKind
) -> None:
    """Whatever was booked since: cash, equity, costs and contracts are those of then."""
    room = Room(how, kind).ran(*rows)
    then = value_account(room.account, [room.position], [MARK], now=END)
    size, entries = len(room.trades), len(room.entries)
    if kind is InstrumentKind.FUTURE:
        room.settle(
            SettlementPrice(symbol=SYMBOL, price=Decimal(20001), source="x", trading_day=DAY)
        )
    room.ran(*later)
    told = stated(room, MARK, trades=len(room.trades) - size, entries=len(room.entries) - entries)

    assert (told.cash, told.equity) == (then.cash, then.equity)
    assert (told.market_value, told.costs) == (then.market_value, then.costs)
    assert told.equity == told.cash + told.market_value
    held = [(p.symbol, p.quantity) for p in then.positions if p.quantity]
    assert [(p.symbol, p.quantity) for p in told.positions] == held


@settings(max_examples=60, deadline=None)
@given(steps, terms)
def test_i2_the_statement_of_now_is_the_last_point_of_the_curve(
    rows: list[Step], how: BookTerms
) -> None:
    """Two ways to count: forward from the fills, and back from the books."""
    room = Room(how).ran(*rows)
    *_, point = equity_curve(room.account, room.trades, room.entries, [MARK])
    told = stated(room, MARK)

    assert (told.equity, told.cash, told.costs) == (point.equity, point.cash, point.costs)


def test_a_fill_that_is_taken_back_later_was_held_then() -> None:
    """Trading part 6, row 4: the reversal counts on its own day."""
    room = Room(rates=FREE).ran((2, 20000))
    back = taken_back(room.trades[0], END)
    room.ran((-2, 20000))
    books = DayBooks(room.account, (room.position,), (back,), ())
    [held] = state_day(books, {SYMBOL: MARK}, TODAY).positions

    assert (held.quantity, held.profit) == (Decimal(2), Decimal(400))
    assert (held.price, held.price_at, held.price_source) == (MARK.price, MARK.seen_at, "tape")


def test_i3_a_position_without_a_price_stays_in_at_its_cost() -> None:
    """PM-27: never dropped, never guessed."""
    told = stated(Room(rates=FREE).ran((2, 20000)))
    [held] = told.positions

    assert {held.price, held.price_at, held.price_source} == {None}
    assert held.profit == 0
    assert (told.equity, told.market_value) == (Decimal(1_000_000), Decimal(0))
    room = Room(rates=FREE).ran((2, 20000), (-2, 20010))
    [unknown] = stated(room, trades=1, entries=1).positions
    assert (unknown.quantity, unknown.price, unknown.profit) == (Decimal(2), None, Decimal(0))


def test_a_statement_that_does_not_add_up_is_none() -> None:
    """I1, negative; and its key names account and day."""
    told = stated(Room().ran((1, 20000)), MARK)

    assert told.key == f"acc_1:{DAY}"
    for wrong in ({"cash": told.cash + 1}, {"trading_day": "2026-01-06"}):
        with pytest.raises(ValidationError):
            told.amended(**wrong)
