"""One pass over the records."""
# ruff: noqa: PLR2004 - lengths of public formats; the errors are told once, in base

from __future__ import annotations

import heapq
import json
import re
from array import array
from bisect import bisect_left
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.verify.bag import Pack, check_bag
from evidence.verify.base import (
    NOTICE,
    RECORDS,
    UNREADABLE,
    WITHHELD,
    FoundError,
    Json,
    canonical,
    found,
    sha,
)
from evidence.verify.notes import Reader, opened, read_head, read_vkey
from evidence.verify.scan import Line, Records, Wanted
from evidence.verify.signatures import by_person, decoded, envelope_of, in_batch
from evidence.verify.trees import root_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HEX, COUNT = rb'"([0-9a-f]{64})"', rb"(?:0|[1-9][0-9]{0,15})"


HELD_BACK = re.compile(
    b"".join(
        (
            rb'\{"by":(null|' + COUNT + rb'),"leaf":' + HEX + rb',"seq":(' + COUNT,
            rb'),"state":"(WITHHELD|PURGED)"\}',
        )
    )
)


KEY_RECORDS = {
    "installation.created": ("installations", "log_vkey"),
    "log.rolled_back": ("log_rollbacks", "vkey"),
    "key.rotated": ("log_key_changes", "note"),
    "key.revoked": ("log_key_changes", "note"),
}


class Stream:
    """A claimed stream: how far it was read, and what the map says of its end."""

    def __init__(self, claim: Json) -> None:
        self.name, self.to = str(claim["stream"]), int(claim.get("to", 0))
        self.head = str(claim.get("head", ""))
        self.count, self.leaf, self.seq = 0, "0" * 64, -1
        self.last, self.later, self.end = -1, 1 << 63, ""
        self.gaps: list[tuple[int, int, int, str]] = []

    def take(self, seq: int, number: int, prev: str, leaf: str) -> None:
        """The next record: it follows the one before, or a gap that held-back records must fill."""
        if number <= self.count or (number == self.count + 1 and prev != self.leaf):
            found("STREAM_GAP", f"seq {seq}", f"does not follow record {self.count} of {self.name}")
        if number > self.count + 1:
            self.gaps.append((self.seq, seq, number - self.count - 1, prev))
        if number == self.to:
            self.last, self.end = seq, leaf
        if number > self.to:
            self.later = min(self.later, seq)
        self.count, self.leaf, self.seq = number, leaf, seq

    def close(self, covers: int) -> None:
        """Record `to` is the last before `covers`; it is as the map has it, or held back.

        When later records follow it, the gap before them was taken already.
        """
        if self.end not in ("", self.head) or self.last >= covers or self.later < covers:
            found("MAP_MISMATCH", self.name, "the map tells of another end than the records")
        if self.to and not self.end:
            low = self.seq if self.count < self.to else -1
            self.gaps.append((low, covers, max(self.to - self.count, 0), self.head))


def hash_line(line: bytes) -> bytes:
    """One hash of a proof."""
    try:
        value = decoded(line.decode())
    except ValueError:
        value = b""
    return value if len(value) == 32 else found("PROOF_MALFORMED", "a proof", f"no hash: {line!r}")


