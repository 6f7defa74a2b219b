"""Use cases: people, their roles and their keys.

Job: add people, grant roles and enrol keys, each by two others and each a record.

Invariants
  I1  The actor's person is read from the register; an unknown or disabled one is refused.
  I2  A key enters the register only with proof of possession by its owner.
  I3  A human name enters the log as a salted commitment only.

Not here: who may grant (identity), passphrases and key files (storage, ui).
Source: governance part 3 and 5.
"""

from collections.abc import Sequence
from datetime import datetime

from counterseal.audit.privacy import SALT_SIZE, commit
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.identity.dsse import verify_signature
from counterseal.identity.keys import PersonKey, decide_enrolment
from counterseal.identity.people import Person, PersonStatus, Role, RoleGrant, decide_grant
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Actor, Document, Event, Refusal, Signature, Subject, refuse

STREAM = "people"


def person_of(reader: Reader, actor: Actor) -> Person | Refusal:
    """The actor's person; refusals `NOT_FOUND` and `PERSON_DISABLED`."""
    person = reader.get(Person, actor.id)
    if person is None:
        return refuse("NOT_FOUND", "no such person", person=actor.id)
    if person.status is not PersonStatus.ACTIVE:
        return refuse("PERSON_DISABLED", "this person may not act", person=actor.id)
    return person


def stranger_among(reader: Reader, author_ids: Sequence[str]) -> Refusal | None:
    """`AUTHOR_UNKNOWN` when an author is nobody here: then nobody's conflict could be seen."""
    for author_id in author_ids:
        if reader.get(Person, author_id) is None:
            return refuse("AUTHOR_UNKNOWN", "authors are people of this home", author=author_id)
    return None


def key_of(reader: Reader, person_id: str) -> PersonKey | None:
    """The person's newest key that is still active, or None."""
    keys = [k for k in reader.find(PersonKey, person_id=person_id) if k.revoked_at is None]
    return max(keys, key=lambda k: k.effective_at, default=None)


def enrolment_statement(key: PersonKey) -> dict[str, str | int]:
    """What an owner signs to prove possession of a key."""
    return {
        "schema_version": 1,
        "kind": "enrol",
        "key_id": key.key_id,
        "person": key.person_id,
        "public_key": key.public_key,
        "key_class": key.key_class,
    }


class People:
    """Adds people, grants roles, enrols keys."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def add(self, person: Person, actor: Actor, *, key: str, bootstrap: bool = False) -> Outcome:
        """Add a person without any role.

        A handle other than the id is a name of a human being: the log gets a salted commitment in
        its place, and the name itself can be erased (`desk.records`).

        Refusals: `PERSON_EXISTS`, `ROLE`; bootstrap is open only while nobody is registered.
        """
        named = person.handle != person.person_id
        pseudonymous = person.amended(handle=person.person_id)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            if reader.get(Person, person.person_id) is not None:
                return refuse("PERSON_EXISTS", "person ids are never reused", id=person.person_id)
            if not (bootstrap and not reader.find(RoleGrant, bootstrap=0)):
                adder = person_of(reader, actor)
                if isinstance(adder, Refusal):
                    return adder
                if Role.ADMINISTRATOR not in adder.held_roles():
                    return refuse("ROLE", "only an administrator adds people", person=actor.id)
            fresh = pseudonymous.amended(roles=(), created_at=now)
            if not named:
                return _done("person.added", "people.add", fresh.person_id, fresh)
            salt = self._bench.ids.secret(f"pii:{key}", SALT_SIZE)
            opening = commit(person.person_id, {"handle": person.handle}, salt)
            fresh = fresh.amended(handle=opening.commitment)
            added = _done("person.added", "people.add", fresh.person_id, fresh)
            return added.amended(openings=(opening,))

        return self._run("people.add", pseudonymous.digest, actor, key, decide)

    def grant(
        self,
        person_id: str,
        role: Role,
        granters: Sequence[str],
        actor: Actor,
        *,
        key: str,
        bootstrap: bool = False,
    ) -> Outcome:
        """Grant a role by two people; see `identity.people.decide_grant` for the refusals."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            people = {p.person_id: p for p in reader.find(Person)}
            missing = [i for i in (person_id, *granters) if i not in people]
            if missing:
                return refuse("NOT_FOUND", "no such person", person=missing[0])
            if actor.id not in granters:
                return refuse("TWO_PEOPLE_NEEDED", "the actor is none of the granters")
            granted = decide_grant(
                self._bench.ids.new("grt", key, now),
                people[person_id],
                role,
                [people[g] for g in granters],
                existing=reader.find(RoleGrant),
                now=now,
                bootstrap=bootstrap,
            )
            if isinstance(granted, Refusal):
                return granted
            return _done("role.granted", "people.grant", person_id, *granted)

        asked = digest({"person": person_id, "role": role, "by": list(granters)})
        return self._run("people.grant", asked, actor, key, decide)

    def enrol(
        self,
        person_key: PersonKey,
        proof: Signature,
        officers: Sequence[str],
        actor: Actor,
        *,
        key: str,
    ) -> Outcome:
        """Enrol a key by two officers, with the owner's proof of possession.

        Refusals: `NOT_FOUND`, `SIGNATURE_INVALID`, and those of `identity.keys.decide_enrolment`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            people = {p.person_id: p for p in reader.find(Person)}
            missing = [i for i in (person_key.person_id, *officers) if i not in people]
            if missing:
                return refuse("NOT_FOUND", "no such person", person=missing[0])
            try:
                shown = verify_signature(proof, person_key.public_key, "enrol")
            except IntegrityError as error:
                return refuse("SIGNATURE_INVALID", error.message, key_id=person_key.key_id)
            if shown != enrolment_statement(person_key):
                return refuse("SIGNATURE_INVALID", "the proof is about another key")
            enrolled = decide_enrolment(
                person_key.amended(effective_at=now),
                people[person_key.person_id],
                [people[o] for o in officers],
                reader.find(PersonKey),
            )
            if isinstance(enrolled, Refusal):
                return enrolled
            return _done("key.enrolled", "people.enrol", enrolled.key_id, enrolled, signature=proof)

        return self._run("people.enrol", person_key.digest, actor, key, decide)

    def _run(
        self,
        name: str,
        digest: str,
        actor: Actor,
        key: str,
        decide: Decide,
    ) -> Outcome:
        command = Command(name=name, actor=actor, key=key, stream=STREAM, payload_digest=digest)
        return self._bench.recorder.run(command, decide)


def _done(
    kind: str,
    action: str,
    subject_id: str,
    *documents: Document,
    signature: Signature | None = None,
) -> Done:
    event = Event(
        type=kind,
        stream=STREAM,
        subject=Subject(type="person", id=subject_id),
        action=action,
        documents=documents,
        signature=signature,
        meaning="enrolled_key" if signature is not None else "",
    )
    return Done(subject_id=subject_id, events=(event,))
