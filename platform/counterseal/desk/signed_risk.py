"""What people sign about risk, checked as it stands in the log.

Job: say why an override of a check, or the unlocking of an account, is not what people signed.

Invariants
  I1  A breach is let pass by two different people who could at that place, one of whom reviews
      risk; what ended stays ended.
  I2  An account is unlocked by a person who reviews risk and signed exactly what was open.

Not here: their signatures while the desk runs (risk.override, desk.account_reconciling).
Source: trading reference 3.3 rule 9 and part 4; audit-log design, part "verify".
"""

from counterseal.desk.discrepancies import KIND as RESOLUTION
from counterseal.desk.discrepancies import AccountLock, resolution_statement
from counterseal.desk.signed_ground import ANOTHER, SignedGround
from counterseal.identity.people import SIGNERS
from counterseal.policy.authorize import Action, allowed_roles
from counterseal.policy.words import Role
from counterseal.risk.override import KIND as OVERRIDE
from counterseal.risk.override import OverrideStatus, RiskOverride, override_statement


def override_problem(
    ground: SignedGround, before: RiskOverride | None, override: RiskOverride
) -> str:
    """Why an override is not what people signed; empty when it is.

    Args:
        ground: What the log said before.
        before: Its last version; None for the first.
        override: As the log holds it.

    Raises:
        InputError: when an envelope holds no such statement.
        IntegrityError: the same.
    """
    terms, stated = override.terms, override_statement(override.terms)
    if (terms.override_id, terms.account_id) != (override.override_id, override.account_id):
        return "another override was signed"
    problem = _unlike(before, override) or ground.here(terms.log_origin)
    known = () if before is None else before.signed_by
    for person_id, signature in zip(override.signed_by, override.signatures, strict=False):
        problem = problem or ground.signed(OVERRIDE, signature, person_id, stated)
        if person_id not in known:
            allowed = allowed_roles(Action.OVERRIDE_RISK)
            problem = problem or ground.barred(person_id, *allowed)
    reviewed = any(ground.holds_role(one, Role.RISK_REVIEWER) for one in override.signed_by)
    unreviewed = len(override.signed_by) == SIGNERS != len(known) and not reviewed
    return problem or ("nobody who reviews risk signed it" if unreviewed else "")


def lock_problem(ground: SignedGround, before: AccountLock | None, lock: AccountLock) -> str:
    """Why an account's lock is not what a person signed; empty when it is, or while it is locked.

    Args:
        ground: What the log said before.
        before: Its last version; None for the first, and when that was purged.
        lock: As the log holds it.

    Raises:
        InputError: when the envelope holds no such statement.
        IntegrityError: the same.
    """
    problem, terms = _unlike_lock(before, lock), lock.terms
    if problem or lock.locked:
        return problem
    if terms is None:
        return "nobody signed it"
    if (terms.account_id, terms.run_id) != (lock.account_id, lock.run_id):
        return "another lock was signed"
    if (terms.person, terms.reason) != (lock.resolved_by, lock.resolution):
        return "another decision was signed"
    return (
        ground.here(terms.log_origin)
        or ground.signed(RESOLUTION, lock.signature, terms.person, resolution_statement(terms))
        or ground.barred(terms.person, Role.RISK_REVIEWER)
    )


def _unlike(before: RiskOverride | None, override: RiskOverride) -> str:
    people, count = override.signed_by, len(override.signatures)
    if len(set(people)) != count or len(people) != count:
        return "each signature is of another person"
    if override.status is OverrideStatus.IN_FORCE and count != SIGNERS:
        return "two people did not sign it"
    if before is None:
        return ""
    if before.status is OverrideStatus.ENDED and override != before:
        return "it had ended before"
    mine = (override.terms, people[: len(before.signed_by)], override.opened_at)
    return "" if mine == (before.terms, before.signed_by, before.opened_at) else ANOTHER


def _unlike_lock(before: AccountLock | None, lock: AccountLock) -> str:
    if before is None:
        return ""
    if lock.locked:
        return "" if lock.accepted == before.accepted else "nobody accepted these differences"
    if not before.locked:
        return ANOTHER
    whole = tuple(sorted({*before.accepted, *before.open}))
    signed = None if lock.terms is None else lock.terms.differences
    same = (lock.run_id, lock.accepted, signed) == (before.run_id, whole, before.differences)
    return "" if same else "other differences were signed than were open"
