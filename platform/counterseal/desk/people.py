"""Use cases: the people of a home.

Job: found a home with two officers, add people, and say who an actor is.

Invariants
  I1  The actor's person is read from the register; an unknown or disabled one is refused.
  I2  Until two officers founded the home by one signed record, nobody can be added.
  I3  A human name enters the log as a salted commitment only.
  I4  A key counts for an act only when two people's signatures put it into force, back to the
      founding; a row of the table alone enrols nobody.

Not here: roles and keys (desk.proposals), leavers (desk.leaving), passphrases and key files
(storage, ui).
Source: governance part 3 and 5.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from counterseal.audit.privacy import SALT_SIZE, commit
from counterseal.audit.rollback import Rollback
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.gate import acting_person
from counterseal.desk.installation import Installation
from counterseal.desk.ports import Reader, once
from counterseal.desk.recorder import Decide
from counterseal.identity.acts import OPEN_DAYS, ActTerms
from counterseal.identity.founding import Founding, decide_founding
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person, PersonStatus, Role, RoleGrant
from counterseal.identity.proposals import Register
from counterseal.identity.recheck import sound_keys
from counterseal.kernel.model import Actor, Document, Event, Refusal, Signature, Subject, refuse
from counterseal.policy.words import Meaning

STREAM = "people"
NOWHERE = "none"
"""In the place of the name of a log that does not say it: nothing was signed for that."""


def person_of(reader: Reader, actor: Actor) -> Person | Refusal:
    """The actor's person; refusals `NOT_FOUND`, `PERSON_DISABLED` and `SESSION_REVOKED`.

    An identity provider may leave less than all roles; a login that has ended leaves nobody.
    """
    person = reader.get(Person, actor.id)
    if person is None:
        return refuse("NOT_FOUND", "no such person", person=actor.id)
    if person.status is not PersonStatus.ACTIVE:
        return refuse("PERSON_DISABLED", "this person may not act", person=actor.id)
    return acting_person(reader, actor, person)


def stranger_among(reader: Reader, author_ids: Sequence[str]) -> Refusal | None:
    """`AUTHOR_UNKNOWN` when an author is nobody here: then nobody's conflict could be seen."""
    for author_id in author_ids:
        if reader.get(Person, author_id) is None:
            return refuse("AUTHOR_UNKNOWN", "authors are people of this home", author=author_id)
    return None


def key_of(
    reader: Reader, person_id: str, scheme: str | None = None, key_id: str | None = None
) -> PersonKey | None:
    """The newest of the person's active keys, of a scheme and an id when these are named; or None.

    A key that was only written into the table is none; see `enrolled_keys`.
    """
    return newest_key(active_keys(reader, person_id, key_id), scheme)


def active_keys(reader: Reader, person_id: str, key_id: str | None = None) -> tuple[PersonKey, ...]:
    """The person's enrolled keys that have not ended; of these, only the named one when named."""
    mine = [k for k in reader.find(PersonKey, person_id=person_id) if k.revoked_at is None]
    return enrolled_keys(reader, [k.key_id for k in mine if key_id in {None, k.key_id}])


def newest_key(keys: Iterable[PersonKey], scheme: str | None = None) -> PersonKey | None:
    """Of these keys the newest that is still active, of a scheme when one is named; or None."""
    active = [k for k in keys if k.revoked_at is None and scheme in {None, k.scheme}]
    return max(active, key=lambda k: k.effective_at, default=None)


def register_of(reader: Reader, origin: str) -> Register:
    """Everybody of the home with all keys and grants."""
    return Register(
        origin=origin or NOWHERE,
        people=reader.find(Person),
        person_keys=reader.find(PersonKey),
        grants=reader.find(RoleGrant),
    )


def enrolled_keys(reader: Reader, wanted: Collection[str] | None = None) -> tuple[PersonKey, ...]:
    """Keys that two people's signatures put into force, whatever the table says; all, or some.

    Judged under every name that the log had; of some keys, only what they rest on is read.
    """
    if wanted is not None and not wanted:
        return ()
    named = None if wanted is None else frozenset(wanted)
    return once(reader, ("enrolled_keys", named), lambda: _enrolled(reader, named))


def _enrolled(reader: Reader, wanted: frozenset[str] | None) -> tuple[PersonKey, ...]:
    installed = reader.find(Installation)
    former = tuple(rollback.origin for rollback in reader.find(Rollback))
    register = register_of(reader, "") if wanted is None else _rested_on(reader, wanted)
    told = register.amended(origin=installed[0].origin if installed else NOWHERE, former=former)
    keys = [k for k in told.person_keys if wanted is None or k.key_id in wanted]
    return sound_keys(told, keys)


def enrolled_key(reader: Reader, key_id: str) -> PersonKey | None:
    """One of `enrolled_keys`, or None."""
    return next(iter(enrolled_keys(reader, (key_id,))), None)


def forged_signer(reader: Reader, signatures: Sequence[Signature]) -> Refusal | None:
    """`KEY_NOT_ENROLLED` when one of the keys was only written into the table."""
    named = tuple({s.key_id for s in signatures})
    sound = {k.key_id for k in enrolled_keys(reader, named)}
    for key in reader.find(PersonKey, key_id=named):
        if key.key_id not in sound:
            return refuse("KEY_NOT_ENROLLED", "nobody enrolled this key", key_id=key.key_id)
    return None


