"""What every step says: a contradiction, a pack that cannot be used, JSON and hashes."""
# ruff: noqa: DOC501 - lengths of public formats; the errors are told once, in base

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from typing import Any, NoReturn

NOTICE = "simulated execution; control-design evidence, not a statement of conformity"


RECORDS, WITHHELD = "data/records.jsonl", "data/withheld.jsonl"


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


def sha(*parts: bytes) -> bytes:
    """SHA-256 of the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()
