"""Use cases: legal holds, erasure of personal data, and the log's own keys.

Job: record who keeps, erases or changes what the log itself rests on, and why.

Invariants
  I1  A hold counts from the transaction that records it, for every stream that it names.
  I2  An erasure destroys openings and names them; no byte of the log changes.
  I3  A key change is recorded only when an auditor who walks the log would accept it.

Not here: purges (desk.purging), the rules (audit.keys, audit.privacy, audit.retention).
Source: design parts "keys" and "privacy, retention, legal hold".
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from counterseal.audit.keys import (
    OVERLAP,
    REVOKED,
    ROTATED,
    KeyRecord,
    KeyRing,
    LogKeyChange,
    check_key_change,
    revocation_text,
    rotation_text,
    walk_keys,
)
from counterseal.audit.note import VerifierKey, parse_vkey
from counterseal.audit.privacy import ERASED, Erasure, decide_erasure, erasable_parts
from counterseal.audit.retention import (
    HELD,
    RELEASED,
    STREAM,
    Hold,
    decide_hold,
    decide_release,
)
from counterseal.desk.archive import Archive, held_commitments, key_records
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import Actor, Document, Event, Refusal, Subject, refuse
from counterseal.policy.authorize import Action, authorize

KEY_STREAM: Final = "keys"
PII_STREAM: Final = "privacy"


class Records:
    """Holds, erasures and log keys of one home."""

    def __init__(self, bench: Bench, archive: Archive) -> None:
        self._bench = bench
        self._archive = archive

    def hold(self, streams: Sequence[str], matter: str, actor: Actor, *, key: str) -> Outcome:
        """Keep streams (`*` for the whole log) until released; the outcome names the hold.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `ROLE`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_from(reader, actor, Action.HOLD_RECORDS)
            if barred is not None:
                return barred
            hold = decide_hold(
                self._bench.ids.new("hld", key, now),
                streams,
                matter,
                placed_by=actor.id,
                now=now,
            )
            return done(HELD, STREAM, "records.hold", hold)

        asked = digest({"streams": sorted(streams), "matter": matter})
        return self._run("records.hold", STREAM, asked, actor, key, decide)

    def release(self, hold_id: str, actor: Actor, *, key: str) -> Outcome:
        """End a hold; refusals `NOT_FOUND`, `ROLE`, `HOLD_RELEASED`."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_from(reader, actor, Action.HOLD_RECORDS)
            if barred is not None:
                return barred
            hold = reader.get(Hold, hold_id)
            if hold is None:
                return refuse("NOT_FOUND", "no such hold", hold=hold_id)
            ended = decide_release(hold, released_by=actor.id, now=now)
            if isinstance(ended, Refusal):
                return ended
            return done(RELEASED, STREAM, "records.release", ended)

        asked = digest({"hold": hold_id})
        return self._run("records.release", STREAM, asked, actor, key, decide)

    def erase(self, person_id: str, basis: str, actor: Actor, *, key: str) -> Outcome:
        """Destroy everything that opens a person's data; proofs stay whole.

        Refusals: `NOT_FOUND`, `ROLE`, `HELD`, `NOTHING_TO_ERASE`.

        Raises:
            AdapterError: `DATABASE_BUSY` when it is erased, but a reader still keeps the journal;
                the same command again completes it.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_from(reader, actor, Action.ERASE_PERSON)
            if barred is not None:
                return barred
            held = held_commitments(self._archive.rows(), reader.find(Hold))
            erasures: list[Erasure] = []
            for place, part in enumerate(erasable_parts(self._archive.commitments(person_id))):
                erasure = decide_erasure(
                    self._bench.ids.new("ers", f"{key}:{place}", now),
                    person_id,
                    part,
                    held=held,
                    basis=basis,
                    erased_by=actor.id,
                    now=now,
                )
                if isinstance(erasure, Refusal):
                    return erasure
                erasures.append(erasure)
            return _erased(erasures)

        asked = digest({"person": person_id, "basis": basis})
        outcome = self._run("records.erase", PII_STREAM, asked, actor, key, decide)
        if outcome.accepted:
            self._archive.scrub()
        return outcome

    def keys(self) -> KeyRing:
        """Every key that the log has had, walked from the first one.

        Raises:
            IntegrityError: `KEY_UNKNOWN`, `KEY_REVOKED` or `SIG_INVALID` when a step does not hold.
        """
        with self._bench.store.reader() as reader:
            pinned = _first_key(reader)
        ring, found = walk_keys(pinned, key_records(self._archive.rows()))
        if found:
            raise IntegrityError(found[0].code, found[0].message, got=found[0].seq)
        return ring

    def rotation(self, successor: VerifierKey) -> str:
        """The text that the key in force and its successor sign; valid for the next records."""
        size = self._bench.store.seal()
        return rotation_text(self.keys().current, successor, size + OVERLAP)

    def revocation(self, revoked: VerifierKey, reason: str) -> str:
        """The text that the key in force signs to revoke an older one."""
        return revocation_text(revoked, self.keys().current, reason)

    def rotate_key(self, successor: VerifierKey, note: str, actor: Actor, *, key: str) -> Outcome:
        """Record that the log is signed by another key from now on.

        Args:
            successor: The new public key, of the same name.
            note: `rotation` signed by both keys.
            actor: An administrator.
            key: Idempotency key.

        Refusals: `ROLE`, `KEY_UNKNOWN`, `KEY_REVOKED`, `SIG_INVALID`.
        """
        return self._change_key(ROTATED, successor, note, actor, key)

    def revoke_key(self, revoked: VerifierKey, note: str, actor: Actor, *, key: str) -> Outcome:
        """Record that an older key counts no more; refusals as `rotate_key`."""
        return self._change_key(REVOKED, revoked, note, actor, key)

    def _change_key(
        self, kind: str, subject: VerifierKey, note: str, actor: Actor, key: str
    ) -> Outcome:
        size = self._bench.store.seal()

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_from(reader, actor, Action.CHANGE_LOG_KEY)
            if barred is not None:
                return barred
            told = key_records(self._archive.rows())
            ring = check_key_change(_first_key(reader), [*told, KeyRecord(size, kind, note)])
            if isinstance(ring, Refusal):
                return ring
            if not _names(ring, kind, subject):
                return refuse("KEY_UNKNOWN", "the note is about another key", key=subject.text)
            change = LogKeyChange(
                change_id=self._bench.ids.new("lkc", key, now),
                vkey=subject.text,
                note=note,
                changed_at=now,
            )
            return done(kind, KEY_STREAM, "records.change_key", change)

        asked = digest({"kind": kind, "key": subject.text, "note": note})
        return self._run("records.change_key", KEY_STREAM, asked, actor, key, decide)

    def _run(
        self, name: str, stream: str, asked: str, actor: Actor, key: str, decide: Decide
    ) -> Outcome:
        command = Command(name=name, actor=actor, key=key, stream=stream, payload_digest=asked)
        return self._bench.recorder.run(command, decide)


