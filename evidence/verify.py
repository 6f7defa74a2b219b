#!/usr/bin/env python3
"""Check an evidence pack with python3 alone: nothing of Counterseal, no server, no network.

    python3 verify.py [PACK] [--vkey KEY] [--expect CHECKPOINT] [--policy TLOG_POLICY] [--json]

PACK is a folder or a .zip, by default the folder of this file. Run a copy of this file that came to
you another way: a pack can carry any verify.py. What is proved depends on what you hold yourself:
the log's first key (--vkey), a checkpoint that you kept (--expect), witnesses you trust (--policy).
Exit status: 0 verified, 1 tampered, 2 bad usage or no pack, 3 inconclusive (nothing contradicts,
but you gave no key of your own), 4 something is missing here. Nothing in the pack is run or
believed; it is read as a stream. Signatures by the package `cryptography`, else by `openssl`.
Formats: RFC 8493 (BagIt), DSSE, in-toto Statement v1, C2SP signed-note, tlog-checkpoint,
tlog-cosignature, tlog-policy; RFC 6962 trees (RFC 9162 parts 2.1.3, 2.1.4); SSHSIG; WebAuthn.
"""
# ruff: noqa: PLR2004, DOC501 - lengths of public formats; the three errors are told once, below

from __future__ import annotations

import argparse
import base64
import hashlib
import heapq
import io
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import zipfile
import zlib
from array import array
from bisect import bisect_left
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NOTICE = "simulated execution; control-design evidence, not a statement of conformity"
PREDICATE = "https://counterseal.example/evidence-pack/v1"
RECORDS, WITHHELD = "data/records.jsonl", "data/withheld.jsonl"
BAG = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
SUBJECTS = ("manifest-sha256.txt", "bag-info.txt", "verify.py", "VERIFY.md")
TAGS = (*SUBJECTS, "bagit.txt", "tagmanifest-sha256.txt", "statement.dsse.json")
PARTS = "pack.json records.jsonl withheld.jsonl checkpoint proof completeness.jsonl log.vkey"
REQUIRED = (*TAGS, *(f"data/{name}" for name in PARTS.split()))
GOVERNANCE = (
    *("system", "people", "keys", "policies", "delegations"),
    *("mandates", "retention", "log", "privacy", "evidence"),
)
RECORD_MAX, FILE_MAX, OVERLAP = 65_535, 1 << 26, 1_000
TEXT = rb'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"'
OR_NULL = rb"(?:null|" + TEXT + rb")"
HEX, ANY_HEX, COUNT = rb'"([0-9a-f]{64})"', rb'"((?s:.{64}))"', rb"(?:0|[1-9][0-9]{0,15})"
END = re.compile(  # the fields that place a record, from the end of its canonical bytes
    b"".join(
        (
            rb',"origin":(' + TEXT + rb'),"pii":\[([^\]]*)\],"policy":(?:null|\{[^{}]*\})',
            rb',"prev":"(?s:.{64})","reason":\{"code":' + TEXT + rb',"text":' + TEXT,
            rb'\},"recorded_at":"((?s:.{26})Z)","request_id":' + OR_NULL + rb',"run":' + OR_NULL,
            rb',"seq":(' + COUNT + rb'),"step":' + OR_NULL + rb',"stream":(' + TEXT,
            rb'),"stream_prev":' + ANY_HEX + rb',"stream_seq":(' + COUNT,
            rb'),"subject":\{"id":' + TEXT + rb',"type":' + TEXT + rb',"version":' + COUNT,
            rb'\},"type":"([a-z0-9_.]+)","v":1\}\Z',
        )
    )
)
HELD_BACK = re.compile(
    b"".join(
        (
            rb'\{"by":(null|' + COUNT + rb'),"leaf":' + HEX + rb',"seq":(' + COUNT,
            rb'),"state":"(WITHHELD|PURGED)"\}',
        )
    )
)
JUDGED = {
    *(b"installation.created", b"key.rotated", b"key.revoked", b"log.rolled_back", b"pii.erased"),
    *(b"retention.purged", b"streams.snapshot", b"evidence.exported"),
}
KEY_RECORDS = {
    "installation.created": ("installations", "log_vkey"),
    "log.rolled_back": ("log_rollbacks", "vkey"),
    "key.rotated": ("log_key_changes", "note"),
    "key.revoked": ("log_key_changes", "note"),
}
REQUESTS = b'"approval_requests":['
SCOPE = ("kind", "value", "since", "until")
MARK = b'"key_id":"'
"""Stands in every decision and in every key of a person."""
Json = dict[str, Any]


