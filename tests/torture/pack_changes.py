"""Ways to change an evidence pack, and which codes may answer each.

A change is made once; `packs` lets attackers of growing power hand it over.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.note import NoteSigner
from tests.evidence import own_packs
from tests.evidence.own_packs import Files, Json, Logged, canonical, packed
from tests.world import ORIGIN, World

OTHER_LOG = NoteSigner(ORIGIN, bytes(range(96, 128)))
RECORDS, PACK, MAP = "data/records.jsonl", "data/pack.json", "data/completeness.jsonl"


class Power(IntEnum):
    """What an attacker of a pack can do; each can do what the one before can."""

    EDITS = 0
    REHASHES = 1
    SIGNS_AS_A_STRANGER = 2
    EXPORTS = 3


BAG = {"FILE_MISSING", "FILE_CHANGED", "FILE_ADDED", "BAG_MALFORMED"}
STATEMENT = {"STATEMENT_INVALID", "EXPORT_KEY_UNKNOWN"}
TREE = {"NOT_CANONICAL", "ROOT_MISMATCH", "SEQ_ORDER", "PROOF_MALFORMED"}
CONTENT: Mapping[str, set[str]] = {
    RECORDS: TREE | {"RECORD_MISSING"},
    "data/withheld.jsonl": TREE | {"RECORD_MISSING"},
    "data/proof": {"PROOF_MALFORMED", "ROOT_MISMATCH", "NOT_CANONICAL"},
    "data/checkpoint": {"SIG_INVALID", "KEY_UNKNOWN", "ROOT_MISMATCH", "PROOF_MALFORMED"},
    MAP: {"NOT_CANONICAL", "MAP_MISMATCH"},
    "data/log.vkey": {"KEY_UNKNOWN", "NOT_CANONICAL", "ROOT_MISMATCH", "BAG_MALFORMED"},
    "data/expected": {"SIG_INVALID", "KEY_UNKNOWN", "CONSISTENCY_INVALID", "FORK_AT_SIZE"},
    "data/consistency": {"CONSISTENCY_INVALID", "PROOF_MALFORMED", "short"},
    PACK: TREE
    | {"BAG_MALFORMED", "MAP_MISMATCH", "CLAIM_MISSING", "SCOPE_DIFFERS", "RECORD_MISSING"}
    | {"RANGE_GAP", "STREAM_GAP", "STREAM_CUT", "KEY_UNKNOWN", *STATEMENT},
    "statement.dsse.json": STATEMENT,
    "bagit.txt": {"BAG_MALFORMED"},
}
"""What a change of a file's content may be answered with, once the manifests fit."""
TEXTS = ("bag-info.txt", "verify.py", "VERIFY.md")
COPIES = (*TEXTS, "data/expected", "statement.dsse.json")
"""What the exporter may write as it likes: no evidence, or signed by it anyway."""


class Original(NamedTuple):
    """A pack before anything was done to it, and another one of the same log."""

    log: Logged
    files: Files
    other: Files


class Changed(NamedTuple):
    """A changed pack: which codes may answer it, besides those of the attacker's power."""

    name: str
    files: Files
    codes: set[str]
    least: Power = Power.EDITS
    most: Power = Power.EXPORTS


Change = Callable[[Original, random.Random], Changed]


def originals(folder: Path) -> list[Original]:
    """Packs of a log: a case, an absent one, a period, growth, everything, a case with gaps."""
    world = World(folder / "home")
    request = world.approved()
    world.done(world.submitted(request))
    kept, since = world.notes()[-1], world.clock.now()
    world.after(5)
    other = world.requested()
    until = own_packs.text_of(world.clock.now())
    world.after(5)
    world.requested()
    stale = own_packs.exported(world, "case", request)
    asked = (("case", request), ("case", "apr_none"), ("all", ""), ("case", other))
    logs = [own_packs.exported(world, *one) for one in asked]
    period = {"since": own_packs.text_of(since), "until": until}
    logs.append(own_packs.exported(world, "period", **period))
    logs.append(own_packs.exported(world, "growth", str(kept.size)))
    wholes = [packed(log, kept=kept.note) for log in logs]
    gaps = [seq for seq, one in enumerate(logs[0].records) if one["stream"] == f"case:{request}"]
    held = packed(logs[0], held=dict.fromkeys(gaps[2:4]))
    found = [Original(log, own, packed(stale)) for log, own in zip(logs, wholes, strict=True)]
    return [*found, Original(logs[0], held, wholes[3])]


