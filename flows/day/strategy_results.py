"""What became of each strategy's signals.

Job: count a day's documents by strategy, and sum what its fills gained at the closing marks.

Invariants
  I1  Profits of all strategies, after costs, add up to what the account gained.

Not here: the account's own valuation (portfolio.valuation), how it is shown (ui).
Source: TX-C8 (signals), trading part 6 (profit and loss).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.broker.model import Fill
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import EXACT, Exact
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from counterseal.portfolio.valuation import Mark
from counterseal.signals.model import SignalRecord

_TURNED_DOWN = frozenset({RequestStatus.REJECTED, RequestStatus.NEEDS_DATA})


class StrategyResult(DomainModel):
    """A strategy over a day; amounts in the account's currency, simulated.

    Attributes:
        signals, requests: What it said, and what was asked of people for it.
        refused: Requests that people turned down, and orders that a check before the market
            rejected.
        approved: Requests that every stage approved.
        orders, filled: Orders, and those that filled whole.
        fills, contracts: Executions, and contracts in them.
        profit: What its contracts gained, open ones at the closing mark; None when one has no mark.
        costs: Fees and taxes of its fills.
    """

    strategy_id: Name
    version: Name
    signals: int
    requests: int
    refused: int
    approved: int
    orders: int
    filled: int
    fills: int
    contracts: Exact
    profit: Exact | None
    costs: Exact
    simulated: bool = True


def strategy_results(
    signals: Collection[SignalRecord],
    requests: Collection[ApprovalRequest],
    orders: Collection[Order],
    fills: Collection[Fill],
    marks: Iterable[Mark],
) -> tuple[StrategyResult, ...]:
    """One result for each strategy that spoke, by its name."""
    of_order = {order.order_id: order.strategy_id for order in orders}
    closing = {mark.symbol: mark.price for mark in marks}
    versions = {signal.strategy_id: signal.strategy_version for signal in signals}
    told = Counter(signal.strategy_id for signal in signals)
    return tuple(
        _result(
            (name, versions[name], told[name]),
            [request for request in requests if request.strategy_id == name],
            [order for order in orders if order.strategy_id == name],
            [fill for fill in fills if of_order[fill.order_id] == name],
            closing,
        )
        for name in sorted(versions)
    )


def _result(
    spoke: tuple[str, str, int],
    requests: Sequence[ApprovalRequest],
    orders: Sequence[Order],
    fills: Sequence[Fill],
    closing: dict[str, Decimal],
) -> StrategyResult:
    name, version, signals = spoke
    states = Counter(order.state for order in orders)
    down = sum(request.status in _TURNED_DOWN for request in requests)
    return StrategyResult(
        strategy_id=name,
        version=version,
        signals=signals,
        requests=len(requests),
        refused=down + states[OrderState.REJECTED],
        approved=sum(request.execution_valid_until is not None for request in requests),
        orders=len(orders),
        filled=states[OrderState.FILLED],
        fills=len(fills),
        contracts=sum((fill.last_quantity for fill in fills), Decimal(0)),
        profit=_profit(fills, closing),
        costs=sum((line.amount for fill in fills for line in fill.fees), Decimal(0)),
    )


def _profit(fills: Sequence[Fill], closing: dict[str, Decimal]) -> Decimal | None:
    """What fills brought in and what is left is worth; exact, before costs."""
    profit = Decimal(0)
    left: dict[str, Decimal] = {}
    for fill in fills:
        signed = EXACT.multiply(Decimal(fill.side.sign), fill.last_quantity)
        units = EXACT.multiply(signed, fill.multiplier)
        profit = EXACT.subtract(profit, EXACT.multiply(units, fill.last_price))
        left[fill.symbol] = EXACT.add(left.get(fill.symbol, Decimal(0)), units)
    for symbol, units in left.items():
        if units and symbol not in closing:
            return None
        profit = EXACT.add(profit, EXACT.multiply(units, closing.get(symbol, Decimal(0))))
    return profit