class FoundError(Exception):
    """The first contradiction: a stable code, where it lies, and in words; `missing` records."""

    def __init__(self, code: str, place: str, words: str, missing: int = 0) -> None:
        super().__init__(f"{code} at {place}: {words}")
        self.code, self.place, self.words, self.missing = code, place, words, missing


UNREADABLE = (
    *(ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, EOFError),
    *(RecursionError, zipfile.BadZipFile, zlib.error),
)
"""What odd content makes Python raise; each becomes the code of the step that it came up in."""


class UnusableError(Exception):
    """Nothing was verified: bad usage or no pack (status 2), or something missing here (4)."""

    def __init__(self, code: str, words: str, status: int = 2) -> None:
        super().__init__(f"{code}: {words}")
        self.status = status


def found(code: str, place: str, words: str, missing: int = 0) -> NoReturn:
    """Stop at the first contradiction."""
    raise FoundError(code, place, words, missing)


# --- files ----------------------------------------------------------------------------------------


class Pack:
    """Files by name, from a folder or a .zip; unsafe names, links and duplicates are refused."""

    def __init__(self, path: Path) -> None:
        self.path, self.top = path, ""
        self.zip: zipfile.ZipFile | None = None
        try:
            self.names = set(self._in_folder() if path.is_dir() else self._in_zip())
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise UnusableError("NO_PACK", f"cannot be read: {error}") from None
        if not self.names & {"bagit.txt", "manifest-sha256.txt", "data/pack.json"}:
            raise UnusableError("NO_PACK", f"this is none: {path}")

    def _in_folder(self) -> Iterator[str]:
        for folder, inside, files in os.walk(self.path):
            for name in (*inside, *files):
                place = Path(folder, name)
                if place.is_symlink() or not (
                    place.is_dir() if name in inside else place.is_file()
                ):
                    found("BAG_MALFORMED", str(place), "links and special files are refused")
            for name in files:
                yield self._safe(Path(folder, name).relative_to(self.path).as_posix())

    def _in_zip(self) -> Iterator[str]:
        self.zip = zipfile.ZipFile(self.path)
        listed, seen = self.zip.infolist(), set[str]()
        size, last = self.path.stat().st_size, 22 + len(self.zip.comment)
        with self.path.open("rb") as whole:
            whole.seek(max(size - last, 0))
            trailing = whole.read(4) != b"PK\x05\x06" or bool(self.zip.comment)
        if trailing or not listed or min(one.header_offset for one in listed) != 0:
            found("BAG_MALFORMED", self.path.name, "bytes before or behind the archive")
        self.top = listed[0].filename.partition("/")[0] + "/"
        for one in listed:
            if one.filename in seen or stat.S_ISLNK(one.external_attr >> 16) or one.flag_bits & 1:
                found("BAG_MALFORMED", one.filename, "twice in the archive, a link, or encrypted")
            seen.add(one.filename)
            if not one.filename.startswith(self.top):
                found("BAG_MALFORMED", one.filename, "lies beside the one top folder")
            if one.is_dir() and one.file_size == 0:
                continue
            yield self._safe(one.filename[len(self.top) :])

    @staticmethod
    def _safe(name: str) -> str:
        parts = name.split("/")
        if any(
            re.fullmatch(r"[A-Za-z0-9._+=@:,~-]+", p) is None or not p.strip(".") for p in parts
        ):
            found("BAG_MALFORMED", ascii(name)[:200], "an unsafe file name")
        return name

    def open(self, name: str) -> IO[bytes]:
        """A file as a stream."""
        if name not in self.names:
            found("FILE_MISSING", name, "the pack does not hold it")
        if self.zip is None:
            return (self.path / name).open("rb", buffering=1 << 18)
        return io.BufferedReader(cast("io.RawIOBase", self.zip.open(self.top + name)), 1 << 18)

    def read(self, name: str, size_max: int = FILE_MAX) -> bytes:
        """A small file as a whole."""
        with self.open(name) as stream:
            content = stream.read(size_max + 1)
        if len(content) > size_max:
            found("BAG_MALFORMED", name, f"longer than {size_max} bytes")
        return content

    def lines(self, name: str, size_max: int = RECORD_MAX) -> Iterator[bytes]:
        """Lines without their newlines; each has one, and none is too long."""
        with self.open(name) as stream:
            for line in iter(partial(stream.readline, size_max + 2), b""):
                if line[-1] != 10:
                    found("NOT_CANONICAL", name, "a line is too long, or bytes trail the last one")
                yield line[:-1]

    def sha256(self, name: str) -> str:
        """Digest of a file."""
        digest = hashlib.sha256()
        with self.open(name) as stream:
            for part in iter(partial(stream.read, 1 << 20), b""):
                digest.update(part)
        return digest.hexdigest()


