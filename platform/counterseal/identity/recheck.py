"""Rechecking who may do what.

Job: recheck every key and every role from the signatures that put them into force.

Invariants
  I1  A key or grant holds only by two people's signatures whose own keys and roles hold, back to
      one founding; what rests on itself or on a forged record does not.
  I2  A role that a person's record shows without a grant that holds is named, and one that reaches
      other strategies than that grant says.
  I3  Of two foundings none holds: which is true is for the log to tell.

Not here: whether tables are what the log says (storage.reconcile), decisions (identity.proposals).
Keys and roles are taken as they stood at the record's own time, both ends included: the order
within one instant is the log's.
Source: governance rules, part 3 (a key counts only after a record signed by two officers).
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeVar

from pydantic import ValidationError

from counterseal.identity.acts import (
    ATTEST,
    Act,
    ActTerms,
    EnrolKey,
    GrantRole,
    act_in,
    action_of,
    grant_terms,
    key_terms,
    kind_of,
    statement_of,
    subject_of,
)
from counterseal.identity.dsse import signed_payload, statement_in
from counterseal.identity.founding import OFFICER_ROLES, founding_problem
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import SIGNERS, Person, RoleGrant, named_strategies
from counterseal.identity.proposals import Register, signature_problem
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import DomainModel, Name, Signature
from counterseal.policy.authorize import Action, allowed_roles

Record = PersonKey | RoleGrant
R = TypeVar("R", PersonKey, RoleGrant)
UNDECIDED: Final = "it rests on itself"
REGISTERS_KEPT: Final = 64
"""Registers whose sound keys stay known; the one not asked about for longest is forgotten first."""


class RegisterFault(DomainModel):
    """A stored key, grant or role that two people did not put into force."""

    kind: Name
    key: Name
    problem: str


def check_enrolment(key: PersonKey, register: Register) -> str:
    """Why a key does not count, whatever its record says; empty when it does."""
    return _Recheck(register).problem(key)


def check_grant(grant: RoleGrant, register: Register) -> str:
    """Why a grant does not stand, whatever its record says; empty when it does."""
    return _Recheck(register).problem(grant)


@lru_cache(maxsize=REGISTERS_KEPT)
def check_register(register: Register) -> tuple[RegisterFault, ...]:
    """Every key, grant and shown role that does not hold; of equal registers worked out once."""
    walk = _Recheck(register)
    records: tuple[Record, ...] = (*register.person_keys, *register.grants)
    faults = [
        RegisterFault(kind=record.KIND, key=record.key, problem=problem)
        for record in records
        if (problem := walk.problem(record))
    ]
    grants_of = _by_person(register.grants)
    for person in register.people:
        own = [g for g in grants_of.get(person.person_id, ()) if g.ended_at is None]
        problem = _shown_problem(person, own, [g for g in own if not walk.problem(g)])
        if problem:
            faults.append(RegisterFault(kind=person.KIND, key=person.key, problem=problem))
    return tuple(faults)


def _shown_problem(person: Person, own: Sequence[RoleGrant], sound: Sequence[RoleGrant]) -> str:
    """Which role of a person's record, or which limit of it, no grant that holds gave."""
    missing = set(person.roles) - {g.role for g in sound}
    if missing:
        told = "rests on a grant that does not hold" if own else "has no grant"
        return f"the role {','.join(sorted(missing))} {told}"
    given = {(g.role, named_strategies(g.strategies)) for g in sound}
    shown = {(role, named_strategies(person.strategies_of(role))) for role in person.roles}
    other = {role for role, _ in shown - given}
    return f"the role {','.join(sorted(other))} was granted for other strategies" if other else ""


def sound_keys(register: Register, keys: Sequence[PersonKey]) -> tuple[PersonKey, ...]:
    """Those of the keys that two people's signatures put into force."""
    return _sound(register, tuple(keys))


@lru_cache(maxsize=REGISTERS_KEPT)
def _sound(register: Register, keys: tuple[PersonKey, ...]) -> tuple[PersonKey, ...]:
    """Of equal registers the answer is the same: their signatures are verified once."""
    walk = _Recheck(register)
    return tuple(key for key in keys if not walk.problem(key))


