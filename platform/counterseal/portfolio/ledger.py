"""Book what happened: double entries, cash and the day's result.

Job: one trade, variation or reversal in; its entries, account and daily profit out. Pure.

Invariants
  I1  Every entry has two sides, so that all ledger accounts together sum to zero.
  I2  Fees and tax are own entries, once, whatever the side; slippage is in the price already.
  I3  Cash changes by exactly what the entries move into and out of `cash`.

Not here: the position (positions, lots), uniqueness of causes (storage).
Source: trading reference part 6.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import EXACT, Currency, Exact
from counterseal.portfolio.model import Account, DailyPnl, InstrumentKind, LedgerEntry, Position
from counterseal.portfolio.trades import BookedTrade

CASH: Final = "cash"
PNL: Final = "realized_pnl"
INVENTORY: Final = "positions"
COST: Final = "cost:"
"""Prefix of the ledger accounts that hold fees and tax, each by its kind."""
TAX: Final = "cost:tax"


def moved(
    position: Position, cause_id: str, kind: str, amount: Decimal, at: datetime, trading_day: str
) -> LedgerEntry:
    """Profit of a position that is not a trade's: into its cash, or out of it, at `at` (UTC).

    Args:
        position: Whose profit it is; its kind says which ledger account pays.
        cause_id: The settlement or reversal.
        kind: Word of the entry.
        amount: Currency, signed, not zero; above zero is a profit.
        at: Instant of the booking.
        trading_day: `YYYY-MM-DD` on which it counts.
    """
    paying = CASH if position.kind is InstrumentKind.FUTURE else INVENTORY
    gain = amount > 0
    return LedgerEntry(
        entry_id=f"{cause_id}:{kind}",
        cause_id=cause_id,
        account_id=position.account_id,
        debit_account=paying if gain else PNL,
        credit_account=PNL if gain else paying,
        amount=abs(amount),
        currency=position.currency,
        kind=kind,
        at=at,
        trading_day=trading_day,
    )


def _paid(trade: BookedTrade, kind: str, amount: Decimal, into: str, at: datetime) -> LedgerEntry:
    """What a trade pays (above zero) from cash into a ledger account, or gets back from it."""
    return LedgerEntry(
        entry_id=f"{trade.cause_id}:{kind}",
        cause_id=trade.cause_id,
        account_id=trade.account_id,
        debit_account=into if amount > 0 else CASH,
        credit_account=CASH if amount > 0 else into,
        amount=abs(amount),
        currency=trade.currency,
        kind=kind,
        at=at,
        trading_day=trade.trading_day,
    )


def ledger_entries(
    trade: BookedTrade, position: Position, realized_pnl: Decimal, at: datetime
) -> tuple[LedgerEntry, ...]:
    """Entries of one trade at `at` (UTC), zero amounts left out.

    A future settles its realized profit to cash and moves no cash at entry. A paid one (stock,
    option) moves its price between cash and positions; its profit then moves from positions.

    Args:
        trade: The trade, with its costs.
        position: The position that it moves.
        realized_pnl: Profit of this trade before costs, in the currency, signed.
        at: UTC instant of the booking.
    """
    entries: list[LedgerEntry] = []
    if position.kind is InstrumentKind.PAID and trade.paid:
        entries.append(_paid(trade, "trade", trade.paid, INVENTORY, at))
    if realized_pnl:
        day = trade.trading_day
        entries.append(moved(position, trade.cause_id, "realized", realized_pnl, at, day))
    entries += [
        _paid(trade, line.kind, line.amount, f"{COST}{line.kind}", at)
        for line in trade.costs
        if line.amount
    ]
    return tuple(entries)


def reversed_entries(
    entries: Iterable[LedgerEntry], reversal_id: str, at: datetime, trading_day: str
) -> tuple[LedgerEntry, ...]:
    """The same amounts the other way at `at` (UTC), counted on the day of the reversal."""
    return tuple(
        entry.amended(
            entry_id=f"{reversal_id}:{entry.kind}",
            cause_id=reversal_id,
            debit_account=entry.credit_account,
            credit_account=entry.debit_account,
            at=at,
            trading_day=trading_day,
        )
        for entry in entries
    )


def balances(entries: Iterable[LedgerEntry]) -> tuple[tuple[str, Decimal], ...]:
    """Balance of every ledger account, sorted by name; they sum to zero."""
    sums: dict[str, Decimal] = {}
    for entry in entries:
        debit, credit = entry.debit_account, entry.credit_account
        sums[debit] = EXACT.add(sums.get(debit, Decimal(0)), entry.amount)
        sums[credit] = EXACT.subtract(sums.get(credit, Decimal(0)), entry.amount)
    return tuple(sorted(sums.items()))


class TrialRow(DomainModel):
    """Balance of one ledger account in its currency; debit is above zero."""

    account_id: Name
    currency: Currency
    ledger_account: Name
    balance: Exact


def trial_balance(entries: Iterable[LedgerEntry]) -> tuple[TrialRow, ...]:
    """Every ledger account of every account and currency, sorted; each pair sums to zero."""
    groups: dict[tuple[str, Currency], list[LedgerEntry]] = {}
    for entry in entries:
        groups.setdefault((entry.account_id, entry.currency), []).append(entry)
    return tuple(
        TrialRow(account_id=account, currency=currency, ledger_account=name, balance=balance)
        for account, currency in sorted(groups)
        for name, balance in balances(groups[account, currency])
    )


def apply_entries(
    account: Account, entries: Iterable[LedgerEntry], realized_pnl: Decimal, at: datetime
) -> Account:
    """The account after some entries; `realized_pnl` in its currency, before costs.

    Raises:
        InputError: `LEDGER_OF_OTHER_ACCOUNT` when an entry has another account or currency.
    """
    booked = tuple(entries)
    for entry in booked:
        if (entry.account_id, entry.currency) != (account.account_id, account.currency):
            raise InputError(
                "LEDGER_OF_OTHER_ACCOUNT",
                "the entry belongs to another account or currency",
                expected=f"{account.account_id} {account.currency}",
                got=f"{entry.account_id} {entry.currency}",
            )
    sums = dict(balances(booked))
    tax = sums.get(TAX, Decimal(0))
    costs = sum((v for name, v in sums.items() if name.startswith(COST)), Decimal(0))
    return account.amended(
        cash=EXACT.add(account.cash, sums.get(CASH, Decimal(0))),
        realized_pnl=EXACT.add(account.realized_pnl, realized_pnl),
        fees_paid=EXACT.add(account.fees_paid, costs - tax),
        tax_paid=EXACT.add(account.tax_paid, tax),
        updated_at=at,
    )


def apply_daily(
    day: DailyPnl | None,
    account: Account,
    trading_day: str,
    at: datetime,
    *,
    realized_pnl: Decimal,
    costs: Decimal,
) -> DailyPnl:
    """A trading day's result with more profit and costs (account's currency); None starts the day.

    Raises:
        InputError: `FILL_OF_OTHER_DAY` when account, day or currency differ.
    """
    key = f"{account.account_id}:{trading_day}"
    day = day or DailyPnl(
        daily_pnl_id=key,
        account_id=account.account_id,
        trading_day=trading_day,
        currency=account.currency,
        updated_at=at,
    )
    if (day.daily_pnl_id, day.currency) != (key, account.currency):
        raise InputError(
            "FILL_OF_OTHER_DAY", "the fill is of another day", expected=day.daily_pnl_id, got=key
        )
    realized = EXACT.add(day.realized_pnl, realized_pnl)
    spent = EXACT.add(day.costs, costs)
    return day.amended(
        realized_pnl=realized, costs=spent, net_realized=realized - spent, updated_at=at
    )
