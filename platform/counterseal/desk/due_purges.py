"""Use case: put before two people what the retention schedule says may go.

Job: once a day, write a plan of the cases that are due and that no open plan names.

Invariants
  I1  Nothing goes by a plan: two people sign it with their own keys, and it is judged again then
      (desk.purging).
  I2  What stands in an open plan that may still be agreed to is not planned again; a plan under
      another policy, or that names what has to stay by now, is no such plan.
  I3  Only the platform's own service plans by itself; with nothing due there is no record.

Not here: what is due and held (audit.retention), consent and purge (desk.purging).
Source: workflow part 5, `retention`; design part "privacy, retention, legal hold".
"""

from datetime import datetime

from counterseal.audit.retention import PLANNED, STREAM, Purge, PurgedRange, PurgeStatus
from counterseal.desk.archive import Archive
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.ports import Reader
from counterseal.desk.purging import due_now, purge_plan
from counterseal.desk.records import done
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Refusal, refuse


class DuePurges:
    """Plans of one home that nobody had to ask for.

    Args:
        bench: Of its desk.
        archive: Of the same log.
    """

    def __init__(self, bench: Bench, archive: Archive) -> None:
        self._bench = bench
        self._archive = archive

    def plan(self, actor: Actor, *, run: str | None = None) -> Outcome | None:
        """Plan what is due and in no open plan; None when nothing is. The outcome names the purge.

        Refusals: `SERVICE_ONLY`, `NOT_DUE` when it was planned or held meanwhile.

        Raises:
            IntegrityError: when sealing fails.
            AdapterError: the store's.
        """
        self._bench.store.seal()
        with self._bench.store.reader() as reader:
            found = self._unplanned(reader, self._bench.recorder.now())
        if not found:
            return None
        policy = self._bench.bundle.bundle_hash
        asked = digest([policy, *(one.json_value() for one in found)])
        key = f"retention:{digest([asked, actor.id])[7:39]}"

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            if actor.issuer != SERVICE_ISSUER:
                return refuse("SERVICE_ONLY", "the platform plans by itself", actor=actor.id)
            if self._unplanned(reader, now) != found:
                return refuse("NOT_DUE", "what is due has changed meanwhile")
            purge_id = self._bench.ids.new("prg", key, now)
            return done(
                PLANNED,
                STREAM,
                "records.plan_purge",
                purge_plan(purge_id, found, policy, by=actor.id, now=now),
            )

        command = Command(
            name="records.plan_due",
            actor=actor,
            key=key,
            stream=STREAM,
            payload_digest=asked,
            run=run,
        )
        return self._bench.recorder.run(command, decide)

    def _unplanned(self, reader: Reader, now: datetime) -> tuple[PurgedRange, ...]:
        due = due_now(self._bench, self._archive, reader, now)
        if not due:
            return ()
        named = {part for plan in self._open(reader, frozenset(due)) for part in plan.ranges}
        return tuple(part for part in due if part not in named)

    def _open(self, reader: Reader, due: frozenset[PurgedRange]) -> list[Purge]:
        """Plans that two people may still agree to."""
        policy = self._bench.bundle.bundle_hash
        return [
            one
            for one in reader.find(Purge, status=PurgeStatus.PLANNED.value)
            if one.policy_digest == policy and due.issuperset(one.ranges)
        ]
