from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.kernel.money import Currency
from counterseal.portfolio.costs import CostRates, tax_per_contract
from counterseal.portfolio.model import Account, InstrumentKind, Position
from counterseal.portfolio.positions import apply_trade
from counterseal.portfolio.valuation import Mark, value_account

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
FLAT = Position(
    position_id="acc_1:MTX",
    account_id="acc_1",
    symbol="MTX",
    multiplier=Decimal(50),
    tx_equivalent=Decimal("0.25"),
    currency=Currency.TWD,
    updated_at=NOW,
)
trades = st.lists(st.tuples(st.integers(-4, 4).filter(bool), st.integers(19990, 20010)), max_size=8)


def run(position: Position, *steps: tuple[int, object]) -> Position:
    for quantity, price in steps:
        position = apply_trade(position, Decimal(quantity), Decimal(str(price)), NOW).position
    return position


def test_a_reduce_keeps_the_average_and_a_flip_opens_at_the_fill() -> None:
    """TL-6, AS-10: long 2 @20000, sell 1 @20010, sell 2 @20020."""
    reduced = run(FLAT, (2, 20000), (-1, 20010))
    flipped = run(reduced, (-2, 20020))

    assert reduced.realized_pnl == 500
    assert reduced.quantity == 1
    assert reduced.average_price == 20000
    assert flipped.realized_pnl - reduced.realized_pnl == 1000
    assert flipped.quantity == -1
    assert flipped.average_price == 20020


@settings(max_examples=100)
@given(trades)
def test_i2_any_split_of_a_fill_gives_the_same_position(steps: list[tuple[int, int]]) -> None:
    """TX-C12 [D]: contract by contract is the same as whole."""
    single = [(1 if q > 0 else -1, p) for q, p in steps for _ in range(abs(q))]

    assert run(FLAT, *steps) == run(FLAT, *single)


@settings(max_examples=100)
@given(trades)
def test_i3_flat_again_the_profit_is_received_less_paid(steps: list[tuple[int, int]]) -> None:
    """TL-6: no rounding stays behind."""
    held = sum(q for q, _ in steps)
    closed = [*steps, (-held, 20000)] if held else steps

    assert run(FLAT, *closed).realized_pnl == -50 * sum(q * p for q, p in closed)


def test_equity_of_a_paid_instrument_is_cash_plus_value() -> None:
    """US-C10, PM-27: buy 10 @100 with cash 1000, last 101."""
    stock = run(FLAT.amended(multiplier=1, kind=InstrumentKind.PAID), (10, 100))
    account = Account(
        account_id="acc_1",
        tenant="t",
        currency=Currency.TWD,
        opening_cash=Decimal(1000),
        cash=Decimal(0),
        updated_at=NOW,
    )
    mark = Mark(symbol="MTX", price=Decimal(101), seen_at=NOW, source="test")

    assert value_account(account, [stock], [mark], now=NOW).equity == 1010
    assert value_account(account, [stock], [], now=NOW).warnings == ("NO_PRICE:MTX",)


def test_a_future_is_worth_its_open_profit() -> None:
    """TX-C12: 1 TMF from 20002.82 to 20014.75 is 119.30."""
    future = run(FLAT.amended(multiplier=10), (1, "20002.82"))
    account = Account(
        account_id="acc_1",
        tenant="t",
        currency=Currency.TWD,
        opening_cash=Decimal(1_000_000),
        cash=Decimal(1_000_000),
        updated_at=NOW,
    )
    mark = Mark(symbol="MTX", price=Decimal("20014.75"), seen_at=NOW, source="test")

    assert value_account(account, [future], [mark], now=NOW).equity == Decimal("1000119.30")


def test_i2_tax_rounds_per_contract_half_up_with_a_minimum() -> None:
    """TX-C12 costs: 17,400 points; and one whole unit at least."""
    rates = CostRates(
        transaction=Decimal(12),
        clearing=Decimal(8),
        tax_rate=Decimal("0.00002"),
        rule_date="2024-07-29",
    )

    taxes = [tax_per_contract(rates, Decimal(17400), Decimal(m)) for m in (200, 50, 10)]
    assert taxes == [70, 17, 3]
    assert tax_per_contract(rates, Decimal(100), Decimal(10)) == 1