def check_bag(pack: Pack) -> dict[str, str]:
    """Every file is listed, every listed file is there, with its digest; nothing else is there."""
    for name in REQUIRED:
        if name not in pack.names:
            found("FILE_MISSING", name, "every pack has it")
    if pack.read("bagit.txt", 1000) != BAG.encode():
        found("BAG_MALFORMED", "bagit.txt", "not BagIt 1.0")
    digests = {**listed(pack, "manifest-sha256.txt"), **listed(pack, "tagmanifest-sha256.txt")}
    beside = {name for name in pack.names if not name.startswith("data/")} - {*REQUIRED}
    for name in sorted(beside | (pack.names - digests.keys() - {"tagmanifest-sha256.txt"})):
        found("FILE_ADDED", name, "no manifest lists it, or no pack has it")
    for name, digest in sorted(digests.items()):
        if name not in pack.names:
            found("FILE_MISSING", name, "listed, and not there")
        if pack.sha256(name) != digest:
            found("FILE_CHANGED", name, "its digest is not the listed one")
    return digests


def listed(pack: Pack, manifest: str) -> dict[str, str]:
    """Digests by name: one manifest lists what lies in `data/`, the other one what lies beside."""
    digests: dict[str, str] = {}
    for line in pack.lines(manifest, 1000):
        match = re.fullmatch(rb"([0-9a-f]{64})  ([!-~]+)", line)
        name = "" if match is None else match[2].decode()
        if match is None or name in digests or name.startswith("data/") != (manifest[0] == "m"):
            found("BAG_MALFORMED", manifest, f"an odd line, or a file twice: {line[:200]!r}")
        digests[name] = match[1].decode()
    return digests


def parsed(content: bytes | str, place: str, code: str = "NOT_CANONICAL") -> Json:
    """A JSON object without duplicate keys and floats."""

    def unique(pairs: list[tuple[str, Any]]) -> Json:
        value = dict(pairs)
        if len(value) != len(pairs):
            raise ValueError("a key stands twice")
        return value

    def refused(text: str) -> NoReturn:
        raise ValueError(f"no whole number: {text}")

    try:
        value = json.loads(
            content, object_pairs_hook=unique, parse_float=refused, parse_constant=refused
        )
    except (ValueError, RecursionError) as error:
        found(code, place, f"not JSON: {error}")
    if not isinstance(value, dict):
        found(code, place, "no object")
    return value


def canonical(content: bytes, place: str, code: str = "NOT_CANONICAL") -> Json:
    """A JSON object whose bytes are its one canonical form (RFC 8785 without floats)."""
    value = parsed(content, place, code)
    try:
        same = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except ValueError:
        same = b""
    if same != content:
        found(code, place, "the bytes are not the canonical form")
    return value


