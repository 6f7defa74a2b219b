"""Acting for another reviewer under a signed, scoped, dated grant.

Job: decide whether a grant is recorded, whether it may be used, and whom it makes one person.

Invariants
  I1  A grant passes on stages that the delegator may review in person, for a bounded time and
      scope; what was delegated to somebody cannot be passed on.
  I2  The delegator's signature covers every bound: a changed row is refused.
  I3  It counts only inside `[valid_from, valid_until)`, and never after it was ended.
  I4  Whoever a grant joins at any time of a case is one person in that case.

Not here: independence (approvals.independence), the review itself (approvals.review_checks).
Source: governance rule 2.6; N8.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from counterseal.approvals.independence import LinkKind, PersonLink
from counterseal.approvals.model import ApprovalDecision, RequestPayload
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Document, DomainModel, Name, Refusal, Sha256, Signature
from counterseal.kernel.money import Currency, NonNegative
from counterseal.market.instruments import contract_root
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.words import Meaning, Role, Stage

KIND: Final = "grant"
_UNSIGNED: Final = frozenset({"signature", "status", "ended_at", "ended_by"})
_R: Final = ReasonCode


class GrantStatus(StrEnum):
    """Whether a grant may still be used."""

    ACTIVE = "active"
    ENDED = "ended"


class GrantScope(DomainModel):
    """What a delegate may review.

    Attributes:
        instruments: Contract roots, such as `TX`.
        tx_equivalent_max, notional_max: Largest exposure and notional (in `currency`) of a request.
    """

    strategies: tuple[Name, ...] = Field(min_length=1, max_length=100)
    instruments: tuple[Name, ...] = Field(min_length=1, max_length=100)
    accounts: tuple[Name, ...] = Field(min_length=1, max_length=100)
    tx_equivalent_max: NonNegative
    notional_max: NonNegative
    currency: Currency

    def covers(self, payload: RequestPayload) -> bool:
        """Whether the request lies inside every bound; another currency does not."""
        return (
            payload.strategy_id in self.strategies
            and contract_root(payload.symbol) in self.instruments
            and payload.account_id in self.accounts
            and payload.currency == self.currency
            and payload.tx_equivalent <= self.tx_equivalent_max
            and payload.notional <= self.notional_max
        )


class DelegationGrant(Document):
    """A reviewer's signed permission for somebody else to review in their name.

    Attributes:
        reason: Salted commitment to the delegator's words, which lie beside the log.
        ended_at, ended_by: Set when it was ended before its time.
    """

    KIND: ClassVar[str] = "delegation_grants"
    KEY: ClassVar[str] = "grant_id"

    grant_id: Name
    log_origin: Name
    tenant: Name
    delegator: Name
    delegate: Name
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=3)
    scope: GrantScope
    meaning: Literal[Meaning.DELEGATED] = Meaning.DELEGATED
    valid_from: UtcDatetime
    valid_until: UtcDatetime
    reason: Sha256
    nonce: Name
    issued_at: UtcDatetime
    key_id: Name
    status: GrantStatus = GrantStatus.ACTIVE
    ended_at: UtcDatetime | None = None
    ended_by: Name | None = None
    signature: Signature | None = None

    @model_validator(mode="after")
    def _span(self) -> Self:
        if not self.valid_from < self.valid_until:
            raise ValueError("valid_from must be before valid_until")
        if (self.status is GrantStatus.ENDED) != (self.ended_at is not None):
            raise ValueError("an ended grant names when it ended, and no other does")
        return self

    def in_force(self, instant: datetime) -> bool:
        """Whether it counted at an instant (half-open, also against an early end)."""
        until = self.valid_until if self.ended_at is None else min(self.valid_until, self.ended_at)
        return self.valid_from <= instant < until


class Delegated(DomainModel):
    """A grant that somebody acts under, with the delegator as registered.

    Attributes:
        key: The delegator's key that signed the grant; None when it is not registered.
    """

    grant: DelegationGrant
    delegator: Person
    key: PersonKey | None


def grant_statement(grant: DelegationGrant) -> Mapping[str, Json]:
    """What the delegator signs: every field but the signature and how it ended."""
    return {k: v for k, v in grant.json_value().items() if k not in _UNSIGNED}


def grant_signed(grant: DelegationGrant, key: PersonKey | None) -> bool:
    """Whether the delegator's own, enrolled key signed every bound of the grant."""
    if key is None or grant.signature is None or key.bootstrap:
        return False
    if key.person_id != grant.delegator or key.key_id != grant.key_id:
        return False
    if not key.counts_at(grant.issued_at):
        return False
    try:
        return verify_signed(grant.signature, key, KIND) == grant_statement(grant)
    except IntegrityError:
        return False


def decide_delegation(
    grant: DelegationGrant,
    delegator: Person,
    delegate: Person | None,
    key: PersonKey | None,
    *,
    known: DelegationGrant | None,
    params: ApprovalParameters,
    now: datetime,
) -> DelegationGrant | Refusal:
    """Record a signed grant.

    Args:
        grant: As signed.
        delegator: From the verified login.
        delegate: The person named by the grant, or None when there is none.
        key: The registered key that the grant names.
        known: A grant of the same id, which is never used again.
        params: The policy in force.
        now: The command's one instant.

    Returns:
        The grant; or, all collected, `OTHER_TENANT`, `PERSON_DISABLED`, `ROLE` (the delegator holds
        no role of a stage), `STRATEGY_SCOPE` (none that reaches all strategies of the grant),
        `STAGE_NOT_REQUIRED` (the policy has no such stage), `GRANT_INVALID`
        (own, unsigned, changed, re-used, stale, too long or over), `NOT_FOUND`, `KEY_REVOKED`.
    """
    problem = _problem(grant, delegator, key, known=known, params=params, now=now)
    codes = [] if not problem else [_R.GRANT_INVALID]
    if delegate is None:
        codes.append(_R.NOT_FOUND)
    elif delegate.tenant != delegator.tenant or grant.tenant != delegator.tenant:
        codes.append(_R.OTHER_TENANT)
    if not delegator.active or (delegate is not None and not delegate.active):
        codes.append(_R.PERSON_DISABLED)
    if key is not None and key.revoked_at is not None:
        codes.append(_R.KEY_REVOKED)
    codes += _stage_codes(grant, delegator, params)
    refusal = refuse_all(codes, "the grant is refused", grant=grant.grant_id, problem=problem)
    return refusal or grant.amended(status=GrantStatus.ACTIVE, ended_at=None, ended_by=None)


