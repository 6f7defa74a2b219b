"""Trading states and kill switches with a scope.

Job: hold what people switched for an account, a strategy or all, and say what follows for an order.

Invariants
  I1  A switch has one key for each scope and subject; `all` has no subject, the others have one.
  I2  The kill switch of an account lies in its `RiskState` alone: there are no two truths.
  I3  Of all switches that concern an order the strictest state counts; any kill switch stops it.

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
        switch_id: `account:ID`, `strategy:ID` or `all`.
        subject: Account or strategy; None for all.
        reason: The person's words.
    """

    KIND: ClassVar[str] = "risk_switches"
    KEY: ClassVar[str] = "switch_id"

    switch_id: Name
    scope: RiskScope
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
        if self.switch_id != switch_id(self.scope, self.subject):
            raise ValueError("the id is scope:subject")
        if self.kill_switch_active and self.scope is RiskScope.ACCOUNT:
            raise ValueError("the kill switch of an account lies in its risk state")
        return self


def switch_id(scope: RiskScope, subject: str | None) -> str:
    """Key of the switch of a scope."""
    return scope.value if subject is None else f"{scope.value}:{subject}"


def switch_ids(account_id: str, strategy_id: str | None) -> tuple[str, ...]:
    """Keys of every switch that concerns an order."""
    strategy = () if strategy_id is None else (switch_id(RiskScope.STRATEGY, strategy_id),)
    return (switch_id(RiskScope.ACCOUNT, account_id), *strategy, RiskScope.ALL.value)


def apply_switch(
    known: RiskSwitch | None,
    scope: RiskScope,
    subject: str | None,
    *,
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
        switch_id=switch_id(scope, subject),
        scope=scope,
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
    found = [f"{s.switch_id}={s.state}" for s in switches if s.state is not TradingState.ACTIVE]
    return (*found, *(f"{s.switch_id}=KILLED" for s in switches if s.kill_switch_active))
