"""Use cases: review many requests in one signing ceremony.

Job: prepare the decisions that a reviewer may take, have them signed as one, and judge each alone.

Invariants
  I1  Only what was shown as it stands now is prepared; the rest is refused beside it.
  I2  Each decision is a command of its own: a refused one does not sink the rest, and a crash in
      between is mended by the same call.
  I3  One nonce stands for the ceremony and its one statement, and one for each decision.

Not here: the tree and its proofs (approvals.batch), a single review (desk.approvals).
Source: governance rule 2.7 (N12).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import Field

from counterseal.approvals.batch import BatchStatement, build_batch, leaf_envelope, prove_leaf
from counterseal.approvals.model import ApprovalDecision, BatchNonce
from counterseal.approvals.review_checks import SignedReview
from counterseal.approvals.statement import UNOPENED, DecisionStatement, Opened
from counterseal.desk.approvals import Approvals
from counterseal.desk.bench import Bench
from counterseal.desk.case_facts import auth_facts
from counterseal.desk.commands import Command, CommandRecord, Done
from counterseal.desk.comments import PreparedReview
from counterseal.desk.people import key_of
from counterseal.desk.ports import Reader
from counterseal.desk.recorder import Objection
from counterseal.desk.views.bulk import bulk_candidate, own_register
from counterseal.desk.views.history import RecordFacts
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.canonical import canonical_bytes, digest
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
from counterseal.policy.params import BULK_COUNT_MAX
from counterseal.policy.words import DecisionWord

_PREPARE: Final = "approvals.prepare_batch"
_REVIEW: Final = "approvals.review"


class PreparedBatch(DomainModel):
    """What a reviewer signs once.

    Attributes:
        statement: To be signed with the reviewer's own key, as kind `batch`.
        leaves: The decisions that it covers, each bound as if it were signed alone.
    """

    statement: BatchStatement
    leaves: tuple[PreparedReview, ...] = Field(min_length=1, max_length=BULK_COUNT_MAX)


class SignedBatch(DomainModel):
    """A prepared batch and the reviewer's signature of kind `batch` over its statement."""

    prepared: PreparedBatch
    signature: Signature


class BulkItem(DomainModel):
    """What came of one request: a decision or a refusal.

    Attributes:
        replayed: It was so before, under the same key.
        event_id: Names the record; None for a refusal to prepare.
    """

    request_id: Name
    decision_id: Name | None = None
    refusal: Refusal | None = None
    replayed: bool = False
    event_id: Name | None = None


