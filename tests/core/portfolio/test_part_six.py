"""The cases of the portfolio reference, to the digit."""

from datetime import timedelta
from decimal import Decimal

import pytest

from counterseal.portfolio.costs import CostRates, fee_lines
from counterseal.portfolio.model import InstrumentKind
from counterseal.portfolio.terms import BookTerms, ProfitBasis
from counterseal.portfolio.valuation import Mark, value_account
from tests.core.portfolio.room import FREE, NOW, SYMBOL, Room, seen

BASES = list(ProfitBasis)


@pytest.mark.parametrize("basis", BASES)
def test_long_two_sell_one_sell_two(basis: ProfitBasis) -> None:
    """TL-6, AS-10: 500 and LONG 1 @20000; then 1,000 and SHORT 1 @20020."""
    books = Room(BookTerms(profit_by=basis), rates=FREE).ran((2, 20000), (-1, 20010))
    assert seen(books.realized[-1], books.position.quantity) == (500, 1)
    assert books.position.average_price == 20000

    books.ran((-2, 20020))

    assert seen(books.realized[-1], books.position.quantity) == (1000, -1)
    assert books.position.average_price == 20020
    assert books.open_lots() == [(2, Decimal(-1), Decimal(20020))]
    assert books.account.cash == 1_001_500


@pytest.mark.parametrize("basis", BASES)
def test_short_two_buy_one_buy_two(basis: ProfitBasis) -> None:
    """TL-6, AS-10: the same the other way round; shorts are never dropped."""
    books = Room(BookTerms(profit_by=basis), rates=FREE).ran((-2, 20000), (1, 19990), (2, 19980))

    assert books.realized == [0, 500, 1000]
    assert seen(books.position.quantity, books.position.average_price) == (1, 19980)


def test_a_stock_bought_with_all_the_cash_leaves_equity_of_cash_and_value() -> None:
    """US-C10, PM-27: cash 1,000; BUY 10 @100; last 101: cash 0, value 1,010, equity 1,010."""
    books = Room(kind=InstrumentKind.PAID, rates=FREE, multiplier=1, cash=1000).ran((10, 100))
    mark = Mark(symbol=SYMBOL, price=Decimal(101), seen_at=NOW, source="test")
    value = value_account(books.account, [books.position], [mark], now=NOW)

    assert seen(value.cash, value.market_value, value.equity) == (0, 1010, 1010)
    assert value.unrealized_pnl == 10


def test_a_stock_sold_short_owes_its_price_and_its_fee_leaves_cash() -> None:
    """US-C10: SELL 10 @100 for a fee of 5; last 101: cash 1,995, value -1,010, equity 985."""
    fee = FREE.amended(commission=Decimal("0.5"))
    books = Room(kind=InstrumentKind.PAID, rates=fee, multiplier=1, cash=1000).ran((-10, 100))
    mark = Mark(symbol=SYMBOL, price=Decimal(101), seen_at=NOW, source="test")
    value = value_account(books.account, [books.position], [mark], now=NOW)

    assert seen(value.cash, value.market_value, value.equity) == (1995, -1010, 985)


def test_slippage_is_in_the_price_and_never_subtracted_again() -> None:
    """Trading part 6: 150.03 and 151.9696, gross 193.96, commission 2 x 0.50, net 192.96."""
    fee = FREE.amended(commission=Decimal("0.005"))
    bought, sold = Decimal(150) * Decimal("1.0002"), Decimal(152) * Decimal("0.9998")
    assert (bought, sold) == (Decimal("150.03"), Decimal("151.9696"))
    books = Room(kind=InstrumentKind.PAID, rates=fee, multiplier=1, cash=20_000)
    books.ran((100, bought), (-100, sold))

    assert books.account.realized_pnl == Decimal("193.96")
    assert books.account.fees_paid == Decimal("1.00")
    assert books.day is not None
    assert books.day.net_realized == Decimal("192.96")
    assert books.account.cash - 20_000 == Decimal("192.96")


def test_a_reduce_keeps_the_average_of_fractions() -> None:
    """TL-6: 0.01 @1.10 + 0.01 @1.12, sell 0.01: average 1.11 stays 1.11."""
    books = Room(rates=FREE, multiplier=1).ran(("0.01", "1.10"), ("0.01", "1.12"))  # type: ignore[arg-type]  # fractions
    assert books.position.average_price == Decimal("1.11")

    books.ran(("-0.01", "1.12"))  # type: ignore[arg-type]  # fractions

    assert books.position.average_price == Decimal("1.11")
    assert books.position.realized_pnl == Decimal("0.0001")


@pytest.mark.parametrize(
    ("fees", "multiplier", "tax", "total"),
    [(("12", "8"), 200, 70, "90"), (("7.5", "5"), 50, 17, "29.5"), (("4.8", "3.2"), 10, 3, "11")],
)
def test_costs_of_one_contract_and_side_at_17400(
    fees: tuple[str, str], multiplier: int, tax: int, total: str
) -> None:
    """Trading 1.1, 5.3: TX 20 + 70 = 90 TWD; MTX 12.5 + 17; TMF 8 + 3; once for each side."""
    transaction, clearing = map(Decimal, fees)
    rates = CostRates(
        transaction=transaction,
        clearing=clearing,
        tax_rate=Decimal("0.00002"),
        rule_date="2024-07-29",
    )
    lines = fee_lines(
        rates, quantity=Decimal(1), price=Decimal(17400), multiplier=Decimal(multiplier)
    )
    books = Room(rates=rates, multiplier=multiplier).ran((1, 17400), (-1, 17400))

    assert [line.amount for line in lines if line.kind == "tax"] == [tax]
    assert sum(line.amount for line in lines) == Decimal(total)
    assert books.account.cash == 1_000_000 - 2 * Decimal(total)


def test_i4_i5_one_source_marks_a_valuation_and_another_is_only_the_last_known() -> None:
    """PM-27: the asked source goes before a younger price of another; that one says so."""
    books = Room(rates=FREE).ran((1, 20000))
    old = Mark(symbol=SYMBOL, price=Decimal(20010), seen_at=NOW, source="tape")
    young = old.amended(price=Decimal(20020), seen_at=NOW + timedelta(seconds=1), source="fill")
    now = NOW + timedelta(seconds=2)

    def valued(*marks: Mark, source: str | None = "tape") -> tuple[object, ...]:
        value = value_account(books.account, [books.position], marks, now=now, source=source)
        [row] = value.positions
        return row.mark_price, row.mark_source, value.mark_source, value.warnings

    assert valued(young, old) == (20010, "tape", "tape", ())
    assert valued(young) == (20020, "fill", "tape", (f"OTHER_SOURCE:{SYMBOL}",))
    assert valued(young, old, source=None) == (20020, "fill", None, ())
    assert valued() == (None, None, "tape", (f"NO_PRICE:{SYMBOL}",))
