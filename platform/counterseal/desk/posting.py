"""From a fill to the books.

Job: put the costs on a fill and post it to position, lots, ledger, account and daily result.

Invariants
  I1  A fill changes order and books in one transaction; what it changes is read by key.
  I2  The cost of posting does not grow with the fills before it.

Not here: the fill model (broker), arithmetic (portfolio).
Source: TX-J13; trading reference parts 1.1, 5.3 and 6.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from counterseal.broker.lots_taken import LotTaken, apply_fill_taken
from counterseal.broker.model import Fill
from counterseal.desk.bench import Bench
from counterseal.desk.ports import Reader
from counterseal.desk.risk_facts import strategy_filled
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Document
from counterseal.market.contracts import ContractSpec
from counterseal.market.instruments import contract_root
from counterseal.portfolio.books import Books, post_trade
from counterseal.portfolio.costs import CostRates, fee_lines
from counterseal.portfolio.lots import Lot, lot_id, lot_numbers
from counterseal.portfolio.model import Account, DailyPnl, Position
from counterseal.portfolio.positions import open_position
from counterseal.portfolio.terms import LotMethod
from counterseal.portfolio.trades import trade_of

PART_BYTES_MAX: Final = 40_000
"""Most bytes of documents that one record carries; the rest of a record is small beside it."""


def traded_contract(bench: Bench, symbol: str) -> ContractSpec:
    """The contract of a symbol that risk let pass.

    Raises:
        InvariantError: when no contract has this symbol's root.
    """
    spec = bench.contracts.spec(contract_root(symbol))
    if spec is None:
        raise InvariantError("an order of an unknown contract passed risk")
    return spec


def cost_rates(bench: Bench, symbol: str) -> CostRates:
    """Fees and tax of a symbol as the contract table states them, in its currency."""
    spec = traded_contract(bench, symbol)
    return CostRates(
        transaction=spec.fee_transaction,
        clearing=spec.fee_clearing,
        settlement=spec.fee_settlement,
        tax_rate=spec.tax_rate,
        tax_min=bench.contracts.tax_min,
        currency=bench.contracts.currency,
        rule_date=bench.contracts.schema_version,
    )


def priced(bench: Bench, fill: Fill) -> Fill:
    """The fill with its fees and tax."""
    fees = fee_lines(
        cost_rates(bench, fill.symbol),
        quantity=fill.last_quantity,
        price=fill.last_price,
        multiplier=fill.multiplier,
    )
    return fill.amended(fees=fees)


def booked(reader: Reader, fill: Fill, now: datetime) -> tuple[Document, ...]:
    """The fill, what is gone of its market, and what it changes of the books at `now` (UTC).

    Raises:
        InvariantError: when the fill's account does not exist.
    """
    trade = trade_of(fill)
    position = reader.get(Position, trade.position_id) or open_position(trade, now)
    books = books_of(reader, position, fill.trading_day)
    strategy = strategy_filled(reader, fill, now)
    taken = apply_fill_taken(reader.get(LotTaken, fill.quote_id), fill)
    return (fill, taken, *post_trade(books, trade, now).documents, strategy)


def books_of(reader: Reader, position: Position, trading_day: str) -> Books:
    """The books as they stand before something is booked on a trading day (`YYYY-MM-DD`).

    Raises:
        InvariantError: when the position's account does not exist.
    """
    account = reader.get(Account, position.account_id)
    if account is None:
        raise InvariantError("a fill without an account")
    day = reader.get(DailyPnl, f"{account.account_id}:{trading_day}")
    return Books(account, position, lots_of(reader, position, account.books.lot_method), day)


def lots_of(reader: Reader, position: Position, method: LotMethod) -> Iterator[Lot]:
    """Lots of a position in the order of a method, each read when it is asked for.

    Raises:
        InvariantError: when one is missing.
    """
    for number in lot_numbers(position, method):
        lot = reader.get(Lot, lot_id(position.position_id, number))
        if lot is None:
            raise InvariantError("a lot is missing")
        yield lot


def in_parts(documents: Sequence[Document]) -> Iterator[tuple[Document, ...]]:
    """Documents in their order, in groups that each fit one record of the log."""
    part: list[Document] = []
    size = 0
    for document in documents:
        own = len(canonical_bytes(document.json_value()))
        if part and size + own > PART_BYTES_MAX:
            yield tuple(part)
            part, size = [], 0
        part, size = [*part, document], size + own
    if part:
        yield tuple(part)