# --- trees ----------------------------------------------------------------------------------------


def sha(*parts: bytes) -> bytes:
    """SHA-256 of the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(size: int, leaves: Iterator[tuple[int, bytes]], hashes: Iterator[bytes]) -> bytes:
    """Root over all records: known leaves at their places, and for every other part one hash."""
    following = next(leaves, None)

    def walk(low: int, high: int) -> bytes:
        nonlocal following
        if following is None or following[0] >= high:
            try:
                return next(hashes)
            except StopIteration:
                found("PROOF_MALFORMED", "data/proof", "hashes are missing")
        if high - low == 1:
            leaf, following = following[1], next(leaves, None)
            if following is not None and following[0] <= low:
                found("SEQ_ORDER", f"seq {following[0]}", "numbers do not ascend, or stand twice")
            return leaf
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        return hashlib.sha256(b"\1" + walk(low, middle) + walk(middle, high)).digest()

    root = walk(0, size)
    if following is not None:
        found("SEQ_ORDER", f"seq {following[0]}", f"behind the {size} records of the checkpoint")
    if next(hashes, None) is not None:
        found("PROOF_MALFORMED", "data/proof", "hashes are left over")
    return root


def climbed(index: int, last: int, first: bytes, path: list[bytes]) -> tuple[bytes, bytes] | None:
    """Two roots that a path leads to (RFC 9162 2.1.3.2, 2.1.4.2); None when its length is wrong."""
    old = new = first
    for one in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            old, new = sha(b"\1", one, old), sha(b"\1", one, new)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            new = sha(b"\1", new, one)
        index, last = index >> 1, last >> 1
    return (old, new) if last == 0 else None


def included(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    """Whether a path leads from a leaf to the root of `size` leaves."""
    roots = climbed(index, size - 1, leaf, path) if 0 <= index < size else None
    return roots is not None and roots[1] == root


def extends(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> bool:
    """Whether the first `old` of `new` leaves are those of the old root; 0 < old < new."""
    hashes = [old_root, *path] if old & (old - 1) == 0 else path
    index, last = old - 1, new - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    return bool(path) and climbed(index, last, hashes[0], hashes[1:]) == (old_root, new_root)


# --- signatures -----------------------------------------------------------------------------------


def signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a key signed: Ed25519 (32 bytes) or ECDSA with SHA-256 over P-256 (65 bytes)."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - may be absent
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519  # noqa: PLC0415 - same
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - same
    except ImportError:
        return by_openssl(public, signature, message)
    try:
        if len(public) == 32:
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
            point.verify(signature, message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def by_openssl(public: bytes, signature: bytes, message: bytes) -> bool:
    """The same by the command `openssl`, version 3, which is tried on a good signature first."""
    if not openssl_works():
        raise UnusableError("CRYPTOGRAPHY_MISSING", "install that package, or openssl 3", 4)
    return openssl(public, signature, message)


@lru_cache(maxsize=1)
def openssl_works() -> bool:
    """Whether openssl verifies the second test of RFC 8032: else every signature would look bad."""
    key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    good = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    return openssl(key, good, b"\x72")


def openssl(public: bytes, signature: bytes, message: bytes) -> bool:
    """Run `openssl pkeyutl -verify` over files of our own."""
    words = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile sig"
    der, more = "302a300506032b6570032100", list[str]()
    if len(public) != 32:
        der, more = "3059301306072a8648ce3d020106082a8648ce3d030107034200", ["-digest", "sha256"]
    files = {"key": bytes.fromhex(der) + public, "sig": signature, "text": message}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        try:
            done = subprocess.run(  # noqa: S603 - fixed words over files that were just written
                [*words.split(), *more], cwd=folder, capture_output=True, check=False
            )
        except OSError:
            return False
    return done.returncode == 0


def decoded(text: object) -> bytes:
    """Standard base64 in its one spelling; ValueError for any other."""
    value = base64.b64decode(str(text), validate=True)
    if base64.b64encode(value).decode() != text:
        raise ValueError("not base64 as it is spelt")
    return value


def pae(kind: str, payload: bytes) -> bytes:
    """DSSE's encoding of type and payload: what is signed."""
    return b"DSSEv1 %d %b %d %b" % (len(kind.encode()), kind.encode(), len(payload), payload)


