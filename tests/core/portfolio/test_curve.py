"""Equity, drawdown and exposure over time."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.portfolio.curve import CurvePoint, equity_curve
from counterseal.portfolio.model import InstrumentKind
from counterseal.portfolio.settlement import SettlementPrice
from counterseal.portfolio.terms import BookTerms, DailySettlement, ProfitBasis
from counterseal.portfolio.trades import taken_back
from counterseal.portfolio.valuation import Mark, value_account
from tests.core.portfolio.room import DAY, FREE, NOW, SYMBOL, Room, Step, steps, trade

terms = st.builds(
    BookTerms,
    profit_by=st.sampled_from(ProfitBasis),
    daily_settlement=st.sampled_from(DailySettlement),
)


def mark(price: object, minutes: float) -> Mark:
    at = NOW + timedelta(minutes=minutes)
    return Mark(symbol=SYMBOL, price=Decimal(str(price)), seen_at=at, source="tape")


def curve(room: Room, *marks: Mark) -> list[CurvePoint]:
    return [*equity_curve(room.account, room.trades, room.entries, marks)]


def test_equity_drawdown_and_exposure_follow_fills_and_marks() -> None:
    """Trading part 6: long 2 MTX @20000, marks 20010, 19980, then flipped short 2 @19990."""
    room = Room(rates=FREE).ran((2, 20000), (-4, 19990))
    room.trades[1] = room.trades[1]._replace(at=NOW + timedelta(minutes=4))
    room.entries = [e.amended(at=NOW + timedelta(minutes=4)) for e in room.entries]
    points = curve(room, mark(20010, 2), mark(19980, 3), mark(19990, 4), mark(19980, 5))

    assert [point.equity - 1_000_000 for point in points] == [0, 1000, -2000, -1000, 0]
    assert [point.drawdown for point in points] == [0, 0, 3000, 2000, 1000]
    assert [point.exposure_tx_equivalent for point in points] == [
        *(Decimal("0.5"), Decimal("0.5"), Decimal("0.5")),
        *(Decimal("-0.5"), Decimal("-0.5")),
    ]
    assert {point.gross_tx_equivalent for point in points} == {Decimal("0.5")}
    assert points[2].drawdown_fraction == Decimal("0.00299700")
    assert [point.unmarked for point in points] == [1, 0, 0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(steps, terms, st.sampled_from(InstrumentKind))
def test_i1_i2_the_last_point_is_the_valuation_of_the_account(
    rows: list[Step], how: BookTerms, kind: InstrumentKind
) -> None:
    """AS-20, US-C10: cash + market value, counted in two ways, in whatever terms."""
    room = Room(how, kind).ran(*rows)
    if kind is InstrumentKind.FUTURE:
        room.settle(
            SettlementPrice(symbol=SYMBOL, price=Decimal(20001), source="x", trading_day=DAY)
        )
    last = mark(20004, 60 * 24)
    *_, point = curve(room, last)
    value = value_account(room.account, [room.position], [last], now=last.seen_at)

    assert (point.equity, point.cash) == (value.equity, value.cash)
    assert point.market_value == value.market_value
    assert point.costs == value.costs
    assert point.exposure_tx_equivalent == room.position.exposure_tx_equivalent
    assert point.equity == point.cash + point.market_value


@settings(max_examples=60, deadline=None)
@given(steps, st.lists(st.integers(19_980, 20_020), max_size=6))
def test_i4_drawdown_is_measured_from_the_highest_equity_so_far(
    rows: list[Step], prices: list[int]
) -> None:
    """Trading part 6: the opening cash is the first peak."""
    room = Room().ran(*rows)
    highest = Decimal(1_000_000)
    for point in curve(room, *(mark(p, place + 0.5) for place, p in enumerate(prices))):
        highest = max(highest, point.equity)
        assert (point.peak, point.drawdown) == (highest, highest - point.equity)


def test_i3_a_symbol_without_a_mark_keeps_the_price_of_its_last_trade() -> None:
    """PM-27: the last price is kept, and how many such symbols there are is told."""
    points = curve(Room(rates=FREE).ran((1, 20000), (1, 20010)))

    assert [point.equity - 1_000_000 for point in points] == [0, 500]
    assert [point.unmarked for point in points] == [1, 1]
    assert curve(Room()) == []


def test_a_fill_that_was_taken_back_leaves_the_curve_from_then_on() -> None:
    """Trading part 6, row 4: until the reversal it was held, and the curve says so."""
    one = trade(2, 20000)
    back = taken_back(one, NOW + timedelta(minutes=3))
    points = [*equity_curve(Room().account, [one, back], [], [mark(20010, 2)])]

    assert [point.exposure_tx_equivalent for point in points] == [
        *(Decimal("0.5"), Decimal("0.5"), Decimal(0))
    ]
    assert [point.equity for point in points] == [999_935, 1_000_935, 1_000_000]
