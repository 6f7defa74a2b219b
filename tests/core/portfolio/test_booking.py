from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.kernel.errors import InputError
from counterseal.kernel.money import Currency
from counterseal.portfolio.books import Books, post_trade
from counterseal.portfolio.costs import fee_lines
from counterseal.portfolio.invariants import check_cash
from counterseal.portfolio.ledger import (
    CASH,
    apply_daily,
    apply_entries,
    balances,
    ledger_entries,
    trial_balance,
)
from counterseal.portfolio.lots import LotTotals
from counterseal.portfolio.model import InstrumentKind
from counterseal.portfolio.positions import apply_trade, count_trade, open_position
from counterseal.portfolio.terms import BookTerms, ProfitBasis
from counterseal.portfolio.trades import BookedTrade
from counterseal.portfolio.valuation import Mark, value_account
from tests.core.portfolio.room import DAY, MTX, OPENING, Room, Step, steps
from tests.core.portfolio.room import trade as priced
from tests.core.portfolio.test_positions import FLAT, NOW, run, trades

RATES = MTX.amended(transaction=12, clearing=8)
ACCOUNT = OPENING
TOTALS = LotTotals(Decimal(0), Decimal(0), 1, 1)
kinds = st.sampled_from(InstrumentKind)
bases = st.sampled_from(ProfitBasis)


def fill(quantity: int, price: int, number: int = 1) -> BookedTrade:
    return priced(quantity, price, number, RATES, multiplier=10)


@settings(max_examples=40, deadline=None)
@given(steps, kinds, bases)
def test_i1_all_ledger_accounts_sum_to_zero(
    rows: list[Step], kind: InstrumentKind, basis: ProfitBasis
) -> None:
    """TL-6: after every fill, whatever its side, its kind and the basis of profit."""
    room = Room(BookTerms(profit_by=basis), kind)
    for row in rows:
        room.ran(row)
        assert sum(amount for _, amount in balances(room.entries)) == 0
        assert check_cash(room.account, room.entries) == ()
    position = room.position
    by = {ProfitBasis.LOTS: position.lot_realized_pnl}.get(basis, position.realized_pnl)

    assert room.account.realized_pnl == by == sum(room.realized)
    assert room.account.fees_paid + room.account.tax_paid == position.fees


@settings(max_examples=40, deadline=None)
@given(steps, kinds, bases)
def test_i1_equity_is_cash_plus_market_value_and_explains_every_cost(
    rows: list[Step], kind: InstrumentKind, basis: ProfitBasis
) -> None:
    """US-C10, PM-27, AS-20: equity = opening + realized + unrealized - costs, for both kinds."""
    room = Room(BookTerms(profit_by=basis), kind).ran(*rows)
    mark = Mark(symbol=room.position.symbol, price=Decimal(20005), seen_at=NOW, source="test")
    view = value_account(room.account, [room.position], [mark], now=NOW)

    assert view.equity == view.cash + view.market_value
    explained = room.account.opening_cash + view.realized_pnl + view.unrealized_pnl - view.costs
    assert view.equity == explained
    assert view.positions[0].realized_pnl == view.realized_pnl


@pytest.mark.parametrize("side", [1, -1])
def test_i2_costs_are_own_entries_once_for_each_side(side: int) -> None:
    """TX-C12: opening a future moves nothing but costs."""
    one = fill(2 * side, 20000)
    entries = ledger_entries(one, open_position(one, NOW), Decimal(0), NOW)

    assert [(e.kind, e.amount, e.credit_account) for e in entries] == [
        ("transaction", Decimal(24), CASH),
        ("clearing", Decimal(16), CASH),
        ("tax", Decimal(8), CASH),
    ]
    assert apply_entries(ACCOUNT, entries, Decimal(0), NOW).cash == 1_000_000 - 48


def test_i3_cash_moves_by_what_enters_and_leaves_cash_alone() -> None:
    """TL-6: profit and loss of a future; entries of another account are refused."""
    one = fill(1, 20000)
    held = open_position(one, NOW)
    for profit in (Decimal(500), Decimal(-500)):
        after = apply_entries(ACCOUNT, ledger_entries(one, held, profit, NOW), profit, NOW)
        assert after.cash == 1_000_000 + profit - 24
    entries = ledger_entries(one, held, Decimal(1), NOW)
    with pytest.raises(InputError) as caught:
        apply_entries(ACCOUNT.amended(account_id="acc_2"), entries, Decimal(1), NOW)
    assert caught.value.code == "LEDGER_OF_OTHER_ACCOUNT"


def test_the_day_collects_profit_and_costs_and_refuses_another_day() -> None:
    """TX-H11: the loss that the daily limit compares is net of costs."""
    day = None
    for realized in (-100, -50):
        day = apply_daily(day, ACCOUNT, DAY, NOW, realized_pnl=Decimal(realized), costs=Decimal(24))

    assert day is not None
    assert (day.realized_pnl, day.costs, day.loss) == (Decimal(-150), Decimal(48), Decimal(198))
    with pytest.raises(InputError) as caught:
        apply_daily(day, ACCOUNT, "2026-01-06", NOW, realized_pnl=Decimal(0), costs=Decimal(0))
    assert caught.value.code == "FILL_OF_OTHER_DAY"


def test_a_trade_counts_its_fees_and_one_of_another_position_is_refused() -> None:
    """TX-C12, TL-6: fees add up beside the profit, never inside it."""
    one, two = fill(2, 20000), fill(-2, 20010, 2)
    opened = count_trade(open_position(one, NOW), one, TOTALS, NOW).position
    closed = count_trade(opened, two, TOTALS, NOW)

    assert opened.fees == 48
    assert closed.realized_pnl == 200
    assert closed.position.fees == 96
    assert closed.position.quantity == 0
    with pytest.raises(InputError) as caught:
        count_trade(opened.amended(multiplier=50), two, TOTALS, NOW)
    assert caught.value.code == "FILL_OF_OTHER_POSITION"


def test_i2_a_trade_of_a_day_is_booked_on_that_day_only() -> None:
    """TX-H11: the result of another day takes nothing in."""
    room = Room().ran((1, 20000))
    late = priced(1, 20000, 2)._replace(trading_day="2026-01-06")

    with pytest.raises(InputError) as caught:
        post_trade(Books(room.account, room.position, room.in_order(), room.day), late, NOW)
    assert caught.value.code == "FILL_OF_OTHER_DAY"


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


def test_i1_the_trial_balance_of_every_account_and_currency_sums_to_zero() -> None:
    """Trading part 6: two accounts, one of them in dollars; each stands for itself."""
    own = Room().ran((2, 20000), (-1, 20010)).entries
    dollars = [e.amended(account_id="acc_2", currency=Currency.USD) for e in own]
    rows = trial_balance([*dollars, *own])

    assert [(r.account_id, r.currency) for r in rows[::5]] == [
        *(("acc_1", Currency.TWD), ("acc_2", Currency.USD))
    ]
    assert [r.ledger_account for r in rows[:5]] == [
        *("cash", "cost:clearing", "cost:tax", "cost:transaction", "realized_pnl")
    ]
    for account in ("acc_1", "acc_2"):
        assert sum(r.balance for r in rows if r.account_id == account) == 0
    assert rows[0].balance == Decimal("402.5")
    assert trial_balance([]) == ()
