"""Use case: revoke an approval before it is used.

Job: let a signer or compliance take an approval back, signed with their own key.

Invariants
  I1  What is signed was prepared by the desk, recorded first, and is compared byte for byte.
  I2  It names version, payload, last decision and reason: any change needs a new signature.
  I3  A refusal names the rules of the case and of the signature together.

Not here: who may revoke (approvals.lifecycle), withdrawal by the requester (desk.approvals).
Source: governance rules 2.1 and 2.9.
"""

from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import Field, ValidationError

from counterseal.approvals.lifecycle import EndedCase, decide_revoke
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, ReviewNonce
from counterseal.approvals.reasons import ReasonCode, refuse_all
from counterseal.approvals.statement import AuthFacts, comment_hash, comment_opening
from counterseal.desk.approvals import (
    case_event,
    case_stream,
    load_case,
)
from counterseal.desk.bench import Bench
from counterseal.desk.case_facts import auth_facts, governed
from counterseal.desk.claims import claimed_nonce
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.comments import prepared_under
from counterseal.desk.people import key_of, person_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Decide
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import canonical_bytes, digest
from counterseal.kernel.clock import UtcDatetime, seconds_between
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import (
    Actor,
    DomainModel,
    Event,
    Name,
    Refusal,
    Sha256,
    Signature,
    Subject,
    Text,
    details,
    refuse,
)
from counterseal.policy.evaluation import JudgedRefusal, with_evaluation
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.words import Meaning

KIND: Final = "revoke"
_R: Final = ReasonCode


class RevocationStatement(DomainModel):
    """What a person signs to revoke.

    Attributes:
        payload_hash: The request hash.
        prev_decision_hashes: The last decision of the case.
        comment_hash: Salted commitment to the reason.
    """

    schema_version: Literal[1] = 1
    kind: Literal["revoke"] = "revoke"
    log_origin: Name
    tenant: Name
    request_id: Name
    request_version: int = Field(ge=1)
    payload_hash: Sha256
    prev_decision_hashes: tuple[Sha256, ...]
    meaning: Literal[Meaning.REVOKED] = Meaning.REVOKED
    comment_hash: Sha256
    person: Name
    auth: AuthFacts
    key_id: Name
    key_class: int = Field(ge=1, le=3)
    scheme: SignatureScheme
    issued_at: UtcDatetime
    nonce: Name
    paper_only: Literal[True] = True
    approval_for_live: Literal[False] = False


class SignedRevocation(DomainModel):
    """The reason and the signature over it and the case."""

    reason: Text
    comment_salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    signature: Signature


class PreparedRevocation(DomainModel):
    """What is shown and signed; `comment_salt` opens the commitment to the reason."""

    statement: RevocationStatement
    reason: str
    comment_salt: str

    def signed(self, signature: Signature) -> SignedRevocation:
        """What is sent to the desk: the reason, and a signature over the statement."""
        return SignedRevocation(
            reason=self.reason, comment_salt=self.comment_salt, signature=signature
        )


class RevocationPreparation(DomainModel):
    """The answer to a request for a statement: one of the two."""

    prepared: PreparedRevocation | None = None
    refusal: Refusal | None = None


class _Case(DomainModel):
    request: ApprovalRequest
    decisions: tuple[ApprovalDecision, ...]
    person: Person
    key: PersonKey | None