def envelope_of(envelope: Json, kind: str, place: str) -> tuple[bytes, Json]:
    """What a person signed, and the statement in it, of one kind."""
    payload = decoded(envelope["payload"])
    if envelope["payload_type"] != f"application/vnd.counterseal.{kind}.v1+json":
        found("APPROVER_SIG_INVALID", place, f"what was signed is no {kind}")
    return pae(envelope["payload_type"], payload), parsed(payload, place, "APPROVER_SIG_INVALID")


def in_batch(told: Json, whole: Json, leaf: bytes, request: str) -> bool:
    """Whether a decision's leaf is at its place in the batch that was signed instead."""
    names, path = whole["request_ids"], [bytes.fromhex(one) for one in told["path"]]
    here = len(names) == told["size"] == whole["count"] and names[told["index"]] == request
    root = bytes.fromhex(whole["root"][7:])
    return here and included(told["index"], told["size"], leaf, path, root)


def by_person(key: Json, raw: bytes, message: bytes) -> bool:
    """Whether a person's key signed a message, by the scheme of the key's own record."""
    public, scheme = decoded(key["public_key"]), key["scheme"]
    if scheme == "ed25519":
        return len(public) == 32 and signed(public, raw, message)
    if scheme == "sshsig":
        start, parts = (b"counterseal-decision", b"", b"sha512"), (b"ssh-ed25519", public)
        hashed = b"SSHSIG" + wired(*start, hashlib.sha512(message).digest())
        blob = b"SSHSIG\0\0\0\1" + wired(wired(*parts), *start, wired(b"ssh-ed25519", raw[-64:]))
        return len(public) == 32 and raw == blob and signed(public, raw[-64:], hashed)
    return scheme == "webauthn" and len(public) == 65 and by_passkey(key, public, raw, message)