def _rested_on(reader: Reader, key_ids: Collection[str]) -> Register:
    """The keys with their owners, the founders, and whoever signed for one of these."""
    keys = reader.find(PersonKey, key_id=tuple(key_ids))
    fresh = {k.person_id for k in keys}
    fresh |= {k.person_id for k in reader.find(PersonKey, bootstrap=True)}
    fresh |= {g.person_id for g in reader.find(RoleGrant, bootstrap=True)}
    ids: set[str] = set()
    while fresh:
        ids |= fresh
        asked = tuple(fresh)
        held, given = (
            reader.find(PersonKey, person_id=asked),
            reader.find(RoleGrant, person_id=asked),
        )
        signatures = [*(k.signatures for k in held), *(g.signatures for g in given)]
        signers = {s.key_id for of_one in signatures for s in of_one}
        signed = reader.find(PersonKey, key_id=tuple(signers))
        fresh = {k.person_id for k in signed} - ids
    whole = tuple(sorted(ids))
    return Register(
        origin=NOWHERE,
        people=reader.find(Person, person_id=whole),
        person_keys=reader.find(PersonKey, person_id=whole),
        grants=reader.find(RoleGrant, person_id=whole),
    )


def act_terms(origin: str, tenant: str, nonce: str, now: datetime) -> ActTerms:
    """Terms of an act that may be signed from now on, for as long as any may."""
    return ActTerms(
        log_origin=origin,
        tenant=tenant,
        issued_at=now,
        expires_at=now + timedelta(days=OPEN_DAYS),
        nonce=nonce,
    )


class People:
    """Founds a home and adds people."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def terms(self, tenant: str, now: datetime, *, key: str) -> ActTerms:
        """Terms of a fresh act of this home; the nonce follows from the command's key."""
        return act_terms(self._bench.origin, tenant, self._bench.ids.new("act", key, now), now)

    def found(self, founding: Founding, actor: Actor, *, key: str) -> Outcome:
        """Record the first two officers, once; refusals of `identity.founding.decide_founding`."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            register = register_of(reader, self._bench.origin)
            documents = decide_founding(founding, register, now)
            if isinstance(documents, Refusal):
                return documents
            return people_event(
                "people.founded",
                "people.found",
                actor.id,
                *documents,
                signature=founding.signatures[0],
                meaning=Meaning.ENROLLED_KEY,
            )

        return self._run("people.found", founding.digest, actor, key, decide)

    def add(self, person: Person, actor: Actor, *, key: str) -> Outcome:
        """Add a person without any role.

        A handle other than the id is a name of a human being: the log gets a salted commitment in
        its place, and the name itself can be erased (`desk.records`).

        Refusals: `PERSON_EXISTS`, `NOT_FOUND`, `PERSON_DISABLED`, `ROLE`, `OTHER_TENANT`.
        """
        named = person.handle != person.person_id
        pseudonymous = person.amended(handle=person.person_id)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            refusal = _adding_refusal(reader, person, actor)
            if refusal is not None:
                return refusal
            fresh = Person(
                person_id=person.person_id,
                tenant=person.tenant,
                handle=person.person_id,
                created_at=now,
                labels=person.labels,
            )
            if not named:
                return people_event("person.added", "people.add", fresh.person_id, fresh)
            salt = self._bench.ids.secret(f"pii:{key}", SALT_SIZE)
            opening = commit(person.person_id, {"handle": person.handle}, salt)
            fresh = fresh.amended(handle=opening.commitment)
            added = people_event("person.added", "people.add", fresh.person_id, fresh)
            return added.amended(openings=(opening,))

        return self._run("people.add", pseudonymous.digest, actor, key, decide)

    def _run(self, name: str, digest: str, actor: Actor, key: str, decide: Decide) -> Outcome:
        command = Command(name=name, actor=actor, key=key, stream=STREAM, payload_digest=digest)
        return self._bench.recorder.run(command, decide)


def _adding_refusal(reader: Reader, person: Person, actor: Actor) -> Refusal | None:
    if reader.get(Person, person.person_id) is not None:
        return refuse("PERSON_EXISTS", "person ids are never reused", id=person.person_id)
    adder = person_of(reader, actor)
    if isinstance(adder, Refusal):
        return adder
    if Role.ADMINISTRATOR not in adder.held_roles():
        return refuse("ROLE", "only an administrator adds people", person=actor.id)
    if adder.tenant != person.tenant:
        return refuse("OTHER_TENANT", "people are added to the own tenant", person=actor.id)
    return None


def people_event(
    kind: str,
    action: str,
    subject_id: str,
    *documents: Document,
    signature: Signature | None = None,
    meaning: Meaning | None = None,
    reason: str = "",
) -> Done:
    """One event of the people's stream."""
    event = Event(
        type=kind,
        stream=STREAM,
        subject=Subject(type="person", id=subject_id),
        action=action,
        documents=documents,
        signature=signature,
        meaning="" if meaning is None else meaning.value,
        reason_text=reason,
    )
    return Done(subject_id=subject_id, events=(event,))
