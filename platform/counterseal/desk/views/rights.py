"""Who holds which right of a tenant, since when, and by whom.

Job: list people with their roles and keys, what they lent to others, and what of all that does not
rest on two people's signatures.

Invariants
  I1  Only people of the asked tenant are listed, and nothing that is theirs is left out.
  I2  A role or a key that no sound record gave is named as such, never shown like the others.

Not here: who may sign what is open (views.signing), the list that a review attests (views.people).
Source: governance parts 2.6, 3 and 5; ui part 1 (Settings: people and grants).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

from counterseal.approvals.delegation import DelegationGrant
from counterseal.desk.installation import Installation
from counterseal.desk.people import NOWHERE, enrolled_keys, register_of
from counterseal.desk.ports import Reader
from counterseal.identity.acts import EnrolKey
from counterseal.identity.keys import PersonKey
from counterseal.identity.mandate import MandateStatus, SubmitMandate
from counterseal.identity.people import Person, PersonStatus, RoleGrant
from counterseal.identity.proposals import (
    PeopleProposal,
    ProposalStatus,
    Register,
    proposed_act,
)
from counterseal.identity.recheck import RegisterFault, check_register
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.words import Role


class KeyStanding(StrEnum):
    """What a key is good for now."""

    IN_FORCE = "in_force"
    WAITING = "waiting"
    ENDED = "ended"
    UNPROVEN = "unproven"


class RoleHeld(DomainModel):
    """A role that a person's record shows.

    Attributes:
        strategies: That it is limited to; empty = it reaches every one.
        since, granted_by: Of the newest grant that stands; None and empty when there is none.
    """

    role: Role
    strategies: tuple[Name, ...]
    since: UtcDatetime | None = None
    granted_by: tuple[Name, ...] = ()


class KeyHeld(DomainModel):
    """A key of a person, or one that is proposed for them.

    Attributes:
        since: When it began to count (UTC), or was proposed.
        ended_at, why: When and why it ended; None and empty while it has not.
        enrolled_by: The two officers; empty for one that waits.
    """

    key_id: Name
    scheme: SignatureScheme
    key_class: int
    standing: KeyStanding
    since: UtcDatetime
    ended_at: UtcDatetime | None = None
    why: str = ""
    enrolled_by: tuple[Name, ...] = ()


class PersonRights(DomainModel):
    """One person; a disabled one holds no role."""

    person_id: Name
    status: PersonStatus
    labels: tuple[Name, ...]
    since: UtcDatetime
    disabled_at: UtcDatetime | None
    roles: tuple[RoleHeld, ...]
    keys: tuple[KeyHeld, ...]


class Rights(DomainModel):
    """Everybody of a tenant, in the order of their ids.

    Attributes:
        delegations, mandates: In force now or to come, what ends first first.
        faults: Keys, grants and shown roles of these people that do not hold.
    """

    people: tuple[PersonRights, ...]
    delegations: tuple[DelegationGrant, ...]
    mandates: tuple[SubmitMandate, ...]
    faults: tuple[RegisterFault, ...]


def rights_of(reader: Reader, tenant: str, now: datetime) -> Rights:
    """The rights of a tenant's people at `now` (UTC)."""
    installed = reader.find(Installation)
    register = register_of(reader, installed[0].origin if installed else NOWHERE)
    own = [person for person in register.people if person.tenant == tenant]
    names = {person.person_id for person in own}
    sound = {key.key_id for key in enrolled_keys(reader)}
    waiting = _waiting(reader.find(PeopleProposal, status=ProposalStatus.OPEN.value), now)
    return Rights(
        people=tuple(_rights(person, register, sound, waiting) for person in own),
        delegations=tuple(_delegations(reader, tenant, now)),
        mandates=tuple(_mandates(reader, tenant, now)),
        faults=tuple(f for f in check_register(register) if _owner(register, f) in names),
    )


def _rights(
    person: Person, register: Register, sound: set[str], waiting: Iterable[PersonKey]
) -> PersonRights:
    who = person.person_id
    grants = [g for g in register.grants if g.person_id == who and g.ended_at is None]
    held = (_held(key, sound) for key in register.person_keys if key.person_id == who)
    proposed = (_proposed(key) for key in waiting if key.person_id == who)
    return PersonRights(
        person_id=who,
        status=person.status,
        labels=person.labels,
        since=person.created_at,
        disabled_at=person.disabled_at,
        roles=tuple(_role(person, role, grants) for role in sorted(person.held_roles())),
        keys=tuple(sorted((*held, *proposed), key=lambda one: (one.since, one.key_id))),
    )


def _role(person: Person, role: Role, grants: Iterable[RoleGrant]) -> RoleHeld:
    given = max((g for g in grants if g.role == role), key=lambda g: g.granted_at, default=None)
    return RoleHeld(
        role=role,
        strategies=person.strategies_of(role),
        since=None if given is None else given.granted_at,
        granted_by=() if given is None else given.granted_by,
    )


def _held(key: PersonKey, sound: set[str]) -> KeyHeld:
    standing = KeyStanding.IN_FORCE if key.key_id in sound else KeyStanding.UNPROVEN
    return _told(key, KeyStanding.ENDED if key.revoked_at is not None else standing)


def _proposed(key: PersonKey) -> KeyHeld:
    return _told(key, KeyStanding.WAITING)


def _told(key: PersonKey, standing: KeyStanding) -> KeyHeld:
    return KeyHeld(
        key_id=key.key_id,
        scheme=key.scheme,
        key_class=key.key_class,
        standing=standing,
        since=key.effective_at,
        ended_at=key.revoked_at,
        why=key.revoked_reason,
        enrolled_by=key.enrolled_by,
    )


def _waiting(proposals: Iterable[PeopleProposal], now: datetime) -> tuple[PersonKey, ...]:
    """Keys that are proposed and may still be signed for."""
    acts = [proposed_act(one) for one in proposals if one.opened_at <= now < one.expires_at]
    return tuple(act.key for act in acts if isinstance(act, EnrolKey))


def _delegations(reader: Reader, tenant: str, now: datetime) -> Iterator[DelegationGrant]:
    found = reader.find(DelegationGrant, tenant=tenant)
    left = (one for one in found if one.ended_at is None and now < one.valid_until)
    yield from sorted(left, key=lambda one: (one.valid_until, one.grant_id))


def _mandates(reader: Reader, tenant: str, now: datetime) -> Iterator[SubmitMandate]:
    found = reader.find(SubmitMandate, tenant=tenant, status=MandateStatus.ACTIVE.value)
    left = (one for one in found if now < one.valid_until)
    yield from sorted(left, key=lambda one: (one.valid_until, one.mandate_id))


def _owner(register: Register, fault: RegisterFault) -> str:
    """Whom a fault is about; faults of a person carry the id itself."""
    if fault.kind == Person.KIND:
        return fault.key
    records: tuple[PersonKey | RoleGrant, ...] = (*register.person_keys, *register.grants)
    named = ((r.KIND, r.key, r.person_id) for r in records)
    return next((who for kind, key, who in named if (kind, key) == (fault.kind, fault.key)), "")
