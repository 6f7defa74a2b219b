"""What the desk's risk officers look at beside the fourteen checks.

Job: switches, counts, further checks with their rows, overrides and the aggregates as read models.

Invariants
  I1  Every figure comes from documents, policy or quotes; none from a caller.
  I2  Nothing here writes: it is handed readers only.

Not here: the fourteen and the panel (desk.views.risk), switching (desk.risk_switches).
Source: trading reference part 4.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from pydantic import Field

from counterseal.desk.ground import Ground
from counterseal.desk.ports import Reader
from counterseal.desk.risk_facts import (
    net_of,
    net_of_strategy,
    open_orders,
    open_profit,
    override_register,
    standing_of,
)
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Exact, exact_text
from counterseal.market.contracts import SYMBOL_GROUP
from counterseal.market.instruments import contract_root
from counterseal.oms.model import Order
from counterseal.policy.desk_limits import NUMBER_OF, DeskLimits, FurtherCheck
from counterseal.portfolio.model import Account, Position
from counterseal.risk.counters import RiskCounters, StrategyExposure
from counterseal.risk.facts import Standing
from counterseal.risk.model import RiskState
from counterseal.risk.override import RiskOverride, override_holds
from counterseal.risk.switches import RiskSwitch

_Counts = Callable[[Order | Position], bool]
"""Whether an order or a position belongs to a scope."""


class FurtherRule(DomainModel):
    """One further check: whether it is on, what a breach does, and its number as text.

    Attributes:
        on_breach, on_unknown: `refuse`, `warn`, or `off`.
        limit: Empty when the check has no number of its own.
    """

    name: FurtherCheck
    on_breach: Name
    on_unknown: Name
    soft: bool
    limit: str = Field(max_length=2000)


class AggregateRisk(DomainModel):
    """Position and working orders of a scope in TX-equivalents."""

    scope: Name
    name: Name
    standing: Standing


class OpenProfit(DomainModel):
    """Open profit of an account in TWD at the quotes of now; None when a holding has no quote."""

    account_id: Name
    unrealized_pnl_twd: Exact | None


class OverrideView(DomainModel):
    """An override, and whether it would count for an order now."""

    override: RiskOverride
    counts_now: bool


class RiskDesk(DomainModel):
    """Everything at one instant (UTC); `counters` as they were when something was counted last."""

    at: UtcDatetime
    rules: tuple[FurtherRule, ...]
    switches: tuple[RiskSwitch, ...]
    counters: tuple[RiskCounters, ...]
    open_profits: tuple[OpenProfit, ...]
    aggregates: tuple[AggregateRisk, ...]
    overrides: tuple[OverrideView, ...]


def further_rules(limits: DeskLimits) -> tuple[FurtherRule, ...]:
    """Every further check in its order, also those that are off."""
    return tuple(_rule(limits, name) for name in FurtherCheck)


def risk_desk(reader: Reader, ground: Ground, limits: DeskLimits, now: datetime) -> RiskDesk:
    """What the risk page shows beside the panel, at `now` (UTC)."""
    accounts = [state.account_id for state in reader.find(RiskState)]
    return RiskDesk(
        at=now,
        rules=further_rules(limits),
        switches=reader.find(RiskSwitch),
        counters=reader.find(RiskCounters),
        open_profits=tuple(_profit(reader, ground, account, now) for account in accounts),
        aggregates=tuple(_aggregates(reader, ground)),
        overrides=tuple(_override(reader, one, now) for one in reader.find(RiskOverride)),
    )


def _rule(limits: DeskLimits, name: FurtherCheck) -> FurtherRule:
    row = limits.rows.get(name)
    return FurtherRule(
        name=name,
        on_breach="off" if row is None else row.on_breach.value,
        on_unknown="off" if row is None else row.on_unknown.value,
        soft=row is not None and row.soft,
        limit=_limit_text(limits, NUMBER_OF.get(name, "")),
    )


def _limit_text(limits: DeskLimits, field: str) -> str:
    value = getattr(limits, field) if field else None
    if isinstance(value, tuple):
        return ", ".join(f"{row.name} {exact_text(row.limit)}" for row in value)
    return "" if value is None else str(value)


def _profit(reader: Reader, ground: Ground, account: str, now: datetime) -> OpenProfit:
    held = reader.find(Position, account_id=account)
    return OpenProfit(account_id=account, unrealized_pnl_twd=open_profit(ground, held, now))


def _aggregates(reader: Reader, ground: Ground) -> Iterator[AggregateRisk]:
    """Every scope of every tenant; nothing of one tenant counts in another."""
    accounts, orders = reader.find(Account), open_orders(reader)
    positions, strategies = reader.find(Position), reader.find(StrategyExposure)
    for tenant in sorted({account.tenant for account in accounts}):
        own = {one.account_id: one for one in accounts if one.tenant == tenant}
        working = [order for order in orders if order.account_id in own]
        held = [position for position in positions if position.account_id in own]
        known = [one for one in strategies if one.tenant == tenant]
        for strategy in sorted({one.strategy_id for one in known}):
            mine = [order for order in working if order.strategy_id == strategy]
            net = net_of_strategy(known, strategy, held)
            standing = standing_of(mine, net, ground.contracts)
            yield AggregateRisk(scope="strategy", name=strategy, standing=standing)
        for scope, name, counts in _scopes(tenant, own, (*working, *held)):
            standing = standing_of(
                filter(counts, working), net_of(filter(counts, held)), ground.contracts
            )
            yield AggregateRisk(scope=scope, name=name, standing=standing)


def _scopes(
    tenant: str, accounts: Mapping[str, Account], seen: Sequence[Order | Position]
) -> Iterator[tuple[str, str, _Counts]]:
    """The scopes that add up what a tenant's accounts hold and order."""
    for account in accounts:
        yield "account", account, partial(_has, "account_id", frozenset({account}))
    symbols = sorted({one.symbol for one in seen})
    for symbol in symbols:
        yield "instrument", symbol, partial(_has, "symbol", frozenset({symbol}))
    grouped = frozenset(one for one in symbols if contract_root(one) is not None)
    yield "group", SYMBOL_GROUP, partial(_has, "symbol", grouped)
    for group in sorted({account.account_group for account in accounts.values()}):
        members = frozenset(name for name, one in accounts.items() if one.account_group == group)
        yield "account_group", group, partial(_has, "account_id", members)
    yield "tenant", tenant, partial(_has, "account_id", frozenset(accounts))


def _has(field: str, values: frozenset[str], one: Order | Position) -> bool:
    return getattr(one, field) in values


def _override(reader: Reader, override: RiskOverride, now: datetime) -> OverrideView:
    terms = override.terms
    counts = override.covers(terms.strategy_id, terms.symbol or "", now) and override_holds(
        override, override_register(reader, override), now
    )
    return OverrideView(override=override, counts_now=counts)