class BulkPreparation(DomainModel):
    """The answer to a request for a batch.

    Attributes:
        prepared: To be signed; None when nothing may be, or nothing is left to be.
        settled: Requests that may not be prepared, and those decided before under the same key.
        refusal: Why nothing can be signed together.
    """

    prepared: PreparedBatch | None = None
    settled: tuple[BulkItem, ...] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of every request alike."""

    decision: DecisionWord
    reason: str
    actor: Actor
    scheme: SignatureScheme
    key_id: str | None
    opened: Opened
    key: str

    @property
    def login(self) -> str:
        """Tells one re-authentication from another: what was prepared under it binds it."""
        return digest(auth_facts(self.actor).json_value())[-8:]


class Bulk:
    """Many reviews in one ceremony, in the reviewer's own name: nobody bulk-signs under a grant.

    Args:
        bench: Ports and law.
        approvals: Prepares and judges each review.
    """

    def __init__(self, bench: Bench, approvals: Approvals) -> None:
        self._bench = bench
        self._approvals = approvals

    def prepare_batch(
        self,
        shown: Mapping[str, str],
        decision: DecisionWord,
        reason: str,
        actor: Actor,
        *,
        key: str,
        scheme: SignatureScheme = SignatureScheme.ED25519,
        key_id: str | None = None,
        opened: Opened = UNOPENED,
    ) -> BulkPreparation:
        """Prepare every review that may be given, and the statement that covers them.

        Called again under the same key, also after a new login, what was decided stays decided and
        the rest is prepared anew.

        Args:
            shown: Digest of what the reviewer was shown of each request, by its id.
            decision: The one word for all of them.
            reason: The reviewer's words; each decision commits to them by a salt of its own.
            actor: The reviewer, re-authenticated.
            key: Idempotency key of the whole.
            scheme: Of which scheme the reviewer's key is that will sign.
            key_id: Which of the reviewer's keys of that scheme; None = the newest.
            opened: Which sections of each request the reviewer opened, and for how long.

        Refusals: of all `BULK_LIMIT` and `BULK_MIXED`; of one request `NOT_SHOWN`, `CHAIN_BROKEN`,
        those of `Approvals.prepare`, and every reason that would refuse the decision now.
        """
        asked = _Asked(decision, reason, actor, scheme, key_id, opened, key)
        if not 0 < len(shown) <= self._bench.bundle.approval.bulk_max:
            return BulkPreparation(refusal=self._over_limit(asked, sorted(shown)))
        leaves: list[PreparedReview] = []
        settled: list[BulkItem] = []
        for request_id in sorted(shown):
            item = self._settled(request_id, asked) or self._leaf(
                request_id, shown[request_id], asked
            )
            if isinstance(item, BulkItem):
                settled.append(item)
            else:
                leaves.append(item)
        batch = self._batch(leaves, asked) if leaves else None
        self._bench.store.seal()
        return BulkPreparation(
            prepared=batch if isinstance(batch, PreparedBatch) else None,
            settled=tuple(settled),
            refusal=batch if isinstance(batch, Refusal) else None,
        )

    def review_batch(self, signed: SignedBatch, actor: Actor, *, key: str) -> tuple[BulkItem, ...]:
        """Put each decision of a signed batch to the rules, in the order of the request ids.

        Args:
            signed: As `prepare_batch` gave it, signed.
            actor: The reviewer, under the login that it was prepared under.
            key: Idempotency key of the whole; repeated after a crash it does what was not done.

        Refusals: of one request those of `Approvals.review`; each is recorded in its case.
        """
        statements = tuple(leaf.statement for leaf in signed.prepared.leaves)
        return tuple(
            self._review(leaf, _review_of(leaf, signed, statements), actor, key)
            for leaf in sorted(signed.prepared.leaves, key=lambda leaf: leaf.statement.request_id)
        )

    def _review(
        self, leaf: PreparedReview, review: SignedReview, actor: Actor, key: str
    ) -> BulkItem:
        request_id = leaf.statement.request_id
        outcome = self._approvals.review(request_id, review, actor, key=leaf_key(key, request_id))
        return BulkItem(
            request_id=request_id,
            decision_id=outcome.subject_id if outcome.accepted else None,
            refusal=outcome.refusal,
            replayed=outcome.replayed,
            event_id=outcome.event_id,
        )

    def _settled(self, request_id: str, asked: _Asked) -> BulkItem | None:
        """What was decided on a request before, under the same key."""
        with self._bench.store.reader() as reader:
            record = reader.get(CommandRecord, leaf_key(asked.key, request_id))
            if record is None:
                return None
            made = reader.get(ApprovalDecision, record.subject_id)
        same = (record.name, record.actor_id) == (_REVIEW, asked.actor.id)
        word = asked.decision if made is None else made.decision
        if not same or word is not asked.decision:
            refusal = refuse(
                "IDEMPOTENCY_KEY_CONFLICT",
                "the idempotency key was used by another actor or with another payload",
                key=record.idempotency_key,
            )
            return BulkItem(request_id=request_id, refusal=refusal)
        return BulkItem(
            request_id=request_id,
            decision_id=None if made is None else made.key,
            refusal=record.refusal,
            replayed=True,
            event_id=record.event_id,
        )

    def _leaf(self, request_id: str, shown: str, asked: _Asked) -> PreparedReview | BulkItem:
        preparation = self._approvals.prepare(
            request_id,
            asked.decision,
            asked.reason,
            asked.actor,
            shown_hash=shown,
            opened=asked.opened,
            key=f"{leaf_key(asked.key, request_id)}:prepare:{asked.login}",
            scheme=asked.scheme,
            key_id=asked.key_id,
            against=self._objection(request_id, shown, asked),
        )
        if preparation.prepared is not None:
            return preparation.prepared
        return BulkItem(request_id=request_id, refusal=preparation.refusal)

    def _objection(self, request_id: str, shown: str, asked: _Asked) -> Objection:
        bundle, actor = self._bench.bundle, asked.actor

        def against(reader: Reader, now: datetime) -> Refusal | None:
            own = key_of(reader, actor.id, asked.scheme, asked.key_id)
            register = own_register(reader, bundle, actor.id, own)
            stands = bulk_candidate(
                reader, register, request_id, actor.id, asked.decision, RecordFacts(), now
            )
            if isinstance(stands, Refusal):
                return stands
            facts = {"request": request_id, "actor": actor.id, "decision": asked.decision}
            if stands.detail.shown_hash != shown:
                return refuse("NOT_SHOWN", "what was shown is not how the request stands", **facts)
            return None if not stands.codes else _refusal(stands.codes, facts)

        return against

    def _batch(self, leaves: Sequence[PreparedReview], asked: _Asked) -> PreparedBatch | Refusal:
        statements = tuple(leaf.statement for leaf in leaves)
        covered = digest([s.digest for s in statements])
        key = f"{asked.key}:batch:{covered[-16:]}"

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            del reader
            ends = now + timedelta(seconds=self._bench.bundle.approval.nonce_ttl_seconds)
            nonce = f"non_{self._bench.ids.secret(f'nonce:{key}', 16).hex()}"
            try:
                batch = build_batch(statements, nonce=nonce, issued_at=now, expires_at=ends)
            except InputError as error:
                return refuse(error.code, error.message, field=error.field)
            return _offered(batch)

        outcome = self._bench.recorder.run(self._command(asked, key, covered), decide)
        if outcome.refusal is not None:
            return outcome.refusal
        with self._bench.store.reader() as reader:
            found = reader.get(BatchNonce, outcome.subject_id)
        if found is None:
            return refuse("NOT_FOUND", "the ceremony is gone", key=key)
        return PreparedBatch(
            statement=BatchStatement.model_validate_json(found.statement), leaves=tuple(leaves)
        )

    def _over_limit(self, asked: _Asked, request_ids: Sequence[str]) -> Refusal | None:
        def decide(reader: Reader, now: datetime) -> Refusal:
            del reader, now
            return refuse(
                "BULK_LIMIT",
                "one ceremony covers a limited number of decisions",
                asked=len(request_ids),
                limit=self._bench.bundle.approval.bulk_max,
            )

        command = self._command(asked, asked.key, digest([*request_ids, asked.decision]))
        return self._bench.recorder.run(command, decide).refusal

    @staticmethod
    def _command(asked: _Asked, key: str, covered: str) -> Command:
        return Command(
            name=_PREPARE,
            actor=asked.actor,
            key=key,
            stream=reviews_stream(asked.actor.id),
            payload_digest=covered,
        )


def reviews_stream(person_id: str) -> str:
    """The stream of a reviewer's ceremonies."""
    return f"reviews:{person_id}"


