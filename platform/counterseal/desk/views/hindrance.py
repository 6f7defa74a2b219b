"""Why a verdict is not for somebody, as one thing that people can act on.

Job: make of every reason code against an act the one that tells most, and what it is measured by.

A person who may never decide a case (the own one, one reviewed before) is *not allowed*; one whose
step has not come, or is another's, is *waiting*; everything else is *blocked* by a rule.

Invariants
  I1  Every reason comes from the codes that are handed in; without one there is no hindrance.
  I2  What keeps a person out for good is told first, then whose step it is, then a rule's bound.

Not here: judging (views.standing), sentences (policies/reason-codes.md, ui).
Source: governance rules 2.5 and 2.8; UI-08.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

from counterseal.approvals.model import RequestPayload
from counterseal.approvals.reasons import ReasonCode
from counterseal.desk.views.turns import Turn
from counterseal.identity.people import Person
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Currency, NonNegative
from counterseal.policy.params import ApprovalParameters

_R: Final = ReasonCode


class HindranceKind(StrEnum):
    """What kind of no it is."""

    NOT_ALLOWED = "not_allowed"
    WAITING = "waiting"
    BLOCKED = "blocked"


_ALWAYS: Final = (
    _R.REQUESTER_IS_REVIEWER,
    _R.ALREADY_REVIEWED,
    _R.AUTHOR_CONFLICT,
    _R.DELEGATION_CONFLICT,
    _R.PERSON_DISABLED,
    _R.OTHER_TENANT,
    _R.STRATEGY_SCOPE,
    _R.GRANT_INVALID,
    _R.KEY_NOT_ENROLLED,
    _R.KEY_REVOKED,
)
"""Reasons that neither time nor another person's step takes away."""

_OF_THE_STEP: Final = frozenset({_R.ROLE, _R.OUT_OF_ORDER, _R.STAGE_FULL})


class Hindrance(DomainModel):
    """One reason against an act.

    Attributes:
        code: Of the rule that says no.
        people: Who can take the step instead, or before.
        value, limit: What the rule compared, where it compares amounts.
    """

    kind: HindranceKind
    code: Name
    people: tuple[Name, ...] = ()
    value: NonNegative | None = None
    limit: NonNegative | None = None
    currency: Currency | None = None


def hindrance_of(
    codes: Sequence[str],
    person: Person,
    bound: RequestPayload,
    rules: ApprovalParameters,
    turn: Turn | None,
    *,
    key_class: int,
) -> Hindrance | None:
    """The one reason to tell of these, in check order; None when there is none.

    Args:
        codes: Every reason against the act.
        person: Whose act it would be.
        bound: What the request binds.
        rules: Of the policy in force.
        turn: The step that the case waits for, with who may take it.
        key_class: The best of the person's keys that sign (0 = none).
    """
    if not codes:
        return None
    people = () if turn is None else turn.eligible
    always = next((one for one in _ALWAYS if one in codes), None)
    if always is not None:
        return Hindrance(kind=HindranceKind.NOT_ALLOWED, code=always, people=people)
    step = next((code for code in codes if code in _OF_THE_STEP), None)
    if step is not None:
        reviews = person.held_roles() & rules.reviewer_roles()
        kind = HindranceKind.WAITING if reviews else HindranceKind.NOT_ALLOWED
        return Hindrance(kind=kind, code=step, people=people)
    told = Hindrance(kind=HindranceKind.BLOCKED, code=codes[0], people=people)
    return _measured(told, person, bound, rules, turn, key_class)


def _measured(
    told: Hindrance,
    person: Person,
    bound: RequestPayload,
    rules: ApprovalParameters,
    turn: Turn | None,
    key_class: int,
) -> Hindrance:
    """With the amounts that the rule compared, where it compares any."""
    if told.code == ReasonCode.ABOVE_AUTHORITY:
        held = person.held_roles()
        limits = [row.notional_max for row in rules.authority if row.role in held]
        limit = max((one for one in limits if one is not None), default=None)
        return told.amended(value=bound.notional, limit=limit, currency=bound.currency)
    stage = None if turn is None or turn.stage is None else rules.stage(turn.stage)
    if told.code == ReasonCode.KEY_CLASS_TOO_LOW and stage is not None:
        return told.amended(value=Decimal(key_class), limit=Decimal(stage.key_class_min))
    return told