# --- changes of any file --------------------------------------------------------------------------


def a_file(original: Original, pick: random.Random) -> str:
    names: list[str] = [name for name in (*CONTENT, *TEXTS) if original.files.get(name)]
    return pick.choice(names)


def most(name: str) -> Power:
    return Power.SIGNS_AS_A_STRANGER if name in COPIES else Power.EXPORTS


def flip_a_byte(original: Original, pick: random.Random) -> Changed:
    name = a_file(original, pick)
    content = bytearray(original.files[name])
    content[pick.randrange(len(content))] ^= 1 << pick.randrange(7)
    return _content(original, name, bytes(content))


def cut_a_file(original: Original, pick: random.Random) -> Changed:
    name = a_file(original, pick)
    content = original.files[name]
    return _content(original, name, content[: pick.randrange(len(content))])


def append_to_a_file(original: Original, pick: random.Random) -> Changed:
    name = a_file(original, pick)
    return _content(original, name, original.files[name] + pick.choice([b"\n", b"x", b"{}\n"]))


def take_a_part_of_another_pack(original: Original, pick: random.Random) -> Changed:
    name = pick.choice([n for n in CONTENT if original.other.get(n) != original.files.get(n)])
    if name not in original.other or name not in original.files:
        name = PACK
    return _content(original, name, original.other[name])


def drop_a_file(original: Original, pick: random.Random) -> Changed:
    names = [n for n in CONTENT if n in original.files and not n.startswith("data/expected")]
    name = pick.choice([*names, *TEXTS])
    files = {n: c for n, c in original.files.items() if n != name}
    codes = {"FILE_MISSING", "short"} if name == "data/consistency" else {"FILE_MISSING"}
    return Changed(f"drop {name}", files, codes, most=most(name))


def add_a_file(original: Original, pick: random.Random) -> Changed:
    name = pick.choice(["data/more.txt", "more.txt", "data/../x", "data/pii/x.jsonl"])
    files = original.files | {name: b"more\n"}
    unsafe = Power.EXPORTS if ".." in name else Power.SIGNS_AS_A_STRANGER
    return Changed(f"add {name}", files, BAG, most=unsafe)


def rename_a_file(original: Original, pick: random.Random) -> Changed:
    name = pick.choice([n for n in CONTENT if n in original.files and "consist" not in n])
    name = RECORDS if name == "data/expected" else name
    files = {n + "x" * (n == name): c for n, c in original.files.items()}
    return Changed(f"rename {name}", files, BAG)


def _content(original: Original, name: str, content: bytes) -> Changed:
    files = original.files | {name: content}
    return Changed(f"content of {name}", files, {*CONTENT.get(name, ())}, most=most(name))


# --- changes of records ---------------------------------------------------------------------------


def with_records(original: Original, name: str, lines: Sequence[bytes]) -> Changed:
    content = b"".join(line + b"\n" for line in lines)
    return Changed(name, original.files | {RECORDS: content}, CONTENT[RECORDS])


def bodies(original: Original) -> list[bytes]:
    return original.files[RECORDS].splitlines()


def edit_a_field(original: Original, pick: random.Random) -> Changed:
    lines = bodies(original)
    place = pick.randrange(len(lines))
    record = json.loads(lines[place])
    field = pick.choice(sorted(record))
    value = record[field]
    was = value if isinstance(value, str | int) else None
    record[field] = f"{was}0" if isinstance(was, str) else was + 1 if was is not None else {"x": 1}
    lines[place] = canonical(record)
    return with_records(original, f"edit {field}", lines)


def drop_a_record(original: Original, pick: random.Random) -> Changed:
    lines = bodies(original)
    del lines[pick.randrange(len(lines))]
    return with_records(original, "drop a record", lines)


