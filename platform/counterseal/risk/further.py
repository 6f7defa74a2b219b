"""The checks after the fourteen.

Job: run every further check on the facts that it reads, and record each as the policy says.

Invariants
  I1  Every further check is recorded, in the order of `FurtherCheck`; one that is off is skipped.
  I2  What a breach does follows from the policy's row; an override counts while it has not expired.

Not here: the rules (risk.further_state, risk.further_money), the fourteen (risk.checks).
Source: trading reference part 4 (worth having beyond the 14).
"""

from datetime import datetime
from typing import Final

from counterseal.policy.desk_limits import FurtherCheck
from counterseal.policy.limits import RiskLimits
from counterseal.risk.further_money import balance_findings, position_findings, price_findings
from counterseal.risk.further_state import rate_findings, state_findings
from counterseal.risk.model import Check, RiskIntent, RiskSnapshot
from counterseal.risk.outcomes import answered, skipped_check
from counterseal.signals.intent import Side

_NAMES: Final = tuple(FurtherCheck)
_OFF: Final = {
    name: skipped_check(name, "the policy has this check switched off") for name in _NAMES
}


def further_checks(
    intent: RiskIntent, snapshot: RiskSnapshot, policy: RiskLimits, now: datetime
) -> tuple[Check, ...]:
    """All further checks on one order at `now` (UTC)."""
    limits, facts = policy.desk, snapshot.further
    buys = intent.side is Side.BUY
    working = facts.working_buy_contracts if buys else facts.working_sell_contracts
    findings = (
        *state_findings(intent, snapshot, limits, working),
        *price_findings(intent, snapshot, limits, working),
        *position_findings(intent, snapshot, limits),
        *balance_findings(intent, snapshot, limits, working),
        *rate_findings(facts, limits),
    )
    rows, overrides = limits.rows, [one for one in facts.overrides if now < one.expires_at]
    return tuple(
        [
            _OFF[name]
            if name not in rows
            else found
            if isinstance(found, Check)
            else answered(found, rows[name], overrides)
            for name, found in zip(_NAMES, findings, strict=True)
        ]
    )
