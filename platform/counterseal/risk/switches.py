"""Trading states and kill switches with a scope.

Job: hold what people switched for an account, a strategy or all, and say what follows for an order.

Invariants
  I1  A switch has one key for each scope and subject; `all` has no subject, the others have one.
  I2  The kill switch of an account lies in its `RiskState` alone: there are no two truths.
  I3  Of all switches that concern an order the strictest state counts; any kill switch stops it.
  I4  A strategy and `all` are those of one tenant: no switch reaches another tenant's orders.

Not here: who may switch (desk.risk_switches), the checks (risk.checks, risk.further_state).
Source: trading reference part 4; TX-H13.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, Name
from counterseal.risk.facts import TradingState, strictest


class RiskScope(StrEnum):
    """Whose orders a switch concerns."""

    ACCOUNT = "account"
    STRATEGY = "strategy"
    ALL = "all"


class RiskSwitch(Document):
    """State and kill switch of one scope, as set last.

    Attributes:
        switch_id: `account:ID`, `strategy:ID@TENANT` or `all@TENANT`.
        tenant: Whose orders it concerns.
        subject: Account or strategy; None for all.
        reason: The person's words.
    """

    KIND: ClassVar[str] = "risk_switches"
    KEY: ClassVar[str] = "switch_id"

    switch_id: Name
    scope: RiskScope
    tenant: Name
    subject: Name | None
    state: TradingState = TradingState.ACTIVE
    kill_switch_active: bool = False
    set_by: Name
    reason: str = Field(default="", max_length=2000)
    updated_at: UtcDatetime

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.scope is RiskScope.ALL) is not (self.subject is None):
            raise ValueError("an account or a strategy is named, all are not")
        if self.switch_id != switch_id(self.scope, self.subject, self.tenant):
            raise ValueError("the id is scope:subject@tenant")
        if self.kill_switch_active and self.scope is RiskScope.ACCOUNT:
            raise ValueError("the kill switch of an account lies in its risk state")
        return self


def scope_text(scope: RiskScope, subject: str | None) -> str:
    """What people call a scope, such as `strategy:trend` or `all`."""
    return scope.value if subject is None else f"{scope.value}:{subject}"


def switch_id(scope: RiskScope, subject: str | None, tenant: str) -> str:
    """Key of the switch of a scope; an account belongs to one tenant, and needs no name of it."""
    told = scope_text(scope, subject)
    return told if scope is RiskScope.ACCOUNT else f"{told}@{tenant}"


def switch_ids(account_id: str, strategy_id: str | None, tenant: str) -> tuple[str, ...]:
    """Keys of every switch that concerns an order of a tenant's account."""
    own = switch_id(RiskScope.ACCOUNT, account_id, tenant)
    every = switch_id(RiskScope.ALL, None, tenant)
    if strategy_id is None:
        return own, every
    return own, switch_id(RiskScope.STRATEGY, strategy_id, tenant), every


def apply_switch(
    known: RiskSwitch | None,
    scope: RiskScope,
    subject: str | None,
    *,
    tenant: str,
    state: TradingState | None,
    kill_switch: bool | None,
    set_by: str,
    reason: str,
    now: datetime,
) -> RiskSwitch:
    """The switch after a person set its state, its kill switch, or both, at `now` (UTC).

    Raises:
        ValidationError: for a kill switch of an account, or a scope without its subject.
    """
    was = (TradingState.ACTIVE, False) if known is None else (known.state, known.kill_switch_active)
    return RiskSwitch(
        switch_id=switch_id(scope, subject, tenant),
        scope=scope,
        tenant=tenant,
        subject=subject,
        state=was[0] if state is None else state,
        kill_switch_active=was[1] if kill_switch is None else kill_switch,
        set_by=set_by,
        reason=reason,
        updated_at=now,
    )


def state_of(switches: Sequence[RiskSwitch]) -> TradingState:
    """The state that counts for an order that all these switches concern."""
    return strictest(switch.state for switch in switches)


def told_scopes(switches: Sequence[RiskSwitch]) -> tuple[str, ...]:
    """The switches that hold something back, such as `strategy:trend=REDUCING`."""
    named = [(scope_text(switch.scope, switch.subject), switch) for switch in switches]
    found = [f"{name}={s.state}" for name, s in named if s.state is not TradingState.ACTIVE]
    return (*found, *(f"{name}=KILLED" for name, s in named if s.kill_switch_active))