def leaf_key(key: str, request_id: str) -> str:
    """The idempotency key of one decision of a batch."""
    return f"{key}:{request_id}"


def _review_of(
    leaf: PreparedReview, signed: SignedBatch, statements: Sequence[DecisionStatement]
) -> SignedReview:
    statement = leaf.statement
    path = prove_leaf(signed.signature, statements, statement.request_id)
    return leaf.signed(leaf_envelope(statement)).amended(batch=path)


def _refusal(codes: Sequence[str], facts: Mapping[str, str]) -> Refusal:
    return Refusal(
        code=codes[0],
        codes=tuple(codes),
        message="this decision may not be given now",
        details=details(**facts),
    )


def _offered(batch: BatchStatement) -> Done:
    nonce = BatchNonce(
        nonce=batch.nonce,
        person_id=batch.person,
        issued_at=batch.issued_at,
        expires_at=batch.expires_at,
        statement=canonical_bytes(batch.json_value()).decode(),
    )
    event = Event(
        type="batch.prepared",
        stream=reviews_stream(batch.person),
        subject=Subject(type="batch", id=batch.nonce),
        action=_PREPARE,
        documents=(nonce,),
        facts=details(count=batch.count, root=batch.root),
    )
    return Done(subject_id=nonce.nonce, events=(event,))