def barred_from(reader: Reader, actor: Actor, action: Action) -> Refusal | None:
    """Why an actor may not ask for an action; `NOT_FOUND`, `PERSON_DISABLED` or `ROLE`."""
    person = person_of(reader, actor)
    if isinstance(person, Refusal):
        return person
    return authorize(action, person.held_roles(), active=person.active)


def done(kind: str, stream: str, action: str, *documents: Document) -> Done:
    """One event about its first document."""
    subject = documents[0]
    event = Event(
        type=kind,
        stream=stream,
        subject=Subject(type=subject.KIND, id=subject.key),
        action=action,
        documents=documents,
    )
    return Done(subject_id=subject.key, events=(event,))


def _erased(erasures: Sequence[Erasure]) -> Done:
    told = [done(ERASED, PII_STREAM, "records.erase", erasure) for erasure in erasures]
    return Done(
        subject_id=told[0].subject_id,
        events=tuple(event for one in told for event in one.events),
        erased=tuple(commitment for erasure in erasures for commitment in erasure.commitments),
    )


def _first_key(reader: Reader) -> VerifierKey:
    installation = reader.get(Installation, INSTALLATION_ID)
    if installation is None:
        raise IntegrityError("NOT_INSTALLED", "the log names no first key")
    return parse_vkey(installation.log_vkey)


def _names(ring: KeyRing, kind: str, subject: VerifierKey) -> bool:
    if kind == ROTATED:
        return ring.current == subject
    span = ring.span(subject)
    return span is not None and span.revoked is not None