def _problem(
    grant: DelegationGrant,
    delegator: Person,
    key: PersonKey | None,
    *,
    known: DelegationGrant | None,
    params: ApprovalParameters,
    now: datetime,
) -> str:
    longest = timedelta(days=params.delegation_days_max)
    age = (now - grant.issued_at).total_seconds()
    checks = (
        ("the id is known", known is not None),
        ("it is another person's", grant.delegator != delegator.person_id),
        ("nobody delegates to themselves", grant.delegate == grant.delegator),
        ("it was ended", grant.status is not GrantStatus.ACTIVE),
        ("it was not signed just now", not 0 <= age <= params.nonce_ttl_seconds),
        ("it is over", now >= grant.valid_until),
        ("it lasts too long", grant.valid_until - grant.valid_from > longest),
        ("it begins before it is signed", grant.valid_from < grant.issued_at),
        ("its signature does not hold", not grant_signed(grant, key)),
    )
    return next((words for words, failed in checks if failed), "")


def _stage_codes(
    grant: DelegationGrant, delegator: Person, params: ApprovalParameters
) -> list[ReasonCode]:
    codes: list[ReasonCode] = []
    for stage in grant.stages:
        rule = params.stage(stage)
        if rule is None:
            codes.append(_R.STAGE_NOT_REQUIRED)
        elif not delegator.held_roles() & set(rule.roles):
            codes.append(_R.ROLE)
        elif not all(delegator.roles_for(s) & set(rule.roles) for s in grant.scope.strategies):
            codes.append(_R.STRATEGY_SCOPE)
    return codes


def decide_end_delegation(
    grant: DelegationGrant, actor: Person, now: datetime
) -> DelegationGrant | Refusal:
    """End a grant at once: by either end or by compliance.

    Returns:
        The ended grant; or `OTHER_TENANT`, `GRANT_INVALID` (over already) or `ROLE`.
    """
    ends = {grant.delegator, grant.delegate}
    may = actor.person_id in ends or Role.COMPLIANCE_REVIEWER in actor.held_roles()
    checks = (
        (_R.OTHER_TENANT, actor.tenant != grant.tenant),
        (_R.ROLE, not actor.active or not may),
        (_R.GRANT_INVALID, grant.status is GrantStatus.ENDED or now >= grant.valid_until),
    )
    refusal = refuse_all(
        [code for code, failed in checks if failed], "the grant stays", grant=grant.grant_id
    )
    return refusal or grant.amended(
        status=GrantStatus.ENDED, ended_at=now, ended_by=actor.person_id
    )


def grant_in_force(
    grant: DelegationGrant, payload: RequestPayload, stage: Stage | None, now: datetime
) -> bool:
    """Whether the bounds of a grant hold for one stage of one request at an instant."""
    same_tenant = grant.tenant == payload.tenant
    in_scope = stage in grant.stages and grant.scope.covers(payload)
    return same_tenant and in_scope and grant.in_force(now)


def delegated_holds(
    delegated: Delegated, delegate: str, payload: RequestPayload, stage: Stage | None, now: datetime
) -> bool:
    """Whether a person may act under a grant now; the delegator must still be active and keyed."""
    grant, key = delegated.grant, delegated.key
    return (
        grant.delegate == delegate
        and grant.delegator == delegated.delegator.person_id
        and delegated.delegator.active
        and key is not None
        and key.revoked_at is None
        and grant_signed(grant, key)
        and grant_in_force(grant, payload, stage, now)
    )


def decided_under_grant(
    decision: ApprovalDecision,
    payload: RequestPayload,
    grants: Iterable[DelegationGrant],
    keys: Sequence[PersonKey],
) -> bool:
    """Whether a recorded decision stands on a grant that was good when it was made.

    True for a decision in the own name; False when it names a grant that is not there.
    """
    if decision.grant_id is None and decision.on_behalf_of is None:
        return True
    grant = next((g for g in grants if g.grant_id == decision.grant_id), None)
    if grant is None:
        return False
    key = next((k for k in keys if k.key_id == grant.key_id), None)
    ends = (decision.on_behalf_of, decision.reviewer_id) == (grant.delegator, grant.delegate)
    whole = ends and grant_signed(grant, key)
    return whole and grant_in_force(grant, payload, decision.stage, decision.issued_at)


def links_of_grants(
    grants: Iterable[DelegationGrant], since: datetime, now: datetime
) -> tuple[PersonLink, ...]:
    """Links between both ends of every grant that was active at any time of `[since, now]`."""
    return tuple(
        PersonLink(left=grant.delegator, right=grant.delegate, kind=LinkKind.DELEGATION)
        for grant in grants
        if grant.valid_from <= now and (grant.in_force(max(since, grant.valid_from)))
    )
