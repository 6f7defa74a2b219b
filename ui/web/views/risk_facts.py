"""Everything that the risk page shows, read at one moment for one tenant."""

from datetime import datetime
from typing import NamedTuple

from counterseal.desk.discrepancies import AccountLock
from counterseal.desk.views.risk import RiskPanel, risk_panel
from counterseal.desk.views.risk_desk import RiskDesk, risk_desk
from counterseal.oms.model import Order
from counterseal.policy.limits import RiskLimits
from counterseal.risk.counters import StrategyExposure
from counterseal.risk.facts import TradingState, strictest
from counterseal.risk.switches import scope_text
from ui.web import house
from ui.web.own import OwnReader
from ui.web.visit import here

ORDERS_ASKED = 20
"""Newest orders whose strategies are offered, beside those that hold something."""


class RiskFacts(NamedTuple):
    """Risk as the home has it at `now` (UTC).

    Attributes:
        strategies: Those that hold something, and those of the newest orders.
        locked: Accounts that a difference found by reconciliation keeps from ordering.
    """

    panel: RiskPanel
    desk: RiskDesk
    limits: RiskLimits
    strategies: tuple[str, ...]
    locked: tuple[str, ...]
    now: datetime

    @property
    def strictest(self) -> TradingState:
        """Of every switch of the tenant."""
        return strictest(switch.state for switch in self.desk.switches)

    @property
    def beats(self) -> bool:
        """Whether the broker of every account gives signs of life, as the panel says it."""
        told = {badge.name: badge.value for badge in self.panel.badges}
        return not self.panel.accounts or told.get("BROKER_HEARTBEAT") == "true"

    @property
    def killed(self) -> tuple[str, ...]:
        """Scopes whose kill switch is on; the policy's own stops all."""
        found = ["policy"] if self.limits.kill_switch else []
        found += [f"account:{a.account_id}" for a in self.panel.accounts if a.kill_switch_active]
        switched = (one for one in self.desk.switches if one.kill_switch_active)
        return (*found, *(scope_text(one.scope, one.subject) for one in switched))


def read_risk() -> RiskFacts:
    """Risk as the person's tenant sees it."""
    now, bench = house.CLOCK.now(), house.desk().bench
    with house.reading() as whole:
        reader = OwnReader(whole, here().person.tenant)
        limits = house.limits(house.law(whole))
        held = {one.strategy_id for one in reader.find(StrategyExposure)}
        asked = {one.strategy_id for one in reader.newest(Order, "created_at", ORDERS_ASKED)}
        return RiskFacts(
            panel=risk_panel(reader, bench, limits, now),
            desk=risk_desk(reader, bench, limits.desk, now),
            limits=limits,
            locked=tuple(one.account_id for one in reader.find(AccountLock, locked=True)),
            strategies=tuple(sorted(held | asked)),
            now=now,
        )
