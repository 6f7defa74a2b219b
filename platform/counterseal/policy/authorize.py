"""Which role may ask for which action.

Job: answer one role question, fail-closed.

Invariants
  I1  An action without a row, an empty role set or a disabled person is refused.
  I2  Holding many roles never removes a right, and no role includes another.

Not here: conflicts of interest, order, clocks (approvals); review stages take their roles from
policy.params.
Source: governance rules 4 and 5.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.words import Role


class Action(StrEnum):
    """What can be asked for."""

    PROPOSE_SIGNAL = "signal.propose"
    REQUEST = "approval.request"
    REVIEW = "approval.review"
    REVOKE = "approval.revoke"
    WITHDRAW = "approval.withdraw"
    SUBMIT = "order.submit"
    CANCEL = "order.cancel"
    MANDATE = "mandate.sign"
    KILL_SWITCH = "risk.kill_switch"
    TRADING_STATE = "risk.trading_state"
    OVERRIDE_RISK = "risk.override"
    SET_UP = "setup.change"
    EXPORT = "evidence.export"
    READ = "records.read"
    ENROL_KEY = "identity.enrol_key"
    GRANT_ROLE = "identity.grant_role"
    DISABLE_PERSON = "identity.disable_person"
    PROPOSE_POLICY = "policy.propose"
    APPROVE_POLICY = "policy.approve"
    HOLD_RECORDS = "records.hold"
    ERASE_PERSON = "records.erase"
    PURGE_RECORDS = "records.purge"
    CHANGE_LOG_KEY = "records.change_log_key"
    ATTEST_CONTROL = "controls.attest"


_REVIEWERS: Final = frozenset(
    {Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER}
)
_ALLOWED: Final[Mapping[str, frozenset[Role]]] = {
    Action.PROPOSE_SIGNAL: frozenset({Role.REQUESTER, Role.OPERATOR}),
    Action.REQUEST: frozenset({Role.REQUESTER}),
    Action.REVIEW: _REVIEWERS,
    Action.REVOKE: _REVIEWERS,
    Action.WITHDRAW: frozenset({Role.REQUESTER}),
    Action.SUBMIT: frozenset({Role.OPERATOR}),
    Action.CANCEL: frozenset({Role.OPERATOR}),
    Action.MANDATE: frozenset({Role.OPERATOR}),
    Action.KILL_SWITCH: frozenset({Role.OPERATOR, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER}),
    Action.TRADING_STATE: frozenset({Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER}),
    Action.OVERRIDE_RISK: frozenset({Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER}),
    Action.SET_UP: frozenset({Role.ADMINISTRATOR, Role.OPERATOR}),
    Action.EXPORT: frozenset({Role.AUDITOR}),
    Action.READ: frozenset(Role),
    Action.ENROL_KEY: frozenset({Role.ENROLMENT_OFFICER}),
    Action.GRANT_ROLE: frozenset({Role.ADMINISTRATOR, Role.ENROLMENT_OFFICER}),
    Action.DISABLE_PERSON: frozenset({Role.ADMINISTRATOR}),
    Action.PROPOSE_POLICY: frozenset({Role.POLICY_AUTHOR}),
    Action.APPROVE_POLICY: frozenset({Role.POLICY_APPROVER}),
    Action.HOLD_RECORDS: frozenset({Role.COMPLIANCE_REVIEWER}),
    Action.ERASE_PERSON: frozenset({Role.COMPLIANCE_REVIEWER}),
    Action.PURGE_RECORDS: frozenset({Role.COMPLIANCE_REVIEWER, Role.ADMINISTRATOR}),
    Action.CHANGE_LOG_KEY: frozenset({Role.ADMINISTRATOR}),
    Action.ATTEST_CONTROL: frozenset({Role.COMPLIANCE_REVIEWER}),
}


def allowed_roles(action: str) -> frozenset[Role]:
    """Roles that may ask for an action; empty for an unknown action."""
    return _ALLOWED.get(action, frozenset())


def authorize(action: str, roles: Iterable[Role], *, active: bool = True) -> Refusal | None:
    """Whether a person with these roles may ask for the action.

    Returns:
        None when allowed; else `PERSON_DISABLED`, `POLICY_ERROR` (unknown action) or `ROLE`.
    """
    if not active:
        return refuse("PERSON_DISABLED", "a disabled person may do nothing", action=action)
    allowed = allowed_roles(action)
    if not allowed:
        return refuse("POLICY_ERROR", "no rule names this action", action=action)
    held = frozenset(roles)
    if held & allowed:
        return None
    return refuse(
        "ROLE",
        "none of the person's roles may do this",
        action=action,
        held=",".join(sorted(held)),
        needed=",".join(sorted(allowed)),
    )
