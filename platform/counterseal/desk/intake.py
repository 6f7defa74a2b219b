"""Use cases: take signals in, and ask for approval of what they suggest.

Job: admit one signal, or record why not; draft the request that follows from it.

Invariants
  I1  A signal is admitted once; the same id with other content is refused and recorded.

Not here: parsing files (signals.intake), requests (desk.approvals), drafts (approvals.draft).
Source: TX-E1, TX-E2.
"""

from collections.abc import Sequence
from datetime import datetime

from counterseal.approvals.draft import RequestTerms, draft_payload
from counterseal.approvals.model import RequestPayload
from counterseal.approvals.routing import Preferred
from counterseal.desk.approvals import Approvals
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, CommandRecord, Done, Outcome
from counterseal.desk.people import person_of
from counterseal.desk.ports import Reader
from counterseal.identity.people import Person
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Event, Refusal, Subject, refuse
from counterseal.market.instruments import contract_root
from counterseal.policy.authorize import Action, authorize
from counterseal.portfolio.model import Account
from counterseal.signals.intake import decide_intake
from counterseal.signals.model import Direction, Provenance, SignalRecord, StrategySignal


class Intake:
    """Takes signals in."""

    def __init__(self, bench: Bench, approvals: Approvals) -> None:
        self._bench = bench
        self._approvals = approvals

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

    def request(
        self,
        signal_id: str,
        terms: RequestTerms,
        actor: Actor,
        *,
        now: datetime,
        key: str,
        run: str | None = None,
        wishes: Sequence[Preferred] = (),
    ) -> Outcome:
        """Ask for approval of an admitted signal; a repeated key asks as it did first.

        Refusals: `NOT_FOUND` (signal, person, contract, account), `FLAT_SIGNAL`, and those of
        `Approvals.request`.
        """
        with self._bench.store.reader() as reader:
            known = reader.get(CommandRecord, key)
            asked_at = now if known is None else known.decided_at
            payload = self._drafted(reader, signal_id, terms, actor, asked_at)
        if isinstance(payload, RequestPayload):
            return self._approvals.request(payload, actor, key=key, run=run, wishes=wishes)
        refusal = payload
        command = Command(
            name="approvals.request",
            actor=actor,
            key=key,
            stream=f"signals:{signal_id}",
            payload_digest=digest({"signal": signal_id, "terms": terms.json_value()}),
            run=run,
        )
        return self._bench.recorder.run(command, lambda _, __: refusal)

    def _drafted(
        self, reader: Reader, signal_id: str, terms: RequestTerms, actor: Actor, now: datetime
    ) -> RequestPayload | Refusal:
        signal, person = reader.get(SignalRecord, signal_id), reader.get(Person, actor.id)
        spec = self._bench.contracts.spec(contract_root(terms.symbol))
        if signal is None:
            return refuse("NOT_FOUND", "no such signal", signal=signal_id)
        if person is None:
            return refuse("NOT_FOUND", "no such person", person=actor.id)
        if spec is None:
            return refuse("NOT_FOUND", "no such contract", symbol=terms.symbol)
        account = reader.get(Account, terms.account_id)
        if account is None or account.tenant != person.tenant:
            return refuse("NOT_FOUND", "no such account", account=terms.account_id)
        if signal.direction is Direction.FLAT:
            return refuse("FLAT_SIGNAL", "a FLAT signal cannot become a request", signal=signal_id)
        return draft_payload(
            signal,
            person,
            terms,
            spec,
            bundle=self._bench.bundle,
            currency=self._bench.contracts.currency,
            now=now,
        )

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