def repeat_a_record(original: Original, pick: random.Random) -> Changed:
    lines = bodies(original)
    lines.insert(pick.randrange(len(lines)), pick.choice(lines))
    return with_records(original, "repeat a record", lines)


def swap_records(original: Original, pick: random.Random) -> Changed:
    lines = bodies(original)
    one, other = pick.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return with_records(original, "swap records", lines)


def space_a_record(original: Original, pick: random.Random) -> Changed:
    lines = bodies(original)
    place = pick.randrange(len(lines))
    lines[place] = lines[place].replace(b",", b", ", 1)
    return with_records(original, "space a record", lines)


def drop_a_record_and_prove_the_rest(original: Original, pick: random.Random) -> Changed:
    """The exporter's own lie: proof, counts and statement fit what is left."""
    told = json.loads(original.files[PACK])
    seqs = [json.loads(line)["seq"] for line in bodies(original)]
    whole = {
        s for c in told["claims"] if c["kind"] == "range" for s in range(c["first"], c["last"] + 1)
    }
    streams = {claim.get("stream") for claim in told["claims"]}
    gone = pick.choice(
        [
            seq
            for seq in seqs
            if seq in whole
            or (original.log.records[seq]["stream"] in streams and seq < original.log.covers)
        ]
    )
    files = packed(original.log, without={gone}, kept=own_packs.kept_in(original.files))
    codes = {"STREAM_GAP", "STREAM_CUT", "RANGE_GAP", "MAP_MISMATCH", "APPROVER_SIG_INVALID"}
    more = {"CLAIM_MISSING", "KEY_UNKNOWN", "EXPORT_KEY_UNKNOWN"}
    return Changed("drop and prove the rest", files, codes | more, Power.EXPORTS)


def say_that_a_record_was_purged(original: Original, pick: random.Random) -> Changed:
    seqs = [
        seq
        for seq in range(20, original.log.covers)
        if original.log.records[seq]["stream"].startswith("case:")
    ]
    shown = {json.loads(line)["seq"] for line in bodies(original)}
    gone = pick.choice([seq for seq in seqs if seq in shown] or [3])
    by = pick.randrange(gone + 1, len(original.log.bodies))
    files = packed(original.log, held={gone: by}, kept=own_packs.kept_in(original.files))
    codes = {"PURGE_UNACCOUNTED", "APPROVER_SIG_INVALID"}
    return Changed("a purge that nobody recorded", files, codes, Power.EXPORTS)


# --- changes of claims, map, keys -----------------------------------------------------------------


def with_told(original: Original, name: str, told: Json, codes: set[str]) -> Changed:
    return Changed(name, original.files | {PACK: canonical(told) + b"\n"}, codes)


def drop_a_claim(original: Original, pick: random.Random) -> Changed:
    told = json.loads(original.files[PACK])
    del told["claims"][pick.randrange(len(told["claims"]))]
    return with_told(original, "drop a claim", told, {"CLAIM_MISSING", "MAP_MISMATCH"})


def claim_less(original: Original, pick: random.Random) -> Changed:
    """A stream that ends earlier, or does not exist, or a shorter range."""
    told = json.loads(original.files[PACK])
    claim = pick.choice(told["claims"])
    if claim["kind"] == "range":
        claim["last"] -= 1
    elif claim["kind"] == "absent" or pick.random() < 0.5:
        claim |= {"kind": "stream", "to": 1, "head": "00" * 32, "role": "case"}
    elif claim["to"] > 1:
        shown = [one for one in original.log.records if one["stream"] == claim["stream"]]
        claim |= {"to": claim["to"] - 1, "head": shown[claim["to"] - 1]["stream_prev"]}
    else:
        told["claims"][told["claims"].index(claim)] = {"kind": "absent", "stream": claim["stream"]}
    return with_told(original, "claim less", told, {"CLAIM_MISSING", "MAP_MISMATCH", "STREAM_CUT"})


