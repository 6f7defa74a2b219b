"""Everything that the risk page shows, read at one moment for one tenant."""

from datetime import datetime
from typing import NamedTuple

from counterseal.desk.discrepancies import AccountLock
from counterseal.desk.views.risk import RiskPanel, risk_panel
from counterseal.desk.views.risk_desk import RiskDesk, risk_desk
from counterseal.oms.model import Order
from counterseal.policy.limits import RiskLimits
from counterseal.risk.facts import TradingState, strictest
from counterseal.risk.model import RiskEvaluation
from counterseal.risk.switches import scope_text
from ui.web import house
from ui.web.own import OwnReader
from ui.web.visit import here


class RiskFacts(NamedTuple):
    """Risk as the home has it at `now` (UTC).

    Attributes:
        judged: Every evaluation, the newest first.
        strategies: Those that ordered anything.
        locked: Accounts that a difference found by reconciliation keeps from ordering.
    """

    panel: RiskPanel
    desk: RiskDesk
    limits: RiskLimits
    judged: tuple[RiskEvaluation, ...]
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
        judged = reader.find(RiskEvaluation)
        return RiskFacts(
            panel=risk_panel(reader, bench, limits, now),
            desk=risk_desk(reader, bench, limits.desk, now),
            limits=limits,
            judged=tuple(
                sorted(judged, key=lambda e: (e.evaluated_at, e.evaluation_id), reverse=True)
            ),
            locked=tuple(one.account_id for one in reader.find(AccountLock, locked=True)),
            strategies=tuple(sorted({order.strategy_id for order in reader.find(Order)})),
            now=now,
        )
