"""The steps of a verification."""
# ruff: noqa: PLR2004, DOC501 - lengths of public formats; the errors are told once, in base

from __future__ import annotations

import hashlib
import json
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from evidence.verify.bag import SUBJECTS
from evidence.verify.base import (
    RECORDS,
    UNREADABLE,
    Json,
    UnusableError,
    canonical,
    found,
    parsed,
    sha,
)
from evidence.verify.notes import Head, opened, read_head, walked_keys
from evidence.verify.records import Reading, Stream, hash_line
from evidence.verify.signatures import decoded, pae, signed
from evidence.verify.trees import extends, included

if TYPE_CHECKING:
    from collections.abc import Iterator

PREDICATE = "https://counterseal.example/evidence-pack/v1"


GOVERNANCE = (
    *("system", "people", "keys", "policies", "delegations"),
    *("mandates", "retention", "log", "privacy", "evidence"),
)


SCOPE = ("kind", "value", "since", "until")


def said(value: object) -> str:
    """A fact as text; nothing for what was not said."""
    return "" if value in (None, "None") else str(value)


class Check(Reading):
    """One pack, one reader: the steps in their order, each a rule; the first that fails raises."""

    def steps(self) -> Iterator[tuple[str, str]]:
        """Code of what cannot be read in a step, and what the step found in words."""
        steps = (
            *(("BAG_MALFORMED", self.bag), ("BAG_MALFORMED", self.description)),
            *(("SIG_INVALID", self.checkpoint), ("NOT_CANONICAL", self.records)),
            *(("KEY_UNKNOWN", self.log_keys), ("STATEMENT_INVALID", self.export)),
            *(("SCOPE_DIFFERS", self.scope), ("MAP_MISMATCH", self.completeness)),
            *(("PURGE_UNACCOUNTED", self.absences), ("PII_OPENING_MISMATCH", self.personal_data)),
            *(("CONSISTENCY_INVALID", self.expected), ("SIG_INVALID", self.cosignatures)),
        )
        for code, step in steps:
            try:
                yield step.__name__, step()
            except UNREADABLE as error:
                found(code, step.__name__, f"cannot be read: {type(error).__name__} {error}"[:300])

    def log_keys(self) -> str:
        """From the first key on, each by the one before; one in force signed the checkpoint."""
        mine = self.reader.vkey
        if mine is not None and mine != self.first:
            found("KEY_UNKNOWN", "data/log.vkey", "your key is not this log's first key")
        self.spans = walked_keys(self.first, self.key_records)
        if self.spans[-1].key.name != self.head.origin or self.names[-1] != self.head.origin:
            found("KEY_UNKNOWN", "data/checkpoint", "it is signed under another name of the log")
        good = opened(self.note, [span.key for span in self.spans])[1]
        signing = [span for span in self.spans if span.key in good]
        if any(span.revoked < self.head.size for span in signing):
            found("KEY_REVOKED", "data/checkpoint", "a revoked key signed it")
        if not any(span.after < self.head.size <= span.until for span in signing):
            found("KEY_UNKNOWN", "data/checkpoint", "no key in force signed it")
        whose = "your own key" if mine else "the key that the pack itself names"
        if self.deferred is not None:
            raise self.deferred
        decided = f"{len(self.decided)} decisions by their reviewers' keys"
        return f"{len(self.spans)} keys of the log, from {whose}; {decided}"

    def export(self) -> str:
        """The sealed export record names the key that signed the statement, scope and snapshot."""
        seq, kind, facts = self.sealed.get(self.told["export"], (0, "", {}))
        at, other, mapped = self.sealed.get(self.told["snapshot"], (0, "", {}))
        if kind != "evidence.exported":
            found("EXPORT_KEY_UNKNOWN", "data/pack.json", "no sealed record tells of this export")
        if other != "streams.snapshot" or facts["snapshot"] != self.told["snapshot"] or at > seq:
            found("MAP_MISMATCH", "data/pack.json", "not the snapshot that the export record names")
        self.covers = int(mapped["covers"])
        self.map = int(mapped["streams"]), bytes.fromhex(mapped["root"])
        if self.covers > at:
            found("MAP_MISMATCH", f"seq {at}", "it covers records behind itself")
        scope = {name: said(facts.get(f"scope_{name}")) for name in SCOPE}
        if scope != {name: said(value) for name, value in self.told["scope"].items()}:
            found("SCOPE_DIFFERS", "data/pack.json", f"record {seq} seals another scope: {scope}")
        self._statement(bytes.fromhex(facts["export_key"]))
        return f"record {seq} seals scope and export key; the statement over the manifest is by it"

    def _statement(self, public: bytes) -> None:
        """The export key signed a statement over the manifest, and it is about this pack."""
        place, code = "statement.dsse.json", "STATEMENT_INVALID"
        envelope = canonical(self.pack.read(place), place, code)
        (signature,), payload = envelope["signatures"], decoded(envelope["payload"])
        if len(envelope) != 3 or len(signature) != 2:
            found(code, place, "it holds more than one signed statement")
        if signature["keyid"] != hashlib.sha256(public).hexdigest():
            found("EXPORT_KEY_UNKNOWN", place, "signed by another key than sealed")
        if not signed(public, decoded(signature["sig"]), pae(envelope["payloadType"], payload)):
            found(code, place, "the export key did not sign it")
        stated = parsed(payload, place, code)
        expected = {
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": PREDICATE,
            "predicate": {n: self.told[n] for n in ("export", "origin", "root", "scope", "size")},
            "subject": [{"digest": {"sha256": self.digests[n]}, "name": n} for n in SUBJECTS],
        }
        stated["subject"] = sorted(stated["subject"], key=lambda one: SUBJECTS.index(one["name"]))
        if envelope["payloadType"] != "application/vnd.in-toto+json" or stated != expected:
            found(code, place, "it speaks of other files, or of another pack")

    def scope(self) -> str:
        """The pack claims what its sealed scope asks for, and all that governs it."""
        kind, value = self.told["scope"]["kind"], self.told["scope"]["value"]
        since, until = said(self.told["scope"]["since"]), said(self.told["scope"]["until"])
        size, whole = self.head.size, [(one["first"], one["last"]) for one in self.ranges]
        needed = {f"case:{value}", *self.linked} if kind == "case" else set[str]()
        needed |= set(GOVERNANCE) if kind != "all" else set()
        missing = sorted(needed - {stream.name for stream in self.streams.values()})
        if kind == "control" and all(one["kind"] != "records" for one in self.told["claims"]):
            found("CLAIM_MISSING", "records", "scope control demands it")
        if kind not in {"case", "account", "period", "control", "growth", "all"}:
            found("SCOPE_DIFFERS", "data/pack.json", "no such scope")
        if missing or (kind in {"period", "growth", "all"} and len(whole) != 1):
            found("CLAIM_MISSING", missing[0] if missing else "range", f"scope {kind} demands it")
        if kind == "all" and whole != [(0, size - 1)]:
            found("CLAIM_MISSING", "range", "it is not the whole log")
        if kind == "growth" and whole != [(int(value), size - 1)]:
            found("CLAIM_MISSING", "range", f"it is not all behind the first {value} records")
        for first, last in whole if kind == "period" else ():
            early = first == 0 or (since and self.times[first] and self.times[first] < since)
            late = last == size - 1 or (until and self.times[last] >= until)
            if not early or not late or not first <= last:
                found("CLAIM_MISSING", "range", "it does not reach over both ends of the period")
        choice = (
            "; which cases name the account is the exporter's word" if kind == "account" else ""
        )
        return f"claims fit scope {kind}{choice}"

    def completeness(self) -> str:
        """Each claimed stream ends where the sealed map says; an absent one is not in it."""
        told: dict[str, Any] = {}
        for line in self.pack.lines("data/completeness.jsonl"):
            one = canonical(line, "data/completeness.jsonl")
            if told.setdefault(one["stream"], one["entries"]) is not one["entries"]:
                found("MAP_MISMATCH", one["stream"], "proved twice")
        for stream in self.streams.values():
            entries = told.pop(stream.name, None) or found("MAP_MISMATCH", stream.name, "no proof")
            self._mapped(stream, entries)
            stream.close(self.covers)
        if told:
            found("MAP_MISMATCH", min(told), "proved, and not claimed")
        for place, one in enumerate(self.ranges):
            lacking = one["last"] - one["first"] + 1 - self.met[place]
            if lacking:
                words = f"{lacking} records of the range are not here"
                found("RANGE_GAP", f"seq {one['first']}", words, lacking)
        lacking = len(self.chosen) - self.met[-1]
        if lacking:
            found("RECORD_MISSING", RECORDS, f"{lacking} claimed records are not here", lacking)
        for one in self.told["claims"]:
            role = "governance" if one.get("stream") in GOVERNANCE else "case"
            if one["kind"] == "stream" and one["role"] != role:
                found("SCOPE_DIFFERS", "data/pack.json", f"{one['stream']} is {role}")
        claimed = f"{len(self.streams)} streams, {len(self.ranges)} ranges"
        return f"{claimed} complete as of record {self.covers - 1}, by the operator's sealed map"

    def _mapped(self, stream: Stream, entries: list[Json]) -> None:
        size, root = self.map
        key, places = sha(b"\3", stream.name.encode()).hex(), []
        for one in entries:
            leaf = one["leaf"]
            body = json.dumps({n: leaf[n] for n in ("head", "key", "seq")}, separators=(",", ":"))
            path = [bytes.fromhex(p) for p in one["path"]]
            if not included(one["index"], size, sha(b"\0", body.encode()), path, root):
                found("MAP_MISMATCH", stream.name, "an entry does not lead to the sealed map")
            places.append((one["index"], leaf["key"]))
        if stream.to:
            leaf = entries[0]["leaf"]
            fits = (leaf["key"], leaf["seq"], leaf["head"]) == (key, stream.to, stream.head)
            fits = fits and len(entries) == 1
        elif len(entries) == 2:
            (low, before), (high, behind) = places
            fits = high == low + 1 and before < key < behind
        else:
            fits = places[0][0] == 0 and key < places[0][1]
            fits = len(entries) == 1 and (fits or (places[0][0] == size - 1 and places[0][1] < key))
        if not fits:
            found("MAP_MISMATCH", stream.name, "the map does not say what is claimed")

    def absences(self) -> str:
        """Held-back records fill the gaps of streams; purged ones are named by a sealed purge."""
        gaps = [(stream, *gap) for stream in self.streams.values() for gap in stream.gaps]
        wanted, others = {gap[-1] for gap in gaps}, array("q")
        purged: dict[str, array[int]] = {}
        for seq, leaf, by in self._lines_held_back():
            wanted.discard(leaf)
            ranges = self.purges.get(-1 if by is None else by, [])
            at = bisect_left(ranges, (seq + 1,)) - 1
            named = (
                at >= 0 and by is not None and ranges[at][0] <= seq <= ranges[at][1] and seq < by
            )
            if by is not None and not named:
                found("PURGE_UNACCOUNTED", f"seq {seq}", f"record {by} purges no such record", 1)
            (others if by is None else purged.setdefault(ranges[at][2], array("q"))).append(seq)
        for stream, low, high, missing, link in gaps:
            parts = (others, purged.get(stream.name, array("q")))
            here = sum(bisect_left(one, high) - bisect_left(one, low + 1) for one in parts)
            if here < missing or link in wanted:
                code = "STREAM_CUT" if high == self.covers else "STREAM_GAP"
                words = f"{missing} records are not here"
                found(code, f"{stream.name} behind seq {low}", words, missing)
        return "every record that is not shown is accounted for"

    def personal_data(self) -> str:
        """Each opening is what a record commits to, and nothing that was erased can be opened."""
        for name, one in self.openings.items():
            held = sha(b"\2", bytes.fromhex(one["salt"]), one["block"].encode()).hex()
            if name != f"sha256:{held}" or not one.get("met") or int(held[:16], 16) in self.erased:
                words = "no record shown here commits to it, or it was erased"
                found("PII_OPENING_MISMATCH", name, words)
        erased = sum(one in self.erased for one in self.committed)
        hidden = len(self.committed) - erased - len(self.openings)
        self.personal = {"opened": len(self.openings), "withheld": max(hidden, 0), "erased": erased}
        return ", ".join(f"{count} {name}" for name, count in self.personal.items())

    def expected(self) -> str:
        """The checkpoint that you kept is a prefix of this one, or this one itself."""
        mine, text = self.reader.expect, self.reader.expect
        if mine is None and "data/expected" in self.pack.names:
            text = self.pack.read("data/expected")
        if text is None:
            return "not checked: you gave no checkpoint that you kept"
        old = self._old(text)
        if old.size > self.head.size:
            found("SHORTER_THAN_REMEMBERED", f"size {old.size}", "the log had more records once")
        if old.size == self.head.size and old.root != self.head.root:
            found("FORK_AT_SIZE", f"size {old.size}", "another root was signed for this size")
        if old.size < self.head.size and not self.grown(old):
            if mine is None:
                found("CONSISTENCY_INVALID", "data/consistency", "no proof from data/expected")
            self.short.append(f"no proof from size {old.size} in the pack: export with --expect")
            return f"not checked: {self.short[-1]}"
        if mine is not None:
            self.reached["expect"] = old.size
        whose = "that you kept" if mine else "in the pack"
        return f"the log extends the checkpoint of size {old.size} {whose}"

    def _old(self, text: bytes) -> Head:
        """A checkpoint of this log, under any of its keys and names."""
        keys = [span.key._replace(name=name) for span in self.spans for name in self.names]
        try:
            body, good = opened(text, keys)
            old = read_head(body)
        except ValueError:
            if self.reader.expect is None:
                raise
            raise UnusableError("EXPECT_UNREADABLE", "--expect is no checkpoint") from None
        if not good or old.origin not in self.names:
            found("KEY_UNKNOWN", "the checkpoint that was kept", "no key of this log signed it")
        return old

    def grown(self, old: Head) -> bool:
        """Whether the pack proves growth from this size; a proof that does not hold contradicts."""
        if "data/consistency" not in self.pack.names:
            return False
        told, _, note = self.pack.read("data/consistency", 600_000).partition(b"\n\n")
        first, *lines = told.split(b"\n")
        if first != b"old %d" % old.size:
            return False
        if note != self.note:
            found("CONSISTENCY_INVALID", "data/consistency", "it is about another checkpoint")
        path = [hash_line(line) for line in lines]
        if not extends(old.size, self.head.size, old.root, self.head.root, path):
            found("CONSISTENCY_INVALID", f"size {old.size}", "the log does not extend it")
        return True

    def cosignatures(self) -> str:
        """The witnesses that you trust cosigned this checkpoint, as your policy asks."""
        policy = self.reader.policy
        if policy is None:
            return "not checked: you gave no policy"
        cosigned = opened(self.note, policy.witnesses.values())[1]
        if not policy.met_by(cosigned):
            self.short.append(f"QUORUM_NOT_MET: {len(cosigned)} of your witnesses cosigned")
            return self.short[-1]
        self.reached["quorum"] = self.head.size
        last = max(cosigned.values())
        return f"{len(cosigned)} of your witnesses cosigned, the last at {last} (UTC seconds)"
