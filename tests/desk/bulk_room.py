"""A world, and a reviewer who decides many requests in one ceremony."""

from dataclasses import dataclass

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestStatus
from counterseal.approvals.statement import UNOPENED, Opened
from counterseal.desk.bulk import BulkItem, BulkPreparation, PreparedBatch, SignedBatch
from counterseal.desk.views.approvals import request_detail
from counterseal.desk.views.history import RecordFacts
from counterseal.identity.dsse import sign_statement
from counterseal.identity.keys import PersonKey
from counterseal.kernel.model import Actor
from counterseal.policy.words import DecisionWord
from tests.world import NONE, World

REASON = "read every one of them and agree"
RESEARCH, RISK = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER


@dataclass
class Room:
    """A world, and a reviewer's ceremony in it."""

    world: World

    def shown(self, *request_ids: str) -> dict[str, str]:
        bundle, now = self.world.desk.bench.bundle, self.world.clock.now()
        shown = {}
        with self.world.store.reader() as reader:
            for request_id in request_ids:
                detail = request_detail(reader, request_id, bundle, RecordFacts(), now)
                shown[request_id] = getattr(detail, "shown_hash", NONE)
        return shown

    def prepared(
        self,
        name: str,
        word: DecisionWord,
        shown: dict[str, str],
        *,
        key: str | None = None,
        actor: Actor | None = None,
        reason: str = REASON,
        opened: Opened = UNOPENED,
    ) -> BulkPreparation:
        who, base = actor or self.world.actor(name), key or self.world.key()
        prepare = self.world.desk.bulk.prepare_batch
        return prepare(shown, word, reason, who, key=base, opened=opened)

    def signed(self, name: str, prepared: PreparedBatch | None) -> SignedBatch:
        assert prepared is not None
        statement = prepared.statement
        signature = sign_statement(
            self.world.private_key(name), "batch", statement.json_value(), statement.key_id
        )
        return SignedBatch(prepared=prepared, signature=signature)

    def reviewed(
        self, name: str, word: DecisionWord, *request_ids: str, key: str | None = None
    ) -> dict[str, BulkItem]:
        """The whole ceremony: what came of each request."""
        base = key or self.world.key()
        preparation = self.prepared(name, word, self.shown(*request_ids), key=base)
        assert preparation.refusal is None, preparation.refusal
        items = list(preparation.settled)
        if preparation.prepared is not None:
            items += self.committed(name, preparation.prepared, key=base)
        return {item.request_id: item for item in items}

    def committed(
        self, name: str, prepared: PreparedBatch | None, *, key: str
    ) -> tuple[BulkItem, ...]:
        signed = self.signed(name, prepared)
        return self.world.desk.bulk.review_batch(signed, self.world.actor(name), key=key)

    def decisions(self, request_id: str) -> tuple[ApprovalDecision, ...]:
        with self.world.store.reader() as reader:
            found = reader.find(ApprovalDecision, approval_request_id=request_id)
        return tuple(sorted(found, key=lambda d: d.sequence))

    def status(self, request_id: str) -> RequestStatus:
        with self.world.store.reader() as reader:
            request = reader.get(ApprovalRequest, request_id)
        assert request is not None
        return request.status

    def key_of(self, name: str) -> PersonKey:
        with self.world.store.reader() as reader:
            key = reader.get(PersonKey, f"key-of-{name}")
        assert key is not None
        return key


def accepted(items: dict[str, BulkItem]) -> set[str]:
    return {request_id for request_id, item in items.items() if item.refusal is None}


def codes(item: BulkItem) -> tuple[str, ...]:
    assert item.refusal is not None
    return item.refusal.codes
