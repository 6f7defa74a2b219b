"""What it comes to, attacker by attacker."""
# ruff: noqa: DOC501 - lengths of public formats; the errors are told once, in base

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.verify.base import NOTICE, FoundError, Json, UnusableError
from evidence.verify.checks import Check
from evidence.verify.notes import Policy, Reader, read_vkey

if TYPE_CHECKING:
    from collections.abc import Iterator

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
