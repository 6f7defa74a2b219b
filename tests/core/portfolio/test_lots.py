"""Which opening a closing trade closes, and what each lot realized."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.kernel.errors import InvariantError
from counterseal.portfolio.books import Books, post_trade
from counterseal.portfolio.invariants import check_lots
from counterseal.portfolio.lots import lot_numbers
from counterseal.portfolio.terms import BookTerms, LotMethod, ProfitBasis
from counterseal.portfolio.trades import closing_part
from tests.core.portfolio.room import FREE, NOW, Room, Step, seen, steps, trade

methods = st.sampled_from(LotMethod)


def room(method: LotMethod = LotMethod.FIFO, basis: ProfitBasis = ProfitBasis.LOTS) -> Room:
    return Room(BookTerms(lot_method=method, profit_by=basis), rates=FREE)


@settings(max_examples=80, deadline=None)
@given(steps, methods)
def test_i1_open_lots_sum_to_the_position(rows: list[Step], method: LotMethod) -> None:
    """TL-6: after every trade, by any method."""
    books = room(method)
    for row in rows:
        books.ran(row)
        assert check_lots(books.position, books.lots.values()) == ()


@pytest.mark.parametrize("sign", [1, -1])
def test_i2_a_flip_closes_every_lot_and_opens_one(sign: int) -> None:
    """TL-6, AS-10: from long to short and from short to long."""
    books = room().ran((sign, 20000), (sign, 20010), (-5 * sign, 20020))

    assert books.open_lots() == [(3, Decimal(-3 * sign), Decimal(20020))]
    assert [c.quantity for c in books.closings] == [sign, sign]
    assert [c.realized_pnl for c in books.closings] == [1000 * sign, 500 * sign]
    assert (books.position.first_lot, books.position.next_lot) == (3, 4)


def test_a_reduce_takes_the_oldest_lot_first_and_a_part_of_the_next() -> None:
    """TL-6: lots of 2 @20000 and 2 @20010; sell 3 @20030 realizes 3,000 + 1,000."""
    books = room().ran((2, 20000), (2, 20010), (-3, 20030))

    assert [
        seen(c.lot_id[-1], c.quantity, c.basis_price, c.realized_pnl) for c in books.closings
    ] == [
        ("1", 2, 20000, 3000),
        ("2", 1, 20010, 1000),
    ]
    assert books.open_lots() == [(2, Decimal(1), Decimal(20010))]
    assert [lot.realized_pnl for lot in books.lots.values()] == [3000, 1000]
    assert {c.closed_by for c in books.closings} == {"fil_3"}


def test_the_profit_by_lots_and_the_one_by_average_cost_are_both_known() -> None:
    """TL-6: 1 @20000 and 1 @20010; sell 1 @20030: 1,500 by lots, 1,250 by average cost."""
    rows: tuple[Step, ...] = ((1, 20000), (1, 20010), (-1, 20030))
    by_lots, by_average = room().ran(*rows), room(basis=ProfitBasis.AVERAGE_COST).ran(*rows)

    for books in (by_lots, by_average):
        assert seen(books.position.lot_realized_pnl, books.position.realized_pnl) == (1500, 1250)
    assert seen(by_lots.account.realized_pnl, by_lots.account.cash) == (1500, 1_001_500)
    assert seen(by_average.account.realized_pnl, by_average.account.cash) == (1250, 1_001_250)


@settings(max_examples=80, deadline=None)
@given(steps, methods)
def test_i3_flat_again_the_lots_realized_received_less_paid(
    rows: list[Step], method: LotMethod
) -> None:
    """TL-6: no rounding and no order of lots stays behind."""
    held = sum(quantity for quantity, _ in rows)
    closed = [*rows, (-held, 20000)] if held else rows
    books = room(method).ran(*closed)
    received = -50 * sum(quantity * int(str(price)) for quantity, price in closed)

    assert books.position.lot_realized_pnl == books.position.realized_pnl == received
    assert sum(c.realized_pnl for c in books.closings) == received
    assert seen(books.position.lot_cost_sum, books.open_lots()) == (0, [])


@settings(max_examples=60, deadline=None)
@given(steps)
def test_any_split_of_a_fill_gives_the_same_profit_by_lots(rows: list[Step]) -> None:
    """TX-C12 [D]: contract by contract is the same as whole."""
    single: list[Step] = [(1 if q > 0 else -1, p) for q, p in rows for _ in range(abs(q))]
    whole, split = room().ran(*rows), room().ran(*single)

    assert whole.position.lot_realized_pnl == split.position.lot_realized_pnl
    assert whole.position.lot_cost_sum == split.position.lot_cost_sum
    assert whole.account.cash == split.account.cash


def test_i4_a_method_is_an_order_of_lot_numbers() -> None:
    """TL-6: the youngest first is the same range from its other end."""
    position = room().ran((1, 20000), (1, 20010), (1, 20020), (-1, 20000)).position

    assert list(lot_numbers(position, LotMethod.FIFO)) == [2, 3]
    assert list(lot_numbers(position, LotMethod.LIFO)) == [3, 2]
    assert room(LotMethod.LIFO).ran((1, 20000), (1, 20010), (-1, 20010)).open_lots() == [
        (1, Decimal(1), Decimal(20000))
    ]


def test_i4_a_closing_trade_reads_no_lot_behind_those_it_closes() -> None:
    """TL-6: the cost of a trade does not grow with what was bought and sold before."""
    books = room().ran(*[(1, 20000)] * 50)
    assert books.read == 0

    books.ran(*[(-1, 20001)] * 20)

    assert books.read == 20


def test_a_position_that_holds_more_than_its_lots_is_a_bug_and_is_said() -> None:
    """TL-6: a closing trade never invents a basis."""
    books = room().ran((2, 20000))
    short_of_lots = Books(books.account, books.position, (), None)

    with pytest.raises(InvariantError, match="more than its lots"):
        post_trade(short_of_lots, trade(-1, 20000, 2, FREE), NOW)


@pytest.mark.parametrize(
    ("held", "traded", "closing"),
    [(0, 3, 0), (2, 3, 0), (2, -1, -1), (2, -3, -2), (-2, -1, 0), (-2, 1, 1), (-2, 3, 2)],
)
def test_what_closes_is_the_smaller_of_the_two_and_only_against_what_is_held(
    held: int, traded: int, closing: int
) -> None:
    """TL-6: adding, reducing, flipping, from both sides."""
    assert closing_part(Decimal(held), Decimal(traded)) == closing


def test_a_lot_that_holds_more_than_it_opened_is_no_lot() -> None:
    """TL-6: neither more, nor the other side."""
    [lot] = room().ran((2, 20000)).lots.values()

    for left in (3, -1):
        with pytest.raises(ValueError, match="between nothing and its opening"):
            lot.amended(remaining_quantity=left)
    assert isinstance(lot.amended(remaining_quantity=0), type(lot))
