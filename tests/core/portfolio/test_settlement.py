"""Daily and final settlement of a future."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.kernel.errors import InputError
from counterseal.portfolio.costs import CostRates, settlement_lines
from counterseal.portfolio.invariants import check_cash, check_lots
from counterseal.portfolio.model import InstrumentKind
from counterseal.portfolio.settlement import (
    UNVERIFIED_AT_EXPIRY,
    SettlementKind,
    SettlementPrice,
    settle_finally,
)
from counterseal.portfolio.terms import BookTerms, DailySettlement, LotMethod, ProfitBasis
from counterseal.portfolio.valuation import Mark, value_account
from tests.core.portfolio.room import DAY, FREE, MTX, NOW, SYMBOL, Room, Step, seen, steps

CLOSE = SettlementPrice(
    symbol=SYMBOL, price=Decimal("17203.08"), source="last-minute-mean", trading_day=DAY
)
FINAL = CLOSE.amended(kind=SettlementKind.FINAL, price=Decimal(17400), source="index-mean")
TX = CostRates(
    transaction=Decimal(12),
    clearing=Decimal(8),
    settlement=Decimal(8),
    tax_rate=Decimal("0.00002"),
    rule_date="2024-07-29",
)
bases, methods = st.sampled_from(ProfitBasis), st.sampled_from(LotMethod)
daily = st.sampled_from(DailySettlement)


def room(*rows: Step, daily: DailySettlement = DailySettlement.CASH) -> Room:
    return Room(BookTerms(daily_settlement=daily), rates=FREE).ran(*rows)


def test_settling_to_cash_pays_the_variation_and_carries_the_settlement_price() -> None:
    """Trading 1.4: long 2 MTX @17200 settled at 17203.08 pays 308; the next day starts there."""
    books = room((2, 17200))
    settlement = books.settle(CLOSE)

    assert seen(settlement.variation, settlement.to_cash) == (308, True)
    assert books.account.cash == 1_000_308
    assert books.position.average_price == Decimal("17203.08")
    assert books.open_lots() == [(1, Decimal(2), Decimal("17203.08"))]
    assert [lot.open_price for lot in books.lots.values()] == [17200]
    [entry] = books.entries
    assert seen(entry.kind, entry.amount, entry.trading_day) == ("variation", 308, DAY)
    assert books.day is not None
    assert books.day.realized_pnl == 308

    books.ran((-2, 17200))
    assert seen(books.account.realized_pnl, books.account.cash) == (0, 1_000_000)


def test_i2_unrealized_terms_tell_the_variation_and_move_nothing() -> None:
    """Trading part 6, row 6: the default leaves the profit open."""
    books = room((-2, 17200), daily=DailySettlement.UNREALIZED)
    before = (books.account, books.position, books.day)
    settlement = books.settle(CLOSE)

    assert seen(settlement.variation, settlement.to_cash, settlement.quantity) == (-308, False, -2)
    assert (books.account, books.position, books.day) == before
    assert books.entries == []


@settings(max_examples=60, deadline=None)
@given(steps, bases, methods, daily)
def test_i1_a_settlement_changes_no_equity(
    rows: list[Step], basis: ProfitBasis, method: LotMethod, to: DailySettlement
) -> None:
    """AS-20: by every combination of terms, before and after further trades."""
    terms = BookTerms(lot_method=method, profit_by=basis, daily_settlement=to)
    books, plain = Room(terms).ran(*rows), Room().ran(*rows)
    mark = Mark(symbol=SYMBOL, price=Decimal(20003), seen_at=NOW, source="test")

    def equity(of: Room) -> Decimal:
        value = value_account(of.account, [of.position], [mark], now=NOW)
        assert value.equity == value.cash + value.market_value
        return value.equity

    books.settle(CLOSE)
    assert equity(books) == equity(plain)
    assert check_lots(books.position, books.lots.values()) == ()
    assert check_cash(books.account, books.entries) == ()
    assert equity(books.ran(*rows)) == equity(plain.ran(*rows))
    assert check_lots(books.position, books.lots.values()) == ()


def test_after_a_settlement_to_cash_both_bases_agree() -> None:
    """Trading part 6: what is open is carried at one price, whoever counts it."""
    books = room((1, 17200), (1, 17300), (-1, 17250))
    books.settle(CLOSE)

    assert books.position.cost_sum == books.position.lot_cost_sum
    assert books.position.realized_pnl == books.position.lot_realized_pnl


@pytest.mark.parametrize(("quantity", "profit"), [(2, 20_000), (-2, -20_000)])
def test_i3_the_final_settlement_ends_long_and_short(quantity: int, profit: int) -> None:
    """Trading 1.4 and 5.3: every lot closed, settlement fee and tax once per contract."""
    books = room((quantity, 17200))
    settled = settle_finally(books.books(), FINAL, MTX, NOW)
    assert settled.posting is not None
    books.keep(settled.posting)

    assert settled.settlement.variation == profit
    assert settled.settlement.unverified == UNVERIFIED_AT_EXPIRY
    assert [seen(f.kind, f.amount) for f in settled.settlement.fees] == [
        ("settlement", 10),
        ("tax", 34),
    ]
    assert seen(books.position.quantity, books.position.average_price) == (0, None)
    assert books.open_lots() == []
    assert books.account.cash == 1_000_000 + profit - 44
    assert seen(books.account.fees_paid, books.account.tax_paid) == (10, 34)


def test_i3_nothing_held_pays_nothing_at_expiry() -> None:
    """Trading 1.4: a flat position is settled without a posting."""
    settled = settle_finally(room((1, 17200), (-1, 17200)).books(), FINAL, MTX, NOW)

    assert (settled.posting, settled.settlement.fees) == (None, ())


def test_the_costs_of_a_final_settlement_of_one_tx() -> None:
    """Trading 5.3: TX @17,400: 8 TWD fee, 70 TWD tax."""
    lines = settlement_lines(TX, quantity=Decimal(1), price=Decimal(17400), multiplier=Decimal(200))

    assert [seen(line.kind, line.amount) for line in lines] == [("settlement", 8), ("tax", 70)]
    assert (
        settlement_lines(FREE, quantity=Decimal(1), price=Decimal(17400), multiplier=Decimal(200))
        == ()
    )


@pytest.mark.parametrize("change", [{"symbol": "TMF202601"}, {}])
def test_a_price_of_another_symbol_and_a_stock_are_refused(change: dict[str, object]) -> None:
    """Trading 1.4: a settlement price settles the future that it is of."""
    kind = InstrumentKind.FUTURE if change else InstrumentKind.PAID
    books = Room(kind=kind, rates=FREE).ran((1, 17200))

    with pytest.raises(InputError) as caught:
        books.settle(CLOSE.amended(**change))
    assert caught.value.code == "SETTLEMENT_OF_OTHER_POSITION"
    with pytest.raises(InputError):
        settle_finally(books.books(), FINAL.amended(**change), MTX, NOW)
