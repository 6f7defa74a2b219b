"""A second, small writer of packs, from the format alone: in memory, so that anything can be done.

It shares nothing with `evidence.pack` but the records and the use case that seals an export.
"""

import base64
import hashlib
import json
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.note import NoteSigner
from counterseal.desk.exports import ExportOrder, Exports, ExportScope
from counterseal.identity.people import Role
from evidence.verify import NOTICE
from evidence.verify.joined import joined
from storage.archive import SqlArchive
from storage.data_keys import data_keys
from tests.world import ROOT, World

GOVERNANCE = (
    *("system", "people", "keys", "policies", "delegations"),
    *("mandates", "retention", "log", "privacy", "evidence"),
)
TAGS = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "statement.dsse.json", "verify.py")
SUBJECTS = ("manifest-sha256.txt", "bag-info.txt", "verify.py", "VERIFY.md")
Files = dict[str, bytes]
Json = dict[str, Any]


class Logged(NamedTuple):
    """What an exporter has: every record, the newest checkpoint, the export's key and records."""

    bodies: list[bytes]
    note: str
    vkey: str
    private: Ed25519PrivateKey
    export: str
    snapshot: str
    scope: Json

    @property
    def records(self) -> list[Json]:
        return [json.loads(body) for body in self.bodies]

    @property
    def leaves(self) -> list[bytes]:
        return [sha(b"\0" + body) for body in self.bodies]

    @property
    def covers(self) -> int:
        made = next(one for one in self.records if one["event_id"] == self.snapshot)
        return int(made["after"]["facts"]["covers"])


