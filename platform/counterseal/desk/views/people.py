"""Who may do what, for an access review.

Job: list people with roles, keys and last act, and open proposals.

Invariants
  I1  The list is a function of the documents, so that its digest can be attested and recomputed.

Not here: recording a review (desk.leaving), rechecking signatures (identity.recheck).
Source: governance part 5 (access review).
"""

from collections.abc import Iterable

from counterseal.desk.commands import CommandRecord
from counterseal.desk.ports import Reader
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person, PersonStatus, RoleScope
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.words import Role


class AccessKey(DomainModel):
    """A key that counts."""

    key_id: Name
    scheme: Name
    key_class: int
    effective_at: UtcDatetime


class AccessRow(DomainModel):
    """One person.

    Attributes:
        roles: In force; none for a disabled person.
        scopes: The strategies that roles are limited to; a role without one reaches every one.
        keys: That count still.
        last_act_at, last_act: The newest command of the person, refused ones too; None = never.
    """

    person_id: Name
    tenant: Name
    status: PersonStatus
    roles: tuple[Role, ...]
    keys: tuple[AccessKey, ...]
    last_act_at: UtcDatetime | None = None
    last_act: Name | None = None
    labels: tuple[Name, ...] = ()
    scopes: tuple[RoleScope, ...] = ()


class AccessList(DomainModel):
    """Everybody, in the order of their ids."""

    people: tuple[AccessRow, ...]


def access_list(reader: Reader) -> AccessList:
    """Everybody with roles, keys and last act, as the documents stand."""
    return AccessList(people=tuple(_row(reader, person) for person in reader.find(Person)))


def _row(reader: Reader, person: Person) -> AccessRow:
    acts = reader.find(CommandRecord, actor_id=person.person_id)
    last = max(acts, key=lambda act: (act.decided_at, act.event_id), default=None)
    keys = [k for k in reader.find(PersonKey, person_id=person.person_id) if k.revoked_at is None]
    return AccessRow(
        person_id=person.person_id,
        tenant=person.tenant,
        status=person.status,
        roles=tuple(sorted(person.held_roles())),
        keys=tuple(
            AccessKey(
                key_id=k.key_id,
                scheme=k.scheme,
                key_class=k.key_class,
                effective_at=k.effective_at,
            )
            for k in keys
        ),
        last_act_at=None if last is None else last.decided_at,
        last_act=None if last is None else last.name,
        labels=person.labels,
        scopes=person.scopes,
    )


def roles_text(roles: Iterable[Role], scopes: Iterable[RoleScope]) -> str:
    """Roles for people, each with the strategies that it is limited to, if any."""
    limits = {scope.role: f"({','.join(scope.strategies)})" for scope in scopes}
    return ",".join(f"{role.value}{limits.get(role, '')}" for role in roles)
