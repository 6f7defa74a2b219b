"""Book a fill: double entries, cash and the day's result.

Job: one fill in, its entries, account and daily profit out. Pure.

Invariants
  I1  Every entry has two sides, so that all ledger accounts together sum to zero.
  I2  Fees and tax are own entries, once, whatever the side; slippage is in the price already.
  I3  Cash changes by exactly what the entries move into and out of `cash`.

Not here: the position (portfolio.positions), uniqueness of fills (storage).
Source: trading reference part 6.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from counterseal.broker.model import Fill
from counterseal.kernel.errors import InputError
from counterseal.kernel.money import EXACT
from counterseal.portfolio.model import Account, DailyPnl, InstrumentKind, LedgerEntry

CASH = "cash"
PNL = "realized_pnl"
INVENTORY = "positions"


def _entry(fill: Fill, kind: str, into_cash: Decimal, other: str, at: datetime) -> LedgerEntry:
    gain = into_cash > 0
    return LedgerEntry(
        entry_id=f"{fill.fill_id}:{kind}",
        fill_id=fill.fill_id,
        account_id=fill.account_id,
        debit_account=CASH if gain else other,
        credit_account=other if gain else CASH,
        amount=abs(into_cash),
        currency=fill.currency,
        kind=kind,
        at=at,
        trading_day=fill.trading_day,
    )


def ledger_entries(
    fill: Fill,
    realized_pnl: Decimal,
    at: datetime,
    kind: InstrumentKind = InstrumentKind.FUTURE,
) -> tuple[LedgerEntry, ...]:
    """Entries of one fill at `at` (UTC), zero amounts left out.

    A future settles its realized profit to cash and moves no cash at entry. A paid one (stock,
    option) moves its price between cash and positions; its profit then moves from positions.

    Args:
        fill: The fill, with its fee lines.
        realized_pnl: Profit of this fill before costs, in the currency, signed.
        at: UTC instant of the booking.
        kind: How the instrument settles.
    """
    entries: list[LedgerEntry] = []
    if kind is InstrumentKind.PAID:
        points = EXACT.multiply(fill.last_quantity, fill.last_price)
        paid = EXACT.multiply(points, fill.multiplier)
        if paid:
            entries.append(_entry(fill, "trade", -fill.side.sign * paid, INVENTORY, at))
        if realized_pnl:
            entry = _entry(fill, "realized", realized_pnl, PNL, at)
            inventory = {
                "debit_account": INVENTORY if entry.debit_account == CASH else PNL,
                "credit_account": PNL if entry.debit_account == CASH else INVENTORY,
            }
            entries.append(entry.amended(**inventory))
    elif realized_pnl:
        entries.append(_entry(fill, "realized", realized_pnl, PNL, at))
    costs = (line for line in fill.fees if line.amount)
    entries.extend(_entry(fill, line.kind, -line.amount, f"cost:{line.kind}", at) for line in costs)
    return tuple(entries)


def balances(entries: Iterable[LedgerEntry]) -> tuple[tuple[str, Decimal], ...]:
    """Balance of every ledger account, sorted by name; they sum to zero."""
    sums: dict[str, Decimal] = {}
    for entry in entries:
        debit, credit = entry.debit_account, entry.credit_account
        sums[debit] = EXACT.add(sums.get(debit, Decimal(0)), entry.amount)
        sums[credit] = EXACT.subtract(sums.get(credit, Decimal(0)), entry.amount)
    return tuple(sorted(sums.items()))


def apply_entries(
    account: Account, entries: Iterable[LedgerEntry], realized_pnl: Decimal, at: datetime
) -> Account:
    """The account after the entries of one fill; `realized_pnl` in its currency, before costs.

    Raises:
        InputError: `LEDGER_OF_OTHER_ACCOUNT` when an entry has another account or currency.
    """
    moved = tuple(entries)
    for entry in moved:
        if (entry.account_id, entry.currency) != (account.account_id, account.currency):
            raise InputError(
                "LEDGER_OF_OTHER_ACCOUNT",
                "the entry belongs to another account or currency",
                expected=f"{account.account_id} {account.currency}",
                got=f"{entry.account_id} {entry.currency}",
            )
    cash = dict(balances(moved)).get(CASH, Decimal(0))
    tax = sum((e.amount for e in moved if e.kind == "tax"), Decimal(0))
    costs = sum((e.amount for e in moved if e.debit_account.startswith("cost:")), Decimal(0))
    return account.amended(
        cash=EXACT.add(account.cash, cash),
        realized_pnl=EXACT.add(account.realized_pnl, realized_pnl),
        fees_paid=EXACT.add(account.fees_paid, costs - tax),
        tax_paid=EXACT.add(account.tax_paid, tax),
        updated_at=at,
    )


def apply_daily(day: DailyPnl | None, fill: Fill, realized_pnl: Decimal, at: datetime) -> DailyPnl:
    """The trading day's result after a fill; None starts the day. Currency of the fill.

    Raises:
        InputError: `FILL_OF_OTHER_DAY` when account, day or currency differ.
    """
    key = f"{fill.account_id}:{fill.trading_day}"
    day = day or DailyPnl(
        daily_pnl_id=key,
        account_id=fill.account_id,
        trading_day=fill.trading_day,
        currency=fill.currency,
        updated_at=at,
    )
    if (day.daily_pnl_id, day.currency) != (key, fill.currency):
        raise InputError(
            "FILL_OF_OTHER_DAY", "the fill is of another day", expected=day.daily_pnl_id, got=key
        )
    realized = EXACT.add(day.realized_pnl, realized_pnl)
    costs = sum((line.amount for line in fill.fees), day.costs)
    return day.amended(
        realized_pnl=realized, costs=costs, net_realized=realized - costs, updated_at=at
    )
