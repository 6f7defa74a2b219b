"""Use cases: request, review, withdraw, expire.

Job: carry a request from its signal to a decided case.

Invariants
  I1  What a reviewer signs was prepared by the desk and recorded before it was signed.
  I2  A review is judged on documents read in the transaction that records it.
  I3  Silence never approves: an open case past its clock becomes expired.

Not here: the rules (approvals), signing (the reviewer's own key), revoking (desk.revocations).
Source: TX-F; governance part 2.
"""

import base64
import binascii
from datetime import datetime, timedelta

from counterseal.approvals.decide import decide_request, decide_review
from counterseal.approvals.expiry import decide_expiry
from counterseal.approvals.independence import Candidate, links_of_keys
from counterseal.approvals.lifecycle import decide_withdraw
from counterseal.approvals.model import (
    ApprovalDecision,
    ApprovalRequest,
    RequestPayload,
    ReviewNonce,
)
from counterseal.approvals.review_checks import SignedReview
from counterseal.approvals.statement import (
    AuthFacts,
    DecisionStatement,
    Reviewer,
    build_statement,
    comment_opening,
)
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.comments import prepared_under
from counterseal.desk.people import key_of, person_of, stranger_among
from counterseal.desk.ports import Reader
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.kernel.canonical import canonical_bytes, digest, parse_json
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import (
    Actor,
    DomainModel,
    Event,
    Name,
    Refusal,
    Signature,
    Subject,
    details,
    refuse,
)
from counterseal.market.instruments import contract_root
from counterseal.policy.words import DecisionWord
from counterseal.signals.model import SignalRecord


class PreparedReview(DomainModel):
    """What a reviewer is shown and signs.

    Attributes:
        statement: To be signed with the reviewer's own key.
        comment_salt: Opens the commitment to the reason.
    """

    statement: DecisionStatement
    reason: str
    comment_salt: str


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
    decisions = reader.find(ApprovalDecision, approval_request_id=request_id)
    return request, tuple(sorted(decisions, key=lambda d: d.sequence))