def wired(*parts: bytes) -> bytes:
    """Strings as SSH writes them."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def from_base64url(text: str) -> bytes:
    """Base64url without padding in its one spelling; ValueError for any other."""
    value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(value).decode().rstrip("=") != text:
        raise ValueError("not base64url as it is spelt")
    return value


def by_passkey(key: Json, public: bytes, raw: bytes, message: bytes) -> bool:
    """WebAuthn level 2, 7.2: challenge, origin, relying party, user verified, signature."""
    told = canonical(raw, "an assertion", "APPROVER_SIG_INVALID")
    names = ("client_data_json", "authenticator_data", "signature")
    client, device, signature = (from_base64url(told[name]) for name in names)
    facts = parsed(client, "client data", "APPROVER_SIG_INVALID")
    challenge = base64.urlsafe_b64encode(sha(message)).decode().rstrip("=")
    asked = {"type": "webauthn.get", "challenge": challenge, "origin": key["web_origin"]}
    fits = {name: facts.get(name) for name in asked} == asked and len(device) >= 37
    own_page = facts.get("crossOrigin", False) is False and "topOrigin" not in facts
    own_page = own_page and len(told) == 3 and (len(device) == 37 or device[32] & 0xC0 > 0)
    here = device[:32] == sha(str(key["rp_id"]).encode()) and fits and device[32] & 5 == 5
    return here and own_page and signed(public, signature, device + sha(client))


# --- notes and keys of the log --------------------------------------------------------------------


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


# --- what you hold yourself -----------------------------------------------------------------------


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


# --- the pack -------------------------------------------------------------------------------------


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


class Check:
    """One pack, one reader: the steps in their order, each a rule; the first that fails raises."""

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

    def bag(self) -> str:
        """Nothing was changed, added or taken away since the manifests were written."""
        self.pack = Pack(self.path)
        self.digests = check_bag(self.pack)
        return f"{len(self.digests)} files, each with its SHA-256, none besides"

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
        self.marks = [MARK, REQUESTS] if told["scope"]["kind"] == "case" else [MARK]
        return (
            f"scope {told['scope']['kind']} {told['scope']['value']}, {len(told['claims'])} claims"
        )

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
        self.met = [0] * (len(self.ranges) + 1)

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
        told = self.pack.read("data/log.vkey", 1000).decode()
        self.first = read_vkey(told)
        if told != told.strip() + "\n":
            found("BAG_MALFORMED", "data/log.vkey", "not a key on one line")
        self.names = [self.first.name]
        proof = self.pack.lines("data/proof", 100)
        first = [b"counterseal-multiproof/1", b"size %d" % self.head.size]
        if [next(proof, b""), next(proof, b"")] != first:
            found("PROOF_MALFORMED", "data/proof", "another format or size")
        leaves = heapq.merge(self._shown(), self._held_back())
        if root_of(self.head.size, leaves, map(hash_line, proof)) != self.head.root:
            found("ROOT_MISMATCH", "data/records.jsonl", "the bytes do not lead to the signed root")
        shown, held, gone = self.counts.values()
        if self.told["counts"] != {"records": shown, "withheld": held, "purged": gone}:
            found("RECORD_MISSING", "data/pack.json", "it states other counts")
        return f"{shown} shown, {held} withheld, {gone} purged: they lead to the root"

    def _shown(self) -> Iterator[tuple[int, bytes]]:
        """Places and leaf hashes of the records, each looked at on its way."""
        begin, streams, marks = hashlib.sha256(b"\0").copy, self.streams, self.marks
        counted, times, numbered = bool(self.ranges or self.chosen), self.times, 0
        origin = json.dumps(self.first.name).encode()
        for numbered, body in enumerate(self.pack.lines(RECORDS), 1):
            match = END.match(body, max(body.rfind(b',"origin":"'), 0))
            if match is None or not body.startswith(b'{"action":"'):
                found("NOT_CANONICAL", f"{RECORDS} line {numbered}", "no record of format 1")
            name, pii, recorded, place, stream, prev, number, kind = match.groups()
            hashed, seq = begin(), int(place)
            hashed.update(body)
            if name != origin:
                origin = self._renamed(seq, kind, name)
            try:
                if stream in streams:
                    leaf = hashed.hexdigest()
                    streams[stream].take(seq, int(number), prev.decode(), leaf)
                if kind in JUDGED or any(map(body.__contains__, marks)):
                    self._judge(seq, kind.decode(), canonical(body, f"seq {seq}"))
                if pii:
                    self._commit(pii.decode())
            except FoundError as error:
                self.deferred = self.deferred or error
            if counted:
                self._count(seq)
            if seq in times:
                times[seq] = recorded.decode()
            yield seq, hashed.digest()
        self.counts["opened"] = numbered

    def _renamed(self, seq: int, kind: bytes, name: bytes) -> bytes:
        """Another name of the log begins with the record that declares a rollback."""
        if kind != b"log.rolled_back":
            found("ROOT_MISMATCH", f"seq {seq}", "a record of another log")
        self.names.append(json.loads(name))
        return name

    def _held_back(self) -> Iterator[tuple[int, bytes]]:
        for seq, leaf, by in self._lines_held_back():
            self.counts["withheld" if by is None else "purged"] += 1
            self._count(seq)
            yield seq, bytes.fromhex(leaf)

    def _lines_held_back(self) -> Iterator[tuple[int, str, int | None]]:
        for line in self.pack.lines(WITHHELD, 300):
            match = HELD_BACK.fullmatch(line)
            if match is None or (match[1] == b"null") != (match[4] == b"WITHHELD"):
                found("NOT_CANONICAL", WITHHELD, f"no line of it: {line[:200]!r}")
            yield int(match[3]), match[2].decode(), None if match[1] == b"null" else int(match[1])

    def _count(self, seq: int) -> None:
        for place, (first, last) in enumerate(self.bounds):
            if first <= seq <= last:
                self.met[place] += 1
        if seq in self.chosen:
            self.met[-1] += 1

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


def said(value: object) -> str:
    """A fact as text; nothing for what was not said."""
    return "" if value in (None, "None") else str(value)


def hash_line(line: bytes) -> bytes:
    """One hash of a proof."""
    try:
        value = decoded(line.decode())
    except ValueError:
        value = b""
    return value if len(value) == 32 else found("PROOF_MALFORMED", "a proof", f"no hash: {line!r}")


# --- the verdict ----------------------------------------------------------------------------------

NOT_CHECKED = (
    "people's rights back to the founding, and signatures beside decisions: our command does that",
    "receipts, time-stamps, tables and reports in the pack: copies and renderings, no evidence",
)
ATTACKERS = {
    "A1": "a record is edited",
    "A2": "a record is taken out of the middle",
    "A3a": "a tail is cut that no checkpoint covers",
    "A3b": "a tail is cut with its checkpoints",
    "A4": "the log is rewritten without its key",
    "A5": "the log is rewritten with its key",
    "A6": "two views are shown at once",
    "A7": "a time is back-dated",
    "A8": "a fact is never logged",
}
SEEN_BY = {
    "A2": "FILE_MISSING SCOPE_DIFFERS CLAIM_MISSING STREAM_GAP STREAM_CUT MAP_MISMATCH RANGE_GAP"
    " RECORD_MISSING PURGE_UNACCOUNTED",
    "A3b": "STREAM_CUT SHORTER_THAN_REMEMBERED",
    "A4": "ROOT_MISMATCH SIG_INVALID KEY_UNKNOWN FORK_AT_SIZE CONSISTENCY_INVALID",
    "A5": "KEY_REVOKED FORK_AT_SIZE CONSISTENCY_INVALID APPROVER_SIG_INVALID",
}
"""Codes that point at an attacker; all others at A1."""


def standings(check: Check, error: FoundError | None) -> dict[str, Json]:
    """What this verification says of each attacker: no exclusion without a bound and a reason."""
    if error is not None:
        seen = {name for name, codes in SEEN_BY.items() if error.code in codes.split()} or {"A1"}
        rest = _standing("not_excluded", "not every check could run after a contradiction")
        detected = _standing("detected", error.code)
        return {name: detected if name in seen else rest for name in ATTACKERS}
    size, pinned = check.head.size, check.reader.vkey is not None
    kept, quorum = check.reached.get("expect", 0), check.reached.get("quorum", 0)
    own = _standing("excluded", "bytes lead to a checkpoint under your key", size - 1)
    is_all = check.told["scope"]["kind"] == "all"
    last = size - 1 if is_all else check.covers - 1
    whole = _standing("excluded", "what is claimed is whole, by the sealed map", last)
    if not pinned:
        own = _standing("no_evidence", "the pack agrees with itself; give --vkey, a key of yours")
        whole = own
    head = _standing("excluded", "agrees with the checkpoint that you kept", kept - 1)
    if not kept:
        head = _standing("no_evidence", "give --expect, a checkpoint of yours")
    stolen = _standing("not_excluded", "a stolen key signs any tree; --expect or --policy tell")
    views = _standing("not_excluded", "one head cannot show two views; --policy, witnesses, can")
    cosigned = _standing("excluded", "a quorum of your witnesses saw it", quorum - 1)
    times = "compare time-stamps with `openssl ts`, or earlier sightings by `audit verify`"
    return {
        "A1": own,
        "A2": whole,
        "A3a": _standing("no_evidence", "no acknowledged record lies there; no receipt was given"),
        "A3b": head,
        "A4": own,
        "A5": cosigned if quorum else head if kept or not pinned else stolen,
        "A6": cosigned if quorum else views if kept else _standing("no_evidence", "give --policy"),
        "A7": _standing("no_evidence", times),
        "A8": _standing("no_evidence", "what was recorded nowhere cannot be proved"),
    }


def _standing(verdict: str, because: str, bound: int | None = None) -> Json:
    return {"verdict": verdict, "bound_seq": bound, "because": because}


def examine(path: Path, reader: Reader) -> tuple[Check, dict[str, str], FoundError | None]:
    """Take every step until one fails; UnusableError when there is nothing to verify."""
    check, told = Check(path, reader), dict[str, str]()
    try:
        told.update(check.steps())
    except FoundError as error:
        return check, told, error
    except OSError as error:
        raise UnusableError("PACK_UNREADABLE", str(error), 4) from None
    return check, told, None


def report(check: Check, told: dict[str, str], error: FoundError | None) -> Json:
    """One document with everything that was found."""
    outcome = "inconclusive" if check.short or check.reader.vkey is None else "verified"
    outcome = "tampered" if error else outcome
    head = check.head if "records" in told else None
    return {
        "schema": "counterseal-evidence-verify/1",
        "notice": NOTICE,
        "simulated": True,
        "outcome": outcome,
        "exit": {"verified": 0, "tampered": 1}.get(outcome, 3),
        "finding": error and {"code": error.code, "place": error.place, "message": error.words},
        "origin": head and head.origin,
        "size": head and head.size,
        "root": head and head.root.hex(),
        "scope": check.told.get("scope"),
        "checked": told,
        "not_checked": list(NOT_CHECKED),
        "records": {**check.counts, "missing": error.missing if error else 0},
        "personal_data": check.personal,
        "attackers": standings(check, error),
        "short": check.short,
    }


def verify(path: Path, reader: Reader) -> Json:
    """Verify a pack for a reader; UnusableError when there is nothing to verify."""
    return report(*examine(path, reader))


def in_words(told: Json) -> Iterator[str]:
    """The document as lines for people."""
    yield told["notice"]
    yield f"outcome  {told['outcome']}"
    if told["finding"]:
        yield "finding  {code} at {place}: {message}".format(**told["finding"])
    yield from (f"checked  {name:15}{words}" for name, words in told["checked"].items())
    counts = ", ".join(f"{n} {name.upper()}" for name, n in told["records"].items())
    personal = ", ".join(f"{n} {name.upper()}" for name, n in told["personal_data"].items())
    yield f"records  {counts or '-'}; personal data {personal or '-'}"
    for name, one in told["attackers"].items():
        bound = "" if one["bound_seq"] is None else f" up to record {one['bound_seq']}"
        yield f"{name:5}{one['verdict']:13}{ATTACKERS[name]}{bound}: {one['because']}"
    yield from (f"short    {words}" for words in told["short"])
    yield from (f"not here {words}" for words in told["not_checked"])


def reader_of(vkey: str | None, expect: Path | None, policy: Path | None) -> Reader:
    """What the options name, read; UnusableError when it cannot be. A policy of one log pins it."""
    try:
        trusted = None if policy is None else Policy(policy.read_text("utf-8"))
        is_file = vkey is not None and ("+" not in vkey or Path(vkey).is_file())
        text = Path(vkey).read_text("utf-8") if vkey is not None and is_file else vkey
        key = None if text is None else read_vkey(text)
        if key is None and trusted is not None and len(trusted.logs) == 1:
            key = trusted.logs[0]
        return Reader(key, None if expect is None else expect.read_bytes(), trusted)
    except (OSError, ValueError, IndexError) as error:
        raise UnusableError("EVIDENCE_UNREADABLE", f"what an option names: {error}") from None


def main(words: list[str]) -> int:
    """Verify what the words name, print it, and give the exit status."""
    parser = argparse.ArgumentParser(description="Check an evidence pack.")
    parser.add_argument("pack", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--vkey", help="the log's first public key, or a file with it")
    parser.add_argument("--expect", type=Path, help="a checkpoint that you kept")
    parser.add_argument("--policy", type=Path, help="your witnesses and their quorum (tlog-policy)")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    asked = parser.parse_args(words)
    try:
        told = verify(asked.pack, reader_of(asked.vkey, asked.expect, asked.policy))
    except UnusableError as error:
        sys.stderr.write(f"verify.py: {error}\n")
        return error.status
    text = json.dumps(told, indent=2) if asked.json else "\n".join(in_words(told))
    sys.stdout.write(f"{text}\n")
    return int(told["exit"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