class Revocations:
    """Revokes approvals."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def prepare(
        self,
        request_id: str,
        reason: str,
        actor: Actor,
        *,
        key: str,
        scheme: SignatureScheme = SignatureScheme.ED25519,
        key_id: str | None = None,
    ) -> RevocationPreparation:
        """Build and record the statement to be signed with the actor's key of a scheme.

        `key_id` names one of several such keys; None stands for the newest.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `KEY_NOT_ENROLLED` and those of
        `approvals.lifecycle.decide_revoke`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            case = _case(reader, request_id, actor, scheme, key_id)
            if isinstance(case, Refusal):
                return case
            allowed = self._decided(case, reason, [], now)
            if isinstance(allowed, Refusal):
                return allowed
            if case.key is None or case.key.bootstrap:
                return refuse("KEY_NOT_ENROLLED", "the person has no key", person=actor.id)
            return self._offered(case, case.key, reason, actor, key, now)

        named = {} if key_id is None else {"key": key_id}
        asked = digest({"request": request_id, "scheme": scheme.value, **named})
        outcome = self._run("approvals.prepare_revoke", request_id, asked, actor, key, decide)
        if outcome.refusal is not None:
            return RevocationPreparation(refusal=outcome.refusal)
        with self._bench.store.reader() as reader:
            found = prepared_under(reader, outcome.subject_id, reason, key)
        if isinstance(found, Refusal):
            return RevocationPreparation(refusal=found)
        prepared = PreparedRevocation(
            statement=RevocationStatement.model_validate_json(found.statement),
            reason=found.reason,
            comment_salt=found.comment_salt,
        )
        return RevocationPreparation(prepared=prepared)

    def revoke(
        self, request_id: str, signed: SignedRevocation, actor: Actor, *, key: str
    ) -> Outcome:
        """Revoke with a signature.

        Refusals, all collected: `NOT_FOUND`, `PERSON_DISABLED`, those of
        `approvals.lifecycle.decide_revoke` and of `signature_codes`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            by = signed.signature
            case = _case(reader, request_id, actor, by.scheme, by.key_id)
            if isinstance(case, Refusal):
                return case
            nonce = reader.get(ReviewNonce, claimed_nonce(by))
            codes = signature_codes(
                case.request,
                signed,
                case.key,
                nonce,
                auth_facts(actor),
                person_id=actor.id,
                params=self._bench.bundle.approval,
                now=now,
            )
            ended = self._decided(case, signed.reason, codes, now)
            if isinstance(ended, Refusal):
                return ended
            used = () if nonce is None else (nonce.amended(used_at=now),)
            event = case_event(
                "approval.revoked", ended.request, "approvals.revoke", *used, ended.evaluation
            )
            whole = event.amended(
                meaning=Meaning.REVOKED.value,
                signature=by,
                reason_text=comment_hash(signed.comment_salt, signed.reason),
            )
            return Done(subject_id=request_id, events=(whole,))

        return self._run("approvals.revoke", request_id, signed.digest, actor, key, decide)

    def _decided(
        self, case: _Case, reason: str, codes: list[ReasonCode], now: datetime
    ) -> EndedCase | JudgedRefusal:
        asked = governed(case.request, case.decisions, self._bench.bundle)
        ended = decide_revoke(asked, case.person, reason=reason, now=now)
        if isinstance(ended, JudgedRefusal):
            found, told = ended.codes, ended.evaluations
        else:
            found, told = (), (ended.evaluation,)
        refusal = refuse_all(
            [*map(ReasonCode, found), *codes],
            "the revocation is refused",
            actor=case.person.person_id,
            status=case.request.status,
        )
        return ended if refusal is None else with_evaluation(refusal, *told)

    def _offered(
        self, case: _Case, own: PersonKey, reason: str, actor: Actor, key: str, now: datetime
    ) -> Done:
        request, ids = case.request, self._bench.ids
        salt = ids.secret(f"salt:{key}", 16).hex()
        opening = comment_opening(actor.id, salt, reason)
        statement = self._statement(request, own, auth_facts(actor), opening.commitment, key, now)
        nonce = ReviewNonce(
            nonce=statement.nonce,
            person_id=actor.id,
            approval_request_id=request.approval_request_id,
            request_version=request.version,
            issued_at=now,
            expires_at=now + timedelta(seconds=self._bench.bundle.approval.nonce_ttl_seconds),
            statement=canonical_bytes(statement.json_value()).decode(),
            reason=opening.commitment,
        )
        event = Event(
            type="revocation.prepared",
            stream=case_stream(request.approval_request_id),
            subject=Subject(type="approval_request", id=request.approval_request_id),
            action="approvals.prepare_revoke",
            documents=(nonce,),
            facts=details(statement=statement.digest),
        )
        return Done(subject_id=nonce.nonce, events=(event,), openings=(opening,))

    def _statement(
        self,
        request: ApprovalRequest,
        own: PersonKey,
        auth: AuthFacts,
        commitment: str,
        key: str,
        now: datetime,
    ) -> RevocationStatement:
        return RevocationStatement(
            log_origin=self._bench.origin,
            tenant=request.tenant,
            request_id=request.approval_request_id,
            request_version=request.version,
            payload_hash=request.request_hash,
            prev_decision_hashes=(request.latest_chain_hash,),
            comment_hash=commitment,
            person=own.person_id,
            auth=auth,
            key_id=own.key_id,
            key_class=own.key_class,
            scheme=own.scheme,
            issued_at=now,
            nonce=f"non_{self._bench.ids.secret(f'nonce:{key}', 16).hex()}",
        )

    def _run(
        self, name: str, request_id: str, asked: str, actor: Actor, key: str, decide: Decide
    ) -> Outcome:
        command = Command(
            name=name,
            actor=actor,
            key=key,
            stream=case_stream(request_id),
            payload_digest=asked,
        )
        return self._bench.recorder.run(command, decide)


def signature_codes(
    request: ApprovalRequest,
    signed: SignedRevocation,
    key: PersonKey | None,
    nonce: ReviewNonce | None,
    auth: AuthFacts,
    *,
    person_id: str,
    params: ApprovalParameters,
    now: datetime,
) -> list[ReasonCode]:
    """What is wrong with the signature; empty when it holds.

    Codes: `REAUTH_REQUIRED`, `KEY_NOT_ENROLLED`, `SIGNATURE_INVALID`, `SNAPSHOT_CHANGED`,
    `NONCE_USED`.
    """
    age = seconds_between(auth.auth_time, now)
    codes = [] if 0 <= age <= params.auth_age_max_seconds else [_R.REAUTH_REQUIRED]
    known = key is not None and key.key_id == signed.signature.key_id
    if key is None or not known or key.bootstrap or not key.counts_at(now):
        return [*codes, _R.KEY_NOT_ENROLLED]
    try:
        value = verify_signed(signed.signature, key, KIND)
    except IntegrityError:
        return [*codes, _R.SIGNATURE_INVALID]
    if nonce is None or not _is_open(nonce, request, person_id, now):
        return [*codes, _R.NONCE_USED]
    prepared = _stored(nonce)
    same = (
        prepared is not None
        and nonce.statement == _text(value)
        and prepared.auth == auth
        and prepared.prev_decision_hashes == (request.latest_chain_hash,)
        and prepared.comment_hash == comment_hash(signed.comment_salt, signed.reason)
    )
    return codes if same else [*codes, _R.SNAPSHOT_CHANGED]


def _is_open(nonce: ReviewNonce, request: ApprovalRequest, person_id: str, now: datetime) -> bool:
    return (
        nonce.used_at is None
        and nonce.person_id == person_id
        and nonce.approval_request_id == request.approval_request_id
        and nonce.request_version == request.version
        and nonce.issued_at <= now < nonce.expires_at
    )


def _text(value: dict[str, object]) -> str:
    return canonical_bytes(value).decode()  # type: ignore[arg-type]  # parsed JSON


def _case(
    reader: Reader, request_id: str, actor: Actor, scheme: str, key_id: str | None
) -> _Case | Refusal:
    case, person = load_case(reader, request_id), person_of(reader, actor)
    if isinstance(case, Refusal):
        return case
    if isinstance(person, Refusal):
        return person
    request, decisions = case
    key = key_of(reader, actor.id, scheme, key_id)
    return _Case(request=request, decisions=decisions, person=person, key=key)


def _stored(nonce: ReviewNonce) -> RevocationStatement | None:
    """What was prepared under the nonce; None when that was no revocation."""
    try:
        return RevocationStatement.model_validate_json(nonce.statement)
    except ValidationError:
        return None
