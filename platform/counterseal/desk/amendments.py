"""Use cases: change a request before it is used, and reopen it under a new policy.

Job: put a new version in the place of an old one, with the decisions that carry.

Invariants
  I1  Old version, new version and carried decisions are recorded in one transaction.
  I2  Every carried decision is an event of its own, which names the signed one and the matrix rows.

Not here: what carries (approvals.amend, approvals.matrix), asking at first (desk.approvals).
Source: governance rule 2.3, part 4 (gate, step 6).
"""

from datetime import datetime

from counterseal.approvals.amend import (
    Amendment,
    AmendmentCase,
    decide_amendment,
    decide_reopening,
)
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestPayload
from counterseal.desk.approvals import case_event, case_stream, load_case
from counterseal.desk.bench import Bench
from counterseal.desk.case_facts import candidates, links_of_case
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.people import person_of, stranger_among
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.kernel.canonical import digest
from counterseal.kernel.model import Actor, Event, Refusal, details, refuse
from counterseal.market.instruments import contract_root
from counterseal.signals.model import SignalRecord


class Amendments:
    """Amends and reopens requests."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def amend(self, request_id: str, payload: RequestPayload, actor: Actor, *, key: str) -> Outcome:
        """Replace an own, unused request by a changed one; the outcome names the new version.

        Refusals: `NOT_FOUND`, `AUTHOR_UNKNOWN`, and those of `approvals.amend.decide_amendment`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            case = self._case(reader, request_id, payload, actor, now)
            if isinstance(case, Refusal):
                return case
            ids = self._bench.ids
            names = [ids.new("dec", f"{key}:{n}", now) for n in range(len(case.decisions))]
            amended = decide_amendment(case, ids.new("apr", key, now), names, now)
            return amended if isinstance(amended, Refusal) else _done(amended, "approvals.amend")

        asked = digest({"request": request_id, "payload": payload.digest})
        return self._run("approvals.amend", request_id, asked, actor, key, decide)

    def reopen(self, request_id: str, actor: Actor, *, key: str) -> Outcome:
        """Replace a request of an older policy by the same one under the policy in force.

        Refusals: as of `amend`; nothing carries.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            case = self._case(reader, request_id, None, actor, now)
            if isinstance(case, Refusal):
                return case
            reopened = decide_reopening(case, self._bench.ids.new("apr", key, now), now)
            if isinstance(reopened, Refusal):
                return reopened
            return _done(reopened, "approvals.reopen")

        asked = digest({"request": request_id})
        return self._run("approvals.reopen", request_id, asked, actor, key, decide)

    def _case(
        self,
        reader: Reader,
        request_id: str,
        payload: RequestPayload | None,
        actor: Actor,
        now: datetime,
    ) -> AmendmentCase | Refusal:
        case, person = load_case(reader, request_id), person_of(reader, actor)
        if isinstance(case, Refusal):
            return case
        if isinstance(person, Refusal):
            return person
        old, decisions = case
        wanted = payload or old.payload
        stranger = stranger_among(reader, wanted.author_ids)
        if stranger is not None:
            return stranger
        signal = reader.get(SignalRecord, wanted.signal_id)
        spec = self._bench.contracts.spec(contract_root(wanted.symbol))
        requester = reader.get(Person, old.requester_id)
        if signal is None or spec is None or requester is None:
            return refuse("NOT_FOUND", "no such signal, contract or requester", request=request_id)
        cited = wanted.answers
        return AmendmentCase(
            old=old,
            decisions=decisions,
            payload=wanted,
            signal=signal,
            requester=requester,
            actor=person,
            bundle=self._bench.bundle,
            candidates=candidates(reader, old.tenant, wanted.strategy_id, now),
            links=links_of_case(reader, old.payload.created_at, now),
            person_keys=reader.find(PersonKey),
            ratio=spec.tx_equivalent,
            answered=None if cited is None else reader.get(ApprovalRequest, cited),
        )

    def _run(
        self, name: str, request_id: str, asked: str, actor: Actor, key: str, decide: Decide
    ) -> Outcome:
        command = Command(
            name=name, actor=actor, key=key, stream=case_stream(request_id), payload_digest=asked
        )
        return self._bench.recorder.run(command, decide)


def _done(amendment: Amendment, action: str) -> Done:
    opened = amendment.new
    superseded = case_event("approval.superseded", amendment.old, action)
    requested = case_event("approval.requested", opened, action)
    carried = (_carried(opened, decision, action) for decision in amendment.carried)
    return Done(subject_id=opened.approval_request_id, events=(superseded, requested, *carried))


def _carried(request: ApprovalRequest, decision: ApprovalDecision, action: str) -> Event:
    origin = decision.carried
    facts = (
        ()
        if origin is None
        else details(
            carried_from=origin.approval_request_id,
            decision_hash=origin.decision_hash,
            rows=",".join(row.field for row in origin.rows),
        )
    )
    event = case_event("approval.carried", request, action, decision)
    return event.amended(facts=facts)
