"""Files that flows take in, named by what they hold.

Job: keep a file under its digest, and give it back only if it still has that digest.

Invariants
  I1  A digest names the same bytes for ever: a file is never overwritten, and re-hashed when read.

Not here: what the bytes mean (work).
Source: workflow part 5 (the business key of intake is the digest of its source).
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from counterseal.kernel.canonical import sha256_hex
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from storage.settings import Settings
from storage.system import MachineIdSource

FILE_BYTES_MAX: Final = 20_000_000
"""Twice the longest text of signals."""

_DIGEST: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})", re.ASCII)


def is_digest(text: str) -> bool:
    """Whether a text is `sha256:<hex>`, or the hex alone."""
    return _DIGEST.fullmatch(text) is not None


def keep(settings: Settings, content: bytes) -> str:
    """Keep bytes, unless they are kept already; gives their digest.

    Raises:
        InputError: `FILE_TOO_LONG` beyond 20 million bytes.
        AdapterError: `INBOX_WRITE`.
    """
    if len(content) > FILE_BYTES_MAX:
        raise InputError("FILE_TOO_LONG", "too much at once", field="FILE", got=len(content))
    digest = f"sha256:{sha256_hex(content)}"
    path = _path(settings, digest)
    fresh = path.with_name(f"new.{MachineIdSource().secret('inbox', 8).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.write_bytes(content)
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    except OSError as error:
        raise AdapterError("INBOX_WRITE", str(error), retriable=True, got=path) from error
    return digest


def kept(settings: Settings, digest: str) -> str:
    """The text that has this digest.

    Raises:
        InputError: `DIGEST_INVALID`, `INBOX_MISSING`, `NOT_TEXT`.
        IntegrityError: `INBOX_CHANGED` when the file no longer holds what its name says.
    """
    path = _path(settings, digest)
    try:
        content = path.read_bytes()
    except OSError:
        raise InputError(
            "INBOX_MISSING", "no such file was kept", field="digest", got=digest
        ) from None
    if sha256_hex(content) != path.name:
        raise IntegrityError("INBOX_CHANGED", "a kept file was changed", got=path)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("NOT_TEXT", "the file is not UTF-8", field="digest", got=digest) from None


def _path(settings: Settings, digest: str) -> Path:
    found = _DIGEST.fullmatch(digest)
    if found is None:
        raise InputError(
            "DIGEST_INVALID", "not a digest", field="digest", expected="sha256:<hex>", got=digest
        )
    return settings.counterseal_home / "inbox" / found[1]
