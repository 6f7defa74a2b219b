from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.broker.model import Fill
from counterseal.kernel.errors import InputError
from counterseal.kernel.money import Currency
from counterseal.portfolio.costs import CostRates, fee_lines
from counterseal.portfolio.ledger import (
    CASH,
    apply_daily,
    apply_entries,
    balances,
    ledger_entries,
)
from counterseal.portfolio.model import Account, InstrumentKind, Position
from counterseal.portfolio.positions import apply_fill, apply_trade, open_position
from counterseal.portfolio.valuation import Mark, value_account
from counterseal.signals.intent import Side
from tests.core.broker.test_gateway import answered, sent
from tests.core.portfolio.test_positions import FLAT, NOW, run, trades

RATES = CostRates(
    transaction=Decimal(12),
    clearing=Decimal(8),
    tax_rate=Decimal("0.00002"),
    rule_date="2024-07-29",
)
ACCOUNT = Account(
    account_id="acc_1",
    tenant="t",
    currency=Currency.TWD,
    opening_cash=Decimal(1_000_000),
    cash=Decimal(1_000_000),
    updated_at=NOW,
)
steps = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 4), st.integers(19_990, 20_010)), max_size=6
)
kinds = st.sampled_from(InstrumentKind)


def fill(side: Side, quantity: int, price: int, number: int = 1) -> Fill:
    book: dict[str, object] = {"bid": price, "ask": price, "bid_size": 99, "ask_size": 99}
    made = answered(sent(side=side, quantity=quantity), book, fill_id=f"fill_{number}").fill
    assert made is not None
    lines = fee_lines(
        RATES,
        quantity=made.last_quantity,
        price=made.last_price,
        multiplier=made.multiplier,
    )
    return made.amended(fees=lines)


def booked(rows: list[tuple[Side, int, int]], kind: InstrumentKind) -> tuple[Account, Position]:
    account, position = ACCOUNT, open_position(fill(Side.BUY, 1, 20000), NOW, kind)
    for number, row in enumerate(rows):
        one = fill(*row, number)
        change = apply_fill(position, one, NOW)
        entries = ledger_entries(one, change.realized_pnl, NOW, kind)
        assert sum(amount for _, amount in balances(entries)) == 0
        before, position = account, change.position
        account = apply_entries(account, entries, change.realized_pnl, NOW)
        moved = dict(balances(entries)).get(CASH, Decimal(0))
        assert account.cash == before.cash + moved
    return account, position


@settings(max_examples=40, deadline=None)
@given(steps, kinds)
def test_i1_all_ledger_accounts_sum_to_zero(
    rows: list[tuple[Side, int, int]], kind: InstrumentKind
) -> None:
    """TL-6: after every fill, whatever its side and kind."""
    account, position = booked(rows, kind)

    assert account.realized_pnl == position.realized_pnl
    assert account.fees_paid + account.tax_paid == position.fees


@settings(max_examples=40, deadline=None)
@given(steps, kinds)
def test_i1_equity_is_cash_plus_market_value_and_explains_every_cost(
    rows: list[tuple[Side, int, int]], kind: InstrumentKind
) -> None:
    """US-C10, PM-27: equity = opening + realized + unrealized - costs, for both kinds."""
    account, position = booked(rows, kind)
    mark = Mark(symbol="TMF", price=Decimal(20005), seen_at=NOW, source="test")
    view = value_account(account, [position], [mark], now=NOW)

    assert view.equity == view.cash + view.market_value
    explained = account.opening_cash + account.realized_pnl + view.unrealized_pnl - position.fees
    assert view.equity == explained


@pytest.mark.parametrize("side", list(Side))
def test_i2_costs_are_own_entries_once_for_each_side(side: Side) -> None:
    """TX-C12: opening a future moves nothing but costs."""
    entries = ledger_entries(fill(side, 2, 20000), Decimal(0), NOW)

    assert [(e.kind, e.amount, e.credit_account) for e in entries] == [
        ("transaction", Decimal(24), CASH),
        ("clearing", Decimal(16), CASH),
        ("tax", Decimal(8), CASH),
    ]
    assert apply_entries(ACCOUNT, entries, Decimal(0), NOW).cash == 1_000_000 - 48


def test_i3_cash_moves_by_what_enters_and_leaves_cash_alone() -> None:
    """TL-6: profit and loss of a future; entries of another account are refused."""
    one = fill(Side.BUY, 1, 20000)
    for profit in (Decimal(500), Decimal(-500)):
        after = apply_entries(ACCOUNT, ledger_entries(one, profit, NOW), profit, NOW)
        assert after.cash == 1_000_000 + profit - 24
    other, entries = ACCOUNT.amended(account_id="acc_2"), ledger_entries(one, Decimal(1), NOW)
    with pytest.raises(InputError) as caught:
        apply_entries(other, entries, Decimal(1), NOW)
    assert caught.value.code == "LEDGER_OF_OTHER_ACCOUNT"