class Reading:
    """A pack and its reader, and what one pass over its records finds."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self.path, self.reader, self.told = path, reader, Json()
        self.deferred: FoundError | None = None
        self.streams: dict[bytes, Stream] = {}
        self.counts = {"opened": 0, "withheld": 0, "purged": 0}
        self.personal = {"opened": 0, "withheld": 0, "erased": 0}
        self.key_records: list[tuple[int, str, str]] = []
        self.sealed: dict[str, tuple[int, str, Json]] = {}
        self.purges: dict[int, list[tuple[int, int, str]]] = {}
        self.people: dict[str, Json] = {}
        self.ended: set[str] = set()
        self.erased: dict[int, int] = {}
        self.committed = array("Q")
        self.decided: set[bytes] = set()
        self.linked: set[str] = set()
        self.times: dict[int, str] = {}
        self.reached: dict[str, int] = {}
        self.short: list[str] = []

    def bag(self) -> str:
        """Nothing was changed, added or taken away since the manifests were written."""
        self.pack = Pack(self.path)
        self.digests = check_bag(self.pack)
        return f"{len(self.digests)} files, none besides, each with its SHA-256"

    def description(self) -> str:
        """`data/pack.json` is canonical and claims what a verifier understands."""
        content = self.pack.read("data/pack.json")
        told = self.told = canonical(content[:-1], "data/pack.json")
        if content[-1:] != b"\n":
            found("NOT_CANONICAL", "data/pack.json", "bytes behind the description")
        names = "claims counts export format notice origin root scope simulated size snapshot"
        kinds = {"stream", "absent", "range", "records"}
        odd = {one["kind"] for one in told["claims"]} - kinds
        if (
            " ".join(sorted(told)) != names
            or (told["format"], told["notice"]) != ("counterseal-evidence-pack/1", NOTICE)
            or told["simulated"] is not True
            or odd
        ):
            found("BAG_MALFORMED", "data/pack.json", "not a pack of format 1")
        self._claims(told["claims"])
        self.openings: dict[str, Json] = {}
        if "data/pii/openings.jsonl" in self.pack.names:
            for line in self.pack.lines("data/pii/openings.jsonl"):
                opening = canonical(line, "data/pii/openings.jsonl")
                self.openings[opening["commitment"]] = opening
        self.of_case = told["scope"]["kind"] == "case"
        scope = f"scope {told['scope']['kind']} {told['scope']['value']}".rstrip()
        return f"{scope}, {len(told['claims'])} claims"

    def _claims(self, claims: list[Json]) -> None:
        """Streams by their names, ranges and chosen records; each stream is claimed once."""
        for one in claims:
            if one["kind"] in {"stream", "absent"}:
                stream = json.dumps(one["stream"]).encode()
                if stream in self.streams or (one["kind"] == "stream") != (one.get("to", 0) > 0):
                    found("BAG_MALFORMED", "data/pack.json", "a stream is claimed twice, or empty")
                self.streams[stream] = Stream(one)
        self.ranges = [one for one in claims if one["kind"] == "range"]
        self.chosen = {s for one in claims if one["kind"] == "records" for s in one["seqs"]}
        self.bounds = [(int(one["first"]), int(one["last"])) for one in self.ranges]
        self.times = {seq: "" for bound in self.bounds for seq in bound}
        self.met: list[int] = []

    def checkpoint(self) -> str:
        """The checkpoint is one, and states the size and root that the pack is about."""
        self.note = self.pack.read("data/checkpoint", 262_144)
        self.head = read_head(opened(self.note, ())[0])
        told = (self.told["origin"], self.told["size"], self.told["root"])
        if told != (self.head.origin, self.head.size, self.head.root.hex()):
            found("ROOT_MISMATCH", "data/pack.json", "it is about another checkpoint")
        return f"{self.head.origin}, {self.head.size} records"

    def records(self) -> str:
        """The records shown and the leaves held back lead to the signed root, each at its place."""
        shown = Records(self.pack)
        try:
            return self._rooted(shown)
        finally:  # whatever else is wrong with them: first of all they are not those of the bag
            if shown.digest() != self.digests[RECORDS]:
                found("FILE_CHANGED", RECORDS, "its digest is not the listed one")

    def _rooted(self, records: Records) -> str:
        told = self.pack.read("data/log.vkey", 1000).decode()
        self.first = read_vkey(told)
        if told != told.strip() + "\n":
            found("BAG_MALFORMED", "data/log.vkey", "not a key on one line")
        self.names = [self.first.name]
        proof = self.pack.lines("data/proof", 100)
        first = [b"counterseal-multiproof/1", b"size %d" % self.head.size]
        if [next(proof, b""), next(proof, b"")] != first:
            found("PROOF_MALFORMED", "data/proof", "another format or size")
        places, leaves, blocks = self._known(records)
        hashes = map(hash_line, proof)
        if root_of(self.head.size, places, leaves, hashes, blocks) != self.head.root:
            found("ROOT_MISMATCH", "data/records.jsonl", "the bytes do not lead to the signed root")
        self._count(places)
        shown, held, gone = self.counts.values()
        if self.told["counts"] != {"records": shown, "withheld": held, "purged": gone}:
            found("RECORD_MISSING", "data/pack.json", "it states other counts")
        return f"{shown} shown, {held} withheld, {gone} purged: they lead to the root"

    def _known(self, records: Records) -> tuple[array[int], bytes, dict[int, bytes]]:
        """Places and leaf hashes of the records shown, each looked at on its way, and held back.

        And roots of blocks of those that are shown.
        """
        places, leaves, blocks = array("Q"), bytearray(), dict[int, bytes]()
        origin = json.dumps(self.first.name).encode()
        wanted = Wanted(frozenset(self.streams), frozenset(self.times), self.of_case)
        for scan in records.scans(wanted):
            if scan.ended:
                line = len(places) + len(scan.places) + 1
                found("NOT_CANONICAL", f"{RECORDS} line {line}", "no record of format 1")
            for name, seq, kind in scan.names:
                if name != origin:
                    origin = self._renamed(seq, kind, name)
            for one in scan.lines:
                self._take(one)
            places.extend(scan.places)
            leaves += scan.leaves
            blocks.update(scan.blocks)
        self.counts["opened"] = len(places)
        held = list(self._held_back())
        if not held:
            return places, bytes(leaves), blocks
        shown = ((seq, leaves[32 * at : 32 * at + 32]) for at, seq in enumerate(places))
        both = list(heapq.merge(shown, held, key=itemgetter(0)))
        merged = array("Q", map(itemgetter(0), both))
        return merged, b"".join(map(itemgetter(1), both)), blocks

    def _take(self, line: Line) -> None:
        """What a record says of a claimed stream, of keys and decisions, and of personal data."""
        try:
            if line.stream in self.streams:
                prev = line.prev.decode()
                self.streams[line.stream].take(line.seq, line.number, prev, line.leaf)
            if line.body is not None:
                self._judge(line.seq, line.kind.decode(), canonical(line.body, f"seq {line.seq}"))
            if line.pii:
                self._commit(line.pii.decode())
        except FoundError as error:
            self.deferred = self.deferred or error
        if line.seq in self.times:
            self.times[line.seq] = line.recorded.decode()

    def _renamed(self, seq: int, kind: bytes, name: bytes) -> bytes:
        """Another name of the log begins with the record that declares a rollback."""
        if kind != b"log.rolled_back":
            found("ROOT_MISMATCH", f"seq {seq}", "a record of another log")
        self.names.append(json.loads(name))
        return name

    def _held_back(self) -> Iterator[tuple[int, bytes]]:
        for seq, leaf, by in self._lines_held_back():
            self.counts["withheld" if by is None else "purged"] += 1
            yield seq, bytes.fromhex(leaf)

    def _lines_held_back(self) -> Iterator[tuple[int, str, int | None]]:
        for line in self.pack.lines(WITHHELD, 300):
            match = HELD_BACK.fullmatch(line)
            if match is None or (match[1] == b"null") != (match[4] == b"WITHHELD"):
                found("NOT_CANONICAL", WITHHELD, f"no line of it: {line[:200]!r}")
            yield int(match[3]), match[2].decode(), None if match[1] == b"null" else int(match[1])

    def _count(self, places: array[int]) -> None:
        """How many records of each claimed range, and of those chosen one by one, are here."""
        for first, last in self.bounds:
            self.met.append(bisect_left(places, last + 1) - bisect_left(places, first))
        at = ((seq, bisect_left(places, seq)) for seq in self.chosen)
        self.met.append(sum(place < len(places) and places[place] == seq for seq, place in at))

    def _commit(self, pii: str) -> None:
        for commitment in json.loads(f"[{pii}]"):
            self.committed.append(int(commitment[7:23], 16))
            if commitment in self.openings:
                self.openings[commitment]["met"] = True

    def _judge(self, seq: int, kind: str, record: Json) -> None:
        """Take what a record says of keys, purges, erasures, exports, and check its decisions."""
        after = record["after"] or {}
        documents, facts = after.get("documents", {}), after.get("facts", {})
        if kind in KEY_RECORDS:
            name, field = KEY_RECORDS[kind]
            self.key_records.append((seq, kind, documents[name][0][field]))
        if record["stream"] == "evidence":
            self.sealed[record["event_id"]] = (seq, kind, facts)
        self._absent(seq, kind, documents)
        for key in documents.get("person_keys", ()):
            self.people.setdefault(key["key_id"], key)
            if key["revoked_at"] is not None:
                self.ended.add(key["key_id"])
        for request in documents.get("approval_requests", ()):
            if json.dumps(record["stream"]).encode() in self.streams:
                links = [request.get("supersedes"), request.get("superseded_by")]
                links.append(request["payload"].get("answers"))
                self.linked.update(f"case:{one}" for one in links if one)
        for decision in documents.get("approval_decisions", ()):
            seen = sha(json.dumps(decision, sort_keys=True).encode())
            if seen not in self.decided:
                self.decided.add(seen)
                try:
                    self._decision(seq, decision)
                except UNREADABLE as error:
                    found("APPROVER_SIG_INVALID", f"seq {seq}", f"cannot be read: {error}"[:300])

    def _absent(self, seq: int, kind: str, documents: Json) -> None:
        """What a purge by two people let go, and what an erasure names."""
        for erasure in documents.get("erasures", ()) if kind == "pii.erased" else ():
            for commitment in erasure["commitments"]:
                self.erased[int(commitment[7:23], 16)] = seq
        for purge in documents.get("purges", ()) if kind == "retention.purged" else ():
            if len({one["person_id"] for one in purge["approvals"]}) == 2:
                told = [(one["first"], one["last"], one["stream"]) for one in purge["ranges"]]
                self.purges.setdefault(seq, []).extend(sorted(told))

    def _decision(self, seq: int, decision: Json) -> None:
        """A decision is signed by a key that was enrolled for the reviewer and had not ended.

        What was signed is the decision itself, or a batch whose root its leaf leads to; one that an
        amendment carried over was signed for the earlier version, whatever became of the key.
        """
        envelope, place = decision["signature"], f"seq {seq}"
        key, carried = self.people.get(decision["key_id"]), decision["carried"]
        message, stated = envelope_of(envelope, "decision", place)
        origin = carried or decision
        told = {
            "request_id": origin["approval_request_id"],
            "approval_decision_id": origin["approval_decision_id"],
            "decision": decision["decision"],
            "person": decision["reviewer_id"],
            "key_id": decision["key_id"],
            "paper_only": True,
            "approval_for_live": False,
        }
        holds = {name: stated.get(name) for name in told} == told
        if decision["batch"] is not None:
            envelope = decision["batch"]["signature"]
            leaf, (message, whole) = sha(b"\0", message), envelope_of(envelope, "batch", place)
            holds = holds and in_batch(decision["batch"], whole, leaf, stated["request_id"])
        if key is None or key["person_id"] != decision["reviewer_id"]:
            found("APPROVER_SIG_INVALID", place, "its key was not enrolled for the reviewer before")
        if decision["key_id"] in self.ended and not carried:
            found("APPROVER_SIG_INVALID", place, "its key had ended before")
        if not holds or not by_person(key, decoded(envelope["signature"]), message):
            found("APPROVER_SIG_INVALID", place, "the reviewer's key did not sign this decision")