def case_event(
    kind: str, request: ApprovalRequest, action: str, *more: ApprovalDecision | ReviewNonce
) -> Event:
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
        self, payload: RequestPayload, actor: Actor, *, key: str, run: str | None = None
    ) -> Outcome:
        """Open a request; `created_at` of the payload orders its id.

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
            keys = reader.find(PersonKey)
            opened = decide_request(
                request_id,
                payload,
                signal,
                person,
                bundle=self._bench.bundle,
                candidates=_candidates(reader.find(Person), keys, now),
                links=links_of_keys(keys),
                ratio=spec.tx_equivalent,
                now=now,
            )
            if isinstance(opened, Refusal):
                return opened
            event = case_event("approval.requested", opened, "approvals.request")
            return Done(subject_id=request_id, events=(event,))

        command = self._command("approvals.request", actor, key, request_id, payload.digest, run)
        return self._bench.recorder.run(command, decide)

    def prepare(
        self,
        request_id: str,
        decision: DecisionWord,
        reason: str,
        actor: Actor,
        *,
        shown_hash: str,
        key: str,
    ) -> Preparation:
        """Build and record the statement that the reviewer will sign.

        Args:
            request_id: The case.
            decision: The word that the reviewer wants to give.
            reason: The reviewer's words; only a salted commitment to them is signed.
            actor: The reviewer, re-authenticated.
            shown_hash: Digest of what the reviewer was shown.
            key: Idempotency key.

        Refusals: `NOT_FOUND`, `ROLE`, `KEY_NOT_ENROLLED`, `NO_STAGE_DUE`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            prepared = self._prepared(
                reader, request_id, decision, reason, actor, shown_hash=shown_hash, key=key, now=now
            )
            if isinstance(prepared, Refusal):
                return prepared
            return self._offered(request_id, prepared, shown_hash, actor, now)

        asked = digest({"request": request_id, "decision": decision})
        command = self._command("approvals.prepare", actor, key, request_id, asked)
        outcome = self._bench.recorder.run(command, decide)
        if outcome.refusal is not None:
            return Preparation(refusal=outcome.refusal)
        with self._bench.store.reader() as reader:
            found = prepared_under(reader, outcome.subject_id, reason, key)
        if isinstance(found, Refusal):
            return Preparation(refusal=found)
        statement = DecisionStatement.model_validate_json(found.statement)
        shown = PreparedReview(
            statement=statement, reason=found.reason, comment_salt=found.comment_salt
        )
        return Preparation(prepared=shown)

    def _offered(
        self, request_id: str, prepared: PreparedReview, shown: str, actor: Actor, now: datetime
    ) -> Done:
        statement = prepared.statement
        nonce = ReviewNonce(
            nonce=statement.nonce,
            person_id=actor.id,
            approval_request_id=request_id,
            request_version=statement.request_version,
            issued_at=now,
            expires_at=now + timedelta(seconds=self._bench.bundle.approval.nonce_ttl_seconds),
            statement=canonical_bytes(statement.json_value()).decode(),
            reason=statement.comment_hash,
        )
        event = Event(
            type="review.prepared",
            stream=case_stream(request_id),
            subject=Subject(type="approval_request", id=request_id),
            action="approvals.prepare",
            documents=(nonce,),
            facts=details(statement=statement.digest, shown=shown),
        )
        opening = comment_opening(actor.id, prepared.comment_salt, prepared.reason)
        return Done(subject_id=nonce.nonce, events=(event,), openings=(opening,))

    def review(self, request_id: str, signed: SignedReview, actor: Actor, *, key: str) -> Outcome:
        """Accept one signed review.

        Refusals: `NOT_FOUND`, and those of `approvals.decide.decide_review`, all collected.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            case = load_case(reader, request_id)
            person = person_of(reader, actor)
            if isinstance(case, Refusal):
                return case
            if isinstance(person, Refusal):
                return person
            request, decisions = case
            nonce = reader.get(ReviewNonce, claimed_nonce(signed.signature))
            reviewed = decide_review(
                request,
                decisions,
                signed,
                Reviewer(person=person, key=key_of(reader, actor.id), auth=auth_facts(actor)),
                nonce=nonce,
                bundle=self._bench.bundle,
                links=links_of_keys(reader.find(PersonKey)),
                now=now,
            )
            if isinstance(reviewed, Refusal):
                return reviewed
            event = case_event(
                "approval.decided",
                reviewed.request,
                f"approvals.{signed.decision}",
                reviewed.decision,
                reviewed.nonce,
            ).amended(
                meaning=reviewed.decision.meaning,
                signature=signed.signature,
                reason_text=reviewed.decision.decision_reason,
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
            ended = decide_withdraw(case[0], person, now)
            if isinstance(ended, Refusal):
                return ended
            event = case_event("approval.withdrawn", ended, "approvals.withdraw")
            return Done(subject_id=request_id, events=(event,))

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
            event = case_event("approval.expired", ended, "approvals.expire")
            return Done(subject_id=request_id, events=(event,))

        asked = digest({"request": request_id})
        command = self._command("approvals.expire", actor, key, request_id, asked)
        return self._bench.recorder.run(command, decide)

    def _prepared(
        self,
        reader: Reader,
        request_id: str,
        decision: DecisionWord,
        reason: str,
        actor: Actor,
        *,
        shown_hash: str,
        key: str,
        now: datetime,
    ) -> PreparedReview | Refusal:
        case = load_case(reader, request_id)
        person = person_of(reader, actor)
        if isinstance(case, Refusal):
            return case
        if isinstance(person, Refusal):
            return person
        ids = self._bench.ids
        salt = ids.secret(f"salt:{key}", 16).hex()
        try:
            statement = build_statement(
                case[0],
                Reviewer(person=person, key=key_of(reader, actor.id), auth=auth_facts(actor)),
                self._bench.bundle.approval,
                decision=decision,
                approval_decision_id=ids.new("dec", key, now),
                sequence=len(case[1]) + 1,
                reason=reason,
                comment_salt=salt,
                evidence_shown_hash=shown_hash,
                nonce=f"non_{ids.secret(f'nonce:{key}', 16).hex()}",
                log_origin=self._bench.origin,
                issued_at=now,
            )
        except InputError as error:
            return refuse(error.code, error.message, request=request_id)
        return PreparedReview(statement=statement, reason=reason, comment_salt=salt)

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


def auth_facts(actor: Actor) -> AuthFacts:
    """How the actor re-authenticated, as statements say it."""
    return AuthFacts(iss=actor.issuer, auth_time=actor.auth_time, acr=actor.acr, amr=actor.amr)


def claimed_nonce(signature: Signature) -> str:
    """The nonce that the envelope names; whether it holds is the decision's business."""
    try:
        value = parse_json(base64.b64decode(signature.payload, validate=True))
    except (binascii.Error, ValueError, InputError):
        return ""
    return str(value.get("nonce", "")) if isinstance(value, dict) else ""


def _candidates(
    people: tuple[Person, ...], keys: tuple[PersonKey, ...], now: datetime
) -> list[Candidate]:
    classes = {k.person_id: k.key_class for k in keys if k.counts_at(now)}
    return [
        Candidate(person_id=p.person_id, roles=p.roles, key_class=classes.get(p.person_id, 0))
        for p in people
        if p.active
    ]