def change_a_word_of_the_pack(original: Original, pick: random.Random) -> Changed:
    told = json.loads(original.files[PACK])
    name = pick.choice(
        ["export", "format", "origin", "root", "scope", "size", "snapshot", "counts"]
    )
    others = json.loads(original.other[PACK])
    value = others[name] if pick.random() < 0.5 and others[name] != told[name] else "other"
    told[name] = value
    return with_told(original, f"change {name}", told, CONTENT[PACK])


def with_map(original: Original, name: str, lines: Sequence[Json]) -> Changed:
    content = b"".join(canonical(line) + b"\n" for line in lines)
    return Changed(name, original.files | {MAP: content}, CONTENT[MAP])


def change_the_map(original: Original, pick: random.Random) -> Changed:
    """Another stream's entry, another index, key, end or hash; a proof more or less."""
    lines = [json.loads(line) for line in original.files[MAP].splitlines()]
    if not lines:
        return flip_a_byte(original, pick)
    one, other = pick.choice(lines), pick.choice(lines)
    entry = pick.choice(one["entries"])
    match pick.randrange(7):
        case 0:
            one["entries"] = [] if one is other else other["entries"]
        case 1:
            entry["index"] += 1
        case 2:
            entry["leaf"]["seq"] += 1
        case 3:
            entry["leaf"]["head"] = entry["leaf"]["key"]
        case 4:
            entry["path"].reverse()
            entry["path"] += ["00" * 32] * (len(set(entry["path"])) < 2)
        case 5:
            lines.remove(one)
        case _:
            one["entries"] *= 3
    return with_map(original, "change the map", lines)


def swap_proof_hashes(original: Original, pick: random.Random) -> Changed:
    lines = original.files["data/proof"].splitlines()
    if len(lines) < 4:
        lines = [*lines, pick.choice([b"A" * 43 + b"=", b"x"])]
    else:
        one, other = pick.sample(range(2, len(lines)), 2)
        lines[one], lines[other] = lines[other], lines[one]
    content = b"".join(line + b"\n" for line in lines)
    files = original.files | {"data/proof": content}
    return Changed("swap hashes of the proof", files, CONTENT["data/proof"])


def sign_with_another_log_key(original: Original, pick: random.Random) -> Changed:
    """With or without naming that key in the pack; or over another root or size."""
    note, changes = original.log.note, dict[str, bytes]()
    root = bytes.fromhex(json.loads(original.files[PACK])["root"])
    size = len(original.log.bodies) + pick.randrange(2)
    note = sign_checkpoint(Checkpoint(ORIGIN, size, root), OTHER_LOG)
    if pick.random() < 0.5:
        changes["data/log.vkey"] = OTHER_LOG.key.text.encode() + b"\n"
    files = original.files | changes | {"data/checkpoint": note.encode()}
    codes = {"KEY_UNKNOWN", "ROOT_MISMATCH", "PROOF_MALFORMED"}
    return Changed("sign with another log key", files, codes)


def edit_a_manifest(original: Original, pick: random.Random) -> Changed:
    """A line less, twice, odd, or of a file elsewhere."""
    name = pick.choice(["manifest-sha256.txt", "tagmanifest-sha256.txt"])
    lines = original.files[name].splitlines(keepends=True)
    place = pick.randrange(len(lines))
    odd = [b"", lines[place] * 2, lines[place].upper(), b"00  data/../../x\n", lines[place][:-1]]
    lines[place] = pick.choice(odd)
    files = original.files | {name: b"".join(lines)}
    return Changed("edit a manifest", files, BAG | {"NOT_CANONICAL"}, most=Power.EDITS)


CHANGES: tuple[Change, ...] = (
    *(flip_a_byte, cut_a_file, append_to_a_file, take_a_part_of_another_pack, drop_a_file),
    *(add_a_file, rename_a_file, edit_a_field, drop_a_record, repeat_a_record, swap_records),
    *(space_a_record, drop_a_record_and_prove_the_rest, say_that_a_record_was_purged),
    *(drop_a_claim, claim_less, change_a_word_of_the_pack, change_the_map, swap_proof_hashes),
    *(sign_with_another_log_key, edit_a_manifest),
)