class _Recheck:
    """One walk over a register; each record is judged once."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._people = {p.person_id: p for p in register.people}
        self._keys = {k.key_id: k for k in register.person_keys}
        self._keys_of = _by_person(register.person_keys)
        self._grants_of = _by_person(register.grants)
        self._told: dict[tuple[str, str], str] = {}
        self._by_founders: dict[tuple[Signature, ...], str] = {}
        records: tuple[Record, ...] = (*register.person_keys, *register.grants)
        self._foundings = {_payloads(r) for r in records if r.bootstrap}

    def problem(self, record: Record) -> str:
        """Why the record does not hold; empty when it does."""
        name = (record.KIND, record.key)
        if name not in self._told:
            self._told[name] = UNDECIDED
            self._told[name] = self._founded(record) if record.bootstrap else self._put(record)
        return self._told[name]

    def _founded(self, record: Record) -> str:
        if len(self._foundings) != 1:
            return "there is more than one founding"
        keys = [k for k in self._register.person_keys if k.bootstrap]
        by_name = {k.key_id: k for k in keys}
        signers = [by_name.get(s.key_id) for s in record.signatures]
        pair = [k for k in signers if k is not None]
        if len(keys) != SIGNERS or len(pair) != SIGNERS:
            return "a founding has two keys"
        terms = _founding_terms(record.signatures[0])
        if terms is None or not self._in_place(terms, record):
            return "it is the founding of another home"
        if isinstance(record, RoleGrant) and (
            record.role not in OFFICER_ROLES or record.person_id not in {k.person_id for k in pair}
        ):
            return "the founding gives no such role"
        if record.signatures not in self._by_founders:
            problem = founding_problem(terms, pair, record.signatures)
            self._by_founders[record.signatures] = problem
        return self._by_founders[record.signatures]

    def _put(self, record: Record) -> str:
        act = _act(record)
        if act is None or not _same(act, record):
            return "nobody signed this record"
        if not self._in_place(act.terms, record):
            return "it was signed for another home or another time"
        statement = canonical_bytes(statement_of(act)).decode()
        deciding: list[str] = []
        own: set[str] = set()
        for signature in record.signatures:
            key = self._signer(signature, act, record)
            if isinstance(key, str):
                return key
            problem = signature_problem(signature, key, kind_of(act), statement)
            if problem:
                return problem
            if isinstance(record, PersonKey) and key.person_id == record.person_id:
                own.add(key.key_id)
            else:
                deciding.append(key.person_id)
        return self._people_problem(act, record, deciding) or self._proof_problem(record, own)

    def _signer(self, signature: Signature, act: Act, record: Record) -> PersonKey | str:
        if isinstance(act, EnrolKey) and signature.key_id == act.key.key_id:
            return act.key
        key = self._keys.get(signature.key_id)
        at = _began(record)
        if key is None:
            return "a key signed that is not enrolled"
        if at < key.effective_at or (key.revoked_at is not None and key.revoked_at < at):
            return "a key signed that did not count then"
        if self.problem(key):
            return f"it rests on the key {key.key_id}, which does not hold"
        return key

    def _people_problem(self, act: Act, record: Record, deciding: Sequence[str]) -> str:
        told = record.granted_by if isinstance(record, RoleGrant) else record.enrolled_by
        ids = set(deciding)
        if len(ids) != SIGNERS or len(deciding) != SIGNERS or subject_of(act) in ids:
            return "two different other people did not sign it"
        if tuple(deciding) != told:
            return "it names others than those who signed"
        for person_id in deciding:
            if not self._held(person_id, action_of(act), act.terms.tenant, _began(record)):
                return f"{person_id} had no right to sign it"
        return ""

    def _held(self, person_id: str, action: Action, tenant: str, at: datetime) -> bool:
        person = self._people.get(person_id)
        if person is None or person.tenant != tenant:
            return False
        if person.disabled_at is not None and person.disabled_at < at:
            return False
        needed = allowed_roles(action)
        return any(
            g.role in needed
            and g.granted_at <= at
            and (g.ended_at is None or at <= g.ended_at)
            and not self.problem(g)
            for g in self._grants_of.get(person_id, ())
        )

    def _proof_problem(self, record: Record, own: set[str]) -> str:
        if not isinstance(record, PersonKey):
            return ""
        if record.key_id not in own:
            return "its owner did not show to hold it"
        at = record.effective_at
        had = {
            k.key_id
            for k in self._keys_of.get(record.person_id, ())
            if k.effective_at < at and (k.revoked_at is None or at < k.revoked_at)
        }
        needed = had if record.supersedes is None else {record.supersedes}
        return "" if not needed or needed & own else "the key that its owner had did not sign"

    def _in_place(self, terms: ActTerms, record: Record) -> bool:
        person = self._people.get(record.person_id)
        return (
            person is not None
            and terms.log_origin in {self._register.origin, *self._register.former}
            and terms.tenant == person.tenant
            and terms.in_time(_began(record))
        )


def _by_person(records: Sequence[R]) -> dict[str, list[R]]:
    found: dict[str, list[R]] = {}
    for record in records:
        found.setdefault(record.person_id, []).append(record)
    return found


def _began(record: Record) -> datetime:
    return record.granted_at if isinstance(record, RoleGrant) else record.effective_at


def _act(record: Record) -> Act | None:
    if not record.signatures:
        return None
    try:
        return act_in(record.signatures[0])
    except (InputError, IntegrityError):
        return None


def _same(act: Act, record: Record) -> bool:
    if isinstance(record, PersonKey):
        return isinstance(act, EnrolKey) and key_terms(act.key) == key_terms(record)
    return isinstance(act, GrantRole) and grant_terms(act.grant) == grant_terms(record)


def _payloads(record: Record) -> tuple[str, ...]:
    return tuple(s.payload for s in record.signatures)


def _founding_terms(signature: Signature) -> ActTerms | None:
    try:
        stated = statement_in(signed_payload(signature, ATTEST))
        told = {k: v for k, v in stated.items() if k in ActTerms.model_fields}
        return ActTerms.model_validate_json(canonical_bytes(told))  # type: ignore[arg-type]  # parsed JSON
    except (InputError, IntegrityError, ValidationError):
        return None
