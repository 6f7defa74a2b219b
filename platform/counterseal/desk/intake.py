"""Use case: take signals in.

Job: admit one signal, or record why not.

Invariants
  I1  A signal is admitted once; the same id with other content is refused and recorded.

Not here: parsing files (signals.intake), requests (desk.approvals).
Source: TX-E1, TX-E2.
"""

from datetime import datetime

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.kernel.model import Actor, Event, Refusal, Subject
from counterseal.policy.authorize import Action, authorize
from counterseal.signals.intake import decide_intake
from counterseal.signals.model import Provenance, SignalRecord, StrategySignal


class Intake:
    """Takes signals in."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def propose(
        self,
        signal: StrategySignal,
        provenance: Provenance,
        actor: Actor,
        *,
        key: str,
        run: str | None = None,
    ) -> Outcome:
        """Admit a signal under an idempotency key.

        Refusals: `SIGNAL_DUPLICATE`, `SIGNAL_CONFLICT`, `SIGNAL_STALE`, `SIGNAL_FROM_FUTURE`,
        `ROLE`.
        """
        stream = f"signals:{signal.strategy_id}"

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            admitted = self._admitted(reader, now, signal, provenance, actor)
            if isinstance(admitted, Refusal):
                return admitted
            event = Event(
                type="signal.admitted",
                stream=stream,
                subject=Subject(type="signal", id=signal.signal_id),
                action="signals.propose",
                documents=(admitted,),
            )
            return Done(subject_id=signal.signal_id, events=(event,))

        command = Command(
            name="signals.propose",
            actor=actor,
            key=key,
            stream=stream,
            payload_digest=signal.digest,
            run=run,
        )
        return self._bench.recorder.run(command, decide)

    def _admitted(
        self,
        reader: Reader,
        now: datetime,
        signal: StrategySignal,
        provenance: Provenance,
        actor: Actor,
    ) -> SignalRecord | Refusal:
        person = person_of(reader, actor)
        if isinstance(person, Refusal):
            return person
        role = authorize(Action.PROPOSE_SIGNAL, person.held_roles(), active=person.active)
        if role is not None:
            return role
        return decide_intake(
            signal,
            reader.get(SignalRecord, signal.signal_id),
            provenance,
            age_max_seconds=self._bench.bundle.approval.signal_age_max_seconds,
            now=now,
        )
