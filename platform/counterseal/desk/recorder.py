"""The one write path.

Job: run a decision once per key, record its events or its refusal, and seal before answering.

Invariants
  I1  Load, decide, append and project happen in one transaction.
  I2  A refusal is recorded like any event.
  I3  Nothing is answered before the seal covers it.
  I4  A clock behind the log's last record refuses every command.
  I5  A command under a login that has ended is refused before anything is decided.
  I6  A desk that was opened under a policy decides nothing once another is in force.

Not here: decisions (the use cases), the log (audit, storage).
Source: architecture part 2.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from counterseal.audit.record import Draft, PolicyReference, RecordActor
from counterseal.desk.commands import Command, CommandRecord, Done, Outcome
from counterseal.desk.gate import check_gate
from counterseal.desk.installation import PolicyActivation, in_force
from counterseal.desk.ports import Reader, Store, UnitOfWork
from counterseal.kernel.clock import Clock, utc_text
from counterseal.kernel.errors import AdapterError
from counterseal.kernel.ids import IdSource
from counterseal.kernel.model import Actor, Event, Refusal, Subject, after, refuse
from counterseal.policy.evaluation import JudgedRefusal, bare

REFUSED: Final = "command.refused"
"""Type of the record of a refusal."""

Decide = Callable[[Reader, datetime], Done | Refusal]
"""A use case: reads, decides at one instant, and says what changes."""

Objection = Callable[[Reader, datetime], Refusal | None]
"""What else may speak against a use case; None when nothing does."""


class Recorder:
    """Runs commands.

    Args:
        store: Where documents and drafts go.
        clock: Read once for each command.
        ids: Names events.
        policy: Hash of the bundle that the desk decides under; None = whatever is in force.
    """

    def __init__(
        self, store: Store, clock: Clock, ids: IdSource, policy: str | None = None
    ) -> None:
        self._store = store
        self._policy_hash = policy
        self._clock = clock
        self._ids = ids

    def over(self, store: Store) -> "Recorder":
        """The same recorder over another store, such as one of a batch."""
        return Recorder(store, self._clock, self._ids, self._policy_hash)

    def now(self) -> datetime:
        """The instant for what comes before a command, such as looking at a password (UTC)."""
        return self._clock.now()

    def run(self, command: Command, decide: Decide) -> Outcome:
        """Run a command, or answer it from its record.

        Raises:
            AdapterError: `CLOCK_BACKWARDS`, `POLICY_SUPERSEDED`, or the store's failure.
            IntegrityError: when sealing fails; the command is not acknowledged then.
        """
        with self._store.transaction() as work:
            known = work.get(CommandRecord, command.key)
            record = known or self._decided(work, command, decide)
        size = self._store.seal()
        if known is not None and not _same_command(known, command):
            refusal = refuse(
                "IDEMPOTENCY_KEY_CONFLICT",
                "the idempotency key was used by another actor or with another payload",
                key=command.key,
            )
            return Outcome(subject_id=known.subject_id, refusal=refusal, sealed_size=size)
        return Outcome(
            subject_id=record.subject_id,
            refusal=record.refusal,
            replayed=known is not None,
            sealed_size=size,
            event_id=record.event_id,
        )

    def _decided(self, work: UnitOfWork, command: Command, decide: Decide) -> CommandRecord:
        now = self._clock.now()
        last = work.last_time()
        if last is not None and now < last:
            raise AdapterError(
                "CLOCK_BACKWARDS", "the clock is behind the log", retriable=True, got=utc_text(now)
            )
        policy = in_force(work.find(PolicyActivation), now)
        self._check_policy(policy)
        decided = check_gate(work, command.actor, now) or decide(work, now)
        refusal = bare(decided) if isinstance(decided, Refusal) else None
        done = _refused(command, decided) if isinstance(decided, Refusal) else decided
        ids = [self._ids.new("evt", f"{command.key}:{n}", now) for n in range(len(done.events))]
        record = CommandRecord(
            idempotency_key=command.key,
            name=command.name,
            payload_digest=command.payload_digest,
            actor_id=command.actor.id,
            subject_id=done.subject_id,
            event_id=ids[-1],
            refusal=refusal,
            decided_at=now,
        )
        frame = _Frame(command, policy, now)
        for place, event in enumerate(done.events):
            last_one = place == len(done.events) - 1
            documents = (*event.documents, record) if last_one else event.documents
            openings = done.openings if place == 0 else ()
            draft = frame.draft(event, ids[place])
            draft["after"] = after(documents, event.facts)
            draft["pii"] = [opening.commitment for opening in openings]
            work.record(draft, documents)
        _settle(work, done)
        return record

    def _check_policy(self, policy: PolicyActivation | None) -> None:
        """Decide nothing under a policy that another has replaced since the desk was opened.

        Raises:
            AdapterError: `POLICY_SUPERSEDED`.
        """
        expected = self._policy_hash
        if policy is not None and expected is not None and policy.bundle_hash != expected:
            raise AdapterError(
                "POLICY_SUPERSEDED",
                "another policy came into force; open the desk again",
                retriable=True,
                got=policy.bundle_hash,
            )


class _Frame:
    """What the drafts of one command have in common."""

    def __init__(self, command: Command, policy: PolicyActivation | None, now: datetime) -> None:
        self._command = command
        self._actor = _record_actor(command.actor)
        self._policy = _policy_reference(policy)
        self._at = utc_text(now)

    def draft(self, event: Event, event_id: str) -> Draft:
        """The draft of one of its events, without what it changed."""
        command, subject = self._command, event.subject
        return Draft(
            stream=event.stream,
            event_id=event_id,
            type=event.type,
            occurred_at=self._at,
            actor=self._actor,
            on_behalf_of=event.on_behalf_of or command.on_behalf_of,
            action=event.action,
            meaning=event.meaning,
            reason={"code": event.reason_code, "text": event.reason_text},
            before=None,
            after=None,
            subject={"type": subject.type, "id": subject.id, "version": subject.version},
            policy=self._policy,
            run=command.run,
            step=command.name,
            request_id=event.stream,
            idempotency_key=command.key,
            command=command.payload_digest,
            pii=[],
            approver_sig=None if event.signature is None else event.signature.json_value(),
        )


def _settle(work: UnitOfWork, done: Done) -> None:
    """Change what stands beside the log, in the transaction of the records that tell of it."""
    if done.openings:
        work.keep(done.openings)
    if done.erased:
        work.forget(done.erased)
    for name in done.dropped:
        work.drop(name.kind, name.key)


def _record_actor(actor: Actor) -> RecordActor:
    return {
        "id": actor.id,
        "authn": {
            "issuer": actor.issuer,
            "amr": list(actor.amr),
            "acr": actor.acr,
            "auth_time": utc_text(actor.auth_time),
        },
        "session": actor.session,
    }


def _policy_reference(policy: PolicyActivation | None) -> PolicyReference | None:
    if policy is None:
        return None
    return {"id": "policy", "version": policy.version, "digest": policy.bundle_hash}


def _same_command(known: CommandRecord, command: Command) -> bool:
    asked = (command.name, command.payload_digest, command.actor.id)
    return (known.name, known.payload_digest, known.actor_id) == asked


def _refused(command: Command, refusal: Refusal) -> Done:
    event = Event(
        type=REFUSED,
        stream=command.stream,
        subject=Subject(type="command", id=command.key),
        action=command.name,
        reason_code=refusal.code,
        reason_text=refusal.message,
        facts=refusal.details,
        documents=refusal.evaluations if isinstance(refusal, JudgedRefusal) else (),
    )
    return Done(subject_id=command.stream, events=(event,))
