"""A log whose keeper holds, erases, purges, rotates and revokes, for the tests of the accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from counterseal.audit.accounts import Accounts, account_for
from counterseal.audit.chain import Head, StreamHead, extend
from counterseal.audit.drafts import lined
from counterseal.audit.keys import (
    OVERLAP,
    KeyRing,
    LogKeyChange,
    revocation_text,
    rotation_text,
)
from counterseal.audit.merkle import Frontier
from counterseal.audit.note import Note, NoteSigner
from counterseal.audit.privacy import Opening, commit, decide_erasure
from counterseal.audit.purges import is_purged
from counterseal.audit.record import StoredRow
from counterseal.audit.retention import (
    Hold,
    LoggedRow,
    Purge,
    PurgeApproval,
    PurgedRange,
    decide_approval,
    decide_hold,
    decide_release,
    due_ranges,
)
from counterseal.desk.archive import held_commitments, leftovers
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.model import Document, Refusal, Signature
from tests.core.audit.log_builder import CLOCK, DIGEST, NOW, ORIGIN, SIGNER, a_draft

SIGNATURE = Signature(
    payload_type="t", payload="cA==", key_id="k", scheme="ed25519", signature="cA=="
)
YEARS = 6


def a_signer(number: int) -> NoteSigner:
    return NoteSigner(ORIGIN, bytes([number]) * 32)


def signed(text: str, *signers: NoteSigner) -> str:
    return Note(text, tuple(signer.line(text) for signer in signers)).text


@dataclass
class Keeper:
    rows: list[StoredRow] = field(default_factory=list)
    head: Head = field(default_factory=Head)
    streams: dict[str, StreamHead] = field(default_factory=dict)
    openings: dict[str, Opening] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    roots: dict[int, bytes] = field(default_factory=dict)
    signers: list[NoteSigner] = field(default_factory=lambda: [SIGNER])
    revoked: set[int] = field(default_factory=set)
    count: int = 0

    def __post_init__(self) -> None:
        value: dict[str, Json] = {"log_vkey": SIGNER.key.text}
        self.write("installation.created", "system", {"installations": [value]})
        policy: dict[str, Json] = {"bundle_hash": DIGEST}
        self.write("policy.activated", "system", {"policy_activations": [policy]})

    def write(
        self, kind: str, stream: str, documents: Mapping[str, Json], pii: tuple[str, ...] = ()
    ) -> int:
        draft = {
            **a_draft(self.head.size, stream),
            "type": kind,
            "pii": list(pii),
            "after": {"documents": documents, "facts": {}},
        }
        at = NOW + timedelta(days=100 * self.head.size)
        added = extend(
            self.head, self.streams, [lined(draft)], origin=ORIGIN, recorded_at=at, clock=CLOCK
        )
        self.rows += added.rows
        self.head = added.head
        self.streams |= added.stream_heads
        self.roots[self.head.size] = self.head.root
        return self.head.size - 1

    def tell(self, kind: str, document: Document, stream: str = "retention") -> int:
        return self.write(kind, stream, {document.KIND: [document.json_value()]})

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}-{self.count}"

    def case(self, stream: str, person: str, kind: str = "approval.decided") -> int:
        block: dict[str, Json] = {"comment": f"words of {person}"}
        opening = commit(person, block, self.count.to_bytes(16, "big"))
        self.count += 1
        self.openings[opening.commitment] = opening
        return self.write(kind, stream, {}, (opening.commitment,))

    def hold(self, stream: str) -> Hold:
        held = decide_hold(self.name("hold"), [stream], "a case in court", placed_by="c", now=NOW)
        self.holds[held.hold_id] = held
        self.tell("hold.placed", held)
        return held

    def release(self) -> None:
        active = [hold for hold in self.holds.values() if hold.active]
        if active:
            ended = decide_release(active[0], released_by="c", now=NOW)
            assert isinstance(ended, Hold)
            self.holds[ended.hold_id] = ended
            self.tell("hold.released", ended)

    def erase(self, person: str) -> bool:
        decided = decide_erasure(
            self.name("erasure"),
            person,
            [o.commitment for o in self.openings.values() if o.person_id == person],
            held=self.held(),
            basis="the person asked for it",
            erased_by="c",
            now=NOW,
        )
        if isinstance(decided, Refusal):
            return False
        for commitment in decided.commitments:
            del self.openings[commitment]
        self.tell("pii.erased", decided, "privacy")
        return True

    def held(self) -> frozenset[str]:
        return held_commitments(self.rows, self.holds.values())

    def due(self) -> tuple[PurgedRange, ...]:
        now = parse_utc(self.rows[-1].recorded_at)
        logged = [
            LoggedRow(r.seq, r.stream, r.type, parse_utc(r.recorded_at), present=not is_purged(r))
            for r in self.rows
        ]
        return due_ranges(logged, lambda _: YEARS, self.holds.values(), now)

    def purge(self) -> Purge | None:
        ranges = self.due()
        if not ranges:
            return None
        purge = a_purge(self.name("purge"), ranges)
        for person in ("one", "two"):
            consent = PurgeApproval(person_id=person, signature=SIGNATURE, approved_at=NOW)
            decided = decide_approval(purge, consent, ranges)
            assert isinstance(decided, Purge)
            purge = decided
        self.tell("retention.purged", purge)
        self.empty(purge)
        return purge

    def empty(self, purge: Purge) -> None:
        for commitment in leftovers(self.rows, purge.ranges).commitments:
            self.openings.pop(commitment, None)
        for part in purge.ranges:
            for seq in range(part.first, part.last + 1):
                self.rows[seq] = self.rows[seq]._replace(body=b"")

    def rotate(self) -> None:
        old, new = self.signers[-1], a_signer(len(self.signers))
        text = rotation_text(old.key, new.key, self.head.size + OVERLAP)
        self.change("key.rotated", new, signed(text, old, new))
        self.signers.append(new)

    def revoke(self) -> None:
        older = [n for n in range(len(self.signers) - 1) if n not in self.revoked]
        if older:
            gone, by = self.signers[older[0]], self.signers[-1]
            self.change(
                "key.revoked", gone, signed(revocation_text(gone.key, by.key, "stolen"), by)
            )
            self.revoked.add(older[0])

    def change(self, kind: str, subject: NoteSigner, note: str) -> int:
        change = LogKeyChange(
            change_id=self.name("change"), vkey=subject.key.text, note=note, changed_at=NOW
        )
        return self.tell(kind, change, "keys")

    def accounts(self) -> Accounts:
        return account_for(self.rows)

    def ring(self) -> KeyRing:
        ring, found = self.accounts().walk(SIGNER.key)
        assert found == ()
        return ring

    def codes(self) -> list[str]:
        report = self.accounts().report(self.head.size, self.openings.values())
        return [found.code.value for found in report.irregularities]

    def recomputed(self) -> dict[int, bytes]:
        """The root of every size, from what is stored now."""
        frontier, roots = Frontier(), dict[int, bytes]()
        for row in self.rows:
            frontier.append(bytes.fromhex(row.leaf_hash))
            roots[frontier.size] = frontier.root()
        return roots


def a_purge(purge_id: str, ranges: tuple[PurgedRange, ...]) -> Purge:
    return Purge(
        purge_id=purge_id,
        ranges=ranges,
        policy_digest=DIGEST,
        plan_digest=DIGEST,
        planned_by="one",
        planned_at=NOW,
    )
