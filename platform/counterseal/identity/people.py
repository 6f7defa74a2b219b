"""People and how roles reach them.

Job: hold persons and role grants, and decide whether a grant stands.

Invariants
  I1  A role is granted by two different active people, neither of them the grantee.
  I2  A bootstrap grant is possible only while no ordinary grant exists.
  I3  A disabled person holds no role.

Not here: passwords and login sessions (storage, ui), keys (identity.keys).
Source: governance rules, part 5.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, Name, Refusal, refuse
from counterseal.policy.authorize import Action, authorize
from counterseal.policy.words import Role

__all__ = ["Person", "PersonStatus", "Role", "RoleGrant", "decide_disable", "decide_grant"]

GRANTERS: Final = 2


class PersonStatus(StrEnum):
    """Whether a person may act."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Person(Document):
    """A human being; the id is never reassigned.

    Attributes:
        labels: Such as `demo-automatic`, shown beside everything the person does.
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

    @property
    def active(self) -> bool:
        """Whether the person may act at all."""
        return self.status == PersonStatus.ACTIVE

    def held_roles(self) -> frozenset[Role]:
        """Roles in force; empty for a disabled person."""
        return frozenset(self.roles) if self.active else frozenset()


class RoleGrant(Document):
    """The dated record by which two people gave a role to a third."""

    KIND: ClassVar[str] = "role_grants"
    KEY: ClassVar[str] = "grant_id"

    grant_id: Name
    person_id: Name
    role: Role
    granted_by: tuple[Name, ...] = Field(max_length=2)
    bootstrap: bool = False
    granted_at: UtcDatetime
    reason: str = Field(default="", max_length=2000)


def decide_grant(
    grant_id: str,
    grantee: Person,
    role: Role,
    granters: Sequence[Person],
    *,
    existing: Sequence[RoleGrant],
    now: datetime,
    bootstrap: bool = False,
    reason: str = "",
) -> tuple[RoleGrant, Person] | Refusal:
    """Grant a role; gives the grant and the grantee with the role added.

    Returns:
        Or a refusal: `PERSON_DISABLED`, `BOOTSTRAP_CLOSED`, `TWO_PEOPLE_NEEDED`,
        `OTHER_TENANT`, `ROLE`.
    """
    if not grantee.active:
        return refuse("PERSON_DISABLED", "a disabled person gets no role", person=grantee.person_id)
    refusal = _bootstrap_refusal(existing) if bootstrap else _granters_refusal(grantee, granters)
    if refusal is not None:
        return refusal
    grant = RoleGrant(
        grant_id=grant_id,
        person_id=grantee.person_id,
        role=role,
        granted_by=tuple(p.person_id for p in granters)[:GRANTERS],
        bootstrap=bootstrap,
        granted_at=now,
        reason=reason,
    )
    roles = grantee.roles if role in grantee.roles else (*grantee.roles, role)
    return grant, grantee.amended(roles=roles)


def decide_disable(person: Person, actor: Person) -> Person | Refusal:
    """Close a leaver's access at once; refusals `ROLE`, `PERSON_DISABLED`, `OTHER_TENANT`."""
    refusal = authorize(Action.DISABLE_PERSON, actor.held_roles(), active=actor.active)
    if refusal is not None:
        return refusal
    if actor.tenant != person.tenant:
        return refuse("OTHER_TENANT", "the person belongs to another tenant")
    if not person.active:
        return refuse("PERSON_DISABLED", "the person is disabled already", person=person.person_id)
    return person.amended(status=PersonStatus.DISABLED)


def _bootstrap_refusal(existing: Sequence[RoleGrant]) -> Refusal | None:
    if all(grant.bootstrap for grant in existing):
        return None
    return refuse("BOOTSTRAP_CLOSED", "ordinary grants exist, so bootstrap is over")


def _granters_refusal(grantee: Person, granters: Sequence[Person]) -> Refusal | None:
    ids = {p.person_id for p in granters}
    if len(granters) != GRANTERS or len(ids) != GRANTERS or grantee.person_id in ids:
        return refuse(
            "TWO_PEOPLE_NEEDED",
            "a role is granted by two different people, neither of them the grantee",
            granters=",".join(sorted(ids)),
        )
    if any(p.tenant != grantee.tenant for p in granters):
        return refuse("OTHER_TENANT", "granter and grantee belong to different tenants")
    for granter in granters:
        refusal = authorize(Action.GRANT_ROLE, granter.held_roles(), active=granter.active)
        if refusal is not None:
            return refusal
    return None