def test_the_day_collects_profit_and_costs_and_refuses_another_day() -> None:
    """TX-H11: the loss that the daily limit compares is net of costs."""
    one = fill(Side.SELL, 1, 20000)
    day = apply_daily(apply_daily(None, one, Decimal(-100), NOW), one, Decimal(-50), NOW)

    assert (day.realized_pnl, day.costs, day.loss) == (Decimal(-150), Decimal(48), Decimal(198))
    with pytest.raises(InputError) as caught:
        apply_daily(day, one.amended(trading_day="2026-01-06"), Decimal(0), NOW)
    assert caught.value.code == "FILL_OF_OTHER_DAY"


def test_apply_fill_counts_fees_and_refuses_a_fill_of_another_position() -> None:
    """TX-C12, TL-6: fees add up beside the profit, never inside it."""
    one, two = fill(Side.BUY, 2, 20000), fill(Side.SELL, 2, 20010, 2)
    opened = apply_fill(open_position(one, NOW), one, NOW).position
    closed = apply_fill(opened, two, NOW)

    assert opened.fees == 48
    assert closed.realized_pnl == 200
    assert closed.position.fees == 96
    assert closed.position.quantity == 0
    with pytest.raises(InputError) as caught:
        apply_fill(opened.amended(multiplier=50), two, NOW)
    assert caught.value.code == "FILL_OF_OTHER_POSITION"


@settings(max_examples=60)
@given(trades, st.integers(-4, 4).filter(bool))
def test_i1_reducing_keeps_the_average_and_adding_never_realizes(
    rows: list[tuple[int, int]], quantity: int
) -> None:
    """TL-6: average price and realized profit."""
    before = run(FLAT, *rows)
    change = apply_trade(before, Decimal(quantity), Decimal(20003), NOW)
    held, after = before.quantity, change.position

    if held * quantity >= 0:
        assert change.realized_pnl == 0
    elif abs(quantity) < abs(held):
        assert after.average_price == before.average_price


@settings(max_examples=60)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 40_000))
def test_i1_costs_of_a_split_are_the_costs_of_the_whole(one: int, two: int, price: int) -> None:
    """TX-C12: linear in contracts."""

    def total(quantity: int) -> Decimal:
        lines = fee_lines(
            RATES, quantity=Decimal(quantity), price=Decimal(price), multiplier=Decimal(10)
        )
        return sum((line.amount for line in lines), Decimal(0))

    assert total(one) + total(two) == total(one + two)


def test_i3_each_fee_line_names_rate_rounding_and_rule_date_and_zero_is_left_out() -> None:
    """TX-C12: transaction, clearing, tax; no commission, no line."""
    lines = fee_lines(RATES, quantity=Decimal(2), price=Decimal(20000), multiplier=Decimal(10))

    assert [(line.kind, line.amount) for line in lines] == [
        ("transaction", Decimal(24)),
        ("clearing", Decimal(16)),
        ("tax", Decimal(8)),
    ]
    assert {line.rule_date for line in lines} == {"2024-07-29"}
    assert (lines[-1].rate, lines[-1].rounding) == (RATES.tax_rate, "half_up_per_contract")


def test_i2_a_future_is_worth_its_open_profit_never_its_notional() -> None:
    """TX-C12: the notional of 2 MTX is two million."""
    held = run(FLAT, (2, 20000))
    mark = Mark(symbol="MTX", price=Decimal(20001), seen_at=NOW, source="test")

    assert value_account(ACCOUNT, [held], [mark], now=NOW).market_value == 100


@pytest.mark.parametrize(
    ("seconds", "warnings"), [(60, ()), (61, ("OLD_PRICE:MTX",)), (-1, ("NO_PRICE:MTX",))]
)
def test_i3_an_old_price_is_kept_with_its_age_and_a_future_one_is_not_known(
    seconds: int, warnings: tuple[str, ...]
) -> None:
    """PM-27, US-C10: 60 seconds pass, 61 warn; a mark from the future is no mark."""
    seen = NOW - timedelta(seconds=seconds)
    mark = Mark(symbol="MTX", price=Decimal(20001), seen_at=seen, source="test")
    view = value_account(ACCOUNT, [run(FLAT, (1, 20000))], [mark], now=NOW)

    assert view.warnings == warnings
    assert view.positions[0].mark_age_seconds == (seconds if seconds >= 0 else None)
