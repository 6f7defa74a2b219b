"""Use cases: request, review, withdraw, expire.

Job: carry a request from its signal to a decided case.

Invariants
  I1  What a reviewer signs was prepared by the desk and recorded before it was signed.
  I2  A review is judged on documents read in the transaction that records it.
  I3  Silence never approves: an open case past its clock becomes expired.

Not here: the rules (approvals), signing (the reviewer's own key), revoking (desk.revocations).
Source: TX-F; governance part 2.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from counterseal.approvals.batch import key_signature
from counterseal.approvals.decide import decide_request, decide_review
from counterseal.approvals.expiry import decide_expiry
from counterseal.approvals.lifecycle import decide_withdraw
from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    RequestPayload,
    ReviewNonce,
)
from counterseal.approvals.review_checks import SignedReview, judged_before_signing
from counterseal.approvals.routing import Preferred, asked_of
from counterseal.approvals.statement import (
    UNOPENED,
    Opened,
    Reviewer,
    build_statement,
)
from counterseal.desk.bench import Bench
from counterseal.desk.case_facts import (
    candidates,
    decisions_of,
    governed,
    links_of_case,
    reviewer_of,
)
from counterseal.desk.claims import claimed, claimed_ceremony, claimed_nonce
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.comments import PreparedReview, offered, prepared_review
from counterseal.desk.people import person_of, stranger_among
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Objection
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import (
    Actor,
    Document,
    DomainModel,
    Event,
    Name,
    Refusal,
    Subject,
    refuse,
)
from counterseal.market.instruments import contract_root
from counterseal.policy.words import DecisionWord
from counterseal.signals.model import SignalRecord


class _Wanted(NamedTuple):
    """What a reviewer wants to sign, and what they were shown of it."""

    decision: DecisionWord
    reason: str
    shown_hash: str
    opened: Opened
    key: str


class Preparation(DomainModel):
    """The answer to a request for a statement: one of the two."""

    prepared: PreparedReview | None = None
    refusal: Refusal | None = None


def case_stream(request_id: str) -> str:
    """The stream of one governed request and what follows from it."""
    return f"case:{request_id}"


def load_case(
    reader: Reader, request_id: str
) -> tuple[ApprovalRequest, tuple[ApprovalDecision, ...]] | Refusal:
    """A request and its decisions in sequence; refusal `NOT_FOUND`."""
    request = reader.get(ApprovalRequest, request_id)
    if request is None:
        return refuse("NOT_FOUND", "no such approval request", request=request_id)
    return request, decisions_of(reader, request_id)


def case_event(kind: str, request: ApprovalRequest, action: str, *more: Document) -> Event:
    """An event that changes a request, in the stream of its case."""
    return Event(
        type=kind,
        stream=case_stream(request.approval_request_id),
        subject=Subject(
            type="approval_request", id=request.approval_request_id, version=request.version
        ),
        action=action,
        documents=(request, *more),
    )


class Approvals:
    """Requests and reviews."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def request(
        self,
        payload: RequestPayload,
        actor: Actor,
        *,
        key: str,
        run: str | None = None,
        wishes: Sequence[Preferred] = (),
    ) -> Outcome:
        """Open a request; `created_at` of the payload orders its id, `wishes` routes its seats.

        Refusals: `NOT_FOUND` (signal or person), `AUTHOR_UNKNOWN`, and those of
        `approvals.decide.decide_request`.
        """
        request_id = self._bench.ids.new("apr", key, payload.created_at)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            person = person_of(reader, actor)
            if isinstance(person, Refusal):
                return person
            stranger = stranger_among(reader, payload.author_ids)
            if stranger is not None:
                return stranger
            signal = reader.get(SignalRecord, payload.signal_id)
            spec = self._bench.contracts.spec(contract_root(payload.symbol))
            if signal is None or spec is None:
                return refuse("NOT_FOUND", "no such signal or contract", signal=payload.signal_id)
            opened = decide_request(
                request_id,
                payload,
                signal,
                person,
                bundle=self._bench.bundle,
                candidates=candidates(reader, payload.tenant, payload.strategy_id, now),
                links=links_of_case(reader, payload.created_at, now),
                ratio=spec.tx_equivalent,
                answered=reader.get(ApprovalRequest, payload.answers) if payload.answers else None,
                now=now,
                wishes=wishes,
            )
            if isinstance(opened, Refusal):
                return opened
            return _done("approval.requested", opened, "approvals.request")

        told = asked_of(payload.digest, wishes)
        command = self._command("approvals.request", actor, key, request_id, told, run)
        return self._bench.recorder.run(command, decide)

    def prepare(
        self,
        request_id: str,
        decision: DecisionWord,
        reason: str,
        actor: Actor,
        *,
        shown_hash: str,
        opened: Opened = UNOPENED,
        key: str,
        scheme: SignatureScheme = SignatureScheme.ED25519,
        key_id: str | None = None,
        against: Objection | None = None,
        grant_id: str | None = None,
    ) -> Preparation:
        """Build and record the statement that the reviewer will sign.

        Args:
            request_id: The case.
            decision: The word that the reviewer wants to give.
            reason: The reviewer's words; only a salted commitment to them is signed.
            actor: The reviewer, re-authenticated.
            shown_hash: Digest of what the reviewer was shown.
            opened: Which sections of it the reviewer opened, and for how long.
            key: Idempotency key.
            scheme: Of which scheme the reviewer's key is that will sign.
            key_id: Which of the reviewer's keys of that scheme; None = the newest.
            against: Asked first, in the same transaction; its refusal is the answer.
            grant_id: The grant that the actor acts under, or None for the own name.

        Refusals: `NOT_FOUND`, `ROLE`, `KEY_NOT_ENROLLED`, `NO_STAGE_DUE`, `GRANT_INVALID`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            objection = None if against is None else against(reader, now)
            if objection is not None:
                return objection
            reviewer = reviewer_of(reader, actor, scheme, grant_id, key_id)
            if isinstance(reviewer, Refusal):
                return reviewer
            prepared = self._prepared(reader, request_id, reviewer, wanted, now)
            if isinstance(prepared, Refusal):
                return prepared
            ends = now + timedelta(seconds=self._bench.bundle.approval.nonce_ttl_seconds)
            return offered(prepared, case_stream(request_id), now, ends)

        wanted = _Wanted(decision, reason, shown_hash, opened, key)
        words = {"request": request_id, "decision": decision, "scheme": scheme.value}
        named = {"grant": grant_id, "key": key_id}
        asked = digest(words | {name: told for name, told in named.items() if told is not None})
        command = self._command("approvals.prepare", actor, key, request_id, asked)
        outcome = self._bench.recorder.run(command, decide)
        if outcome.refusal is not None:
            return Preparation(refusal=outcome.refusal)
        with self._bench.store.reader() as reader:
            found = prepared_review(reader, outcome.subject_id, reason, key)
        if isinstance(found, Refusal):
            return Preparation(refusal=found)
        return Preparation(prepared=found)

    def review(self, request_id: str, signed: SignedReview, actor: Actor, *, key: str) -> Outcome:
        """Accept one signed review.

        Refusals: `NOT_FOUND`, and those of `approvals.decide.decide_review`, all collected.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            case, by = load_case(reader, request_id), signed.signature
            acting_under = claimed(by, "grant_id") or None
            reviewer = reviewer_of(reader, actor, by.scheme, acting_under, by.key_id)
            if isinstance(case, Refusal):
                return case
            if isinstance(reviewer, Refusal):
                return reviewer
            request, decisions = case
            nonce = reader.get(ReviewNonce, claimed_nonce(by))
            reviewed = decide_review(
                request,
                decisions,
                signed,
                reviewer,
                nonce=nonce,
                bundle=self._bench.bundle,
                links=links_of_case(reader, request.payload.created_at, now),
                now=now,
                ceremony=claimed_ceremony(reader, signed),
            )
            if isinstance(reviewed, Refusal):
                return reviewed
            event = case_event(
                "approval.decided",
                reviewed.request,
                f"approvals.{signed.decision}",
                reviewed.decision,
                reviewed.nonce,
                reviewed.evaluation,
            ).amended(
                meaning=reviewed.decision.meaning,
                signature=key_signature(signed),
                reason_text=reviewed.decision.decision_reason,
                on_behalf_of=reviewed.decision.on_behalf_of,
            )
            return Done(subject_id=reviewed.decision.approval_decision_id, events=(event,))

        command = self._command("approvals.review", actor, key, request_id, signed.digest)
        return self._bench.recorder.run(command, decide)

    def withdraw(self, request_id: str, actor: Actor, *, key: str) -> Outcome:
        """Take an own request back; refusals of `approvals.lifecycle.decide_withdraw`."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            case = load_case(reader, request_id)
            person = person_of(reader, actor)
            if isinstance(case, Refusal):
                return case
            if isinstance(person, Refusal):
                return person
            ended = decide_withdraw(governed(*case, self._bench.bundle), person, now)
            if isinstance(ended, Refusal):
                return ended
            return _done(
                "approval.withdrawn", ended.request, "approvals.withdraw", ended.evaluation
            )

        asked = digest({"request": request_id})
        command = self._command("approvals.withdraw", actor, key, request_id, asked)
        return self._bench.recorder.run(command, decide)

    def expire(self, request_id: str, actor: Actor, *, key: str) -> Outcome:
        """Record that a case has outlived its clock; refusals `NOT_FOUND` and `NOT_DUE`."""

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            case = load_case(reader, request_id)
            if isinstance(case, Refusal):
                return case
            ended = decide_expiry(*case, now)
            if ended is None:
                return refuse("NOT_DUE", "the case has not expired", request=request_id)
            return _done("approval.expired", ended, "approvals.expire")

        asked = digest({"request": request_id})
        command = self._command("approvals.expire", actor, key, request_id, asked)
        return self._bench.recorder.run(command, decide)

    def _prepared(
        self, reader: Reader, request_id: str, reviewer: Reviewer, wanted: _Wanted, now: datetime
    ) -> PreparedReview | Refusal:
        case = load_case(reader, request_id)
        if isinstance(case, Refusal):
            return case
        salt = self._bench.ids.secret(f"salt:{wanted.key}", 16).hex()
        try:
            statement = build_statement(
                case[0],
                reviewer,
                self._bench.bundle.approval,
                decision=wanted.decision,
                approval_decision_id=self._bench.ids.new("dec", wanted.key, now),
                sequence=len(case[1]) + 1,
                reason=wanted.reason,
                comment_salt=salt,
                evidence_shown_hash=wanted.shown_hash,
                opened=wanted.opened,
                nonce=f"non_{self._bench.ids.secret(f'nonce:{wanted.key}', 16).hex()}",
                log_origin=self._bench.origin,
                issued_at=now,
            )
        except InputError as error:
            refusal = refuse(error.code, error.message, request=request_id)
            links = links_of_case(reader, case[0].payload.created_at, now)
            asked = governed(*case, self._bench.bundle).amended(links=links)
            return judged_before_signing(refusal, asked, reviewer, wanted.decision, now)
        return PreparedReview(statement=statement, reason=wanted.reason, comment_salt=salt)

    @staticmethod
    def _command(
        name: Name, actor: Actor, key: str, request_id: str, asked: str, run: str | None = None
    ) -> Command:
        return Command(
            name=name,
            actor=actor,
            key=key,
            stream=case_stream(request_id),
            payload_digest=asked,
            run=run,
        )


def _done(kind: str, request: ApprovalRequest, action: str, *more: Document) -> Done:
    event = case_event(kind, request, action, *more)
    return Done(subject_id=request.approval_request_id, events=(event,))
