"""What must hold between the books and what they were made from.

Job: compare account, position and lots with ledger and fills, and name each row that differs. Pure.

Invariants
  I1  A difference names the row, what was expected and what it holds; no difference, no row.
  I2  Every amount is counted again from its origin, none is taken from the row that is judged.

Not here: when to compare and what follows (reconciliation), tables against the log (storage).
Source: trading reference part 6; design of reconciliation.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import EXACT, exact_text, normalized
from counterseal.portfolio.ledger import CASH, COST, TAX, balances
from counterseal.portfolio.lots import Lot
from counterseal.portfolio.model import Account, LedgerEntry, Position
from counterseal.portfolio.trades import BookedTrade


class Difference(DomainModel):
    """One row that does not follow from the others; `check` is the sentence that it breaks."""

    check: Name
    kind: Name
    key: Name
    expected: str
    got: str


class CarriedSums(NamedTuple):
    """What a ledger sums to: into cash, to costs, and to tax among them (account's currency)."""

    cash: Decimal = Decimal(0)
    costs: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)


NOTHING: Final = CarriedSums()
"""The sums before the first entry."""

NO_TRADES: Final = (Decimal(0), Decimal(0))
"""Contracts and costs before the first trade."""


def ledger_sums(entries: Iterable[LedgerEntry], before: CarriedSums = NOTHING) -> CarriedSums:
    """The sums of entries and of those before them."""
    own = dict(balances(entries))
    costs = sum((v for name, v in own.items() if name.startswith(COST)), before.costs)
    return CarriedSums(
        cash=EXACT.add(before.cash, own.get(CASH, Decimal(0))),
        costs=costs,
        tax=EXACT.add(before.tax, own.get(TAX, Decimal(0))),
    )


def trade_sums(
    trades: Iterable[BookedTrade], before: tuple[Decimal, Decimal] = NO_TRADES
) -> tuple[Decimal, Decimal]:
    """Signed contracts and costs (currency) of trades and of those before them."""
    quantity, fees = before
    for trade in trades:
        quantity = EXACT.add(quantity, trade.quantity)
        fees = EXACT.add(fees, trade.cost)
    return quantity, fees


def check_cash(
    account: Account, entries: Iterable[LedgerEntry], before: CarriedSums = NOTHING
) -> tuple[Difference, ...]:
    """Cash = opening cash + the ledger; fees and tax likewise (account's currency).

    `before` are the sums of entries that are not told here.
    """
    into_cash, costs, tax = ledger_sums(entries, before)
    cash = EXACT.add(account.opening_cash, into_cash)
    wanted = (
        ("cash_is_opening_and_ledger", cash, account.cash),
        ("fees_are_those_of_the_ledger", costs - tax, account.fees_paid),
        ("tax_is_that_of_the_ledger", tax, account.tax_paid),
    )
    return _differing(account, wanted)


def check_position(
    position: Position,
    trades: Iterable[BookedTrade],
    before: tuple[Decimal, Decimal] = NO_TRADES,
) -> tuple[Difference, ...]:
    """Quantity (contracts) and fees = the sum of the trades that count.

    `before` are contracts and fees of trades that are not told here.
    """
    quantity, fees = trade_sums(trades, before)
    wanted = (
        ("position_is_the_sum_of_its_fills", quantity, position.quantity),
        ("fees_are_those_of_its_fills", fees, position.fees),
    )
    return _differing(position, wanted)


def check_lots(position: Position, lots: Iterable[Lot]) -> tuple[Difference, ...]:
    """Open lots sum to the position in contracts and, at carried prices, to its lot cost."""
    quantity = cost = Decimal(0)
    outside: list[Difference] = []
    for lot in lots:
        left = lot.remaining_quantity
        quantity = EXACT.add(quantity, left)
        cost = EXACT.add(cost, EXACT.multiply(left, lot.carry_price))
        if left and not position.first_lot <= lot.number < position.next_lot:
            told = f"{position.first_lot} to below {position.next_lot}"
            outside += _difference(lot, "an_open_lot_is_within_the_range", told, lot.number)
    wanted = (
        ("lots_sum_to_the_position", quantity, position.quantity),
        ("lots_cost_what_the_position_says", cost, position.lot_cost_sum),
    )
    return (*_differing(position, wanted), *outside)


def check_ledger(
    entries: Iterable[LedgerEntry], trades: Iterable[BookedTrade]
) -> tuple[Difference, ...]:
    """The ledger sums to zero, and every cost of a trade stands in it exactly once.

    Args:
        entries: Of one account.
        trades: Every fill and final settlement of that account, reversed ones too.
    """
    told = tuple(entries)
    found = {(e.cause_id, e.kind): e for e in told if e.debit_account.startswith(COST)}
    differing: list[Difference] = []
    for trade in trades:
        for cost in trade.costs:
            entry = found.pop((trade.cause_id, cost.kind), None)
            if entry is None or entry.amount != cost.amount:
                differing.append(
                    Difference(
                        check="each_cost_is_booked_once",
                        kind=LedgerEntry.KIND,
                        key=f"{trade.cause_id}:{cost.kind}",
                        expected=_text(cost.amount),
                        got="nothing" if entry is None else _text(entry.amount),
                    )
                )
    for entry in found.values():
        differing += _difference(entry, "each_cost_has_its_fill", "nothing", entry.amount)
    return (*differing, *_unbalanced(told))


def _unbalanced(entries: tuple[LedgerEntry, ...]) -> Iterator[Difference]:
    """Entries that stand twice, or in another currency than the first: sums would mean nothing."""
    for key, times in Counter(entry.entry_id for entry in entries).items():
        if times > 1:
            yield Difference(
                check="an_entry_stands_once",
                kind=LedgerEntry.KIND,
                key=key,
                expected="1",
                got=str(times),
            )
    for entry in entries:
        if entry.currency != entries[0].currency:
            yield from _difference(
                entry, "one_ledger_one_currency", entries[0].currency, entry.currency
            )
    total = sum((amount for _, amount in balances(entries)), Decimal(0))
    if total:
        yield from _difference(entries[0], "the_ledger_sums_to_zero", 0, total)


def _differing(
    row: Account | Position, wanted: Iterable[tuple[str, Decimal, Decimal]]
) -> tuple[Difference, ...]:
    return tuple(
        found
        for check, expected, got in wanted
        if expected != got
        for found in _difference(row, check, expected, got)
    )


def _difference(
    row: Account | Position | Lot | LedgerEntry, check: str, expected: object, got: object
) -> tuple[Difference, ...]:
    wanted, found = _text(expected), _text(got)
    return (Difference(check=check, kind=row.KIND, key=row.key, expected=wanted, got=found),)


def _text(value: object) -> str:
    return exact_text(normalized(value)) if isinstance(value, Decimal) else str(value)