def sha(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha(b"\1" + root(leaves[:split]) + root(leaves[split:]))


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < split:
        return [*path(leaves[:split], index), root(leaves[split:])]
    return [*path(leaves[split:], index - split), root(leaves[:split])]


def multiproof(leaves: Sequence[bytes], ours: Collection[int], low: int = 0) -> list[bytes]:
    if not any(low <= seq < low + len(leaves) for seq in ours):
        return [root(leaves)]
    if len(leaves) == 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return multiproof(leaves[:split], ours, low) + multiproof(leaves[split:], ours, low + split)


def growth(leaves: Sequence[bytes], old: int, *, whole: bool = True) -> list[bytes]:
    """RFC 6962 part 2.1.2."""
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if old <= split:
        return [*growth(leaves[:split], old, whole=whole), root(leaves[split:])]
    return [*growth(leaves[split:], old - split, whole=False), root(leaves[:split])]


def exported(
    world: World, kind: str, value: str = "", *, by: str = "compliance", **period: str
) -> Logged:
    """An export that the log of a world tells of."""
    if not any(row.type == "role.granted" and b'"auditor"' in row.body for row in world.log()):
        world.done(world.granted(by, Role.AUDITOR))
    private = Ed25519PrivateKey.generate()
    scope = {"kind": kind, "value": value, "since": None, "until": None} | period
    order = ExportOrder(
        scope=ExportScope.model_validate_json(canonical(scope)),
        export_key=private.public_key().public_bytes_raw().hex(),
    )
    exports = Exports(
        world.desk.bench, SqlArchive(world.settings.database_file, data_keys(world.settings))
    )
    answer = exports.export(order, world.actor(by), key=world.key())
    world.done(answer.outcome)
    note = world.notes()[-1]
    bodies = [row.body for row in world.log()][: note.size]
    ids = (answer.outcome.event_id or "", answer.snapshot_id or "")
    return Logged(bodies, note.note, world.log_key.key.text, private, *ids, scope)


def ends(records: Sequence[Json], leaves: Sequence[bytes]) -> dict[str, tuple[int, str]]:
    """The end of every stream."""
    return {
        one["stream"]: (one["stream_seq"], leaf.hex())
        for one, leaf in zip(records, leaves, strict=True)
    }


def mapped(told: Mapping[str, tuple[int, str]]) -> list[Json]:
    """Leaves of the map, in their order."""
    leaves = [
        {"head": head, "key": sha(b"\3" + name.encode()).hex(), "seq": count}
        for name, (count, head) in told.items()
    ]
    return sorted(leaves, key=lambda leaf: leaf["key"])


def claimed(log: Logged) -> list[Json]:
    """Claims that the scope demands."""
    told = ends(log.records[: log.covers], log.leaves[: log.covers])
    kind, size = log.scope["kind"], len(log.bodies)
    ranges = [{"kind": "range", "first": 0, "last": size - 1}] if kind == "all" else []
    if kind == "growth":
        ranges = [{"kind": "range", "first": int(log.scope["value"]), "last": size - 1}]
    if kind == "period":
        times = [one["recorded_at"] for one in log.records]
        first = max((n for n, at in enumerate(times) if at < log.scope["since"]), default=0)
        last = min((n for n, at in enumerate(times) if at >= log.scope["until"]), default=size - 1)
        ranges = [{"kind": "range", "first": first, "last": last}]
    own = [f"case:{log.scope['value']}"] if kind == "case" else []
    names = [] if kind == "all" else [*own, *GOVERNANCE]
    return [
        {"kind": "stream", "stream": name, "to": told[name][0], "head": told[name][1]}
        | {"role": "case" if name in own else "governance"}
        if name in told
        else {"kind": "absent", "stream": name}
        for name in names
    ] + ranges


def completeness(log: Logged, claims: Sequence[Json]) -> bytes:
    leaves = mapped(ends(log.records[: log.covers], log.leaves[: log.covers]))
    hashes, lines = [sha(b"\0" + canonical(leaf)) for leaf in leaves], []
    for claim in claims:
        if claim["kind"] not in {"stream", "absent"}:
            continue
        key = sha(b"\3" + claim["stream"].encode()).hex()
        at = sum(leaf["key"] < key for leaf in leaves)
        places = (
            [at] if claim["kind"] == "stream" else [n for n in (at - 1, at) if 0 <= n < len(leaves)]
        )
        entries = [
            {"index": n, "leaf": leaves[n], "path": [one.hex() for one in path(hashes, n)]}
            for n in places
        ]
        lines.append(canonical({"stream": claim["stream"], "entries": entries}) + b"\n")
    return b"".join(lines)


def shown(log: Logged, claims: Sequence[Json]) -> list[int]:
    """Numbers of the records that claims demand; without any range or stream, all."""
    names = {claim.get("stream") for claim in claims}
    spans = [(c["first"], c["last"]) for c in claims if c["kind"] == "range"]
    return [
        seq
        for seq, one in enumerate(log.records)
        if one["stream"] in names or any(first <= seq <= last for first, last in spans)
    ]


def rechained(log: Logged, key: NoteSigner, edit: Callable[[Json], None]) -> Logged:
    """The log as its operator could rewrite it: links and map fit again, and the key signs it."""
    written: list[bytes] = []
    for record in log.records:
        edit(record)
        told = ends([json.loads(body) for body in written], [sha(b"\0" + body) for body in written])
        record["prev"] = sha(b"\0" + written[-1]).hex() if written else "0" * 64
        record["stream_prev"] = told.get(record["stream"], (0, "0" * 64))[1]
        if record["type"] == "streams.snapshot":
            covered = written[: int(record["after"]["facts"]["covers"])]
            leaves = mapped(
                ends([json.loads(b) for b in covered], [sha(b"\0" + b) for b in covered])
            )
            of_map = root([sha(b"\0" + canonical(leaf)) for leaf in leaves]).hex()
            record["after"]["facts"] |= {"root": of_map, "streams": str(len(leaves))}
        written.append(canonical(record))
    top = root([sha(b"\0" + body) for body in written])
    note = sign_checkpoint(Checkpoint(key.key.name, len(written), top), key)
    return log._replace(bodies=written, note=note, vkey=key.key.text)


def note_at(log: Logged, size: int, key: NoteSigner) -> str:
    """A checkpoint of the log as it was."""
    return sign_checkpoint(Checkpoint(key.key.name, size, root(log.leaves[:size])), key)


def proof(log: Logged, ours: Collection[int]) -> bytes:
    hashes = [base64.b64encode(one) for one in multiproof(log.leaves, ours)]
    head = [b"counterseal-multiproof/1", b"size %d" % len(log.bodies)]
    return b"".join(line + b"\n" for line in [*head, *hashes])


def packed(
    log: Logged,
    *,
    without: Collection[int] = (),
    held: Mapping[int, int | None] | None = None,
    kept: str | None = None,
) -> Files:
    """A whole pack of an export.

    Args:
        log: With the export.
        without: Records that it lies about.
        held: Records that are held back, and by which purge.
        kept: A checkpoint that the reader kept.
    """
    claims, back = claimed(log), dict(held or {})
    ours = [seq for seq in shown(log, claims) if seq not in without]
    whole = [seq for seq in ours if seq not in back]
    lines = [
        {"by": by, "leaf": log.leaves[seq].hex(), "seq": seq}
        | {"state": "WITHHELD" if by is None else "PURGED"}
        for seq, by in sorted(back.items())
    ]
    told = {
        "format": "counterseal-evidence-pack/1",
        "simulated": True,
        "notice": NOTICE,
        "origin": log.note.split("\n")[0],
        "size": len(log.bodies),
        "root": root(log.leaves).hex(),
        "export": log.export,
        "scope": log.scope,
        "snapshot": log.snapshot,
        "claims": claims,
        "counts": {
            "records": len(whole),
            "withheld": sum(by is None for by in back.values()),
            "purged": sum(by is not None for by in back.values()),
        },
    }
    files = {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": b"Bag-Software-Agent: tests\n",
        "verify.py": joined(),
        "VERIFY.md": (ROOT / "evidence" / "VERIFY.md").read_bytes(),
        "data/pack.json": canonical(told) + b"\n",
        "data/records.jsonl": b"".join(log.bodies[seq] + b"\n" for seq in whole),
        "data/withheld.jsonl": b"".join(canonical(line) + b"\n" for line in lines),
        "data/checkpoint": log.note.encode(),
        "data/proof": proof(log, ours),
        "data/completeness.jsonl": completeness(log, claims),
        "data/log.vkey": log.vkey.encode() + b"\n",
    }
    if kept is not None:
        old = int(kept.split("\n")[1])
        hashes = "".join(base64.b64encode(one).decode() + "\n" for one in growth(log.leaves, old))
        consistency = f"old {old}\n{hashes}\n{log.note}"
        files |= {"data/expected": kept.encode(), "data/consistency": consistency.encode()}
    return bagged(stated(files, log.private))


def kept_in(files: Files) -> str | None:
    """The checkpoint that a pack was made for."""
    return files["data/expected"].decode() if "data/expected" in files else None


def text_of(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stated(files: Files, private: Ed25519PrivateKey) -> Files:
    """With a payload manifest, and a statement over it by this key."""
    payload = sorted(name for name in files if name.startswith("data/"))
    files = files | {"manifest-sha256.txt": manifest(files, payload)}
    told = json.loads(files["data/pack.json"])
    statement = canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": "https://counterseal.example/evidence-pack/v1",
            "predicate": {n: told.get(n) for n in ("export", "origin", "root", "scope", "size")},
            "subject": [
                {"name": name, "digest": {"sha256": sha(files[name]).hex()}} for name in SUBJECTS
            ],
        }
    )
    kind = "application/vnd.in-toto+json"
    signature = private.sign(
        b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(statement), statement)
    )
    key_id = sha(private.public_key().public_bytes_raw()).hex()
    envelope = {
        "payload": base64.b64encode(statement).decode(),
        "payloadType": kind,
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
    }
    return files | {"statement.dsse.json": canonical(envelope)}


def bagged(files: Files) -> Files:
    """With both manifests over the files as they are."""
    payload = sorted(name for name in files if name.startswith("data/"))
    files = files | {"manifest-sha256.txt": manifest(files, payload)}
    tags = sorted(n for n in files if not n.startswith("data/") and n != "tagmanifest-sha256.txt")
    return files | {"tagmanifest-sha256.txt": manifest(files, tags)}


def manifest(files: Files, names: Sequence[str]) -> bytes:
    return b"".join(f"{sha(files[name]).hex()}  {name}\n".encode() for name in names)


def into_folder(files: Files, folder: Path) -> Path:
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def into_zip(files: Files, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{target.stem}/{name}", content)
    return target


def into_zip_twice(files: Files, name: str, target: Path) -> Path:
    """An archive that holds one name twice, as some readers see and others do not."""
    into_zip(files, target)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(f"{target.stem}/{name}", b"another")
    return target
