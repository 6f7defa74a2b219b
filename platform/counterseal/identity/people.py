"""People and how roles reach them.

Job: hold persons and role grants, and decide who may decide about a person.

Invariants
  I1  Only two different active people of the subject's tenant, both with the right for the act and
      neither of them the subject, put anything about a person's rights into force.
  I2  Bootstrap grants exist only in the founding record of a home (identity.founding).
  I3  A disabled person holds no role, and nobody takes over the id.
  I4  A role reaches every strategy, or those alone that its grant names; only a reviewer's role is
      limited so.

Not here: their signatures and proposals (identity.proposals), passwords and login sessions
(storage, ui), keys (identity.keys).
Source: governance rules, part 5.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, DomainModel, Name, Refusal, Signature, refuse
from counterseal.policy.authorize import Action, allowed_roles, authorize
from counterseal.policy.words import Role

__all__ = [
    "SIGNERS",
    "Person",
    "PersonStatus",
    "Role",
    "RoleGrant",
    "RoleScope",
    "check_signers",
    "decide_disable",
    "decide_grant",
    "decide_withdrawal",
    "named_strategies",
]

SIGNERS: Final = 2
"""People who put a grant, a key or its end into force."""
STRATEGIES_MAX: Final = 100
"""Strategies that one role may be limited to."""


class PersonStatus(StrEnum):
    """Whether a person may act."""

    ACTIVE = "active"
    DISABLED = "disabled"


class RoleScope(DomainModel):
    """The strategies that a role is limited to."""

    role: Role
    strategies: tuple[Name, ...] = Field(min_length=1, max_length=STRATEGIES_MAX)


class Person(Document):
    """A human being; the id is never reassigned.

    Attributes:
        scopes: Limits of roles; a role without one reaches every strategy.
        labels: Such as `demo-automatic`, shown beside everything the person does.
        disabled_at: When access was closed; None while the person is active.
    """

    KIND: ClassVar[str] = "people"
    KEY: ClassVar[str] = "person_id"

    person_id: Name
    tenant: Name
    handle: Name
    roles: tuple[Role, ...] = ()
    status: PersonStatus = PersonStatus.ACTIVE
    created_at: UtcDatetime
    labels: tuple[Name, ...] = ()
    disabled_at: UtcDatetime | None = None
    scopes: tuple[RoleScope, ...] = Field(default=(), max_length=len(Role))

    @property
    def active(self) -> bool:
        """Whether the person may act at all."""
        return self.status == PersonStatus.ACTIVE

    def held_roles(self) -> frozenset[Role]:
        """Roles in force; empty for a disabled person."""
        return frozenset(self.roles) if self.active else frozenset()

    def strategies_of(self, role: Role) -> tuple[str, ...]:
        """The strategies that a role is limited to; empty = it reaches every one."""
        return tuple(s for scope in self.scopes if scope.role == role for s in scope.strategies)

    def roles_for(self, strategy_id: str) -> frozenset[Role]:
        """Roles in force that reach a strategy."""
        return frozenset(
            role
            for role in self.held_roles()
            if not (limits := self.strategies_of(role)) or strategy_id in limits
        )


class RoleGrant(Document):
    """The dated record by which two people gave a role to a third.

    Attributes:
        granted_by: The two who signed (founding: the two officers themselves).
        reason: A plain code, such as `duty`.
        strategies: That a reviewer's role is limited to; empty = every one.
        signatures: Theirs, over one statement.
        ended_at, ended_by: When the role was withdrawn, and by whom; None while the grant stands.
    """

    KIND: ClassVar[str] = "role_grants"
    KEY: ClassVar[str] = "grant_id"

    grant_id: Name
    person_id: Name
    role: Role
    granted_by: tuple[Name, ...] = Field(default=(), max_length=SIGNERS)
    bootstrap: bool = False
    granted_at: UtcDatetime
    reason: Name = "duty"
    signatures: tuple[Signature, ...] = Field(default=(), max_length=SIGNERS)
    ended_at: UtcDatetime | None = None
    ended_by: Name | None = None
    strategies: tuple[Name, ...] = Field(default=(), max_length=STRATEGIES_MAX)


def named_strategies(strategies: Iterable[str]) -> tuple[str, ...]:
    """Strategies as a grant names them: each once, sorted."""
    return tuple(sorted(set(strategies)))


def check_signers(
    action: Action, subject: Person, signers: Sequence[Person], *, complete: bool = True
) -> Refusal | None:
    """Whether these people may put an act about the subject into force.

    Args:
        action: What they ask for.
        subject: Whom it is about.
        signers: Who signed, one entry for each signature.
        complete: False while another signature is still to come.

    Returns:
        None; or `TWO_OFFICERS_NEEDED` (keys) or `TWO_PEOPLE_NEEDED` (roles), `OTHER_TENANT`,
        `PERSON_DISABLED`, `ROLE`.
    """
    ids = {p.person_id for p in signers}
    enough = len(ids) == SIGNERS if complete else len(ids) <= SIGNERS
    if not enough or len(ids) != len(signers) or subject.person_id in ids:
        keys = action == Action.ENROL_KEY
        return refuse(
            "TWO_OFFICERS_NEEDED" if keys else "TWO_PEOPLE_NEEDED",
            "two different people decide, neither of them the person concerned",
            person=subject.person_id,
            signers=",".join(sorted(ids)),
        )
    if any(p.tenant != subject.tenant for p in signers):
        return refuse("OTHER_TENANT", "a signer and the person belong to different tenants")
    for signer in signers:
        refusal = authorize(action, signer.held_roles(), active=signer.active)
        if refusal is not None:
            return refusal
    return None


def decide_grant(grant: RoleGrant, grantee: Person) -> Person | Refusal:
    """The grantee with the role; who signed is judged by `check_signers`.

    Returns:
        Or a refusal: `NOT_FOUND` for another person's grant, `PERSON_DISABLED`, `ROLE_HELD`,
        `ROLE_NOT_LIMITED` for strategies beside a role that reviews nothing.
    """
    if grant.person_id != grantee.person_id:
        return refuse("NOT_FOUND", "the grant names another person", person=grant.person_id)
    if not grantee.active:
        return refuse("PERSON_DISABLED", "a disabled person gets no role", person=grantee.person_id)
    if grant.role in grantee.roles:
        return refuse("ROLE_HELD", "the person has this role already", role=grant.role)
    if grant.strategies and grant.role not in allowed_roles(Action.REVIEW):
        told = "only a reviewer's role is limited to strategies"
        return refuse("ROLE_NOT_LIMITED", told, role=grant.role)
    limits = (RoleScope(role=grant.role, strategies=grant.strategies),) if grant.strategies else ()
    return grantee.amended(
        roles=(*grantee.roles, grant.role), scopes=(*_scopes_but(grantee, grant.role), *limits)
    )


def decide_withdrawal(
    person: Person, role: Role, grants: Sequence[RoleGrant], actor: Person, now: datetime
) -> tuple[Person, tuple[RoleGrant, ...]] | Refusal:
    """Take one role from a person, by one who may close their access altogether.

    Args:
        person: Whose role it is.
        role: The one to go.
        grants: Those of the person.
        actor: Who withdraws it.
        now: Instant of the command.

    Returns:
        The person without the role, and the grants that end with it; or a refusal: `ROLE`,
        `PERSON_DISABLED`, `OTHER_TENANT`, `ROLE_NOT_HELD`.
    """
    refusal = _closing_refusal(person, actor)
    if refusal is not None:
        return refusal
    if role not in person.roles:
        return refuse("ROLE_NOT_HELD", "the person has no such role", role=role)
    ended = tuple(
        grant.amended(ended_at=now, ended_by=actor.person_id)
        for grant in grants
        if grant.role == role and grant.ended_at is None
    )
    left = tuple(r for r in person.roles if r != role)
    return person.amended(roles=left, scopes=_scopes_but(person, role)), ended


def decide_disable(person: Person, actor: Person, now: datetime) -> Person | Refusal:
    """Close a leaver's access at once; refusals `ROLE`, `PERSON_DISABLED`, `OTHER_TENANT`."""
    refusal = _closing_refusal(person, actor)
    if refusal is not None:
        return refusal
    return person.amended(status=PersonStatus.DISABLED, disabled_at=now)


def _scopes_but(person: Person, role: Role) -> tuple[RoleScope, ...]:
    return tuple(scope for scope in person.scopes if scope.role != role)


def _closing_refusal(person: Person, actor: Person) -> Refusal | None:
    refusal = authorize(Action.DISABLE_PERSON, actor.held_roles(), active=actor.active)
    if refusal is not None:
        return refusal
    if actor.tenant != person.tenant:
        return refuse("OTHER_TENANT", "the person belongs to another tenant")
    if not person.active:
        return refuse("PERSON_DISABLED", "the person is disabled already", person=person.person_id)
    return None
