"""Use case: evidence leaves the house.

Job: record who asked for which evidence, under which key it will be signed, and where every stream
of the log ended then.

What a pack has to hold follows from this record, which is in the pack: nobody can be shown less
than was asked for. Two records are appended together: a snapshot of the map of streams, and the
export that names it.

Invariants
  I1  Only a person whom role and rules let export is answered; a refusal is recorded.
  I2  Snapshot and export are in the log under one checkpoint, or neither is.
  I3  A record names the key of its pack before anything is signed with it.

Not here: the pack (evidence), the map (audit.stream_map). Who may: auditors, by `policy.authorize`
and by the rule `export.auditor` of the policy in force.
Source: design part "evidence pack"; governance rules, part 4 (action `export`).
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from counterseal.audit.snapshots import STREAM
from counterseal.audit.stream_map import StreamMap
from counterseal.desk.archive import Archive
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.desk.records import barred_from
from counterseal.desk.snapshots import snapshot_event
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime, utc_text
from counterseal.kernel.model import (
    Actor,
    DomainModel,
    Event,
    Name,
    Refusal,
    Subject,
    details,
    refuse,
)
from counterseal.policy.authorize import Action
from counterseal.policy.evaluation import PolicyEvaluation, Verdict, judge, with_evaluation
from counterseal.policy.question import PersonFacts, RuleAction, TenantFacts, question

EXPORTED: Final = "evidence.exported"
ACTION: Final = "evidence.export"


class ScopeKind(StrEnum):
    """What evidence is asked for."""

    CASE = "case"
    ACCOUNT = "account"
    PERIOD = "period"
    CONTROL = "control"
    GROWTH = "growth"
    ALL = "all"


_NAMED: Final = frozenset(ScopeKind) - {ScopeKind.PERIOD, ScopeKind.ALL}
_SIZE: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


class ExportScope(DomainModel):
    """What a pack is about.

    Attributes:
        kind: What is asked for.
        value: Id of the request, the account or the control; of a growth the size of the log
            behind which it begins; empty for a period and for all.
        since, until: Bounds of a period by recorded time (UTC), the second one not included; None
            for everything else.
    """

    kind: ScopeKind
    value: str = Field(default="", max_length=120, pattern=r"^[\x21-\x7e]*$")
    since: UtcDatetime | None = None
    until: UtcDatetime | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.kind in _NAMED) is not bool(self.value):
            raise ValueError("a case, an account, a control or a size is named, and nothing else")
        if self.kind is ScopeKind.GROWTH and _SIZE.fullmatch(self.value) is None:
            raise ValueError("a growth begins behind a size of the log")
        bounds = 0 if self.kind is ScopeKind.PERIOD else 2
        if (self.since, self.until).count(None) != bounds:
            raise ValueError("a period has a beginning and an end, and nothing else has them")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("a period ends after it begins")
        return self


class ExportOrder(DomainModel):
    """An export that is asked for.

    Attributes:
        scope: What the pack is about.
        export_key: Hex of the raw Ed25519 public key that will sign it, made for this export.
        openings: Whether personal data that the records commit to is opened to the reader.
    """

    scope: ExportScope
    export_key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    openings: bool = False


class Exported(DomainModel):
    """The answer to an export.

    Attributes:
        outcome: Of the export; `event_id` names its record, or that of the refusal.
        snapshot_id: Names the record of the snapshot; None when it was refused.
    """

    outcome: Outcome
    snapshot_id: Name | None = None


class Exports:
    """Exports of one home.

    Args:
        bench: Of its desk.
        archive: Of the same log.
    """

    def __init__(self, bench: Bench, archive: Archive) -> None:
        self._bench = bench
        self._archive = archive

    def export(self, order: ExportOrder, actor: Actor, *, key: str) -> Exported:
        """Record an export, with the snapshot that it rests on; both are sealed.

        The same key again gives the recorded answer. It is of no use for a new pack: its export key
        was another one, so that the payload differs.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `ROLE`, and the reasons of the rules in force;
        `IDEMPOTENCY_KEY_CONFLICT`.

        Raises:
            IntegrityError: when sealing fails, or a stored record has no leaf hash.
            AdapterError: the store's.
        """
        covers = self._bench.store.seal()
        streams = StreamMap(self._archive.stream_ends(covers))
        snapshot = snapshot_event(streams, covers, self._bench.origin)
        with self._bench.store.batch() as batch:
            bench = self._bench.over(batch)
            with batch.reader() as reader:
                barred = self._barred(reader, actor, bench.recorder.now())
            taken = None
            if not isinstance(barred, Refusal):
                taken = self._snapshot(bench, snapshot, actor, key)
            outcome = self._export(bench, order, actor, key, taken)
        size = self._bench.store.seal()
        named = taken if outcome.accepted else None
        return Exported(outcome=outcome.amended(sealed_size=size), snapshot_id=named)

    def _snapshot(self, bench: Bench, event: Event, actor: Actor, key: str) -> str | None:
        """Record the snapshot; the event id of its record."""
        command = Command(
            name="snapshots.take",
            actor=actor,
            key=f"{key}:snapshot",
            stream=STREAM,
            payload_digest=digest({"export": key}),
        )
        done = Done(subject_id=bench.origin, events=(event,))
        return bench.recorder.run(command, lambda *_: done).event_id

    def _export(
        self, bench: Bench, order: ExportOrder, actor: Actor, key: str, snapshot: str | None
    ) -> Outcome:
        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            judged = self._barred(reader, actor, now)
            if isinstance(judged, Refusal):
                return judged
            return _exported(order, actor, judged, snapshot or "")

        command = Command(
            name=ACTION,
            actor=actor,
            key=key,
            stream=STREAM,
            payload_digest=digest(order.json_value()),
        )
        return bench.recorder.run(command, decide)

    def _barred(self, reader: Reader, actor: Actor, now: datetime) -> Refusal | PolicyEvaluation:
        """Why an actor may not export; else what the rules said."""
        barred = barred_from(reader, actor, Action.EXPORT)
        if barred is not None:
            return barred
        person = person_of(reader, actor)
        installation = reader.get(Installation, INSTALLATION_ID)
        if isinstance(person, Refusal) or installation is None:
            return refuse("NOT_FOUND", "no such person, or no home", person=actor.id)
        facts = PersonFacts(
            person_id=person.person_id,
            tenant=person.tenant,
            roles=tuple(sorted(person.held_roles())),
            active=person.active,
        )
        bundle = self._bench.bundle
        judged = judge(
            installation.origin,
            question(facts, RuleAction.EXPORT, TenantFacts(tenant=installation.tenant)),
            bundle.rules,
            bundle_hash=bundle.bundle_hash,
            now=now,
        )
        if judged.verdict is Verdict.ALLOW:
            return judged
        codes = judged.codes
        said = refuse(codes[0], "the rules in force refuse this export").amended(codes=codes)
        return with_evaluation(said, judged)


def _exported(order: ExportOrder, actor: Actor, judged: PolicyEvaluation, snapshot: str) -> Done:
    scope = order.scope
    event = Event(
        type=EXPORTED,
        stream=STREAM,
        subject=Subject(type="export", id=order.export_key),
        action=ACTION,
        documents=(judged,),
        facts=details(
            scope_kind=scope.kind.value,
            scope_value=scope.value,
            scope_since="" if scope.since is None else utc_text(scope.since),
            scope_until="" if scope.until is None else utc_text(scope.until),
            export_key=order.export_key,
            snapshot=snapshot,
            asked_by=actor.id,
            openings="granted" if order.openings else "none",
        ),
    )
    return Done(subject_id=order.export_key, events=(event,))
