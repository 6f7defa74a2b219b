"""Use cases: let cases go whose time is over.

Job: plan a purge, take two people's signed consent, record it, and have it carried out.

Invariants
  I1  Two different people sign the same plan with their own keys; neither can be the server.
  I2  The plan is judged again in the transaction that records the purge.
  I3  The purge is in the log, under a checkpoint, before a body goes; the same command again
      completes what a crash cut short.

Not here: what is due (audit.retention), emptying bodies (storage.archive).
Source: design part "privacy, retention, legal hold"; governance rule 3.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from counterseal.audit.retention import (
    APPROVED,
    PLANNED,
    PURGED,
    STREAM,
    Hold,
    Purge,
    PurgeApproval,
    PurgedRange,
    PurgeStatus,
    decide_approval,
    due_ranges,
)
from counterseal.desk.archive import Archive, leftovers, logged, versions_of
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, DocumentName, Done, Outcome
from counterseal.desk.documents import DOCUMENTS
from counterseal.desk.people import key_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.desk.records import barred_from, done
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import Json, canonical_bytes, digest
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import (
    Actor,
    Document,
    Event,
    Refusal,
    Signature,
    Subject,
    refuse,
)
from counterseal.policy.authorize import Action

KIND: Final = "purge"
CARRIED: Final = "retention.carried"
CARRIED_BYTES_MAX: Final = 40_000
"""Most bytes of documents that one record carries forward."""


def records_gone(reader: Reader) -> int:
    """How many records purges let go: what was decided in them nobody can judge again."""
    purged = (one for one in reader.find(Purge) if one.status is PurgeStatus.PURGED)
    return sum(gone.last - gone.first + 1 for one in purged for gone in one.ranges)


def purge_statement(purge: Purge, person_id: str, key_id: str) -> dict[str, Json]:
    """What a person signs to let records go."""
    return {
        "schema_version": 1,
        "kind": KIND,
        "purge_id": purge.purge_id,
        "plan": purge.plan_digest,
        "person": person_id,
        "key_id": key_id,
    }


def due_now(
    bench: Bench, archive: Archive, reader: Reader, now: datetime
) -> tuple[PurgedRange, ...]:
    """What may go at `now` (UTC), by the schedule in force and the holds that a reader sees."""
    schedule = bench.bundle.retention.keep_years
    rows = (logged(row) for row in archive.rows())
    return due_ranges(rows, schedule, reader.find(Hold), now, versions_of(reader))


def purge_plan(
    purge_id: str, ranges: tuple[PurgedRange, ...], policy: str, *, by: str, now: datetime
) -> Purge:
    """A plan of what is due under a policy (the digest of its bundle); nobody agreed to it yet."""
    named: list[Json] = [r.json_value() for r in ranges]
    told: dict[str, Json] = {"purge": purge_id, "policy": policy, "ranges": named}
    return Purge(
        purge_id=purge_id,
        ranges=ranges,
        policy_digest=policy,
        plan_digest=digest(told),
        planned_by=by,
        planned_at=now,
    )


class Purging:
    """Plans and carries out purges of one home."""

    def __init__(self, bench: Bench, archive: Archive) -> None:
        self._bench = bench
        self._archive = archive

    def due(self, now: datetime) -> tuple[PurgedRange, ...]:
        """What could go at an instant; nothing is written."""
        with self._bench.store.reader() as reader:
            return self._due(reader, now)

    def plan(self, actor: Actor, *, key: str) -> Outcome:
        """Write down what is due; the outcome names the purge.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `ROLE`, `NOT_DUE` when nothing is.
        """
        self._bench.store.seal()
        policy = self._bench.bundle.bundle_hash

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_from(reader, actor, Action.PURGE_RECORDS)
            if barred is not None:
                return barred
            ranges = self._due(reader, now)
            if not ranges:
                return refuse("NOT_DUE", "no case is past its schedule and free of holds")
            purge_id = self._bench.ids.new("prg", key, now)
            purge = purge_plan(purge_id, ranges, policy, by=actor.id, now=now)
            return done(PLANNED, STREAM, "records.plan_purge", purge)

        return self._run("records.plan_purge", digest({"policy": policy}), actor, key, decide)

    def approve(self, purge_id: str, signature: Signature, actor: Actor, *, key: str) -> Outcome:
        """Take one signed consent; after the second the bodies go.

        Refusals: `NOT_FOUND`, `ROLE`, `KEY_NOT_ENROLLED`, `SIGNATURE_INVALID`, `POLICY_CHANGED`,
        `PURGE_DONE`, `TWO_PEOPLE_NEEDED`, `NOT_DUE`.

        Raises:
            AdapterError: when the bodies could not go; the same command again completes it.
        """
        self._bench.store.seal()

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_from(reader, actor, Action.PURGE_RECORDS)
            purge = reader.get(Purge, purge_id)
            if barred is not None:
                return barred
            if purge is None:
                return refuse("NOT_FOUND", "no such purge", purge=purge_id)
            unsigned = _unsigned(reader, purge, signature, actor, now)
            if unsigned is not None:
                return unsigned
            if purge.policy_digest != self._bench.bundle.bundle_hash:
                return refuse("POLICY_CHANGED", "another policy is in force", purge=purge_id)
            consent = PurgeApproval(person_id=actor.id, signature=signature, approved_at=now)
            decided = decide_approval(purge, consent, self._due(reader, now))
            if isinstance(decided, Refusal):
                return decided
            return self._recorded(reader, decided)

        asked = digest({"purge": purge_id, "signature": signature.digest})
        outcome = self._run("records.approve_purge", asked, actor, key, decide)
        if outcome.accepted:
            self._carry_out(purge_id)
        return outcome

    def complete(self, purge_id: str) -> Purge | Refusal:
        """Empty what a purge that is in the log names, when a crash cut it short; the purge.

        Refusals: `NOT_FOUND`, `PURGE_OPEN` while a consent is missing.

        Raises:
            AdapterError: when the bodies could not go; the same again completes it.
        """
        self._bench.store.seal()
        purge = self._carry_out(purge_id)
        if purge is None:
            return refuse("NOT_FOUND", "no such purge", purge=purge_id)
        if purge.status is not PurgeStatus.PURGED:
            return refuse("PURGE_OPEN", "another person agrees first", purge=purge_id)
        return purge

    def _carry_out(self, purge_id: str) -> Purge | None:
        with self._bench.store.reader() as reader:
            purge = reader.get(Purge, purge_id)
        if purge is not None and purge.status is PurgeStatus.PURGED:
            self._archive.carry_out(purge)
            self._archive.scrub()
        return purge

    def _due(self, reader: Reader, now: datetime) -> tuple[PurgedRange, ...]:
        return due_now(self._bench, self._archive, reader, now)

    def _recorded(self, reader: Reader, purge: Purge) -> Done:
        if purge.status is not PurgeStatus.PURGED:
            return done(APPROVED, STREAM, "records.approve_purge", purge)
        left = leftovers(self._archive.rows(), purge.ranges)
        events = [_carried(purge, part) for part in _parts(_read(reader, left.carried))]
        told = done(PURGED, STREAM, "records.purge", purge)
        return Done(
            subject_id=purge.purge_id,
            events=(*events, *told.events),
            erased=left.commitments,
            dropped=left.dropped,
        )

    def _run(self, name: str, asked: str, actor: Actor, key: str, decide: Decide) -> Outcome:
        command = Command(name=name, actor=actor, key=key, stream=STREAM, payload_digest=asked)
        return self._bench.recorder.run(command, decide)


def _unsigned(
    reader: Reader, purge: Purge, signature: Signature, actor: Actor, now: datetime
) -> Refusal | None:
    own = key_of(reader, actor.id, signature.scheme)
    if own is None or own.key_id != signature.key_id or not own.counts_at(now):
        return refuse("KEY_NOT_ENROLLED", "no key of this person", person=actor.id)
    try:
        shown = verify_signed(signature, own, KIND)
    except IntegrityError as error:
        return refuse("SIGNATURE_INVALID", error.message, key_id=own.key_id)
    if shown != purge_statement(purge, actor.id, own.key_id):
        return refuse("SIGNATURE_INVALID", "the consent is about something else")
    return None


def _read(reader: Reader, names: Sequence[DocumentName]) -> list[Document]:
    """The documents of these names as they are now.

    Raises:
        IntegrityError: `DOCUMENT_MISSING` when a table lacks what the log carries.
    """
    kinds = {kind.KIND: kind for kind in DOCUMENTS}
    found: list[Document] = []
    for name in names:
        document = reader.get(kinds[name.kind], name.key)
        if document is None:
            raise IntegrityError("DOCUMENT_MISSING", "a table lacks a document", got=name.key)
        found.append(document)
    return found


def _parts(documents: Sequence[Document]) -> list[tuple[Document, ...]]:
    """Documents in groups that each fit a record."""
    parts: list[tuple[Document, ...]] = []
    part: tuple[Document, ...] = ()
    size = 0
    for document in documents:
        own = len(canonical_bytes(document.json_value()))
        if part and size + own > CARRIED_BYTES_MAX:
            parts.append(part)
            part, size = (), 0
        part, size = (*part, document), size + own
    return [*parts, part] if part else parts


def _carried(purge: Purge, documents: tuple[Document, ...]) -> Event:
    return Event(
        type=CARRIED,
        stream=STREAM,
        subject=Subject(type=Purge.KIND, id=purge.purge_id),
        action="records.purge",
        documents=documents,
    )
