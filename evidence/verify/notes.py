"""Signed notes, the log's keys, and what the reader holds."""
# ruff: noqa: PLR2004, DOC501 - lengths of public formats; the errors are told once, in base

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from evidence.verify.base import found, sha
from evidence.verify.signatures import decoded, signed

if TYPE_CHECKING:
    from collections.abc import Iterable

OVERLAP = 1_000


class Vkey(NamedTuple):
    """A verifier key; kind 1 signs notes, kind 4 cosigns them."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """First four bytes of the hash over name, newline, type and key."""
        return sha(self.name.encode(), b"\n", bytes([self.kind]), self.public)[:4]


def read_vkey(text: str, kind: int = 1) -> Vkey:
    """A key line; ValueError for anything else."""
    name, key_id, encoded = text.strip().split("+", 2)
    raw = decoded(encoded)
    key = Vkey(name, raw[0], raw[1:])
    if key.id.hex() != key_id or key.kind != kind or len(key.public) != 32:
        raise ValueError("the key id is not that of the key, or the key of another type")
    return key


def opened(note: bytes, keys: Iterable[Vkey]) -> tuple[str, dict[Vkey, int]]:
    """Text of a note, and who of these keys signed (of a witness, when: UTC seconds).

    A bad signature under one of the keys is a contradiction; lines of strangers are passed over.
    """
    body, gap, tail = note.decode().rpartition("\n\n")
    lines, good = tail.split("\n"), dict[Vkey, int]()
    if not gap or len(note) > 262_144 or len(lines) > 65 or lines.pop():
        raise ValueError("a note is text, an empty line and signature lines")
    for line in lines:
        dash, name, encoded = line.split(" ")
        raw = decoded(encoded)
        if dash != "\u2014" or len(raw) < 5:
            raise ValueError("no signature line")
        for key in [key for key in keys if (key.name, key.id) == (name, raw[:4])]:
            told = int.from_bytes(raw[4:12], "big") if key.kind == 4 else 0
            front = f"cosignature/v1\ntime {told}\n" if key.kind == 4 else ""
            if not signed(key.public, raw[12 if front else 4 :], f"{front}{body}\n".encode()):
                found(
                    "SIG_INVALID", f"signature line of {name}", "a bad signature under a known key"
                )
            good.setdefault(key, told)
    return body + "\n", good


class Head(NamedTuple):
    """What a checkpoint says."""

    origin: str
    size: int
    root: bytes


def read_head(body: str) -> Head:
    """Origin, size and root; ValueError for anything else."""
    origin, size, root, end = body.split("\n")
    if re.fullmatch(r"[1-9][0-9]{0,18}", size) is None or len(decoded(root)) != 32 or end:
        raise ValueError("no checkpoint")
    return Head(origin, int(size), decoded(root))


class Span:
    """One key of the log: it signs sizes above `after` up to `until`, none over its revocation."""

    def __init__(self, key: Vkey, after: int) -> None:
        self.key, self.after, self.until, self.revoked = key, after, 1 << 63, 1 << 63


def walked_keys(first: Vkey, told: list[tuple[int, str, str]]) -> list[Span]:
    """Every key of the log, from the first on: each change is signed by the key in force.

    A rotation is signed by both keys; after a declared rollback the same keys go on under the log's
    next name. ValueError for a statement that cannot be read.
    """
    spans = [Span(first, -1)]
    for seq, kind, text in told:
        place = f"seq {seq}"
        if kind == "installation.created":
            if read_vkey(text) != first or seq != 0:
                found("KEY_UNKNOWN", place, "the log names another first key")
            continue
        if kind == "log.rolled_back":
            name = read_vkey(text).name
            for span in spans:
                span.key = span.key._replace(name=name)
            if read_vkey(text) != spans[-1].key:
                found("KEY_UNKNOWN", place, "the log went on under a key that was not in force")
            continue
        changed_keys(spans, seq, kind, text)
    return spans


def changed_keys(spans: list[Span], seq: int, kind: str, text: str) -> None:
    """Take a rotation or a revocation into the list; what does not hold is a contradiction."""
    place, current = f"seq {seq}", spans[-1].key
    lines = text.split("\n")
    gone, new = read_vkey(lines[3]), read_vkey(lines[4])
    body, good = opened(text.encode(), {gone, new})
    head = ["counterseal log-key/v1", kind.partition(".")[2], current.name]
    if lines[:3] != head or body.count("\n") != 6 or {gone.name, new.name} != {current.name}:
        found("KEY_UNKNOWN", place, "the statement is about something else")
    last = lines[5].partition(" ")[2]
    if kind == "key.rotated":
        known = {span.key for span in spans}
        fits = last.isdecimal() and seq < int(last) <= seq + 1 + OVERLAP
        if gone != current or new in known or not fits or set(good) != {gone, new}:
            found("KEY_UNKNOWN", place, "the new key does not follow the one in force")
        spans[-1].until = int(last)
        spans.append(Span(new, seq))
        return
    older = [span for span in spans[:-1] if span.key == gone and span.revoked > seq]
    if new != current or not older or current not in good:
        found("KEY_UNKNOWN", place, "only the key in force revokes, and only an older key")
    older[0].revoked = seq


class Policy:
    """Witnesses and their quorum from a tlog-policy file; ValueError for what is not understood."""

    def __init__(self, text: str) -> None:
        self.logs, self.witnesses = list[Vkey](), dict[str, Vkey]()
        self.groups, self.quorum = list[tuple[str, int, list[str]]](), ""
        for line in text.split("\n"):
            kind, *words = line.split() or ["#"]
            if kind == "log":
                self.logs.append(read_vkey(words[0]))
            elif kind == "witness" and words[0] not in self.witnesses:
                self.witnesses[words[0]] = read_vkey(words[1], 4)
            elif kind == "group":
                needed = {"all": len(words) - 2, "any": 1}.get(words[1]) or int(words[1])
                self.groups.append((words[0], needed, words[2:]))
            elif kind == "quorum" and not self.quorum:
                self.quorum = words[0]
            elif not kind.startswith("#"):
                raise ValueError(f"not understood, or stands twice: {line[:80]}")
        names = [*self.witnesses, *(name for name, _, _ in self.groups)]
        members = [one for _, _, inside in self.groups for one in inside]
        keys = [*self.witnesses.values(), *self.logs]
        sizes = [len(names), len(members), len({key.public for key in keys})]
        odd = any(not 1 <= needed <= len(inside) for _, needed, inside in self.groups)
        if odd or sizes != [len(set(names)), len(set(members)), len(keys)]:
            raise ValueError("a name or key stands twice, or a group needs what it does not have")
        if {*members, self.quorum} - {*names, "none"}:
            raise ValueError("a name that is not defined, or no quorum line")

    def met_by(self, keys: Iterable[Vkey]) -> bool:
        """Whether these cosigners are the quorum; `quorum none` is met by nobody."""
        signing = set(keys)
        met = {name for name, key in self.witnesses.items() if key in signing}
        for name, needed, inside in self.groups:
            if len(met.intersection(inside)) >= needed:
                met.add(name)
        return self.quorum in met


class Reader(NamedTuple):
    """What the reader holds, from outside the pack."""

    vkey: Vkey | None = None
    expect: bytes | None = None
    policy: Policy | None = None
